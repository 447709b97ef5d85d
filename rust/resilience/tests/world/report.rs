//! What was seen.

use std::time::Duration;

/// Counts and latencies of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) requests: u64,
    pub(crate) sends: u64,
    pub(crate) retries: u64,
    pub(crate) hedges: u64,
    pub(crate) failures: u64,
    /// Failures because no target was ready in time, or the budget was spent, or all sends were.
    pub(crate) stopped: [u64; 3],
    pub(crate) left: u64,
    pub(crate) opened: u64,
    /// Sends, and 429 for load, by target.
    pub(crate) to: Vec<(u64, u64)>,
    /// Times to the first token of those answered.
    pub(crate) first_tokens: Vec<Duration>,
}

impl Report {
    pub(crate) fn failed(&self) -> f64 {
        self.failures as f64 / self.requests as f64
    }

    pub(crate) fn amplification(&self) -> f64 {
        self.sends as f64 / self.requests as f64
    }
}

pub(crate) fn quantile(seen: &mut [Duration], q: f64) -> Duration {
    seen.sort_unstable();
    seen.get(((seen.len() as f64 * q) as usize).min(seen.len().saturating_sub(1))).copied().unwrap_or_default()
}
