//! The book of alerts: which fire, which are over, and what of it is to be told. It holds the newest of each only.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::clock::Instant;

/// As many alerts are remembered, firing or over.
const MOST: usize = 1_000;
/// As many notices are kept for who delivers them: what a receiver that is away for long may get late.
const NOTICES: usize = 1_000;
/// The most characters of a message.
const LONGEST: usize = 1_000;

/// Whether it is still so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Firing,
    Resolved,
}

/// An alert as it is told. Times are microseconds since 1970.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Alert {
    /// The same from its first firing until it is over.
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) severity: &'static str,
    pub(crate) subject: String,
    pub(crate) message: String,
    pub(crate) state: State,
    /// How often it was seen.
    pub(crate) count: u64,
    pub(crate) first_us: u64,
    pub(crate) last_us: u64,
}

/// Something to be told, and its number.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Notice {
    pub(crate) seq: u64,
    #[serde(flatten)]
    pub(crate) alert: Alert,
}

struct Entry {
    alert: Alert,
    /// What was told of it last, and when it was last told to fire.
    told: State,
    told_at: Instant,
    seen: Instant,
}

/// All of it.
pub(crate) struct Book {
    entries: HashMap<(Kind, String), Entry>,
    notices: VecDeque<Notice>,
    next: u64,
    /// How long a firing alert is not told again.
    pub(crate) quiet: Duration,
}

impl Default for Book {
    fn default() -> Self {
        Self { entries: HashMap::new(), notices: VecDeque::new(), next: 0, quiet: Duration::from_secs(300) }
    }
}

/// A moment on the monotonic clock, and in microseconds since 1970.
type Both = (Instant, u64);

impl Book {
    /// `kind` was seen at `subject`. What is to be told: nothing, if it was told less than `quiet` ago.
    pub(crate) fn raise(&mut self, kind: Kind, subject: &str, message: &str, (now, us): Both) -> Vec<Alert> {
        let (key, quiet) = ((kind, subject.to_owned()), self.quiet);
        let known = self
            .entries
            .get_mut(&key)
            .filter(|entry| entry.alert.state == State::Firing || now.saturating_duration_since(entry.told_at) < quiet);
        let Some(entry) = known else {
            let alert = Alert {
                // The standard library seeds each of its hashers from the system's random source.
                id: format!("alert_{:016x}", RandomState::new().hash_one(self.next)),
                kind,
                severity: kind.severity(),
                subject: subject.to_owned(),
                message: message.chars().take(LONGEST).collect(),
                state: State::Firing,
                count: 1,
                first_us: us,
                last_us: us,
            };
            self.make_room(&key);
            self.entries.insert(key, Entry { alert: alert.clone(), told: State::Firing, told_at: now, seen: now });
            return self.tell(vec![alert]);
        };
        entry.alert.state = State::Firing;
        entry.alert.message = message.chars().take(LONGEST).collect();
        entry.alert.count += 1;
        entry.alert.last_us = us;
        entry.seen = now;
        if now.saturating_duration_since(entry.told_at) < quiet {
            return Vec::new();
        }
        (entry.told, entry.told_at) = (State::Firing, now);
        let alert = entry.alert.clone();
        self.tell(vec![alert])
    }

    /// It is over. What is to be told: nothing, where nobody was told that it fired.
    pub(crate) fn resolve(&mut self, kind: Kind, subject: &str, message: &str, us: u64) -> Vec<Alert> {
        let told = self.entries.get_mut(&(kind, subject.to_owned())).and_then(|entry| entry.over(message, us));
        self.tell(told.into_iter().collect())
    }

    /// All those are over that `ended` says; what is to be told.
    pub(crate) fn resolve_all(
        &mut self,
        message: &str,
        us: u64,
        ended: impl Fn(&Alert, Instant) -> bool,
    ) -> Vec<Alert> {
        let ended = self.entries.values_mut().filter(|entry| ended(&entry.alert, entry.seen));
        let told = ended.filter_map(|entry| entry.over(message, us)).collect();
        self.tell(told)
    }

