//! What decisions may look at: the request, its caller, the moment, and how the route's targets are. What costs something
//! to find out is found out when it is first asked, and once.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::time::Duration;

use rustc_hash::FxBuildHasher;
use serde_json::Value as Json;
use tollway_expression::{Facts, Pairs, Texts, Value, Variable};
use tollway_protocol::canonical::Usage;
use tollway_resilience::Moment;
use tollway_resilience::outlier::OutlierSettings;

use crate::accept::Call;
use crate::accept::attribution::Attribution;
use crate::clock::{Instant, now, unix_time};
use crate::exchange::Exchange;
use crate::snapshot::spec::Sticky;
use crate::snapshot::{Key, Route, Target};

/// As much of a prompt's beginning as tells those apart that a provider's cache would.
const PREFIX: usize = 4096;

/// The tokens of an answer whose request says no bound.
const TYPICAL_OUTPUT: u64 = 1000;

/// One request, as decisions see it.
pub(crate) struct Ask<'e> {
    pub(crate) call: &'e Call,
    pub(crate) route: &'e Route,
    pub(crate) key: &'e Key,
    /// What the caller says of itself.
    pub(crate) said: Option<&'e Attribution>,
    /// The moment, for what judges deployments.
    pub(crate) now: Moment,
    /// When it came, since 1970.
    pub(crate) accepted: Duration,
    /// When all of it must be over.
    pub(crate) deadline: Option<Instant>,
    /// A random number.
    pub(crate) draw: u64,
    /// Where fewer of a choice's targets than this share are well, how they are is ignored.
    pub(crate) panic_threshold: f64,
    /// When a target goes behind the others for being slow.
    pub(crate) outlier: Option<OutlierSettings>,
    /// How many tokens it is, by the names of the models whose windows it may not fit.
    pub(crate) lengths: &'e [(String, u64)],
    metadata: OnceCell<BTreeMap<String, String>>,
    tags: OnceCell<Vec<String>>,
}

impl<'e> Ask<'e> {
    /// What `call` of `key` asks of `route`, now and with nothing said but in its body.
    pub(crate) fn new(call: &'e Call, route: &'e Route, key: &'e Key) -> Self {
        let (metadata, tags) = Default::default();
        let (said, deadline, accepted) = (None, None, unix_time());
        let (now, draw, panic_threshold) = (Moment::default(), 0, 0.0);
        let (outlier, lengths) = (None, [].as_slice());
        Self {
            call,
            route,
            key,
            said,
            now,
            accepted,
            deadline,
            draw,
            panic_threshold,
            outlier,
            lengths,
            metadata,
            tags,
        }
    }

    /// What the request `exchange` asks with `call`.
    pub(crate) fn of(exchange: &'e Exchange, call: &'e Call, route: &'e Route, key: &'e Key) -> Self {
        Self {
            said: exchange.said.as_deref(),
            now: exchange.worker.moment(),
            accepted: exchange.accepted,
            deadline: exchange.deadline,
            draw: exchange.worker.random(),
            panic_threshold: exchange.snapshot.panic_threshold,
            outlier: exchange.snapshot.outlier,
            lengths: &exchange.lengths,
            ..Self::new(call, route, key)
        }
    }

    /// About how many tokens the request is, of whatever model.
    pub(crate) fn input_tokens(&self) -> u64 {
        self.lengths.first().map_or_else(|| self.call.about_tokens(), |(_, tokens)| *tokens)
    }

    /// How many tokens the request is to `model`: as counted, else about.
    pub(crate) fn input_tokens_of(&self, model: &str) -> u64 {
        let counted = self.lengths.iter().find(|(of, _)| of == model);
        counted.map_or_else(|| self.input_tokens(), |(_, tokens)| *tokens)
    }

    /// About what it would cost at `target`, in nano-dollars; none if that is not known. An answer of which no bound was
    /// said is taken to have [`TYPICAL_OUTPUT`] tokens.
    pub(crate) fn estimated_cost(&self, target: &Target) -> Option<u64> {
        let output = Some(self.call.shape().max_tokens).filter(|most| *most > 0).unwrap_or(TYPICAL_OUTPUT);
        let usage =
            Usage { input: Some(self.input_tokens_of(&target.model)), output: Some(output), ..Usage::default() };
        let cost = target.prices.as_ref()?.cost(&usage, self.accepted)?;
        Some(cost.nano)
    }

    /// A number that all requests share which belong together by `sticky`; none where nothing tells that.
    pub(crate) fn affinity(&self, sticky: Sticky) -> Option<u64> {
        let mut hasher = FxBuildHasher.build_hasher();
        match sticky {
            Sticky::User => self.key.user.as_ref().or(self.said?.user.as_ref())?.hash(&mut hasher),
            Sticky::Session => self.said?.session.as_ref()?.hash(&mut hasher),
            Sticky::Key => self.key.id.hash(&mut hasher),
            Sticky::Prompt => self.call.body.get(..PREFIX.min(self.call.body.len()))?.hash(&mut hasher),
        }
        Some(hasher.finish())
    }

