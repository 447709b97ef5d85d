//! The tokens' probabilities, as `OpenAI` writes them.

use crate::json::{Json, Members};

/// What `items`, pieces of text with the tokens that they are made of, say. The tokens of a piece are not told apart as
/// text: the piece has the probability of them all, which is their product.
pub(super) fn read<'a>(items: &[Json<'a>]) -> Json<'a> {
    let each = items.iter().map(|item| {
        let text = item.get("text").cloned().unwrap_or_else(|| "".into());
        let numbers = item.get("logprobs").and_then(Json::as_array).unwrap_or_default();
        let logprob = match numbers {
            [only] => only.clone(),
            all => sum(all),
        };
        let bytes: Vec<Json<'a>> =
            text.as_str().unwrap_or_default().bytes().map(|byte| u32::from(byte).into()).collect();
        let none: Vec<Json<'a>> = Vec::new();
        let told = Members::new().with("token", text).with("logprob", logprob).with("bytes", bytes);
        Json::from(told.with("top_logprobs", none))
    });
    Members::new().with("content", each.collect::<Vec<_>>()).with("refusal", Json::Null).into()
}

fn sum<'a>(numbers: &[Json<'_>]) -> Json<'a> {
    let value = |number: &Json<'_>| match number {
        Json::Number(digits) => digits.parse::<f64>().ok(),
        _ => None,
    };
    let sum: f64 = numbers.iter().filter_map(value).sum();
    if sum.is_finite() { Json::Number(sum.to_string().into()) } else { Json::Number("0".into()) }
}
