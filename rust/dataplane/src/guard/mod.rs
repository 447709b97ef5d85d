//! Guard: what may not pass is masked, flagged or refused, in requests, answers and streams.
//!
//! | module | what it does |
//! |---|---|
//! | `contract` | what a guardrail is told, and what it may answer |
//! | `pii` | personal data in whole messages |
//! | `stream` | the same in streamed answers of chat completions |
//! | `events`, `strings` | the same in streams of every other dialect, in the canonical form |
//! | `fields` | which strings of a message are inspected |
//! | [`entities`] | the pass over a text; what is found and what is not: [`email`], [`card`], [`phone`] (of `number` chains) |
//! | `window` | the hold-back window, and what replaces a find |
//! | `escape` | one layer of backslash escapes undone |
//! | `memory` | what was masked: placeholder and original |
//! | `shape`, `template`, `channel` | events of a stream: which text a string continues, told fast, and events of our own |
//!
//! Not inspected means not forwarded: what cannot be walked as JSON is refused where the guardrail's `on_failure` is `closed`.
//!
//! A message's guardrails are one pass: where several look for the same entity, the strictest action counts (reject before
//! mask before flag), `closed` counts before `open`, and what one of them masks for good is not restored for another.

pub mod card;
mod channel;
mod contract;
pub mod email;
pub mod entities;
mod escape;
mod events;
mod fields;
mod memory;
mod number;
pub mod phone;
mod pii;
mod shape;
mod stream;
mod strings;
mod template;
#[cfg(test)]
mod tests;
mod window;

use tollway_protocol::dialect::Dialect;

pub use contract::{Action, Entity, GuardSpec, Kind, On, OnFailure, Outcome, Reason, Refusal};
pub use memory::Memory;
pub use stream::StreamGuard;

/// The guardrails of a route, of a virtual key, or of both. Cheap to clone: a few bytes.
///
/// ```text
/// route's guardrails ─┐
///                     ├─ join ─► input(request) ─► Memory ─► output(answer) | stream(events)
/// key's guardrails ───┘
/// ```
#[derive(Clone, Debug, Default)]
pub struct Guards {
    plan: contract::Plan,
}

impl Guards {
    /// The guardrails that the configuration names.
    pub fn compile(specs: &[GuardSpec]) -> Self {
        Self { plan: contract::Plan::new(specs) }
    }

    /// Whether there is nothing to do in either direction.
    pub fn is_empty(&self) -> bool {
        !self.plan.input.any() && !self.plan.output.any()
    }

    /// What is done, in words: `pii: mask email on input`, one for each direction and kind.
    pub fn names(&self) -> Vec<String> {
        let sides = [("input", &self.plan.input), ("output", &self.plan.output)];
        let each =
            sides.iter().flat_map(|(side, checks)| Entity::ALL.map(|entity| (side, entity, checks.action(entity))));
        each.filter_map(|(side, entity, action)| {
            Some(format!("pii: {} {} on {side}", format!("{:?}", action?).to_lowercase(), entity.name()))
        })
        .collect()
    }

    /// Whether requests are inspected.
    pub fn inspects_input(&self) -> bool {
        self.plan.input.any()
    }

    /// Whether answers are to be passed through here: they are inspected, or what was masked in their requests is restored.
    pub fn inspects_output(&self) -> bool {
        self.plan.output.any() || self.plan.restores_any()
    }

    /// These and `other`, a route's and a key's say.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        Self { plan: self.plan.join(other.plan) }
    }

    /// Inspects the whole body of a request in `dialect`. What is masked is put into `memory`.
    ///
    /// # Errors
    /// [`Refusal`]: the request is not to be forwarded.
    pub fn input(&self, dialect: Dialect, body: &[u8], memory: &mut Memory) -> Result<Outcome, Refusal> {
        if !self.inspects_input() {
            return Ok(Outcome { body: None, flags: Vec::new() });
        }
        pii::input(&self.plan, dialect, body, memory)
    }

    /// Inspects a whole answer in `dialect`, and restores what `memory` holds of its request.
    ///
    /// # Errors
    /// [`Refusal`]: the answer is not to be relayed.
    pub fn output(&self, dialect: Dialect, body: &[u8], memory: &mut Memory) -> Result<Outcome, Refusal> {
        pii::output(&self.plan, dialect, body, memory)
    }

    /// What becomes of a request that cannot be inspected.
    ///
    /// # Errors
    /// [`Refusal`]: the request is not to be forwarded.
    pub fn input_unseen(&self) -> Result<Outcome, Refusal> {
        pii::input_unseen(&self.plan)
    }

    /// What becomes of an answer that is too large to be inspected.
    ///
    /// # Errors
    /// [`Refusal`]: the answer is not to be relayed.
    pub fn too_large(&self) -> Result<Outcome, Refusal> {
        pii::too_large(&self.plan)
    }

    /// Inspects a streamed answer, and restores what `memory` holds of its request.
    pub fn stream(&self, memory: Memory) -> StreamGuard {
        StreamGuard::new(&self.plan, memory)
    }
}
