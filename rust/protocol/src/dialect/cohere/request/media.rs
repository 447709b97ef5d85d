//! What messages hold beside text: pictures, and documents that are text.

use super::losses::note;
use crate::canonical::{Body, Losses, Media, Part, Source};
use crate::json::{At, Invalid, Json, Members};

/// What parts of a message become.
#[derive(Default)]
pub(super) struct Items<'r> {
    /// Items of its content.
    pub(super) content: Vec<Json<'r>>,
    /// Documents, as the API takes them: objects of texts.
    pub(super) documents: Vec<Json<'r>>,
}

impl<'r> Items<'r> {
    /// Adds what `part` is.
    ///
    /// # Errors
    /// [`Invalid`] for what no model of this API can be given.
    pub(super) fn add(&mut self, part: &'r Part<'_>, at: At<'_>, losses: &mut Losses) -> Result<(), Invalid> {
        note(&part.rest, "content.", losses);
        match &part.body {
            Body::Text(text, _) | Body::Refusal(text) => self.content.push(text_item(text)),
            Body::Image(media) => {
                let url = media.url("image/png").ok_or_else(|| cannot(at, "an image that another provider keeps"))?;
                let inner = Members::new().with("url", url).with_some("detail", media.detail.as_deref());
                self.content.push(Members::new().with("type", "image_url").with("image_url", inner).into());
            }
            Body::Document(media) => self.document(media, at, losses)?,
            Body::Audio(_) => return Err(cannot(at, "a recording")),
            Body::Video(_) => return Err(cannot(at, "a video")),
            Body::Reasoning(_) => losses.note("reasoning"),
            Body::Foreign(_, json) => {
                let kind = json.get("type").and_then(Json::as_str);
                let kind = kind.or_else(|| json.as_object()?.0.first().map(|(name, _)| name.as_ref()));
                losses.note(&format!("content.{}", kind.unwrap_or("part")));
            }
            Body::ToolCall(_) | Body::ToolResult(_) => {}
        }
        Ok(())
    }

    fn document(&mut self, media: &'r Media<'_>, at: At<'_>, losses: &mut Losses) -> Result<(), Invalid> {
        losses.note_if(media.context.is_some(), "content.context");
        match &media.source {
            Source::Text(text) => {
                let data = Members::new().with_some("title", media.name.as_deref()).with("text", text.as_ref());
                self.documents.push(Members::new().with("data", data).into());
                Ok(())
            }
            Source::Parts(parts) => parts.iter().try_for_each(|part| self.add(part, at, losses)),
            Source::Base64(_) | Source::Url(_) | Source::File(_) => Err(cannot(at, "a file that is not plain text")),
        }
    }
}

pub(super) fn text_item<'r>(text: &'r str) -> Json<'r> {
    Members::new().with("type", "text").with("text", text).into()
}

/// `items` as content: one text alone as a string.
pub(super) fn content<'r>(items: Vec<Json<'r>>) -> Json<'r> {
    let [only] = items.as_slice() else { return items.into() };
    match (only.get("type").and_then(Json::as_str), only.get("text")) {
        (Some("text"), Some(text)) => text.clone(),
        _ => items.into(),
    }
}

fn cannot(at: At<'_>, what: &str) -> Invalid {
    at.member("content").invalid(&format!("holds {what}, which this model's provider cannot be given"))
}
