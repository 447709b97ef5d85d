//! Where answers of jobs may be posted: below URLs that the key lists, and to addresses that are the Internet's, so that
//! no caller makes the gateway speak to what only the gateway can reach.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::Uri;

use crate::authenticate::virtual_key::{KeyHasher, to_hex};
use crate::error::{Error, Kind};
use crate::snapshot::Key;
use crate::upstream::global::is_global_unicast;

use super::submit::HEADER;

/// The longest URL, in bytes.
const LONGEST: usize = 2048;
/// How long a name may take to be resolved while its caller waits; what is slower is found out when it is posted.
const PATIENCE: Duration = Duration::from_secs(3);

/// `[jobs]`.
pub(crate) struct Settings {
    /// Jobs at work at a time in this process, and as many posts.
    pub(crate) concurrency: usize,
    /// Jobs that may wait.
    pub(crate) queue: u64,
    /// The bodies of all jobs, in bytes.
    pub(crate) max_bytes: u64,
    /// How long a job is kept after its end.
    pub(crate) retain: Duration,
    /// How long one post may take.
    pub(crate) timeout: Duration,
    /// Posts of one answer, and the wait after the first; each wait after it is three times as long.
    pub(crate) attempts: u32,
    pub(crate) pause: Duration,
    /// Hosts that may have any address.
    pub(crate) private_hosts: Vec<String>,
    /// From which the secrets of keys that have none of their own are made.
    pub(crate) secret: Option<String>,
    /// The authorities to trust in place of the system's, in PEM.
    pub(crate) ca: Option<String>,
}

/// A URL that a key lists, or that a caller names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) secure: bool,
    /// Lower case; an IPv6 address without its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    path: String,
    pub(crate) uri: Uri,
}

impl Target {
    /// Reads `url`: absolute, without credentials or a fragment, and with no path that could mean another one.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        if url.len() > LONGEST || url.contains(['#', '\\', '@']) {
            return None;
        }
        let uri: Uri = url.parse().ok()?;
        let secure = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let path = uri.path().to_owned();
        let plain = path.to_ascii_lowercase().replace("%2e", ".");
        let strange =
            plain.contains("%2f") || plain.contains("%5c") || plain.split('/').any(|part| matches!(part, "." | ".."));
        (!host.is_empty() && port != 0 && !strange).then_some(Self { secure, host, port, path, uri })
    }

    /// The target of `url`, which `key` must list.
    ///
    /// # Errors
    /// `InvalidRequest`, `CallbackNotAllowed`.
    pub(crate) fn checked(url: &str, key: &Key, settings: &Settings) -> Result<Self, Error> {
        let target = Self::parse(url).ok_or_else(|| {
            let message =
                "x-tollway-callback is neither `poll` nor an absolute https URL without credentials or a fragment.";
            Error::new(Kind::InvalidRequest, message).at(HEADER)
        })?;
        if !key.callbacks.iter().any(|listed| listed.covers(&target)) {
            return Err(refused(
                "This key lists no URL (callbacks) that covers this callback. Ask your platform team.",
            ));
        }
        if key.callback_secret.is_none() && settings.secret.is_none() {
            return Err(refused("There is no secret to sign callbacks of this key with. Ask your platform team."));
        }
        let local = is_loopback(&target.host) && target.is_private(settings);
        if !(target.secure || local) {
            return Err(refused("A callback goes over https."));
        }
        Ok(target)
    }

    /// Whether `other` lies below: the same scheme, host and port, and a path that begins with the same segments.
    fn covers(&self, other: &Self) -> bool {
        let below = match other.path.strip_prefix(&self.path) {
            Some(rest) => rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'),
            None => false,
        };
        (self.secure, &self.host, self.port) == (other.secure, &other.host, other.port) && below
    }

    fn is_private(&self, settings: &Settings) -> bool {
        settings.private_hosts.contains(&self.host)
    }

    /// Its addresses, each of which may be spoken to: whoever connects does so to these, without asking for them again.
    ///
    /// # Errors
    /// [`Away::Refused`] where one of them may not.
    pub(crate) async fn addresses(&self, settings: &Settings) -> Result<Vec<SocketAddr>, Away> {
        let found = tokio::net::lookup_host((&*self.host, self.port)).await;
        let found: Vec<SocketAddr> = found.map_err(|_| Away::Unknown)?.collect();
        if found.is_empty() {
            return Err(Away::Unknown);
        }
        // One that may not is enough: a name that means both is somebody's trick.
        let allowed = self.is_private(settings) || found.iter().all(|address| is_global_unicast(address.ip()));
        if allowed { Ok(found) } else { Err(Away::Refused) }
    }

    /// Refuses a caller whose callback leads where it may not, as far as that can be said at once.
    ///
    /// # Errors
    /// `CallbackNotAllowed`.
    pub(crate) async fn addresses_allowed(&self, settings: &Settings) -> Result<(), Error> {
        match tokio::time::timeout(PATIENCE, self.addresses(settings)).await {
            Ok(Err(Away::Refused)) => Err(refused(
                "The callback's host has an address that is not a public one. An operator may list it (jobs.private_hosts).",
            )),
            Ok(Ok(_) | Err(Away::Unknown)) | Err(_) => Ok(()),
        }
    }
}

