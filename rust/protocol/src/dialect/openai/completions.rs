//! Text completions, the API before chat: `POST /v1/completions`. A caller of it reaches chat models: its prompt is one
//! message of a user's, the answer's text comes back. What chat does not know (`echo`, `suffix`, `best_of`) is lost; an
//! answer's thoughts, calls and pictures have no place here.

use std::borrow::Cow;

use bytes::BytesMut;

use super::answer::id;
use super::request::read_shared;
use super::stop;
use super::stream::{Form, Frame};
use super::usage;
use crate::canonical::{
    Answer, Body, Choice, Delta, Event, Losses, Message, Opening, Part, Request, Role, Text, Usage,
};
use crate::dialect::{Head, Told, WriteStream};
use crate::json::{At, Fields, Invalid, Json, Members, write_string};

const PREFIX: &str = "cmpl-";
const OBJECT: &str = "text_completion";

/// Reads a caller's request as one for a chat model; what is lost is noted in `losses`.
///
/// # Errors
/// [`Invalid`] for what is missing or of a wrong type, and for several prompts or one in tokens.
pub fn read<'a>(body: Json<'a>, head: Head<'_>, losses: &mut Losses) -> Result<Request<'a>, Invalid> {
    let mut fields = Fields::of(body, At::ROOT)?;
    let prompt = prompt(fields.take("prompt").ok_or_else(|| fields.missing("prompt"))?)?;
    losses.note_if(fields.flag("echo")? == Some(true), "echo");
    losses.note_if(fields.text("suffix")?.is_some_and(|suffix| !suffix.is_empty()), "suffix");
    let choices = fields.integer("n")?;
    losses.note_if(fields.integer("best_of")?.is_some_and(|best| best > choices.unwrap_or(1)), "best_of");
    let probabilities = fields.integer("logprobs")?;
    let mut request = read_shared(fields, head, Members::new())?;
    request.messages = vec![Message::new(Role::User, vec![Part::text(prompt)])];
    request.sampling.choices = choices;
    request.sampling.logprobs = probabilities.map(|_| true);
    request.sampling.top_logprobs = probabilities;
    Ok(request)
}

fn prompt(json: Json<'_>) -> Result<Text<'_>, Invalid> {
    let at = At::ROOT.member("prompt");
    match json {
        Json::String(text) => Ok(text),
        Json::Array(mut items) if items.len() == 1 => match items.pop() {
            Some(Json::String(text)) => Ok(text),
            _ => Err(at.item(0).invalid("must be a string: a chat model cannot be given tokens")),
        },
        Json::Array(items) if matches!(items.first(), Some(Json::Number(_))) => {
            Err(at.invalid("must be a string: a chat model cannot be given tokens"))
        }
        Json::Array(_) => Err(at.invalid("must be one prompt: send one request for each")),
        _ => Err(at.invalid("must be a string")),
    }
}

/// Writes an answer for a caller.
#[must_use]
pub fn write<'a>(answer: &Answer<'a>, told: &Told<'_>) -> Json<'a> {
    let choices: Vec<Json<'a>> = answer.choices.iter().map(choice).collect();
    Members::new()
        .with("id", id(PREFIX, answer.id.as_ref(), false, told))
        .with("object", OBJECT)
        .with("created", answer.created.unwrap_or(told.created))
        .with("model", answer.model.clone().unwrap_or_else(|| told.model.to_owned().into()))
        .with("choices", choices)
        .with_some("usage", answer.usage.as_ref().map(usage::write))
        .into()
}

fn choice<'a>(choice: &Choice<'a>) -> Json<'a> {
    let mut texts = choice.parts.iter().filter_map(|part| match &part.body {
        Body::Text(text, _) | Body::Refusal(text) => Some(text),
        _ => None,
    });
    let first = texts.next().cloned().unwrap_or_default();
    let text = texts.fold(first, |all, text| Cow::Owned(all.into_owned() + text));
    let word = choice.stop.as_ref().map_or(Cow::Borrowed("stop"), word);
    Members::new()
        .with("text", text)
        .with("index", choice.index)
        .with("logprobs", choice.logprobs.as_ref().map_or(Json::Null, |json| logprobs(json, &mut 0)))
        .with("finish_reason", word)
        .into()
}

/// Here only `stop`, `length` and `content_filter` are known.
fn word<'a>(end: &crate::canonical::Stop<'a>) -> Text<'a> {
    match stop::write(end) {
        word if matches!(word.as_ref(), "length" | "content_filter") => word,
        _ => Cow::Borrowed("stop"),
    }
}

