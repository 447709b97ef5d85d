//! `generationConfig`: how a model is to choose its words, think, and form its answer.

use std::borrow::Cow;

use super::{CONFIG, OPEN_API};
use crate::canonical::{Format, Losses, Request, Sampling, Text, Thinking};
use crate::dialect::Wanted;
use crate::dialect::gemini::model::{self, Generation};
use crate::dialect::gemini::names::{object, word};
use crate::dialect::gemini::{GEMINI, schema};
use crate::json::{At, Fields, Invalid, Json, Members};

/// What is canonical of a `generationConfig`.
#[derive(Default)]
pub(super) struct Config<'a> {
    pub(super) sampling: Sampling<'a>,
    pub(super) format: Option<Format<'a>>,
    pub(super) thinking: Option<Thinking<'a>>,
}

/// Reads it; what is not canonical goes to `rest`.
pub(super) fn read<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Config<'a>, Invalid> {
    let at = *fields.at();
    let Some(json) = fields.take("generationConfig") else { return Ok(Config::default()) };
    let at = at.member("generationConfig");
    let mut fields = object(json, at)?;
    let sampling = sampling(&mut fields)?;
    let format = read_format(&mut fields, rest)?;
    let thinking = match fields.take("thinkingConfig") {
        None => None,
        Some(json) => Some(read_thinking(json, at.member("thinkingConfig"), rest)?),
    };
    keep(CONFIG, fields.rest(), rest);
    Ok(Config { sampling, format, thinking })
}

/// Puts members under marked names.
pub(super) fn keep<'a>(mark: &str, Members(members): Members<'a>, rest: &mut Members<'a>) {
    rest.0.extend(members.into_iter().map(|(name, value)| (Cow::Owned(format!("{mark}{name}")), value)));
}

/// The members under marked names.
pub(super) fn kept<'r, 'a>(mark: &str, rest: &'r Members<'a>) -> impl Iterator<Item = (Text<'a>, Json<'a>)> + 'r {
    let mark = mark.to_owned();
    rest.0.iter().filter_map(move |(name, value)| {
        let name = name.strip_prefix(mark.as_str())?;
        (*value != Json::Null).then(|| (Cow::Owned(name.to_owned()), value.clone()))
    })
}

fn sampling<'a>(fields: &mut Fields<'a, '_>) -> Result<Sampling<'a>, Invalid> {
    Ok(Sampling {
        max_tokens: fields.integer("maxOutputTokens")?,
        temperature: fields.number("temperature")?,
        top_p: fields.number("topP")?,
        top_k: fields.number("topK")?,
        seed: fields.number("seed")?,
        frequency_penalty: fields.number("frequencyPenalty")?,
        presence_penalty: fields.number("presencePenalty")?,
        stop: fields.each("stopSequences", |json, at| match json {
            Json::String(text) => Ok(text),
            _ => Err(at.invalid("must be a string")),
        })?,
        choices: fields.integer("candidateCount")?,
        logprobs: fields.flag("responseLogprobs")?,
        top_logprobs: fields.integer("logprobs")?,
    })
}

fn read_format<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Option<Format<'a>>, Invalid> {
    let mime = fields.text("responseMimeType")?;
    let plain = fields.take("responseJsonSchema");
    let google = if plain.is_none() { fields.take("responseSchema") } else { None };
    let is_json = mime.as_deref().is_none_or(|mime| mime == "application/json");
    Ok(match (plain, google) {
        (None, None) => match mime.as_deref() {
            None => None,
            Some("application/json") => Some(Format::JsonObject),
            Some("text/plain") => Some(Format::Text),
            Some(_) => Some(Format::Foreign(GEMINI, Members::new().with_some("responseMimeType", mime).into())),
        },
        (None, Some(schema)) if is_json => {
            rest.push(format!("{CONFIG}{OPEN_API}"), Json::Null);
            Some(json_schema(schema::to_json_schema(schema)))
        }
        (Some(schema), _) if is_json => Some(json_schema(schema)),
        (plain, google) => {
            let members = Members::new().with_some("responseMimeType", mime);
            let members = members.with_some("responseJsonSchema", plain).with_some("responseSchema", google);
            Some(Format::Foreign(GEMINI, members.into()))
        }
    })
}

