//! A provider's API keys, or the slot that a cloud's credentials arrive in: which serves, and how each is. They belong to its
//! origin: nothing else is ever sent one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use http::response::Parts;
use http::{HeaderName, HeaderValue, header};
use serde_json::json;
use sha2::{Digest, Sha256};
use tollway_resilience::Moment;
use tollway_resilience::key::{Fault, KeyHealth, KeyState};
use tollway_resilience::outlier::Every;
use tollway_resilience::state::{CredentialId, State};

use crate::log;
use crate::snapshot::Slots;
use crate::snapshot::spec::{ApiKeySpec, AuthKind, AuthSpec};

use super::sign::{Signer, Signing};
use super::slot::{Secret, Slot};

/// How often a key that was refused is tried again, where the provider has no other and there are other targets: it may
/// have been a mistake of the provider's.
const AGAIN: Duration = Duration::from_secs(60);

/// One of a provider's keys.
pub(crate) struct Credential {
    /// Names it in alerts, without being it.
    pub(crate) name: String,
    value: Value,
    pub(crate) health: Arc<KeyHealth>,
    weight: u32,
}

enum Value {
    /// What a header says.
    Fixed(HeaderName, HeaderValue),
    /// What its source gives.
    Given(Box<FromSlot>),
}

struct FromSlot {
    slot: Arc<Slot>,
    /// Where it signs requests.
    signer: Option<Signer>,
    /// The number of what the provider has refused of it.
    refused: AtomicU64,
}

/// A credential as one send takes it.
pub(crate) enum Taken {
    /// What a header says.
    Header(HeaderName, HeaderValue),
    /// What signs.
    Signing(Signing),
}

/// When a key that was refused serves again.
const NEVER: Moment = Moment(u64::MAX);

impl Credential {
    /// What the next send takes, and the number by which to refer to it.
    ///
    /// # Errors
    /// Why there is nothing, without secrets.
    pub(crate) fn take(&self) -> Result<(Taken, u64), String> {
        let from = match &self.value {
            Value::Fixed(name, value) => return Ok((Taken::Header(name.clone(), value.clone()), 0)),
            Value::Given(from) => from,
        };
        let (secret, number) = from.slot.valid()?;
        let taken = match (&*secret, &from.signer) {
            (Secret::Bearer(value), None) => Taken::Header(header::AUTHORIZATION, value.clone()),
            (Secret::Aws(_), Some(signer)) => Taken::Signing(signer.signing(&secret, from.slot.their_time())?),
            _ => return Err("Its credentials are of another kind than it takes.".to_owned()),
        };
        Ok((taken, number))
    }

    /// The provider refused the one of that number. Whether that is news.
    pub(crate) fn refused(&self, number: u64, now: Moment) -> bool {
        match &self.value {
            Value::Fixed(..) => self.health.kill(Fault::Unknown, now),
            Value::Given(from) => from.refused.fetch_max(number, Ordering::Relaxed) < number,
        }
    }

    /// Whether it signs requests, of which it must then have the whole body.
    pub(super) fn signs(&self) -> bool {
        matches!(&self.value, Value::Given(from) if from.signer.is_some())
    }

    /// The slot that it comes from, if it does.
    pub(crate) fn slot(&self) -> Option<&Arc<Slot>> {
        match &self.value {
            Value::Fixed(..) => None,
            Value::Given(from) => Some(&from.slot),
        }
    }

    /// Whether its source has given nothing that is valid, or nothing since the provider refused it.
    fn is_missing(&self) -> bool {
        let Value::Given(from) = &self.value else { return false };
        from.slot.number().is_none_or(|number| number == from.refused.load(Ordering::Relaxed))
    }

