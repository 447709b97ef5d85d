//! Rerankings, `POST /v1/rerank`: the shape that Cohere began with and that Jina and most servers since have, and the two
//! that depart from it.
//!
//! | | the shape of callers and most servers | Cohere, version 2 | Voyage |
//! |---|---|---|---|
//! | at most so many | `top_n` | `top_n` | `top_k` |
//! | documents | texts, or objects | texts | texts |
//! | documents come back | `return_documents` | never | `return_documents`, as texts |
//! | answer | `results` | `results` | `data` |
//! | what it took | `usage`, or `meta` | `meta` | `usage` |
//!
//! From <https://docs.cohere.com/reference/rerank>, <https://docs.cohere.com/v1/reference/rerank>,
//! <https://docs.voyageai.com/reference/reranker-api> and <https://api.jina.ai/docs>.

use serde::Deserialize;

use super::cohere::usage as billed;
use super::openai::usage;
use super::{Told, Wanted};
use crate::canonical::{Losses, RankedDocument, RerankRequest, Reranked};
use crate::json::{At, Fields, Invalid, Json, Members};

/// Which shape a server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// That of callers: it passes.
    #[default]
    Standard,
    /// Cohere's, version 2.
    Cohere,
    /// Voyage's.
    Voyage,
}

impl Shape {
    /// Whether `request` passes as it is.
    #[must_use]
    pub fn takes(self, request: &RerankRequest<'_>) -> bool {
        match self {
            Self::Standard => true,
            Self::Cohere => {
                let texts = request.documents.iter().all(|document| document.as_str().is_some());
                texts && request.return_documents.is_none() && request.rest.0.iter().all(|(name, _)| name == "priority")
            }
            Self::Voyage => false,
        }
    }
}

/// Reads a caller's request.
///
/// # Errors
/// [`Invalid`] for what is missing or of a wrong type.
pub fn read_request(body: Json<'_>) -> Result<RerankRequest<'_>, Invalid> {
    let mut fields = Fields::of(body, At::ROOT)?;
    let (model, query) = (fields.need_text("model")?, fields.need_text("query")?);
    let documents = fields.list("documents")?.ok_or_else(|| fields.missing("documents"))?;
    let list = At::ROOT.member("documents");
    let wrong = documents.iter().position(|one| !matches!(one, Json::String(_) | Json::Object(_)));
    if let Some(index) = wrong {
        return Err(list.item(index).invalid("must be a string or an object"));
    }
    Ok(RerankRequest {
        model,
        query,
        documents,
        top: fields.integer("top_n")?,
        return_documents: fields.flag("return_documents")?,
        max_tokens_per_doc: fields.integer("max_tokens_per_doc")?,
        rest: fields.rest(),
    })
}

/// Writes a request for a server of this shape; what it cannot be told is noted in `losses`.
///
/// # Errors
/// [`Invalid`] for a document that is no text.
pub fn write_request<'r>(
    request: &'r RerankRequest<'_>,
    shape: Shape,
    wanted: &Wanted<'_>,
    losses: &mut Losses,
) -> Result<Json<'r>, Invalid> {
    let list = At::ROOT.member("documents");
    let each = request.documents.iter();
    let documents = match shape {
        Shape::Standard => each.map(Json::lend).collect(),
        Shape::Cohere | Shape::Voyage => each
            .enumerate()
            .map(|(index, document)| text_of(document, list.item(index)))
            .collect::<Result<Vec<_>, _>>()?,
    };
    let top = if shape == Shape::Voyage { "top_k" } else { "top_n" };
    let (returned, bound) = match shape {
        Shape::Standard => (request.return_documents, request.max_tokens_per_doc),
        // They are put back into the answer.
        Shape::Cohere => (None, request.max_tokens_per_doc),
        Shape::Voyage => (request.return_documents, None),
    };
    losses.note_if(bound.is_none() && request.max_tokens_per_doc.is_some(), "max_tokens_per_doc");
    let mut body = Members::new()
        .with("model", wanted.model.to_owned())
        .with("query", request.query.as_ref())
        .with("documents", documents)
        .with_some(top, request.top)
        .with_some("return_documents", returned)
        .with_some("max_tokens_per_doc", bound);
    let known: &[&str] = match shape {
        Shape::Cohere => &["priority"],
        Shape::Voyage => &["truncation"],
        Shape::Standard => &[],
    };
    for (name, value) in request.rest.0.iter().filter(|(_, value)| *value != Json::Null) {
        if shape == Shape::Standard || known.contains(&name.as_ref()) {
            body.push(name.as_ref(), value.lend());
        } else {
            losses.note(name);
        }
    }
    Ok(body.into())
}

