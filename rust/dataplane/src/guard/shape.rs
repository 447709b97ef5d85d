//! What a stream's event holds besides its strings: which choice and which tool call an item is of, whether a choice ends,
//! and where token probabilities lie.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
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
        let mut reader = serde_json::Deserializer::from_slice(data);
        EventSeed { shape: &mut shape, data }.deserialize(&mut reader).ok()?;
        reader.end().ok()?;
        Some(shape)
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

/// Reads the event's object.
struct EventSeed<'s, 'd> {
    shape: &'s mut Shape,
    data: &'d [u8],
}

impl<'de> DeserializeSeed<'de> for EventSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EventSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = false;
        while let Some(key) = map.next_key::<String>()? {
            if key != "choices" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if std::mem::replace(&mut seen, true) {
                return Err(A::Error::custom("choices twice"));
            }
            let choices: Option<Vec<&RawValue>> = map.next_value()?;
            for (position, choice) in choices.unwrap_or_default().into_iter().enumerate() {
                self.shape.has_choices = true;
                let read = read_choice(self.shape, self.data, position, choice);
                read.ok_or_else(|| A::Error::custom("not a choice"))?;
            }
        }
        Ok(())
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

fn read_choice(shape: &mut Shape, data: &[u8], position: usize, raw: &RawValue) -> Option<()> {
    let choice: Choice<'_> = serde_json::from_str(raw.get()).ok()?;
    let index = choice.index.unwrap_or(position as u64);
    // Some upstreams send an empty reason with every event.
    if choice.finish_reason.is_some_and(|reason| !reason.is_empty()) {
        shape.finished.push(index);
    }
    if let Some(logprobs) = choice.logprobs {
        let start = (logprobs.get().as_ptr() as usize).checked_sub(data.as_ptr() as usize)?;
        shape.logprobs.push(start..start + logprobs.get().len());
    }
    let mut path = vec![Place::Key("choices".to_owned()), Place::At(position)];
    let mut reader = serde_json::Deserializer::from_str(raw.get());
    ItemSeed { path: &mut path, indexes: &mut shape.indexes }.deserialize(&mut reader).ok()
}

/// Notes the index that items state, at any depth.
struct ItemSeed<'s> {
    path: &'s mut Vec<Place>,
    indexes: &'s mut Vec<(Vec<Place>, u64)>,
}

impl ItemSeed<'_> {
    fn inner(&mut self) -> ItemSeed<'_> {
        ItemSeed { path: self.path, indexes: self.indexes }
    }
}

impl<'de> DeserializeSeed<'de> for ItemSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ItemSeed<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let item = matches!(self.path.last(), Some(Place::At(_)));
        let mut stated = false;
        while let Some(key) = map.next_key::<String>()? {
            if !(item && key == "index") {
                self.path.push(Place::Key(key));
                map.next_value_seed(self.inner())?;
                self.path.pop();
                continue;
            }
            let value: &RawValue = map.next_value()?;
            if let Ok(index) = value.get().parse() {
                if std::mem::replace(&mut stated, true) {
                    return Err(A::Error::custom("index twice"));
                }
                self.indexes.push((self.path.clone(), index));
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        for position in 0.. {
            self.path.push(Place::At(position));
            let more = items.next_element_seed(self.inner())?.is_some();
            self.path.pop();
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}
