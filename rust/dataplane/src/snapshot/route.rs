//! Routes, compiled: what may serve a logical model name, and how one of it is chosen.

use std::hint::black_box;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tollway_expression::{Condition, Phase as Decides};
use tollway_resilience::balance::Smooth;
use tollway_resilience::budget::{Budget, BudgetSettings};
use tollway_resilience::health::Health;
use tollway_resilience::outlier::Every;
use tollway_resilience::state::{DeploymentId, State};

use crate::account::price::Prices;
use crate::attach::Attachments;
use crate::guard::{Guards, OnFailure};
use crate::telemetry::Labels;
use crate::upstream::provider::Provider;

use super::Known;
use super::spec::{
    Ability, ChoiceSpec, DegradeSpec, HedgeSpec, HookSpec, NodeSpec, OnDrift, OnLossy, Phase, RouteSpec, ShadowSpec,
    Sticky, Strategy, TargetSpec,
};

/// A logical model name and what serves it.
pub(crate) struct Route {
    pub(crate) name: Arc<str>,
    /// All that may serve it, whichever choice leads there: others name them by their place.
    pub(crate) targets: Vec<Target>,
    pub(crate) choice: Node,
    /// What serves when all that `choice` leads to has failed.
    pub(crate) fallbacks: Vec<Node>,
    pub(crate) context_window: Option<Node>,
    pub(crate) content_policy: Option<Node>,
    pub(crate) degrade: Vec<Degrade>,
    /// Most time of a request in all.
    pub(crate) deadline: Option<Duration>,
    pub(crate) hedge: Option<Hedge>,
    pub(crate) shadow: Option<Shadow>,
    /// What of its traffic may be sent again.
    pub(crate) retries: Budget,
    pub(crate) on_lossy: OnLossy,
    pub(crate) request_hooks: Vec<Hook>,
    pub(crate) response_hooks: Vec<Hook>,
    pub(crate) guards: Guards,
    /// What it allows besides text; none where it does not look.
    pub(crate) attachments: Option<Attachments>,
    /// What is counted before a target is known.
    pub(crate) labels: &'static Labels,
}

/// A target, or a choice between others.
pub(crate) struct Node {
    /// The route by which it is reached, where the key must be allowed to use that.
    pub(crate) via: Option<String>,
    pub(crate) way: Way,
}

/// Where a node leads.
pub(crate) enum Way {
    /// To the target at this place.
    Target(usize),
    /// To one of several nodes.
    Choice(Box<Choice>),
}

/// How one of several is chosen.
pub(crate) struct Choice {
    pub(crate) strategy: Strategy,
    pub(crate) children: Vec<Node>,
    /// With `weighted`: one for each child.
    pub(crate) weights: Vec<u32>,
    /// Whose turn it is, with `weighted`.
    pub(crate) turns: Smooth,
    /// When its targets were last compared for being slow.
    pub(crate) compared: Every,
    /// With `conditional`: one for each child, but for a default, which is the last.
    pub(crate) rules: Vec<Condition>,
    pub(crate) sticky: Option<Sticky>,
}

/// What is done instead in tight times.
pub(crate) struct Degrade {
    pub(crate) when: Condition,
    pub(crate) name: String,
    pub(crate) choice: Option<Node>,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) answer: Option<String>,
}

/// When a second send starts beside a slow one.
pub(crate) struct Hedge {
    /// None for the observed quantile.
    pub(crate) delay: Option<Duration>,
    /// Of the time to the first token.
    pub(crate) quantile: f64,
    pub(crate) budget: Budget,
}

/// A copy of some requests, whose answers nobody sees.
pub(crate) struct Shadow {
    pub(crate) choice: Node,
    pub(crate) share: f64,
    most_per_day: Option<u64>,
    /// The day since 1970, and what was spent on it in nano-dollars.
    spent: Mutex<(u64, u64)>,
}

/// A route's reference to a deployment.
pub(crate) struct Target {
    pub(crate) provider: Arc<Provider>,
    pub(crate) model: String,
    /// How the deployment is, which all routes that lead to it share.
    pub(crate) health: Arc<Health>,
    /// What it costs; none if that is not known.
    pub(crate) prices: Option<Arc<Prices>>,
    pub(crate) timeout: Duration,
    pub(crate) first_token: Duration,
    pub(crate) idle: Duration,
    pub(crate) max_retries: u32,
    /// In tokens.
    pub(crate) context_window: Option<u64>,
    /// What it can take besides text; none if that is not known.
    pub(crate) supports: Option<Vec<Ability>>,
    /// The tiers of users whom it serves; empty for all.
    pub(crate) tiers: Vec<String>,
    pub(crate) pin: Option<String>,
    pub(crate) on_drift: OnDrift,
    pub(crate) labels: &'static Labels,
}

