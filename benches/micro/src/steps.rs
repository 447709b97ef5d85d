//! The steps.

use std::hint::black_box;

use bytes::Bytes;
use tollway_dataplane::authenticate::virtual_key::KeyHasher;
use tollway_protocol::{
    dialect::openai::{classify, quick, usage_of_answer},
    peek::peek,
    splice::{ModelJson, for_upstream},
    sse::Decoder,
    text::rewrite_strings,
};

use crate::step::{Step, step};
use crate::{conditions, dialects, payload, signing};

const KB: usize = 1000;

/// Every step, with its input prepared.
#[must_use]
pub fn steps() -> Vec<Step> {
    let mut steps = bodies();
    steps.extend(streams());
    steps.extend(dialects::steps());
    steps.push(key_hash());
    steps.extend(signing::steps());
    steps.extend(conditions::steps());
    steps
}

fn bodies() -> Vec<Step> {
    vec![
        step("peek_1k", payload::chat(&payload::plain(600), false), |body| peek(body)),
        step("peek_100k_plain", payload::chat(&payload::plain(100 * KB), false), |body| peek(body)),
        step("peek_100k_escapes", payload::chat(&payload::escapes(100 * KB), false), |body| peek(body)),
        step("peek_100k_wide", payload::chat(&payload::wide(100 * KB), false), |body| peek(body)),
        splice("splice_1k", payload::chat(&payload::plain(600), true)),
        splice("splice_100k", payload::chat(&payload::plain(100 * KB), true)),
        step("visit_1k", payload::chat(&payload::plain(600), false), |body| rewrite_strings(body, &mut |_, _| None)),
        step("answer_1k", payload::answer(), |body| usage_of_answer(body)),
    ]
}

/// The model replaced and the usage asked for; the peek is not counted.
fn splice(name: &'static str, body: String) -> Step {
    let found = peek(body.as_bytes()).ok();
    let model = ModelJson::new("gpt-4o-2024-08-06");
    step(name, body, move |body| found.as_ref().map(|found| for_upstream(body, found, &model, true)))
}

fn streams() -> Vec<Step> {
    vec![
        stream("sse_64_burst", payload::stream().len(), |_| ()),
        stream("sse_64_quick", payload::stream().len(), |data| drop(black_box(quick(data)))),
        // As a paced stream arrives, and as a proxy before us may cut it.
        stream("sse_64_paced", payload::stream().len() / 64, |_| ()),
        stream("sse_64_cut", 1000, |_| ()),
        step("quick", payload::chunk(3), |data| quick(data)),
        step("classify", payload::chunk(3), |data| classify(data)),
    ]
}

/// Decodes a stream that arrives in chunks of that many bytes, and looks at each event.
fn stream(name: &'static str, chunk: usize, look: impl Fn(&[u8]) + 'static) -> Step {
    step(name, payload::stream(), move |stream| relay(stream, chunk, &look))
}

fn relay(stream: &Bytes, chunk: usize, look: impl Fn(&[u8])) -> usize {
    let mut decoder = Decoder::new(1 << 20);
    let mut events = 0;
    let mut rest = stream.clone();
    while !rest.is_empty() {
        decoder.push(rest.split_to(chunk.min(rest.len())));
        while let Ok(Some(event)) = decoder.next_event() {
            look(&event.data().unwrap_or_default());
            events += 1;
        }
    }
    events
}

fn key_hash() -> Step {
    let hasher = KeyHasher::new(b"0123456789abcdef0123456789abcdef");
    step("key_hash", "sk-tollway-0123456789abcdef0123456789abcdef".into(), move |key| hasher.hash(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A step that fails early would look fast.
    #[test]
    fn inputs_are_what_they_claim() {
        for prompt in [payload::plain(KB), payload::escapes(KB), payload::wide(KB)] {
            let body = payload::chat(&prompt, true);
            let found = peek(body.as_bytes()).expect("well-formed");
            assert!(found.stream && found.model.is_some());
        }
        let stream = payload::stream();
        for chunk in [stream.len(), stream.len() / 64, 1000] {
            assert_eq!(relay(&Bytes::from(stream.clone()), chunk, |_| ()), 64);
        }
        assert_eq!(stream.len() % 64, 0);
        assert!(stream.split_inclusive("\n\n").all(|event| event.len() == stream.len() / 64));
        assert!(usage_of_answer(payload::answer().as_bytes()).is_some_and(|answer| answer.usage.is_some()));
    }
}
