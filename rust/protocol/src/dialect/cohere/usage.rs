//! Tokens: `usage` of chat, `meta` of embeddings and rerankings.
//!
//! `billed_units` are what counts: `tokens` include what Cohere adds to each prompt, which costs nothing. The billed input
//! includes the pictures of a chat, the billed output the thoughts. `cached_tokens` are of `tokens`, and change no price.

use crate::canonical::Usage;
use crate::json::Json;

/// Reads a `usage` or a `meta`. None if it reports nothing.
#[must_use]
pub fn read(json: &Json<'_>) -> Option<Usage> {
    let count = |group: &str, name: &str| json.get(group)?.get(name)?.as_u64();
    let billed = |name: &str| count("billed_units", name);
    let tokens = |name: &str| count("tokens", name);
    let of_output = billed("output_tokens").or_else(|| tokens("output_tokens"));
    let reasoning = tokens("reasoning_tokens").map(|thoughts| thoughts.min(of_output.unwrap_or(thoughts)));
    let pictures = tokens("image_tokens").filter(|pictures| *pictures > 0);
    // Of a reranking, which is billed by the query, the tokens cost nothing.
    let search_units = billed("search_units");
    if search_units.is_some_and(|units| units > 0) {
        return Some(Usage { search_units, ..Usage::default() });
    }
    let usage = Usage {
        input: Usage::apart(billed("input_tokens"), [pictures]).or_else(|| tokens("input_tokens")),
        image_input: pictures.or_else(|| billed("image_tokens")),
        output: Usage::apart(of_output, [reasoning]),
        reasoning,
        search_units,
        ..Usage::default()
    };
    (usage != Usage::default()).then_some(usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &'static str) -> Option<Usage> {
        read(&Json::parse(text.as_bytes()).expect("JSON"))
    }

    #[test]
    fn what_is_billed_is_the_sum() {
        let thinks = of(r#"{"billed_units":{"input_tokens":26,"output_tokens":147},"cached_tokens":1392,
            "tokens":{"input_tokens":1431,"output_tokens":152,"reasoning_tokens":145}}"#);
        let thinks = thinks.expect("usage");
        assert_eq!((thinks.all_input(), thinks.all_output()), (Some(26), Some(147)));
        assert_eq!((thinks.output, thinks.reasoning, thinks.cache_read), (Some(2), Some(145), None));
        let sees = of(r#"{"billed_units":{"input_tokens":267,"output_tokens":52.0},
            "tokens":{"input_tokens":34,"output_tokens":56,"reasoning_tokens":0,"image_tokens":259}}"#);
        let sees = sees.expect("usage");
        assert_eq!((sees.input, sees.image_input, sees.all_output()), (Some(8), Some(259), Some(52)));
    }

    #[test]
    fn where_nothing_is_billed_the_tokens_count() {
        let own = of(r#"{"tokens":{"input_tokens":9,"output_tokens":4}}"#).expect("usage");
        assert_eq!((own.all_input(), own.all_output()), (Some(9), Some(4)));
        let ranked = of(r#"{"api_version":{"version":"2"},"billed_units":{"search_units":1}}"#).expect("usage");
        assert_eq!((ranked.search_units, ranked.all_input()), (Some(1), None));
        assert_eq!(of(r#"{"billed_units":null}"#), None);
    }
}
