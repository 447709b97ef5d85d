//! An answer, read; from many servers.

use super::super::marks::{CHAT, mark, own};
use super::super::request::of_assistant;
use super::super::{content, media, stop, usage};
use crate::canonical::{Annotation, Answer, Body, Choice, Media, Part, Rest, Source, Stop, Tier, Usage};
use crate::dialect::parse_error;
use crate::json::{At, Fields, Invalid, Json, Members};

/// Holds what a choice's message said beside its parts.
pub(super) const MESSAGE: &str = "message";

/// Reads an upstream's answer. The choice's `text` of text completions is read too.
///
/// # Errors
/// [`Invalid`] for what is no answer: an error inside a 200, no choices, members of a wrong type.
pub fn read(body: Json<'_>) -> Result<Answer<'_>, Invalid> {
    if body.get("choices").is_none() {
        refuse_error(&body)?;
    }
    let mut fields = Fields::of(body, At::ROOT)?;
    if !fields.has("choices") {
        return Err(fields.missing("choices"));
    }
    let mut choices = fields.each("choices", choice)?;
    if let Some(results) = fields.peek("search_results") {
        let texts = choices.iter_mut().filter_map(|choice| cited_by(&mut choice.parts));
        texts.for_each(|cited| cited.extend(content::search_results(results)));
    }
    let id = fields.text("id")?.filter(|id| !id.is_empty());
    let model = fields.text("model")?.filter(|model| !model.is_empty());
    // Some state it as a fraction of seconds.
    let created = fields.take("created").and_then(|created| created.as_u64());
    let reported = fields.take("usage");
    if fields.peek_text("object") == Some("chat.completion") {
        fields.take("object");
    }
    let mut rest = Members::new();
    let usage = reported.as_ref().and_then(usage::read);
    rest.0.extend(reported.map(|reported| ("usage".into(), reported)));
    rest.0.extend(fields.rest().0);
    let groq = || rest.get("x_groq").and_then(|groq| usage::read(groq.get("usage")?));
    let usage = usage.or_else(groq).or_else(|| choices.iter().find_map(in_choice));
    let tier = rest.get("service_tier").and_then(|tier| Tier::read(tier.as_str()?));
    let usage = usage.map(|usage| Usage { tier, ..usage });
    Ok(Answer { id, model, created, choices, usage, rest: own(rest) })
}

/// That `body` is no error: some servers say one inside a 200.
///
/// # Errors
/// What the error says.
pub(in super::super) fn refuse_error(body: &Json<'_>) -> Result<(), Invalid> {
    let Some(error) = body.get("error") else { return Ok(()) };
    let said = parse_error(&body.to_bytes());
    let message = said.map(|error| error.message).filter(|message| !message.is_empty());
    Err(Invalid { param: "error".to_owned(), message: message.unwrap_or_else(|| error.to_text()) })
}

/// Moonshot reports usage in a choice.
fn in_choice(choice: &Choice<'_>) -> Option<Usage> {
    usage::read(choice.rest.members.get("usage")?)
}

fn choice<'a>(json: Json<'a>, at: At<'_>) -> Result<Choice<'a>, Invalid> {
    let mut fields = Fields::of(json, at)?;
    let index = fields.integer("index")?.unwrap_or(0);
    let mut rest = Members::new();
    let parts = match fields.take(MESSAGE) {
        Some(said) => {
            let (parts, left) = message(said, at.member(MESSAGE))?;
            if !left.is_empty() {
                rest.push(MESSAGE, left);
            }
            parts
        }
        None => fields.text("text")?.map(Part::text).into_iter().collect(),
    };
    let word = fields.text("finish_reason")?.filter(|word| !word.is_empty());
    // vLLM: the stop sequence, or the number of a token.
    let sequence = fields.peek_text("stop_reason").map(|text| text.to_owned().into());
    let calls = parts.iter().any(|part| matches!(part.body, Body::ToolCall(_)));
    let stop: Option<Stop<'a>> = word.map(|word| stop::read(word, calls, sequence));
    let logprobs = fields.members("logprobs")?.map(Json::Object);
    rest.0.extend(fields.rest().0);
    Ok(Choice { index, parts, stop, logprobs, rest: Rest::new(CHAT, rest) })
}

/// A choice's message: its parts, and what else it said.
fn message<'a>(json: Json<'a>, at: At<'_>) -> Result<(Vec<Part<'a>>, Members<'a>), Invalid> {
    let mut fields = Fields::of(json, at)?;
    fields.take("role");
    let mut rest = Members::new();
    let mut parts = of_assistant(&mut fields, &mut rest)?;
    let cited = match rest.0.iter().position(|(name, _)| name == "annotations") {
        Some(index) => match rest.0.remove(index).1 {
            Json::Array(items) => items,
            other => {
                rest.push("annotations", other);
                Vec::new()
            }
        },
        None => Vec::new(),
    };
    match cited_by(&mut parts) {
        Some(annotations) => annotations.extend(cited.into_iter().map(content::annotation)),
        None if cited.is_empty() => {}
        None => rest.push("annotations", cited),
    }
    if let Some(pictures) = fields.list("images")? {
        parts.extend(images(pictures, &at)?);
    }
    if let Some(json @ Json::Object(_)) = fields.take("audio") {
        parts.push(recording(json, at.member("audio"))?);
    }
    // Marks keep what is left apart from a message that says nothing else.
    rest.0.extend(fields.rest().0.into_iter().filter(|(_, value)| *value != Json::Null));
    Ok((parts, rest))
}

/// What the text of an answer cites, if there is one.
fn cited_by<'p, 'a>(parts: &'p mut [Part<'a>]) -> Option<&'p mut Vec<Annotation<'a>>> {
    parts.iter_mut().find_map(|part| if let Body::Text(_, cited) = &mut part.body { Some(cited) } else { None })
}

/// OpenRouter's pictures: parts of the type `image_url`.
pub(in super::super) fn images<'a>(pictures: Vec<Json<'a>>, at: &At<'_>) -> Result<Vec<Part<'a>>, Invalid> {
    let list = at.member("images");
    let each = pictures.into_iter().enumerate().map(|(index, json)| {
        let mut fields = Fields::of(json, list.item(index))?;
        fields.take("type");
        let mut rest = Members::new();
        let body = media::read("image_url", &mut fields, &mut rest)?;
        rest.0.extend(fields.rest().0);
        Ok(body.map(|body| Part { rest: Rest::new(CHAT, rest), ..Part::new(body) }))
    });
    each.filter_map(Result::transpose).collect()
}

/// `audio`: what the model said aloud, and in the context the same as text.
pub(in super::super) fn recording<'a>(json: Json<'a>, at: At<'_>) -> Result<Part<'a>, Invalid> {
    let mut fields = Fields::of(json, at)?;
    let data = fields.text("data")?.unwrap_or_default();
    let mut media = Media::new(Source::Base64(data), None);
    media.context = fields.text("transcript")?;
    let mut rest = fields.rest();
    mark(&mut rest, "audio");
    Ok(Part { rest: Rest::new(CHAT, rest), ..Part::new(Body::Audio(media)) })
}
