//! How long to wait before the next retry.

use std::time::Duration;

use crate::unit;

/// Exponential back-off with full jitter: a wait drawn evenly from zero to a bound that doubles.
///
/// Without jitter, all callers of a failed upstream come back together. Full jitter costs the fewest calls of the variants
/// compared in M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest first wait.
    pub base: Duration,
    /// The longest wait of all.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff { base: Duration::from_millis(100), cap: Duration::from_secs(2) }
    }
}

impl Backoff {
    /// The wait before retry `retry` (0 is the first): from zero to `min(cap, base * 2^retry)`.
    #[must_use]
    pub fn wait(&self, retry: u32, draw: u64) -> Duration {
        let most = self.base.saturating_mul(1_u32.checked_shl(retry).unwrap_or(u32::MAX)).min(self.cap);
        most.mul_f64(unit(draw))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bound_doubles_up_to_the_cap() {
        let backoff = Backoff::default();
        let longest = |retry| backoff.wait(retry, u64::MAX).as_secs_f64();
        for (retry, most) in [(0, 0.1), (1, 0.2), (4, 1.6), (5, 2.0), (31, 2.0), (32, 2.0), (u32::MAX, 2.0)] {
            assert!((longest(retry) - most).abs() < 1e-6, "{retry}: {}", longest(retry));
        }
    }

    proptest! {
        #[test]
        fn never_beyond_the_cap(base: u64, cap: u64, retry: u32, draw: u64) {
            let backoff = Backoff { base: Duration::from_nanos(base), cap: Duration::from_nanos(cap) };
            prop_assert!(backoff.wait(retry, draw) <= backoff.cap);
        }
    }
}
