//! Which endpoint a request is for: decided on method and path alone.

use http::Method;
use tollway_protocol::dialect::Dialect;

use crate::error::{Error, Kind};

use super::media::Media;
use super::through::{Area, Through};

/// The name of the probes' endpoint, which are counted but not recorded.
pub(crate) const HEALTH: &str = "health";

/// What the data plane serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `POST /v1/chat/completions`
    ChatCompletions,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/messages`
    Messages,
    /// `POST /v1beta/models/MODEL:generateContent`, or `:streamGenerateContent`
    Generate {
        /// The model.
        model: String,
        /// Whether it is the latter.
        stream: bool,
        /// Whether the stream is to be one JSON array, Google's default, in place of Server-Sent Events (`alt=sse`).
        array: bool,
    },
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/rerank`, or `/v2/rerank`
    Rerank,
    /// `POST /v1/moderations`
    Moderations,
    /// `POST /v1/messages/count_tokens`
    CountTokens,
    /// `POST /v1beta/models/MODEL:countTokens`
    CountContent(String),
    /// `POST /v1beta/models/MODEL:embedContent`, or `:batchEmbedContents`
    Embed {
        /// The model.
        model: String,
        /// Whether it is the latter.
        batch: bool,
    },
    /// `POST /v1/images/…`, `/v1/audio/…`
    Media(Media),
    /// What passes to one provider.
    Through(Box<Through>),
    /// `GET /v1/models`
    Models,
    /// `GET /v1/models/ID`
    Model(String),
    /// `GET /v1/jobs`
    Jobs,
    /// `GET /v1/jobs/ID`, or `DELETE`
    Job {
        /// Its name.
        id: String,
        /// Whether it is the latter.
        cancel: bool,
    },
    /// `GET /health/live`
    Live,
    /// `GET /health/ready`
    Ready,
}

/// What is asked of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Text and what goes with it.
    Generate,
    /// How many tokens it would be.
    Count,
    /// Embeddings; Gemini has two paths for one and for many.
    Embed {
        /// Whether it is the path for many.
        batch: bool,
    },
    /// Which documents answer a query best.
    Rerank,
    /// Whether a content is harmful.
    Moderate,
    /// Pictures made, speech made or heard.
    Media(Media),
    /// Whatever one provider has.
    Through,
}

impl Operation {
    /// Whether its requests and answers pass, without being what a chat model reads or writes.
    pub(crate) fn is_carried(self) -> bool {
        matches!(self, Self::Media(_) | Self::Through)
    }
}

impl Endpoint {
    /// The endpoint's name in hooks and records.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat/completions",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::Generate { .. } => "generateContent",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
            Self::Moderations => "moderations",
            Self::Embed { .. } => "embedContent",
            Self::CountTokens => "messages/count_tokens",
            Self::CountContent(_) => "countTokens",
            Self::Media(media) => media.name(),
            Self::Through(through) => through.area.name(),
            Self::Models | Self::Model(_) => "models",
            Self::Jobs | Self::Job { .. } => "jobs",
            Self::Live | Self::Ready => HEALTH,
        }
    }

    /// What its callers speak.
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Responses => Dialect::Responses,
            Self::Messages | Self::CountTokens => Dialect::Anthropic,
            Self::Generate { .. } | Self::Embed { .. } | Self::CountContent(_) => Dialect::Gemini,
            Self::Completions => Dialect::Completions,
            Self::Through(through) if through.area == Area::MessageBatches => Dialect::Anthropic,
            Self::Media(_) | Self::Through(_) => Dialect::Chat,
            Self::ChatCompletions
            | Self::Embeddings
            | Self::Rerank
            | Self::Moderations
            | Self::Models
            | Self::Model(_)
            | Self::Jobs
            | Self::Job { .. }
            | Self::Live
            | Self::Ready => Dialect::Chat,
        }
    }

    /// What callers of `path` speak, as far as it can be told from a path that does not exist.
    pub(crate) fn dialect_of(path: &str) -> Dialect {
        if path.starts_with("/v1beta/") || gemini_model(path).is_some_and(|asked| asked.contains(':')) {
            Dialect::Gemini
        } else if path.starts_with("/v1/messages") {
            Dialect::Anthropic
        } else {
            Dialect::Chat
        }
    }

    /// What is asked of a model.
    pub(crate) fn operation(&self) -> Operation {
        match self {
            Self::Embeddings => Operation::Embed { batch: true },
            Self::Rerank => Operation::Rerank,
            Self::Moderations => Operation::Moderate,
            Self::Embed { batch, .. } => Operation::Embed { batch: *batch },
            Self::CountTokens | Self::CountContent(_) => Operation::Count,
            Self::Media(media) => Operation::Media(*media),
            Self::Through(_) => Operation::Through,
            _ => Operation::Generate,
        }
    }

    /// Whether it is answered without a key.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Live | Self::Ready)
    }

    /// The endpoint of `method`, `path` and `query`.
    ///
    /// # Errors
    /// `UnknownUrl`, `MethodNotAllowed` where the path exists, `InvalidRequest` for a query that is not served.
    pub(crate) fn of(method: &Method, path: &str, query: Option<&str>) -> Result<Self, Error> {
        // RFC 9110 §9.3.2: HEAD is GET without the body, which hyper leaves out.
        const READ: &[Method] = &[Method::GET, Method::HEAD];
        const ASK: &[Method] = &[Method::POST];
        const JOB: &[Method] = &[Method::GET, Method::HEAD, Method::DELETE];
        if let Some(through) = Through::of(method, path, query)? {
            return Ok(Self::Through(Box::new(through)));
        }
        let (endpoint, allowed) = match path {
            "/v1/chat/completions" => (Self::ChatCompletions, ASK),
            "/v1/responses" => (Self::Responses, ASK),
            "/v1/messages" => (Self::Messages, ASK),
            "/v1/messages/count_tokens" => (Self::CountTokens, ASK),
            "/v1/completions" => (Self::Completions, ASK),
            "/v1/embeddings" => (Self::Embeddings, ASK),
            "/v1/rerank" | "/v2/rerank" => (Self::Rerank, ASK),
            "/v1/moderations" => (Self::Moderations, ASK),
            "/v1/models" | "/v1beta/models" => (Self::Models, READ),
            "/v1/jobs" => (Self::Jobs, READ),
            "/health/live" => (Self::Live, READ),
            "/health/ready" => (Self::Ready, READ),
            _ if let Some(id) = job(path) => (Self::Job { id: id.to_owned(), cancel: method == Method::DELETE }, JOB),
            _ => match gemini_model(path) {
                Some(asked) if method == Method::POST => (Self::generate(asked, query)?, ASK),
                Some(id) if !id.is_empty() => (Self::Model(percent_decoded(id)), READ),
                _ => (Self::Media(Media::of_path(path).ok_or_else(unknown)?), ASK),
            },
        };
        if allowed.contains(method) {
            return Ok(endpoint);
        }
        let allow = match allowed {
            READ => "GET, HEAD",
            JOB => "GET, HEAD, DELETE",
            _ => "POST",
        };
        Err(Error::new(Kind::MethodNotAllowed { allow }, format!("This path takes {allow}.")))
    }

    /// What `MODEL:METHOD` asks for.
    fn generate(asked: &str, query: Option<&str>) -> Result<Self, Error> {
        let (model, method) = asked.rsplit_once(':').filter(|(model, _)| !model.is_empty()).ok_or_else(unknown)?;
        let model = percent_decoded(model);
        let stream = match method {
            "generateContent" => false,
            "streamGenerateContent" => true,
            "countTokens" => return Ok(Self::CountContent(model)),
            "embedContent" => return Ok(Self::Embed { model, batch: false }),
            "batchEmbedContents" => return Ok(Self::Embed { model, batch: true }),
            _ => return Err(unknown()),
        };
        let alt = query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("alt=")));
        match alt.filter(|_| stream) {
            Some("sse") => Ok(Self::Generate { model, stream, array: false }),
            None | Some("json" | "") => Ok(Self::Generate { model, stream, array: stream }),
            Some(_) => {
                let message = "Streams come as server-sent events (alt=sse) or as a JSON array (alt=json).";
                Err(Error::new(Kind::InvalidRequest, message).at("alt"))
            }
        }
    }
}

