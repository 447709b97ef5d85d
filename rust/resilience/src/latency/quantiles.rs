//! Quantiles of the recent latencies.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::clock::{Moment, micros};
use crate::window::Epochs;

/// Parts of an octave; a part is at most 1/16 wide, and its middle at most 3.2 % off.
const PARTS: usize = 1 << PART_BITS;
const PART_BITS: u32 = 4;
/// Octaves from 64 µs; the last part holds what is longer than 2^30 µs (18 minutes).
const OCTAVES: usize = 24;
const LEAST_BITS: u32 = 6;
/// Histograms that alternate: the current one and two full ones.
const EPOCHS: usize = 3;
const FULL: u32 = EPOCHS as u32 - 1;

/// The recent latencies in a histogram of logarithmic buckets: at most 5 % off between 64 µs and 18 minutes.
///
/// It covers between one and one and a half times the window, in three histograms of which the oldest is emptied when its
/// turn comes. The buckets are laid out as in G. Tene's HdrHistogram. Observations that race with the emptying may be lost.
#[derive(Debug)]
pub struct Quantiles {
    epochs: Epochs,
    /// 5 KB, which most deployments of many are spared: nobody asks for their quantiles.
    histograms: OnceLock<Box<[Histogram; EPOCHS]>>,
}

#[derive(Debug)]
struct Histogram {
    epoch: AtomicU64,
    octaves: [Octave; OCTAVES],
}

/// Its sum is kept beside its parts, so that a quantile is found by reading 40 counters, not 384.
#[derive(Debug, Default)]
struct Octave {
    sum: AtomicU32,
    parts: [AtomicU32; PARTS],
}

/// Observations under which [`Quantiles::quantile`] says nothing: fewer do not have a 95th percentile.
pub const MIN_SAMPLES: u64 = 20;

impl Quantiles {
    /// One that knows nothing yet, and keeps nothing until [`Quantiles::keep`].
    #[must_use]
    pub fn new(window: Duration) -> Quantiles {
        Quantiles { epochs: Epochs::new(window, FULL), histograms: OnceLock::new() }
    }

    /// Keeps what is observed from now on.
    pub fn keep(&self) {
        let histogram = || Histogram { epoch: AtomicU64::new(u64::MAX), octaves: Default::default() };
        self.histograms.get_or_init(|| Box::new([histogram(), histogram(), histogram()]));
    }

    fn held(&self) -> &[Histogram] {
        self.histograms.get().map_or(&[], |histograms| histograms.as_slice())
    }

    /// Another window; what was observed is forgotten if it differs.
    pub fn apply(&self, window: Duration) {
        if self.epochs.resize(window, FULL) {
            self.held().iter().for_each(|histogram| histogram.epoch.store(u64::MAX, Relaxed));
        }
    }

    /// A latency, seen at `now`.
    pub fn observe(&self, latency: Duration, now: Moment) {
        let epoch = self.epochs.at(now);
        let Some(histogram) = self.held().get((epoch % EPOCHS as u64) as usize) else { return };
        let held = histogram.epoch.load(Relaxed);
        if held != epoch && histogram.epoch.compare_exchange(held, epoch, Relaxed, Relaxed).is_ok() {
            histogram.octaves.iter().for_each(Octave::clear);
        }
        let (octave, part) = bucket_of(micros(latency));
        if let Some(octave) = histogram.octaves.get(octave) {
            octave.sum.fetch_add(1, Relaxed);
            octave.parts.get(part).map(|count| count.fetch_add(1, Relaxed));
        }
    }

