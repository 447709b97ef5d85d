//! The bundled mock provider: real answers in OpenAI's form, from no network, at the pace that the configuration asks.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;
use tokio::time::Sleep;
use tollway_protocol::dialect::openai::error_body;

use crate::clock;
use crate::snapshot::Target;
use crate::snapshot::spec::MockSpec;

use super::body::{Broken, UpstreamBody};
use super::send::Answer;

/// What the mock says, over and over, one word a chunk.
const WORDS: [&str; 8] = ["The ", "toll ", "is ", "paid, ", "the ", "road ", "is ", "open. "];

/// A mock answer's body.
pub(crate) struct MockBody {
    pieces: VecDeque<Bytes>,
    gap: Duration,
    pause: Option<Pin<Box<Sleep>>>,
    cut: bool,
}

impl MockBody {
    /// The next piece, once its gap has passed.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        match self.pieces.pop_front() {
            Some(piece) => {
                if !self.gap.is_zero() && !self.pieces.is_empty() {
                    self.pause = Some(Box::pin(tokio::time::sleep(self.gap)));
                }
                Poll::Ready(Some(Ok(piece)))
            }
            None if self.cut => {
                self.cut = false;
                Poll::Ready(Some(Err(Broken(None))))
            }
            None => Poll::Ready(None),
        }
    }
}

/// The mock's answer, after its latency.
pub(crate) async fn answer(spec: &MockSpec, target: &Target, stream: bool, draw: u64) -> Answer {
    if spec.latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(spec.latency_ms)).await;
    }
    let status = spec.error_status.and_then(|code| StatusCode::from_u16(code).ok());
    let (status, kind, pieces) = match status {
        Some(status) => (status, "application/json", vec![refusal(status)]),
        None if stream => (StatusCode::OK, "text/event-stream", events(spec, &target.model, draw)),
        None => (StatusCode::OK, "application/json", vec![whole(spec, &target.model, draw)]),
    };
    let (pieces, cut) = cut_after(pieces, spec.cut_after);
    let mut head = Response::new(()).into_parts().0;
    head.status = status;
    head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let body = MockBody { pieces, cut, gap: Duration::from_millis(spec.chunk_gap_ms), pause: None };
    Answer { head, body: UpstreamBody::Mock(Box::new(body)) }
}

fn cut_after(pieces: Vec<Bytes>, limit: Option<usize>) -> (VecDeque<Bytes>, bool) {
    let Some(mut left) = limit else { return (pieces.into(), false) };
    let mut kept = VecDeque::new();
    for piece in pieces {
        if piece.len() > left {
            kept.push_back(piece.slice(..left));
            return (kept, true);
        }
        left -= piece.len();
        kept.push_back(piece);
    }
    (kept, false)
}

fn text(spec: &MockSpec) -> impl Iterator<Item = &'static str> {
    WORDS.iter().copied().cycle().take(spec.chunks)
}

fn refusal(status: StatusCode) -> Bytes {
    let message = format!("The mock provider answers {status}, as its configuration asks.");
    error_body(&message, "mock_error", None, Some("mock_error")).into()
}

fn usage(spec: &MockSpec) -> serde_json::Value {
    json!({"prompt_tokens": 8, "completion_tokens": spec.chunks, "total_tokens": spec.chunks + 8})
}

fn whole(spec: &MockSpec, model: &str, draw: u64) -> Bytes {
    let body = json!({
        "id": format!("chatcmpl-mock-{draw:016x}"), "object": "chat.completion", "created": clock::unix_time().as_secs(), "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text(spec).collect::<String>(), "refusal": null},
                     "logprobs": null, "finish_reason": "stop"}],
        "usage": usage(spec),
    });
    body.to_string().into()
}

fn events(spec: &MockSpec, model: &str, draw: u64) -> Vec<Bytes> {
    let created = clock::unix_time().as_secs();
    let event = |choices: serde_json::Value, usage: serde_json::Value| {
        let chunk = json!({"id": format!("chatcmpl-mock-{draw:016x}"), "object": "chat.completion.chunk", "created": created,
                           "model": model, "choices": choices, "usage": usage});
        Bytes::from(format!("data: {chunk}\n\n"))
    };
    let choice = |delta: serde_json::Value, finish: Option<&str>| {
        event(json!([{"index": 0, "delta": delta, "finish_reason": finish}]), serde_json::Value::Null)
    };
    let mut all = vec![choice(json!({"role": "assistant", "content": ""}), None)];
    all.extend(text(spec).map(|word| choice(json!({"content": word}), None)));
    all.push(choice(json!({}), Some("stop")));
    all.push(event(json!([]), usage(spec)));
    all.push(Bytes::from_static(b"data: [DONE]\n\n"));
    all
}
