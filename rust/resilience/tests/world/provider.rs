//! A provider that answers in log-normal time, takes so much load, and browns out.

use std::time::Duration;

use super::rng::Rng;

/// What a provider is like.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// Time to the first token: its median, and the deviation of its logarithm.
    pub(crate) median: Duration,
    pub(crate) sigma: f64,
    /// Requests a second that it takes; over it, 429.
    pub(crate) capacity: f64,
    /// Requests beyond the capacity that it takes at once.
    pub(crate) burst: f64,
    /// Whether a 429 for load says when to come back.
    pub(crate) retry_after: bool,
    pub(crate) brownouts: Vec<Brownout>,
}

/// From when to when a provider is degraded, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Brownout {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
    pub(crate) limited: f64,
    pub(crate) failed: f64,
    pub(crate) stalled: f64,
    /// Times its usual latency.
    pub(crate) slower: f64,
}

/// How a send ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Answer {
    Token,
    Limited(Option<Duration>),
    Failed,
    /// Never.
    Stalled,
}

pub(crate) struct Provider {
    shape: Shape,
    tokens: f64,
    filled: Duration,
}

impl Provider {
    pub(crate) fn new(shape: Shape) -> Provider {
        Provider { tokens: shape.burst, filled: Duration::ZERO, shape }
    }

    /// What becomes of a request that comes at `time`, and how long that takes.
    pub(crate) fn serve(&mut self, time: Duration, rng: &mut Rng) -> (Duration, Answer) {
        let quick = Duration::from_secs_f64(0.01 + 0.02 * rng.unit());
        let draw = rng.unit();
        let brownout =
            self.shape.brownouts.iter().find(|brownout| (brownout.from..brownout.to).contains(&time)).copied();
        if let Some(Brownout { limited, failed, stalled, .. }) = brownout {
            if draw <= limited {
                return (quick, Answer::Limited(None));
            }
            if draw <= limited + failed {
                return (self.latency(rng).mul_f64(0.5), Answer::Failed);
            }
            if draw <= limited + failed + stalled {
                return (Duration::MAX, Answer::Stalled);
            }
        }
        self.tokens += (time - self.filled).as_secs_f64() * self.shape.capacity;
        self.tokens = self.tokens.min(self.shape.burst.max(1.0));
        self.filled = time;
        if self.tokens < 1.0 {
            let wait = Duration::from_secs_f64((1.0 - self.tokens) / self.shape.capacity);
            return (quick, Answer::Limited(self.shape.retry_after.then_some(wait)));
        }
        self.tokens -= 1.0;
        (self.latency(rng).mul_f64(brownout.map_or(1.0, |brownout| brownout.slower)), Answer::Token)
    }

    fn latency(&self, rng: &mut Rng) -> Duration {
        self.shape.median.mul_f64((self.shape.sigma * rng.normal()).exp())
    }
}
