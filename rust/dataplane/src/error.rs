//! What can go wrong, once: a kind with its row of the error table, and what the caller is told.

use std::borrow::Cow;
use std::time::Duration;

use http::StatusCode;
use tollway_protocol::dialect::Dialect;

/// A refusal or failure on its way to the caller. Only `respond` turns it into HTTP.
#[derive(Debug)]
pub struct Error {
    /// Which row of the table.
    pub kind: Kind,
    /// What happened and what to do about it; never a secret, never matched text.
    pub message: Cow<'static, str>,
    /// The part of the request at fault, as a JSON path.
    pub param: Option<String>,
    /// When to try again, where that is known.
    pub retry_after: Option<Duration>,
    /// The upstream's own answer, where it is one that the caller should see as it is.
    pub upstream: Option<Box<UpstreamAnswer>>,
}

/// An upstream's error answer, kept for the caller.
#[derive(Debug)]
pub struct UpstreamAnswer {
    /// Its status.
    pub status: StatusCode,
    /// Its `type` and `code`, where it gave them.
    pub kind: Option<String>,
    /// Its `code`.
    pub code: Option<String>,
    /// Its body, where that is a whole error of its dialect.
    pub body: Option<bytes::Bytes>,
    /// What it speaks.
    pub dialect: Dialect,
}

/// The rows of the error table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No key, or one that is not known.
    InvalidApiKey,
    /// A key that was revoked.
    KeyRevoked,
    /// A key past its expiry.
    KeyExpired,
    /// A route that the key may not use.
    ModelNotAllowed,
    /// A provider that the key may not use by name.
    ProviderNotAllowed,
    /// A route that does not exist.
    ModelNotFound,
    /// A path that does not exist.
    UnknownUrl,
    /// A method that the path does not have; those that it has.
    MethodNotAllowed {
        /// As the `allow` header lists them.
        allow: &'static str,
    },
    /// A body or head that is not what the endpoint takes.
    InvalidRequest,
    /// A body in a coding that is not accepted.
    UnsupportedEncoding,
    /// A body over `max_body`.
    RequestTooLarge,
    /// A head over `max_head`, or with too many headers.
    HeadTooLarge,
    /// A URL that is longer than any that could be served.
    UrlTooLong,
    /// A head or body that did not arrive in time.
    RequestTimeout,
    /// A guardrail or hook said no.
    GuardrailRejected,
    /// A hook failed or ran out of time, and its route fails closed.
    HookFailed,
    /// A callback that the key does not list, or that leads where none may.
    CallbackNotAllowed,
    /// There is no room for another job.
    QueueFull,
    /// A job that does not exist, or is another key's.
    JobNotFound,
    /// No target satisfies the caller's data policy, or can take the request.
    NoEligibleTarget,
    /// Every target would cost more than the caller allows.
    CostLimit,
    /// No target's context window takes the request.
    ContextWindow,
    /// The route's or the caller's time for the request is over.
    DeadlineExceeded,
    /// The gateway is draining, or has no slot left.
    Unavailable,
    /// The store is away, and without it the key cannot be told from a wrong one.
    StoreUnavailable,
    /// The journal has no room left for the record of another request.
    JournalFull,
    /// The upstream said that the request is at fault.
    UpstreamRejected,
    /// The upstream refused our credentials.
    UpstreamCredentials,
    /// Every target is rate limited.
    UpstreamRateLimited,
    /// The upstream is overloaded.
    UpstreamOverloaded,
    /// The upstream failed, or sent what cannot be understood.
    UpstreamError,
    /// No connection to the upstream could be made.
    UpstreamUnreachable,
    /// The upstream took too long.
    UpstreamTimeout,
    /// A fault of ours.
    Internal,
}