const fn json_schema(schema: Json<'_>) -> Format<'_> {
    Format::JsonSchema { name: None, description: None, schema, strict: None }
}

fn read_thinking<'a>(json: Json<'a>, at: At<'_>, rest: &mut Members<'a>) -> Result<Thinking<'a>, Invalid> {
    const LEVELS: [&str; 5] = ["THINKING_LEVEL_UNSPECIFIED", "LOW", "HIGH", "MEDIUM", "MINIMAL"];
    let mut fields = object(json, at)?;
    let budget = fields.number("thinkingBudget")?;
    let tokens = budget.as_deref().and_then(|digits| digits.parse::<i64>().ok());
    if budget.is_some() && tokens.is_none_or(|tokens| tokens < -1) {
        return Err(at.member("thinkingBudget").invalid("must be a whole number, or -1"));
    }
    let level = word(&mut fields, "thinkingLevel", &LEVELS)?;
    let thinking = Thinking {
        enabled: (tokens == Some(0)).then_some(false),
        adaptive: tokens == Some(-1),
        effort: level.map(|level| level.to_ascii_lowercase().into()),
        budget: tokens.and_then(|tokens| u64::try_from(tokens).ok()),
        show: fields.flag("includeThoughts")?,
        summary: None,
    };
    keep("generationConfig.thinkingConfig.", fields.rest(), rest);
    Ok(thinking)
}

/// Writes it; None where there is nothing to say.
pub(super) fn write<'a>(request: &Request<'a>, wanted: &Wanted<'_>, losses: &mut Losses) -> Option<Members<'a>> {
    let sampling = &request.sampling;
    let number = |text: &Option<Text<'a>>| text.clone().map(Json::Number);
    let stop: Vec<Json<'a>> = sampling.stop.iter().cloned().map(Json::String).collect();
    let mut members = Members::new()
        .with_some("maxOutputTokens", sampling.max_tokens)
        .with_some("temperature", number(&sampling.temperature))
        .with_some("topP", number(&sampling.top_p))
        .with_some("topK", number(&sampling.top_k))
        .with_some("seed", number(&sampling.seed))
        .with_some("frequencyPenalty", number(&sampling.frequency_penalty))
        .with_some("presencePenalty", number(&sampling.presence_penalty))
        .with_some("stopSequences", (!stop.is_empty()).then_some(stop))
        .with_some("candidateCount", sampling.choices)
        .with_some("responseLogprobs", sampling.logprobs)
        .with_some("logprobs", sampling.top_logprobs);
    let own = request.rest.of(GEMINI);
    write_format(request, &mut members, losses);
    let mut thinking =
        request.thinking.as_ref().map_or_else(Members::new, |thinking| write_thinking(thinking, wanted.model, losses));
    for (name, value) in own.into_iter().flat_map(|own| kept(CONFIG, own)) {
        match name.strip_prefix("thinkingConfig.") {
            Some(inner) => thinking.push(inner.to_owned(), value),
            None => members.push(name, value),
        }
    }
    if !thinking.is_empty() {
        members.push("thinkingConfig", thinking);
    }
    (!members.is_empty()).then_some(members)
}

fn write_format<'a>(request: &Request<'a>, members: &mut Members<'a>, losses: &mut Losses) {
    let marked = || {
        let own = request.rest.of(GEMINI);
        own.is_some_and(|own| own.0.iter().any(|(name, _)| name.strip_prefix(CONFIG) == Some(OPEN_API)))
    };
    match &request.format {
        None => {}
        Some(Format::Text) => members.push("responseMimeType", "text/plain"),
        Some(Format::JsonObject) => members.push("responseMimeType", "application/json"),
        Some(Format::JsonSchema { schema, description, .. }) => {
            members.push("responseMimeType", "application/json");
            match (schema, description) {
                _ if marked() => members.push(OPEN_API, schema::to_open_api(schema)),
                (Json::Object(schema), Some(description)) => {
                    let described = schema.clone().with_all(Members::new().with("description", description.clone()));
                    members.push("responseJsonSchema", described);
                }
                _ => members.push("responseJsonSchema", schema.clone()),
            }
        }
        Some(Format::Foreign(GEMINI, Json::Object(own))) => members.0.extend(own.0.iter().cloned()),
        Some(Format::Foreign(..)) => losses.note("response_format"),
    }
}

fn write_thinking<'a>(thinking: &Thinking<'a>, name: &str, losses: &mut Losses) -> Members<'a> {
    let generation = model::generation(name);
    let off = thinking.enabled == Some(false) && thinking.budget.is_none();
    let effort = if off { Some("none") } else { thinking.effort.as_deref() };
    let mut members = Members::new();
    match (effort, thinking.budget) {
        // Google refuses a level beside a budget.
        (Some(effort), budget) if budget.is_none() || generation == Generation::Level => {
            let least = effort == "none" && (generation == Generation::Level || model::least_budget(name) > 0);
            losses.note_if(least, "reasoning");
            if generation == Generation::Level {
                members.push("thinkingLevel", model::level(name, effort));
            } else {
                members.push("thinkingBudget", model::budget(name, effort));
            }
        }
        (_, Some(budget)) => members.push("thinkingBudget", budget),
        (_, None) if thinking.adaptive => members.push("thinkingBudget", Json::Number("-1".into())),
        (_, None) => {}
    }
    // Who asks others to think, or for a summary, is shown it.
    let asked = thinking.enabled == Some(true) || thinking.summary.is_some();
    members.with_some("includeThoughts", thinking.show.or(asked.then_some(true)))
}
