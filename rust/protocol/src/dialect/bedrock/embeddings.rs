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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::dialect::{Head, gemini, openai};

    /// What goes out for `body`, and what is lost.
    fn written(model: &str, body: &'static str) -> (Result<String, String>, Vec<String>) {
        let json = Json::parse(body.as_bytes()).unwrap();
        let request = match body.contains("\"content\"") {
            true => gemini::embeddings::read(json, Head { model: Some("m"), stream: false }),
            false => openai::embeddings::read_request(json, Head::default()),
        };
        let mut losses = Losses::default();
        let written = write(&request.unwrap(), &Wanted::new(model), &mut losses);
        let written = written.map(|json| String::from_utf8(json.to_bytes()).unwrap()).map_err(|invalid| invalid.param);
        (written, losses.names().iter().map(ToString::to_string).collect())
    }

    fn sent(model: &str, body: &'static str, expected: &str, lost: &[&str]) {
        let (written, losses) = written(model, body);
        assert_eq!((written.as_deref(), losses), (Ok(expected), lost.iter().map(ToString::to_string).collect()));
    }

    #[test]
    fn each_makers_body() {
        let titan = "amazon.titan-embed-text-v2:0";
        let body = r#"{"model":"m","input":"a","dimensions":256,"normalize":false,"truncate":"END","user":"u"}"#;
        sent(titan, body, r#"{"inputText":"a","normalize":false,"dimensions":256}"#, &["user", "truncate"]);
        let body = r#"{"model":"m","input":["a"],"dimensions":256}"#;
        sent("amazon.titan-embed-text-v1", body, r#"{"inputText":"a"}"#, &["dimensions"]);
        let cohere = "us.cohere.embed-v4:0";
        let body = r#"{"model":"m","input":["a","b"],"dimensions":256,"input_type":"clustering"}"#;
        sent(cohere, body, r#"{"texts":["a","b"],"input_type":"clustering","output_dimension":256}"#, &[]);
        let body = r#"{"content":{"parts":[{"text":"a"}]},"taskType":"RETRIEVAL_QUERY"}"#;
        sent(cohere, body, r#"{"texts":["a"],"input_type":"search_query"}"#, &[]);
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        let titan = "amazon.titan-embed-text-v2:0";
        assert_eq!(written(titan, r#"{"model":"m","input":["a","b"]}"#).0, Err("input".to_owned()));
        assert_eq!(written(titan, r#"{"model":"m","input":[1,2]}"#).0, Err("input[0]".to_owned()));
        assert_eq!(written("arn:aws:bedrock:x", r#"{"model":"m","input":"a"}"#).0, Err("model".to_owned()));
    }

    #[test]
    fn answers_of_all() {
        for (body, vectors, input) in [
            (r#"{"embedding":[0.5,-1],"inputTextTokenCount":3}"#, vec![vec!["0.5", "-1"]], Some(3)),
            (r#"{"embeddings":[[1],[2]],"response_type":"embeddings_floats"}"#, vec![vec!["1"], vec!["2"]], None),
            (r#"{"embeddings":{"float":[[1.5]]},"response_type":"embeddings_by_type"}"#, vec![vec!["1.5"]], None),
        ] {
            let answer = read_answer(Json::parse(body.as_bytes()).unwrap()).unwrap();
            let read: Vec<_> = answer.data.iter().map(|one| one.vector.to_numbers().unwrap()).collect();
            assert_eq!(read, vectors);
            assert_eq!(answer.usage.and_then(|usage| usage.input), input);
        }
        for body in [r#"{"embeddings":[1]}"#, r#"{"embeddings":{"int8":[[1]]}}"#, "{}", r#"{"embedding":["a"]}"#] {
            assert!(read_answer(Json::parse(body.as_bytes()).unwrap()).is_err(), "{body}");
        }
    }
}