    /// How long the share `q` (0 to 1) of the recent requests took at most; `None` under [`MIN_SAMPLES`].
    #[must_use]
    pub fn quantile(&self, q: f64, now: Moment) -> Option<Duration> {
        let mut sums = [0_u64; OCTAVES];
        for histogram in self.recent(now) {
            let counts = histogram.octaves.iter().map(|octave| u64::from(octave.sum.load(Relaxed)));
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        let samples: u64 = sums.iter().sum();
        if samples < MIN_SAMPLES {
            return None;
        }
        let rank = ((q.clamp(0.0, 1.0) * samples as f64).ceil() as u64).max(1);
        let (octave, rank) = reach(sums, rank)?;
        let mut parts = [0_u64; PARTS];
        for octave in self.recent(now).filter_map(|histogram| histogram.octaves.get(octave)) {
            let counts = octave.parts.iter().map(|count| u64::from(count.load(Relaxed)));
            parts.iter_mut().zip(counts).for_each(|(part, count)| *part += count);
        }
        // Where another thread counts in this octave just now, its parts may be behind the sum.
        let part = reach(parts, rank).map_or(PARTS - 1, |(part, _)| part);
        Some(Duration::from_micros(middle_of(octave, part)))
    }

    fn recent(&self, now: Moment) -> impl Iterator<Item = &Histogram> {
        let epoch = self.epochs.at(now);
        self.held().iter().filter(move |histogram| {
            let held = histogram.epoch.load(Relaxed);
            held <= epoch && epoch - held < EPOCHS as u64
        })
    }
}

impl Octave {
    fn clear(&self) {
        self.sum.store(0, Relaxed);
        self.parts.iter().for_each(|part| part.store(0, Relaxed));
    }
}

/// Where the running sum of `counts` reaches `rank`, and the rank among those counted there.
fn reach<const N: usize>(counts: [u64; N], mut rank: u64) -> Option<(usize, u64)> {
    for (at, count) in counts.into_iter().enumerate() {
        if rank <= count {
            return Some((at, rank));
        }
        rank -= count;
    }
    None
}

/// The octave and its part.
fn bucket_of(micros: u64) -> (usize, usize) {
    let micros = micros.clamp(1 << LEAST_BITS, (1 << (LEAST_BITS + OCTAVES as u32)) - 1);
    let octave = micros.ilog2();
    let part = (micros >> (octave - PART_BITS)) as usize & (PARTS - 1);
    ((octave - LEAST_BITS) as usize, part)
}

fn middle_of(octave: usize, part: usize) -> u64 {
    let width = 1_u64 << (octave as u32 + LEAST_BITS - PART_BITS);
    (PARTS + part) as u64 * width + width / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_said_of_few_and_old_ones_are_forgotten() {
        let quantiles = Quantiles::new(Duration::from_secs(60));
        quantiles.keep();
        let at = |seconds: u64| Moment(seconds * 1_000_000);
        (0..19).for_each(|_| quantiles.observe(Duration::from_secs(1), at(5)));
        assert_eq!(quantiles.quantile(0.5, at(5)), None);
        quantiles.observe(Duration::from_secs(1), at(5));
        assert!(quantiles.quantile(0.5, at(5)).is_some());
        assert!(quantiles.quantile(0.5, at(60)).is_some());
        assert_eq!(quantiles.quantile(0.5, at(90)), None);
        quantiles.observe(Duration::from_secs(1), at(95));
        assert_eq!(quantiles.quantile(0.5, at(95)), None);
        (0..19).for_each(|_| quantiles.observe(Duration::from_secs(1), at(95)));
        assert!(quantiles.quantile(0.5, at(95)).is_some());
        quantiles.apply(Duration::from_secs(30));
        assert_eq!(quantiles.quantile(0.5, at(95)), None);
    }

    proptest! {
        #[test]
        fn at_most_five_percent_off(mut seen in prop::collection::vec(64_u64..1_000_000_000, 20..300), q in 0.0..=1.0_f64) {
            let quantiles = Quantiles::new(Duration::from_secs(60));
            quantiles.keep();
            seen.iter().for_each(|micros| quantiles.observe(Duration::from_micros(*micros), Moment(7)));
            seen.sort_unstable();
            let exact = seen[((q * seen.len() as f64).ceil() as usize).max(1) - 1] as f64;
            let found = quantiles.quantile(q, Moment(7)).unwrap().as_micros() as f64;
            prop_assert!((found - exact).abs() <= 0.05 * exact, "{found} for {exact}");
        }

        #[test]
        fn any_latency_has_a_bucket(micros: u64) {
            let (octave, part) = bucket_of(micros);
            prop_assert!(octave < OCTAVES && part < PARTS);
        }
    }
}
