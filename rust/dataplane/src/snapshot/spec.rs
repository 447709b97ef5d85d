//! The configuration as Python hands it down: plain values that pydantic has already checked.

use std::collections::HashMap;

use http::HeaderValue;
use serde::Deserialize;

use crate::guard::{GuardSpec, OnFailure};

/// The whole configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spec {
    pub(crate) server: ServerSpec,
    pub(crate) providers: Vec<ProviderSpec>,
    pub(crate) routes: Vec<RouteSpec>,
    pub(crate) keys: Vec<KeySpec>,
}

/// `[server]`: the bounds of the listeners.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerSpec {
    pub(crate) secret: String,
    pub(crate) max_head: usize,
    pub(crate) max_body: usize,
    pub(crate) max_connections: usize,
    pub(crate) max_streams: u32,
    pub(crate) head_timeout_ms: u64,
    pub(crate) body_timeout_ms: u64,
    pub(crate) write_timeout_ms: u64,
    pub(crate) tls: Option<TlsSpec>,
}

/// `[server.tls]`, each file as the PEM text that it holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsSpec {
    pub(crate) cert: String,
    pub(crate) key: String,
    pub(crate) client_ca: Option<String>,
}

/// `[providers.X]`, together with what its module declares.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderSpec {
    pub(crate) name: String,
    pub(crate) kind: ProviderKind,
    pub(crate) dialect: Dialect,
    pub(crate) base_url: String,
    pub(crate) auth_header: String,
    pub(crate) auth_prefix: String,
    pub(crate) api_keys: Vec<ApiKeySpec>,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) region: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) ca: Option<String>,
    pub(crate) proxy: Option<String>,
    pub(crate) http2: Http2,
    pub(crate) connect_timeout_ms: u64,
    pub(crate) max_connections: usize,
    pub(crate) mock: Option<MockSpec>,
}

/// Where a provider's answers come from.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProviderKind {
    Http,
    Mock,
}

/// What the wire says.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dialect {
    Openai,
}

/// When HTTP/2 is spoken to a provider.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Hash)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Http2 {
    /// Where ALPN offers it.
    Auto,
    /// Always, also without TLS.
    Prior,
    /// Never.
    Off,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiKeySpec {
    pub(crate) value: String,
    pub(crate) weight: u32,
}

/// How the bundled mock provider answers.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct MockSpec {
    pub(crate) latency_ms: u64,
    pub(crate) chunk_gap_ms: u64,
    pub(crate) chunks: usize,
    pub(crate) error_status: Option<u16>,
    pub(crate) cut_after: Option<usize>,
}

/// `[routes.X]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteSpec {
    pub(crate) name: String,
    pub(crate) strategy: Strategy,
    pub(crate) targets: Vec<TargetSpec>,
    pub(crate) hooks: Vec<HookSpec>,
    pub(crate) guardrails: Vec<GuardSpec>,
}

/// In which order a route's targets are tried.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Strategy {
    /// The first only.
    Single,
    /// As listed.
    Fallback,
}

impl Strategy {
    /// Its name in the configuration.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Fallback => "fallback",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TargetSpec {
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) timeout_ms: u64,
    pub(crate) first_token_ms: u64,
    pub(crate) idle_ms: u64,
    pub(crate) max_retries: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HookSpec {
    pub(crate) id: u64,
    pub(crate) call: String,
    pub(crate) on: Phase,
    pub(crate) is_async: bool,
    pub(crate) timeout_ms: u64,
    pub(crate) on_failure: OnFailure,
}

/// When a hook is called.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    Request,
    Response,
}

/// `[keys.X]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeySpec {
    pub(crate) id: String,
    pub(crate) hash: String,
    pub(crate) team: Option<String>,
    pub(crate) project: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) models: Option<Vec<String>>,
    pub(crate) expires: Option<u64>,
    pub(crate) revoked: bool,
    pub(crate) guardrails: Vec<GuardSpec>,
    pub(crate) data_policy: Option<DataPolicySpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataPolicySpec {
    pub(crate) regions: Option<Vec<String>>,
    pub(crate) require_tags: Vec<String>,
    /// Classification of payloads comes with the stage that classifies them.
    #[serde(rename = "classes")]
    pub(crate) _classes: Option<Vec<String>>,
}

/// `text` as the value of a response header (RFC 9110 §5.5: bytes beyond ASCII are allowed but opaque).
pub(crate) fn header(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_bytes(text.as_bytes()).map_err(|_| format!("{text:?} holds a control character"))
}
