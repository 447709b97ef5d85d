//! How the model is to think: what the caller said, in the form that the model takes.
//!
//! | effort | budget |
//! |---|---|
//! | minimal, low | 1,024 |
//! | medium | 4,096 |
//! | high | 16,384 |
//! | xhigh, max | 32,768 |
//!
//! A budget becomes the effort whose own is nearest.

use super::model::{Model, Thinks};
use crate::canonical::{Body, Losses, Request, Role, Thinking, ToolChoice};
use crate::json::{Json, Members};

/// The least budget that the API takes.
const LEAST: u64 = 1024;

/// What is sent.
#[derive(Debug, Default)]
pub(in crate::dialect) struct Plan<'r> {
    pub(in crate::dialect) thinking: Option<Members<'r>>,
    pub(in crate::dialect) effort: Option<&'r str>,
    /// A budget that is not the caller's own in this dialect: the limit of the output must exceed it.
    pub(in crate::dialect) budget: Option<u64>,
    /// Whether the model thinks, as far as the request says.
    pub(in crate::dialect) on: bool,
}

pub(in crate::dialect) fn plan<'r>(request: &'r Request<'_>, own: bool, model: Model, losses: &mut Losses) -> Plan<'r> {
    let Some(thinking) = &request.thinking else { return Plan::default() };
    if own { as_said(thinking, model) } else { translated(request, thinking, model, losses) }
}

/// What was said in this dialect stays, save that a model gets the one form that it takes.
fn as_said<'r>(thinking: &'r Thinking<'_>, model: Model) -> Plan<'r> {
    let effort = thinking.effort.as_deref();
    let as_said = Plan { effort, on: thinking.enabled == Some(true), ..Plan::default() };
    match (thinking.enabled, thinking.adaptive, model.thinks) {
        (None, ..) => as_said,
        (Some(false), ..) => Plan { thinking: Some(kind("disabled", thinking)), ..as_said },
        (_, false, Thinks::Adaptive | Thinks::Always) => adaptive(thinking, model),
        (_, true, Thinks::Budget) if model.version.is_some() => budgeted(thinking, thinking.show),
        (_, true, _) => Plan { thinking: Some(kind("adaptive", thinking)), ..as_said },
        (_, false, _) => {
            let budget = kind("enabled", thinking).with_some("budget_tokens", thinking.budget);
            Plan { thinking: Some(budget), ..as_said }
        }
    }
}

fn translated<'r>(request: &'r Request<'_>, thinking: &'r Thinking<'_>, model: Model, losses: &mut Losses) -> Plan<'r> {
    let effort = thinking.effort.as_deref();
    let off = thinking.enabled == Some(false) || effort == Some("none") || thinking.budget == Some(0);
    if off {
        losses.note_if(model.thinks == Thinks::Always, "reasoning");
        // Older models do not think unless told to.
        let told = match model.thinks {
            Thinks::Either | Thinks::Adaptive => true,
            Thinks::Budget => model.version.is_none(),
            Thinks::Never | Thinks::Always => false,
        };
        return Plan { thinking: told.then(|| Members::new().with("type", "disabled")), ..Plan::default() };
    }
    if thinking.enabled.is_none() && !thinking.adaptive && effort.is_none() && thinking.budget.is_none() {
        return Plan::default();
    }
    // The API refuses to think before a call that it is forced to make.
    let forced =
        matches!(request.tool_choice, Some(ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Allowed(_, true)));
    let plain = thinking.budget.is_some() && effort.is_none() && !thinking.adaptive;
    let by_budget = model.thinks == Thinks::Budget || (model.thinks == Thinks::Either && plain);
    if forced || model.thinks == Thinks::Never || (by_budget && resumes_without_thoughts(request)) {
        losses.note("reasoning");
        return Plan::default();
    }
    if by_budget { budgeted(thinking, thinking.show) } else { adaptive(thinking, model) }
}

fn kind<'r>(kind: &'static str, thinking: &Thinking<'_>) -> Members<'r> {
    let display = thinking.show.map(|show| if show { "summarized" } else { "omitted" });
    Members::new().with("type", kind).with_some("display", display)
}

fn adaptive<'r>(thinking: &'r Thinking<'_>, model: Model) -> Plan<'r> {
    let effort = thinking.effort.as_deref().or_else(|| thinking.budget.map(effort_of));
    Plan {
        thinking: Some(kind("adaptive", thinking)),
        effort: effort.and_then(|effort| model.effort(effort)),
        budget: None,
        on: true,
    }
}

fn budgeted<'r>(thinking: &Thinking<'_>, show: Option<bool>) -> Plan<'r> {
    let effort = thinking.effort.as_deref().unwrap_or("high");
    let budget = thinking.budget.unwrap_or_else(|| budget_of(effort)).max(LEAST);
    let shown = Thinking { show, ..Thinking::default() };
    let told = kind("enabled", &shown).with("budget_tokens", budget);
    Plan { thinking: Some(told), effort: None, budget: Some(budget), on: true }
}

fn budget_of(effort: &str) -> u64 {
    match effort {
        "minimal" | "low" => LEAST,
        "high" => 16_384,
        "xhigh" | "max" => 32_768,
        _ => 4_096,
    }
}

pub(in crate::dialect) const fn effort_of(budget: u64) -> &'static str {
    match budget {
        ..=2_560 => "low",
        2_561..=10_240 => "medium",
        10_241..=24_576 => "high",
        _ => "xhigh",
    }
}

/// Whether the conversation ends with results of calls before which no thoughts stand: with a budget, the API refuses to
/// go on from there, and callers in other dialects often do not keep thoughts.
fn resumes_without_thoughts(request: &Request<'_>) -> bool {
    let results = |role: Role, bodies: &[crate::canonical::Part<'_>]| {
        role == Role::Tool || bodies.iter().any(|part| matches!(part.body, Body::ToolResult(_)))
    };
    let mut last = request.messages.iter().rev().skip_while(|message| results(message.role, &message.parts));
    let Some(message) = last.next().filter(|message| message.role == Role::Assistant) else { return false };
    let calls = message.parts.iter().any(|part| matches!(part.body, Body::ToolCall(_)));
    calls && !message.parts.iter().any(super::parts::may_think)
}

/// The members of `output_config`.
pub(super) fn output_config<'r>(effort: Option<&'r str>, format: Option<Json<'r>>) -> Option<Members<'r>> {
    let config = Members::new().with_some("effort", effort).with_some("format", format);
    (!config.is_empty()).then_some(config)
}
