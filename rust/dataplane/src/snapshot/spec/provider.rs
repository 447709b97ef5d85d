//! Providers as Python hands them down, together with what their modules declare.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::Deserialize;
use tollway_protocol::dialect::Dialect;
use tollway_protocol::dialect::rerank::Shape;
use tollway_protocol::quirks::Declared;
use tollway_resilience::breaker::BreakerSettings;
use tollway_resilience::health::HealthSettings;

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
    /// Whether it fetches what stands at a URL in a request.
    #[serde(default = "yes")]
    pub(crate) fetches_urls: bool,
    /// How it has its rerankings.
    #[serde(default)]
    pub(crate) rerank: Shape,
    /// Whether it has models that answer; else only others, as for embeddings.
    #[serde(default = "yes")]
    pub(crate) answers: bool,
    /// How it departs from the dialects, in what it takes.
    pub(crate) quirks: QuirksSpec,
    /// The Python class that translates for it, if one does.
    pub(crate) adapter: Option<AdapterSpec>,
    pub(crate) base_url: String,
    /// Where under it what is asked goes, as far as that is not where the dialect has it.
    #[serde(default)]
    pub(crate) paths: BTreeMap<String, String>,
    pub(crate) auth_header: String,
    pub(crate) auth_prefix: String,
    pub(crate) api_keys: Vec<ApiKeySpec>,
    /// Where its credentials come from, in place of API keys.
    #[serde(default)]
    pub(crate) auth: Option<AuthSpec>,
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
    #[serde(default)]
    pub(crate) breaker: BreakerSpec,
    #[serde(default)]
    pub(crate) health_check: Option<HealthCheckSpec>,
}

const fn yes() -> bool {
    true
}

/// How a provider is asked, now and then, whether it serves.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HealthCheckSpec {
    /// On the host, not under the base URL.
    pub(crate) path: String,
    pub(crate) interval_ms: u64,
    pub(crate) timeout_ms: u64,
    /// Failures in a row that open the breakers.
    pub(crate) unhealthy: u32,
}

/// When a target that answers, but slowly, goes behind the others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutlierSpec {
    pub(crate) factor: f64,
    pub(crate) min_latency_ms: u64,
}

/// When a deployment is left alone, and for how long.
#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
pub(crate) struct BreakerSpec {
    consecutive: u32,
    ratio: f64,
    window_ms: u64,
    min_requests: u32,
    cooldown_ms: u64,
    max_cooldown_ms: u64,
    probes: u32,
}

impl Default for BreakerSpec {
    fn default() -> Self {
        Self {
            consecutive: 5,
            ratio: 0.5,
            window_ms: 10_000,
            min_requests: 20,
            cooldown_ms: 5_000,
            max_cooldown_ms: 60_000,
            probes: 1,
        }
    }
}

impl BreakerSpec {
    /// How deployments are judged by it.
    pub(crate) fn judged(self) -> HealthSettings {
        let breaker = BreakerSettings {
            consecutive: self.consecutive,
            ratio: self.ratio,
            window: Duration::from_millis(self.window_ms),
            min_requests: self.min_requests,
            cooldown: Duration::from_millis(self.cooldown_ms),
            max_cooldown: Duration::from_millis(self.max_cooldown_ms),
            probes: self.probes,
            successes: 1,
            ..BreakerSettings::default()
        };
        HealthSettings { breaker, ..HealthSettings::default() }
    }
}

/// A class of the operator's, or of a module's, that turns a dialect into what an exotic API takes, and back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdapterSpec {
    pub(crate) id: u64,
    pub(crate) call: String,
    pub(crate) is_async: bool,
    pub(crate) timeout_ms: u64,
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
    /// Of counts of tokens.
    pub(crate) count: Declared,
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

/// A source of credentials that the control plane asks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthSpec {
    /// Names the slot: a digest of its settings, so that providers of the same settings share one.
    pub(crate) source: String,
    pub(crate) kind: AuthKind,
    /// Of signatures.
    pub(crate) region: Option<String>,
    /// Of signatures, as `bedrock`.
    pub(crate) service: Option<String>,
}

/// What a request carries of a credential.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AuthKind {
    /// The credential itself.
    Bearer,
    /// A signature: AWS's version 4.
    Sigv4,
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
