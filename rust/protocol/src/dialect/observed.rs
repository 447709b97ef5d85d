//! What an answer that only passes tells of itself, whichever API it is of.
//!
//! Read are whole answers, and events of streams, of chat completions and what resembles them, of responses, messages and
//! Gemini; and of `OpenAI`'s images and audio
//! (<https://platform.openai.com/docs/api-reference/images>, `…/audio`), which report tokens as responses do, pictures by
//! being there, and the length of a recording as `{"type": "duration", "seconds": 7}`.

use crate::canonical::Usage;
use crate::json::Json;

use super::openai::Answer;
use super::{anthropic, gemini, openai, responses};

/// What `json`, an answer or an event of one, tells of itself; nothing where it is of no API that is known.
#[must_use]
pub fn observed(json: &Json<'_>) -> Answer {
    let text = |json: &Json<'_>, name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
    let kind = json.get("type").and_then(Json::as_str).unwrap_or_default();
    // The whole answer stands in the events with which these two begin and end.
    let whole = json.get("response").or_else(|| json.get("message")).filter(|inner| inner.as_object().is_some());
    let told = whole.unwrap_or(json);
    let model = text(told, "model").or_else(|| text(told, "modelVersion"));
    if let Some(counts) = told.get("usageMetadata") {
        return Answer { usage: gemini::usage::read(counts), model, finish: None };
    }
    let usage = told.get("usage").filter(|usage| usage.as_object().is_some());
    let is_message = told.get("type").and_then(Json::as_str) == Some("message") || kind.starts_with("message_");
    let mut read = match usage {
        Some(usage) if is_message => anthropic::usage::read(usage),
        Some(usage) if usage.get("input_tokens").is_some() => responses::usage::read(usage),
        Some(usage) => openai::usage::read(usage),
        None => None,
    };
    let images = images(told, kind);
    if images.is_some() {
        let counts = read.get_or_insert_default();
        counts.images = images;
        // What makes pictures says nothing else; some say so, and some do not.
        if usage.is_some_and(|usage| usage.get("output_tokens_details").is_none()) {
            counts.image_output = counts.output.take();
        }
    }
    if let Some(length) = usage.and_then(|usage| usage.get("seconds")).and_then(milliseconds) {
        read.get_or_insert_default().audio_input_ms = Some(length);
    }
    Answer { usage: read, model, finish: None }
}

/// How many pictures an answer, or the last event of one, brings.
fn images(json: &Json<'_>, kind: &str) -> Option<u64> {
    if matches!(kind, "image_generation.completed" | "image_edit.completed") {
        return Some(1);
    }
    let is_picture = |item: &&Json<'_>| item.get("b64_json").is_some() || item.get("url").is_some();
    let count = json.get("data")?.as_array()?.iter().filter(is_picture).count();
    (count > 0).then_some(count as u64)
}

fn milliseconds(seconds: &Json<'_>) -> Option<u64> {
    let text = seconds.to_text();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let digits: String = part.chars().chain("000".chars()).take(3).collect();
    whole.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(digits.parse().ok()?)
}

/// How many characters a request for speech has read out.
#[must_use]
pub fn spoken_characters(json: &Json<'_>) -> Option<Usage> {
    let characters = json.get("input")?.as_str()?.chars().count() as u64;
    Some(Usage { characters: Some(characters), ..Usage::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Usage {
        observed(&Json::parse(text.as_bytes()).unwrap()).usage.unwrap_or_default()
    }

    #[test]
    fn pictures_and_recordings_are_counted() {
        let made = of(
            r#"{"created":1,"data":[{"b64_json":""},{"b64_json":""}],"usage":{"input_tokens":60,"output_tokens":4160,
            "total_tokens":4220,"input_tokens_details":{"text_tokens":10,"image_tokens":50}}}"#,
        );
        let expected = Usage { input: Some(10), image_input: Some(50), image_output: Some(4160), ..Usage::default() };
        assert_eq!(made, Usage { images: Some(2), ..expected });
        assert_eq!(of(r#"{"text":"x","usage":{"type":"duration","seconds":7.25}}"#).audio_input_ms, Some(7250));
        let heard = of(r#"{"type":"transcript.text.done","text":"x","usage":{"type":"tokens","input_tokens":14,
            "input_token_details":{"text_tokens":10,"audio_tokens":4},"output_tokens":5,"total_tokens":19}}"#);
        assert_eq!((heard.input, heard.audio_input, heard.output), (Some(10), Some(4), Some(5)));
        assert_eq!(of(r#"{"data":[{"url":"https://x"}]}"#), Usage { images: Some(1), ..Usage::default() });
        assert_eq!(of(r#"{"object":"list","data":[{"id":"file-1"}]}"#), Usage::default());
    }

    #[test]
    fn answers_of_every_api_are_known() {
        let expected = Usage { input: Some(3), output: Some(4), ..Usage::default() };
        for text in [
            r#"{"model":"m","usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#,
            r#"{"object":"response","model":"m","usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}}"#,
            r#"{"type":"response.completed","response":{"model":"m","usage":{"input_tokens":3,"output_tokens":4}}}"#,
            r#"{"type":"message","model":"m","usage":{"input_tokens":3,"output_tokens":4}}"#,
            r#"{"type":"message_delta","model":"m","usage":{"input_tokens":3,"output_tokens":4}}"#,
            r#"{"modelVersion":"m","usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4}}"#,
        ] {
            let told = observed(&Json::parse(text.as_bytes()).unwrap());
            assert_eq!((told.usage, told.model.as_deref()), (Some(expected), Some("m")), "{text}");
        }
    }
}
