//! What is remembered of one credential of a provider.

use std::sync::{PoisonError, RwLock};

use crate::clock::Moment;

/// Why a credential is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The provider does not know it, or no longer (401).
    Unknown,
    /// The provider knows it and lets it do nothing (403, a blocked account).
    Forbidden,
}

/// Whether a credential serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It does.
    Alive,
    /// Rate limited until then.
    Limited {
        /// The end of the limit.
        until: Moment,
    },
    /// Its quota or credit is used up, until then: worth a new try only then.
    Exhausted {
        /// When it is tried again.
        until: Moment,
    },
    /// Refused by the provider. It stays so until [`KeyHealth::revive`].
    Dead {
        /// When it was refused.
        since: Moment,
        /// How.
        why: Fault,
    },
}

/// The health of one credential, shared by all deployments that use it.
#[derive(Debug, Default)]
pub struct KeyHealth(RwLock<Known>);

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    limited: Moment,
    exhausted: Moment,
    dead: Option<(Moment, Fault)>,
}

impl KeyHealth {
    /// Whether it serves at `now`: the worst that is known.
    #[must_use]
    pub fn state(&self, now: Moment) -> KeyState {
        let known = *self.0.read().unwrap_or_else(PoisonError::into_inner);
        match known {
            Known { dead: Some((since, why)), .. } => KeyState::Dead { since, why },
            Known { exhausted: until, .. } if until > now => KeyState::Exhausted { until },
            Known { limited: until, .. } if until > now => KeyState::Limited { until },
            _ => KeyState::Alive,
        }
    }

    /// Rate limited until then; a shorter limit never shortens a longer one.
    pub fn limit(&self, until: Moment) {
        self.change(|known| known.limited = known.limited.max(until));
    }

    /// Its quota is used up until then; a shorter time never shortens a longer one.
    pub fn exhaust(&self, until: Moment) {
        self.change(|known| known.exhausted = known.exhausted.max(until));
    }

    /// The provider refused it. Whether that is news.
    pub fn kill(&self, why: Fault, now: Moment) -> bool {
        self.change(|known| {
            let news = known.dead.is_none();
            known.dead.get_or_insert((now, why));
            news
        })
    }

    /// It served, or somebody replaced or unblocked it: alive again. Whether that is news.
    pub fn revive(&self) -> bool {
        self.change(|known| std::mem::take(known).dead.is_some())
    }

    fn change<T>(&self, to: impl FnOnce(&mut Known) -> T) -> T {
        to(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts_and_ends_in_time() {
        let key = KeyHealth::default();
        assert_eq!(key.state(Moment(0)), KeyState::Alive);
        key.limit(Moment(9));
        key.limit(Moment(4));
        key.exhaust(Moment(6));
        assert_eq!(key.state(Moment(5)), KeyState::Exhausted { until: Moment(6) });
        assert_eq!(key.state(Moment(6)), KeyState::Limited { until: Moment(9) });
        assert_eq!(key.state(Moment(9)), KeyState::Alive);
    }

    #[test]
    fn the_dead_stay_dead_until_revived() {
        let key = KeyHealth::default();
        assert!(key.kill(Fault::Unknown, Moment(3)) && !key.kill(Fault::Forbidden, Moment(5)));
        assert_eq!(key.state(Moment(u64::MAX)), KeyState::Dead { since: Moment(3), why: Fault::Unknown });
        assert!(key.revive() && !key.revive());
        assert_eq!(key.state(Moment(5)), KeyState::Alive);
    }
}
