//! Fetches for a caller what stands at a URL: nothing but public hosts, nothing but what was asked for.
//!
//! A name is resolved once, every address must be public, and one of those is connected to, with the name for TLS and
//! `Host`: a resolver that answers otherwise a moment later changes nothing. No proxy, no credential, no cookie, no header of
//! the caller's. A redirect is another place, and is checked as the first was.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::{Error, Kind};
use crate::snapshot::spec::Http2;
use crate::upstream::global::is_global_unicast;
use crate::upstream::origin::{Origin, Settings, Wire};
pub(super) use crate::upstream::resolve::look_up;

use super::place::Place;

/// So many redirects are followed.
const REDIRECTS: usize = 3;

/// Who fetches.
pub(super) struct Fetcher<'f> {
    /// Origins that the operator names.
    pub(super) origins: &'f [String],
    pub(super) max_bytes: usize,
}

/// Why nothing was fetched. What is told of it lets nobody look into a network that is not public.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The URL itself.
    Url(&'static str),
    /// It leads to an address that is not public, or to none.
    Address,
    /// No connection, or it broke.
    Failed,
    /// Another status than 200.
    Answered(u16),
    Redirects,
    /// It came in a coding that nobody asked for.
    Coded,
    /// More bytes than this.
    TooLarge(usize),
    /// Longer than this.
    TooLate(Duration),
}

impl Fault {
    /// To the caller, with the place of the URL.
    pub(super) fn told(&self, at: &str) -> Error {
        let (kind, why) = match self {
            Self::TooLarge(most) => (Kind::RequestTooLarge, format!("it is larger than {most} bytes")),
            Self::Url(why) => (Kind::InvalidRequest, (*why).to_owned()),
            Self::Address => (Kind::InvalidRequest, "its host has no address, or one that is not public".to_owned()),
            Self::Failed => (Kind::InvalidRequest, "its host could not be reached, or broke off".to_owned()),
            Self::Answered(status) => (Kind::InvalidRequest, format!("its host answered with the status {status}")),
            Self::Redirects => (Kind::InvalidRequest, format!("it leads on more than {REDIRECTS} times")),
            Self::Coded => (Kind::InvalidRequest, "its host sent it compressed".to_owned()),
            Self::TooLate(most) => (Kind::InvalidRequest, format!("it took longer than {most:?}")),
        };
        Error::new(kind, format!("What is at this URL was not fetched: {why}.")).at(at)
    }
}

/// What a host answers.
enum Answer {
    Whole(Bytes),
    Elsewhere(String),
}

impl Fetcher<'_> {
    /// What stands at `url`, whose host `look_up` resolves.
    ///
    /// # Errors
    /// [`Fault`].
    pub(super) async fn fetch(
        &self,
        url: &str,
        look_up: impl AsyncFn(&str, u16) -> Result<Vec<SocketAddr>, String>,
    ) -> Result<Bytes, Fault> {
        let mut place = Place::of(url, self.origins)?;
        for _ in 0..=REDIRECTS {
            let addresses = addresses(&place, &look_up).await?;
            match self.ask(&place, addresses).await? {
                Answer::Whole(bytes) => return Ok(bytes),
                Answer::Elsewhere(location) => place = place.redirected(&location, self.origins)?,
            }
        }
        Err(Fault::Redirects)
    }

    async fn ask(&self, place: &Place, addresses: Vec<SocketAddr>) -> Result<Answer, Fault> {
        let settings = Settings {
            base: place.uri.clone(),
            ca: None,
            proxy: None,
            http2: Http2::Off,
            connect_timeout: Duration::MAX,
            max_connections: 1,
            max_connection_age: Duration::ZERO,
            dns_ttl: Duration::ZERO,
        };
        let origin = Origin::compile(settings).map_err(|_| Fault::Url("its host has no name for TLS"))?;
        match origin.connect_to(addresses).await.map_err(|_| Fault::Failed)? {
            Wire::Plain(stream) => self.speak(place, stream).await,
            Wire::Tls(stream) => self.speak(place, *stream).await,
        }
    }

    async fn speak(&self, place: &Place, stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<Answer, Fault> {
        let path = place.uri.path_and_query().map_or("/", |path| path.as_str());
        let host = place.uri.authority().map_or("", |authority| authority.as_str());
        let request = Request::get(path)
            .header(header::HOST, host)
            .header(header::ACCEPT, "*/*")
            .header(header::ACCEPT_ENCODING, "identity")
            .header(header::USER_AGENT, "tollway")
            .body(Empty::<Bytes>::new())
            .map_err(|_| Fault::Url("it is no URL"))?;
        let (mut sender, connection) =
            http1::Builder::new().handshake(TokioIo::new(stream)).await.map_err(|_| Fault::Failed)?;
        let driven = async {
            // How it ends is told to the request that is on it.
            let _ended = connection.await;
            std::future::pending::<()>().await;
        };
        let asked = async {
            let answer = sender.send_request(request).await.map_err(|_| Fault::Failed)?;
            let (head, body) = answer.into_parts();
            if let Some(location) = elsewhere(head.status, &head.headers) {
                return Ok(Answer::Elsewhere(location));
            }
            self.read(head.status, &head.headers, body).await.map(Answer::Whole)
        };
        tokio::select! {
            answered = asked => answered,
            () = driven => Err(Fault::Failed),
        }
    }

    async fn read(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        mut body: hyper::body::Incoming,
    ) -> Result<Bytes, Fault> {
        if status != StatusCode::OK {
            return Err(Fault::Answered(status.as_u16()));
        }
        if headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
            return Err(Fault::Coded);
        }
        let too_large = || Fault::TooLarge(self.max_bytes);
        if hyper::body::Body::size_hint(&body).lower() > u64::try_from(self.max_bytes).unwrap_or(u64::MAX) {
            return Err(too_large());
        }
        let mut whole = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Fault::Failed)?.into_data() else { continue };
            if whole.len() + data.len() > self.max_bytes {
                return Err(too_large());
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.into())
    }
}

/// The addresses of a place: all of them public, or the place is named by the operator.
async fn addresses(
    place: &Place,
    look_up: &impl AsyncFn(&str, u16) -> Result<Vec<SocketAddr>, String>,
) -> Result<Vec<SocketAddr>, Fault> {
    let found = match place.host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, place.port)],
        Err(_) => look_up(&place.host, place.port).await.map_err(|_| Fault::Address)?,
    };
    let may = !found.is_empty() && (place.is_named || found.iter().all(|address| is_global_unicast(address.ip())));
    if may { Ok(found) } else { Err(Fault::Address) }
}

fn elsewhere(status: StatusCode, headers: &HeaderMap) -> Option<String> {
    let moved = [301, 302, 303, 307, 308].contains(&status.as_u16());
    Some(headers.get(header::LOCATION).filter(|_| moved)?.to_str().ok()?.to_owned())
}

/// As it stands in a request.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests;
