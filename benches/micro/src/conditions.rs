//! Conditions: twenty rules of a route, asked until the last holds, and compiled.

use std::collections::BTreeMap;

use tollway_expression::{Condition, Facts, Phase, Type, VARIABLES, Value, Variable};

use crate::step::{Step, step};

/// As operators write them; only the last holds of `Request`.
const RULES: [&str; 20] = [
    "task_type == 'classification'",
    "task_type == 'extraction' && request.input_tokens < 2000",
    "task_type in ['translation', 'summary', 'rewriting', 'title']",
    "budget.remaining_ratio < 0.1",
    "upstream.open || upstream.success_rate < 0.9",
    "request.images > 0 || request.documents > 0 || request.audio > 0",
    "'batch' in tags",
    "tags.exists(tag, tag.startsWith('eu-'))",
    "has(metadata.ticket) && metadata.ticket != ''",
    "metadata.region == 'eu' || residency == 'eu'",
    "model.startsWith('gpt-4o') && !stream",
    "team == 'research' && environment == 'prod' && priority == 'interactive'",
    "key in ['k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7', 'k8']",
    "time.hour >= 22 || time.hour < 6",
    "deadline.left_ms < 2000",
    "request.max_tokens > 4096 && request.input_tokens + request.max_tokens > 128000",
    "agent.matches('^(crawler|indexer)-[0-9]+$')",
    "request.json_mode && request.tools == 0",
    "queue.depth > 100 && priority != 'interactive'",
    "request.bytes > 100000 || (request.messages > 20 && request.has_tools)",
];

struct Request {
    tags: Vec<String>,
    metadata: BTreeMap<String, String>,
}

impl Facts for Request {
    fn get(&self, variable: Variable) -> Value<'_> {
        match variable {
            Variable::Tags => Value::Texts(&self.tags),
            Variable::Metadata => Value::Pairs(&self.metadata),
            Variable::TaskType => Value::Text("reasoning"),
            Variable::Model => Value::Text("intelligent-router"),
            Variable::Agent => Value::Text("support-agent"),
            Variable::RequestBytes => Value::Int(200_000),
            Variable::RequestInputTokens | Variable::RequestMaxTokens => Value::Int(4000),
            Variable::TimeHour => Value::Int(12),
            Variable::DeadlineLeftMs => Value::Int(i64::MAX),
            Variable::UpstreamSuccessRate | Variable::BudgetRemainingRatio => Value::Double(1.0),
            other => match VARIABLES.get(other as usize).map(|one| one.kind) {
                Some(Type::Int) => Value::Int(0),
                Some(Type::Text) => Value::Text(""),
                _ => Value::Bool(false),
            },
        }
    }
}

fn request() -> Request {
    let texts = ["support", "tier-2", "chat"].map(String::from);
    Request { tags: texts.to_vec(), metadata: BTreeMap::from([("session".to_owned(), "4711".to_owned())]) }
}

fn compiled() -> Vec<Condition> {
    RULES.iter().filter_map(|text| Condition::compile(text, Phase::Route).ok()).collect()
}

/// Which rule holds.
fn first(rules: &[Condition], facts: &Request) -> Option<usize> {
    rules.iter().position(|rule| rule.holds(facts) == Ok(true))
}

pub(crate) fn steps() -> Vec<Step> {
    let (rules, facts) = (compiled(), request());
    vec![
        step("expression_20", RULES.concat(), move |_| first(&rules, &facts)),
        step("expression_compile_20", RULES.concat(), |_| compiled()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All twenty are asked, and none fails.
    #[test]
    fn only_the_last_rule_holds() {
        assert_eq!(compiled().len(), RULES.len());
        assert!(compiled().iter().all(|rule| rule.holds(&request()).is_ok()));
        assert_eq!(first(&compiled(), &request()), Some(RULES.len() - 1));
    }
}
