//! Slots: where the credentials of a cloud arrive, and where each send takes them from.
//!
//! The control plane fetches and renews what a *source* of the configuration gives (`[providers.X] auth`), and puts it here over
//! the control socket. No send ever waits for it: an empty slot, or an expired one, fails at once. Slots outlive a reload.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;
use http::HeaderValue;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::clock::unix_time;
use crate::snapshot::Snapshot;

/// As much of a source's error as is kept, in bytes.
const MAX_ERROR: usize = 500;
/// The shortest text that is looked for as a secret.
const MIN_SECRET: usize = 8;

/// What one source gives.
pub(crate) struct Slot {
    held: ArcSwap<Held>,
    /// How many seconds the clock of who checks signatures is ahead of ours.
    ahead: AtomicI64,
}

/// What a slot holds.
#[derive(Default)]
pub(crate) struct Held {
    /// Counts what the slot was given; what errs keeps the number.
    pub(super) number: u64,
    pub(super) secret: Option<Arc<Secret>>,
    /// In milliseconds since 1970.
    expires: Option<u64>,
    /// Why the source gave no more, in its own words.
    error: Option<Arc<str>>,
}

/// A credential of a cloud.
pub(super) enum Secret {
    /// The value of `authorization`.
    Bearer(HeaderValue),
    Aws(AwsKeys),
}

/// What AWS signs requests with.
pub(super) struct AwsKeys {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: Zeroizing<String>,
    pub(super) session_token: Option<HeaderValue>,
}

const BEARER: &str = "Bearer ";

impl Default for Slot {
    fn default() -> Self {
        Self { held: ArcSwap::from_pointee(Held::default()), ahead: AtomicI64::new(0) }
    }
}

impl Slot {
    /// What it holds, if that is valid now.
    ///
    /// # Errors
    /// Why there is nothing, for the operator and for callers; never a secret.
    pub(super) fn valid(&self) -> Result<(Arc<Secret>, u64), String> {
        let held = self.held.load();
        let because = held.error.as_ref().map_or(String::new(), |error| format!(" The source says: {error}"));
        match &held.secret {
            Some(_) if held.is_expired() => Err(format!("Its credentials have expired and were not renewed.{because}")),
            Some(secret) => Ok((Arc::clone(secret), held.number)),
            None if held.error.is_some() => Err(format!("Its credentials could not be had.{because}")),
            None => Err("Its credentials have not been fetched yet.".to_owned()),
        }
    }

    /// The number of what it holds; none where that is not valid.
    pub(super) fn number(&self) -> Option<u64> {
        let held = self.held.load();
        (held.secret.is_some() && !held.is_expired()).then_some(held.number)
    }

    /// The time, in seconds since 1970, of who checks signatures.
    pub(super) fn their_time(&self) -> u64 {
        unix_time().as_secs().saturating_add_signed(self.ahead.load(Ordering::Relaxed))
    }

    /// Goes by `theirs`, in seconds since 1970; how many seconds that is ahead of our clock.
    pub(super) fn set_time(&self, theirs: u64) -> i64 {
        let ahead = i64::try_from(i128::from(theirs) - i128::from(unix_time().as_secs())).unwrap_or_default();
        self.ahead.store(ahead, Ordering::Relaxed);
        ahead
    }

    /// Whether `text` holds what it holds.
    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        self.held.load().secret.as_ref().is_some_and(|secret| secret.is_in(text))
    }

    fn put(&self, given: Given) -> Result<(), &'static str> {
        let secret = given.secret()?;
        let Given { expires, error, .. } = given;
        let before = self.held.load();
        let error =
            error.map(|error| match before.secret.as_ref().is_some_and(|secret| secret.is_in(error.as_bytes())) {
                true => "its own words are withheld: they hold credentials.".into(),
                false => error.chars().filter(|one| !one.is_control()).take(MAX_ERROR).collect::<String>().into(),
            });
        self.held.store(Arc::new(match secret {
            Some(secret) => Held { number: before.number + 1, secret: Some(Arc::new(secret)), expires, error },
            // What is held serves until it expires.
            None => Held { number: before.number, secret: before.secret.clone(), expires: before.expires, error },
        }));
        Ok(())
    }

    fn told(&self) -> (&'static str, Option<u64>, Option<Arc<str>>) {
        let held = self.held.load();
        let state = match &held.secret {
            None => "empty",
            Some(_) if held.is_expired() => "expired",
            Some(_) => "valid",
        };
        (state, held.expires, held.error.clone())
    }
}

