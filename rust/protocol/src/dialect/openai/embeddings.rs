//! Embeddings: `POST /v1/embeddings`.

use std::borrow::Cow;

use super::answer::refuse_error;
use super::marks::{CHAT, is_own, mark, marked, note_foreign, own, with_rest};
use super::usage;
use crate::canonical::{Body, Embedding, Embeddings, EmbeddingsRequest, Input, Losses, Part, Text, Usage, Vector};
use crate::dialect::{Head, Told, Wanted};
use crate::json::{At, Fields, Invalid, Json, Members};

/// Reads a caller's request.
///
/// # Errors
/// [`Invalid`] for what is missing or of a wrong type.
pub fn read_request<'a>(body: Json<'a>, head: Head<'_>) -> Result<EmbeddingsRequest<'a>, Invalid> {
    let mut fields = Fields::of(body, At::ROOT)?;
    let mut rest = Members::new();
    let model = match (fields.text("model")?, head.model) {
        (Some(model), _) => model,
        (None, Some(model)) => model.to_owned().into(),
        (None, None) => return Err(fields.missing("model")),
    };
    let inputs = inputs(&mut fields, &mut rest)?;
    let encoding = fields.text("encoding_format")?;
    let base64 = encoding.as_deref() == Some("base64");
    match encoding {
        Some(float) if float == "float" => mark(&mut rest, "encoding_format"),
        // Others know more of them, as Perplexity's integers.
        Some(other) if !base64 => rest.push("encoding_format", other),
        _ => {}
    }
    let (dimensions, user) = (fields.integer("dimensions")?, fields.text("user")?);
    rest.0.extend(fields.rest().0);
    Ok(EmbeddingsRequest { model, inputs, dimensions, base64, task: None, title: None, user, rest: own(rest) })
}

/// A text, tokens, or a list of either.
fn inputs<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Vec<Input<'a>>, Invalid> {
    let at = At::ROOT.member("input");
    let items = match fields.take("input").ok_or_else(|| fields.missing("input"))? {
        Json::String(text) => {
            mark(rest, "input");
            return Ok(vec![Input::Text(text)]);
        }
        Json::Array(items) if items.is_empty() => return Err(at.invalid("must not be empty")),
        Json::Array(items) => items,
        _ => return Err(at.invalid("must be a string or an array")),
    };
    if matches!(items.first(), Some(Json::Number(_))) {
        mark(rest, "input");
        return Ok(vec![tokens(&items, at)?]);
    }
    let each = items.into_iter().enumerate().map(|(index, item)| match item {
        Json::String(text) => Ok(Input::Text(text)),
        Json::Array(items) => tokens(&items, at.item(index)),
        _ => Err(at.item(index).invalid("must be a string or an array of tokens")),
    });
    each.collect()
}

fn tokens<'a>(items: &[Json<'a>], at: At<'_>) -> Result<Input<'a>, Invalid> {
    let each = items.iter().enumerate();
    let each = each.map(|(index, item)| item.as_u64().ok_or_else(|| at.item(index).invalid("must be a token")));
    each.collect::<Result<_, _>>().map(Input::Tokens)
}

fn text_of<'a>(parts: &[Part<'a>]) -> Text<'a> {
    let texts =
        parts.iter().filter_map(|part| if let Body::Text(text, _) = &part.body { Some(text.as_ref()) } else { None });
    Cow::Owned(texts.collect::<Vec<_>>().join("\n"))
}

/// Writes a request for an upstream; what it cannot say is noted in `losses`.
#[must_use]
pub fn write_request<'a>(request: &EmbeddingsRequest<'a>, wanted: &Wanted<'_>, losses: &mut Losses) -> Json<'a> {
    note_foreign(&request.rest, "", &[], losses);
    losses.note_if(request.task.is_some(), "task");
    losses.note_if(request.title.is_some(), "title");
    let one = |input: &Input<'a>| match input {
        Input::Text(text) => Json::String(text.clone()),
        Input::Tokens(tokens) => tokens.iter().map(|token| Json::integer(*token)).collect::<Vec<_>>().into(),
        // Several pieces as one: here only the text of them can be told.
        Input::Parts(parts) => Json::String(text_of(parts)),
    };
    let spoken = |input: &Input<'_>| match input {
        Input::Parts(parts) => parts.iter().all(|part| matches!(part.body, Body::Text(..))),
        _ => true,
    };
    losses.note_if(!request.inputs.iter().all(spoken), "content");
    let input = match request.inputs.as_slice() {
        [only] if marked(&request.rest, "input") => one(only),
        all => all.iter().map(one).collect::<Vec<_>>().into(),
    };
    let stated = request.base64 || marked(&request.rest, "encoding_format");
    let encoding = stated.then_some(if request.base64 { "base64" } else { "float" });
    let body = Members::new()
        .with("model", wanted.model.to_owned())
        .with("input", input)
        .with_some("dimensions", request.dimensions)
        .with_some("encoding_format", encoding)
        .with_some("user", request.user.clone());
    with_rest(body, &request.rest).into()
}

