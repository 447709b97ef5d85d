//! What rules a target out for a request, whatever the strategy would like.

use crate::snapshot::route::Target;
use crate::snapshot::spec::Ability;

use super::ask::Ask;
use super::length::may_exceed;

/// Why a target was not tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The key's data policy names other regions.
    Regions,
    /// The key's data policy requires a tag.
    Tags,
    /// The caller demands another region.
    Residency,
    /// The provider has nothing of the kind that is asked for.
    Endpoint,
    /// The model cannot take what the request holds.
    Ability(Ability),
    /// The request holds a URL, which its provider does not fetch.
    RemoteUrl,
    /// The request is too long for the model.
    ContextWindow,
    /// It serves other tiers of users.
    Tier,
    /// It would cost more than the caller allows.
    Cost,
    /// It is behind a route that the key may not use.
    Route,
    /// Its breaker is open.
    Open,
    /// It answers much later than the others.
    Slow,
    /// It has said when it will take requests again.
    Limited,
    /// It cannot answer in the time that is left.
    Deadline,
    /// What may be sent again has been.
    RetryBudget,
}

impl Reason {
    /// Its name in records.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Regions => "regions",
            Self::Tags => "require_tags",
            Self::Residency => "residency",
            Self::Endpoint => "endpoint",
            Self::Ability(ability) => ability.name(),
            Self::RemoteUrl => "remote_url",
            Self::ContextWindow => "context_window",
            Self::Tier => "tier",
            Self::Cost => "max_cost",
            Self::Route => "route",
            Self::Open => "open",
            Self::Slow => "slow",
            Self::Limited => "limited",
            Self::Deadline => "deadline",
            Self::RetryBudget => "retry_budget",
        }
    }

    /// The same in words, for `target` and the caller.
    pub(crate) fn told(self, target: &Target, ask: &Ask<'_>) -> String {
        match self {
            Self::Regions | Self::Tags => {
                let policy = ask.key.data_policy.as_ref();
                let violated = policy.and_then(|policy| policy.violated_by(&target.provider));
                format!("the key's data policy asks for {}", violated.map_or_else(String::new, |(_, what)| what))
            }
            Self::Residency => {
                let asked = ask.said.and_then(|said| said.residency.as_deref()).unwrap_or_default();
                format!("the request asks for the residency {asked:?}")
            }
            Self::Endpoint => {
                format!("the provider {:?} has no {}", target.provider.name, ask.call.head.endpoint.name())
            }
            Self::Ability(ability) => format!("the model does not take {}", ability.name()),
            Self::RemoteUrl => {
                let (name, at) = (&target.provider.name, ask.call.url().unwrap_or_default());
                format!(
                    "the provider {name:?} fetches no URLs, and there is one in {at}; send the data itself, in base64"
                )
            }
            Self::ContextWindow => {
                let window = target.context_window.unwrap_or_default();
                format!("the request is longer than the model's context window of {window} tokens")
            }
            Self::Tier => format!("it serves the tiers {}", target.tiers.join(", ")),
            Self::Cost => "it would cost more than x-tollway-max-cost-usd allows".to_owned(),
            Self::Route => "the key may not use the route that leads there".to_owned(),
            Self::Open => "its breaker is open".to_owned(),
            Self::Slow => "it is much slower than the others".to_owned(),
            Self::Limited => "it is rate limited".to_owned(),
            Self::Deadline => "it cannot answer in the time that is left".to_owned(),
            Self::RetryBudget => "the retry budget is spent".to_owned(),
        }
    }
}

/// The first constraint that `target` does not satisfy.
pub(super) fn violated(target: &Target, ask: &Ask<'_>) -> Option<Reason> {
    if let Some(policy) = &ask.key.data_policy
        && let Some((reason, _)) = policy.violated_by(&target.provider)
    {
        return Some(reason);
    }
    if let Some(said) = ask.said {
        if said.residency.is_some() && said.residency != target.provider.region {
            return Some(Reason::Residency);
        }
        if let (Some(most), Some(nano)) = (said.max_cost_nano, ask.estimated_cost(target))
            && nano > most
        {
            return Some(Reason::Cost);
        }
    }
    if !target.tiers.is_empty() && !ask.key.tier.as_ref().is_some_and(|tier| target.tiers.contains(tier)) {
        return Some(Reason::Tier);
    }
    if let Some(supports) = &target.supports
        && let Some(lacking) = ask.call.shape().needs().find(|needed| !supports.contains(needed))
    {
        return Some(Reason::Ability(lacking));
    }
    if !target.provider.fetches_urls && ask.call.url().is_some() {
        return Some(Reason::RemoteUrl);
    }
    let operation = ask.call.head.endpoint.operation();
    if operation.is_carried() {
        // Whoever makes pictures or speech has a window of its own, of which nothing is known here.
        return (!target.provider.serves(operation)).then_some(Reason::Endpoint);
    }
    let window = target.context_window?;
    let output = ask.call.shape().max_tokens;
    let too_long = may_exceed(target, ask.call.body.len(), output)
        && ask.input_tokens_of(&target.model).saturating_add(output) > window;
    too_long.then_some(Reason::ContextWindow)
}
