//! Tokens. `input_tokens` include those read from and written to the cache, `output_tokens` the reasoning.

use crate::canonical::{Tier, Usage};
use crate::json::{Json, Members};

/// Reads a `usage` object. None if it reports nothing.
#[must_use]
pub fn read(json: &Json<'_>) -> Option<Usage> {
    let count = |name: &str| json.get(name).and_then(Json::as_u64);
    let detail = |list: &str, name: &str| json.get(list)?.get(name)?.as_u64();
    let input_detail = |name: &str| {
        // The second is the name where speech is transcribed.
        detail("input_tokens_details", name).or_else(|| detail("input_token_details", name))
    };
    let (all_input, all_output) = (count("input_tokens"), count("output_tokens"));
    let cache_read = detail("input_tokens_details", "cached_tokens");
    let cache_write = detail("input_tokens_details", "cache_write_tokens");
    let audio_input = input_detail("audio_tokens");
    let image_input = input_detail("image_tokens");
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
        // xAI's name; OpenAI reports them beside the usage.
        web_searches: detail("server_side_tool_usage_details", "web_search_calls"),
        total: count("total_tokens").filter(|total| Some(*total) != sum),
        ..Usage::default()
    };
    (usage != Usage::default()).then_some(usage)
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
        .with("cached_tokens", usage.cache_read.unwrap_or(0))
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
