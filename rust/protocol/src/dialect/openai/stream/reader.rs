//! A stream, read; from many servers. What they do that OpenAI does not: no `[DONE]`; usage with every chunk, in a choice,
//! or in `x_groq`; content after the end of a choice, and a second end; the end of a choice as `""`; the whole message
//! so far beside each delta (Perplexity); calls without an index, or all with the same; calls whose arguments are objects,
//! or whose name comes late.
//!
//! A choice's end is therefore told only when the stream ends. Parts are closed when another kind begins, so that who
//! writes a dialect without overlap can write at once; calls, which may interleave, with the choice.

use super::super::content;
use super::super::{chunk, usage};
use super::choice::Choice;
use super::plain::plain;
use crate::canonical::{Annotation, Event, Tier, Usage};
use crate::dialect::{ReadStream, UpstreamError};
use crate::json::{At, Fields, Invalid, Json};

/// As many choices as OpenAI allows.
const MOST_CHOICES: usize = 128;

/// Reads a stream of chat chunks.
#[derive(Debug, Default)]
pub struct Reader {
    started: bool,
    ended: bool,
    choices: Vec<Choice>,
    /// What the whole answer cites, as Perplexity repeats it with every chunk.
    cited: Vec<Annotation<'static>>,
}

impl ReadStream for Reader {
    fn read(&mut self, data: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Invalid> {
        let data = data.trim_ascii();
        if self.ended || data.is_empty() {
            return Ok(());
        }
        if data == b"[DONE]" {
            self.complete(each);
            return Ok(());
        }
        if let Some(plain) = self.started.then(|| plain(data)).flatten() {
            let choice = self.at(plain.index, At::ROOT.member("choices"))?;
            if plain.thought {
                choice.thinks(plain.text, each)
            } else {
                choice.text(plain.text, each)
            }
            return Ok(());
        }
        let json = Json::parse(data)?;
        if json.get("error").is_some() || json.get("choices").is_none() {
            match chunk::classify(data) {
                chunk::Chunk::Error(error) => {
                    self.fail(error, each);
                    return Ok(());
                }
                chunk::Chunk::Malformed => return Err(At::ROOT.invalid("must be an object")),
                _ => {}
            }
        }
        self.chunk(Fields::of(json, At::ROOT)?, each)
    }

    fn end(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        if self.ended {
            return;
        }
        if !self.choices.is_empty() && self.choices.iter().all(Choice::has_ended) {
            self.complete(each);
            return;
        }
        self.ended = true;
        for choice in &mut self.choices {
            choice.close(each);
        }
    }
}

impl Reader {
    fn complete(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        self.ended = true;
        if !self.started {
            each(Event::Start { id: None, model: None, created: None });
        }
        for choice in &mut self.choices {
            choice.cites(&self.cited, each);
            choice.close(each);
            choice.stop(each);
        }
        each(Event::End);
    }

    fn fail(&mut self, error: UpstreamError, each: &mut dyn FnMut(Event<'_>)) {
        self.ended = true;
        each(Event::Error(error));
    }

    fn chunk(&mut self, mut fields: Fields<'_, '_>, each: &mut dyn FnMut(Event<'_>)) -> Result<(), Invalid> {
        let any = fields.peek("choices").and_then(Json::as_array).is_some_and(|choices| !choices.is_empty());
        if !self.started && (any || fields.has("usage")) {
            self.started = true;
            let filled = |name: &str, fields: &mut Fields<'_, '_>| -> Result<_, Invalid> {
                Ok(fields.text(name)?.filter(|text| !text.is_empty()).map(|text| text.into_owned().into()))
            };
            let id = filled("id", &mut fields)?;
            let model = filled("model", &mut fields)?;
            let created = fields.take("created").and_then(|created| created.as_u64()).filter(|created| *created > 0);
            each(Event::Start { id, model, created });
        }
        if self.cited.is_empty()
            && let Some(results) = fields.take("search_results")
        {
            self.cited = content::search_results(&results.into_owned());
        }
        let usage = fields.take("usage").as_ref().and_then(usage::read);
        let usage = usage.or_else(|| usage::read(fields.take("x_groq")?.get("usage")?));
        let tier = fields.peek_text("service_tier").and_then(Tier::read);
        let list = At::ROOT.member("choices");
        for (index, json) in fields.list("choices")?.unwrap_or_default().into_iter().enumerate() {
            self.choice(json, list.item(index), each)?;
        }
        if let Some(usage) = usage {
            each(Event::Usage(Usage { tier, ..usage }));
        }
        Ok(())
    }

    /// The choice `index`, which a part of the chunk at `at` speaks of.
    fn at(&mut self, index: u64, at: At<'_>) -> Result<&mut Choice, Invalid> {
        let known = self.choices.iter().position(|choice| choice.index() == index);
        let place = known.unwrap_or(self.choices.len());
        if place == MOST_CHOICES {
            return Err(at.invalid("is one choice too many"));
        }
        if known.is_none() {
            self.choices.push(Choice::new(index));
        }
        self.choices.get_mut(place).ok_or_else(|| at.invalid("is no choice"))
    }

    fn choice(&mut self, json: Json<'_>, at: At<'_>, each: &mut dyn FnMut(Event<'_>)) -> Result<(), Invalid> {
        let mut fields = Fields::of(json, at)?;
        let index = fields.integer("index")?.unwrap_or(0);
        let choice = self.at(index, at)?;
        let delta = fields.take("delta");
        // Perplexity repeats the whole message beside the delta, some compatible servers send it in its place.
        let (said, name) = match (delta, fields.take("message")) {
            (Some(delta), _) => (Some(delta), "delta"),
            (None, message) => (message, "message"),
        };
        match said {
            Some(Json::Object(members)) => choice.delta(Fields::of(members.into(), at.member(name))?, each)?,
            Some(Json::String(text)) => choice.text(text, each),
            Some(_) => return Err(at.member(name).invalid("must be an object")),
            None => {
                if let Some(text) = fields.text("text")? {
                    choice.text(text, each);
                }
            }
        }
        if let Some(json @ Json::Object(_)) = fields.take("logprobs") {
            each(Event::Logprobs { choice: index, json });
        }
        if let Some(word) = fields.text("finish_reason")?.filter(|word| !word.is_empty()) {
            choice.ends(word.into_owned(), fields.peek_text("stop_reason").map(str::to_owned));
        }
        if let Some(usage) = fields.take("usage").as_ref().and_then(usage::read) {
            each(Event::Usage(usage));
        }
        Ok(())
    }
}
