//! What a request holds besides text: where in the caller's own body it is, what it is said to be, and what it is.
//!
//! | dialect | what is found |
//! |---|---|
//! | `OpenAI`, all three | `image_url`, `video_url`, `audio_url`, `document_url`, `file_url`, `input_audio`, `file_data`, `file_id` |
//! | Anthropic | `source` in its five types, `file_id` |
//! | Gemini | `inlineData`, `fileData`, in either spelling |
//!
//! It is looked for wherever it may be, save in what only describes (tools, schemas, metadata) and in what models write or
//! tools answer as JSON: there an object of that form is anybody's.

mod base64;
pub mod kind;
mod url;

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::dialect::Dialect;
use crate::json::{Json, Members};

pub use self::base64::{NotBase64, bytes, head, length};

/// A picture, recording, film or file of a request.
#[derive(Debug)]
pub struct Attachment<'j> {
    /// Where it is in the caller's body: `messages[0].content[1].image_url.url`.
    pub at: &'j str,
    /// Its media type, as the caller says.
    pub declared: Option<Cow<'j, str>>,
    /// What is there.
    pub held: Held<'j>,
}

/// Where an attachment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held<'j> {
    /// Here, in what should be base64.
    Base64(&'j str),
    /// Here, as plain text.
    Text(&'j str),
    /// Here, in a `data:` URL that is not in base64.
    Quoted,
    /// At a URL, of whatever scheme.
    Url(&'j str),
    /// Kept by the provider.
    Kept,
}

/// What stands in a body in place of a URL.
#[derive(Debug, Clone)]
pub struct Inline {
    /// The media type.
    pub mime: &'static str,
    /// In base64.
    pub data: String,
}

/// Shows `each` every attachment of a request in `dialect`, in order; what it gives is put in the place of a URL.
pub fn visit<'a>(dialect: Dialect, request: &mut Json<'a>, each: &mut dyn FnMut(Attachment<'_>) -> Option<Inline>) {
    const DESCRIBES: [&str; 14] = [
        "tools",
        "functions",
        "tool_choice",
        "toolConfig",
        "tool_config",
        "metadata",
        "response_format",
        "text",
        "generationConfig",
        "generation_config",
        "output_config",
        "output_format",
        "context_management",
        "mcp_servers",
    ];
    let Json::Object(members) = request else { return };
    let mut visit = Visit { dialect, at: String::new(), each };
    for (name, value) in &mut members.0 {
        if !DESCRIBES.contains(&name.as_ref()) {
            visit.within(name, value);
        }
    }
}

struct Visit<'v> {
    dialect: Dialect,
    at: String,
    each: &'v mut dyn FnMut(Attachment<'_>) -> Option<Inline>,
}

