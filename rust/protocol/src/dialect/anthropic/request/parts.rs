//! The blocks of a request.

use super::super::{OWN, answer, block, citation};
use super::ids::Ids;
use super::losses::note_rest;
use super::media;
use crate::canonical::{Body, Losses, Part, ToolCall, ToolResult};
use crate::json::{At, Invalid, Json, Members};

/// Writes the blocks of one request.
pub(super) struct Parts<'c, 'r> {
    /// The request was made in this dialect.
    pub(super) own: bool,
    pub(super) losses: &'c mut Losses,
    pub(super) ids: Ids<'r>,
}

impl<'r> Parts<'_, 'r> {
    /// Parts as content: a string where it was one.
    pub(super) fn content(&mut self, parts: &'r [Part<'_>], at: At<'_>) -> Result<Json<'r>, Invalid> {
        Ok(block::list_or_text(self.blocks(parts, at)?, is_string(parts)))
    }

    pub(super) fn blocks(&mut self, parts: &'r [Part<'_>], at: At<'_>) -> Result<Vec<Json<'r>>, Invalid> {
        let mut blocks = Vec::with_capacity(parts.len());
        for (index, part) in parts.iter().enumerate() {
            blocks.extend(self.block(part, at.item(index))?);
        }
        Ok(blocks)
    }

    /// None for what is left out.
    fn block(&mut self, part: &'r Part<'_>, at: At<'_>) -> Result<Option<Json<'r>>, Invalid> {
        note_rest(&part.rest, "content.", self.losses);
        let block = match &part.body {
            // The API refuses blank texts; other dialects have them beside tool calls.
            Body::Text(text, _) | Body::Refusal(text) if !self.own && text.trim().is_empty() => return Ok(None),
            Body::Text(text, annotations) => {
                let citations: Vec<_> = annotations.iter().filter_map(citation::write_back).collect();
                self.losses.note_if(citations.len() < annotations.len(), "messages.annotations");
                block::text(text, citations)
            }
            Body::Refusal(text) => block::text(text, Vec::new()),
            Body::Reasoning(_) => match thinking(part) {
                Some(block) => block,
                None => {
                    self.losses.note("reasoning");
                    return Ok(None);
                }
            },
            Body::Image(media) => {
                let closely = media.detail.as_deref().is_some_and(|detail| detail != "auto");
                self.losses.note_if(closely, "content.detail");
                media::image(media, at)?
            }
            Body::Document(media) => media::document(media, part, self, at)?,
            Body::Audio(_) => return Err(at.invalid("is audio, which this model does not take")),
            Body::Video(_) => return Err(at.invalid("is video, which this model does not take")),
            Body::ToolCall(call) => {
                // Google's models sign calls.
                self.losses.note_if(part.signature.is_some(), "reasoning");
                self.tool_use(call)
            }
            Body::ToolResult(result) => self.tool_result(result, at)?,
            Body::Foreign(OWN, json) => return Ok(Some(json.lend())),
            Body::Foreign(_, json) => {
                let kind = json.get("type").and_then(Json::as_str);
                let member = || Some(json.as_object()?.0.first()?.0.as_ref());
                self.losses.note(&format!("content.{}", kind.or_else(member).unwrap_or("unknown")));
                return Ok(None);
            }
        };
        let mut finished = block::finish(block, part);
        if let (Body::Document(_), Json::Object(members)) = (&part.body, &mut finished) {
            // The mark of a search result is not a member of it.
            members.0.retain(|(name, _)| name != "search_result");
        }
        Ok(Some(finished))
    }

    fn tool_use(&mut self, call: &'r ToolCall<'_>) -> Members<'r> {
        let input = answer::input(&call.arguments, call.kind).unwrap_or_else(|raw| {
            self.losses.note("tool_calls.arguments");
            raw
        });
        block::tool_use(self.ids.of_call(call), &call.name, input)
    }

    fn tool_result(&mut self, result: &'r ToolResult<'_>, at: At<'_>) -> Result<Members<'r>, Invalid> {
        let content = match &result.json {
            Some(json) if result.content.is_empty() => Some(Json::from(json.to_text())),
            _ if result.content.is_empty() => None,
            _ => Some(self.content(&result.content, at.member("content"))?),
        };
        Ok(Members::new()
            .with("type", "tool_result")
            .with("tool_use_id", self.ids.of_result(result))
            .with_some("content", content)
            .with_some("is_error", result.failed))
    }
}

/// Whether `parts` are what a string was read into.
pub(super) fn is_string(parts: &[Part<'_>]) -> bool {
    string(parts).is_some()
}

/// The string that `parts` are.
pub(super) fn string<'r>(parts: &'r [Part<'_>]) -> Option<&'r str> {
    match parts {
        [only] if block::is_plain(only) => {
            if let Body::Text(text, _) = &only.body {
                Some(text)
            } else {
                None
            }
        }
        _ => None,
    }
}

/// Whether the API takes a part as thoughts: it refuses those that its own models did not sign.
pub(super) fn may_think(part: &Part<'_>) -> bool {
    let signed = part
        .signature
        .as_ref()
        .is_some_and(|signature| OWN.takes_signatures_of(signature.origin) && !signature.value.is_empty());
    signed && matches!(&part.body, Body::Reasoning(reasoning) if is_own(part) || !reasoning.redacted)
}

/// What is redacted is of one form here, and of another elsewhere.
fn is_own(part: &Part<'_>) -> bool {
    part.signature.as_ref().is_some_and(|signature| signature.origin == OWN)
}

fn thinking<'r>(part: &'r Part<'_>) -> Option<Members<'r>> {
    let (Body::Reasoning(reasoning), Some(signature), true) = (&part.body, &part.signature, may_think(part)) else {
        return None;
    };
    let signature = signature.value.as_ref();
    let block = if reasoning.redacted {
        Members::new().with("type", "redacted_thinking").with("data", signature)
    } else {
        let thoughts = reasoning.text.as_ref();
        Members::new().with("type", "thinking").with("thinking", thoughts).with("signature", signature)
    };
    Some(block)
}
