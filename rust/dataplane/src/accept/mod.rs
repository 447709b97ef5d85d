//! Accept: the listeners, and what a request must be before anyone asks who sent it.

pub(crate) mod attribution;
pub(crate) mod body;
pub(crate) mod endpoint;
mod heads;
pub(crate) mod listener;
mod patient;
pub(crate) mod tls;
mod watched;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Version, header};
use hyper::body::Incoming;
use tollway_protocol::peek::{Peek, peek};

use crate::error::{Error, Kind};
use crate::snapshot::Server;

use endpoint::Endpoint;

/// A request whose head was found good; its body is not read yet.
pub(crate) struct Head {
    pub(crate) endpoint: Endpoint,
    pub(crate) headers: HeaderMap,
}

/// A whole request: its head, its body, and what of the body decides its way.
pub(crate) struct Call {
    pub(crate) head: CallHead,
    pub(crate) body: Bytes,
    pub(crate) peek: Peek,
}

/// What later stages need of the head.
pub(crate) struct CallHead {
    pub(crate) model: String,
    pub(crate) trailer: bool,
}

/// Looks at the head alone, so that nothing of a body is read for a caller who may not send it.
///
/// # Errors
/// `UnknownUrl`, `MethodNotAllowed`, `InvalidRequest` (Host), `UnsupportedEncoding`.
pub(crate) fn head(Parts { method, uri, headers, version, .. }: Parts) -> Result<Head, Error> {
    one_host(&headers, version)?;
    let endpoint = Endpoint::of(&method, uri.path())?;
    if let Some(coding) = headers.get(header::CONTENT_ENCODING)
        && !coding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(Error::new(
            Kind::UnsupportedEncoding,
            "The request's body is compressed. Send it as it is, without content-encoding.",
        ));
    }
    Ok(Head { endpoint, headers })
}

/// Exactly one Host in HTTP/1.1 (RFC 9112 §3.2): two of them are how requests are smuggled past a check.
fn one_host(headers: &HeaderMap, version: Version) -> Result<(), Error> {
    let hosts = headers.get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && version == Version::HTTP_11) {
        return Err(Error::new(Kind::InvalidRequest, "The request needs exactly one Host header.").at("host"));
    }
    Ok(())
}

impl Head {
    /// Reads and peeks at `body`.
    ///
    /// # Errors
    /// `RequestTooLarge`, `RequestTimeout`, `InvalidRequest`.
    pub(crate) async fn read(self, body: &mut Incoming, server: &Server) -> Result<Call, Error> {
        let body = body::read(body, server.max_body, server.body_timeout).await?;
        let trailer = self.headers.get("x-tollway-trailer").is_some_and(|value| value == "true");
        let (model, peek) = examine(&body)?;
        Ok(Call { head: CallHead { model, trailer }, body, peek })
    }
}

/// Checks `body` wholly, and finds its model.
///
/// # Errors
/// `InvalidRequest`, with the place.
pub(crate) fn examine(body: &[u8]) -> Result<(String, Peek), Error> {
    let mut peek = peek(body).map_err(|fault| Error::new(Kind::InvalidRequest, fault.message).at(fault.param))?;
    let Some(model) = peek.model.as_mut().map(|model| std::mem::take(&mut model.text)) else {
        return Err(missing("model", "the name of a route, as GET /v1/models lists them"));
    };
    if peek.messages.is_none() {
        return Err(missing("messages", "an array of messages"));
    }
    Ok((model, peek))
}

fn missing(name: &str, what: &str) -> Error {
    Error::new(Kind::InvalidRequest, format!("The request's body lacks `{name}`: give {what}.")).at(name)
}