impl Held {
    fn is_expired(&self) -> bool {
        self.expires.is_some_and(|expires| unix_time().as_millis() >= u128::from(expires))
    }
}

impl Secret {
    fn is_in(&self, text: &[u8]) -> bool {
        let holds = |secret: &[u8]| secret.len() >= MIN_SECRET && memchr::memmem::find(text, secret).is_some();
        match self {
            Self::Bearer(value) => value.as_bytes().get(BEARER.len()..).is_some_and(holds),
            Self::Aws(keys) => {
                holds(keys.access_key_id.as_bytes())
                    || holds(keys.secret_access_key.as_bytes())
                    || keys.session_token.as_ref().is_some_and(|token| holds(token.as_bytes()))
            }
        }
    }
}

/// What the control plane says of a source: a credential, or why there is none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    source: String,
    expires: Option<u64>,
    bearer: Option<Zeroized>,
    aws: Option<GivenAws>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenAws {
    access_key_id: String,
    secret_access_key: Zeroized,
    session_token: Option<Zeroized>,
}

/// A text that is wiped when it is done with.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Zeroized(Zeroizing<String>);

impl From<String> for Zeroized {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl Given {
    /// The credential; none where it is an error.
    fn secret(&self) -> Result<Option<Secret>, &'static str> {
        match (&self.bearer, &self.aws, &self.error) {
            (Some(bearer), None, None) => {
                let value = Zeroizing::new(format!("{BEARER}{}", bearer.0.as_str()));
                Ok(Some(Secret::Bearer(sensitive(&value)?)))
            }
            (None, Some(aws), None) => Ok(Some(Secret::Aws(AwsKeys {
                access_key_id: sensitive(&aws.access_key_id).map(|_| aws.access_key_id.clone())?,
                secret_access_key: aws.secret_access_key.0.clone(),
                session_token: aws.session_token.as_ref().map(|token| sensitive(&token.0)).transpose()?,
            }))),
            (None, None, Some(_)) => Ok(None),
            _ => Err("one of bearer, aws and error is to be given"),
        }
    }
}

/// `text` as a header's value that stays out of debug prints, and out of HPACK's table.
fn sensitive(text: &str) -> Result<HeaderValue, &'static str> {
    let mut value =
        HeaderValue::from_str(text).map_err(|_| "the credential holds a character that no header can carry")?;
    value.set_sensitive(true);
    Ok(value)
}

/// What the call `credential` does: takes what its source gives. Tells the providers that use it.
///
/// # Errors
/// What cannot be taken, without the credential.
pub(crate) fn take(snapshot: &Snapshot, with: Value) -> Result<Value, &'static str> {
    // Serde's own words may quote what it read.
    let given: Given = serde_json::from_value(with).map_err(|_| "not a credential")?;
    let source = given.source.clone();
    let slot =
        snapshot.slots.get(source.as_str()).ok_or("no provider of the configuration in force has this source")?;
    slot.put(given)?;
    Ok(json!({"source": source, "providers": users(snapshot, slot)}))
}

/// What the call `credentials` answers: each source, who uses it, and how it is.
pub(crate) fn list(snapshot: &Snapshot) -> Value {
    let mut all: Vec<_> = snapshot.slots.iter().collect();
    all.sort_by_key(|(source, _)| *source);
    let told = all.into_iter().map(|(source, slot)| {
        let (state, expires, error) = slot.told();
        let error = error.as_deref();
        let providers = users(snapshot, slot);
        json!({"source": source, "providers": providers, "state": state, "expires": expires, "error": error})
    });
    json!({"data": told.collect::<Vec<_>>()})
}

