//! Tokens (`usageMetadata`). The prompt's count includes what was cached, and each modality; thoughts, and what tools
//! brought in, are counted apart. What was cached may be of another modality than the same was in the prompt (a file that is
//! cached as pictures) (<https://ai.google.dev/api/generate-content#UsageMetadata>).

use crate::canonical::{Share, Tier, Usage};
use crate::json::{Json, Members};

/// What is counted apart from text: Google's word and number for it.
const MODALITIES: [(&str, u64); 4] = [("IMAGE", 2), ("VIDEO", 3), ("AUDIO", 4), ("DOCUMENT", 5)];

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
    let mut input = Share(count("promptTokenCount"));
    input.of(cached);
    let [image_input, video_input, audio_input, document_input] =
        MODALITIES.map(|(word, number)| input.of(uncached(word, number)));
    let [image_output, video_output, audio_output, _] =
        MODALITIES.map(|(word, number)| of("candidatesTokensDetails", word, number));
    let audio_cache_read = of("cacheTokensDetails", "AUDIO", 4);
    let usage = Usage {
        input: input.0,
        cache_read: Usage::apart(cached, [audio_cache_read]),
        audio_cache_read,
        audio_input,
        image_input,
        video_input,
        document_input,
        tool_input: count("toolUsePromptTokenCount"),
        output: Usage::apart(count("candidatesTokenCount"), [audio_output, image_output, video_output]),
        reasoning: count("thoughtsTokenCount"),
        audio_output,
        image_output,
        video_output,
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
        .with_some("cachedContentTokenCount", usage.all_cache_read())
        .with_some("candidatesTokenCount", answer)
        .with_some("thoughtsTokenCount", usage.reasoning)
        .with_some("toolUsePromptTokenCount", usage.tool_input)
        .with("totalTokenCount", usage.total.unwrap_or_else(|| sum(usage)))
        .with_some("promptTokensDetails", details(prompt, prompt_media(usage)))
        .with_some("cacheTokensDetails", details(usage.all_cache_read(), [None, None, usage.audio_cache_read, None]))
        .with_some(
            "candidatesTokensDetails",
            details(answer, [usage.image_output, usage.video_output, usage.audio_output, None]),
        )
        .into()
}

/// By modality, in the order of [`MODALITIES`]; recordings whether they were cached or not.
fn prompt_media(usage: &Usage) -> [Option<u64>; 4] {
    let heard = Usage { audio_input: usage.audio_input, audio_cache_read: usage.audio_cache_read, ..Usage::default() };
    [usage.image_input, usage.video_input, heard.all_input(), usage.document_input]
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
fn details(all: Option<u64>, media: [Option<u64>; 4]) -> Option<Json<'static>> {
    media.iter().any(Option::is_some).then_some(())?;
    let text = Usage::apart(all, media).filter(|text| *text > 0);
    let words = MODALITIES.iter().map(|(word, _)| *word);
    let counts = std::iter::once(("TEXT", text)).chain(words.zip(media));
    let item = |(word, count): (&'static str, Option<u64>)| {
        Some(Members::new().with("modality", word).with("tokenCount", count?).into())
    };
    Some(Json::Array(counts.filter_map(item).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modalities_are_disjoint_and_written_as_they_were_read() {
        let text = r#"{"promptTokenCount":5000,"cachedContentTokenCount":1000,"candidatesTokenCount":1300,"totalTokenCount":6300,
            "promptTokensDetails":[{"modality":"TEXT","tokenCount":842},{"modality":"IMAGE","tokenCount":258},
            {"modality":"VIDEO","tokenCount":2630},{"modality":"AUDIO","tokenCount":1012},{"modality":"DOCUMENT","tokenCount":258}],
            "cacheTokensDetails":[{"modality":"TEXT","tokenCount":300},{"modality":"AUDIO","tokenCount":700}],
            "candidatesTokensDetails":[{"modality":"TEXT","tokenCount":10},{"modality":"IMAGE","tokenCount":1290}]}"#;
        let json = Json::parse(text.as_bytes()).expect("JSON");
        let usage = read(&json).expect("usage");
        let expected = Usage {
            input: Some(542),
            cache_read: Some(300),
            audio_cache_read: Some(700),
            audio_input: Some(312),
            image_input: Some(258),
            video_input: Some(2630),
            document_input: Some(258),
            output: Some(10),
            image_output: Some(1290),
            ..Usage::default()
        };
        assert_eq!(usage, expected);
        assert_eq!((usage.all_input(), usage.all_output()), (Some(5000), Some(1300)));
        assert_eq!(read(&write(&usage)), Some(usage));
    }
}
