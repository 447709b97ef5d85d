//! Authenticate: who is calling.

pub(crate) mod local;
pub(crate) mod registry;
pub mod virtual_key;

use std::sync::Arc;

use http::{HeaderMap, header};

use crate::clock;
use crate::error::{Error, Kind};
use crate::snapshot::{Key, Snapshot};

use registry::{Known, Registry};

/// Proof that a request came with a key that is known, not revoked and not expired.
pub(crate) struct Caller {
    pub(crate) key: Arc<Key>,
}

/// The caller whose key `headers` carry: one of the configuration, or of those that were made at run time.
///
/// An unknown key and none at all cost the same work and get the same answer.
///
/// # Errors
/// `InvalidApiKey`, `KeyRevoked`, `KeyExpired`; `StoreUnavailable` where it cannot be known whether the key exists.
pub(crate) fn authenticate(headers: &HeaderMap, snapshot: &Snapshot, registry: &Registry) -> Result<Caller, Error> {
    let presented = credential(headers).unwrap_or_default();
    let hash = snapshot.hasher.hash(presented);
    let Some(key) = virtual_key::find(&snapshot.keys, &hash).or_else(|| registry.find(&hash)) else {
        if registry.may_lack(presented) {
            return Err(Error::new(
                Kind::StoreUnavailable,
                "The gateway cannot reach its store, and does not know this key from before. Try again.",
            ));
        }
        return Err(Error::new(
            Kind::InvalidApiKey,
            "Incorrect API key provided, or none. Give a virtual key of this gateway, as Authorization: Bearer KEY.",
        ));
    };
    key.warm();
    usable(key)
}

/// The caller whose key is named `id`: for what the gateway does in the name of a key that was checked before.
///
/// # Errors
/// `KeyRevoked`, also where there is no such key any more, `KeyExpired`; `StoreUnavailable` where that cannot be known.
pub(crate) fn named(id: &str, snapshot: &Snapshot, registry: &Registry) -> Result<Caller, Error> {
    let declared = snapshot.keys.values().find(|key| *key.id == *id);
    match declared.or_else(|| registry.named(id)) {
        Some(key) => usable(key),
        None if registry.known != Known::Fresh => {
            Err(Error::new(Kind::StoreUnavailable, "The gateway cannot reach its store, and does not know this key."))
        }
        None => Err(Error::new(Kind::KeyRevoked, "The API key that this was asked with is no more.")),
    }
}

/// Proof for a key that is known, unless its time is over.
///
/// # Errors
/// `KeyRevoked`, `KeyExpired`.
pub(crate) fn usable(key: &Arc<Key>) -> Result<Caller, Error> {
    if key.revoked {
        return Err(Error::new(Kind::KeyRevoked, "This API key was revoked. Ask your platform team for another."));
    }
    if key.expires.is_some_and(|expires| expires <= clock::unix_time()) {
        return Err(Error::new(Kind::KeyExpired, "This API key has expired. Ask your platform team for another."));
    }
    Ok(Caller { key: Arc::clone(key) })
}

/// The key as OpenAI's, Anthropic's, Azure's and Google's clients send it.
fn credential(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.as_bytes().split_at_checked(7)?;
        return scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii());
    }
    ["x-api-key", "api-key", "x-goog-api-key"].iter().find_map(|name| headers.get(*name)).map(|value| value.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::HeaderName::from_static(name), http::HeaderValue::from_static(value))])
    }

    #[test]
    fn takes_the_key_from_every_header_that_clients_use() {
        for (name, value) in [
            ("authorization", "Bearer k"),
            ("authorization", "bearer  k"),
            ("x-api-key", "k"),
            ("api-key", "k"),
            ("x-goog-api-key", "k"),
        ] {
            assert_eq!(credential(&with(name, value)), Some(&b"k"[..]), "{name}: {value}");
        }
        for value in ["", "Basic azprCg==", "Bearer"] {
            assert_eq!(credential(&with("authorization", value)), None, "{value}");
        }
    }
}
