//! Requests that are signed rather than carry a credential: AWS Signature Version 4.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use tollway_protocol::sigv4::{Scope, Signed, SigningKey, Stamp, digest};
use tollway_protocol::splice::Segments;

use super::slot::{AwsKeys, Secret};

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Signs for one region's service.
pub(crate) struct Signer {
    region: Box<str>,
    service: Box<str>,
    derived: ArcSwapOption<Derived>,
}

/// A day's key, and what it was derived from.
struct Derived {
    from: Arc<Secret>,
    key: SigningKey,
}

/// What signs one send.
pub(crate) struct Signing {
    derived: Arc<Derived>,
    stamp: Stamp,
}

impl Signer {
    pub(super) fn new(region: &str, service: &str) -> Self {
        Self { region: region.into(), service: service.into(), derived: ArcSwapOption::empty() }
    }

    /// What signs with `secret` at `time`, in seconds since 1970; the day's key is derived once.
    ///
    /// # Errors
    /// The secret signs nothing.
    pub(super) fn signing(&self, secret: &Arc<Secret>, time: u64) -> Result<Signing, String> {
        let stamp = Stamp::of(time);
        let known = self.derived.load_full();
        if let Some(derived) = known.filter(|known| Arc::ptr_eq(&known.from, secret) && known.key.is_of(&stamp)) {
            return Ok(Signing { derived, stamp });
        }
        let Secret::Aws(keys) = &**secret else { return Err("Its credentials sign nothing.".to_owned()) };
        let scope = Scope { region: &self.region, service: &self.service };
        let key = SigningKey::derive(&keys.secret_access_key, &stamp, scope);
        let derived = Arc::new(Derived { from: Arc::clone(secret), key });
        self.derived.store(Some(Arc::clone(&derived)));
        Ok(Signing { derived, stamp })
    }
}

impl Signing {
    /// Adds to `headers`, which are all that will be sent, what proves who sends `body` to `uri`.
    pub(super) fn sign(&self, (method, uri): (&Method, &Uri), headers: &mut HeaderMap, body: &Segments) {
        let Secret::Aws(AwsKeys { access_key_id, session_token, .. }) = &*self.derived.from else { return };
        if let Ok(date) = HeaderValue::from_str(self.stamp.as_str()) {
            headers.insert(DATE, date);
        }
        if let Some(token) = session_token {
            headers.insert(TOKEN, token.clone());
        }
        // AWS asks for these; what proxies may change or add stays out.
        let covered = |name: &HeaderName| {
            *name == header::HOST || *name == header::CONTENT_TYPE || name.as_str().starts_with("x-amz")
        };
        let told = headers.iter().filter(|(name, _)| covered(name));
        let told: Vec<_> = told.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
        let request = Signed {
            method: method.as_str(),
            path: uri.path(),
            query: uri.query().unwrap_or_default(),
            headers: &told,
            body: &digest(body.as_slice()),
        };
        let value = self.derived.key.authorize(access_key_id, &self.stamp, &request);
        if let Ok(mut value) = HeaderValue::from_str(&value) {
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
    }
}