/// A Python policy hook of a route.
pub(crate) struct Hook {
    pub(crate) id: u64,
    pub(crate) call: String,
    pub(crate) is_async: bool,
    pub(crate) timeout: Duration,
    pub(crate) on_failure: OnFailure,
}

impl Route {
    /// As [`super::Key::warm`].
    pub(crate) fn warm(&self) {
        black_box((self.request_hooks.len(), self.response_hooks.len(), self.guards.is_empty()));
        if let Some(target) = self.targets.first() {
            black_box((target.max_retries, target.timeout, target.idle, target.model.len(), target.labels.touched()));
        }
    }

    /// How a target is chosen, at the top.
    pub(crate) fn strategy(&self) -> Strategy {
        match &self.choice.way {
            Way::Target(_) => Strategy::Single,
            Way::Choice(choice) => choice.strategy,
        }
    }

    /// Compiles `spec`.
    ///
    /// # Errors
    /// What does not hold together.
    pub(super) fn compile(spec: RouteSpec, known: &Known<'_>) -> Result<Self, String> {
        let name: Arc<str> = spec.name.into();
        let targets = spec
            .targets
            .into_iter()
            .map(|target| Target::compile(&name, target, known))
            .collect::<Result<Vec<_>, _>>()?;
        let (request, response): (Vec<_>, Vec<_>) = spec.hooks.into_iter().partition(|hook| hook.on == Phase::Request);
        // Who has nothing to choose asks for no quantiles.
        if targets.len() > 1 || spec.hedge.is_some() || !spec.degrade.is_empty() {
            targets.iter().for_each(|target| target.health.watch());
        }
        let wrong = |what: String| format!("route {name:?}: {what}");
        let node = |spec: NodeSpec| Node::compile(spec, targets.len()).map_err(wrong);
        Ok(Self {
            labels: Labels::new(&name, "", "")?,
            choice: node(spec.choice)?,
            fallbacks: spec.fallbacks.into_iter().map(node).collect::<Result<_, _>>()?,
            context_window: spec.context_window_fallback.map(node).transpose()?,
            content_policy: spec.content_policy_fallback.map(node).transpose()?,
            degrade: spec
                .degrade
                .into_iter()
                .map(|spec| Degrade::compile(spec, targets.len()).map_err(wrong))
                .collect::<Result<_, _>>()?,
            deadline: spec.deadline_ms.map(Duration::from_millis),
            hedge: spec.hedge.map(Hedge::compile),
            shadow: spec.shadow.map(|spec| Shadow::compile(spec, targets.len()).map_err(wrong)).transpose()?,
            retries: budget(spec.retry_budget.share, spec.retry_budget.floor),
            targets,
            on_lossy: spec.on_lossy,
            request_hooks: request.into_iter().map(Hook::compile).collect(),
            response_hooks: response.into_iter().map(Hook::compile).collect(),
            guards: Guards::compile(&spec.guardrails),
            attachments: spec.attachments.map(Attachments::from),
            name,
        })
    }
}

/// How long a provider may take for what passes to it by name: as long as its own clients wait.
const THROUGH: Duration = Duration::from_secs(600);

impl Route {
    /// What leads to `provider` and nowhere else, for what names a provider in place of a route. Nothing is sent again: what
    /// it would do twice is not known.
    ///
    /// # Errors
    /// The provider's name can be in no header.
    pub(crate) fn to_provider(provider: &Arc<Provider>, state: &dyn State) -> Result<Self, String> {
        let name: Arc<str> = format!("passthrough/{}", provider.name).into();
        let target = Target {
            provider: Arc::clone(provider),
            health: state.deployment(&DeploymentId(name.clone()), &provider.judged),
            timeout: THROUGH,
            first_token: THROUGH,
            idle: THROUGH,
            max_retries: 0,
            context_window: None,
            supports: None,
            tiers: Vec::new(),
            pin: None,
            on_drift: OnDrift::Alert,
            labels: Labels::new(&name, &provider.name, "")?,
            prices: None,
            model: String::new(),
        };
        Ok(Self {
            labels: Labels::new(&name, "", "")?,
            name,
            targets: vec![target],
            choice: Node { via: None, way: Way::Target(0) },
            fallbacks: Vec::new(),
            context_window: None,
            content_policy: None,
            degrade: Vec::new(),
            deadline: None,
            hedge: None,
            shadow: None,
            retries: budget(0.0, 0.0),
            on_lossy: OnLossy::Flag,
            request_hooks: Vec::new(),
            response_hooks: Vec::new(),
            guards: Guards::default(),
            attachments: None,
        })
    }
}

