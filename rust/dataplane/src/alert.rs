//! Alerts: what an operator must know of, though requests may still be served. Each is told once while it lasts, and once
//! more when it is over: on stderr, and to the control plane, which delivers them to webhooks.

mod book;

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tollway_resilience::Moment;
use tollway_resilience::breaker::{Standing, Transition};

use crate::clock::{micros, now, unix_time};
use crate::log;
use crate::snapshot::Snapshot;
use crate::snapshot::route::Target;
use crate::worker::Shared;

use book::{Alert, Book, State};

/// What is wrong. The names are those of `kinds` in the configuration (`config/schema_alerts.py`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A provider refuses one of our keys.
    DeadKey,
    /// The quota of one of our keys is used up.
    QuotaExhausted,
    /// A deployment fails, and is left alone.
    BreakerOpen,
    /// Another model answers than the one that a target is pinned to.
    PinDrift,
    /// A condition of the configuration comes to no result.
    RuleFailed,
    /// The answer of a job could not be posted.
    CallbackFailed,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::DeadKey,
        Self::QuotaExhausted,
        Self::BreakerOpen,
        Self::PinDrift,
        Self::RuleFailed,
        Self::CallbackFailed,
    ];

    /// Its name in logs, metrics and webhooks.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::DeadKey => "dead_key",
            Self::QuotaExhausted => "quota_exhausted",
            Self::BreakerOpen => "breaker_open",
            Self::PinDrift => "pin_drift",
            Self::RuleFailed => "rule_failed",
            Self::CallbackFailed => "callback_failed",
        }
    }

    /// `critical` where somebody must act, `warning` where it may pass by itself.
    fn severity(self) -> &'static str {
        match self {
            Self::DeadKey | Self::QuotaExhausted => "critical",
            Self::BreakerOpen | Self::PinDrift | Self::RuleFailed | Self::CallbackFailed => "warning",
        }
    }

    /// Whether nobody says when it is over: it is once it has not been seen for a while.
    fn lapses(self) -> bool {
        matches!(self, Self::PinDrift | Self::RuleFailed | Self::CallbackFailed)
    }
}

/// Which alerts are asked for: `state` and `kind` narrow them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    state: Option<State>,
    kind: Option<Kind>,
}

/// From which notice on, and at most how many.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    after: Option<u64>,
    limit: usize,
}

/// All alerts of the gateway, over configurations.
#[derive(Default)]
pub(crate) struct Alerts {
    book: Mutex<Book>,
}

impl Alerts {
    /// Tells of `kind` at `subject`, a name of the configuration, unless it was told a short while ago. `message` says what
    /// happened and what to do; never a secret, never what a caller sent.
    pub(crate) fn raise(&self, kind: Kind, subject: &str, message: &str) {
        self.change(|book| book.raise(kind, subject, message, (now(), micros(unix_time()))));
    }

    /// `kind` at `subject` is over, if it was told; `message` says why.
    pub(crate) fn resolve(&self, kind: Kind, subject: &str, message: &str) {
        self.change(|book| book.resolve(kind, subject, message, micros(unix_time())));
    }

    /// Goes by `snapshot`, and ends what is over by itself: alerts of keys that serve again, and of what is not configured any
    /// more. Nothing on a request's way says so: it would cost every one of them a look.
    pub(crate) fn sweep(&self, snapshot: &Snapshot, moment: Moment) {
        let us = micros(unix_time());
        self.change(|book| {
            book.quiet = snapshot.alerts.quiet();
            if book.firing(None) == 0 {
                return Vec::new();
            }
            let keys: HashSet<&str> = snapshot.providers.iter().flat_map(|provider| provider.unwell(moment)).collect();
            let targets: HashSet<String> =
                snapshot.routes.values().flat_map(|route| &route.targets).map(Target::deployment).collect();
            let over = |alert: &Alert, _| match alert.kind {
                Kind::DeadKey | Kind::QuotaExhausted => !keys.contains(&*alert.subject),
                Kind::BreakerOpen | Kind::PinDrift => !targets.contains(&alert.subject),
                Kind::RuleFailed | Kind::CallbackFailed => false,
            };
            let mut told = book.resolve_all("It serves again, or is not configured any more.", us, over);
            told.extend(book.settle((now(), us)));
            told
        });
    }

    /// What `alerts` of the control socket answers: those that are wanted, the newest first.
    ///
    /// # Errors
    /// A state or a kind that there is not.
    pub(crate) fn list(&self, with: Value) -> Result<Value, serde_json::Error> {
        let Wanted { state, kind } = serde_json::from_value(with)?;
        let wants = |alert: &Alert| {
            state.is_none_or(|state| state == alert.state) && kind.is_none_or(|kind| kind == alert.kind)
        };
        Ok(json!({"data": self.lock().list(wants)}))
    }

    /// What `alerts.notices` of the control socket answers: what is to be told, in its order, from a number on.
    ///
    /// # Errors
    /// What is no question.
    pub(crate) fn notices(&self, with: Value) -> Result<Value, serde_json::Error> {
        let Page { after, limit } = serde_json::from_value(with)?;
        let book = self.lock();
        let (data, next, missed) = book.since(after, limit);
        Ok(json!({"data": data, "next": next, "missed": missed}))
    }

    /// The lines that `/metrics` has of this.
    pub(crate) fn page(&self) -> String {
        let book = self.lock();
        let name = "tollway_alerts_firing";
        let mut page = format!("# HELP {name} Alerts that are firing.\n# TYPE {name} gauge\n");
        for kind in Kind::ALL {
            let _ = writeln!(page, "{name}{{kind=\"{}\"}} {}", kind.name(), book.firing(Some(kind)));
        }
        page
    }

    /// Changes the book, and logs what it says is to be told.
    fn change(&self, change: impl FnOnce(&mut Book) -> Vec<Alert>) {
        let mut book = self.lock();
        let told = change(&mut book);
        drop(book);
        for alert in told {
            let Alert { kind, subject, message, state, count, .. } = alert;
            let told = json!({"kind": kind, "subject": subject, "message": message, "state": state, "count": count});
            if state == State::Firing { log::error("alert", &told) } else { log::info("alert", &told) }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells of a change of a deployment's breaker, and shares it.
pub(crate) fn breaker(shared: &Shared, target: &Target, change: Option<Transition>) {
    let Some(change) = change else { return };
    let alerts = &shared.alerts;
    match (change.from, change.to) {
        (_, Standing::Open { until }) => {
            let wait: Duration = until - shared.moment();
            let message = format!("It fails ({:?}): it is left alone for {wait:.1?}.", change.why);
            alerts.raise(Kind::BreakerOpen, &target.deployment(), &message);
        }
        (_, Standing::Closed) => alerts.resolve(Kind::BreakerOpen, &target.deployment(), "It serves again."),
        (_, Standing::HalfOpen) => {}
    }
}
