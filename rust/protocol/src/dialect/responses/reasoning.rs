//! Reasoning items. What is shown of the thoughts is `content`, summaries of them are `summary`; what only the model can
//! read is `encrypted_content`, in which also the signatures of other dialects' models travel.

use std::borrow::Cow;

use super::content::with_rest;
use super::{SELF, is_own, left, own, theirs};
use crate::canonical::{Body, Part, Reasoning, Signature, Text};
use crate::dialect::signature::{of_field, to_field};
use crate::json::{At, Fields, Invalid, Json, Members};

/// Before another dialect's signature that is all there is of a thought, so that it comes back as such.
const REDACTED: &str = "redacted.";

/// Reads an item of `type` `reasoning`.
pub(super) fn read<'a>(json: Json<'a>, at: At<'_>) -> Result<Part<'a>, Invalid> {
    let mut fields = Fields::of(json, at)?;
    fields.take("type");
    let id = fields.text("id")?;
    let summary = fields.each("summary", read_text)?;
    let shown = fields.list("content")?;
    let empty = shown.as_ref().is_some_and(Vec::is_empty);
    let content = at.member("content");
    let texts = shown.unwrap_or_default().into_iter().enumerate();
    let texts = texts.map(|(index, item)| read_text(item, content.item(index))).collect::<Result<Vec<_>, _>>()?;
    let (signature, redacted) = match fields.text("encrypted_content")? {
        Some(field) => read_signature(field),
        None => (None, false),
    };
    let mut rest = left(fields);
    if empty {
        rest.push("content", Json::Array(Vec::new()));
    }
    let body = Body::Reasoning(Reasoning { id, text: joined(texts), summary, redacted });
    Ok(Part { body, cache: None, signature, rest: own(rest) })
}

fn read_text<'a>(json: Json<'a>, at: At<'_>) -> Result<Text<'a>, Invalid> {
    Fields::of(json, at)?.need_text("text")
}

fn joined(texts: Vec<Text<'_>>) -> Text<'_> {
    match <[Text<'_>; 1]>::try_from(texts) {
        Ok([text]) => text,
        Err(texts) => Cow::Owned(texts.join("\n\n")),
    }
}

/// The signature in `encrypted_content`, and whether it is all there is.
pub(super) fn read_signature(field: Text<'_>) -> (Option<Signature<'_>>, bool) {
    let signature = of_field(field, SELF);
    let redacted = signature.value.strip_prefix(REDACTED).filter(|_| signature.origin != SELF);
    if let Some(value) = redacted.map(str::to_owned) {
        return (Some(Signature { origin: signature.origin, value: Cow::Owned(value) }), true);
    }
    (Some(signature), false)
}

/// What stands in `encrypted_content` for `signature`.
pub(super) fn write_signature<'a>(signature: &Signature<'a>, redacted: bool) -> Text<'a> {
    if redacted && signature.origin != SELF {
        let value = Cow::Owned(format!("{REDACTED}{}", signature.value));
        return to_field(&Signature { origin: signature.origin, value }, SELF);
    }
    to_field(signature, SELF)
}

/// The item for a caller.
pub(super) fn write<'a>(part: &Part<'a>, reasoning: &Reasoning<'a>, id: Text<'a>) -> Json<'a> {
    let signature = part.signature.as_ref().map(|signature| write_signature(signature, reasoning.redacted));
    item(part, reasoning, Some(id), signature).into()
}

/// The item for a model that follows this dialect; None for thoughts that it would refuse: those that another's model
/// signed, or that nobody did and no provider of this dialect named.
pub(super) fn write_input<'a>(part: &Part<'a>, reasoning: &Reasoning<'a>) -> Option<Json<'a>> {
    let id = theirs(reasoning.id.as_ref());
    let signature = part.signature.as_ref();
    let known = match signature {
        Some(Signature { origin, .. }) => *origin == SELF,
        None => is_own(&part.rest) && id.is_some(),
    };
    if !known {
        return None;
    }
    let value = signature.map(|signature| signature.value.clone());
    if is_own(&part.rest) {
        return Some(item(part, reasoning, id, value).into());
    }
    // Through another dialect the summary has become the text; OpenAI's models take no thoughts as text.
    let summary = if reasoning.summary.is_empty() { vec![reasoning.text.clone()] } else { reasoning.summary.clone() };
    let shown = Reasoning { text: Text::default(), summary, ..Reasoning::default() };
    Some(item(part, &shown, id, value).into())
}

fn item<'a>(
    part: &Part<'a>,
    reasoning: &Reasoning<'a>,
    id: Option<Text<'a>>,
    encrypted: Option<Text<'a>>,
) -> Members<'a> {
    let summary = reasoning.summary.iter().filter(|text| is_own(&part.rest) || !text.is_empty());
    let summary: Vec<Json<'a>> = summary.map(|text| text_of("summary_text", text.clone())).collect();
    let shown = (!reasoning.text.is_empty()).then(|| vec![text_of("reasoning_text", reasoning.text.clone())]);
    let members = Members::new()
        .with("type", "reasoning")
        .with_some("id", id)
        .with("summary", summary)
        .with_some("content", shown)
        .with_some("encrypted_content", encrypted);
    with_rest(members, part)
}

fn text_of<'a>(kind: &'static str, text: Text<'a>) -> Json<'a> {
    Members::new().with("type", kind).with("text", text).into()
}
