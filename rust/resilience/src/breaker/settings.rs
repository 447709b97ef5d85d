//! What goes into a breaker, and what comes out.

use std::time::Duration;

use crate::clock::Moment;

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerSettings {
    /// Failures in a row that open it; 0: they never do.
    pub consecutive: u32,
    /// The share of failures over `window` that opens it; above 1: it never does.
    pub ratio: f64,
    /// What `ratio` is taken over.
    pub window: Duration,
    /// Requests that must have ended within `window` before `ratio` says anything.
    pub min_requests: u32,
    /// How long it is open at first; twice as long each time it opens again before it stayed closed for as long.
    pub cooldown: Duration,
    /// The longest that `cooldown` becomes.
    pub max_cooldown: Duration,
    /// The longest that an upstream's own cooldown is followed.
    pub max_asked: Duration,
    /// Probes at once while it is half open; at least one.
    pub probes: u32,
    /// Probes that must succeed before it closes; at least one.
    pub successes: u32,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        BreakerSettings {
            consecutive: 10,
            ratio: 0.5,
            window: Duration::from_secs(30),
            min_requests: 20,
            cooldown: Duration::from_secs(5),
            max_cooldown: Duration::from_secs(120),
            max_asked: Duration::from_secs(3600),
            probes: 1,
            successes: 2,
        }
    }
}

/// What a breaker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All may pass.
    Closed,
    /// Nothing may pass until then.
    Open {
        /// The end of the cooldown.
        until: Moment,
    },
    /// A few probes may pass.
    HalfOpen,
}

/// A change of standing: to be logged, counted, and told to the other replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What it did.
    pub from: Standing,
    /// What it does now, with the end of the cooldown where it is open.
    pub to: Standing,
    /// Why.
    pub why: Why,
}

/// Why a breaker changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// That many failures in a row.
    Consecutive(u32),
    /// That many of that many failed within the window.
    Ratio {
        /// Failed.
        failed: u32,
        /// Ended.
        of: u32,
    },
    /// A probe failed.
    ProbeFailed,
    /// The cooldown is over.
    CooledDown,
    /// Enough probes succeeded.
    Recovered,
    /// Another replica or a health check said so.
    Told,
}

/// No leave to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// When it is worth asking again; where all probes are under way, in a second.
    pub until: Moment,
}

/// What others know of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// Open until then; the longer of this and a cooldown that runs.
    Open {
        /// The end of the cooldown.
        until: Moment,
    },
    /// Closed.
    Closed,
}
