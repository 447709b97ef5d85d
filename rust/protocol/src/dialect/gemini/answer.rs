//! Whole answers (`GenerateContentResponse`, <https://ai.google.dev/api/generate-content#generatecontentresponse>).

use super::names::{each, object, word};
use super::{GEMINI, citations, logprobs, part, stop, usage};
use crate::canonical::{Answer, Body, Choice, Part, Rest, Stop, StopReason, Text, Usage};
use crate::dialect::{Told, signature};
use crate::json::{At, Invalid, Json, Members};

/// Stands in an answer's rest with null where Google gave no candidates: the prompt was blocked.
const BLOCKED: &str = "candidates";

/// Reads an answer. One without candidates is a choice that a filter ended.
///
/// # Errors
/// [`Invalid`] for a member of the wrong type.
pub fn read(body: Json<'_>) -> Result<Answer<'_>, Invalid> {
    let mut fields = object(body, At::ROOT)?;
    let mut choices = each(&mut fields, "candidates", read_choice)?;
    number(&mut choices);
    let id = fields.text("responseId")?;
    let model = fields.text("modelVersion")?;
    let counted = fields.members("usageMetadata")?.map(Json::Object);
    let mut tokens = counted.as_ref().and_then(usage::read);
    let searches = choices.iter().filter_map(|choice| searches(&choice.rest.members)).reduce(u64::saturating_add);
    if let Some(tokens) = &mut tokens {
        tokens.web_searches = searches;
    }
    let mut rest = fields.rest().with_some("usageMetadata", counted);
    if choices.is_empty() {
        choices.push(blocked(rest.get("promptFeedback")));
        rest.push(BLOCKED, Json::Null);
    }
    Ok(Answer { id, model, created: None, choices, usage: tokens, rest: Rest::new(GEMINI, rest) })
}

/// Candidates without an index are numbered as they stand.
fn number(choices: &mut [Choice<'_>]) {
    for (place, choice) in choices.iter_mut().enumerate() {
        if choice.index == u64::MAX {
            choice.index = place as u64;
        }
    }
}

/// What came of a prompt that was blocked.
fn blocked<'a>(feedback: Option<&Json<'a>>) -> Choice<'a> {
    let said = |name: &str| match feedback?.get(name) {
        Some(Json::String(text)) => Some(text.clone()),
        _ => None,
    };
    let stop = Stop { word: said("blockReason"), detail: said("blockReasonMessage"), ..Stop::new(StopReason::Filter) };
    Choice { index: 0, parts: Vec::new(), stop: Some(stop), logprobs: None, rest: Rest::none() }
}

/// The stop of a stream that said in `feedback` why it answers nothing.
pub(super) fn blocked_stop(feedback: &Json<'_>) -> Option<Stop<'static>> {
    feedback.get("blockReason")?;
    let stop = blocked(Some(feedback)).stop?;
    let own = |text: Option<Text<'_>>| text.map(|text| text.into_owned().into());
    Some(Stop { reason: stop.reason, sequence: None, word: own(stop.word), detail: own(stop.detail) })
}

/// How often the web was searched for a candidate, of what it says besides.
pub(super) fn searches(candidate: &Members<'_>) -> Option<u64> {
    let queries = candidate.get("groundingMetadata")?.get("webSearchQueries")?.as_array()?;
    Some(queries.len() as u64)
}

/// A candidate's own members.
pub(super) struct Candidate<'a> {
    pub(super) index: Option<u64>,
    pub(super) parts: Vec<Part<'a>>,
    pub(super) word: Option<Text<'a>>,
    pub(super) detail: Option<Text<'a>>,
    /// What else it said.
    pub(super) rest: Members<'a>,
}

pub(super) fn read_candidate<'a>(json: Json<'a>, at: At<'_>) -> Result<Candidate<'a>, Invalid> {
    let mut fields = object(json, at)?;
    let parts = match fields.take("content") {
        None => Vec::new(),
        Some(content) => each(&mut object(content, at.member("content"))?, "parts", part::read)?,
    };
    let word = word(&mut fields, "finishReason", &stop::WORDS)?;
    let detail = fields.text("finishMessage")?;
    let index = fields.integer("index")?;
    Ok(Candidate { index, parts, word, detail, rest: fields.rest() })
}

