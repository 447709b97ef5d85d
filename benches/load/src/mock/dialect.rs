//! What the mock says in each API: the same text in as many chunks, of which the last brings no text but the end.

use bytes::Bytes;

use crate::payload::{self, Stream, Text, content, stream_text};

/// Whose API is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Dialect {
    Chat,
    Responses,
    Anthropic,
    Gemini,
}

impl Dialect {
    /// The one of `path`, and whether the path itself asks for a stream.
    pub(crate) fn of(path: &str) -> Option<(Self, bool)> {
        [
            ("/chat/completions", Self::Chat, false),
            ("/responses", Self::Responses, false),
            ("/messages", Self::Anthropic, false),
            (":generateContent", Self::Gemini, false),
            (":streamGenerateContent", Self::Gemini, true),
        ]
        .into_iter()
        .find(|(end, ..)| path.ends_with(end))
        .map(|(_, dialect, streams)| (dialect, streams))
    }

    /// A whole answer of `size` bytes, or of as few as it takes.
    pub(crate) fn answer(self, size: usize) -> Bytes {
        let (head, tail) = match self {
            Self::Chat => return payload::answer(size),
            Self::Responses => (
                r#"{"id":"resp_bench","object":"response","created_at":1760000000,"status":"completed","model":"bench-upstream","output":[{"type":"message","id":"msg_bench","status":"completed","role":"assistant","content":[{"type":"output_text","annotations":[],"text":""#,
                r#""}]}],"usage":{"input_tokens":220,"input_tokens_details":{"cached_tokens":0},"output_tokens":64,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":284}}"#,
            ),
            Self::Anthropic => (
                r#"{"id":"msg_bench","type":"message","role":"assistant","model":"bench-upstream","content":[{"type":"text","text":""#,
                r#""}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":220,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":64}}"#,
            ),
            Self::Gemini => (
                r#"{"candidates":[{"content":{"role":"model","parts":[{"text":""#,
                r#""}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":220,"candidatesTokenCount":64,"totalTokenCount":284},"modelVersion":"bench-upstream","responseId":"bench"}"#,
            ),
        };
        let text = content(Text::Plain, size.saturating_sub(head.len() + tail.len()));
        Bytes::from(format!("{head}{text}{tail}"))
    }

    /// A streamed answer of `chunks` chunks (at least two), of which each but the last brings `chunk_size` bytes of text.
    pub(crate) fn stream(self, chunks: usize, chunk_size: usize) -> Stream {
        if self == Self::Chat {
            return payload::stream(chunks, chunk_size);
        }
        let text = stream_text(chunks, chunk_size);
        let last = chunks.max(2) - 1;
        let word = |index: usize| text.get(index * chunk_size..(index + 1) * chunk_size).unwrap_or_default();
        let mut events: Vec<String> = (0..last).map(|index| self.delta(word(index), index)).collect();
        if let Some(first) = events.first_mut() {
            first.insert_str(0, &self.opening());
        }
        events.push(self.end(&text, last));
        Stream { chunks: events.into_iter().map(Bytes::from).collect(), usage: Bytes::new(), done: self.done() }
    }

