//! A provider's API keys: which serves, and how each is. They belong to its origin: nothing else is ever sent one.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use sha2::{Digest, Sha256};
use tollway_resilience::Moment;
use tollway_resilience::key::{KeyHealth, KeyState};
use tollway_resilience::outlier::Every;
use tollway_resilience::state::{CredentialId, State};

use crate::attempt::Failure;
use crate::snapshot::spec::ApiKeySpec;
use crate::telemetry::AttemptClass;

/// How often a key that was refused is tried again, where the provider has no other: it may have been a mistake of the
/// provider's.
const AGAIN: Duration = Duration::from_secs(60);

/// One of a provider's keys.
pub(crate) struct Credential {
    /// Names it in alerts, without being it.
    pub(crate) name: String,
    pub(crate) value: HeaderValue,
    pub(crate) health: Arc<KeyHealth>,
    weight: u32,
}

impl Credential {
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
    /// Compiles the keys of `provider`; what is known of them stays.
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

    /// One of the keys that serve, by weight: `draw` is any number. None for a provider without keys.
    ///
    /// # Errors
    /// None of them serves; when one will, if that is known.
    pub(super) fn pick(&self, now: Moment, draw: u64) -> Result<Option<&Credential>, Failure> {
        if self.pool.is_empty() {
            return Ok(None);
        }
        if let [only] = self.pool.as_slice()
            && only.health.state(now) == KeyState::Alive
        {
            return Ok(Some(only));
        }
        let total: u32 = self.alive(now).map(|key| key.weight).sum();
        let mut left = u32::try_from(draw % u64::from(total.max(1))).unwrap_or_default();
        for key in self.alive(now) {
            match left.checked_sub(key.weight) {
                Some(rest) => left = rest,
                None => return Ok(Some(key)),
            }
        }
        self.refused(now)
    }

    /// No key is alive: why, unless it is time to try a dead one.
    fn refused(&self, now: Moment) -> Result<Option<&Credential>, Failure> {
        if let Some(until) = self.limited(now) {
            let exhausted = self.pool.iter().any(|key| matches!(key.health.state(now), KeyState::Exhausted { .. }));
            let (class, what) = match exhausted {
                true => (AttemptClass::Quota, "The quota of its keys is used up."),
                false => (AttemptClass::RateLimit, "Its keys are rate limited."),
            };
            return Err(Failure::new(class, what).with_wait(until - now));
        }
        match self.pool.first() {
            Some(key) if self.again.due(AGAIN, now) => Ok(Some(key)),
            _ => Err(Failure::new(AttemptClass::Credentials, "It has refused the gateway's credentials.")),
        }
    }

    /// When the first of the keys that are limited serves again, where none does now.
    pub(super) fn limited(&self, now: Moment) -> Option<Moment> {
        let mut soonest = None;
        for key in &self.pool {
            let until = match key.health.state(now) {
                KeyState::Alive => return None,
                KeyState::Limited { until } | KeyState::Exhausted { until } => until,
                KeyState::Dead { .. } => continue,
            };
            soonest = Some(soonest.map_or(until, |soonest: Moment| soonest.min(until)));
        }
        soonest
    }

    /// Whether any key serves.
    pub(super) fn any(&self, now: Moment) -> bool {
        self.pool.len() > 1 && self.alive(now).next().is_some()
    }

    /// Whether another key than `this` serves.
    pub(super) fn others(&self, now: Moment, this: &Credential) -> bool {
        self.alive(now).any(|key| !std::ptr::eq(key, this))
    }
}