    fn metadata(&self) -> &BTreeMap<String, String> {
        self.metadata.get_or_init(|| {
            let json = self.call.peek.metadata.clone().and_then(|span| self.call.body.get(span));
            let read = json.and_then(|json| serde_json::from_slice::<BTreeMap<String, Json>>(json).ok());
            let text = |value: Json| match value {
                Json::String(text) => text,
                other => other.to_string(),
            };
            read.unwrap_or_default().into_iter().map(|(name, value)| (name, text(value))).collect()
        })
    }

    fn tags(&self) -> &Vec<String> {
        self.tags.get_or_init(|| {
            let said = self.said.map(|said| said.tags.as_slice()).unwrap_or_default();
            self.key.tags.iter().chain(said).cloned().collect()
        })
    }

    /// The time that is left, in milliseconds.
    fn left_ms(&self) -> i64 {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(now()).as_millis());
        left.map_or(i64::MAX, |left| i64::try_from(left).unwrap_or(i64::MAX))
    }

    fn open(&self) -> usize {
        self.route.targets.iter().filter(|target| target.health.breaker().refuses(self.now).is_some()).count()
    }

    fn p95_ms(&self) -> i64 {
        let known = self.route.targets.iter().filter_map(|target| target.health.quantile(0.95, self.now));
        known.min().map_or(0, |time| int(time.as_millis()))
    }

    fn success_rate(&self) -> f64 {
        self.route.targets.iter().map(|target| target.health.success_rate(self.now)).fold(0.0, f64::max)
    }
}

fn text(text: Option<&str>) -> Value<'_> {
    Value::Text(text.unwrap_or_default())
}

fn int<T: TryInto<i64>>(number: T) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// Seconds of the present UTC day, and the number of the day since 1970.
fn clock() -> (i64, i64) {
    let seconds = int(unix_time().as_secs());
    (seconds % 86_400, seconds / 86_400)
}

impl Facts for Ask<'_> {
    fn get(&self, variable: Variable) -> Value<'_> {
        let said = self.said;
        match variable {
            Variable::TaskType => text(said.and_then(|said| said.task_type.as_deref())),
            Variable::Model => Value::Text(&self.call.head.model),
            Variable::Endpoint => Value::Text(self.call.head.endpoint.name()),
            Variable::Stream => Value::Bool(self.call.stream()),
            Variable::User => text(self.key.user.as_deref().or_else(|| said.and_then(|said| said.user.as_deref()))),
            Variable::Agent => text(self.key.agent.as_deref().or_else(|| said.and_then(|said| said.agent.as_deref()))),
            Variable::Key => Value::Text(&self.key.id),
            Variable::Team => text(self.key.team.as_deref()),
            Variable::Project => text(self.key.project.as_deref()),
            Variable::Environment => text(self.key.environment.as_deref()),
            Variable::Tenant => text(self.key.tenant.as_deref()),
            Variable::Organisation => text(self.key.organisation.as_deref()),
            Variable::Priority => {
                text(self.key.priority.as_deref().or_else(|| said.and_then(|said| said.priority)).or(Some("standard")))
            }
            Variable::Tier => text(self.key.tier.as_deref()),
            Variable::Tags => Value::Texts(self.tags() as &dyn Texts),
            Variable::Metadata => Value::Pairs(self.metadata() as &dyn Pairs),
            Variable::Residency => text(said.and_then(|said| said.residency.as_deref())),
            Variable::RequestBytes => Value::Int(int(self.call.body.len())),
            Variable::RequestMessages => Value::Int(int(self.call.shape().messages)),
            Variable::RequestInputTokens => Value::Int(int(self.input_tokens())),
            Variable::RequestMaxTokens => Value::Int(int(self.call.shape().max_tokens)),
            Variable::RequestTools => Value::Int(int(self.call.shape().tools)),
            Variable::RequestImages => Value::Int(int(self.call.shape().images)),
            Variable::RequestAudio => Value::Int(int(self.call.shape().audio)),
            Variable::RequestDocuments => Value::Int(int(self.call.shape().documents)),
            Variable::RequestJsonMode => Value::Bool(self.call.shape().json_mode),
            Variable::RequestHasTools => Value::Bool(self.call.shape().tools > 0),
            Variable::UpstreamOpen => Value::Bool(self.open() == self.route.targets.len()),
            Variable::UpstreamOpenCount => Value::Int(int(self.open())),
            Variable::UpstreamHealthy => Value::Int(int(self.route.targets.len() - self.open())),
            Variable::UpstreamCount => Value::Int(int(self.route.targets.len())),
            Variable::UpstreamP95Ms => Value::Int(self.p95_ms()),
            Variable::UpstreamSuccessRate => Value::Double(self.success_rate()),
            Variable::DeadlineLeftMs => Value::Int(self.left_ms()),
            // Until budgets and queues are there, none applies and nobody waits.
            Variable::BudgetRemainingRatio => Value::Double(1.0),
            Variable::QueueDepth => Value::Int(0),
            Variable::TimeHour => Value::Int(clock().0 / 3600),
            Variable::TimeMinute => Value::Int(clock().0 / 60 % 60),
            // 1970 began on a Thursday.
            Variable::TimeWeekday => Value::Int((clock().1 + 3) % 7 + 1),
        }
    }
}
