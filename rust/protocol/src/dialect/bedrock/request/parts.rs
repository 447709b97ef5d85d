//! The blocks of a request.

use std::borrow::Cow;

use super::media::{self, Names};
use crate::canonical::{Body, CacheControl, Losses, Part, Source, Text, ToolCall, ToolResult};
use crate::dialect::Dialect;
use crate::dialect::anthropic::answer::input;
use crate::dialect::anthropic::request::ids::Ids;
use crate::dialect::anthropic::request::losses::note_foreign;
use crate::dialect::bedrock::OWN;
use crate::dialect::bedrock::family::Family;
use crate::json::{At, Invalid, Json, Members};

/// Writes the blocks of one request.
pub(super) struct Parts<'c, 'r> {
    pub(super) losses: &'c mut Losses,
    family: Family,
    ids: Ids<'r>,
    names: Names,
    history: History<'r>,
}

/// What of tools the conversation holds: the API then demands that tools are told.
#[derive(Debug, Default, Clone)]
pub(super) struct History<'r> {
    /// The names of the tools that were called, each once.
    pub(super) called: Vec<&'r str>,
    /// Whether there are results.
    pub(super) results: bool,
}

impl<'c, 'r> Parts<'c, 'r> {
    pub(super) fn new(family: Family, losses: &'c mut Losses) -> Self {
        Self { losses, family, ids: Ids::default(), names: Names::default(), history: History::default() }
    }

    pub(super) fn history(self) -> History<'r> {
        self.history
    }

    /// Appends what `part` is to `out`; nothing for what is left out.
    pub(super) fn write(&mut self, part: &'r Part<'_>, at: At<'_>, out: &mut Vec<Json<'r>>) -> Result<(), Invalid> {
        // The mark of a search result is told by its block.
        note_foreign(OWN, &part.rest, ("content.", &["search_result"]), self.losses);
        let Some(block) = self.block(part, at)? else { return Ok(()) };
        out.push(block);
        out.extend(cache_point(part.cache.as_ref(), self.family.caches()));
        Ok(())
    }

    fn block(&mut self, part: &'r Part<'_>, at: At<'_>) -> Result<Option<Json<'r>>, Invalid> {
        let (name, inner): (_, Json<'r>) = match &part.body {
            // The API refuses blank texts; other dialects have them beside tool calls.
            Body::Text(text, _) | Body::Refusal(text) if text.trim().is_empty() => return Ok(None),
            Body::Text(text, annotations) => {
                self.losses.note_if(!annotations.is_empty(), "messages.annotations");
                ("text", text.as_ref().into())
            }
            Body::Refusal(text) => ("text", text.as_ref().into()),
            Body::Reasoning(_) => match reasoning(part, self.family) {
                Some(block) => ("reasoningContent", block.into()),
                None => {
                    self.losses.note("reasoning");
                    return Ok(None);
                }
            },
            Body::Image(media) => {
                let closely = media.detail.as_deref().is_some_and(|detail| detail != "auto");
                self.losses.note_if(closely, "content.detail");
                ("image", media::image(media, at)?.into())
            }
            Body::Document(media) => return self.document(media, part, at).map(Some),
            Body::Audio(media) => ("audio", media::audio(media, at)?.into()),
            Body::Video(media) => ("video", media::video(media, at)?.into()),
            Body::ToolCall(call) => {
                // Google's models sign calls.
                self.losses.note_if(part.signature.is_some(), "reasoning");
                ("toolUse", self.tool_use(call).into())
            }
            Body::ToolResult(result) => ("toolResult", self.tool_result(result, at)?.into()),
            Body::Foreign(OWN, json) => return Ok(Some(json.lend())),
            Body::Foreign(_, json) => {
                let kind = json.get("type").and_then(Json::as_str);
                let member = || Some(json.as_object()?.0.first()?.0.as_ref());
                self.losses.note(&format!("content.{}", kind.or_else(member).unwrap_or("unknown")));
                return Ok(None);
            }
        };
        Ok(Some(Members::of([(name, inner)]).into()))
    }

    fn document(
        &mut self,
        media: &'r crate::canonical::Media<'_>,
        part: &'r Part<'_>,
        at: At<'_>,
    ) -> Result<Json<'r>, Invalid> {
        let found = part.rest.of(Dialect::Anthropic).and_then(|rest| rest.get("search_result"));
        let pieces = match &media.source {
            Source::Parts(parts) => Some(self.texts(parts)),
            _ => None,
        };
        let citations = media.citations.map(|enabled| Members::of([("enabled", enabled.into())]));
        if let (Some(pieces), Some(source)) = (&pieces, found.and_then(|found| found.get("source"))) {
            let result = Members::of([("source", source.lend()), ("content", pieces.clone().into())])
                .with("title", media.name.as_deref().unwrap_or_default())
                .with_some("citations", citations);
            return Ok(Members::of([("searchResult", result.into())]).into());
        }
        if media.mime.as_deref().is_some_and(|mime| mime.starts_with("image/")) {
            return Ok(Members::of([("image", media::image(media, at)?.into())]).into());
        }
        let document = media::document(media, pieces, &mut self.names, at)?
            .with_some("context", media.context.as_deref())
            .with_some("citations", citations);
        Ok(Members::of([("document", document.into())]).into())
    }

    /// The texts of a document in parts; it can hold nothing else.
    fn texts(&mut self, parts: &'r [Part<'_>]) -> Vec<Json<'r>> {
        let texts: Vec<Json<'r>> = parts
            .iter()
            .filter_map(|part| match &part.body {
                Body::Text(text, _) => Some(Members::of([("text", text.as_ref().into())]).into()),
                _ => None,
            })
            .collect();
        self.losses.note_if(texts.len() < parts.len(), "content.document");
        texts
    }

    fn tool_use(&mut self, call: &'r ToolCall<'_>) -> Members<'r> {
        let input = input(&call.arguments, call.kind).unwrap_or_else(|raw| {
            self.losses.note("tool_calls.arguments");
            raw
        });
        if !self.history.called.contains(&call.name.as_ref()) {
            self.history.called.push(&call.name);
        }
        let id = short(self.ids.of_call(call));
        Members::of([("toolUseId", id.into()), ("name", call.name.as_ref().into()), ("input", input)])
    }

    fn tool_result(&mut self, result: &'r ToolResult<'_>, at: At<'_>) -> Result<Members<'r>, Invalid> {
        self.history.results = true;
        let id = short(self.ids.of_result(result));
        let mut content = Vec::with_capacity(result.content.len());
        if let Some(json) = &result.json {
            // An object, as the API demands.
            let json =
                if json.as_object().is_some() { json.lend() } else { Members::of([("result", json.lend())]).into() };
            content.push(Members::of([("json", json)]).into());
        }
        let at = at.member("content");
        for (index, part) in result.content.iter().enumerate() {
            match &part.body {
                // Where there is an object, the texts say the same.
                Body::Text(..) if result.json.is_some() => {}
                Body::Text(text, _) | Body::Refusal(text) if text.trim().is_empty() => {}
                Body::Text(text, _) | Body::Refusal(text) => {
                    content.push(Members::of([("text", text.as_ref().into())]).into());
                }
                Body::Image(_) | Body::Video(_) | Body::Document(_) => {
                    content.extend(self.block(part, at.item(index))?);
                }
                _ => self.losses.note("content.tool_result"),
            }
        }
        let failed = (result.failed == Some(true)).then_some("error");
        Ok(Members::of([("toolUseId", id.into()), ("content", content.into())]).with_some("status", failed))
    }
}

