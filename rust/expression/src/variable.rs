//! The one table of variables: the check, the evaluation and the documentation go by it.

use std::fmt;

/// What a condition decides; not everything is known at each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Which target or route serves: everything is known.
    Route,
    /// Of what type the task is: everything is known but `task_type` itself.
    TaskType,
}

impl Phase {
    /// The phase of that name, `route` or `task-type`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "route" => Some(Self::Route),
            "task-type" => Some(Self::TaskType),
            _ => None,
        }
    }
}

/// The type of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// 64 bits, signed.
    Int,
    /// 64 bits, IEEE 754.
    Double,
    /// A text.
    Text,
    /// A list of texts.
    Texts,
    /// Texts by name.
    Pairs,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Double => "double",
            Self::Text => "string",
            Self::Texts => "list of strings",
            Self::Pairs => "map of strings",
        })
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Described {
    /// The variable.
    pub variable: Variable,
    /// Its name in an expression: one word, or two with a dot between.
    pub name: &'static str,
    /// Its type.
    pub kind: Type,
    /// What it is, with its unit and what it is where nothing is known.
    pub meaning: &'static str,
    /// Whether a rule that decides the task type may use it.
    pub before_task_type: bool,
}

macro_rules! variables {
    ($($variable:ident $name:literal $kind:ident $meaning:literal)*) => {
        /// A variable of the table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Variable {
            $(#[doc = concat!("`", $name, "`: ", $meaning)] $variable,)*
        }

        /// Every variable, in the order of the documentation.
        pub const VARIABLES: &[Described] = &[$(Described {
            variable: Variable::$variable,
            name: $name,
            kind: Type::$kind,
            meaning: $meaning,
            before_task_type: !matches!(Variable::$variable, Variable::TaskType),
        },)*];
    };
}

variables! {
    TaskType "task_type" Text "What the request is for; `\"\"` if nobody said and no rule found out."
    Model "model" Text "The route that the caller asked for, as the request names it."
    Endpoint "endpoint" Text "The endpoint, as `chat_completions`."
    Stream "stream" Bool "Whether the answer is to be streamed."
    User "user" Text "The user whom the caller names."
    Agent "agent" Text "The agent that the caller names."
    Key "key" Text "The id of the virtual key."
    Team "team" Text "The key's team."
    Project "project" Text "The key's project."
    Environment "environment" Text "The key's environment."
    Tenant "tenant" Text "The key's tenant."
    Organisation "organisation" Text "The key's organisation."
    Priority "priority" Text "`interactive`, `standard` or `batch`."
    Tier "tier" Text "The key's tier."
    Tags "tags" Texts "The tags of the key and of the request."
    Metadata "metadata" Pairs "The request's `metadata`; a key that it lacks reads as `\"\"`."
    Residency "residency" Text "The region that the caller demands."
    RequestBytes "request.bytes" Int "The size of the body, in bytes."
    RequestMessages "request.messages" Int "How many messages it has."
    RequestInputTokens "request.input_tokens" Int "Its tokens, counted or estimated."
    RequestMaxTokens "request.max_tokens" Int "The most tokens of the answer; 0 if it does not say."
    RequestTools "request.tools" Int "How many tools it offers."
    RequestImages "request.images" Int "How many images it has."
    RequestAudio "request.audio" Int "How many recordings it has."
    RequestDocuments "request.documents" Int "How many documents it has."
    RequestJsonMode "request.json_mode" Bool "Whether the answer must be JSON."
    RequestHasTools "request.has_tools" Bool "Whether it offers any tool."
    UpstreamOpen "upstream.open" Bool "Whether the breaker of every target of the route is open."
    UpstreamOpenCount "upstream.open_count" Int "How many of them are open."
    UpstreamHealthy "upstream.healthy" Int "How many of the route's targets are healthy."
    UpstreamCount "upstream.count" Int "How many targets the route has."
    UpstreamP95Ms "upstream.p95_ms" Int "The 95th percentile of the time to the first token at the best target, in milliseconds; 0 while unknown."
    UpstreamSuccessRate "upstream.success_rate" Double "The share of attempts that succeeded, from 0 to 1; 1 while unknown."
    DeadlineLeftMs "deadline.left_ms" Int "The time left to the request, in milliseconds; 9223372036854775807 without a deadline."
    BudgetRemainingRatio "budget.remaining_ratio" Double "What is left of the tightest budget, from 0 to 1; 1 where none applies."
    QueueDepth "queue.depth" Int "How many requests wait."
    TimeHour "time.hour" Int "The hour, 0 to 23, UTC."
    TimeMinute "time.minute" Int "The minute, 0 to 59."
    TimeWeekday "time.weekday" Int "The day of the week, UTC: 1 is Monday, 7 is Sunday."
}
