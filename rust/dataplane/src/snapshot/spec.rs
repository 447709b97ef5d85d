//! The configuration as Python hands it down: plain values that pydantic has already checked.

use std::collections::HashMap;

use http::HeaderValue;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tollway_protocol::dialect::Dialect;
use tollway_protocol::quirks::Declared;

use crate::account::price::Prices;
use crate::guard::{GuardSpec, OnFailure};

/// The whole configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spec {
    pub(crate) server: ServerSpec,
    pub(crate) providers: Vec<ProviderSpec>,
    /// What models cost, as far as it is known.
    #[serde(default)]
    pub(crate) prices: Vec<PriceSpec>,
    pub(crate) routes: Vec<RouteSpec>,
    pub(crate) keys: Vec<KeySpec>,
    /// Teams, projects and the others.
    #[serde(default)]
    pub(crate) scopes: Vec<ScopeSpec>,
    #[serde(default)]
    pub(crate) store: Option<StoreSpec>,
}

/// `[teams.X]`, `[projects.X]` and the others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScopeSpec {
    /// `team`, `project` and so on.
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) settings: serde_json::Map<String, serde_json::Value>,
}

/// `[store]`.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoreSpec {
    pub(crate) url: String,
    /// The journal's folder: an absolute path.
    pub(crate) journal: std::path::PathBuf,
    /// In bytes.
    pub(crate) journal_max: u64,
    pub(crate) on_full: OnFull,
    /// How long an entry may wait to be on the disk itself; 0 for not at all.
    pub(crate) fsync_ms: u64,
    /// The share of requests whose bodies are kept, from 0 to 1.
    pub(crate) payload_sampling: f64,
    pub(crate) retain_requests_days: Option<u32>,
    pub(crate) retain_rollups_days: Option<u32>,
}

/// What a full journal means for new requests.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnFull {
    /// They are refused.
    Refuse,
    /// Payloads are given up first.
    DropPayloads,
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
    /// The one that others are translated to first.
    pub(crate) dialects: Vec<DialectName>,
    /// What it calls the most tokens of a chat completion.
    pub(crate) max_tokens: String,
    /// How it departs from the dialects, in what it takes.
    pub(crate) quirks: QuirksSpec,
    /// The Python class that translates for it, if one does.
    pub(crate) adapter: Option<AdapterSpec>,
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
    pub(crate) max_connection_age_ms: u64,
    pub(crate) dns_ttl_ms: u64,
    pub(crate) mock: Option<MockSpec>,
}

/// A class of the operator's, or of a module's, that turns a dialect into what an exotic API takes, and back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdapterSpec {
    pub(crate) id: u64,
    pub(crate) call: String,
    pub(crate) is_async: bool,
    pub(crate) timeout_ms: u64,
    /// Where requests go, and those for a stream; `{model}` stands for the model's name.
    pub(crate) path: String,
    pub(crate) stream_path: String,
}

/// How a provider departs from the dialects that it speaks, in what it takes.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuirksSpec {
    /// Of chat completions.
    pub(crate) chat: Declared,
    /// Of requests for answers in any other dialect.
    pub(crate) other: Declared,
    /// Of embeddings.
    pub(crate) embeddings: Declared,
    /// Whether a stream's usage is asked for; else it comes unasked, and asking is an error.
    pub(crate) ask_usage: bool,
}

/// Where a provider's answers come from.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProviderKind {
    Http,
    Mock,
}

/// What the wire says.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct DialectName(pub(crate) Dialect);

impl TryFrom<String> for DialectName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Dialect::of_name(&name).map(Self).ok_or_else(|| format!("there is no dialect {name:?}"))
    }
}

/// What happens to requests of which a target cannot say everything.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnLossy {
    /// What is lost is flagged.
    Flag,
    /// They are refused.
    Reject,
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

/// What a model of a provider costs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceSpec {
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) price: Prices,
}

/// `[routes.X]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteSpec {
    pub(crate) name: String,
    pub(crate) strategy: Strategy,
    pub(crate) targets: Vec<TargetSpec>,
    pub(crate) on_lossy: OnLossy,
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

/// `[keys.X]`, or the settings of a key that was made at run time.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeySpec {
    pub(crate) id: String,
    pub(crate) hash: String,
    pub(crate) organisation: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) team: Option<String>,
    pub(crate) project: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) priority: Option<String>,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    pub(crate) models: Option<Vec<String>>,
    pub(crate) expires: Option<u64>,
    #[serde(default)]
    pub(crate) revoked: bool,
    #[serde(default)]
    pub(crate) guardrails: Vec<GuardSpec>,
    pub(crate) data_policy: Option<DataPolicySpec>,
    /// For people.
    #[serde(rename = "name")]
    pub(crate) _name: Option<String>,
    /// For people.
    #[serde(default, rename = "metadata")]
    pub(crate) _metadata: IgnoredAny,
    /// They come with the stage that limits.
    #[serde(default, rename = "budgets")]
    pub(crate) _budgets: IgnoredAny,
    #[serde(default, rename = "limits")]
    pub(crate) _limits: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataPolicySpec {
    pub(crate) regions: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) require_tags: Vec<String>,
    /// Classification of payloads comes with the stage that classifies them.
    #[serde(rename = "classes")]
    pub(crate) _classes: Option<Vec<String>>,
}

/// `text` as the value of a response header (RFC 9110 §5.5: bytes beyond ASCII are allowed but opaque).
pub(crate) fn header(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_bytes(text.as_bytes()).map_err(|_| format!("{text:?} holds a control character"))
}
