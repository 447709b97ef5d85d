//! Steps of translation: a request from chat into another dialect, and a stream of chat chunks into another's events.

use bytes::{Bytes, BytesMut};
use tollway_protocol::canonical::Losses;
use tollway_protocol::dialect::{Dialect, Head, Told, Wanted};
use tollway_protocol::json::Json;
use tollway_protocol::sse::Decoder;

use crate::payload;
use crate::step::{Step, step};

const KB: usize = 1000;

pub(crate) fn steps() -> Vec<Step> {
    let plain = || payload::chat(&payload::plain(100 * KB), false);
    let escapes = || payload::chat(&payload::escapes(100 * KB), false);
    vec![
        request("anthropic_100k_plain", plain(), Dialect::Anthropic),
        request("anthropic_100k_escapes", escapes(), Dialect::Anthropic),
        request("gemini_100k_plain", plain(), Dialect::Gemini),
        request("gemini_100k_escapes", escapes(), Dialect::Gemini),
        request("responses_100k_plain", plain(), Dialect::Responses),
        request("responses_100k_escapes", escapes(), Dialect::Responses),
        request("anthropic_1000_turns", payload::turns(), Dialect::Anthropic),
        request("gemini_1000_turns", payload::turns(), Dialect::Gemini),
        request("responses_1000_turns", payload::turns(), Dialect::Responses),
        request("anthropic_1000_tool_turns", payload::tool_turns(), Dialect::Anthropic),
        request("gemini_1000_tool_turns", payload::tool_turns(), Dialect::Gemini),
        request("responses_1000_tool_turns", payload::tool_turns(), Dialect::Responses),
        request("anthropic_1k", payload::chat(&payload::plain(600), false), Dialect::Anthropic),
        stream("stream_64_anthropic", Dialect::Anthropic),
        stream("stream_64_gemini", Dialect::Gemini),
        stream("stream_64_responses", Dialect::Responses),
    ]
}

fn request(name: &'static str, body: String, to: Dialect) -> Step {
    step(name, body, move |body| translated(body, to))
}

fn translated(body: &[u8], to: Dialect) -> Option<Vec<u8>> {
    let mut losses = Losses::default();
    let request = Dialect::Chat.read_request(Json::parse(body).ok()?, Head::default(), &mut losses).ok()?;
    let written = to.write_request(&request, &Wanted::new("a-model"), &mut losses).ok()?;
    Some(written.to_bytes())
}

fn stream(name: &'static str, to: Dialect) -> Step {
    step(name, payload::stream(), move |stream| relayed(stream, to))
}

fn relayed(stream: &Bytes, to: Dialect) -> BytesMut {
    let told = Told { id: "0123456789abcdef", model: "a-model", created: 1_763_718_600, usage: true, request: None };
    let (mut reader, mut writer, mut out) = (Dialect::Chat.reader(), to.writer(&told), BytesMut::new());
    let mut decoder = Decoder::new(1 << 20);
    decoder.push(stream.clone());
    while let Ok(Some(event)) = decoder.next_event() {
        let data = event.data().unwrap_or_default();
        if reader.read(&data, &mut |event| writer.write(event, &mut out)).is_err() {
            break;
        }
    }
    reader.end(&mut |event| writer.write(event, &mut out));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A step that fails early would look fast.
    #[test]
    fn all_is_translated() {
        for to in [Dialect::Anthropic, Dialect::Gemini, Dialect::Responses] {
            for body in [payload::chat(&payload::plain(KB), false), payload::turns(), payload::tool_turns()] {
                assert!(translated(body.as_bytes(), to).is_some_and(|written| written.len() * 4 > body.len() * 3));
            }
            let out = relayed(&Bytes::from(payload::stream()), to);
            assert!(
                out.as_ref().split(|byte: &u8| *byte == b'\n').filter(|line| line.starts_with(b"data: ")).count() >= 64
            );
        }
    }
}
