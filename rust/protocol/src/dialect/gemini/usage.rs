//! Tokens (`usageMetadata`). The prompt's count includes what was cached, and each modality; thoughts, and what tools
//! brought in, are counted apart (<https://ai.google.dev/api/generate-content#UsageMetadata>).

use crate::canonical::{Tier, Usage};
use crate::json::{Json, Members};

/// The tokens in `json`; None if it is not an object. Read in camelCase alone, as only Google writes it.
#[must_use]
pub fn read(json: &Json<'_>) -> Option<Usage> {
    json.as_object()?;
    let count = |name: &str| json.get(name).and_then(Json::as_u64);
    let of = |list: &str, word: &str, number: u64| by_modality(json.get(list), word, number);
    let cached = count("cachedContentTokenCount");
    let uncached = |word: &str, number: u64| {
        let all = of("promptTokensDetails", word, number)?;
        Some(all.saturating_sub(of("cacheTokensDetails", word, number).unwrap_or(0)))
    };
    let (audio_input, image_input) = (uncached("AUDIO", 4), uncached("IMAGE", 2));
    let audio_output = of("candidatesTokensDetails", "AUDIO", 4);
    let image_output = of("candidatesTokensDetails", "IMAGE", 2);
    let usage = Usage {
        input: Usage::apart(count("promptTokenCount"), [cached, audio_input, image_input]),
        cache_read: cached,
        audio_input,
        image_input,
        tool_input: count("toolUsePromptTokenCount"),
        output: Usage::apart(count("candidatesTokenCount"), [audio_output, image_output]),
        reasoning: count("thoughtsTokenCount"),
        audio_output,
        image_output,
        tier: ["serviceTier", "trafficType"].iter().find_map(|name| Tier::read(json.get(name)?.as_str()?)),
        ..Usage::default()
    };
    let total = count("totalTokenCount").filter(|total| *total != sum(&usage));
    Some(Usage { total, ..usage })
}

/// The tokens as Google writes them. Writing to a cache, which Google has no count for, is part of the prompt.
#[must_use]
pub fn write(usage: &Usage) -> Json<'static> {
    let prompt = Usage { tool_input: None, ..*usage }.all_input();
    let answer = Usage { reasoning: None, ..*usage }.all_output();
    Members::new()
        .with_some("promptTokenCount", prompt)
        .with_some("cachedContentTokenCount", usage.cache_read)
        .with_some("candidatesTokenCount", answer)
        .with_some("thoughtsTokenCount", usage.reasoning)
        .with_some("toolUsePromptTokenCount", usage.tool_input)
        .with("totalTokenCount", usage.total.unwrap_or_else(|| sum(usage)))
        .with_some("promptTokensDetails", details(prompt, usage.audio_input, usage.image_input))
        .with_some("candidatesTokensDetails", details(answer, usage.audio_output, usage.image_output))
        .into()
}

fn sum(usage: &Usage) -> u64 {
    usage.all_input().unwrap_or(0).saturating_add(usage.all_output().unwrap_or(0))
}

/// The count of one modality, by its word or its number.
fn by_modality(list: Option<&Json<'_>>, word: &str, number: u64) -> Option<u64> {
    let is_it = |item: &&Json<'_>| {
        let modality = item.get("modality");
        modality.and_then(Json::as_str) == Some(word) || modality.and_then(Json::as_u64) == Some(number)
    };
    list?.as_array()?.iter().find(is_it)?.get("tokenCount").map_or(Some(0), Json::as_u64)
}

/// Counts by modality, where there is another than text.
fn details(all: Option<u64>, audio: Option<u64>, image: Option<u64>) -> Option<Json<'static>> {
    if audio.is_none() && image.is_none() {
        return None;
    }
    let text = Usage::apart(all, [audio, image]).filter(|text| *text > 0);
    let counts = [("TEXT", text), ("IMAGE", image), ("AUDIO", audio)];
    let item = |(word, count): (&'static str, Option<u64>)| {
        Some(Members::new().with("modality", word).with("tokenCount", count?).into())
    };
    Some(Json::Array(counts.into_iter().filter_map(item).collect()))
}