impl Visit<'_> {
    /// Looks into the member `name`.
    fn within(&mut self, name: &str, value: &mut Json<'_>) {
        let before = self.step(name);
        self.value(value);
        self.at.truncate(before);
    }

    /// Goes to the member `name`; gives what goes back.
    fn step(&mut self, name: &str) -> usize {
        let before = self.at.len();
        if before > 0 {
            self.at.push('.');
        }
        self.at.push_str(name);
        before
    }

    fn value(&mut self, value: &mut Json<'_>) {
        match value {
            Json::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    let before = self.at.len();
                    // Writing to a string cannot fail.
                    let _ = write!(self.at, "[{index}]");
                    self.value(item);
                    self.at.truncate(before);
                }
            }
            Json::Object(members) => match self.dialect {
                Dialect::Anthropic => self.anthropic(members),
                Dialect::Gemini => self.gemini(members),
                _ => self.openai(members),
            },
            _ => {}
        }
    }

    /// Shows one at the member `name`.
    fn show(&mut self, name: &str, declared: Option<Cow<'_, str>>, held: Held<'_>) -> Option<Inline> {
        let before = self.step(name);
        let given = (self.each)(Attachment { at: &self.at, declared, held });
        self.at.truncate(before);
        given
    }

    /// Shows what is at a URL, in a `data:` URL, or where `bare` in base64 alone. A `data:` URL takes the place of a URL.
    fn at_url(&mut self, name: &str, value: &mut Json<'_>, format: Option<String>, bare: bool) -> bool {
        let Json::String(text) = value else { return false };
        let (declared, held) = url::read(text, bare);
        let declared = declared.or(format.map(Cow::Owned));
        let Some(Inline { mime, data }) = self.show(name, declared, held) else { return false };
        *value = Json::text(format!("data:{mime};base64,{data}"));
        true
    }

    fn openai(&mut self, members: &mut Members<'_>) {
        let mut fetched = false;
        for (name, value) in &mut members.0 {
            match (name.as_ref(), &mut *value) {
                ("image_url" | "video_url" | "audio_url" | "document_url" | "file_url", Json::String(_)) => {
                    let given = self.at_url(&name.clone(), value, None, false);
                    if given && name == "file_url" {
                        (*name, fetched) = (Cow::Borrowed("file_data"), true);
                    }
                }
                ("image_url" | "video_url" | "audio_url" | "document_url" | "file_url", Json::Object(inner)) => {
                    let before = self.step(name);
                    let format = inner.get("format").and_then(Json::as_str).map(str::to_owned);
                    for (name, value) in inner.0.iter_mut().filter(|(name, _)| name == "url") {
                        self.at_url(name, value, format.clone(), false);
                    }
                    self.at.truncate(before);
                }
                ("input_audio", Json::Object(inner)) => {
                    let before = self.step(name);
                    let format = inner.get("format").and_then(Json::as_str);
                    let declared = format.map(|format| Cow::Owned(format!("audio/{format}")));
                    if let Some(data) = inner.get("data").and_then(Json::as_str) {
                        self.show("data", declared, Held::Base64(data));
                    }
                    self.at.truncate(before);
                }
                ("file_data", Json::String(_)) => drop(self.at_url("file_data", value, None, true)),
                ("file_id", Json::String(_)) => drop(self.at_url("file_id", value, None, false)),
                _ => self.within(&name.clone(), value),
            }
        }
        // OpenAI knows by the name what a file is.
        if fetched && members.get("filename").is_none() {
            members.push("filename", Json::text("document.pdf"));
        }
    }

    fn anthropic(&mut self, members: &mut Members<'_>) {
        let is_call = members.get("type").and_then(Json::as_str).is_some_and(|kind| kind.ends_with("tool_use"));
        for (name, value) in &mut members.0 {
            match (name.as_ref(), &mut *value) {
                ("input", _) if is_call => {}
                ("source", Json::Object(source)) => self.source(source),
                ("file_id", Json::String(_)) => drop(self.show("file_id", None, Held::Kept)),
                _ => self.within(&name.clone(), value),
            }
        }
    }

    fn source(&mut self, source: &mut Members<'_>) {
        let before = self.step("source");
        let text = |name: &str| source.get(name).and_then(Json::as_str);
        let declared = text("media_type").map(Cow::Borrowed);
        let given = match (text("type"), text("data"), text("url")) {
            (Some("text"), Some(data), _) => self.show("data", declared, Held::Text(data)),
            (_, Some(data), _) => self.show("data", declared, Held::Base64(data)),
            (_, None, Some(address)) => {
                let (said, held) = url::read(address, false);
                self.show("url", said, held)
            }
            (_, None, None) => {
                for (name, value) in &mut source.0 {
                    match (name.as_ref(), &mut *value) {
                        ("file_id", Json::String(_)) => drop(self.show("file_id", None, Held::Kept)),
                        _ => self.within(&name.clone(), value),
                    }
                }
                None
            }
        };
        if let Some(Inline { mime, data }) = given {
            *source = Members::new().with("type", "base64").with("media_type", mime).with("data", data);
        }
        self.at.truncate(before);
    }

    fn gemini(&mut self, members: &mut Members<'_>) {
        for (name, value) in &mut members.0 {
            match (name.as_ref(), &mut *value) {
                ("functionCall" | "function_call", _) => {}
                ("inlineData" | "inline_data" | "fileData" | "file_data", Json::Object(inner)) => {
                    let before = self.step(name);
                    if let Some(Inline { mime, data }) = self.blob(inner) {
                        *value = Members::new().with("mimeType", mime).with("data", data).into();
                        *name = Cow::Borrowed("inlineData");
                    }
                    self.at.truncate(before);
                }
                ("functionResponse" | "function_response", Json::Object(inner)) => {
                    let before = self.step(name);
                    for (name, value) in inner.0.iter_mut().filter(|(name, _)| name != "response") {
                        self.within(&name.clone(), value);
                    }
                    self.at.truncate(before);
                }
                _ => self.within(&name.clone(), value),
            }
        }
    }

    fn blob(&mut self, blob: &Members<'_>) -> Option<Inline> {
        let text =
            |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, blob.get(name)?.as_str()?)));
        let declared = text(["mimeType", "mime_type"]).map(|(_, mime)| Cow::Borrowed(mime));
        if let Some((name, uri)) = text(["fileUri", "file_uri"]) {
            let held = if uri.starts_with("https://generativelanguage.googleapis.com/") {
                Held::Kept
            } else {
                url::read(uri, false).1
            };
            return self.show(name, declared, held);
        }
        let (name, data) = text(["data", "data"])?;
        self.show(name, declared, Held::Base64(data))
    }
}

#[cfg(test)]
mod tests;
