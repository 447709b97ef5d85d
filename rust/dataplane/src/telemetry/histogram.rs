//! Histograms with fixed bounds, as OpenTelemetry's conventions wish them.

use std::time::Duration;

use crate::clock::micros;

/// Upper bounds in seconds: those of OpenTelemetry's GenAI durations.
pub(super) const SECONDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// Upper bounds of tokens: those of OpenTelemetry's `gen_ai.client.token.usage`.
pub(super) const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
/// Upper bounds in seconds for the gateway's own part.
pub(super) const OVERHEAD: [f64; 14] =
    [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 1.0];

/// How many observations fell up to each bound and above the one before it; the last has none.
#[derive(Default, Clone)]
pub(super) struct Histogram {
    pub(super) buckets: [u64; 15],
    /// Of what was observed: microseconds, or tokens.
    pub(super) sum: u64,
}

impl Histogram {
    pub(super) fn observe(&mut self, Observed { bucket, amount }: Observed) {
        if let Some(bucket) = self.buckets.get_mut(usize::from(bucket)) {
            *bucket += 1;
        }
        self.sum += amount;
    }

    /// Something of each line of memory that `observe` will change.
    pub(super) fn touched(&self, Observed { bucket, .. }: Observed) -> u64 {
        self.buckets.get(usize::from(bucket)).copied().unwrap_or_default() ^ self.sum
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.buckets.iter_mut().zip(other.buckets).for_each(|(mine, theirs)| *mine += theirs);
        self.sum += other.sum;
    }
}

/// A time or a number of tokens, and the bucket that it belongs to.
#[derive(Clone, Copy)]
pub(super) struct Observed {
    bucket: u8,
    amount: u64,
}

impl Observed {
    pub(super) fn new(bounds: &[f64; 14], time: Duration) -> Self {
        Self::within(bounds, time.as_secs_f64(), micros(time))
    }

    pub(super) fn tokens(count: u64) -> Self {
        Self::within(&TOKENS, count as f64, count)
    }

    fn within(bounds: &[f64; 14], value: f64, amount: u64) -> Self {
        let bucket = bounds.partition_point(|bound| *bound < value);
        Self { bucket: u8::try_from(bucket).unwrap_or(u8::MAX), amount }
    }
}
