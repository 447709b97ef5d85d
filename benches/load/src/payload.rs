//! What is sent: the request bodies of the generator and the answers of the mock. Both are a function of their settings
//! alone, so that the generator knows byte for byte what must come back.

use bytes::Bytes;

/// What the user's message of a request consists of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Text {
    /// English words.
    #[default]
    Plain,
    /// Quotes, line ends, backslashes and `\u` escapes: about one escape in four bytes.
    Dense,
    /// English words, with one email address, one telephone number and one payment card.
    Pii,
}

const WORDS: &str = "Please summarise the ticket below in two sentences and name the product that it is about. ";
const ESCAPES: &str = r#"say \"h\u00e9\"\n\tC:\\x "#;
const PERSON: &str = "Write to erika.muster@example.org, call +49 30 901820 or charge 4111 1111 1111 1111. ";

/// A chat request of `size` bytes, or of as few as it takes.
#[must_use]
pub fn request(model: &str, text: Text, size: usize, stream: bool, include_usage: bool) -> String {
    let options = match (stream, include_usage) {
        (false, _) => "",
        (true, false) => r#","stream":true"#,
        (true, true) => r#","stream":true,"stream_options":{"include_usage":true}"#,
    };
    let head = format!(
        r#"{{"model":"{model}"{options},"messages":[{{"role":"system","content":"You are a helpful assistant."}},{{"role":"user","content":""#
    );
    let tail = r#""}],"temperature":0.2,"max_tokens":256}"#;
    let filler = size.saturating_sub(head.len() + tail.len());
    format!("{head}{}{tail}", content(text, filler))
}

/// Text as it stands inside a JSON string, `size` bytes long.
pub(crate) fn content(text: Text, size: usize) -> String {
    let unit = if text == Text::Dense { ESCAPES } else { WORDS };
    let mut content = String::with_capacity(size + unit.len());
    if text == Text::Pii {
        content.push_str(PERSON);
    }
    while content.len() + unit.len() <= size {
        content.push_str(unit);
    }
    while content.len() < size {
        content.push('.');
    }
    content
}

/// A whole answer of `size` bytes, or of as few as it takes.
#[must_use]
pub fn answer(size: usize) -> Bytes {
    let head = r#"{"id":"chatcmpl-bench0000000000000000000000","object":"chat.completion","created":1760000000,"model":"bench-upstream","choices":[{"index":0,"message":{"role":"assistant","content":""#;
    let tail = r#"","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":220,"completion_tokens":64,"total_tokens":284},"system_fingerprint":"fp_bench"}"#;
    let filler = size.saturating_sub(head.len() + tail.len());
    Bytes::from(format!("{head}{}{tail}", content(Text::Plain, filler)))
}

/// A streamed answer: the events of its chunks, then what ends it.
#[derive(Debug)]
pub struct Stream {
    /// One event a chunk; the first carries the role and content, the last the finish reason.
    pub chunks: Vec<Bytes>,
    /// The event that only callers who asked for their usage are sent.
    pub usage: Bytes,
    /// `data: [DONE]`.
    pub done: Bytes,
}

/// The text of a streamed answer: the content of its chunks, joined. It needs no escapes in JSON.
#[must_use]
pub fn stream_text(chunks: usize, chunk_size: usize) -> String {
    content(Text::Plain, (chunks.max(2) - 1) * chunk_size)
}

/// A streamed answer of `chunks` chunks (at least two), of which each but the last brings `chunk_size` bytes of content.
#[must_use]
pub fn stream(chunks: usize, chunk_size: usize) -> Stream {
    let text = stream_text(chunks, chunk_size);
    let last = chunks.max(2) - 1;
    let chunk = |index: usize| {
        let word = text.get(index * chunk_size..(index + 1) * chunk_size).unwrap_or_default();
        let (delta, finish) = match index {
            _ if index == last => ("{}".to_owned(), r#""stop""#),
            0 => (format!(r#"{{"role":"assistant","content":"{word}"}}"#), "null"),
            _ => (format!(r#"{{"content":"{word}"}}"#), "null"),
        };
        event(&format!(r#"[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]"#), "")
    };
    let usage = r#","usage":{"prompt_tokens":220,"completion_tokens":64,"total_tokens":284}"#;
    Stream {
        chunks: (0..=last).map(chunk).collect(),
        usage: event("[]", usage),
        done: Bytes::from_static(b"data: [DONE]\n\n"),
    }
}

fn event(choices: &str, rest: &str) -> Bytes {
    let head = r#"data: {"id":"chatcmpl-bench0000000000000000000000","object":"chat.completion.chunk","created":1760000000,"model":"bench-upstream","system_fingerprint":"fp_bench","choices":"#;
    Bytes::from(format!("{head}{choices}{rest}}}\n\n"))
}

impl Stream {
    /// The whole stream as one text, as a client sees it that did or did not ask for its usage.
    #[must_use]
    pub fn text(&self, include_usage: bool) -> Bytes {
        let usage = include_usage.then_some(&self.usage);
        let events: Vec<&[u8]> = self.chunks.iter().chain(usage).chain([&self.done]).map(AsRef::as_ref).collect();
        Bytes::from(events.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn requests_are_json_of_the_size_asked_for() {
        for text in [Text::Plain, Text::Dense, Text::Pii] {
            for (size, stream) in [(1024, false), (1025, true), (100_000, true)] {
                let body = request("bench", text, size, stream, true);
                assert_eq!(body.len(), size);
                let value: Value = serde_json::from_str(&body).unwrap();
                assert_eq!(value["model"], "bench");
                assert_eq!(value["stream"].as_bool(), stream.then_some(true));
            }
        }
    }

    #[test]
    fn a_request_is_never_cut_short() {
        let body = request("bench", Text::Plain, 0, false, false);
        serde_json::from_str::<Value>(&body).unwrap();
    }

    #[test]
    fn answers_are_json_of_the_size_asked_for() {
        for size in [1024, 4097] {
            let body = answer(size);
            assert_eq!(body.len(), size);
            assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["choices"][0]["finish_reason"], "stop");
        }
    }

    #[test]
    fn the_first_chunk_brings_role_and_content_and_the_last_the_reason() {
        let stream = stream(64, 16);
        assert_eq!(stream.chunks.len(), 64);
        let chunk = |index: usize| -> Value {
            let text = std::str::from_utf8(&stream.chunks[index]).unwrap();
            serde_json::from_str(text.strip_prefix("data: ").unwrap()).unwrap()
        };
        let first = &chunk(0)["choices"][0];
        assert_eq!(first["delta"]["role"], "assistant");
        assert_eq!(first["delta"]["content"].as_str().unwrap().len(), 16);
        assert_eq!(chunk(63)["choices"][0]["finish_reason"], "stop");
        assert!(stream.text(false).ends_with(b"data: [DONE]\n\n"));
        assert_eq!(stream.text(true).len() - stream.text(false).len(), stream.usage.len());
    }
}
