//! Where a URL leads, and whether it may be fetched from.

use http::Uri;

use super::fetch::Fault;

/// Where to ask, and for what.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) uri: Uri,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
    /// Whether the operator names it: then it may be anywhere, and without TLS.
    pub(super) is_named: bool,
}

impl Place {
    /// Where `url` leads. Of what is written in it only the parsed parts are used, so there is no second reading of it.
    ///
    /// # Errors
    /// [`Fault::Url`].
    pub(super) fn of(url: &str, origins: &[String]) -> Result<Self, Fault> {
        let url = url.split('#').next().unwrap_or_default();
        let uri: Uri = url.parse().map_err(|_| Fault::Url("it is no URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(Fault::Url("it is no whole URL"));
        };
        if authority.as_str().contains('@') {
            return Err(Fault::Url("it holds credentials"));
        }
        let usual = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return Err(Fault::Url("it is not https")),
        };
        let port = match authority.as_str().strip_prefix(authority.host()).unwrap_or_default() {
            "" => usual,
            said => {
                said.strip_prefix(':').and_then(|port| port.parse().ok()).ok_or(Fault::Url("its port is no number"))?
            }
        };
        let host = authority.host().to_ascii_lowercase();
        let origin = format!("{scheme}://{host}:{port}");
        let is_named = origins.contains(&origin);
        if !is_named && scheme != "https" {
            return Err(Fault::Url("it is not https"));
        }
        if !is_named && port != usual {
            return Err(Fault::Url("it names a port of its own"));
        }
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(Fault::Url("it names no host"));
        }
        Ok(Self { uri, host, port, is_named })
    }

    /// Where a redirect to `location` leads from here (RFC 3986 §5.2, without `..`, which no host needs to see).
    ///
    /// # Errors
    /// [`Fault::Url`].
    pub(super) fn redirected(&self, location: &str, origins: &[String]) -> Result<Self, Fault> {
        let (scheme, authority) = (self.uri.scheme_str().unwrap_or_default(), self.uri.authority());
        let authority = authority.map_or("", |authority| authority.as_str());
        if location.starts_with("//") {
            return Self::of(&format!("{scheme}:{location}"), origins);
        }
        if location.contains("://") && !location.starts_with(['/', '?']) {
            return Self::of(location, origins);
        }
        let path = match location.as_bytes().first() {
            Some(b'/') => location.to_owned(),
            Some(b'?') => format!("{}{location}", self.uri.path()),
            _ => {
                let folder = self.uri.path().rsplit_once('/').map_or("", |(folder, _)| folder);
                format!("{folder}/{location}")
            }
        };
        Self::of(&format!("{scheme}://{authority}{path}"), origins)
    }
}
