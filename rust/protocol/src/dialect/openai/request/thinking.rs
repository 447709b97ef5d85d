//! How the model is to think: OpenAI's `reasoning_effort`; OpenRouter's `reasoning`; `thinking` as Anthropic has it, which
//! LiteLLM, DeepSeek and others read here too.

use std::borrow::Cow;

use super::super::marks::{is_own, mark, marked};
use crate::canonical::{Losses, Rest, Text, Thinking};
use crate::json::{Fields, Invalid, Json, Members};

const EFFORT: &str = "reasoning_effort";
const REASONING: &str = "reasoning";
const THINKING: &str = "thinking";

/// Takes all three. What is said in the objects and has no place is kept in `rest`, which marks them else.
pub(super) fn read<'a>(fields: &mut Fields<'a, '_>, rest: &mut Members<'a>) -> Result<Option<Thinking<'a>>, Invalid> {
    let here = *fields.at();
    let mut thinking = Thinking { effort: fields.text(EFFORT)?, ..Thinking::default() };
    let mut said = thinking.effort.is_some();
    if let Some(json @ Json::Object(_)) = fields.take(REASONING) {
        let mut inner = Fields::of(json, here.member(REASONING))?;
        thinking.enabled = inner.flag("enabled")?;
        thinking.effort = inner.text("effort")?.or(thinking.effort);
        thinking.budget = inner.integer("max_tokens")?;
        thinking.show = inner.flag("exclude")?.map(|exclude| !exclude);
        thinking.summary = inner.text("summary")?;
        keep(REASONING, inner, rest);
        said = true;
    }
    if let Some(json @ Json::Object(_)) = fields.take(THINKING) {
        let mut inner = Fields::of(json, here.member(THINKING))?;
        match inner.peek_text("type") {
            Some("adaptive") => thinking.adaptive = true,
            Some("enabled") => thinking.enabled = Some(true),
            Some("disabled") => thinking.enabled = Some(false),
            _ => return Err(inner.at().member("type").invalid("must be enabled, disabled or adaptive")),
        }
        inner.take("type");
        thinking.budget = inner.integer("budget_tokens")?.or(thinking.budget);
        keep(THINKING, inner, rest);
        said = true;
    }
    Ok(said.then_some(thinking))
}

fn keep<'a>(name: &'static str, inner: Fields<'a, '_>, rest: &mut Members<'a>) {
    let left = inner.rest();
    if left.is_empty() { mark(rest, name) } else { rest.push(name, left) }
}

/// Adds the members that say `thinking`: as they were, or an effort.
pub(super) fn write<'a>(thinking: &Thinking<'a>, rest: &Rest<'a>, losses: &mut Losses, request: &mut Members<'a>) {
    let has = |name: &str| marked(rest, name) || rest.members.get(name).is_some();
    let own = is_own(rest);
    let as_object = own && has(REASONING);
    let as_thinking = own && has(THINKING);
    if as_object {
        let inner = Members::new()
            .with_some("enabled", thinking.enabled.filter(|_| !as_thinking))
            .with_some("effort", thinking.effort.clone())
            .with_some("max_tokens", thinking.budget.filter(|_| !as_thinking))
            .with_some("exclude", thinking.show.map(|show| !show))
            .with_some("summary", thinking.summary.clone());
        request.push(REASONING, inner);
    }
    if as_thinking {
        let kind = match thinking {
            Thinking { adaptive: true, .. } => "adaptive",
            Thinking { enabled: Some(false), .. } => "disabled",
            _ => "enabled",
        };
        request.push(THINKING, Members::new().with("type", kind).with_some("budget_tokens", thinking.budget));
    }
    match &thinking.effort {
        Some(effort) if own && !as_object => request.push(EFFORT, effort.clone()),
        None if own => {}
        _ if as_object => {}
        _ => match effort_of(thinking) {
            Some(effort) => request.push(EFFORT, effort),
            None => losses.note_if(thinking.enabled == Some(false), THINKING),
        },
    }
}

/// The effort for what another dialect said. A model that thinks as it likes needs none; one that is not to think is not
/// told so, as those that cannot think refuse to hear of it.
fn effort_of<'a>(thinking: &Thinking<'a>) -> Option<Text<'a>> {
    match (&thinking.effort, thinking.budget) {
        (Some(effort), _) if effort == "max" => Some(Cow::Borrowed("xhigh")),
        (Some(effort), _) => Some(effort.clone()),
        (None, _) if thinking.enabled == Some(false) || thinking.adaptive => None,
        (None, budget) => budget.map(|budget| Cow::Borrowed(effort_of_budget(budget))),
    }
}

/// The effort whose budget is nearest: low is 1,024 tokens, medium 4,096, high 16,384. `xhigh` many models refuse.
const fn effort_of_budget(budget: u64) -> &'static str {
    match budget {
        0..=2560 => "low",
        2561..=10_240 => "medium",
        _ => "high",
    }
}