/// A chat answer's probabilities in the older form: four lists of the same length. `offset` counts the characters of the
/// text up to here.
fn logprobs<'a>(json: &Json<'a>, offset: &mut u64) -> Json<'a> {
    let (mut tokens, mut own, mut top, mut offsets) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for token in json.get("content").and_then(Json::as_array).unwrap_or_default() {
        let text = token.get("token").and_then(Json::as_str).unwrap_or_default();
        offsets.push(Json::integer(*offset));
        *offset += text.chars().count() as u64;
        tokens.push(Json::String(Cow::Owned(text.to_owned())));
        own.push(token.get("logprob").cloned().unwrap_or(Json::Null));
        let mut others = Members::new();
        for other in token.get("top_logprobs").and_then(Json::as_array).unwrap_or_default() {
            let name = other.get("token").and_then(Json::as_str).unwrap_or_default();
            if others.get(name).is_none() {
                others.push(name.to_owned(), other.get("logprob").cloned().unwrap_or(Json::Null));
            }
        }
        top.push(others.into());
    }
    Members::new()
        .with("tokens", tokens)
        .with("token_logprobs", own)
        .with("top_logprobs", top)
        .with("text_offset", offsets)
        .into()
}

/// Writes a stream of text completions.
#[derive(Debug)]
pub struct Writer {
    frame: Frame,
    /// The open parts whose text is the answer's: choice and number.
    spoken: Vec<(u64, usize)>,
    /// How many characters of each choice had probabilities.
    offsets: Vec<(u64, u64)>,
    ended: bool,
}

/// What a chunk says of its choice.
#[derive(Default)]
struct Said<'s> {
    text: &'s str,
    logprobs: Option<Json<'s>>,
    finish_reason: Option<&'s str>,
}

impl Writer {
    /// A writer for a caller.
    #[must_use]
    pub fn new(told: &Told<'_>) -> Self {
        let frame = Frame::new(Form { prefix: PREFIX, object: OBJECT }, told);
        Self { frame, spoken: Vec::new(), offsets: Vec::new(), ended: false }
    }

    fn chunk(&mut self, choice: u64, said: Said<'_>, out: &mut BytesMut) {
        self.frame.choice(out, |out| {
            out.extend_from_slice(b"{\"text\":");
            write_string(said.text, out);
            out.extend_from_slice(b",\"index\":");
            Json::integer(choice).write(out);
            out.extend_from_slice(b",\"logprobs\":");
            said.logprobs.unwrap_or(Json::Null).write(out);
            out.extend_from_slice(b",\"finish_reason\":");
            said.finish_reason.map_or(Json::Null, Json::from).write(out);
            out.push(b'}');
        });
    }

    fn offset(&mut self, choice: u64) -> Option<&mut u64> {
        if !self.offsets.iter().any(|(known, _)| *known == choice) {
            self.offsets.push((choice, 0));
        }
        self.offsets.iter_mut().find(|(known, _)| *known == choice).map(|(_, offset)| offset)
    }
}

impl WriteStream for Writer {
    fn write(&mut self, event: Event<'_>, out: &mut BytesMut) {
        if self.ended {
            return;
        }
        match event {
            Event::Start { id, model, created } => self.frame.begin(id.as_ref(), model.as_deref(), created),
            Event::Open { choice, part, opening: Opening::Text | Opening::Refusal } => self.spoken.push((choice, part)),
            Event::Delta { choice, part, delta: Delta::Text(text) } if self.spoken.contains(&(choice, part)) => {
                self.chunk(choice, Said { text: &text, ..Said::default() }, out);
            }
            Event::Close { choice, part } => self.spoken.retain(|open| *open != (choice, part)),
            Event::Logprobs { choice, json } => {
                let logprobs = self.offset(choice).map(|offset| logprobs(&json, offset));
                self.chunk(choice, Said { logprobs, ..Said::default() }, out);
            }
            Event::Stop { choice, stop } => {
                let word = word(&stop);
                self.chunk(choice, Said { finish_reason: Some(&word), ..Said::default() }, out);
            }
            Event::Usage(usage) => self.frame.count(usage),
            Event::Rest(_) => {}
            Event::Error(error) => {
                self.ended = true;
                Frame::fail(&error, out);
            }
            Event::End => {
                self.ended = true;
                self.frame.end(out);
            }
            Event::Open { .. } | Event::Delta { .. } => {}
        }
    }

    fn usage(&self) -> Option<Usage> {
        self.frame.usage()
    }
}
