//! Whole answers. There is one choice, always.

use super::content::{self, Side};
use super::envelope::{self, Ended};
use super::{MESSAGE, SELF, call, is_own, item_id, items, left, own, reasoning, usage};
use crate::canonical::{Answer, Arguments, Body, CallKind, Choice, Losses, Part, Rest, Text, ToolCall, Usage};
use crate::dialect::Told;
use crate::json::{At, Fields, Invalid, Json, Members};

/// Reads an upstream's answer.
///
/// # Errors
/// [`Invalid`] for what is of another type than the dialect says, and, with the upstream's own message, for an answer
/// that failed.
pub fn read(body: Json<'_>) -> Result<Answer<'_>, Invalid> {
    let mut fields = Fields::of(body, At::ROOT)?;
    fields.take("object");
    let status = fields.text("status")?;
    refuse_failed(&mut fields, status.as_deref())?;
    let parts = read_output(&mut fields)?;
    let reason = match fields.take("incomplete_details") {
        Some(details) => Fields::of(details, At::ROOT.member("incomplete_details"))?.text("reason")?,
        None => None,
    };
    let calls = parts.iter().any(|part| matches!(part.body, Body::ToolCall(_)));
    let logprobs = logprobs(&parts);
    let stop = envelope::read_stop(status, reason, calls);
    let (id, model, created) = (fields.text("id")?, fields.text("model")?, fields.take("created_at"));
    let reported = fields.take("usage");
    let usage = read_usage(reported.as_ref(), &fields, &parts);
    let mut rest = left(fields);
    if let Some(reported) = reported.filter(|json| usage.as_ref().map(usage::write).as_ref() != Some(json)) {
        rest.push("usage", reported);
    }
    let choice = Choice { index: 0, parts, stop, logprobs, rest: Rest::none() };
    Ok(Answer { id, model, created: created.as_ref().and_then(seconds), choices: vec![choice], usage, rest: own(rest) })
}

/// Seconds since 1970, which some servers write with a fraction.
pub(super) fn seconds(json: &Json<'_>) -> Option<u64> {
    let Json::Number(digits) = json else { return None };
    digits.split('.').next()?.parse().ok()
}

fn refuse_failed(fields: &mut Fields<'_, '_>, status: Option<&str>) -> Result<(), Invalid> {
    let error = fields.take("error");
    if status != Some("failed") && error.is_none() {
        return Ok(());
    }
    let said = error.as_ref().and_then(|error| error.get("message")?.as_str());
    let message = said.unwrap_or("The provider could not answer, and did not say why.").to_owned();
    Err(Invalid { param: "error".to_owned(), message })
}

fn read_output<'a>(fields: &mut Fields<'a, '_>) -> Result<Vec<Part<'a>>, Invalid> {
    let Some(output) = fields.list("output")? else { return Err(fields.missing("output")) };
    let at = At::ROOT.member("output");
    let mut parts = Vec::with_capacity(output.len());
    for (index, item) in output.into_iter().enumerate() {
        parts.extend(items::read(item, at.item(index))?.parts);
    }
    Ok(parts)
}

/// The usage. Searches are reported beside it, if at all; else they are in the output.
fn read_usage(json: Option<&Json<'_>>, fields: &Fields<'_, '_>, parts: &[Part<'_>]) -> Option<Usage> {
    let usage = usage::read(json?)?;
    let searched = || count_searches(parts);
    let reported = fields.peek("tool_usage").and_then(|tools| tools.get("web_search")?.get("num_requests")?.as_u64());
    Some(Usage {
        web_searches: usage.web_searches.or(reported).or_else(searched),
        tier: usage::tier(fields.peek("service_tier")),
        ..usage
    })
}

fn count_searches(parts: &[Part<'_>]) -> Option<u64> {
    let of_search = |json: &Json<'_>| json.get("type").and_then(Json::as_str) == Some("web_search_call");
    let searches = parts.iter().filter(|part| matches!(&part.body, Body::Foreign(SELF, json) if of_search(json)));
    u64::try_from(searches.count()).ok().filter(|count| *count > 0)
}

/// The probabilities of all text, as chat completions have them.
fn logprobs<'a>(parts: &[Part<'a>]) -> Option<Json<'a>> {
    let of_part = |part: &Part<'a>| Some(part.rest.of(SELF)?.get("logprobs")?.as_array()?.to_vec());
    let all: Vec<Json<'a>> = parts.iter().filter_map(of_part).flatten().collect();
    (!all.is_empty()).then(|| Members::new().with("content", all).into())
}

