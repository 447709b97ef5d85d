//! What comes of the part that is being written.

use bytes::BytesMut;

use super::super::{annotation, content, reasoning};
use super::current::{Current, Kind};
use super::frame::{head, item, number, raw, text};
use super::part::signature_field;
use super::write::Writer;
use crate::canonical::{Annotation, Delta};

impl Writer {
    pub(super) fn apply(&mut self, delta: Delta<'_>, out: &mut BytesMut) {
        let Some(mut current) = self.current.take() else { return };
        match delta {
            Delta::Text(more) => self.say(&mut current, &more, out),
            Delta::Arguments(more) => match &mut current.kind {
                Kind::Call { wrapped: Some(wrapped), .. } => wrapped.push_str(&more),
                Kind::Call { .. } => self.say(&mut current, &more, out),
                _ => {}
            },
            Delta::Summary(index, more) => self.summarise(&mut current, index, &more, out),
            Delta::Signature(signature) => {
                let redacted = matches!(current.kind, Kind::Reasoning { redacted: true, .. });
                current.signature = Some(match current.kind {
                    Kind::Reasoning { .. } => reasoning::write_signature(&signature, redacted).into_owned(),
                    _ => signature_field(&signature),
                });
            }
            Delta::Rest(_) => {}
            Delta::Annotation(cited) => self.cite(&mut current, &cited, out),
        }
        self.current = Some(current);
    }

    fn cite(&mut self, current: &mut Current, cited: &Annotation<'_>, out: &mut BytesMut) {
        let Kind::Text { annotations, cited: count, chars, .. } = &mut current.kind else { return };
        let Some(json) = annotation::write(cited, *chars) else { return };
        let json = json.to_bytes();
        let mut at = Vec::with_capacity(128);
        self.place(current.part, &mut at);
        self.frames.event("response.output_text.annotation.added", out, |body| {
            raw(at, body);
            number(",\"annotation_index\":", *count, body);
            raw(",\"annotation\":", body);
            raw(&json, body);
        });
        item(annotations, &json);
        *count += 1;
    }

    pub(super) fn say(&mut self, current: &mut Current, more: &str, out: &mut BytesMut) {
        match &mut current.kind {
            Kind::Text { logprobs, chars, .. } => {
                *chars += content::count(more);
                let told = std::mem::take(&mut self.logprobs);
                let escaped = if told.is_empty() {
                    self.frames.delta(&current.head, more, b",\"logprobs\":[]", out)
                } else {
                    let list = [b",\"logprobs\":[", told.as_slice(), b"]"].concat();
                    item(logprobs, told);
                    self.frames.delta(&current.head, more, &list, out)
                };
                current.text.extend_from_slice(escaped);
                return;
            }
            Kind::Reasoning { id, thinks, .. } if !*thinks => {
                *thinks = true;
                let at = self.thought(id, ",\"content_index\":0");
                self.frames.event("response.content_part.added", out, |body| {
                    raw(at, body);
                    raw(",\"part\":{\"type\":\"reasoning_text\",\"text\":\"\"}", body);
                });
            }
            _ => {}
        }
        let escaped = self.frames.delta(&current.head, more, b"", out);
        current.text.extend_from_slice(escaped);
    }

    /// Where a thought lies.
    pub(super) fn thought(&self, id: &str, index: &str) -> Vec<u8> {
        let mut body = Vec::with_capacity(128);
        text("\"item_id\":", id, &mut body);
        number(",\"output_index\":", self.items, &mut body);
        raw(index, &mut body);
        body
    }

    fn summarise(&mut self, current: &mut Current, index: usize, more: &str, out: &mut BytesMut) {
        let Kind::Reasoning { summary, .. } = &current.kind else { return };
        if summary.as_ref().is_some_and(|(known, _)| *known != index) {
            self.finish_summary(current, out);
        }
        let Kind::Reasoning { id, summary, told, .. } = &mut current.kind else { return };
        let at = self.thought(id, &format!(",\"summary_index\":{told}"));
        let (_, all) = match summary {
            Some(summary) => summary,
            None => {
                self.frames.event("response.reasoning_summary_part.added", out, |body| {
                    raw(&at, body);
                    raw(",\"part\":{\"type\":\"summary_text\",\"text\":\"\"}", body);
                });
                summary.insert((index, Vec::new()))
            }
        };
        let mut begins = Vec::with_capacity(at.len() + 128);
        head("response.reasoning_summary_text.delta", &mut begins);
        raw(&at, &mut begins);
        raw(",\"delta\":", &mut begins);
        all.extend_from_slice(self.frames.delta(&begins, more, b"", out));
    }
}
