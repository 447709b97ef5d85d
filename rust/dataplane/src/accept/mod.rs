//! Accept: the listeners, and what a request must be before anyone asks who sent it.

pub(crate) mod attribution;
pub(crate) mod body;
pub(crate) mod carried;
pub(crate) mod endpoint;
mod heads;
pub(crate) mod listener;
pub(crate) mod media;
mod patient;
mod shape;
pub(crate) mod through;
pub(crate) mod tls;
pub(crate) mod upload;
mod watched;

use std::cell::OnceCell;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, Version, header};
use hyper::body::Incoming;
use tollway_protocol::dialect::{self, Dialect};
use tollway_protocol::peek::{Peek, peek};

use crate::attach;
use crate::error::{Error, Kind};
use crate::jobs::Pass;
use crate::snapshot::Server;

use endpoint::Endpoint;
use shape::Shape;

/// A request whose head was found good; its body is not read yet.
pub(crate) struct Head {
    pub(crate) endpoint: Endpoint,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    /// Whose job it is, if it is one.
    pub(crate) pass: Option<Pass>,
}

/// A whole request: its head, its body, and what of the body decides its way.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) head: CallHead,
    pub(crate) body: Bytes,
    pub(crate) peek: Peek,
    shape: OnceCell<Shape>,
    url: OnceCell<Option<String>>,
}

/// What later stages need of the head.
#[derive(Clone)]
pub(crate) struct CallHead {
    pub(crate) endpoint: Endpoint,
    pub(crate) model: String,
    pub(crate) trailer: bool,
    /// Headers that are part of the caller's dialect: an upstream that speaks it gets them.
    pub(crate) forward: Vec<(HeaderName, HeaderValue)>,
}

impl Call {
    /// A call of which nothing more has been found out.
    pub(crate) fn new(head: CallHead, body: Bytes, peek: Peek) -> Self {
        Self { head, body, peek, shape: OnceCell::new(), url: OnceCell::new() }
    }

    /// Says `body` instead, of which `peek` was found.
    pub(crate) fn replace(&mut self, body: Bytes, peek: Peek) {
        (self.body, self.peek) = (body, peek);
        (self.shape, self.url) = (OnceCell::new(), OnceCell::new());
    }

    /// What it is made of; found out when it is first asked, and once.
    pub(crate) fn shape(&self) -> &Shape {
        self.shape.get_or_init(|| Shape::of(self))
    }

    /// The place of the first URL in it that a provider would have to fetch; found out when it is first asked, and once.
    pub(crate) fn url(&self) -> Option<&str> {
        self.url.get_or_init(|| attach::first_url(self)).as_deref()
    }

    /// What the caller speaks.
    pub(crate) fn dialect(&self) -> Dialect {
        self.head.endpoint.dialect()
    }

    /// Whether a stream is asked for.
    pub(crate) fn stream(&self) -> bool {
        match &self.head.endpoint {
            Endpoint::Generate { stream, .. } => *stream,
            Endpoint::Embeddings | Endpoint::Embed { .. } | Endpoint::CountTokens | Endpoint::CountContent(_) => false,
            Endpoint::Rerank | Endpoint::Moderations | Endpoint::Through(_) => false,
            _ => self.peek.stream,
        }
    }

    /// About how many tokens it is: four bytes each.
    pub(crate) fn about_tokens(&self) -> u64 {
        self.body.len().div_ceil(4) as u64
    }

    /// What the path says of the request.
    pub(crate) fn path(&self) -> dialect::Head<'_> {
        match &self.head.endpoint {
            Endpoint::Generate { model, stream, .. } => dialect::Head { model: Some(model), stream: *stream },
            Endpoint::Embed { model, .. } | Endpoint::CountContent(model) => {
                dialect::Head { model: Some(model), stream: false }
            }
            _ => dialect::Head::default(),
        }
    }
}

/// Looks at the head alone, so that nothing of a body is read for a caller who may not send it.
///
/// # Errors
/// `UnknownUrl`, `MethodNotAllowed`, `InvalidRequest` (Host), `UnsupportedEncoding`.
pub(crate) fn head(Parts { method, uri, headers, version, mut extensions, .. }: Parts) -> Result<Head, Error> {
    one_host(&headers, version)?;
    let endpoint = Endpoint::of(&method, uri.path(), uri.query())?;
    if let Some(coding) = headers.get(header::CONTENT_ENCODING)
        && !coding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(Error::new(
            Kind::UnsupportedEncoding,
            "The request's body is compressed. Send it as it is, without content-encoding.",
        ));
    }
    Ok(Head { endpoint, uri, headers, pass: extensions.remove() })
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
    pub(crate) async fn read(self, body: &mut Option<Incoming>, server: &Server) -> Result<Call, Error> {
        let body = match body {
            Some(body) => body::read(body, server.max_body, server.body_timeout).await?,
            None => Bytes::new(),
        };
        let trailer = self.headers.get("x-tollway-trailer").is_some_and(|value| value == "true");
        let (model, peek) = examine(&body, &self.endpoint)?;
        let forward = forwarded(&self.headers, self.endpoint.dialect());
        Ok(Call::new(CallHead { endpoint: self.endpoint, model, trailer, forward }, body, peek))
    }
}

/// What a caller who asks for the models speaks: the three APIs ask on the same path.
pub(crate) fn dialect_of_list(headers: &HeaderMap) -> Dialect {
    if headers.contains_key("anthropic-version") {
        Dialect::Anthropic
    } else if headers.contains_key("x-goog-api-key") {
        Dialect::Gemini
    } else {
        Dialect::Chat
    }
}

/// The headers of `headers` that say something in `dialect`.
fn forwarded(headers: &HeaderMap, dialect: Dialect) -> Vec<(HeaderName, HeaderValue)> {
    let names: &[&'static str] = match dialect {
        // https://docs.anthropic.com/en/api/beta-headers
        Dialect::Anthropic => &["anthropic-version", "anthropic-beta"],
        _ => &[],
    };
    // Of several values, which are one list (RFC 9110 §5.3), one header is made.
    let joined = |name: &'static str| {
        let values: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        let value = HeaderValue::from_bytes(&values.join(&b","[..])).ok().filter(|_| !values.is_empty())?;
        Some((HeaderName::from_static(name), value))
    };
    names.iter().filter_map(|name| joined(name)).collect()
}

/// Checks `body`, which is for `endpoint`, wholly, and finds its model.
///
/// # Errors
/// `InvalidRequest`, with the place.
pub(crate) fn examine(body: &[u8], endpoint: &Endpoint) -> Result<(String, Peek), Error> {
    let mut peek = peek(body).map_err(|fault| Error::new(Kind::InvalidRequest, fault.message).at(fault.param))?;
    let named = peek.model.as_mut().map(|model| std::mem::take(&mut model.text));
    let model = match endpoint {
        Endpoint::Generate { model, .. } | Endpoint::Embed { model, .. } | Endpoint::CountContent(model) => {
            model.clone()
        }
        _ => named.ok_or_else(|| missing("model", "the name of a route, as GET /v1/models lists them"))?,
    };
    if peek.messages.is_none()
        && matches!(endpoint, Endpoint::ChatCompletions | Endpoint::Messages | Endpoint::CountTokens)
    {
        return Err(missing("messages", "an array of messages"));
    }
    Ok((model, peek))
}

fn missing(name: &str, what: &str) -> Error {
    Error::new(Kind::InvalidRequest, format!("The request's body lacks `{name}`: give {what}.")).at(name)
}