/// Why there are no addresses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Away {
    /// The name has none, or the system does not say.
    Unknown,
    /// One of them may not be spoken to.
    Refused,
}

fn refused(message: &'static str) -> Error {
    Error::new(Kind::CallbackNotAllowed, message).at(HEADER)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The value of `x-tollway-signature` for `body` at `moment` (seconds since 1970): the scheme of the webhooks of alerts,
/// which is that of Stripe's (<https://docs.stripe.com/webhooks#verify-manually>). None where there is no secret.
pub(crate) fn signature(key: &Key, settings: &Settings, moment: u64, body: &[u8]) -> Option<String> {
    let hasher = match (&key.callback_secret, &settings.secret) {
        (Some(own), _) => KeyHasher::new(own.as_bytes()),
        // One key's receiver cannot sign for another's.
        (None, Some(secret)) => {
            KeyHasher::new(to_hex(&KeyHasher::new(secret.as_bytes()).hash(key.id.as_bytes())).as_bytes())
        }
        (None, None) => return None,
    };
    let signed = [moment.to_string().as_bytes(), b".", body].concat();
    Some(format!("t={moment},v1={}", to_hex(&hasher.hash(&signed))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(listed: &str, url: &str) -> bool {
        Target::parse(url).is_some_and(|target| Target::parse(listed).unwrap().covers(&target))
    }

    #[test]
    fn a_listed_url_covers_what_lies_below_it() {
        for (listed, url) in [
            ("https://h.example/", "https://h.example/a/b?c=d"),
            ("https://h.example", "https://h.example/a"),
            ("https://h.example/a", "https://h.example/a"),
            ("https://h.example/a", "https://H.Example:443/a/b"),
            ("https://h.example/a/", "https://h.example/a/b"),
            ("https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443/x"),
        ] {
            assert!(covers(listed, url), "{listed} {url}");
        }
    }

    #[test]
    fn a_listed_url_covers_nothing_that_only_looks_like_it() {
        for url in [
            "https://h.example/ab",
            "https://h.example/b",
            "https://h.example:8443/a",
            "http://h.example/a",
            "https://h.example.evil/a",
            "https://h.example@evil/a",
            "https://evil/a#https://h.example/a",
            "https://h.example/a/../b",
            "https://h.example/a/%2e%2E/b",
            "https://h.example/a/..%2fb",
            "https://h.example/a\\..\\b",
            "https://h.example./a",
            "/a",
            "h.example/a",
            "file:///a",
            "",
        ] {
            assert!(!covers("https://h.example/a", url), "{url}");
        }
    }
}
