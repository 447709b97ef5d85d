//! Rules that are asked before a target is chosen: of what type a task is, and what is done instead in tight times.

use tollway_expression::Condition;

use crate::accept::Call;
use crate::alert;
use crate::exchange::Exchange;
use crate::snapshot::Route;
use crate::snapshot::route::Degrade;

use super::ask::Ask;

/// The type of the task, where its caller did not say and a rule knows.
pub(crate) fn task_type(exchange: &Exchange, call: &Call, route: &Route) -> Option<String> {
    let said = exchange.said.as_ref().is_some_and(|said| said.task_type.is_some());
    if said || exchange.snapshot.task_types.is_empty() {
        return None;
    }
    let ask = Ask::of(exchange, call, route, exchange.key.as_deref()?);
    let mut types = exchange.snapshot.task_types.iter();
    types.find(|(_, when)| holds(exchange, &ask, when, "task_types")).map(|(name, _)| name.clone())
}

/// The first of the route's rules for tight times that holds, and its place. One that leads to a route which the key may
/// not use is passed over.
pub(crate) fn degraded<'r>(exchange: &Exchange, call: &Call, route: &'r Route) -> Option<(usize, &'r Degrade)> {
    if route.degrade.is_empty() {
        return None;
    }
    let key = exchange.key.as_deref()?;
    let ask = Ask::of(exchange, call, route, key);
    let allowed = |rule: &Degrade| {
        let via = rule.choice.as_ref().and_then(|node| node.via.as_ref());
        via.is_none_or(|via| key.allows(via))
    };
    let mut rules = route.degrade.iter().enumerate();
    rules.find(|(_, rule)| allowed(rule) && holds(exchange, &ask, &rule.when, &route.name))
}

/// Whether `when` holds. One that comes to no result does not, and its author is told.
fn holds(exchange: &Exchange, ask: &Ask<'_>, when: &Condition, subject: &str) -> bool {
    when.holds(ask).unwrap_or_else(|failed| {
        exchange.worker.shared.alerts.raise(alert::Kind::RuleFailed, subject, &failed.to_string());
        false
    })
}
