//! Embeddings of Vertex AI's `predict`
//! (<https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api>), which callers know as
//! `embedContent`.

use super::GEMINI;
use super::names::{each, object};
use crate::canonical::{
    Body, Embedding, Embeddings, EmbeddingsRequest, Input, Losses, Part, Rest, Text, Usage, Vector,
};
use crate::json::{At, Invalid, Json, Members};

/// Whether Vertex AI embeds with `model` by `predict`: it does with all but the newer ones of Gemini and those of others, as
/// Google's own client knows (<https://github.com/googleapis/python-genai>, `t_is_vertex_embed_content_model`).
#[must_use]
pub fn is_for(model: &str) -> bool {
    let newer = model.contains("gemini") && !model.ends_with("gemini-embedding-001");
    !newer && !model.contains("maas")
}

/// Writes a request.
///
/// # Errors
/// [`Invalid`] for what is not text.
pub fn write<'a>(request: &EmbeddingsRequest<'a>, losses: &mut Losses) -> Result<Json<'a>, Invalid> {
    const TRUNCATE: &str = "autoTruncate";
    losses.note_if(request.user.is_some(), "user");
    request.rest.foreign_to(GEMINI).for_each(|name| losses.note(name));
    let own = request.rest.of(GEMINI);
    let others = own.into_iter().flat_map(|own| &own.0).map(|(name, _)| name.as_ref());
    others.filter(|name| ![TRUNCATE, super::embeddings::BATCH].contains(name)).for_each(|name| losses.note(name));
    let instance = |(index, input)| {
        let members = Members::new()
            .with("content", text(input, index)?)
            .with_some("task_type", request.task.clone())
            .with_some("title", request.title.clone());
        Ok(members.into())
    };
    let instances = request.inputs.iter().enumerate().map(instance).collect::<Result<Vec<Json<'a>>, Invalid>>()?;
    let parameters = Members::new()
        .with_some("outputDimensionality", request.dimensions)
        .with_some(TRUNCATE, own.and_then(|own| own.get(TRUNCATE)).cloned());
    let parameters = (!parameters.is_empty()).then_some(parameters);
    Ok(Members::new().with("instances", instances).with_some("parameters", parameters).into())
}

fn text<'a>(input: &Input<'a>, index: usize) -> Result<Text<'a>, Invalid> {
    match input {
        Input::Text(text) => Ok(text.clone()),
        Input::Parts(parts) => match parts.as_slice() {
            [Part { body: Body::Text(text, _), .. }] => Ok(text.clone()),
            _ => Err(At::ROOT.member("input").item(index).invalid("must be one text: this model embeds nothing else")),
        },
        Input::Tokens(_) => {
            Err(At::ROOT.member("input").item(index).invalid("must be text: tokens mean nothing to another model"))
        }
    }
}

/// Reads an answer. Each text's tokens are counted by themselves; where one is not, the sum is unknown.
///
/// # Errors
/// [`Invalid`] for a member of the wrong type.
pub fn read_answer(body: Json<'_>) -> Result<Embeddings<'_>, Invalid> {
    let mut tokens = Some(0);
    let mut index = 0;
    let data = each(&mut object(body, At::ROOT)?, "predictions", |json, at| {
        let list = at.member("embeddings");
        let mut own = object(object(json, at)?.take("embeddings").unwrap_or(Json::Null), list)?;
        let counted = own.take("statistics").and_then(|told| told.get("token_count")?.as_u64());
        tokens = tokens.and_then(|sum: u64| sum.checked_add(counted?));
        let numbers = own.each("values", |json, at| match json {
            Json::Number(digits) => Ok(digits),
            _ => Err(at.invalid("must be a number")),
        })?;
        index += 1;
        Ok(Embedding { index: index - 1, vector: Vector::Numbers(numbers) })
    })?;
    let usage = tokens.filter(|_| !data.is_empty()).map(|input| Usage { input: Some(input), ..Usage::default() });
    Ok(Embeddings { model: None, data, usage, rest: Rest::none() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::dialect::Head;

    #[test]
    fn the_models_that_embed_by_it() {
        for model in ["text-embedding-005", "gemini-embedding-001", "publishers/google/models/gemini-embedding-001"] {
            assert!(is_for(model), "{model}");
        }
        for model in ["gemini-embedding-2", "intfloat/multilingual-e5-large-instruct-maas"] {
            assert!(!is_for(model), "{model}");
        }
    }

    #[test]
    fn an_instance_for_each_text() {
        let written = |body: &str| {
            let head = Head { model: Some("text-embedding-005"), stream: false };
            let request = super::super::embeddings::read(Json::parse(body.as_bytes()).unwrap(), head).unwrap();
            let mut losses = Losses::default();
            let json = write(&request, &mut losses).map(|json| String::from_utf8(json.to_bytes()).unwrap());
            (json.map_err(|invalid| invalid.param), losses.names().iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let one =
            r#"{"content":{"parts":[{"text":"a"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":8,"other":1}"#;
        let sent =
            r#"{"instances":[{"content":"a","task_type":"RETRIEVAL_QUERY"}],"parameters":{"outputDimensionality":8}}"#;
        assert_eq!(written(one), (Ok(sent.to_owned()), vec!["other".to_owned()]));
        let many = r#"{"requests":[{"content":{"parts":[{"text":"a"}]}},{"content":{"parts":[{"text":"b"}]}}]}"#;
        assert_eq!(written(many).0.unwrap(), r#"{"instances":[{"content":"a"},{"content":"b"}]}"#);
        let picture = r#"{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"AA=="}}]}}"#;
        assert_eq!(written(picture).0, Err("input[0]".to_owned()));
    }

    #[test]
    fn the_tokens_of_all_are_added_up() {
        let read = |body: &'static str| read_answer(Json::parse(body.as_bytes()).unwrap()).unwrap();
        let two = r#"{"predictions":[{"embeddings":{"statistics":{"token_count":3},"values":[0.5,-1e-3]}},{"embeddings":{"values":[1],"statistics":{"token_count":10}}}]}"#;
        let answer = read(two);
        assert_eq!(answer.usage.unwrap().input, Some(13));
        assert_eq!(answer.data.len(), 2);
        assert_eq!(answer.data.last().unwrap().vector, Vector::Numbers(vec!["1".into()]));
        assert!(read(r#"{"predictions":[{"embeddings":{"values":[1]}}]}"#).usage.is_none());
        assert!(read_answer(Json::parse(br#"{"predictions":[{}]}"#).unwrap()).is_err());
    }
}
