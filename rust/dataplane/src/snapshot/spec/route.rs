//! Routes as Python hands them down: with all that they lead to.

use serde::Deserialize;

use crate::guard::{GuardSpec, OnFailure};

/// What happens to requests of which a target cannot say everything.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnLossy {
    /// What is lost is flagged.
    Flag,
    /// They are refused.
    Reject,
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
    #[serde(default)]
    pub(crate) attachments: Option<AttachmentsSpec>,
}

/// What of pictures, recordings, films and files a request may hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttachmentsSpec {
    /// Of each.
    pub(crate) max_bytes: Option<usize>,
    pub(crate) max_count: Option<usize>,
    /// As `image/*`; empty for all.
    pub(crate) types: Vec<String>,
    pub(crate) urls: Urls,
    /// With their ports: `http://127.0.0.1:9000`.
    pub(crate) fetch_origins: Vec<String>,
    pub(crate) fetch_timeout_ms: u64,
}

/// What happens to what stands at a URL.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Urls {
    /// The provider fetches it.
    Pass,
    Refuse,
    /// The gateway fetches it.
    Fetch,
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
