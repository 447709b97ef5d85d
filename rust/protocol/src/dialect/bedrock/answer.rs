//! Whole answers.

use super::{OWN, block, stop, usage};
use crate::canonical::{Answer, Choice, Rest};
use crate::dialect::anthropic::emulated;
use crate::json::{At, Fields, Invalid, Json};

/// Reads an answer. It has no name of its own, and does not say which model it is of.
///
/// # Errors
/// [`Invalid`] if it has no message, or a member that is known has another type.
pub fn read(body: Json<'_>) -> Result<Answer<'_>, Invalid> {
    let usage = usage::read(&body);
    let mut fields = Fields::of(body, At::ROOT)?;
    let at = At::ROOT.member("output");
    let mut output = Fields::of(fields.take("output").ok_or_else(|| fields.missing("output"))?, at)?;
    let message = output.take("message").ok_or_else(|| output.missing("message"))?;
    let mut message = Fields::of(message, at.member("message"))?;
    let parts = message.each("content", block::read)?;
    let mut stop =
        fields.text("stopReason")?.map(|word| stop::read(word, fields.peek("additionalModelResponseFields")));
    if let Some(stop) = &mut stop {
        stop.detail = stop::detail(fields.peek("trace"));
    }
    fields.take("usage");
    let parts = emulated::read(parts, stop.as_mut());
    let choice = Choice { index: 0, parts, stop, logprobs: None, rest: Rest::none() };
    let rest = Rest::new(OWN, fields.rest());
    Ok(Answer { id: None, model: None, created: None, choices: vec![choice], usage, rest })
}
