//! Embeddings: `embedContent` and `batchEmbedContents` (<https://ai.google.dev/api/embeddings>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::names::{each, object};
use super::part::{self, Unsaid};
use super::{GEMINI, model};
use crate::canonical::{Body, Embedding, Embeddings, EmbeddingsRequest, Input, Losses, Part, Rest, Text, Vector};
use crate::dialect::{Head, Wanted};
use crate::json::{At, Fields, Invalid, Json, Members};

/// Stands in the rest with null where a caller asked for several at once.
pub(super) const BATCH: &str = "requests";

/// Reads a request of either kind. What a batch's requests ask for must be the same for all.
///
/// # Errors
/// [`Invalid`] for a member of the wrong type, one that is missing, and requests that differ.
pub fn read<'a>(body: Json<'a>, head: Head<'_>) -> Result<EmbeddingsRequest<'a>, Invalid> {
    let mut fields = object(body, At::ROOT)?;
    if !fields.has(BATCH) {
        return one(fields, head);
    }
    let named = fields.text("model")?;
    let head = Head { model: head.model.or(named.as_deref()), ..head };
    let mut all = each(&mut fields, BATCH, |json, at| one(object(json, at)?, head))?.into_iter();
    let Some(mut first) = all.next() else { return Err(fields.missing(BATCH)) };
    for (index, next) in all.enumerate() {
        let same = next.dimensions == first.dimensions && next.task == first.task && next.title == first.title;
        if !same || next.rest != first.rest {
            let at = At::ROOT.member(BATCH);
            return Err(at.item(index + 1).invalid("must ask for the same as the first, but for its content"));
        }
        first.inputs.extend(next.inputs);
    }
    let own = std::mem::replace(&mut first.rest, Rest::none()).members;
    first.rest = Rest::new(GEMINI, own.with(BATCH, Json::Null).with_all(fields.rest()));
    Ok(first)
}

fn one<'a>(mut fields: Fields<'a, '_>, head: Head<'_>) -> Result<EmbeddingsRequest<'a>, Invalid> {
    let at = *fields.at();
    let named = fields.text("model")?;
    let Some(model) = head.model.or_else(|| named.as_deref().map(model::base)) else {
        return Err(fields.missing("model"));
    };
    let model: Text<'a> = model::base(model).to_owned().into();
    let Some(content) = fields.take("content") else { return Err(fields.missing("content")) };
    let mut content = object(content, at.member("content"))?;
    let mut parts = each(&mut content, "parts", part::read)?;
    let input = match parts.as_mut_slice() {
        [Part { body: Body::Text(text, _), signature: None, rest, .. }] if rest.members.is_empty() => {
            Input::Text(std::mem::take(text))
        }
        _ => Input::Parts(parts),
    };
    let dimensions = fields.integer("outputDimensionality")?;
    let task = fields.text("taskType")?;
    let title = fields.text("title")?;
    let rest = Rest::new(GEMINI, fields.rest());
    Ok(EmbeddingsRequest { model, inputs: vec![input], dimensions, base64: false, task, title, user: None, rest })
}

/// Whether a request goes to `batchEmbedContents`, and is so written.
#[must_use]
pub fn is_batch(request: &EmbeddingsRequest<'_>) -> bool {
    let asked = request.rest.of(GEMINI).is_some_and(|own| own.0.iter().any(|(name, _)| name == BATCH));
    asked || request.inputs.len() != 1
}