/// Writes an answer for a caller.
#[must_use]
pub fn write<'a>(answer: &Answer<'a>, told: &Told<'_>) -> Json<'a> {
    let choice = answer.choices.first();
    let ended = Ended::of(choice.and_then(|choice| choice.stop.as_ref()));
    let id = if is_own(&answer.rest) { answer.id.clone() } else { None };
    let model = answer.model.clone().unwrap_or_else(|| told.model.to_owned().into());
    let mut output = Output { told, items: Vec::new(), open: None, logprobs: None, status: ended.item() };
    output.logprobs = choice.and_then(|choice| choice.logprobs.clone());
    for part in choice.into_iter().flat_map(|choice| &choice.parts) {
        output.add(part);
    }
    output.flush();
    let said = answer.rest.of(SELF).cloned().unwrap_or_default();
    let usage = answer.usage.as_ref().map_or(Json::Null, usage::write);
    let searches = answer.usage.and_then(|usage| usage.web_searches).filter(|_| !is_own(&answer.rest));
    let head = Members::new()
        .with("id", id.unwrap_or_else(|| envelope::name(answer.id.as_ref(), told.id)))
        .with("object", "response")
        .with("created_at", answer.created.unwrap_or(told.created))
        .with("model", model)
        .with_all(ended.members())
        .with("output", output.items)
        .with_some("usage", said.get("usage").is_none().then_some(usage));
    head.with_all(said).with_some("tool_usage", searches.map(tool_usage)).with_all(envelope::settings(told)).into()
}

/// Searches, as `OpenAI` reports them: beside what pictures took, which here is nothing.
pub(super) fn tool_usage(searches: u64) -> Members<'static> {
    let none = Members::new().with("image_tokens", 0_u64).with("text_tokens", 0_u64);
    let pictures = Members::new()
        .with("input_tokens", 0_u64)
        .with("input_tokens_details", none)
        .with("output_tokens", 0_u64)
        .with("total_tokens", 0_u64);
    Members::new().with("image_gen", pictures).with("web_search", Members::new().with("num_requests", searches))
}

struct Output<'a, 't> {
    told: &'t Told<'t>,
    items: Vec<Json<'a>>,
    /// The message that is being written: what it says of itself, and its content.
    open: Option<(Members<'a>, Vec<Json<'a>>)>,
    /// The probabilities, until there is text to put them beside.
    logprobs: Option<Json<'a>>,
    status: &'static str,
}

impl<'a> Output<'a, '_> {
    fn add(&mut self, part: &Part<'a>) {
        let item = match &part.body {
            Body::Reasoning(thoughts) => {
                let id = thoughts.id.clone().unwrap_or_else(|| self.name("rs"));
                reasoning::write(part, thoughts, id)
            }
            Body::ToolCall(made) => {
                let made = &self.as_declared(made);
                let id = made.id.clone().unwrap_or_else(|| format!("call_{}_{}", self.told.id, self.number()).into());
                let item = made.item.clone().unwrap_or_else(|| self.name("fc"));
                let item = call::write(part, made, id, Some(item));
                let item = item.with_some(super::SIGNATURE, part.signature.as_ref().map(content::signature));
                item.with_all(Members::new().with("status", "completed")).into()
            }
            Body::Image(media) => match items::picture(part, media, || self.name("ig").into_owned()) {
                Some(item) => item.into(),
                None => return self.said(part),
            },
            Body::Foreign(SELF, json) if !is_own(&part.rest) => json.clone(),
            Body::Foreign(origin, _) if *origin != SELF => return,
            Body::ToolResult(_) => return,
            _ => return self.said(part),
        };
        self.flush();
        self.items.push(item);
    }

    /// The call as one of the tool that the caller has.
    fn as_declared(&self, made: &ToolCall<'a>) -> ToolCall<'a> {
        let mut made = made.clone();
        let tools = self.told.request.map(|request| request.tools.as_slice()).unwrap_or_default();
        if made.kind == CallKind::Function && call::is_custom(tools, &made.name) {
            made.kind = CallKind::Custom;
            made.arguments = Arguments::Text(call::free_text(&made.arguments.to_text()).into_owned().into());
        }
        made
    }

    /// Adds to the message that is open, or to a new one.
    fn said(&mut self, part: &Part<'a>) {
        let itself = part.rest.of(SELF).and_then(|rest| rest.get(MESSAGE)).and_then(Json::as_object);
        if itself.is_some() || self.open.is_none() {
            self.flush();
            self.open = Some((itself.cloned().unwrap_or_default(), Vec::new()));
        }
        let mut pieces = Vec::new();
        // Nothing of an answer is at another provider's.
        if content::write(part, Side::Answer, &mut Losses::default(), &mut pieces).is_err() {
            return;
        }
        if let (Some(Json::Object(piece)), Body::Text(..)) = (pieces.first_mut(), &part.body) {
            let list = self.logprobs.take().and_then(|all| all.get("content").cloned());
            if let Some(list) = list.filter(|_| piece.get("logprobs").is_none()) {
                piece.push("logprobs", list);
            }
        }
        if let Some((_, content)) = &mut self.open {
            content.append(&mut pieces);
        }
    }

    fn flush(&mut self) {
        let Some((itself, content)) = self.open.take() else { return };
        let id = self.name("msg");
        let message = Members::new().with("type", "message").with("role", "assistant").with("content", content);
        let demanded = Members::new().with("id", id).with("status", self.status);
        self.items.push(message.with_all(itself).with_all(demanded).into());
    }

    fn name(&self, prefix: &str) -> Text<'a> {
        item_id(prefix, self.told.id, self.number()).into()
    }

    /// Where the next item will stand.
    const fn number(&self) -> usize {
        self.items.len() + if self.open.is_some() { 1 } else { 0 }
    }
}
