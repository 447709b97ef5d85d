//! Quantiles of the recent latencies.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::clock::{Moment, micros};

/// Parts of an octave; a part is at most 1/16 wide, and its middle at most 3.2 % off.
const PARTS: usize = 1 << PART_BITS;
const PART_BITS: u32 = 4;
/// Octaves from 64 µs; the last part holds what is longer than 2^30 µs (18 minutes).
const OCTAVES: usize = 24;
const LEAST_BITS: u32 = 6;
const BUCKETS: usize = PARTS * OCTAVES;
/// Histograms that alternate: the current one and two full ones.
const EPOCHS: usize = 3;

/// The recent latencies in a histogram of logarithmic buckets: at most 5 % off between 64 µs and 18 minutes.
///
/// It covers between one and one and a half times the window, in three histograms of which the oldest is emptied when its
/// turn comes. The buckets are laid out as in G. Tene's HdrHistogram. Observations that race with the emptying may be lost.
#[derive(Debug)]
pub struct Quantiles {
    /// Microseconds of one histogram.
    step: AtomicU64,
    histograms: [Histogram; EPOCHS],
}

#[derive(Debug)]
struct Histogram {
    epoch: AtomicU64,
    buckets: [AtomicU32; BUCKETS],
}

/// Observations under which [`Quantiles::quantile`] says nothing: fewer do not have a 95th percentile.
pub const MIN_SAMPLES: u64 = 20;

impl Quantiles {
    /// One that knows nothing yet.
    #[must_use]
    pub fn new(window: Duration) -> Quantiles {
        let histogram =
            || Histogram { epoch: AtomicU64::new(u64::MAX), buckets: [const { AtomicU32::new(0) }; BUCKETS] };
        Quantiles { step: AtomicU64::new(step_of(window)), histograms: [histogram(), histogram(), histogram()] }
    }

    /// Another window; what was observed is forgotten if it differs.
    pub fn apply(&self, window: Duration) {
        if self.step.swap(step_of(window), Relaxed) != step_of(window) {
            self.histograms.iter().for_each(|histogram| histogram.epoch.store(u64::MAX, Relaxed));
        }
    }

    /// A latency, seen at `now`.
    pub fn observe(&self, latency: Duration, now: Moment) {
        let epoch = self.epoch(now);
        let Some(histogram) = self.histograms.get((epoch % EPOCHS as u64) as usize) else { return };
        let held = histogram.epoch.load(Relaxed);
        if held != epoch && histogram.epoch.compare_exchange(held, epoch, Relaxed, Relaxed).is_ok() {
            histogram.buckets.iter().for_each(|bucket| bucket.store(0, Relaxed));
        }
        if let Some(bucket) = histogram.buckets.get(bucket_of(micros(latency))) {
            bucket.fetch_add(1, Relaxed);
        }
    }

    /// How long the share `q` (0 to 1) of the recent requests took at most; `None` under [`MIN_SAMPLES`].
    #[must_use]
    pub fn quantile(&self, q: f64, now: Moment) -> Option<Duration> {
        let samples = self.samples(now);
        if samples < MIN_SAMPLES {
            return None;
        }
        let rank = ((q.clamp(0.0, 1.0) * samples as f64).ceil() as u64).max(1);
        let mut seen = 0;
        let bucket = (0..BUCKETS).find(|bucket| {
            seen += self.count(*bucket, now);
            seen >= rank
        });
        Some(Duration::from_micros(middle_of(bucket.unwrap_or(BUCKETS - 1))))
    }

    /// How many latencies are covered at `now`.
    #[must_use]
    pub fn samples(&self, now: Moment) -> u64 {
        self.recent(now).flat_map(|histogram| &histogram.buckets).map(|bucket| u64::from(bucket.load(Relaxed))).sum()
    }

    fn count(&self, bucket: usize, now: Moment) -> u64 {
        let held = |histogram: &Histogram| histogram.buckets.get(bucket).map_or(0, |count| count.load(Relaxed));
        self.recent(now).map(|histogram| u64::from(held(histogram))).sum()
    }

    fn recent(&self, now: Moment) -> impl Iterator<Item = &Histogram> {
        let epoch = self.epoch(now);
        self.histograms.iter().filter(move |histogram| {
            let held = histogram.epoch.load(Relaxed);
            held <= epoch && epoch - held < EPOCHS as u64
        })
    }

    fn epoch(&self, now: Moment) -> u64 {
        now.0 / self.step.load(Relaxed).max(1)
    }
}

fn step_of(window: Duration) -> u64 {
    (micros(window) / (EPOCHS as u64 - 1)).max(1)
}

fn bucket_of(micros: u64) -> usize {
    let micros = micros.max(1 << LEAST_BITS);
    let octave = micros.ilog2();
    let part = (micros >> (octave - PART_BITS)) as usize & (PARTS - 1);
    ((octave - LEAST_BITS) as usize * PARTS + part).min(BUCKETS - 1)
}

fn middle_of(bucket: usize) -> u64 {
    let octave = (bucket / PARTS) as u32 + LEAST_BITS;
    let width = 1_u64 << (octave - PART_BITS);
    (PARTS + bucket % PARTS) as u64 * width + width / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_said_of_few_and_old_ones_are_forgotten() {
        let quantiles = Quantiles::new(Duration::from_secs(60));
        let at = |seconds: u64| Moment(seconds * 1_000_000);
        (0..19).for_each(|_| quantiles.observe(Duration::from_secs(1), at(5)));
        assert_eq!(quantiles.quantile(0.5, at(5)), None);
        quantiles.observe(Duration::from_secs(1), at(5));
        assert!(quantiles.quantile(0.5, at(5)).is_some());
        assert!(quantiles.quantile(0.5, at(60)).is_some());
        assert_eq!(quantiles.quantile(0.5, at(90)), None);
        quantiles.observe(Duration::from_secs(1), at(95));
        assert_eq!(quantiles.samples(at(95)), 1);
        quantiles.apply(Duration::from_secs(30));
        assert_eq!(quantiles.samples(at(95)), 0);
    }

    proptest! {
        #[test]
        fn at_most_five_percent_off(mut seen in prop::collection::vec(64_u64..1_000_000_000, 20..300), q in 0.0..=1.0_f64) {
            let quantiles = Quantiles::new(Duration::from_secs(60));
            seen.iter().for_each(|micros| quantiles.observe(Duration::from_micros(*micros), Moment(7)));
            seen.sort_unstable();
            let exact = seen[((q * seen.len() as f64).ceil() as usize).max(1) - 1] as f64;
            let found = quantiles.quantile(q, Moment(7)).unwrap().as_micros() as f64;
            prop_assert!((found - exact).abs() <= 0.05 * exact, "{found} for {exact}");
        }

        #[test]
        fn any_latency_has_a_bucket(micros: u64) {
            prop_assert!(bucket_of(micros) < BUCKETS);
        }
    }
}
