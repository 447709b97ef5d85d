//! Which endpoint a request is for: decided on method and path alone.

use http::Method;

use crate::error::{Error, Kind};

/// The name of the probes' endpoint, which are counted but not recorded.
pub(crate) const HEALTH: &str = "health";

/// What the data plane serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `POST /v1/chat/completions`
    ChatCompletions,
    /// `GET /v1/models`
    Models,
    /// `GET /v1/models/ID`
    Model(String),
    /// `GET /health/live`
    Live,
    /// `GET /health/ready`
    Ready,
}

impl Endpoint {
    /// The endpoint's name in hooks and records.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat/completions",
            Self::Models | Self::Model(_) => "models",
            Self::Live | Self::Ready => HEALTH,
        }
    }

    /// Whether it is answered without a key.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Live | Self::Ready)
    }

    /// The endpoint of `method` and `path`.
    ///
    /// # Errors
    /// `UnknownUrl`, or `MethodNotAllowed` where the path exists.
    pub(crate) fn of(method: &Method, path: &str) -> Result<Self, Error> {
        // RFC 9110 §9.3.2: HEAD is GET without the body, which hyper leaves out.
        const READ: &[Method] = &[Method::GET, Method::HEAD];
        let (endpoint, allowed) = match path {
            "/v1/chat/completions" => (Self::ChatCompletions, &[Method::POST][..]),
            "/v1/models" => (Self::Models, READ),
            "/health/live" => (Self::Live, READ),
            "/health/ready" => (Self::Ready, READ),
            _ => match path.strip_prefix("/v1/models/") {
                Some(id) if !id.is_empty() => (Self::Model(percent_decoded(id)), READ),
                _ => {
                    return Err(Error::new(
                        Kind::UnknownUrl,
                        "This path does not exist. See GET /v1/models and POST /v1/chat/completions.",
                    ));
                }
            },
        };
        if allowed.contains(method) {
            return Ok(endpoint);
        }
        let allow = if allowed == READ { "GET, HEAD" } else { "POST" };
        Err(Error::new(Kind::MethodNotAllowed { allow }, format!("This path takes {allow}.")))
    }
}

/// `text` with its percent-encoded bytes decoded (RFC 3986 §2.1); as it is where they are not UTF-8.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escape = match rest {
            [b'%', high, low, ..] => {
                std::str::from_utf8(&[*high, *low]).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok())
            }
            _ => None,
        };
        bytes.push(escape.unwrap_or(first));
        rest = if escape.is_some() { rest.get(3..).unwrap_or_default() } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_wrong_method_from_a_wrong_path() {
        assert_eq!(
            Endpoint::of(&Method::GET, "/v1/chat/completions").unwrap_err().kind,
            Kind::MethodNotAllowed { allow: "POST" }
        );
        assert_eq!(Endpoint::of(&Method::POST, "/v1/chat/completions/").unwrap_err().kind, Kind::UnknownUrl);
        assert_eq!(Endpoint::of(&Method::HEAD, "/health/live").unwrap(), Endpoint::Live);
    }

    #[test]
    fn decodes_a_model_id() {
        assert_eq!(Endpoint::of(&Method::GET, "/v1/models/a%2Fb").unwrap(), Endpoint::Model("a/b".into()));
        assert_eq!(percent_decoded("%zz%4"), "%zz%4");
        assert_eq!(percent_decoded("%ff"), "%ff");
    }
}
