//! How the model is to think. This dialect has efforts and no budgets.

use super::super::left;
use super::made_here;
use crate::canonical::{Request, Text, Thinking};
use crate::json::{At, Fields, Invalid, Members};

/// The tokens that an effort stands for where a dialect wants a budget, and the reverse: the nearest. What lies above is
/// `high` too, as few models know a higher word.
const BUDGETS: [(u64, &str); 4] = [(0, "none"), (1024, "low"), (4096, "medium"), (16384, "high")];

/// The least effort that models know, by how their names begin; the first that fits. Others that think can be told
/// `none`, and those that do not think refuse any word (`OpenAI`'s guide to reasoning models, November 2026).
const LEAST: [(&str, &str); 9] = [
    ("o1", "low"),
    ("o3", "low"),
    ("o4", "low"),
    ("gpt-5-pro", "high"),
    ("gpt-5-chat", ""),
    ("gpt-5-codex", "low"),
    ("gpt-5-", "minimal"),
    ("gpt-5.", "none"),
    ("gpt-6", "none"),
];

/// Takes `reasoning`; into `more` what else it says.
pub(super) fn read<'a>(fields: &mut Fields<'a, '_>, more: &mut Members<'a>) -> Result<Option<Thinking<'a>>, Invalid> {
    let Some(reasoning) = fields.take("reasoning") else { return Ok(None) };
    let mut reasoning = Fields::of(reasoning, At::ROOT.member("reasoning"))?;
    let effort = reasoning.text("effort")?;
    let summary = reasoning.text("summary")?;
    let rest = left(reasoning);
    if !rest.is_empty() {
        more.push("reasoning", rest);
    }
    let nothing = effort.is_none() && summary.is_none();
    let enabled = effort.as_ref().map(|effort| effort != "none");
    let show = summary.is_some().then_some(true);
    Ok((!nothing).then(|| Thinking { enabled, effort, show, summary, ..Thinking::default() }))
}

/// The members of `reasoning`.
pub(super) fn write<'a>(request: &Request<'a>, model: &str) -> Option<Members<'a>> {
    let thinking = request.thinking.as_ref()?;
    let show = thinking.show == Some(true) && thinking.summary.is_none() && !made_here(request);
    let effort = effort(thinking, model);
    let off = effort.as_deref() == Some("none");
    let members = Members::new()
        .with_some("effort", effort)
        .with_some("summary", thinking.summary.clone())
        .with_some("summary", (show && !off).then_some("auto"));
    (!members.is_empty()).then_some(members)
}

fn effort<'a>(thinking: &Thinking<'a>, model: &str) -> Option<Text<'a>> {
    if thinking.effort.is_some() {
        return thinking.effort.clone();
    }
    if thinking.enabled == Some(false) {
        return least(model).map(Into::into);
    }
    let budget = thinking.budget.filter(|_| !thinking.adaptive)?;
    let nearest = BUDGETS.iter().min_by_key(|(tokens, _)| tokens.abs_diff(budget))?;
    Some(if nearest.0 == 0 { least(model)?.into() } else { nearest.1.into() })
}

fn least(model: &str) -> Option<&'static str> {
    let name = model.rsplit('/').next().unwrap_or(model);
    let name = if name == "gpt-5" { "gpt-5-" } else { name };
    let (_, word) = LEAST.iter().find(|(begins, _)| name.starts_with(begins))?;
    (!word.is_empty()).then_some(*word)
}
