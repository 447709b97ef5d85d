//! A provider's API keys: which serves, and how each is. They belong to its origin: nothing else is ever sent one.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use sha2::{Digest, Sha256};
use tollway_resilience::Moment;
use tollway_resilience::key::{KeyHealth, KeyState};
use tollway_resilience::outlier::Every;
use tollway_resilience::state::{CredentialId, State};

use crate::snapshot::spec::ApiKeySpec;

/// How often a key that was refused is tried again, where the provider has no other and there are other targets: it may
/// have been a mistake of the provider's.
const AGAIN: Duration = Duration::from_secs(60);

/// One of a provider's keys.
pub(crate) struct Credential {
    /// Names it in alerts, without being it.
    pub(crate) name: String,
    pub(crate) value: HeaderValue,
    pub(crate) health: Arc<KeyHealth>,
    weight: u32,
}

/// When a key that was refused serves again.
const NEVER: Moment = Moment(u64::MAX);

impl Credential {
    /// When it serves again; none if it does.
    fn away(&self, now: Moment) -> Option<Moment> {
        match self.health.state(now) {
            KeyState::Alive => None,
            KeyState::Limited { until } | KeyState::Exhausted { until } => Some(until),
            KeyState::Dead { .. } => Some(NEVER),
        }
    }

    /// It served.
    pub(crate) fn serves(&self, now: Moment) {
        // Mostly it is known to: a look takes no other thread's line.
        if self.health.state(now) != KeyState::Alive {
            self.health.revive();
        }
    }
}

/// All of them.
pub(crate) struct Credentials {
    pub(crate) header: HeaderName,
    pool: Vec<Credential>,
    /// Where in each value the key itself begins.
    prefix: usize,
    again: Every,
}

impl Credentials {
    /// Compiles the keys of `provider`; what is known of them stays, but for refusals.
    ///
    /// # Errors
    /// Names and keys that no header can carry, without the keys.
    pub(super) fn compile(
        provider: &str,
        (header, prefix): (&str, &str),
        keys: Vec<ApiKeySpec>,
        state: &dyn State,
    ) -> Result<Self, String> {
        let header =
            HeaderName::from_bytes(header.as_bytes()).map_err(|_| format!("{header:?} is not a header's name"))?;
        let credential = |(index, key): (usize, ApiKeySpec)| {
            let mut value = HeaderValue::from_str(&format!("{prefix}{}", key.value))
                .map_err(|_| format!("API key {index} holds a character that no header can carry"))?;
            // Keeps it out of debug prints, and out of HPACK's table.
            value.set_sensitive(true);
            let digest = Sha256::digest(key.value.as_bytes());
            let id: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            let health = state.credential(&CredentialId(format!("{provider}/{id}").into()));
            // Who reloads says that what was refused may serve: it is out again with the next refusal.
            if matches!(health.state(Moment::default()), KeyState::Dead { .. }) {
                health.revive();
            }
            Ok(Credential { name: format!("{provider}, key {}", index + 1), value, health, weight: key.weight })
        };
        let pool = keys.into_iter().enumerate().map(credential).collect::<Result<Vec<_>, String>>()?;
        Ok(Self { header, pool, prefix: prefix.len(), again: Every::default() })
    }

    /// Whether `text` holds one of the keys.
    pub(super) fn are_in(&self, text: &[u8]) -> bool {
        let keys = self.pool.iter().filter_map(|key| key.value.as_bytes().get(self.prefix..));
        keys.filter(|key| !key.is_empty()).any(|key| memchr::memmem::find(text, key).is_some())
    }

    fn alive(&self, now: Moment) -> impl Iterator<Item = &Credential> {
        self.pool.iter().filter(move |key| key.health.state(now) == KeyState::Alive)
    }

    /// One of the keys that serve, by weight: `draw` is any number. Where none does, the one that is the first to do so again,
    /// or the first: the last way is never closed. None for a provider without keys.
    pub(super) fn pick(&self, now: Moment, draw: u64) -> Option<&Credential> {
        if let [only] = self.pool.as_slice() {
            return Some(only);
        }
        let total: u32 = self.alive(now).map(|key| key.weight).sum();
        let mut left = u32::try_from(draw % u64::from(total.max(1))).unwrap_or_default();
        for key in self.alive(now) {
            match left.checked_sub(key.weight) {
                Some(rest) => left = rest,
                None => return Some(key),
            }
        }
        self.pool.iter().min_by_key(|key| key.away(now))
    }

    /// When the first of the keys serves again, where none does now. Where all were refused, one is tried now and then.
    pub(super) fn away(&self, now: Moment) -> Option<Moment> {
        let soonest = self.pool.iter().map(|key| key.away(now)).min()??;
        (soonest != NEVER || !self.again.due(AGAIN, now)).then_some(soonest)
    }

    /// Whether any key serves.
    pub(super) fn any(&self, now: Moment) -> bool {
        self.pool.len() > 1 && self.alive(now).next().is_some()
    }

    /// The names of those that do not serve.
    pub(super) fn unwell(&self, now: Moment) -> impl Iterator<Item = &str> {
        self.pool.iter().filter(move |key| key.away(now).is_some()).map(|key| &*key.name)
    }

    /// Whether another key than `this` serves.
    pub(super) fn others(&self, now: Moment, this: &Credential) -> bool {
        self.alive(now).any(|key| !std::ptr::eq(key, this))
    }
}
