//! The keys of one object, to refuse the second of a name.

use std::{borrow::Cow, collections::HashSet};

use super::{Fault, Rule, Text, unescape};

/// More than any ordinary request has; beyond, a hash set keeps a hostile body from costing quadratic time.
const FEW: usize = 32;

/// The keys met so far.
#[derive(Default)]
pub(crate) struct Keys<'a> {
    few: [&'a [u8]; FEW],
    count: usize,
    /// One bit for each key met, by its length and ends: most new keys are told from all others by this alone.
    seen: u64,
    many: Option<HashSet<Cow<'a, [u8]>>>,
}

impl<'a> Keys<'a> {
    /// Notes a key, or finds that it was there.
    #[inline]
    pub(crate) fn add(&mut self, key: &Text<'a>) -> Result<(), Fault> {
        if key.escaped || self.count >= FEW || self.many.is_some() {
            return self.add_to_many(key);
        }
        let bit = bit(key.raw);
        let met = self.few.get(..self.count).unwrap_or_default();
        if self.seen & bit != 0 && met.contains(&key.raw) {
            return Err(duplicate(key));
        }
        self.seen |= bit;
        if let Some(slot) = self.few.get_mut(self.count) {
            *slot = key.raw;
        }
        self.count += 1;
        Ok(())
    }

    #[cold]
    fn add_to_many(&mut self, key: &Text<'a>) -> Result<(), Fault> {
        let met = self.few.get(..self.count).unwrap_or_default();
        let many = self.many.get_or_insert_with(|| met.iter().map(|&key| Cow::Borrowed(key)).collect());
        if many.insert(unescape(key)) { Ok(()) } else { Err(duplicate(key)) }
    }
}

fn bit(key: &[u8]) -> u64 {
    let ends = key.first().zip(key.last()).map_or(0, |(&first, &last)| usize::from(first) * 7 + usize::from(last));
    1 << ((ends + key.len() * 5) % 64)
}

const fn duplicate(key: &Text<'_>) -> Fault {
    Rule::Duplicate.at(key.start - 1)
}
