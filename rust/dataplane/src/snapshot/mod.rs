//! The configuration, compiled: immutable, swapped whole, read without a lock.

pub(crate) mod route;
pub(crate) mod spec;

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustc_hash::FxHashMap;
use tollway_expression::{Condition, Phase};
use tollway_records::record::{Writer, field};
use tollway_resilience::health::Health;
use tollway_resilience::outlier::OutlierSettings;
use tollway_resilience::state::{DeploymentId, Memory, State};
use zeroize::Zeroizing;

use crate::accept::tls::server_config;
use crate::account::price::Prices;
use crate::authenticate::registry::TeamModels;
use crate::authenticate::virtual_key::{KeyHash, KeyHasher, from_hex};
use crate::guard::Guards;
use crate::jobs;
use crate::route::Reason;
use crate::upstream::provider::Provider;
use crate::upstream::slot::Slot;

use spec::{AlertsSpec, KeySpec, PriceSpec, ScopeSpec, Spec, StoreSpec};

pub(crate) use route::{Hook, Route, Target};

/// Counts configurations, so that each has a number that none had before.
static GENERATIONS: AtomicU64 = AtomicU64::new(0);

/// Where the credentials of clouds arrive, by source.
pub(crate) type Slots = FxHashMap<Box<str>, Arc<Slot>>;

/// One configuration of the whole gateway.
pub(crate) struct Snapshot {
    pub(crate) generation: u64,
    pub(crate) server: Server,
    pub(crate) hasher: KeyHasher,
    pub(crate) keys: FxHashMap<KeyHash, Arc<Key>>,
    pub(crate) routes: FxHashMap<Arc<str>, Arc<Route>>,
    pub(crate) providers: Vec<Arc<Provider>>,
    /// The routes that teams narrow their keys to.
    pub(crate) teams: TeamModels,
    pub(crate) scopes: Vec<ScopeSpec>,
    pub(crate) store: Option<StoreSpec>,
    pub(crate) alerts: AlertsSpec,
    /// How task types are told, where callers do not say.
    pub(crate) task_types: Vec<(String, Condition)>,
    pub(crate) panic_threshold: f64,
    /// When slow targets go behind the others; none for never.
    pub(crate) outlier: Option<OutlierSettings>,
    /// How deployments and credentials are, kept over configurations.
    pub(crate) state: Arc<dyn State>,
    /// Requests whose callers do not wait.
    pub(crate) jobs: jobs::callback::Settings,
    /// The credentials of clouds, kept over configurations.
    pub(crate) slots: Slots,
    /// What other signatures than those of keys are made under.
    pub(crate) secret: Zeroizing<Vec<u8>>,
}

/// The bounds of the listeners.
pub(crate) struct Server {
    pub(crate) max_head: usize,
    pub(crate) max_body: usize,
    pub(crate) max_upload: u64,
    pub(crate) max_connections: usize,
    pub(crate) max_streams: u32,
    pub(crate) head_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) tls: Option<Arc<tokio_rustls::rustls::ServerConfig>>,
}

/// A virtual key, as policy: what it is and what it may do.
pub(crate) struct Key {
    pub(crate) id: Arc<str>,
    pub(crate) team: Option<String>,
    pub(crate) project: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) organisation: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) priority: Option<String>,
    pub(crate) tier: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) models: Option<Vec<String>>,
    /// The providers whose files and batches it may use.
    pub(crate) files: Vec<String>,
    /// The providers of which it may use whatever they have.
    pub(crate) passthrough: Vec<String>,
    pub(crate) expires: Option<Duration>,
    pub(crate) revoked: bool,
    pub(crate) guards: Guards,
    pub(crate) data_policy: Option<DataPolicy>,
    /// Below which URLs answers of its jobs may be posted, and what signs them.
    pub(crate) callbacks: Vec<jobs::callback::Target>,
    pub(crate) callback_secret: Option<Zeroizing<String>>,
    /// What a record says of it.
    pub(crate) recorded: Box<[u8]>,
}

