//! One part on its way to a caller: begun when there is something in it, held back while another block is open.

use bytes::BytesMut;

use super::super::merge::merge;
use super::super::{OWN, answer, citation};
use super::frame::{self, Frames};
use crate::canonical::{Annotation, CallKind, Delta, Opening};
use crate::dialect::signature::to_field;
use crate::json::{Json, Members};

/// A part that is open.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) part: usize,
    kind: Kind,
    /// The block's start, until there is something in it.
    held: Option<Members<'static>>,
    /// The block's index, once it has begun.
    pub(super) index: Option<u64>,
    /// What is held back while an earlier block is open.
    pub(super) waiting: BytesMut,
    pub(super) closed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// Thoughts, and the number of the summary that was last added to.
    Thoughts(Option<usize>),
    /// Thoughts of which nothing but the signature is told.
    Redacted,
    Call(CallKind),
    /// What came whole.
    Whole,
}

impl Lane {
    /// None for what the dialect cannot say.
    pub(super) fn open(part: usize, opening: Opening<'_>, told_id: &str) -> Option<Self> {
        let block = |kind: &'static str| Members::new().with("type", kind);
        let (kind, held) = match opening {
            Opening::Text | Opening::Refusal => (Kind::Text, block("text").with("text", "")),
            Opening::Reasoning { redacted: true, .. } => (Kind::Redacted, block("redacted_thinking")),
            Opening::Reasoning { .. } => {
                (Kind::Thoughts(None), block("thinking").with("thinking", "").with("signature", ""))
            }
            Opening::ToolCall { id, name, kind, .. } => {
                let id = id.map_or_else(|| answer::call_id(told_id, part), |id| id.into_owned());
                let call = block("tool_use").with("id", id).with("name", name.into_owned());
                (Kind::Call(kind), call.with("input", Members::new()))
            }
            Opening::Image(media) => (Kind::Whole, answer::image(&media)?.into_owned()),
            Opening::Foreign(OWN, Json::Object(block)) => (Kind::Whole, block.into_owned()),
            Opening::Audio(_) | Opening::Foreign(..) => return None,
        };
        Some(Self { part, kind, held: Some(held), index: None, waiting: BytesMut::new(), closed: false })
    }

    /// Whether it begins at once.
    pub(super) const fn is_whole(&self) -> bool {
        matches!(self.kind, Kind::Whole)
    }

    /// Whether `delta` puts something into the block.
    pub(super) fn fills(&self, delta: &Delta<'_>) -> bool {
        match (self.kind, delta) {
            (Kind::Text, Delta::Annotation(annotation)) => citation::write(annotation).is_some(),
            (Kind::Text | Kind::Thoughts(_), Delta::Text(text))
            | (Kind::Thoughts(_), Delta::Summary(_, text))
            | (Kind::Call(_), Delta::Arguments(text)) => !text.is_empty(),
            (Kind::Thoughts(_) | Kind::Redacted, Delta::Signature(_)) => true,
            _ => false,
        }
    }

    /// Keeps for the block's start what can stand nowhere else.
    pub(super) fn hold(&mut self, delta: &Delta<'_>) {
        let Some(held) = &mut self.held else { return };
        match (self.kind, delta) {
            (_, Delta::Rest(rest)) if rest.origin == Some(OWN) => merge(held, rest.members.clone().into_owned()),
            (Kind::Redacted, Delta::Signature(signature)) => held.push("data", to_field(signature, OWN).into_owned()),
            (Kind::Call(_), Delta::Signature(signature)) if signature.origin != OWN => {
                held.push("signature", to_field(signature, OWN).into_owned());
            }
            _ => {}
        }
    }

    /// Whether it must be told even if nothing came of it.
    pub(super) const fn must_begin(&self) -> bool {
        matches!(self.kind, Kind::Call(_) | Kind::Whole) && self.held.is_some()
    }

    /// Begins the block.
    pub(super) fn begin(&mut self, index: u64, frames: &mut Frames, out: &mut BytesMut) {
        let Some(mut block) = self.held.take() else { return };
        self.index = Some(index);
        let used = block.get("type").and_then(Json::as_str).is_some_and(|kind| kind.ends_with("tool_use"));
        // The input of a server's tool comes, as every input, behind the start.
        let input = block.0.iter_mut().find(|(name, _)| used && self.kind == Kind::Whole && name == "input");
        let input = input.map(|(_, input)| std::mem::replace(input, Members::new().into()).to_text());
        frames.start(index, &block.into(), out);
        if let Some(input) = input.filter(|input| input != "{}") {
            frames.text(index, frame::INPUT, &input, out);
        }
        if self.kind == Kind::Call(CallKind::Custom) {
            frames.text(index, frame::INPUT, "{\"input\":\"", out);
        }
    }

    /// Writes more of a block that has begun.
    pub(super) fn more(&mut self, delta: &Delta<'_>, frames: &mut Frames, out: &mut BytesMut) {
        let Some(index) = self.index else { return };
        match (self.kind, delta) {
            (Kind::Text, Delta::Text(text)) => frames.text(index, frame::TEXT, text, out),
            (Kind::Text, Delta::Annotation(annotation)) => cite(index, annotation, frames, out),
            (Kind::Thoughts(_), Delta::Text(text)) => frames.text(index, frame::THINKING, text, out),
            (Kind::Thoughts(last), Delta::Summary(number, text)) => {
                if last.is_some_and(|last| last != *number) {
                    frames.text(index, frame::THINKING, "\n\n", out);
                }
                self.kind = Kind::Thoughts(Some(*number));
                frames.text(index, frame::THINKING, text, out);
            }
            (Kind::Thoughts(_), Delta::Signature(signature)) => {
                frames.text(index, frame::SIGNATURE, &to_field(signature, OWN), out);
            }
            (Kind::Call(CallKind::Function), Delta::Arguments(text)) => frames.text(index, frame::INPUT, text, out),
            (Kind::Call(CallKind::Custom), Delta::Arguments(text)) => {
                frames.text(index, frame::INPUT, &inside_of_string(text), out);
            }
            _ => {}
        }
    }

    /// Ends a block that has begun.
    pub(super) fn end(&mut self, frames: &mut Frames, out: &mut BytesMut) {
        self.closed = true;
        let Some(index) = self.index else { return };
        if self.kind == Kind::Call(CallKind::Custom) {
            frames.text(index, frame::INPUT, "\"}", out);
        }
        frame::stop(index, out);
    }
}

fn cite(index: u64, annotation: &Annotation<'_>, frames: &mut Frames, out: &mut BytesMut) {
    if let Some(citation) = citation::write(annotation) {
        frames.citation(index, &citation, out);
    }
}

/// Free text as a piece of a JSON string, for a tool whose input is an object here.
fn inside_of_string(text: &str) -> String {
    let quoted = Json::from(text).to_text();
    quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned()
}