    fn opening(self) -> String {
        match self {
            Self::Anthropic => [
                event("message_start", r#","message":{"id":"msg_bench","type":"message","role":"assistant","model":"bench-upstream","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":220,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}}"#),
                event("content_block_start", r#","index":0,"content_block":{"type":"text","text":""}"#),
            ]
            .concat(),
            Self::Responses => [
                event("response.created", r#","sequence_number":0,"response":{"id":"resp_bench","object":"response","created_at":1760000000,"status":"in_progress","model":"bench-upstream","output":[]}"#),
                event("response.output_item.added", r#","sequence_number":1,"output_index":0,"item":{"type":"message","id":"msg_bench","status":"in_progress","role":"assistant","content":[]}"#),
                event("response.content_part.added", r#","sequence_number":2,"item_id":"msg_bench","output_index":0,"content_index":0,"part":{"type":"output_text","annotations":[],"text":""}"#),
            ]
            .concat(),
            Self::Chat | Self::Gemini => String::new(),
        }
    }

    fn delta(self, word: &str, index: usize) -> String {
        match self {
            Self::Anthropic => {
                event("content_block_delta", &format!(r#","index":0,"delta":{{"type":"text_delta","text":"{word}"}}"#))
            }
            Self::Responses => event(
                "response.output_text.delta",
                &format!(
                    r#","sequence_number":{},"item_id":"msg_bench","output_index":0,"content_index":0,"delta":"{word}""#,
                    index + 3
                ),
            ),
            Self::Chat | Self::Gemini => gemini(word, ""),
        }
    }

    fn end(self, text: &str, last: usize) -> String {
        match self {
            Self::Anthropic => [
                event("content_block_stop", r#","index":0"#),
                event(
                    "message_delta",
                    r#","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":64}"#,
                ),
            ]
            .concat(),
            Self::Responses => {
                let part = format!(r#"{{"type":"output_text","annotations":[],"text":"{text}"}}"#);
                let item = format!(
                    r#"{{"type":"message","id":"msg_bench","status":"completed","role":"assistant","content":[{part}]}}"#
                );
                let place = r#""item_id":"msg_bench","output_index":0,"content_index":0"#;
                let number = last + 3;
                [
                    event("response.output_text.done", &format!(r#","sequence_number":{number},{place},"text":"{text}""#)),
                    event("response.content_part.done", &format!(r#","sequence_number":{},{place},"part":{part}"#, number + 1)),
                    event("response.output_item.done", &format!(r#","sequence_number":{},"output_index":0,"item":{item}"#, number + 2)),
                    event("response.completed", &format!(r#","sequence_number":{},"response":{{"id":"resp_bench","object":"response","created_at":1760000000,"status":"completed","model":"bench-upstream","output":[{item}],"usage":{{"input_tokens":220,"input_tokens_details":{{"cached_tokens":0}},"output_tokens":64,"output_tokens_details":{{"reasoning_tokens":0}},"total_tokens":284}}}}"#, number + 3)),
                ]
                .concat()
            }
            Self::Chat | Self::Gemini => gemini("", r#""finishReason":"STOP","#),
        }
    }

    /// What follows the last chunk: not all have anything.
    fn done(self) -> Bytes {
        if self == Self::Anthropic { Bytes::from(event("message_stop", "")) } else { Bytes::new() }
    }
}

/// An event as Anthropic and Responses write it: named, its data beginning with its type.
fn event(kind: &str, rest: &str) -> String {
    format!("event: {kind}\ndata: {{\"type\":\"{kind}\"{rest}}}\n\n")
}

fn gemini(word: &str, finish: &str) -> String {
    format!(
        "data: {{\"candidates\":[{{\"content\":{{\"role\":\"model\",\"parts\":[{{\"text\":\"{word}\"}}]}},{finish}\"index\":0}}],\"usageMetadata\":{{\"promptTokenCount\":220,\"candidatesTokenCount\":64,\"totalTokenCount\":284}},\"modelVersion\":\"bench-upstream\",\"responseId\":\"bench\"}}\n\n"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const OTHERS: [Dialect; 3] = [Dialect::Responses, Dialect::Anthropic, Dialect::Gemini];

    #[test]
    fn answers_are_json_of_the_size_asked_for() {
        for dialect in OTHERS {
            let body = dialect.answer(1024);
            assert_eq!(body.len(), 1024, "{dialect:?}");
            assert!(serde_json::from_slice::<Value>(&body).unwrap().is_object());
        }
    }

    #[test]
    fn streams_are_events_of_json_with_the_same_text() {
        for dialect in OTHERS {
            let stream = dialect.stream(64, 16);
            assert_eq!(stream.chunks.len(), 64, "{dialect:?}");
            let text = String::from_utf8(stream.text(false).to_vec()).unwrap();
            let datas = text.lines().filter_map(|line| line.strip_prefix("data: "));
            let events: Vec<Value> = datas.map(|data| serde_json::from_str(data).unwrap()).collect();
            let said: String = events
                .iter()
                .filter_map(|event| match dialect {
                    Dialect::Anthropic => event["delta"]["text"].as_str(),
                    Dialect::Responses => event["delta"].as_str(),
                    _ => event["candidates"][0]["content"]["parts"][0]["text"].as_str(),
                })
                .collect();
            assert_eq!(said, stream_text(64, 16), "{dialect:?}");
        }
    }

    #[test]
    fn paths() {
        assert_eq!(Dialect::of("/v1/messages"), Some((Dialect::Anthropic, false)));
        assert_eq!(Dialect::of("/v1beta/models/m:streamGenerateContent"), Some((Dialect::Gemini, true)));
        assert_eq!(Dialect::of("/v1/embeddings"), None);
    }
}