    /// What `head`, the answer to what it has signed, says of the time, where the clocks differ too much for any signature: by how
    /// many seconds the other is ahead. Later ones go by it.
    pub(crate) fn learn_time(&self, head: &Parts) -> Option<i64> {
        /// AWS takes signatures of the last five minutes, and of the next.
        const FAR: u64 = 240;
        let Value::Given(from) = &self.value else { return None };
        from.signer.as_ref()?;
        if !matches!(head.status.as_u16(), 400 | 401 | 403) {
            return None;
        }
        let date = httpdate::parse_http_date(head.headers.get(header::DATE)?.to_str().ok()?).ok()?;
        let theirs = date.duration_since(UNIX_EPOCH).ok()?.as_secs();
        if theirs.abs_diff(from.slot.their_time()) <= FAR {
            return None;
        }
        let ahead = from.slot.set_time(theirs);
        log::error("clock-skew", &json!({"credential": self.name, "seconds_ahead_of_ours": ahead}));
        Some(ahead)
    }

    /// When it serves again; none if it does.
    fn away(&self, now: Moment) -> Option<Moment> {
        if self.is_missing() {
            return Some(NEVER);
        }
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
        if let Value::Given(from) = &self.value
            && from.refused.load(Ordering::Relaxed) != 0
        {
            from.refused.store(0, Ordering::Relaxed);
        }
    }
}

/// All of them.
pub(crate) struct Credentials {
    pool: Vec<Credential>,
    /// Where in each value the key itself begins.
    prefix: usize,
    again: Every,
}

impl Credentials {
    /// Whether requests are signed with them.
    pub(super) fn sign(&self) -> bool {
        self.pool.iter().any(Credential::signs)
    }

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
            let (name, value) = (format!("{provider}, key {}", index + 1), Value::Fixed(header.clone(), value));
            Ok(Credential { name, value, health, weight: key.weight })
        };
        let pool = keys.into_iter().enumerate().map(credential).collect::<Result<Vec<_>, String>>()?;
        Ok(Self { pool, prefix: prefix.len(), again: Every::default() })
    }

    /// Compiles the use that `provider` makes of what the source of `auth` gives.
    ///
    /// # Errors
    /// What does not hold together.
    pub(super) fn given(provider: &str, auth: &AuthSpec, slots: &Slots, state: &dyn State) -> Result<Self, String> {
        let slot = slots.get(auth.source.as_str()).map(Arc::clone).ok_or("its credential source has no slot")?;
        let signer = match (auth.kind, &auth.region, &auth.service) {
            (AuthKind::Bearer, ..) => None,
            (AuthKind::Sigv4, Some(region), Some(service)) => Some(Signer::new(region, service)),
            (AuthKind::Sigv4, ..) => return Err("its signatures need a region and a service".to_owned()),
        };
        let health = state.credential(&CredentialId(format!("{provider}/{}", auth.source).into()));
        let value = Value::Given(Box::new(FromSlot { slot, signer, refused: AtomicU64::new(0) }));
        let only = Credential { name: format!("{provider}, its credential source"), value, health, weight: 1 };
        Ok(Self { pool: vec![only], prefix: 0, again: Every::default() })
    }

    /// Whether their source has given nothing that is valid.
    pub(super) fn are_missing(&self) -> bool {
        self.pool.iter().any(Credential::is_missing)
    }

    /// The slot that they come from, if they do.
    pub(super) fn slot(&self) -> Option<&Arc<Slot>> {
        self.pool.first()?.slot()
    }

    /// Whether `text` holds one of the keys.
    pub(super) fn are_in(&self, text: &[u8]) -> bool {
        self.pool.iter().any(|credential| match &credential.value {
            Value::Fixed(_, value) => {
                let key = value.as_bytes().get(self.prefix..).filter(|key| !key.is_empty());
                key.is_some_and(|key| memchr::memmem::find(text, key).is_some())
            }
            Value::Given(from) => from.slot.is_in(text),
        })
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
        let is_empty = self.slot().is_some_and(|slot| slot.number().is_none());
        (soonest != NEVER || is_empty || !self.again.due(AGAIN, now)).then_some(soonest)
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

#[cfg(test)]
mod tests;