impl Node {
    fn compile(spec: NodeSpec, targets: usize) -> Result<Self, String> {
        match spec {
            NodeSpec::Target { target, .. } if target >= targets => Err(format!("there is no target {target}")),
            NodeSpec::Target { target, via } => Ok(Self { via, way: Way::Target(target) }),
            NodeSpec::Choice(spec) => {
                let ChoiceSpec { strategy, children, weights, rules, sticky, via } = *spec;
                let children =
                    children.into_iter().map(|spec| Self::compile(spec, targets)).collect::<Result<Vec<_>, _>>()?;
                if strategy == Strategy::Weighted && weights.len() != children.len() {
                    return Err("there is not one weight for each choice".to_owned());
                }
                if rules.len() > children.len() {
                    return Err("there are more rules than choices".to_owned());
                }
                let turns = Smooth::new(weights.iter().copied());
                let rules = rules.iter().map(|text| condition(text)).collect::<Result<_, _>>()?;
                Ok(Self {
                    via,
                    way: Way::Choice(Box::new(Choice {
                        strategy,
                        children,
                        weights,
                        turns,
                        compared: Every::default(),
                        rules,
                        sticky,
                    })),
                })
            }
        }
    }
}

/// Hedges a second that are allowed whatever the traffic.
const HEDGES: f64 = 0.5;

fn budget(share: f64, floor: f64) -> Budget {
    Budget::new(BudgetSettings { share, floor, ..BudgetSettings::default() })
}

/// The condition that `text` says, which `tollway check` has seen.
fn condition(text: &str) -> Result<Condition, String> {
    Condition::compile(text, Decides::Route).map_err(|mistake| format!("the condition {text:?}: {mistake}"))
}

impl Degrade {
    fn compile(spec: DegradeSpec, targets: usize) -> Result<Self, String> {
        Ok(Self {
            when: condition(&spec.when)?,
            name: spec.name,
            choice: spec.choice.map(|spec| Node::compile(spec, targets)).transpose()?,
            max_tokens: spec.max_tokens,
            answer: spec.answer,
        })
    }
}

impl Hedge {
    fn compile(spec: HedgeSpec) -> Self {
        let delay = spec.delay_ms.map(Duration::from_millis);
        Self { delay, quantile: spec.quantile, budget: budget(spec.share, HEDGES) }
    }
}

impl Shadow {
    fn compile(spec: ShadowSpec, targets: usize) -> Result<Self, String> {
        let choice = Node::compile(spec.choice, targets)?;
        Ok(Self { choice, share: spec.share, most_per_day: spec.max_nano_per_day, spent: Mutex::default() })
    }

    fn day(&self, at: Duration) -> MutexGuard<'_, (u64, u64)> {
        let day = at.as_secs() / 86_400;
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.0 != day {
            *spent = (day, 0);
        }
        spent
    }

    /// Whether more may be spent `at` a time since 1970. What is under way is not known yet: the bound is met but for that.
    pub(crate) fn affords(&self, at: Duration) -> bool {
        self.most_per_day.is_none_or(|most| self.day(at).1 < most)
    }

    /// Counts what a copy that began `at` a time since 1970 has cost.
    pub(crate) fn spend(&self, at: Duration, nano: u64) {
        if self.most_per_day.is_some() {
            let mut spent = self.day(at);
            spent.1 = spent.1.saturating_add(nano);
        }
    }
}

impl Target {
    /// The name of its deployment, in alerts.
    pub(crate) fn deployment(&self) -> String {
        format!("{}/{}", self.provider.name, self.model)
    }

    fn compile(route: &str, spec: TargetSpec, known: &Known<'_>) -> Result<Self, String> {
        let provider = known
            .providers
            .get(&*spec.provider)
            .ok_or_else(|| format!("route {route:?} names the provider {:?}, which is not declared", spec.provider))?;
        Ok(Self {
            provider: Arc::clone(provider),
            health: known.health(provider, &spec.model),
            timeout: Duration::from_millis(spec.timeout_ms),
            first_token: Duration::from_millis(spec.first_token_ms),
            idle: Duration::from_millis(spec.idle_ms),
            max_retries: spec.max_retries,
            context_window: spec.context_window,
            supports: spec.supports,
            tiers: spec.tiers,
            pin: spec.pin,
            on_drift: spec.on_drift,
            labels: Labels::new(route, &provider.name, &spec.model)?,
            prices: known.prices.get(&(spec.provider, spec.model.clone())).cloned(),
            model: spec.model,
        })
    }
}

impl Hook {
    fn compile(spec: HookSpec) -> Self {
        Self {
            id: spec.id,
            call: spec.call,
            is_async: spec.is_async,
            timeout: Duration::from_millis(spec.timeout_ms),
            on_failure: spec.on_failure,
        }
    }
}
