//! Probabilities of tokens: `logprobsResult`, and the canonical shape of `OpenAI`.

use crate::json::{Json, Members};

/// The canonical shape of a `logprobsResult`.
pub(super) fn read<'a>(result: &Json<'a>) -> Json<'a> {
    let list = |json: &Json<'a>, name: &str| json.get(name).and_then(Json::as_array).unwrap_or_default().to_vec();
    let others = list(result, "topCandidates");
    let chosen = list(result, "chosenCandidates");
    let tokens = chosen.iter().enumerate().map(|(index, token)| {
        let top = others.get(index).map(|step| list(step, "candidates")).unwrap_or_default();
        let top = top.iter().map(|token| plain(token).into()).collect();
        plain(token).with("top_logprobs", Json::Array(top)).into()
    });
    Members::new().with("content", Json::Array(tokens.collect())).with("refusal", Json::Null).into()
}

fn plain<'a>(token: &Json<'a>) -> Members<'a> {
    let text = token.get("token").cloned().unwrap_or_else(|| "".into());
    let bytes = text.as_str().unwrap_or_default().bytes().map(|byte| Json::integer(byte.into())).collect();
    let probability = token.get("logProbability").cloned().unwrap_or(Json::Number("0".into()));
    Members::new().with("token", text).with("logprob", probability).with("bytes", Json::Array(bytes))
}

/// A `logprobsResult` of the canonical shape.
pub(super) fn write<'a>(logprobs: &Json<'a>) -> Members<'a> {
    let tokens = logprobs.get("content").and_then(Json::as_array).unwrap_or_default();
    let own = |token: &Json<'a>| -> Json<'a> {
        let members = Members::new().with_some("token", token.get("token").cloned());
        members.with_some("logProbability", token.get("logprob").cloned()).into()
    };
    let top = tokens.iter().map(|token| {
        let top = token.get("top_logprobs").and_then(Json::as_array).unwrap_or_default();
        Members::new().with("candidates", Json::Array(top.iter().map(own).collect())).into()
    });
    let top = Json::Array(top.collect());
    Members::new().with("topCandidates", top).with("chosenCandidates", Json::Array(tokens.iter().map(own).collect()))
}
