//! The strings of a canonical event that are inspected by themselves: all but its texts, identifiers and bytes.

use tollway_protocol::canonical::{Annotation, Delta, Event, Media, Opening, Rest, Source, Text};
use tollway_protocol::dialect::Dialect;
use tollway_protocol::json::{Json, Members};
use tollway_protocol::text::Step::{self, Index, Key};

use super::contract::Refusal;
use super::fields::{Field, is_bytes, of_answer};
use super::window::{Form, Treatment, treat_whole};

/// Inspects the strings of events.
pub(super) struct Strings<'t, 'm> {
    pub(super) treatment: &'t mut Treatment<'m>,
}

impl Strings<'_, '_> {
    /// Replaces what of `event` is to be replaced.
    ///
    /// # Errors
    /// [`Refusal`]: it may not go out.
    pub(super) fn event(&mut self, event: &mut Event<'_>) -> Result<(), Refusal> {
        match event {
            Event::Open { opening: Opening::Image(media) | Opening::Audio(media), .. } => self.media(media),
            Event::Open { opening: Opening::Foreign(dialect, json), .. } => {
                self.json(*dialect, json, &mut part_of(*dialect))
            }
            Event::Delta { delta: Delta::Annotation(annotation), .. } => self.annotation(annotation),
            Event::Delta { delta: Delta::Rest(rest), .. } => {
                let dialect = rest.origin.unwrap_or(Dialect::Chat);
                self.rest(rest, &mut part_of(dialect))
            }
            Event::Rest(rest) => self.rest(rest, &mut Vec::new()),
            Event::Stop { stop, .. } => {
                [&mut stop.sequence, &mut stop.word, &mut stop.detail].into_iter().try_for_each(|text| self.maybe(text))
            }
            Event::Start { .. }
            | Event::Open { .. }
            | Event::Delta { .. }
            | Event::Close { .. }
            | Event::Logprobs { .. }
            | Event::Usage(_)
            | Event::Error(_)
            | Event::End => Ok(()),
        }
    }

    fn text(&mut self, text: &mut Text<'_>, form: Form) -> Result<(), Refusal> {
        if let Some(treated) = treat_whole(text, form, self.treatment)? {
            *text = treated.into();
        }
        Ok(())
    }

    fn maybe(&mut self, text: &mut Option<Text<'_>>) -> Result<(), Refusal> {
        text.as_mut().map_or(Ok(()), |text| self.text(text, Form::Plain))
    }

    fn media(&mut self, media: &mut Media<'_>) -> Result<(), Refusal> {
        match &mut media.source {
            Source::Base64(text) | Source::Url(text) if is_bytes(text) => {}
            Source::Base64(text) | Source::Url(text) | Source::Text(text) => self.text(text, Form::Plain)?,
            Source::File(_) | Source::Parts(_) => {}
        }
        [&mut media.name, &mut media.context, &mut media.detail].into_iter().try_for_each(|text| self.maybe(text))
    }

    fn annotation(&mut self, annotation: &mut Annotation<'_>) -> Result<(), Refusal> {
        let Annotation { url, title, cited, origin: (dialect, json), .. } = annotation;
        [url, title, cited].into_iter().try_for_each(|text| self.maybe(text))?;
        let mut path = part_of(*dialect);
        path.extend([Key("annotations"), Index(0)]);
        self.json(*dialect, json, &mut path)
    }

    fn rest<'p>(&mut self, rest: &'p mut Rest<'_>, path: &mut Vec<Step<'p>>) -> Result<(), Refusal> {
        let dialect = rest.origin.unwrap_or(Dialect::Chat);
        self.members(dialect, &mut rest.members, path)
    }

    fn members<'p>(
        &mut self,
        dialect: Dialect,
        members: &'p mut Members<'_>,
        path: &mut Vec<Step<'p>>,
    ) -> Result<(), Refusal> {
        for (name, value) in &mut members.0 {
            let name: &'p str = name;
            path.push(Key(name));
            self.json(dialect, value, path)?;
            path.pop();
        }
        Ok(())
    }

    fn json<'p>(&mut self, dialect: Dialect, json: &'p mut Json<'_>, path: &mut Vec<Step<'p>>) -> Result<(), Refusal> {
        match json {
            Json::String(text) | Json::Raw(text) => match of_answer(dialect, path, text) {
                Field::Exempt => Ok(()),
                Field::Whole => self.text(text, Form::Plain),
                Field::Continued(form) => self.text(text, form),
            },
            Json::Array(items) => items.iter_mut().enumerate().try_for_each(|(index, item)| {
                path.push(Index(index));
                self.json(dialect, item, path)?;
                path.pop();
                Ok(())
            }),
            Json::Object(members) => self.members(dialect, members, path),
            Json::Null | Json::Bool(_) | Json::Number(_) => Ok(()),
        }
    }
}

/// Where in a whole answer a part lies, so that its strings are looked at as there.
fn part_of<'p>(dialect: Dialect) -> Vec<Step<'p>> {
    match dialect {
        Dialect::Chat | Dialect::Completions | Dialect::Cohere => {
            vec![Key("choices"), Index(0), Key("message"), Key("content"), Index(0)]
        }
        Dialect::Responses => vec![Key("output"), Index(0)],
        Dialect::Anthropic => vec![Key("content"), Index(0)],
        Dialect::Bedrock => vec![Key("output"), Key("message"), Key("content"), Index(0)],
        Dialect::Gemini => vec![Key("candidates"), Index(0), Key("content"), Key("parts"), Index(0)],
    }
}