/// Writes a request, for the method that [`is_batch`] tells.
///
/// # Errors
/// [`Invalid`] for tokens, which are another model's, and for files that another provider keeps.
pub fn write<'a>(
    request: &EmbeddingsRequest<'a>,
    wanted: &Wanted<'_>,
    losses: &mut Losses,
) -> Result<Json<'a>, Invalid> {
    losses.note_if(request.user.is_some(), "user");
    request.rest.foreign_to(GEMINI).for_each(|name| losses.note(name));
    let own = request.rest.of(GEMINI);
    let common = Members::new()
        .with("model", format!("models/{}", model::base(wanted.model)))
        .with_some("taskType", request.task.clone())
        .with_some("title", request.title.clone())
        .with_some("outputDimensionality", request.dimensions)
        .with_all(Members(
            own.into_iter().flat_map(|own| own.0.iter().filter(|(name, _)| name != BATCH).cloned()).collect(),
        ));
    let mut written = request.inputs.iter().enumerate().map(|(index, input)| {
        let content = Members::new().with("parts", parts(input, index)?);
        Ok(common.clone().with("content", content).into())
    });
    if is_batch(request) {
        return Ok(Members::new().with(BATCH, written.collect::<Result<Vec<Json<'a>>, Invalid>>()?).into());
    }
    written.next().unwrap_or_else(|| Err(At::ROOT.member("input").invalid("must not be empty")))
}

fn parts<'a>(input: &Input<'a>, index: usize) -> Result<Vec<Json<'a>>, Invalid> {
    let at = At::ROOT.member("input");
    match input {
        Input::Text(text) => Ok(vec![Members::new().with("text", text.clone()).into()]),
        Input::Tokens(_) => Err(at.item(index).invalid("must be text: tokens mean nothing to another model")),
        Input::Parts(parts) => parts
            .iter()
            .map(|part| match part::write(part) {
                Ok(members) => Ok(members.into()),
                Err(Unsaid::File | Unsaid::Lost(_)) => Err(at.item(index).invalid("cannot be read by Gemini")),
            })
            .collect(),
    }
}

/// Reads an answer of either kind.
///
/// # Errors
/// [`Invalid`] for a member of the wrong type.
pub fn read_answer(body: Json<'_>) -> Result<Embeddings<'_>, Invalid> {
    let mut fields = object(body, At::ROOT)?;
    let mut index = 0;
    let mut read = |json, at: At<'_>| {
        let mut fields = object(json, at)?;
        let numbers = fields.each("values", |json, at| match json {
            Json::Number(digits) => Ok(digits),
            _ => Err(at.invalid("must be a number")),
        })?;
        let embedding = Embedding { index, vector: Vector::Numbers(numbers) };
        index += 1;
        Ok(embedding)
    };
    let data = if fields.has("embedding") {
        each(&mut fields, "embedding", &mut read)?
    } else {
        each(&mut fields, "embeddings", &mut read)?
    };
    let counted = fields.members("usageMetadata")?.map(Json::Object);
    let usage = counted.as_ref().and_then(super::usage::read);
    let rest = fields.rest().with_some("usageMetadata", counted);
    Ok(Embeddings { model: None, data, usage, rest: Rest::new(GEMINI, rest) })
}

/// Writes an answer, for `batchEmbedContents` if it is to be a `batch`.
#[must_use]
pub fn write_answer<'a>(answer: &Embeddings<'a>, batch: bool) -> Json<'a> {
    let own = answer.rest.of(GEMINI).cloned().unwrap_or_default();
    let counted = answer.usage.map(|usage| super::answer::write_usage(&usage, own.get("usageMetadata").cloned()));
    let mut each = answer.data.iter().map(|embedding| values(&embedding.vector).into());
    let written = if batch {
        Members::new().with("embeddings", each.collect::<Vec<Json<'a>>>())
    } else {
        Members::new().with_some("embedding", each.next())
    };
    written.with_some("usageMetadata", counted).with_all(own).into()
}

fn values<'a>(vector: &Vector<'a>) -> Members<'a> {
    let numbers = match vector {
        Vector::Numbers(numbers) => numbers.iter().cloned().map(Json::Number).collect(),
        Vector::Base64(data) => {
            let bytes = STANDARD.decode(data.as_bytes()).unwrap_or_default();
            let number = |four: &[u8]| f32::from_le_bytes(four.try_into().unwrap_or_default());
            let numbers = bytes.chunks_exact(4).map(number).map(|number| if number.is_finite() { number } else { 0.0 });
            numbers.map(|number| Json::Number(number.to_string().into())).collect()
        }
    };
    Members::new().with("values", Json::Array(numbers))
}