fn read_choice<'a>(json: Json<'a>, at: At<'_>) -> Result<Choice<'a>, Invalid> {
    let Candidate { index, mut parts, word, detail, rest } = read_candidate(json, at)?;
    let called = parts.iter().any(|part| matches!(part.body, Body::ToolCall(_)));
    for (place, part) in parts.iter_mut().enumerate() {
        if let Body::Text(text, annotations) = &mut part.body {
            annotations.extend(citations::read(&rest, text, place as u64));
        }
    }
    Ok(Choice {
        index: index.unwrap_or(u64::MAX),
        parts,
        stop: word.map(|word| stop::read(word, detail, called)),
        logprobs: rest.get("logprobsResult").map(logprobs::read),
        rest: Rest::new(GEMINI, rest),
    })
}

/// Writes an answer.
#[must_use]
pub fn write<'a>(answer: &Answer<'a>, told: &Told<'_>) -> Json<'a> {
    let own = answer.rest.of(GEMINI);
    let blocked = own.is_some_and(|own| own.0.iter().any(|(name, _)| name == BLOCKED));
    let mut lifted = Members::new();
    let candidates: Vec<Json<'a>> = answer.choices.iter().map(|choice| write_choice(choice, &mut lifted)).collect();
    let own_text = |given: &Option<Text<'a>>, told: &str| given.clone().unwrap_or_else(|| told.to_owned().into());
    let counted = own.and_then(|own| own.get("usageMetadata")).or_else(|| lifted.get("usageMetadata")).cloned();
    Members::new()
        .with_some("candidates", (!blocked).then_some(candidates))
        .with_some("usageMetadata", answer.usage.map(|usage| write_usage(&usage, counted)))
        .with("modelVersion", own_text(&answer.model, told.model))
        .with("responseId", own_text(&answer.id, told.id))
        .with_all(Members(
            own.into_iter().flat_map(|own| own.0.iter()).filter(|(name, _)| name != BLOCKED).cloned().collect(),
        ))
        .with_all(lifted)
        .into()
}

/// The tokens as Google counted them, if they are still these; else as they are.
pub(super) fn write_usage<'a>(tokens: &Usage, counted: Option<Json<'a>>) -> Json<'a> {
    let same = |counted: &Json<'a>| usage::read(counted) == Some(Usage { web_searches: None, ..*tokens });
    counted.filter(same).unwrap_or_else(|| usage::write(tokens))
}

fn write_choice<'a>(choice: &Choice<'a>, lifted: &mut Members<'a>) -> Json<'a> {
    let mut parts: Vec<Json<'a>> = Vec::with_capacity(choice.parts.len());
    let mut own = choice.rest.of(GEMINI).cloned().unwrap_or_default();
    let mut cited = Vec::new();
    for part in &choice.parts {
        match &part.body {
            Body::Foreign(GEMINI, json) if json.get("candidate").is_some() || json.get("response").is_some() => {
                lift(json, &mut own, lifted);
                continue;
            }
            Body::Text(text, annotations) if !annotations.is_empty() => {
                cited.push((parts.len() as u64, text.as_ref(), annotations.as_slice()));
            }
            _ => {}
        }
        parts.extend(write_part(part));
    }
    let said = own.get("groundingMetadata").is_some() || own.get("citationMetadata").is_some();
    let grounding = if said { None } else { citations::write(&cited) };
    let logprobs = choice.logprobs.as_ref().filter(|_| own.get("logprobsResult").is_none());
    let content = Members::new().with_some("parts", (!parts.is_empty()).then_some(parts)).with("role", "model");
    Members::new()
        .with("content", content)
        .with_some("finishReason", choice.stop.as_ref().map(stop::write))
        .with_some("finishMessage", choice.stop.as_ref().and_then(|stop| stop.detail.clone()))
        .with("index", choice.index)
        .with_some("groundingMetadata", grounding)
        .with_some("logprobsResult", logprobs.map(logprobs::write))
        .with_all(own)
        .into()
}

/// Takes what a stream said of the candidate, or of the answer, out of the part that it travelled in.
pub(super) fn lift<'a>(json: &Json<'a>, candidate: &mut Members<'a>, answer: &mut Members<'a>) {
    for (name, into) in [("candidate", candidate), ("response", answer)] {
        if let Some(Json::Object(members)) = json.get(name) {
            into.0.retain(|(known, _)| members.get(known).is_none());
            into.0.extend(members.0.iter().cloned());
        }
    }
}

/// A part as a caller gets it; None for what cannot be said.
pub(super) fn write_part<'a>(part: &Part<'a>) -> Option<Json<'a>> {
    let members = part::write(part).ok()?;
    let signed = part.signature.as_ref().map(|signed| signature::to_field(signed, GEMINI));
    Some(members.with_some("thoughtSignature", signed).into())
}