impl Key {
    /// Whether this key may use the route `name`.
    pub(crate) fn allows(&self, name: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.iter().any(|model| model == name))
    }

    /// Whether this key may use the provider `name` without a route: `any` of its paths, or its files and batches.
    pub(crate) fn passes_to(&self, name: &str, any: bool) -> bool {
        let files = if any { &[][..] } else { &self.files };
        self.passthrough.iter().chain(files).any(|allowed| allowed == name)
    }
}

/// Where a key's requests may go.
pub(crate) struct DataPolicy {
    regions: Option<Vec<String>>,
    require_tags: Vec<String>,
}

impl DataPolicy {
    /// The first constraint that `provider` does not satisfy, and how the configuration says it.
    pub(crate) fn violated_by(&self, provider: &Provider) -> Option<(Reason, String)> {
        if let Some(regions) = &self.regions
            && !provider.region.as_ref().is_some_and(|region| regions.contains(region))
        {
            return Some((Reason::Regions, format!("regions = {regions:?}")));
        }
        let missing = self.require_tags.iter().find(|tag| !provider.tags.contains(tag))?;
        Some((Reason::Tags, format!("require_tags = [{missing:?}]")))
    }
}

impl Snapshot {
    /// Compiles `json`, keeping from `before` what has not changed and holds connections or counters.
    ///
    /// # Errors
    /// What does not hold together, in words for the operator; never a secret.
    pub(crate) fn compile(json: &[u8], before: Option<&Snapshot>) -> Result<Self, String> {
        let spec: Spec = serde_json::from_slice(json).map_err(|error| format!("the snapshot is not valid: {error}"))?;
        let state =
            before.map_or_else(|| Arc::new(Memory::default()) as Arc<dyn State>, |before| Arc::clone(&before.state));
        let sources = spec.providers.iter().filter_map(|provider| Some(&*provider.auth.as_ref()?.source));
        let slots: Slots = sources.fold(Slots::default(), |mut slots, source| {
            let known = before.and_then(|before| before.slots.get(source));
            slots.entry(source.into()).or_insert_with(|| known.map(Arc::clone).unwrap_or_default());
            slots
        });
        let providers = spec
            .providers
            .into_iter()
            .map(|spec| {
                let known = before.and_then(|before| before.providers.iter().find(|known| *known.name == spec.name));
                Provider::compile(spec, known.map(Arc::as_ref), (&*state, &slots)).map(Arc::new)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let by_name: HashMap<&str, &Arc<Provider>> =
            providers.iter().map(|provider| (&*provider.name, provider)).collect();
        let priced =
            spec.prices.into_iter().map(|PriceSpec { provider, model, price }| ((provider, model), Arc::new(price)));
        let known = Known { providers: by_name, prices: priced.collect(), state: &*state };
        let routes = spec
            .routes
            .into_iter()
            .map(|spec| Route::compile(spec, &known).map(|route| (route.name.clone(), Arc::new(route))))
            .collect::<Result<FxHashMap<_, _>, _>>()?;
        let mut keys = FxHashMap::default();
        for spec in spec.keys {
            let hash =
                from_hex(&spec.hash).ok_or_else(|| format!("key {:?}: its hash is not 64 hex digits", spec.id))?;
            keys.insert(hash, Arc::new(Key::compile(spec)));
        }
        let server = spec.server;
        Ok(Self {
            generation: GENERATIONS.fetch_add(1, Ordering::Relaxed) + 1,
            hasher: KeyHasher::new(server.secret.as_bytes()),
            server: Server {
                max_head: server.max_head,
                max_body: server.max_body,
                max_upload: server.max_upload,
                max_connections: server.max_connections,
                max_streams: server.max_streams,
                head_timeout: Duration::from_millis(server.head_timeout_ms),
                body_timeout: Duration::from_millis(server.body_timeout_ms),
                write_timeout: Duration::from_millis(server.write_timeout_ms),
                tls: server.tls.as_ref().map(server_config).transpose()?,
            },
            keys,
            routes,
            providers,
            teams: spec.scopes.iter().filter(|scope| scope.kind == "team").filter_map(narrowed).collect(),
            scopes: spec.scopes,
            store: spec.store,
            alerts: spec.alerts,
            task_types: spec
                .task_types
                .into_iter()
                .map(|kind| {
                    let when = Condition::compile(&kind.when, Phase::TaskType);
                    when.map(|when| (kind.name, when)).map_err(|mistake| format!("a task type: {mistake}"))
                })
                .collect::<Result<_, _>>()?,
            panic_threshold: spec.panic_threshold.unwrap_or(0.5),
            outlier: spec.outlier.map(|spec| OutlierSettings {
                factor: spec.factor,
                least: Duration::from_millis(spec.min_latency_ms),
                ..OutlierSettings::default()
            }),
            state,
            jobs: spec.jobs.compile(),
            slots,
            secret: Zeroizing::new(server.secret.into_bytes()),
        })
    }
}

impl Snapshot {
    /// The providers that wait for credentials which are valid.
    pub(crate) fn lacking(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.providers.iter().filter(|provider| provider.lacks_credentials())
    }
}

fn narrowed(team: &ScopeSpec) -> Option<(String, Vec<String>)> {
    let models = team.settings.get("models")?.as_array()?;
    Some((team.name.clone(), models.iter().filter_map(|model| Some(model.as_str()?.to_owned())).collect()))
}

impl Key {
    /// Asks for the memory that later stages read, all of it at once: one of ten thousand keys is in no cache, and waits
    /// that run side by side cost as much as one.
    pub(crate) fn warm(&self) {
        black_box((self.models.is_some(), self.guards.is_empty(), self.data_policy.is_some()));
        black_box(lines(&self.recorded));
    }

    /// Compiles `spec`.
    pub(crate) fn compile(spec: KeySpec) -> Self {
        let mut recorded = Vec::new();
        let mut writer = Writer::new(&mut recorded);
        writer.text(field::KEY, &spec.id);
        for (field, text) in [
            (field::ORGANISATION, &spec.organisation),
            (field::TENANT, &spec.tenant),
            (field::TEAM, &spec.team),
            (field::PROJECT, &spec.project),
            (field::ENVIRONMENT, &spec.environment),
            (field::USER, &spec.user),
            (field::AGENT, &spec.agent),
            (field::PRIORITY, &spec.priority),
        ] {
            writer.text(field, text.as_deref().unwrap_or_default());
        }
        spec.tags.iter().for_each(|tag| writer.text(field::TAGS, tag));
        Self {
            // One that cannot be read covers nothing.
            callbacks: spec.callbacks.iter().filter_map(|url| jobs::callback::Target::parse(url)).collect(),
            callback_secret: spec.callback_secret.map(Zeroizing::new),
            recorded: recorded.into(),
            id: spec.id.into(),
            team: spec.team,
            project: spec.project,
            environment: spec.environment,
            organisation: spec.organisation,
            tenant: spec.tenant,
            user: spec.user,
            agent: spec.agent,
            priority: spec.priority,
            tier: spec.tier,
            tags: spec.tags,
            models: spec.models,
            files: spec.files,
            passthrough: spec.passthrough,
            expires: spec.expires.map(Duration::from_secs),
            revoked: spec.revoked,
            guards: Guards::compile(&spec.guardrails),
            data_policy: spec
                .data_policy
                .map(|policy| DataPolicy { regions: policy.regions, require_tags: policy.require_tags }),
        }
    }
}

/// What routes refer to.
struct Known<'a> {
    providers: HashMap<&'a str, &'a Arc<Provider>>,
    /// By the names of the provider and the model.
    prices: HashMap<(String, String), Arc<Prices>>,
    state: &'a dyn State,
}

impl Known<'_> {
    /// How the deployment of `model` at `provider` is.
    fn health(&self, provider: &Provider, model: &str) -> Arc<Health> {
        let id = DeploymentId(format!("{}/{model}", provider.name).into());
        self.state.deployment(&id, &provider.judged)
    }
}

/// Something of each line of `bytes`.
fn lines(bytes: &[u8]) -> u8 {
    bytes.iter().step_by(64).fold(bytes.last().copied().unwrap_or_default(), |sum, byte| sum ^ byte)
}
