//! The configuration as Python hands it down: plain values that pydantic has already checked.

use std::collections::HashMap;
use std::time::Duration;

use http::HeaderValue;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tollway_protocol::dialect::Dialect;
use tollway_protocol::quirks::Declared;
use tollway_resilience::breaker::BreakerSettings;
use tollway_resilience::health::HealthSettings;

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
    /// How task types are told, where callers do not say.
    #[serde(default)]
    pub(crate) task_types: Vec<TaskTypeSpec>,
    /// Where fewer of a choice's targets than this share are well, how they are is ignored.
    #[serde(default)]
    pub(crate) panic_threshold: Option<f64>,
    /// When slow targets go behind the others.
    #[serde(default)]
    pub(crate) outlier: Option<OutlierSpec>,
    pub(crate) keys: Vec<KeySpec>,
    /// Teams, projects and the others.
    #[serde(default)]
    pub(crate) scopes: Vec<ScopeSpec>,
    #[serde(default)]
    pub(crate) store: Option<StoreSpec>,
    #[serde(default)]
    pub(crate) alerts: AlertsSpec,
}

/// `[alerts]`, as far as it is not the control plane's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertsSpec {
    quiet_ms: u64,
}

impl AlertsSpec {
    /// How long the same alert is not told again.
    pub(crate) fn quiet(&self) -> Duration {
        Duration::from_millis(self.quiet_ms)
    }
}

impl Default for AlertsSpec {
    fn default() -> Self {
        Self { quiet_ms: 300_000 }
    }
}

/// A task type, and the condition of requests that are of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaskTypeSpec {
    pub(crate) name: String,
    pub(crate) when: String,
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
    #[serde(default)]
    pub(crate) breaker: BreakerSpec,
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

/// `[routes.X]`, with the targets of every route that it may hand a request to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteSpec {
    pub(crate) name: String,
    /// All that may serve it, whichever choice leads there.
    pub(crate) targets: Vec<TargetSpec>,
    pub(crate) choice: NodeSpec,
    /// What serves when all that `choice` leads to has failed.
    #[serde(default)]
    pub(crate) fallbacks: Vec<NodeSpec>,
    #[serde(default)]
    pub(crate) context_window_fallback: Option<NodeSpec>,
    #[serde(default)]
    pub(crate) content_policy_fallback: Option<NodeSpec>,
    #[serde(default)]
    pub(crate) degrade: Vec<DegradeSpec>,
    /// Most time of a request in all.
    #[serde(default)]
    pub(crate) deadline_ms: Option<u64>,
    #[serde(default)]
    pub(crate) hedge: Option<HedgeSpec>,
    #[serde(default)]
    pub(crate) shadow: Option<ShadowSpec>,
    pub(crate) retry_budget: RetryBudgetSpec,
    pub(crate) on_lossy: OnLossy,
    pub(crate) hooks: Vec<HookSpec>,
    pub(crate) guardrails: Vec<GuardSpec>,
}

/// A target, or a choice between others.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum NodeSpec {
    /// The place of a target among the route's.
    Target {
        target: usize,
        /// The route by which it is reached, where the key must be allowed to use that.
        #[serde(default)]
        via: Option<String>,
    },
    /// One of several.
    Choice(Box<ChoiceSpec>),
}

/// How one of several is chosen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChoiceSpec {
    pub(crate) strategy: Strategy,
    pub(crate) children: Vec<NodeSpec>,
    /// With `weighted`: one for each child.
    #[serde(default)]
    pub(crate) weights: Vec<u32>,
    /// With `conditional`: one CEL expression for each child but the last, which is the default, where there is one.
    #[serde(default)]
    pub(crate) rules: Vec<String>,
    #[serde(default)]
    pub(crate) sticky: Option<Sticky>,
    /// The route by which it is reached, where the key must be allowed to use that.
    #[serde(default)]
    pub(crate) via: Option<String>,
}

/// How a target is chosen.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Strategy {
    /// The first only.
    Single,
    /// As listed.
    Fallback,
    /// Each gets its share.
    Weighted,
    /// The soonest first token.
    Latency,
    /// The fewest requests in flight.
    LeastBusy,
    /// The cheapest.
    Cost,
    /// The first whose rule holds.
    Conditional,
}

impl Strategy {
    /// Its name in the configuration.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Fallback => "fallback",
            Self::Weighted => "weighted",
            Self::Latency => "latency",
            Self::LeastBusy => "least-busy",
            Self::Cost => "cost",
            Self::Conditional => "conditional",
        }
    }
}

/// What requests that belong together have in common.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sticky {
    /// The end user.
    User,
    /// The conversation.
    Session,
    /// The virtual key.
    Key,
    /// How the prompt begins: what providers cache.
    Prompt,
}

/// One of `degrade`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DegradeSpec {
    pub(crate) when: String,
    /// The name of what happens, for the flag.
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) choice: Option<NodeSpec>,
    #[serde(default)]
    pub(crate) max_tokens: Option<u64>,
    #[serde(default)]
    pub(crate) answer: Option<String>,
}

/// What of a route's traffic may be sent again.
#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetryBudgetSpec {
    pub(crate) share: f64,
    /// A second.
    pub(crate) floor: f64,
}

/// When a second send starts beside a slow one.
#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
pub(crate) struct HedgeSpec {
    /// None for the observed quantile.
    pub(crate) delay_ms: Option<u64>,
    /// Of the time to the first token.
    pub(crate) quantile: f64,
    /// The most of such sends, as a share of all.
    pub(crate) share: f64,
}

/// A copy of some requests, whose answers nobody sees.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShadowSpec {
    pub(crate) choice: NodeSpec,
    pub(crate) share: f64,
    pub(crate) max_nano_per_day: Option<u64>,
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
    /// In tokens.
    #[serde(default)]
    pub(crate) context_window: Option<u64>,
    /// What it can take besides text; none if that is not known.
    #[serde(default)]
    pub(crate) supports: Option<Vec<Ability>>,
    /// The tiers of users whom it serves; empty for all.
    #[serde(default)]
    pub(crate) tiers: Vec<String>,
    /// The name of the model that must answer.
    #[serde(default)]
    pub(crate) pin: Option<String>,
    #[serde(default)]
    pub(crate) on_drift: OnDrift,
}

/// What a model can do besides text.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ability {
    Images,
    Audio,
    Documents,
    Tools,
    Json,
}

impl Ability {
    /// Its name in the configuration.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Audio => "audio",
            Self::Documents => "documents",
            Self::Tools => "tools",
            Self::Json => "json",
        }
    }
}

/// What happens when another model than the pinned one answers.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnDrift {
    /// An alert, and the answer.
    #[default]
    Alert,
    /// A failed attempt.
    Error,
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
    pub(crate) tier: Option<String>,
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