/// The name of the job that `path` is of.
fn job(path: &str) -> Option<&str> {
    path.strip_prefix("/v1/jobs/").filter(|id| !id.is_empty() && !id.contains('/'))
}

/// What follows the folder of models: Google's clients ask under either version, and with a method behind the model.
fn gemini_model(path: &str) -> Option<&str> {
    path.strip_prefix("/v1beta/models/").or_else(|| path.strip_prefix("/v1/models/"))
}

fn unknown() -> Error {
    let message = "This path does not exist. See GET /v1/models, and POST /v1/chat/completions, /v1/responses, \
                   /v1/completions, /v1/embeddings, /v1/rerank, /v1/moderations, /v1/images/generations, \
                   /v1/audio/speech, /v1/messages or /v1beta/models/MODEL:generateContent.";
    Error::new(Kind::UnknownUrl, message)
}

/// `text` with its percent-encoded bytes decoded (RFC 3986 §2.1); as it is where they are not UTF-8.
pub(super) fn percent_decoded(text: &str) -> String {
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
            Endpoint::of(&Method::GET, "/v1/chat/completions", None).unwrap_err().kind,
            Kind::MethodNotAllowed { allow: "POST" }
        );
        assert_eq!(Endpoint::of(&Method::POST, "/v1/chat/completions/", None).unwrap_err().kind, Kind::UnknownUrl);
        assert_eq!(Endpoint::of(&Method::HEAD, "/health/live", None).unwrap(), Endpoint::Live);
    }

    #[test]
    fn finds_the_model_in_a_gemini_path() {
        let of = |path, query| Endpoint::of(&Method::POST, path, query);
        let found = of("/v1beta/models/a%2Fb:streamGenerateContent", Some("key=x&alt=sse")).unwrap();
        assert_eq!(of("/v1/models/a%2Fb:streamGenerateContent", Some("alt=sse")).unwrap(), found);
        assert_eq!(found, Endpoint::Generate { model: "a/b".into(), stream: true, array: false });
        assert_eq!(
            of("/v1beta/models/m:v:generateContent", None).unwrap(),
            Endpoint::Generate { model: "m:v".into(), stream: false, array: false }
        );
        for query in [None, Some("key=x"), Some("alt=json")] {
            let found = of("/v1beta/models/m:streamGenerateContent", query).unwrap();
            assert_eq!(found, Endpoint::Generate { model: "m".into(), stream: true, array: true });
        }
        let proto = of("/v1beta/models/m:streamGenerateContent", Some("alt=proto"));
        assert_eq!(proto.unwrap_err().param.as_deref(), Some("alt"));
        for path in ["/v1beta/models/:generateContent", "/v1beta/models/m", "/v1beta/models/m:nothing"] {
            assert_eq!(of(path, None).unwrap_err().kind, Kind::UnknownUrl);
        }
    }

    #[test]
    fn decodes_a_model_id() {
        assert_eq!(Endpoint::of(&Method::GET, "/v1/models/a%2Fb", None).unwrap(), Endpoint::Model("a/b".into()));
        assert_eq!(percent_decoded("%zz%4"), "%zz%4");
        assert_eq!(percent_decoded("%ff"), "%ff");
    }
}
