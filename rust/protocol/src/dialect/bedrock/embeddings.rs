//! Embeddings, which Bedrock has by `InvokeModel` alone: each maker's model has a body of its own.
//!
//! Sources: <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html> and
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html>.

use super::OWN;
use crate::canonical::{Body, Embedding, Embeddings, EmbeddingsRequest, Input, Losses, Rest, Text, Usage, Vector};
use crate::dialect::{Dialect, Wanted};
use crate::json::{At, Fields, Invalid, Json, Members};

/// Who made a model of embeddings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Maker {
    Titan,
    Cohere,
}

impl Maker {
    fn of(model: &str) -> Option<Self> {
        let makers = [("amazon.titan-embed", Self::Titan), ("cohere.embed", Self::Cohere)];
        makers.into_iter().find(|(word, _)| model.contains(word)).map(|(_, maker)| maker)
    }

    /// Its own members, which a caller may give beside those that all have.
    const fn own(self) -> &'static [&'static str] {
        match self {
            Self::Titan => &["normalize"],
            Self::Cohere => &["input_type", "truncate"],
        }
    }
}

/// Writes a request.
///
/// # Errors
/// [`Invalid`] for what is no text, for several texts where the model takes one, and for a model whose body cannot be told
/// from its name.
pub fn write<'a>(
    request: &EmbeddingsRequest<'a>,
    wanted: &Wanted<'_>,
    losses: &mut Losses,
) -> Result<Json<'a>, Invalid> {
    let maker = Maker::of(wanted.model).ok_or_else(|| {
        let said =
            "must lead to a Titan or Cohere model of embeddings, by its name: of others Bedrock's body is not known";
        At::ROOT.member("model").invalid(said)
    })?;
    let mut texts = request.inputs.iter().enumerate().map(|(index, input)| text(input, index));
    let body = match maker {
        Maker::Titan => {
            let only = match (texts.next(), texts.next()) {
                (Some(only), None) => only?,
                _ => return Err(At::ROOT.member("input").invalid("must be one text: Titan embeds one a request")),
            };
            Members::new().with("inputText", only)
        }
        Maker::Cohere => {
            let texts: Vec<Json<'a>> = texts.map(|text| text.map(Json::String)).collect::<Result<_, _>>()?;
            Members::new().with("texts", texts)
        }
    };
    losses.note_if(request.user.is_some(), "user");
    losses.note_if(request.title.is_some(), "title");
    let given = request.rest.of(Dialect::Chat);
    let own = |name: &&str| maker.own().contains(name);
    request.rest.foreign_to(OWN).filter(|name| !own(name)).for_each(|name| losses.note(name));
    let body = maker
        .own()
        .iter()
        .fold(body, |body, name| body.with_some(*name, given.and_then(|given| given.get(name)).cloned()));
    let body = match maker {
        Maker::Cohere if body.get("input_type").is_none() => body.with("input_type", purpose(request.task.as_deref())),
        Maker::Cohere => body,
        Maker::Titan => {
            losses.note_if(request.task.is_some(), "task");
            body
        }
    };
    let sized = match maker {
        Maker::Titan if wanted.model.contains("-v2") => Some("dimensions"),
        Maker::Cohere if wanted.model.contains("-v4") => Some("output_dimension"),
        _ => None,
    };
    losses.note_if(sized.is_none() && request.dimensions.is_some(), "dimensions");
    Ok(match sized {
        Some(name) => body.with_some(name, request.dimensions).into(),
        None => body.into(),
    })
}

/// Cohere's word for what vectors are for, which it must be told. Who does not say embeds documents, as most do.
fn purpose(task: Option<&str>) -> &'static str {
    match task {
        Some("RETRIEVAL_QUERY" | "QUESTION_ANSWERING" | "FACT_VERIFICATION" | "CODE_RETRIEVAL_QUERY") => "search_query",
        Some("CLASSIFICATION") => "classification",
        Some("CLUSTERING") => "clustering",
        _ => "search_document",
    }
}

fn text<'a>(input: &Input<'a>, index: usize) -> Result<Text<'a>, Invalid> {
    let at = At::ROOT.member("input");
    match input {
        Input::Text(text) => Ok(text.clone()),
        Input::Parts(parts) => match parts.as_slice() {
            [only] if let Body::Text(text, _) = &only.body => Ok(text.clone()),
            _ => Err(at.item(index).invalid("must be a text")),
        },
        Input::Tokens(_) => Err(at.item(index).invalid("must be text: tokens mean nothing to another model")),
    }
}

/// Reads an answer of any of them.
///
/// # Errors
/// [`Invalid`] for what is none.
pub fn read_answer(body: Json<'_>) -> Result<Embeddings<'_>, Invalid> {
    let mut fields = Fields::of(body, At::ROOT)?;
    let usage = fields.integer("inputTextTokenCount")?.map(|input| Usage { input: Some(input), ..Usage::default() });
    let (name, vectors) = match (fields.take("embedding"), fields.take("embeddings")) {
        (Some(only), _) => ("embedding", vec![only]),
        (None, Some(Json::Array(all))) => ("embeddings", all),
        // By type, where several were asked for.
        (None, Some(Json::Object(mut types))) => {
            let float =
                types.0.iter_mut().find(|(name, _)| name == "float").map(|(_, all)| std::mem::replace(all, Json::Null));
            let Some(Json::Array(all)) = float else { return Err(fields.missing("embeddings.float")) };
            ("embeddings", all)
        }
        _ => return Err(fields.missing("embeddings")),
    };
    let data = vectors.into_iter().zip(0..).map(|(vector, index)| {
        let invalid = || At::ROOT.member(name).invalid("must hold vectors of numbers");
        let Json::Array(items) = vector else { return Err(invalid()) };
        let number = |item| if let Json::Number(digits) = item { Some(digits) } else { None };
        let numbers: Option<Vec<_>> = items.into_iter().map(number).collect();
        Ok(Embedding { index, vector: Vector::Numbers(numbers.ok_or_else(invalid)?) })
    });
    let data = data.collect::<Result<_, Invalid>>()?;
    Ok(Embeddings { model: None, data, usage, rest: Rest::none() })
}
