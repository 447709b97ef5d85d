//! What a stream's event holds besides its strings: which choice and which tool call an item is of, whether a choice ends,
//! and where token probabilities lie.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use tollway_protocol::text::Step;

/// A step to a place in an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A member.
    Key(String),
    /// An item, by its position.
    At(usize),
    /// An item, by the `index` that it states: events of a stream name the same item by it.
    Index(u64),
}

impl Place {
    fn is(&self, step: &Step<'_>) -> bool {
        match (self, step) {
            (Self::Key(key), Step::Key(other)) => key == other,
            (Self::At(position), Step::Index(other)) => position == other,
            _ => false,
        }
    }
}

/// The shape of one event, or of a whole answer.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// Items of arrays under `choices` that state an index.
    indexes: Vec<(Vec<Place>, u64)>,
    /// Whether it holds a choice.
    pub(super) has_choices: bool,
    /// Choices that end with this event, by index.
    pub(super) finished: Vec<u64>,
    /// Where values of `logprobs` other than `null` lie.
    pub(super) logprobs: Vec<Range<usize>>,
}

impl Shape {
    /// The shape of `data`; `None`: it is not a JSON object, or states in two ways what may only be stated once.
    pub(super) fn read(data: &[u8]) -> Option<Self> {
        let mut shape = Self::default();
        let members: Members<'_> = serde_json::from_slice(data).ok()?;
        let mut choices = members.0.into_iter().filter(|(key, _)| key == "choices");
        if let Some((_, choices)) = choices.next() {
            let choices: Option<Vec<&RawValue>> = serde_json::from_str(choices.get()).ok()?;
            for (position, choice) in choices.unwrap_or_default().into_iter().enumerate() {
                shape.read_choice(data, position, choice)?;
            }
        }
        choices.next().is_none().then_some(shape)
    }

    /// `path` with stated indexes in place of positions.
    pub(super) fn resolve(&self, path: &[Step<'_>]) -> Vec<Place> {
        let place = |(depth, step): (usize, &Step<'_>)| match step {
            Step::Key(key) => Place::Key((*key).to_owned()),
            Step::Index(position) => {
                let here = &path[..=depth];
                let stated = self.indexes.iter().find(|(known, _)| {
                    known.len() == here.len() && known.iter().zip(here).all(|(place, step)| place.is(step))
                });
                stated.map_or(Place::At(*position), |(_, index)| Place::Index(*index))
            }
        };
        path.iter().enumerate().map(place).collect()
    }

    /// `data` with `null` for each value of `logprobs`.
    pub(super) fn without_logprobs(&self, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(data.len());
        let mut copied = 0;
        for range in &self.logprobs {
            out.extend_from_slice(&data[copied..range.start]);
            out.extend_from_slice(b"null");
            copied = range.end;
        }
        out.extend_from_slice(&data[copied..]);
        out
    }
}

/// The choice that a resolved path leads into.
pub(super) fn choice_of(path: &[Place]) -> u64 {
    match path.get(1) {
        Some(Place::Index(index)) => *index,
        Some(Place::At(position)) => *position as u64,
        _ => 0,
    }
}

/// The members of an object, in order, each value as its bytes.
struct Members<'d>(Vec<(String, &'d RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// The members of a choice that say something about it.
#[derive(Deserialize)]
struct Choice<'d> {
    index: Option<u64>,
    finish_reason: Option<String>,
    #[serde(borrow)]
    logprobs: Option<&'d RawValue>,
}

impl Shape {
    /// Notes what the choice at `position` says; `None`: it cannot be read.
    fn read_choice(&mut self, data: &[u8], position: usize, raw: &RawValue) -> Option<()> {
        let choice: Choice<'_> = serde_json::from_str(raw.get()).ok()?;
        self.has_choices = true;
        // Some upstreams send an empty reason with every event.
        if choice.finish_reason.is_some_and(|reason| !reason.is_empty()) {
            self.finished.push(choice.index.unwrap_or(position as u64));
        }
        if let Some(logprobs) = choice.logprobs {
            let start = (logprobs.get().as_ptr() as usize).checked_sub(data.as_ptr() as usize)?;
            self.logprobs.push(start..start + logprobs.get().len());
        }
        self.note_indexes(&mut vec![Place::Key("choices".to_owned()), Place::At(position)], raw)
    }

    /// Notes the index that items state, at any depth below `path`.
    fn note_indexes(&mut self, path: &mut Vec<Place>, raw: &RawValue) -> Option<()> {
        match raw.get().as_bytes().first() {
            Some(b'{') => {
                let item = matches!(path.last(), Some(Place::At(_)));
                let mut stated = false;
                for (key, value) in serde_json::from_str::<Members<'_>>(raw.get()).ok()?.0 {
                    let index = value.get().parse().ok().filter(|_| item && key == "index");
                    if let Some(index) = index {
                        if std::mem::replace(&mut stated, true) {
                            return None;
                        }
                        self.indexes.push((path.clone(), index));
                    }
                    path.push(Place::Key(key));
                    self.note_indexes(path, value)?;
                    path.pop();
                }
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(raw.get()).ok()?;
                for (position, item) in items.into_iter().enumerate() {
                    path.push(Place::At(position));
                    self.note_indexes(path, item)?;
                    path.pop();
                }
            }
            _ => {}
        }
        Some(())
    }
}