/// Up to here the prompt is to be cached. Five minutes is the default.
pub(super) fn cache_point<'r>(cache: Option<&'r CacheControl<'_>>, takes: bool) -> Option<Json<'r>> {
    let ttl = cache.filter(|_| takes)?.ttl.as_deref().filter(|ttl| *ttl != "5m");
    let point = Members::of([("type", "default".into())]).with_some("ttl", ttl);
    Some(Members::of([("cachePoint", point.into())]).into())
}

/// Names of calls have at most 64 letters here. Both ends of a long one are cut alike.
fn short(id: Text<'_>) -> Text<'_> {
    match id.len().checked_sub(64) {
        Some(more) if more > 0 => Cow::Owned(id.get(more..).unwrap_or_default().to_owned()),
        _ => id,
    }
}

/// The API refuses reasoning that its models did not sign. Claude's signatures are good wherever it runs
/// (<https://platform.claude.com/docs/en/build-with-claude/extended-thinking>).
fn reasoning<'r>(part: &'r Part<'_>, family: Family) -> Option<Members<'r>> {
    let (Body::Reasoning(reasoning), Some(signature)) = (&part.body, &part.signature) else { return None };
    let value = signature.value.as_ref();
    let takes = match signature.origin {
        OWN => true,
        origin => OWN.takes_signatures_of(origin) && family == Family::Claude && !reasoning.redacted,
    };
    if !takes || value.is_empty() {
        return None;
    }
    if reasoning.redacted {
        return Some(Members::of([("redactedContent", value.into())]));
    }
    let said = Members::of([("text", reasoning.text.as_ref().into()), ("signature", value.into())]);
    Some(Members::of([("reasoningText", said.into())]))
}
