//! The configuration as Python hands it down: plain values that pydantic has already checked.

mod jobs;
mod provider;
mod route;

use std::time::Duration;

use http::HeaderValue;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::account::price::Prices;
use crate::guard::GuardSpec;

pub(crate) use jobs::JobsSpec;
pub(crate) use provider::{
    AdapterSpec, ApiKeySpec, AuthKind, AuthSpec, HealthCheckSpec, Http2, MockSpec, OutlierSpec, ProviderKind,
    ProviderSpec, QuirksSpec,
};
pub(crate) use route::{
    Ability, AttachmentsSpec, ChoiceSpec, DegradeSpec, HedgeSpec, HookSpec, NodeSpec, OnDrift, OnLossy, Phase,
    RouteSpec, ShadowSpec, Sticky, Strategy, TargetSpec, Urls,
};

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
    #[serde(default)]
    pub(crate) jobs: JobsSpec,
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
    pub(crate) max_upload: u64,
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

/// What a model of a provider costs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceSpec {
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) price: Prices,
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
    /// Providers whose files and batches it may use.
    #[serde(default)]
    pub(crate) files: Vec<String>,
    /// Providers of which it may use whatever they have.
    #[serde(default)]
    pub(crate) passthrough: Vec<String>,
    pub(crate) expires: Option<u64>,
    #[serde(default)]
    pub(crate) revoked: bool,
    #[serde(default)]
    pub(crate) guardrails: Vec<GuardSpec>,
    pub(crate) data_policy: Option<DataPolicySpec>,
    #[serde(default)]
    pub(crate) callbacks: Vec<String>,
    /// Never one of a key that was made at run time: the store holds no secrets.
    pub(crate) callback_secret: Option<String>,
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
