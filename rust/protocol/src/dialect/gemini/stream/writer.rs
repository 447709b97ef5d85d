//! A caller's stream, written.

use bytes::BytesMut;

use super::lane::Lane;
use crate::canonical::{Event, Stop, StopReason, Text, Usage};
use crate::dialect::gemini::answer::write_usage;
use crate::dialect::gemini::{error, logprobs, stop};
use crate::dialect::{Told, UpstreamError, WriteStream};
use crate::json::{Json, Members, write_string};

/// Writes a stream. Calls go out whole, once they are complete; the last chunk has the reasons and the tokens.
#[derive(Debug)]
pub struct Writer {
    /// What every chunk ends with: the model, and the answer's name.
    tail: Vec<u8>,
    told: (String, String),
    lanes: Vec<Lane>,
    usage: Option<Usage>,
    /// What Google said of the answer besides.
    own: Members<'static>,
    done: bool,
}

impl Writer {
    /// Of Server-Sent Events (`alt=sse`).
    #[must_use]
    pub fn new(told: &Told<'_>) -> Self {
        let told = (told.model.to_owned(), told.id.to_owned());
        let tail = tail(&told.0, &told.1);
        let own = Members::new();
        Self { tail, told, lanes: Vec::new(), usage: None, own, done: false }
    }

    fn lane(&mut self, choice: u64) -> usize {
        self.lanes.iter().position(|lane| lane.choice == choice).unwrap_or_else(|| {
            self.lanes.push(Lane::new(choice));
            self.lanes.len() - 1
        })
    }

    /// Works on a candidate's parts, and writes a chunk for each that comes of it.
    fn with(
        &mut self,
        choice: u64,
        out: &mut BytesMut,
        work: impl FnOnce(&mut Lane, &mut Members<'static>, &mut dyn FnMut(&[u8])),
    ) {
        let place = self.lane(choice);
        let Self { tail, lanes, own, .. } = self;
        let Some(lane) = lanes.get_mut(place) else { return };
        work(lane, own, &mut |part| {
            frame(out, |out| {
                out.extend_from_slice(b"{\"candidates\":[{\"content\":{\"parts\":[");
                out.extend_from_slice(part);
                out.extend_from_slice(b"],\"role\":\"model\"},\"index\":");
                out.extend_from_slice(choice.to_string().as_bytes());
                out.extend_from_slice(b"}]");
                out.extend_from_slice(tail);
            });
        });
    }

    fn last(&mut self, out: &mut BytesMut) {
        if self.lanes.is_empty() {
            let mut only = Lane::new(0);
            only.stop = Some(Stop::new(StopReason::End));
            self.lanes.push(only);
        }
        let choices: Vec<u64> = self.lanes.iter().map(|lane| lane.choice).collect();
        for choice in choices {
            self.with(choice, out, |lane, _, emit| lane.drain(true, emit));
        }
        let mut own = std::mem::take(&mut self.own);
        let counted = own.0.iter().position(|(name, _)| name == "usageMetadata").map(|at| own.0.remove(at).1);
        let blocked = own.get("promptFeedback").is_some_and(|feedback| feedback.get("blockReason").is_some());
        let candidates: Vec<Json<'static>> = self
            .lanes
            .iter_mut()
            .map(|lane| {
                // Google's own last chunk has an empty text, which clients that join texts rely on.
                let content =
                    Members::new().with("parts", vec![Members::new().with("text", "").into()]).with("role", "model");
                Members::new()
                    .with("content", content)
                    .with_some("finishReason", lane.stop.as_ref().map(stop::write))
                    .with_some("finishMessage", lane.stop.as_ref().and_then(|stop| stop.detail.clone()))
                    .with("index", lane.choice)
                    .with_all(lane.metadata())
                    .into()
            })
            .collect();
        let chunk = Members::new()
            .with_some("candidates", (!blocked).then_some(candidates))
            .with_some("usageMetadata", self.usage.map(|usage| write_usage(&usage, counted)))
            .with_all(own);
        let mut bytes = Json::Object(chunk).to_bytes();
        bytes.pop();
        if bytes.len() > 1 {
            bytes.extend_from_slice(&self.tail);
        } else {
            bytes.extend_from_slice(self.tail.get(1..).unwrap_or_default());
        }
        frame(out, |out| out.extend_from_slice(&bytes));
        self.done = true;
    }

    fn error(&mut self, error: &UpstreamError, out: &mut BytesMut) {
        frame(out, |out| out.extend_from_slice(&error::of_upstream(error)));
        self.done = true;
    }
}

impl WriteStream for Writer {
    fn write(&mut self, event: Event<'_>, out: &mut BytesMut) {
        if self.done {
            return;
        }
        match event {
            Event::Start { id, model, .. } => {
                let (told_model, told_id) = &self.told;
                self.tail = tail(model.as_deref().unwrap_or(told_model), id.as_deref().unwrap_or(told_id));
            }
            Event::Open { choice, part, opening } => {
                self.with(choice, out, |lane, own, _| lane.open(part, opening, own));
            }
            Event::Delta { choice, part, delta } => {
                self.with(choice, out, |lane, _, emit| lane.delta(part, delta, emit));
            }
            Event::Close { choice, part } => self.with(choice, out, |lane, _, emit| lane.close(part, emit)),
            Event::Logprobs { choice, json } => {
                let candidate = Members::new().with("index", choice).with("logprobsResult", logprobs::write(&json));
                let chunk = Members::new().with("candidates", vec![candidate.into()]);
                let mut bytes = Json::Object(chunk).to_bytes();
                bytes.pop();
                bytes.extend_from_slice(&self.tail);
                frame(out, |out| out.extend_from_slice(&bytes));
            }
            Event::Stop { choice, stop } => {
                let own = |text: Option<Text<'_>>| text.map(|text| text.into_owned().into());
                let stop = Stop {
                    reason: stop.reason,
                    sequence: own(stop.sequence),
                    word: own(stop.word),
                    detail: own(stop.detail),
                };
                self.with(choice, out, |lane, _, emit| {
                    lane.drain(true, emit);
                    lane.stop = Some(stop);
                });
            }
            Event::Usage(newer) => self.usage = Some(self.usage.unwrap_or_default().updated(newer)),
            Event::Rest(_) => {}
            Event::Error(error) => self.error(&error, out),
            Event::End => self.last(out),
        }
    }

    fn usage(&self) -> Option<Usage> {
        self.usage
    }
}

/// The end of every chunk, its brace included.
fn tail(model: &str, id: &str) -> Vec<u8> {
    let mut out = b",\"modelVersion\":".to_vec();
    write_string(model, &mut out);
    out.extend_from_slice(b",\"responseId\":");
    write_string(id, &mut out);
    out.push(b'}');
    out
}

/// Writes one chunk.
fn frame(out: &mut BytesMut, chunk: impl FnOnce(&mut BytesMut)) {
    out.extend_from_slice(b"data: ");
    chunk(out);
    out.extend_from_slice(b"\r\n\r\n");
}