fn users<'s>(snapshot: &'s Snapshot, slot: &Arc<Slot>) -> Vec<&'s str> {
    let uses = snapshot.providers.iter().filter(|provider| provider.slot().is_some_and(|own| Arc::ptr_eq(own, slot)));
    uses.map(|provider| &*provider.name).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn put(slot: &Slot, given: Value) -> Result<(), &'static str> {
        slot.put(serde_json::from_value(given).unwrap())
    }

    fn bearer(text: &str, expires: Option<u64>) -> Value {
        json!({"source": "s", "expires": expires, "bearer": text})
    }

    fn why(slot: &Slot) -> String {
        slot.valid().err().unwrap()
    }

    #[test]
    fn a_slot_says_why_it_has_nothing() {
        let slot = Slot::default();
        assert_eq!(why(&slot), "Its credentials have not been fetched yet.");
        put(&slot, json!({"source": "s", "error": "the metadata\nservice does not answer"})).unwrap();
        assert!(why(&slot).ends_with("The source says: the metadataservice does not answer"));
        put(&slot, bearer("canary-token", Some(1))).unwrap();
        assert_eq!((why(&slot).as_str(), slot.number()), ("Its credentials have expired and were not renewed.", None));
        assert_eq!(slot.told().0, "expired");
    }

    #[test]
    fn an_error_leaves_what_is_valid_and_a_new_value_ends_it() {
        let (slot, far) = (Slot::default(), u64::MAX);
        put(&slot, bearer("canary-token", Some(far))).unwrap();
        let first = slot.number();
        put(&slot, json!({"source": "s", "error": "it said: canary-token is not known"})).unwrap();
        assert_eq!((slot.number(), slot.valid().is_ok()), (first, true));
        let (state, expires, error) = slot.told();
        assert_eq!((state, expires), ("valid", Some(far)));
        assert!(!error.unwrap().contains("canary"));
        put(&slot, bearer("another-token", None)).unwrap();
        assert!(slot.number() > first && slot.told().2.is_none());
    }

    #[test]
    fn what_it_holds_is_found_in_texts() {
        let slot = Slot::default();
        let keys = json!({"access_key_id": "AKIDEXAMPLE", "secret_access_key": "canary-secret", "session_token": "canary-session"});
        put(&slot, json!({"source": "s", "aws": keys})).unwrap();
        for held in ["AKIDEXAMPLE", "canary-secret", "canary-session"] {
            assert!(slot.is_in(format!("<{held}>").as_bytes()), "{held}");
        }
        assert!(!slot.is_in(b"canary-token"));
        put(&slot, bearer("canary-token", None)).unwrap();
        assert!(slot.is_in(b"canary-token") && !slot.is_in(b"canary-secret") && !slot.is_in(b"Bearer "));
    }

    #[test]
    fn what_is_no_credential_is_refused_without_a_word_of_it() {
        let slot = Slot::default();
        for given in [
            json!({"source": "s"}),
            json!({"source": "s", "bearer": "canary", "error": "both"}),
            json!({"source": "s", "bearer": "canary\n"}),
            json!({"source": "s", "aws": {"access_key_id": "\u{7f}", "secret_access_key": "canary"}}),
        ] {
            assert!(!put(&slot, given).unwrap_err().contains("canary"));
        }
        assert_eq!(slot.number(), None);
    }

    #[test]
    fn time_goes_by_whoever_checks() {
        let slot = Slot::default();
        let ours = unix_time().as_secs();
        assert!((598..=600).contains(&slot.set_time(ours + 600)) && slot.their_time() >= ours + 598);
        assert!((-600..=-598).contains(&slot.set_time(ours - 600)) || slot.their_time() <= ours);
    }
}
