//! Personal data in whole messages: requests, and answers that are not streamed.

use tollway_protocol::dialect::Dialect;
use tollway_protocol::text::{Path, rewrite_strings};

use super::contract::{Checks, Entity, Outcome, Plan, Reason, Refusal};
use super::fields::{self, Field};
use super::memory::Memory;
use super::shape::Shape;
use super::window::{Flags, Form, Treatment, refusal, survey, treat_whole};

/// Inspects a request's body.
pub(super) fn input(plan: &Plan, dialect: Dialect, body: &[u8], memory: &mut Memory) -> Result<Outcome, Refusal> {
    let mut flags = Flags::default();
    let mut treatment = Treatment {
        checks: plan.input,
        restore: false,
        restorable: Entity::ALL.map(|entity| plan.restores(entity)),
        memory,
        flags: &mut flags,
    };
    // First only look: placeholders that the caller wrote anywhere in the request are not given again.
    let mut masks = false;
    let look = |path: &Path<'_>, value: &str| {
        if fields::of_request(dialect, path.keys(), value).is_some() {
            masks |= survey(value, &mut treatment)?;
        }
        Ok(None)
    };
    let Some(looked) = rewrite(body, look)? else { return not_inspectable(plan.input, "pii:not-inspected") };
    if !masks {
        return Ok(Outcome { body: looked, flags: flags.list });
    }
    let mask = |path: &Path<'_>, value: &str| match fields::of_request(dialect, path.keys(), value) {
        Some(form) => treat_whole(value, form, &mut treatment),
        None => Ok(None),
    };
    let Some(body) = rewrite(body, mask)? else { return not_inspectable(plan.input, "pii:not-inspected") };
    Ok(Outcome { body, flags: flags.list })
}

/// Inspects a whole answer, and restores what was masked in its request.
///
/// `logprobs` become `null` in an answer in which something was masked: their tokens are that text in pieces.
pub(super) fn output(plan: &Plan, dialect: Dialect, body: &[u8], memory: &mut Memory) -> Result<Outcome, Refusal> {
    let restore = memory.restores_any();
    if !plan.output.any() && !restore {
        return Ok(Outcome { body: None, flags: Vec::new() });
    }
    let uninspected = uninspected(plan);
    let mut flags = Flags::default();
    let mut treatment =
        Treatment { checks: plan.output, restore, restorable: [false; Entity::COUNT], memory, flags: &mut flags };
    let treat = |path: &Path<'_>, value: &str| match fields::of_answer(dialect, path.keys(), value) {
        Field::Exempt => Ok(None),
        Field::Whole => treat_whole(value, Form::Plain, &mut treatment),
        Field::Continued(form) => treat_whole(value, form, &mut treatment),
    };
    let Some(mut treated) = rewrite(body, treat)? else { return not_inspectable(plan.output, uninspected) };
    if let Some(masked) = treated.as_deref().filter(|_| flags.masked > 0) {
        let Some(shape) = Shape::read(masked) else { return not_inspectable(plan.output, uninspected) };
        if !shape.logprobs.is_empty() {
            treated = Some(shape.without_logprobs(masked));
        }
    }
    Ok(Outcome { body: treated, flags: flags.list })
}

/// What becomes of a request that cannot be inspected.
pub(super) fn input_unseen(plan: &Plan) -> Result<Outcome, Refusal> {
    not_inspectable(plan.input, "pii:not-inspected")
}

/// What becomes of an answer that is too large to be inspected or restored.
pub(super) fn too_large(plan: &Plan) -> Result<Outcome, Refusal> {
    not_inspectable(plan.output, uninspected(plan))
}

/// The flag of an answer that passes as it is.
fn uninspected(plan: &Plan) -> &'static str {
    if plan.output.any() { "pii:not-inspected" } else { "pii:not-restored" }
}

/// Rewrites the strings of `body`; `None`: it is not JSON that can be walked.
fn rewrite(
    body: &[u8],
    mut visit: impl FnMut(&Path<'_>, &str) -> Result<Option<String>, Refusal>,
) -> Result<Option<Option<Vec<u8>>>, Refusal> {
    let mut refused = None;
    let rewritten = rewrite_strings(body, &mut |path, value| {
        if refused.is_some() {
            return None;
        }
        visit(path, value).unwrap_or_else(|refusal| {
            refused = Some(refusal);
            None
        })
    });
    match refused {
        Some(refusal) => Err(refusal),
        None => Ok(rewritten.ok()),
    }
}

fn not_inspectable(checks: Checks, flag: &str) -> Result<Outcome, Refusal> {
    if checks.any() && checks.closed() {
        return Err(refusal(Reason::NotInspectable));
    }
    Ok(Outcome { body: None, flags: vec![flag.to_owned()] })
}
