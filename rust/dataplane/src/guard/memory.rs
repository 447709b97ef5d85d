//! What was masked in one request: placeholder and original.

use std::collections::HashSet;

use zeroize::Zeroize;

use super::contract::Entity;
use super::entities::MAX_NUMBER_DIGITS;

/// The values that were masked in one request and its answer, and their numbers.
///
/// A value has the same placeholder wherever it stands. A number that the request's own text already uses (`[EMAIL_1]`,
/// say from an earlier turn) is not given again. Values are overwritten when the memory is dropped; printing shows counts.
#[derive(Default)]
pub struct Memory {
    entries: Vec<Entry>,
    /// Positions in `entries`, by kind and value.
    by_value: Vec<usize>,
    numbering: [Numbering; Entity::COUNT],
}

struct Entry {
    entity: Entity,
    number: Option<u32>,
    restorable: bool,
    value: String,
}

#[derive(Default)]
struct Numbering {
    last: u32,
    taken: HashSet<u32>,
    /// Positions in `Memory::entries`, by number.
    by_number: Vec<(u32, usize)>,
}

impl Numbering {
    fn next(&mut self) -> Option<u32> {
        let limit = 10u32.pow(MAX_NUMBER_DIGITS as u32) - 1;
        let number = (self.last + 1..=limit).find(|number| !self.taken.contains(number))?;
        self.last = number;
        Some(number)
    }
}

impl Memory {
    /// Whether the answer shall show something again.
    pub(crate) fn restores(&self) -> bool {
        self.entries.iter().any(|entry| entry.restorable)
    }

    /// Notes that text not of our making holds this placeholder.
    pub(super) fn reserve(&mut self, entity: Entity, number: u32) {
        let numbering = &mut self.numbering[entity.index()];
        if number > numbering.last {
            numbering.taken.insert(number);
        }
    }

    /// The placeholder for `value`; `restorable`: the answer shall show the value again.
    ///
    /// After 999,999 values of a kind the placeholder has no number (`[EMAIL]`) and cannot be restored.
    pub(super) fn mask(&mut self, entity: Entity, value: &str, restorable: bool) -> String {
        let order = |index: &usize| {
            let entry = &self.entries[*index];
            (entry.entity, entry.value.as_str()).cmp(&(entity, value))
        };
        let number = match self.by_value.binary_search_by(order) {
            Ok(found) => self.entries[self.by_value[found]].number,
            Err(place) => {
                let numbering = &mut self.numbering[entity.index()];
                let number = numbering.next();
                if let Some(number) = number {
                    numbering.by_number.push((number, self.entries.len()));
                }
                self.by_value.insert(place, self.entries.len());
                self.entries.push(Entry { entity, number, restorable, value: value.to_owned() });
                number
            }
        };
        let label = entity.label();
        number.map_or_else(|| format!("[{label}]"), |number| format!("[{label}_{number}]"))
    }

    /// What the placeholder stands for, if it is to be shown again.
    pub(super) fn original(&self, entity: Entity, number: u32) -> Option<&str> {
        let by_number = &self.numbering[entity.index()].by_number;
        let found = by_number.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        let entry = &self.entries[by_number[found].1];
        entry.restorable.then_some(entry.value.as_str())
    }

    /// Whether anything is to be restored.
    pub(super) fn restores_any(&self) -> bool {
        self.entries.iter().any(|entry| entry.restorable && entry.number.is_some())
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = out.debug_struct("Memory");
        for entity in Entity::ALL {
            shown.field(entity.name(), &self.entries.iter().filter(|entry| entry.entity == entity).count());
        }
        shown.finish()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        for entry in &mut self.entries {
            entry.value.zeroize();
        }
    }
}
