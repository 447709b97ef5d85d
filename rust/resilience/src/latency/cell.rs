//! A number and when it was found, in one word that threads share.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// No number: the upper half is none as an `f32`.
const NOTHING: u64 = u64::MAX;

/// An `f32` above, a stamp below.
#[derive(Debug)]
pub(crate) struct Cell(AtomicU64);

impl Cell {
    pub(crate) fn new() -> Cell {
        Cell(AtomicU64::new(NOTHING))
    }

    pub(crate) fn get(&self) -> Option<(f32, u32)> {
        unpack(self.0.load(Relaxed))
    }

    /// The number, if its stamp is this; else what `find` gives, which is kept.
    pub(crate) fn get_or(&self, stamp: u32, find: impl FnOnce() -> Option<f32>) -> Option<f32> {
        if let Some((number, _)) = self.get().filter(|(_, held)| *held == stamp) {
            return Some(number);
        }
        let found = find()?;
        self.0.store(pack((found, stamp)), Relaxed);
        Some(found)
    }

    pub(crate) fn change(&self, to: impl Fn(Option<(f32, u32)>) -> (f32, u32)) {
        // The closure never declines, so this cannot fail.
        let _ = self.0.fetch_update(Relaxed, Relaxed, |word| Some(pack(to(unpack(word)))));
    }

    pub(crate) fn clear(&self) {
        self.0.store(NOTHING, Relaxed);
    }
}

fn pack((number, stamp): (f32, u32)) -> u64 {
    u64::from(number.to_bits()) << 32 | u64::from(stamp)
}

fn unpack(word: u64) -> Option<(f32, u32)> {
    (word != NOTHING).then(|| (f32::from_bits((word >> 32) as u32), word as u32))
}
