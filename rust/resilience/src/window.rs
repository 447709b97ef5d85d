//! Counts of two kinds over a sliding window, without a lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::clock::{Moment, micros};

/// The parts of a window: it slides in steps of a sixteenth of its length.
pub(crate) const SLOTS: usize = 16;

/// Bits of one count in a slot: up to 1,048,575 in a sixteenth of the window, where it stays.
const COUNT: u32 = 20;
const MOST: u64 = (1 << COUNT) - 1;
/// Above the two counts: which turn of the ring a slot was written in, so a stale one is told from a current one.
const TURN: u64 = (1 << (64 - 2 * COUNT)) - 1;

/// How many of the one and of the other kind there were in the last `length`.
#[derive(Debug)]
pub(crate) struct Window {
    epochs: Epochs,
    slots: [AtomicU64; SLOTS],
}

/// What a window counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) first: f64,
    pub(crate) second: f64,
}

impl Window {
    pub(crate) fn new(length: Duration) -> Window {
        Window { epochs: Epochs::new(length, SLOTS as u32), slots: [const { AtomicU64::new(0) }; SLOTS] }
    }

    /// Another length; what was counted under the old one is forgotten if it differs.
    pub(crate) fn resize(&self, length: Duration) {
        if self.epochs.resize(length, SLOTS as u32) {
            self.clear();
        }
    }

    pub(crate) fn clear(&self) {
        self.slots.iter().for_each(|slot| slot.store(0, Relaxed));
    }

    pub(crate) fn add(&self, now: Moment, first: u32, second: u32) {
        self.change(now, |a, b| ((a + u64::from(first)).min(MOST), (b + u64::from(second)).min(MOST)));
    }

    /// Takes one of the second kind back, which was added at `now`.
    pub(crate) fn take_back(&self, now: Moment) {
        self.change(now, |a, b| (a, b.saturating_sub(1)));
    }

    fn change(&self, now: Moment, to: impl Fn(u64, u64) -> (u64, u64)) {
        let epoch = self.epoch(now);
        let Some(slot) = self.slots.get((epoch % SLOTS as u64) as usize) else { return };
        let next = |old: u64| {
            let (a, b) = if turn_of(old) == turn(epoch) { counts(old) } else { (0, 0) };
            let (a, b) = to(a, b);
            Some(turn(epoch) << (2 * COUNT) | a << COUNT | b)
        };
        // The closure never declines, so this cannot fail.
        let _ = slot.fetch_update(Relaxed, Relaxed, next);
    }

    /// All of the window, each slot as much as the others.
    pub(crate) fn totals(&self, now: Moment) -> Counts {
        self.weighted(self.epoch(now), &[1.0; SLOTS])
    }

    /// Each slot times the weight of its age, in slots, as seen in `epoch`.
    pub(crate) fn weighted(&self, epoch: u64, weights: &[f64; SLOTS]) -> Counts {
        let mut sum = Counts::default();
        for (slot, age) in self.slots.iter().zip(self.ages(epoch)) {
            let held = slot.load(Relaxed);
            let weight = weights.get(age as usize).copied().unwrap_or_default();
            if held != 0 && epoch >= age && turn_of(held) == turn(epoch - age) {
                let (a, b) = counts(held);
                sum.first += a as f64 * weight;
                sum.second += b as f64 * weight;
            }
        }
        sum
    }

    /// How many slots ago each place of the ring was the current one.
    fn ages(&self, epoch: u64) -> impl Iterator<Item = u64> {
        let n = SLOTS as u64;
        (0..n).map(move |place| (epoch % n + n - place) % n)
    }

    /// The number of the slot that is current at `now`.
    pub(crate) fn epoch(&self, now: Moment) -> u64 {
        self.epochs.at(now)
    }
}

/// Time in parts that are numbered.
#[derive(Debug)]
pub(crate) struct Epochs {
    /// Epochs in a microsecond, an `f64`: its product takes a fifth of the time of a division.
    rate: AtomicU64,
}

impl Epochs {
    /// Epochs of which `parts` are as long as `length`.
    pub(crate) fn new(length: Duration, parts: u32) -> Epochs {
        let epochs = Epochs { rate: AtomicU64::new(0) };
        epochs.resize(length, parts);
        epochs
    }

    /// Whether that is a change.
    pub(crate) fn resize(&self, length: Duration, parts: u32) -> bool {
        let step = (micros(length) / u64::from(parts)).max(1);
        let rate = (1.0 / step as f64).to_bits();
        self.rate.swap(rate, Relaxed) != rate
    }

    /// The number of the epoch of `now`.
    pub(crate) fn at(&self, now: Moment) -> u64 {
        // The half keeps the first microsecond of an epoch in it, whatever the rate was rounded to.
        ((now.0 as f64 + 0.5) * f64::from_bits(self.rate.load(Relaxed))) as u64
    }
}

fn turn(epoch: u64) -> u64 {
    (epoch / SLOTS as u64) & TURN
}

fn turn_of(slot: u64) -> u64 {
    slot >> (2 * COUNT)
}

fn counts(slot: u64) -> (u64, u64) {
    (slot >> COUNT & MOST, slot & MOST)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_slot_holds_what_fits_and_is_forgotten_in_time() {
        let window = Window::new(Duration::from_secs(16));
        let at = |seconds: u64| Moment(seconds * 1_000_000);
        window.add(at(3), u32::MAX, 2);
        window.take_back(at(3));
        assert_eq!(window.totals(at(18)), Counts { first: MOST as f64, second: 1.0 });
        assert_eq!(window.totals(at(19)), Counts::default());
        window.resize(Duration::from_secs(8));
        assert_eq!(window.totals(at(3)), Counts::default());
    }

    proptest! {
        #[test]
        fn totals_are_those_of_the_last_slots(mut adds in prop::collection::vec((0_u64..200_000, 0_u32..9, 0_u32..9), 1..200)) {
            adds.sort_unstable();
            let window = Window::new(Duration::from_micros(16_000));
            for (seen, &(now, first, second)) in adds.iter().enumerate() {
                window.add(Moment(now), first, second);
                let recent = adds[..=seen].iter().filter(|add| add.0 / 1000 + 16 > now / 1000);
                let (a, b) = recent.fold((0, 0), |sum, add| (sum.0 + add.1, sum.1 + add.2));
                prop_assert_eq!(window.totals(Moment(now)), Counts { first: f64::from(a), second: f64::from(b) });
            }
        }
    }
}