    /// What has become due by time alone: kinds that nobody ends are over after twice `quiet` without being seen; and an alert
    /// that fired again soon after it was over is told once `quiet` has passed, if it still fires.
    pub(crate) fn settle(&mut self, (now, us): Both) -> Vec<Alert> {
        let quiet = self.quiet;
        let lapsed = |alert: &Alert, seen: Instant| {
            alert.kind.lapses() && now.saturating_duration_since(seen) >= quiet.saturating_mul(2)
        };
        let mut told = self.resolve_all("It was not seen again.", us, lapsed);
        let mut due = Vec::new();
        for entry in self.entries.values_mut() {
            let hidden = entry.alert.state == State::Firing && entry.told == State::Resolved;
            if hidden && now.saturating_duration_since(entry.told_at) >= quiet {
                (entry.told, entry.told_at) = (State::Firing, now);
                due.push(entry.alert.clone());
            }
        }
        told.extend(self.tell(due));
        told
    }

    /// The alerts that `wants` likes, those that were seen last first.
    pub(crate) fn list(&self, wants: impl Fn(&Alert) -> bool) -> Vec<&Alert> {
        let mut found: Vec<_> = self.entries.values().map(|entry| &entry.alert).filter(|alert| wants(alert)).collect();
        found.sort_by(|a, b| (b.last_us, &b.id).cmp(&(a.last_us, &a.id)));
        found
    }

    /// How many fire, of `kind` or of all.
    pub(crate) fn firing(&self, kind: Option<Kind>) -> u64 {
        let fires = |alert: &Alert| alert.state == State::Firing && kind.is_none_or(|kind| kind == alert.kind);
        self.entries.values().filter(|entry| fires(&entry.alert)).count() as u64
    }

    /// At most `limit` notices from the number `after` on, without it only those to come; what to ask for next; and how
    /// many had gone before they were asked for.
    pub(crate) fn since(&self, after: Option<u64>, limit: usize) -> (Vec<&Notice>, u64, u64) {
        let first = self.next - self.notices.len() as u64;
        // A number from another process's time begins anew.
        let after = after.filter(|after| *after <= self.next).unwrap_or(self.next);
        let seen: Vec<_> = self.notices.iter().filter(|notice| notice.seq >= after).take(limit).collect();
        let next = seen.last().map_or(self.next, |last| last.seq + 1);
        (seen, next, first.saturating_sub(after))
    }

    fn tell(&mut self, told: Vec<Alert>) -> Vec<Alert> {
        for alert in &told {
            if self.notices.len() >= NOTICES {
                self.notices.pop_front();
            }
            self.notices.push_back(Notice { seq: self.next, alert: alert.clone() });
            self.next += 1;
        }
        told
    }

    /// Forgets the oldest, first of those that are over, where there is no room for `key`.
    fn make_room(&mut self, key: &(Kind, String)) {
        if self.entries.len() < MOST || self.entries.contains_key(key) {
            return;
        }
        let age = |entry: &Entry| (entry.alert.state == State::Firing, entry.seen);
        let oldest = self.entries.iter().min_by_key(|(_, entry)| age(entry)).map(|(key, _)| key.clone());
        oldest.and_then(|oldest| self.entries.remove(&oldest));
    }
}

impl Entry {
    /// It is over, if it was not: what is to be told.
    fn over(&mut self, message: &str, us: u64) -> Option<Alert> {
        if self.alert.state == State::Resolved {
            return None;
        }
        (self.alert.state, self.alert.last_us) = (State::Resolved, us);
        message.clone_into(&mut self.alert.message);
        let told = std::mem::replace(&mut self.told, State::Resolved);
        (told == State::Firing).then(|| self.alert.clone())
    }
}

#[cfg(test)]
mod tests;