/// A document as text: an object that holds nothing but its `text` is that; another one is its JSON, which is also the YAML
/// that Cohere asks for. What is no text at all, as a picture's address, has another meaning then, and is refused.
fn text_of<'r>(document: &'r Json<'_>, at: At<'_>) -> Result<Json<'r>, Invalid> {
    let Json::Object(members) = document else { return Ok(document.lend()) };
    match members.0.as_slice() {
        [(name, text @ Json::String(_))] if name == "text" => Ok(text.lend()),
        [] => Err(at.invalid("must not be empty")),
        fields if fields.iter().any(|(name, _)| matches!(name.as_ref(), "image" | "image_url" | "video")) => {
            Err(at.invalid("must be text for this model's provider"))
        }
        _ => Ok(document.to_text().into()),
    }
}

/// Reads a server's answer, of whatever shape.
///
/// # Errors
/// [`Invalid`] for what is no answer.
pub fn read(body: Json<'_>) -> Result<Reranked<'_>, Invalid> {
    let mut fields = Fields::of(body, At::ROOT)?;
    let list = if fields.has("results") { "results" } else { "data" };
    if !fields.has(list) {
        return Err(fields.missing("results"));
    }
    let results = fields.each(list, |json, at| {
        let mut fields = Fields::of(json, at)?;
        let index = fields.integer("index")?.ok_or_else(|| fields.missing("index"))?;
        let score = fields.number("relevance_score")?.ok_or_else(|| fields.missing("relevance_score"))?;
        Ok(RankedDocument { index, score, document: fields.take("document") })
    })?;
    let (id, model) = (fields.text("id")?, fields.text("model")?);
    let meta = fields.take("meta").as_ref().and_then(billed::read);
    let usage = meta.or_else(|| fields.take("usage").as_ref().and_then(usage::of_input));
    Ok(Reranked { id, model, results, usage })
}

/// Writes an answer for a caller who `asked`: with the documents, where they are wanted and did not come back.
#[must_use]
pub fn write<'r>(answer: &'r Reranked<'_>, asked: &'r RerankRequest<'_>, told: &Told<'_>) -> Json<'r> {
    let wanted = asked.return_documents == Some(true);
    let results = answer.results.iter().map(|ranked| {
        let own = || usize::try_from(ranked.index).ok().and_then(|index| asked.documents.get(index));
        let document = own().or(ranked.document.as_ref()).filter(|_| wanted);
        let document = document.map(|document| match document {
            Json::String(text) => Members::new().with("text", text.as_ref()).into(),
            object => object.lend(),
        });
        let score = Json::Number(ranked.score.as_ref().into());
        let members = Members::new().with("index", ranked.index).with("relevance_score", score);
        Json::from(members.with_some("document", document))
    });
    let usage = answer.usage.unwrap_or_default();
    let units =
        usage.search_units.map(|units| Members::new().with("billed_units", Members::new().with("search_units", units)));
    let tokens = usage.all_input().map(|input| Members::new().with("prompt_tokens", input).with("total_tokens", input));
    let id = answer.id.as_deref().map_or_else(|| format!("rerank-{}", told.id), str::to_owned);
    Members::new()
        .with("id", id)
        .with("object", "list")
        .with("model", answer.model.as_deref().map_or_else(|| told.model.to_owned(), str::to_owned))
        .with("results", results.collect::<Vec<_>>())
        .with_some("meta", units)
        .with_some("usage", tokens)
        .into()
}
