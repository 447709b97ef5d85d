//! How a model is told to think and to choose its words: what models have in common in `inferenceConfig`, what they have alone
//! in `additionalModelRequestFields`
//! (<https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html>).

use crate::canonical::{Losses, Request, Thinking};
use crate::dialect::Dialect;
use crate::dialect::Wanted;
use crate::dialect::anthropic::request::model::Model;
use crate::dialect::anthropic::request::{sampling, thinking};
use crate::dialect::bedrock::OWN;
use crate::dialect::bedrock::family::Family;
use crate::json::{Json, Members};

/// What is told.
#[derive(Debug, Default)]
pub(super) struct Told<'r> {
    /// `inferenceConfig`.
    pub(super) inference: Members<'r>,
    /// `additionalModelRequestFields`.
    pub(super) fields: Members<'r>,
    /// `outputConfig.effort`.
    pub(super) effort: Option<&'r str>,
    /// Whether the model thinks, as far as the request says.
    pub(super) thinks: bool,
    /// Whether the model answers by a schema.
    pub(super) schemas: bool,
    /// Thoughts of so many tokens, which count towards the limit of the output.
    budget: Option<u64>,
    /// The model takes no limit, and no sampling.
    unbounded: bool,
}

pub(super) fn tell<'r>(request: &'r Request<'_>, family: Family, wanted: &Wanted<'_>, losses: &mut Losses) -> Told<'r> {
    // What is said of Claude's versions holds for no other; a name without a version allows all.
    let model = Model::of(if family == Family::Claude { wanted.model } else { "" });
    let mut told = match (family, &request.thinking) {
        (Family::Claude, _) => claude(request, model, losses),
        (_, Some(thinking)) => effort(family, thinking, losses),
        (_, None) => Told::default(),
    };
    told.schemas = model.schemas && family.knows_schemas();
    let limits = &request.sampling;
    let mut limit = limits.max_tokens;
    if let Some(budget) = told.budget.filter(|budget| limit.is_none_or(|limit| *budget >= limit)) {
        limit = Some(limit.unwrap_or(wanted.default_max_tokens).saturating_add(budget));
    }
    losses.note_if(told.unbounded && limit.is_some(), "max_tokens");
    told.inference = Members::new().with_some("maxTokens", limit.filter(|_| !told.unbounded));
    let fixed = (false, family == Family::Claude && told.thinks || told.unbounded);
    for (name, value) in sampling::write(Members::new(), limits, fixed, model, losses).0 {
        match (name.as_ref(), family) {
            ("top_p", _) => told.inference.push("topP", value),
            ("stop_sequences", _) => told.inference.push("stopSequences", value),
            ("top_k", Family::Claude | Family::Mistral) => told.fields.push("top_k", value),
            ("top_k", Family::Nova | Family::Nova2) => {
                told.fields.push("inferenceConfig", Members::of([("topK", value)]));
            }
            ("top_k", _) => losses.note("top_k"),
            _ => told.inference.push(name, value),
        }
    }
    told
}

/// As Anthropic's own API is told
/// (<https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html>).
fn claude<'r>(request: &'r Request<'_>, model: Model, losses: &mut Losses) -> Told<'r> {
    let own = matches!(request.rest.origin, Some(Dialect::Anthropic | OWN));
    let plan = thinking::plan(request, own, model, losses);
    Told {
        fields: Members::new().with_some("thinking", plan.thinking),
        effort: plan.effort,
        thinks: plan.on,
        budget: plan.budget,
        ..Told::default()
    }
}

/// The others know efforts, if anything: Nova 2
/// (<https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html>), which takes no limit and no sampling at
/// the highest, and gpt-oss, which always thinks.
fn effort<'r>(family: Family, thinking: &Thinking<'_>, losses: &mut Losses) -> Told<'r> {
    let said = thinking.effort.as_deref().or_else(|| thinking.budget.map(thinking::effort_of));
    let off = thinking.enabled == Some(false) || said == Some("none") || thinking.budget == Some(0);
    let asked = thinking.enabled == Some(true) || thinking.adaptive || said.is_some();
    let level = match said {
        Some("none" | "minimal" | "low") => "low",
        Some("high" | "xhigh" | "max") => "high",
        _ => "medium",
    };
    match family {
        Family::GptOss if off => {
            losses.note("reasoning");
            Told { fields: Members::of([("reasoning_effort", "low".into())]), ..Told::default() }
        }
        Family::GptOss if asked => {
            Told { fields: Members::of([("reasoning_effort", level.into())]), thinks: true, ..Told::default() }
        }
        Family::Nova2 if asked && !off => {
            let config = Members::of([("type", "enabled".into()), ("maxReasoningEffort", Json::from(level))]);
            let fields = Members::of([("reasoningConfig", config.into())]);
            Told { fields, thinks: true, unbounded: level == "high", ..Told::default() }
        }
        _ => {
            losses.note_if(asked && !off, "reasoning");
            Told::default()
        }
    }
}
