//! A moving average that believes bad news at once.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::cell::Cell;
use crate::clock::{Moment, micros};

/// The latency of an upstream, as an average that rises to a peak at once and falls with the time constant `tau`.
///
/// While nothing is observed it falls towards zero, so a target that is avoided becomes worth a try. Finagle's
/// `PeakEwma` (`twitter/finagle`, `finagle-core/.../loadbalancer/PeakEwma.scala`).
#[derive(Debug)]
pub struct PeakEwma {
    /// Microseconds as an `f32` above, when they were seen below: in 1.024 ms since the start, modulo 2^32 (51 days).
    cell: Cell,
    /// In ticks of 1.024 ms.
    tau: AtomicU64,
}

impl PeakEwma {
    /// One that knows nothing yet.
    #[must_use]
    pub fn new(tau: Duration) -> PeakEwma {
        let average = PeakEwma { cell: Cell::new(), tau: AtomicU64::new(1) };
        average.apply(tau);
        average
    }

    /// Another time constant.
    pub fn apply(&self, tau: Duration) {
        self.tau.store((micros(tau) >> 10).max(1), Relaxed);
    }

    /// A latency, seen at `now`.
    pub fn observe(&self, latency: Duration, now: Moment) {
        let seen = micros(latency) as f32;
        self.cell.change(|held| {
            let Some((cost, at)) = held else { return (seen, tick(now)) };
            let kept = self.kept(at, now);
            let cost = if seen > cost { seen } else { cost * kept + seen * (1.0 - kept) };
            // A reading older than the last one does not turn the time back.
            (cost, if tick(now).wrapping_sub(at) as i32 > 0 { tick(now) } else { at })
        });
    }

    /// What the next request is expected to take; `None` if nothing was ever observed.
    #[must_use]
    pub fn estimate(&self, now: Moment) -> Option<Duration> {
        let (cost, at) = self.cell.get()?;
        Some(Duration::from_micros((cost * self.kept(at, now)) as u64))
    }

    /// The share that is left at `now` of what was known `at`.
    fn kept(&self, at: u32, now: Moment) -> f32 {
        let passed = (tick(now).wrapping_sub(at) as i32).max(0);
        (-(passed as f32) / self.tau.load(Relaxed) as f32).exp()
    }
}

fn tick(now: Moment) -> u32 {
    (now.0 >> 10) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment(seconds * 1_000_000)
    }

    #[test]
    fn rises_at_once_and_falls_with_tau() {
        let average = PeakEwma::new(Duration::from_secs(10));
        assert_eq!(average.estimate(at(1)), None);
        average.observe(Duration::from_millis(100), at(1));
        average.observe(Duration::from_secs(2), at(1));
        assert_eq!(average.estimate(at(1)), Some(Duration::from_secs(2)));
        // 100 + 1900/e = 799 ms after one time constant.
        average.observe(Duration::from_millis(100), at(11));
        let known = average.estimate(at(11)).unwrap().as_secs_f64();
        assert!((known - 0.799).abs() < 0.01, "{known}");
        let faded = average.estimate(at(21)).unwrap().as_secs_f64();
        assert!((faded - known / std::f64::consts::E).abs() < 0.01, "{faded}");
    }

    #[test]
    fn an_older_reading_changes_no_time() {
        let average = PeakEwma::new(Duration::from_secs(1));
        average.observe(Duration::from_millis(500), at(9));
        average.observe(Duration::from_millis(100), at(3));
        assert_eq!(average.estimate(at(9)), Some(Duration::from_millis(500)));
        assert!(average.estimate(at(19)).unwrap() < Duration::from_millis(1));
    }
}
