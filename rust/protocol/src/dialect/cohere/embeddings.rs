//! Embeddings, `POST /v2/embed` (<https://docs.cohere.com/reference/embed>), for upstreams alone.
//!
//! The API demands what the texts are for, `input_type`. Gemini's `taskType` says it in other words; who calls `OpenAI`'s
//! endpoint says it as `input_type`, as Cohere and Voyage have it, or as `task` (Jina). Who says nothing gets vectors of
//! documents, as most texts that are embedded are.

use std::borrow::Cow;

use super::usage;
use crate::canonical::{Body, Embedding, Embeddings, EmbeddingsRequest, Input, Losses, Part, Rest, Vector};
use crate::dialect::Wanted;
use crate::json::{At, Fields, Invalid, Json, Members};

/// What passes as it is, where a caller says it in these words.
const PASSED: [&str; 3] = ["truncate", "max_tokens", "priority"];

/// Writes a request; what it cannot say is noted in `losses`.
///
/// # Errors
/// [`Invalid`] for tokens, which are another model's, and for what is neither text nor picture.
pub fn write<'r>(
    request: &'r EmbeddingsRequest<'_>,
    wanted: &Wanted<'_>,
    losses: &mut Losses,
) -> Result<Json<'r>, Invalid> {
    losses.note_if(request.user.is_some(), "user");
    losses.note_if(request.title.is_some(), "title");
    let said = |name: &str| request.rest.members.get(name);
    let read = ["input_type", "task", "embedding_types", "encoding_format"];
    let lost = request.rest.members.0.iter().filter(|(name, value)| {
        *value != Json::Null && !read.contains(&name.as_ref()) && !PASSED.contains(&name.as_ref())
    });
    lost.for_each(|(name, _)| losses.note(name));
    let task = ["input_type", "task"].into_iter().find_map(|name| said(name)?.as_str());
    let mut body = Members::new()
        .with("model", wanted.model.to_owned())
        .with("input_type", input_type(task.or(request.task.as_deref()), losses))
        .with("embedding_types", vec![Json::from("float")])
        .with_some("output_dimension", request.dimensions);
    for name in PASSED {
        if let Some(value) = said(name) {
            body.push(name, value.lend());
        }
    }
    let texts: Option<Vec<Json<'r>>> = request.inputs.iter().map(text).collect();
    let inputs = match texts {
        Some(texts) => ("texts", texts),
        None => ("inputs", request.inputs.iter().enumerate().map(content).collect::<Result<_, _>>()?),
    };
    Ok(body.with(inputs.0, inputs.1).into())
}

/// Cohere's word for what an embedding is for.
fn input_type<'r>(task: Option<&'r str>, losses: &mut Losses) -> Cow<'r, str> {
    let Some(task) = task else { return Cow::Borrowed("search_document") };
    let known = match task.to_ascii_lowercase().as_str() {
        // Gemini; Voyage; Jina.
        "retrieval_query"
        | "question_answering"
        | "fact_verification"
        | "code_retrieval_query"
        | "query"
        | "retrieval.query"
        | "nl2code.query"
        | "search_query" => "search_query",
        "retrieval_document" | "document" | "retrieval.passage" | "nl2code.passage" | "search_document" => {
            "search_document"
        }
        "classification" => "classification",
        "clustering" | "separation" => "clustering",
        "semantic_similarity" | "text-matching" => {
            losses.note("task");
            "search_document"
        }
        // Newer words of Cohere's own.
        _ => return Cow::Borrowed(task),
    };
    Cow::Borrowed(known)
}

fn text<'r>(input: &'r Input<'_>) -> Option<Json<'r>> {
    match input {
        Input::Text(text) => Some(Json::from(text.as_ref())),
        Input::Parts(_) | Input::Tokens(_) => None,
    }
}

/// An input of several pieces.
fn content<'r>((index, input): (usize, &'r Input<'_>)) -> Result<Json<'r>, Invalid> {
    let at = At::ROOT.member("input");
    let text = |text: &'r str| Json::from(Members::new().with("type", "text").with("text", text));
    let piece = |part: &'r Part<'_>| match &part.body {
        Body::Text(said, _) => Some(text(said)),
        Body::Image(media) => {
            let url = Members::new().with("url", media.url("image/png")?);
            Some(Members::new().with("type", "image_url").with("image_url", url).into())
        }
        _ => None,
    };
    let pieces: Option<Vec<Json<'r>>> = match input {
        Input::Text(said) => Some(vec![text(said)]),
        Input::Parts(parts) => parts.iter().map(piece).collect(),
        Input::Tokens(_) => {
            return Err(at.item(index).invalid("must be text: tokens mean nothing to another model"));
        }
    };
    let pieces = pieces.ok_or_else(|| at.item(index).invalid("must be text or pictures for this model's provider"))?;
    Ok(Members::new().with("content", pieces).into())
}

/// Reads an answer.
///
/// # Errors
/// [`Invalid`] for what is no answer.
pub fn read(body: Json<'_>) -> Result<Embeddings<'_>, Invalid> {
    let mut fields = Fields::of(body, At::ROOT)?;
    let at = At::ROOT.member("embeddings");
    let vectors = match fields.take("embeddings").ok_or_else(|| fields.missing("embeddings"))? {
        // Of the older API, and where no types were asked for.
        Json::Array(vectors) => vectors,
        by_type => {
            let mut by_type = Fields::of(by_type, at)?;
            by_type.list("float")?.ok_or_else(|| by_type.missing("float"))?
        }
    };
    let mut data = Vec::with_capacity(vectors.len());
    for (index, vector) in (0_u64..).zip(vectors) {
        let wrong = || at.invalid("must hold arrays of numbers");
        let Json::Array(items) = vector else { return Err(wrong()) };
        let number = |item| if let Json::Number(digits) = item { Ok(digits) } else { Err(wrong()) };
        let numbers = items.into_iter().map(number).collect::<Result<_, _>>()?;
        data.push(Embedding { index, vector: Vector::Numbers(numbers) });
    }
    let usage = fields.take("meta").as_ref().and_then(usage::read);
    Ok(Embeddings { model: None, data, usage, rest: Rest::none() })
}
