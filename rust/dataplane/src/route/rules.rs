//! Rules that are asked before a target is chosen: of what type a task is, and what is done instead in tight times.

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
    let holds = |(_, when): &&(String, tollway_expression::Condition)| match when.holds(&ask) {
        Ok(holds) => holds,
        Err(failed) => {
            exchange.worker.shared.alerts.raise(alert::Kind::RuleFailed, "task_types", &failed.to_string());
            false
        }
    };
    exchange.snapshot.task_types.iter().find(holds).map(|(name, _)| name.clone())
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
    let holds = |rule: &Degrade| match rule.when.holds(&ask) {
        Ok(holds) => holds,
        Err(failed) => {
            exchange.worker.shared.alerts.raise(alert::Kind::RuleFailed, &route.name, &failed.to_string());
            false
        }
    };
    route.degrade.iter().enumerate().find(|(_, rule)| allowed(rule) && holds(rule))
}
