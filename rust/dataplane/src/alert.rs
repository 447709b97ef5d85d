//! Alerts: what an operator must know of, though requests may still be served. Each is told once while it lasts.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tollway_resilience::breaker::{Standing, Transition};

use crate::clock::{Instant, now};
use crate::exchange::Exchange;
use crate::log;
use crate::snapshot::route::Target;

/// How long the same alert is not told again.
const QUIET: Duration = Duration::from_secs(300);
/// As many subjects as are remembered; they are names of the configuration, and few of them have alerts.
const MOST: usize = 10_000;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A provider refuses one of our keys.
    DeadKey,
    /// The quota of one of our keys is used up.
    QuotaExhausted,
    /// A deployment fails, and is left alone.
    BreakerOpen,
    /// It serves again.
    BreakerClosed,
    /// Another model answers than the one that a target is pinned to.
    PinDrift,
    /// A condition of the configuration comes to no result.
    RuleFailed,
}

impl Kind {
    /// Its name in logs and webhooks.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::DeadKey => "dead_key",
            Self::QuotaExhausted => "quota_exhausted",
            Self::BreakerOpen => "breaker_open",
            Self::BreakerClosed => "breaker_closed",
            Self::PinDrift => "pin_drift",
            Self::RuleFailed => "rule_failed",
        }
    }
}

/// What was told, and when.
#[derive(Default)]
pub(crate) struct Alerts {
    told: Mutex<HashMap<(Kind, String), Instant>>,
}

impl Alerts {
    /// Tells of `kind` at `subject`, a name of the configuration, unless it was told a short while ago. `message` says what
    /// happened and what to do; never a secret, never what a caller sent.
    pub(crate) fn raise(&self, kind: Kind, subject: &str, message: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let moment = now();
        told.retain(|_, at| moment.saturating_duration_since(*at) < QUIET);
        if told.len() >= MOST || told.contains_key(&(kind, subject.to_owned())) {
            return;
        }
        told.insert((kind, subject.to_owned()), moment);
        drop(told);
        log::error("alert", &json!({"kind": kind.name(), "subject": subject, "message": message}));
    }
}

/// Tells of a change of a deployment's breaker, and shares it.
pub(crate) fn breaker(exchange: &Exchange, target: &Target, change: Option<Transition>) {
    let Some(change) = change else { return };
    let alerts = &exchange.worker.shared.alerts;
    let subject = format!("{}/{}", target.provider.name, target.model);
    match (change.from, change.to) {
        (_, Standing::Open { until }) => {
            let wait = until - exchange.worker.moment();
            let message = format!("It fails ({:?}): it is left alone for {wait:.1?}.", change.why);
            alerts.raise(Kind::BreakerOpen, &subject, &message);
        }
        (_, Standing::Closed) => alerts.raise(Kind::BreakerClosed, &subject, "It serves again."),
        (_, Standing::HalfOpen) => {}
    }
}