/// Reads an upstream's answer.
///
/// # Errors
/// [`Invalid`] for what is no answer.
pub fn read(body: Json<'_>) -> Result<Embeddings<'_>, Invalid> {
    refuse_error(&body)?;
    let mut fields = Fields::of(body, At::ROOT)?;
    if !fields.has("data") {
        return Err(fields.missing("data"));
    }
    let data = fields.each("data", embedding)?;
    let model = fields.text("model")?;
    let reported = fields.take("usage");
    let usage = reported.as_ref().and_then(usage::of_input);
    let mut rest = Members::new();
    rest.0.extend(reported.map(|reported| ("usage".into(), reported)));
    rest.0.extend(fields.rest().0);
    Ok(Embeddings { model, data, usage, rest: own(rest) })
}

fn embedding<'a>(json: Json<'a>, at: At<'_>) -> Result<Embedding<'a>, Invalid> {
    let mut fields = Fields::of(json, at)?;
    let index = fields.integer("index")?.unwrap_or(0);
    let vector = at.member("embedding");
    let vector = match fields.take("embedding") {
        Some(Json::String(data)) => Vector::Base64(data),
        Some(Json::Array(items)) => {
            let number = |item| if let Json::Number(digits) = item { Some(digits) } else { None };
            let numbers: Option<Vec<_>> = items.into_iter().map(number).collect();
            Vector::Numbers(numbers.ok_or_else(|| vector.invalid("must hold numbers alone"))?)
        }
        _ => return Err(vector.invalid("must be an array of numbers, or base64")),
    };
    Ok(Embedding { index, vector })
}

/// Writes an answer for a caller, its vectors in `base64` or as numbers.
///
/// # Errors
/// [`Invalid`] for a vector that cannot be written so: what the upstream sent is none.
pub fn write<'a>(answer: &Embeddings<'a>, base64: bool, told: &Told<'_>) -> Result<Json<'a>, Invalid> {
    let list = At::ROOT.member("data");
    let each = answer.data.iter().enumerate().map(|(at, embedding)| {
        let vector: Option<Json<'a>> = if base64 {
            embedding.vector.to_base64().map(Json::String)
        } else {
            let numbers = embedding.vector.to_numbers();
            numbers.map(|numbers| numbers.into_iter().map(Json::Number).collect::<Vec<_>>().into())
        };
        let vector =
            vector.ok_or_else(|| list.item(at).member("embedding").invalid("is no vector of 32-bit floats"))?;
        let said = Members::new().with("object", "embedding").with("index", embedding.index);
        Ok(said.with("embedding", vector).into())
    });
    let data: Vec<Json<'a>> = each.collect::<Result<_, Invalid>>()?;
    let said = answer.rest.of(CHAT).and_then(|rest| rest.get("usage")).filter(|_| is_own(&answer.rest));
    let usage = match (said, &answer.usage) {
        (Some(json), known) if usage::of_input(json) == *known => Some(json.clone()),
        (_, known) => known.as_ref().map(write_usage),
    };
    let body = Members::new()
        .with("object", "list")
        .with("data", data)
        .with("model", answer.model.clone().unwrap_or_else(|| told.model.to_owned().into()))
        .with("usage", usage.unwrap_or_else(|| write_usage(&Usage::default())));
    Ok(with_rest(body, &answer.rest).into())
}

fn write_usage<'a>(usage: &Usage) -> Json<'a> {
    let input = usage.all_input().unwrap_or(0);
    Members::new().with("prompt_tokens", input).with("total_tokens", usage.total.unwrap_or(input)).into()
}
