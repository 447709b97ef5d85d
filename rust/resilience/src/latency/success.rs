//! How often a deployment succeeds.

use std::time::Duration;

use super::cell::Cell;
use crate::clock::Moment;
use crate::window::{SLOTS, Window};

/// The time constant, in slots of the window: what is a window old weighs 2 %.
const TAU: usize = 4;
/// Successes that are taken as seen before the first: one failure alone then says little (0.83), and nothing says 1.
const PRIOR: f64 = 5.0;

/// e^(-age / TAU), by age in slots.
const WEIGHTS: [f64; SLOTS] = {
    const STEP: f64 = 0.778_800_783_071_404_9;
    let mut weights = [1.0; SLOTS];
    let mut age = 1;
    while age < SLOTS {
        weights[age] = weights[age - 1] * STEP;
        age += 1;
    }
    weights
};

/// The share of requests that succeed, each weighing less by a factor of e for every `tau` that it is old.
///
/// By time, not by request: a burst of failures is one event on a busy target and on a quiet one, and a target that is not
/// asked any more is forgiven as fast as one that recovers.
#[derive(Debug)]
pub struct SuccessRate {
    window: Window,
    /// The rate, for an epoch of the window (modulo 2^32): within it only what is observed changes it, and it is read ten
    /// times as often.
    found: Cell,
}

impl SuccessRate {
    /// One that knows nothing yet.
    #[must_use]
    pub fn new(tau: Duration) -> SuccessRate {
        SuccessRate { window: Window::new(window(tau)), found: Cell::new() }
    }

    /// Another time constant; what was seen is forgotten if it differs.
    pub fn apply(&self, tau: Duration) {
        self.window.resize(window(tau));
        self.found.clear();
    }

    /// A request ended.
    pub fn observe(&self, succeeded: bool, now: Moment) {
        self.window.add(now, u32::from(succeeded), u32::from(!succeeded));
        self.found.clear();
    }

    /// From 0 to 1, never 0; 1 where nothing is known. Of two threads that observe and read at once, the one may see the rate
    /// without the other's observation until the next.
    #[must_use]
    pub fn rate(&self, now: Moment) -> f64 {
        let epoch = self.window.epoch(now);
        let rate = self.found.get_or(epoch as u32, || {
            let seen = self.window.weighted(epoch, &WEIGHTS);
            let succeeded = seen.first + PRIOR;
            Some((succeeded / (succeeded + seen.second)) as f32)
        });
        rate.map_or(1.0, f64::from)
    }
}

fn window(tau: Duration) -> Duration {
    tau.saturating_mul((SLOTS / TAU) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment(millis * 1000)
    }

    #[test]
    fn follows_the_share_and_forgives_in_time() {
        let rate = SuccessRate::new(Duration::from_secs(4));
        assert!(rate.rate(at(0)) == 1.0);
        rate.observe(false, at(0));
        assert!(rate.rate(at(0)) > 0.8);
        (1..1000).for_each(|n| rate.observe(n % 20 >= 9, at(n * 10)));
        let seen = rate.rate(at(10_000));
        assert!((seen - 0.55).abs() < 0.03, "{seen}");
        // Recovered, seen in one time constant by half and more; or not asked, and forgiven.
        let forgiven = rate.rate(at(10_000 + 16_000));
        assert!(forgiven == 1.0, "{forgiven}");
        (1000..1400).for_each(|n| rate.observe(true, at(n * 10)));
        assert!(rate.rate(at(14_000)) > 0.8);
    }

    #[test]
    fn the_weights_are_those_of_the_time_constant() {
        for (age, weight) in WEIGHTS.iter().enumerate() {
            assert!((weight - (-(age as f64) / TAU as f64).exp()).abs() < 1e-12);
        }
    }
}