impl Kind {
    /// Status, OpenAI `type` and `code`: the table of the contract.
    pub fn row(self) -> (StatusCode, &'static str, &'static str) {
        use Kind::*;
        const REQUEST: &str = "invalid_request_error";
        match self {
            InvalidApiKey => (StatusCode::UNAUTHORIZED, REQUEST, "invalid_api_key"),
            KeyRevoked => (StatusCode::UNAUTHORIZED, "authentication_error", "key_revoked"),
            KeyExpired => (StatusCode::UNAUTHORIZED, "authentication_error", "key_expired"),
            ModelNotAllowed => (StatusCode::FORBIDDEN, "permission_error", "model_not_allowed"),
            ProviderNotAllowed => (StatusCode::FORBIDDEN, "permission_error", "provider_not_allowed"),
            ModelNotFound => (StatusCode::NOT_FOUND, REQUEST, "model_not_found"),
            UnknownUrl => (StatusCode::NOT_FOUND, REQUEST, "unknown_url"),
            MethodNotAllowed { .. } => (StatusCode::METHOD_NOT_ALLOWED, REQUEST, "method_not_allowed"),
            InvalidRequest => (StatusCode::BAD_REQUEST, REQUEST, "invalid_request"),
            UnsupportedEncoding => (StatusCode::UNSUPPORTED_MEDIA_TYPE, REQUEST, "unsupported_encoding"),
            RequestTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, REQUEST, "request_too_large"),
            HeadTooLarge => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, REQUEST, "request_head_too_large"),
            UrlTooLong => (StatusCode::URI_TOO_LONG, REQUEST, "url_too_long"),
            RequestTimeout => (StatusCode::REQUEST_TIMEOUT, REQUEST, "request_timeout"),
            GuardrailRejected => (StatusCode::BAD_REQUEST, REQUEST, "guardrail_rejected"),
            HookFailed => (StatusCode::SERVICE_UNAVAILABLE, "server_error", "hook_failed"),
            CallbackNotAllowed => (StatusCode::FORBIDDEN, "permission_error", "callback_not_allowed"),
            QueueFull => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "queue_full"),
            JobNotFound => (StatusCode::NOT_FOUND, REQUEST, "job_not_found"),
            NoEligibleTarget => (StatusCode::FORBIDDEN, "permission_error", "no_eligible_target"),
            CostLimit => (StatusCode::BAD_REQUEST, REQUEST, "cost_limit"),
            ContextWindow => (StatusCode::BAD_REQUEST, REQUEST, "context_length_exceeded"),
            DeadlineExceeded => (StatusCode::GATEWAY_TIMEOUT, "server_error", "deadline_exceeded"),
            Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "server_error", "unavailable"),
            StoreUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "server_error", "store_unavailable"),
            JournalFull => (StatusCode::SERVICE_UNAVAILABLE, "server_error", "journal_full"),
            UpstreamRejected => (StatusCode::BAD_REQUEST, REQUEST, "upstream_rejected"),
            UpstreamCredentials => (StatusCode::BAD_GATEWAY, "upstream_error", "upstream_credentials"),
            UpstreamRateLimited => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "upstream_rate_limited"),
            UpstreamOverloaded => (StatusCode::SERVICE_UNAVAILABLE, "upstream_error", "upstream_overloaded"),
            UpstreamError => (StatusCode::BAD_GATEWAY, "upstream_error", "upstream_error"),
            UpstreamUnreachable => (StatusCode::BAD_GATEWAY, "upstream_error", "upstream_unreachable"),
            UpstreamTimeout => (StatusCode::GATEWAY_TIMEOUT, "upstream_error", "upstream_timeout"),
            Internal => (StatusCode::INTERNAL_SERVER_ERROR, "server_error", "internal_error"),
        }
    }
}

impl Error {
    /// An error of `kind` that says `message`.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), param: None, retry_after: None, upstream: None }
    }

    /// The same, naming the part of the request at fault.
    #[must_use]
    pub fn at(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The same, saying when to try again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The code that the caller will see.
    pub fn code(&self) -> Cow<'static, str> {
        let said = self.upstream.as_ref().and_then(|answer| answer.code.clone());
        said.map_or(Cow::Borrowed(self.kind.row().2), Cow::Owned)
    }

    /// The status that the caller will see.
    pub fn status(&self) -> StatusCode {
        match &self.upstream {
            Some(answer) if self.kind == Kind::UpstreamRejected => answer.status,
            _ => self.kind.row().0,
        }
    }
}
