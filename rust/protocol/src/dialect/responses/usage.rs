//! Tokens. `input_tokens` include those read from and written to the cache, `output_tokens` the reasoning.
//!
//! `OpenAI`'s pictures and transcriptions report in the same form, the latter with details of another name, or the length of
//! the recording in place of tokens (<https://platform.openai.com/docs/api-reference/audio/json-object>, `usage`).

use crate::canonical::{Tier, Usage};
use crate::json::{Json, Members};

/// Reads a `usage` object. None if it reports nothing.
#[must_use]
pub fn read(json: &Json<'_>) -> Option<Usage> {
    let count = |name: &str| json.get(name).and_then(Json::as_u64);
    let detail = |list: &str, name: &str| json.get(list)?.get(name)?.as_u64();
    let heard = |name: &str| detail("input_tokens_details", name).or_else(|| detail("input_token_details", name));
    let (all_input, all_output) = (count("input_tokens"), count("output_tokens"));
    let cache_read = detail("input_tokens_details", "cached_tokens");
    let cache_write = detail("input_tokens_details", "cache_write_tokens");
    let (audio_input, image_input) = (heard("audio_tokens"), heard("image_tokens"));
    let reasoning = detail("output_tokens_details", "reasoning_tokens");
    let audio_output = detail("output_tokens_details", "audio_tokens");
    let image_output = detail("output_tokens_details", "image_tokens");
    let sum = all_input.zip(all_output).map(|(input, output)| input.saturating_add(output));
    let usage = Usage {
        input: Usage::apart(all_input, [cache_read, cache_write, audio_input, image_input]),
        cache_read,
        cache_write,
        audio_input,
        image_input,
        output: Usage::apart(all_output, [reasoning, audio_output, image_output]),
        reasoning,
        audio_output,
        image_output,
        audio_input_ms: json.get("seconds").and_then(milliseconds),
        // xAI's name; OpenAI reports them beside the usage.
        web_searches: detail("server_side_tool_usage_details", "web_search_calls"),
        total: count("total_tokens").filter(|total| Some(*total) != sum),
        ..Usage::default()
    };
    (usage != Usage::default()).then_some(usage)
}

/// Seconds, also fractions of them, to the nearest millisecond; below zero and over a year are none that anybody means.
fn milliseconds(seconds: &Json<'_>) -> Option<u64> {
    let Json::Number(digits) = seconds else { return None };
    let ms = (digits.parse::<f64>().ok()? * 1000.0).round();
    (0.0..=31_557_600_000.0).contains(&ms).then_some(ms as u64)
}

/// The tier of a response, which says it beside its usage.
#[must_use]
pub(super) fn tier(said: Option<&Json<'_>>) -> Option<Tier> {
    Tier::read(said?.as_str()?)
}

/// Writes a `usage` object. All that openai-python 2.54 demands is there, 0 where it was not reported.
#[must_use]
pub fn write(usage: &Usage) -> Json<'static> {
    let (input, output) = (usage.all_input().unwrap_or(0), usage.all_output().unwrap_or(0));
    let input_details = Members::new()
        .with("cached_tokens", usage.all_cache_read().unwrap_or(0))
        .with("cache_write_tokens", usage.all_cache_write().unwrap_or(0))
        .with_some("audio_tokens", usage.audio_input)
        .with_some("image_tokens", usage.image_input);
    let output_details = Members::new()
        .with("reasoning_tokens", usage.reasoning.unwrap_or(0))
        .with_some("audio_tokens", usage.audio_output)
        .with_some("image_tokens", usage.image_output);
    Members::new()
        .with("input_tokens", input)
        .with("input_tokens_details", input_details)
        .with("output_tokens", output)
        .with("output_tokens_details", output_details)
        .with("total_tokens", usage.total.unwrap_or_else(|| input.saturating_add(output)))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(text: &str) -> Usage {
        read(&Json::parse(text.as_bytes()).expect("JSON")).expect("usage")
    }

    /// The forms of the API's reference for pictures and for transcriptions.
    #[test]
    fn pictures_and_recordings() {
        let drawn = r#"{"total_tokens":100,"input_tokens":50,"output_tokens":50,
            "input_tokens_details":{"text_tokens":10,"image_tokens":40},"output_tokens_details":{"image_tokens":50}}"#;
        let [ten, forty, fifty] = [Some(10), Some(40), Some(50)];
        let expected =
            Usage { input: ten, image_input: forty, output: Some(0), image_output: fifty, ..Usage::default() };
        assert_eq!(usage(drawn), expected);
        let heard = r#"{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":0,"audio_tokens":14},
            "output_tokens":45,"total_tokens":59}"#;
        let expected = Usage { input: Some(0), audio_input: Some(14), output: Some(45), ..Usage::default() };
        assert_eq!(usage(heard), expected);
        for (seconds, ms) in [("27", 27_000), ("0", 0), ("9.0004", 9_000), ("1.5e1", 15_000)] {
            let expected = Usage { audio_input_ms: Some(ms), ..Usage::default() };
            assert_eq!(usage(&format!(r#"{{"type":"duration","seconds":{seconds}}}"#)), expected);
        }
        for wrong in ["-1", "1e99", "\"3\"", "null"] {
            let text = format!(r#"{{"type":"duration","seconds":{wrong}}}"#);
            assert_eq!(read(&Json::parse(text.as_bytes()).expect("JSON")), None, "{wrong}");
        }
    }
}
