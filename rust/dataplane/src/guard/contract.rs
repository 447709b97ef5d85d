//! What a guardrail is told, and what it may answer.

use serde::Deserialize;

/// One guardrail of a route or of a virtual key, as the configuration states it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardSpec {
    /// Which check it is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What it looks for.
    pub entities: Vec<Entity>,
    /// Which direction it inspects.
    pub on: On,
    /// What it does with a match.
    pub action: Action,
    /// Whether what was masked in the request becomes the original again in the answer.
    pub restore: bool,
    /// What happens to a message that cannot be inspected.
    pub on_failure: OnFailure,
}

/// The kinds of guardrail.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Personal data in text: see [`super::entities`] for exactly what is found.
    Pii,
}

/// The kinds of personal data that [`Kind::Pii`] finds.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Entity {
    /// An e-mail address: see [`super::email`].
    Email,
    /// The number of a payment card: see [`super::card`].
    Card,
    /// A telephone number: see [`super::phone`].
    Phone,
}

impl Entity {
    /// How many kinds there are.
    pub const COUNT: usize = 3;
    /// All kinds, in the order of [`Entity::index`].
    pub const ALL: [Self; Self::COUNT] = [Self::Email, Self::Card, Self::Phone];

    /// The position of this kind in tables.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The name in configuration and flags.
    pub fn name(self) -> &'static str {
        ["email", "card", "phone"][self.index()]
    }

    /// The word in a placeholder: `EMAIL` in `[EMAIL_1]`.
    pub fn label(self) -> &'static str {
        ["EMAIL", "CARD", "PHONE"][self.index()]
    }
}

/// The direction that a guardrail inspects.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum On {
    /// Requests.
    Input,
    /// Answers.
    Output,
    /// Requests and answers.
    Both,
}

impl On {
    fn input(self) -> bool {
        self != Self::Output
    }

    fn output(self) -> bool {
        self != Self::Input
    }
}

/// What a guardrail does with a match, from the mildest to the strictest.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Only says so, in `x-tollway-flags`.
    Flag,
    /// Puts a placeholder in its place.
    Mask,
    /// Refuses the request, or ends the answer.
    Reject,
}

/// What happens to a message that cannot be inspected (not JSON, nested too deep).
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// It passes as it is, flagged `pii:not-inspected`.
    Open,
    /// It is refused: not inspected means not forwarded.
    Closed,
}

/// What became of a message that passed.
pub struct Outcome {
    /// The message to forward in place of the inspected one; `None`: it passes byte for byte.
    pub body: Option<Vec<u8>>,
    /// What was done, for `x-tollway-flags`: `pii:email:masked`, `pii:card:flagged`, `pii:not-inspected`.
    pub flags: Vec<String>,
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The body is what the guardrail protects: only its size may be printed.
        out.debug_struct("Outcome")
            .field("body_bytes", &self.body.as_ref().map(Vec::len))
            .field("flags", &self.flags)
            .finish()
    }
}

/// Why a message does not pass. Never holds the text that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The guardrail's name: `pii`.
    pub guardrail: String,
    /// What it objects to.
    pub reason: Reason,
}

/// What a guardrail objects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The message holds an entity that its configuration rejects.
    Matched(Entity),
    /// The message cannot be inspected, and the guardrail fails closed.
    NotInspectable,
}

/// What to do in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Checks {
    actions: [Option<Action>; Entity::COUNT],
    closed: bool,
}

impl Checks {
    pub(super) fn action(&self, entity: Entity) -> Option<Action> {
        self.actions[entity.index()]
    }

    pub(super) fn any(&self) -> bool {
        self.actions.iter().any(Option::is_some)
    }

    /// Whether a match may not reach the other side as it is.
    pub(super) fn withholds(&self) -> bool {
        self.actions.iter().flatten().any(|action| *action > Action::Flag)
    }

    /// Whether a message that cannot be inspected is refused.
    pub(super) fn closed(&self) -> bool {
        self.closed
    }

    fn add(&mut self, spec: &GuardSpec) {
        for entity in &spec.entities {
            let slot = &mut self.actions[entity.index()];
            *slot = (*slot).max(Some(spec.action));
        }
        self.closed |= !spec.entities.is_empty() && spec.on_failure == OnFailure::Closed;
    }

    fn join(self, other: Self) -> Self {
        let mut joined = self;
        for (slot, action) in joined.actions.iter_mut().zip(other.actions) {
            *slot = (*slot).max(action);
        }
        joined.closed |= other.closed;
        joined
    }
}

/// All guardrails that apply, as one pass in each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) input: Checks,
    pub(super) output: Checks,
    masked: [bool; Entity::COUNT],
    kept: [bool; Entity::COUNT],
}

impl Plan {
    pub(super) fn new(specs: &[GuardSpec]) -> Self {
        specs.iter().fold(Self::default(), |plan, spec| plan.join(Self::one(spec)))
    }

    fn one(spec: &GuardSpec) -> Self {
        let mut plan = Self::default();
        let Kind::Pii = spec.kind;
        if spec.on.input() {
            plan.input.add(spec);
        }
        if spec.on.output() {
            plan.output.add(spec);
        }
        if spec.on.input() && spec.action == Action::Mask {
            for entity in &spec.entities {
                plan.masked[entity.index()] = true;
                plan.kept[entity.index()] = !spec.restore;
            }
        }
        plan
    }

    /// Both plans at once; where they differ the stricter word counts.
    pub(super) fn join(self, other: Self) -> Self {
        let either = |a: [bool; Entity::COUNT], b: [bool; Entity::COUNT]| std::array::from_fn(|i| a[i] || b[i]);
        Self {
            input: self.input.join(other.input),
            output: self.output.join(other.output),
            masked: either(self.masked, other.masked),
            kept: either(self.kept, other.kept),
        }
    }

    /// Whether what is masked of this kind in the request is restored in the answer.
    pub(super) fn restores(&self, entity: Entity) -> bool {
        let index = entity.index();
        self.masked[index] && !self.kept[index] && self.input.action(entity) == Some(Action::Mask)
    }

    pub(super) fn restores_any(&self) -> bool {
        Entity::ALL.into_iter().any(|entity| self.restores(entity))
    }
}
