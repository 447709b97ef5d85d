//! Route: from a logical model name to the targets that may serve it, in the order in which they are tried.

mod ask;
mod choose;
mod constraint;
mod length;
mod rules;

use std::fmt::Write;
use std::sync::Arc;

use crate::accept::Call;
use crate::alert;
use crate::authenticate::Caller;
use crate::error::{Error, Kind};
use crate::exchange::Exchange;
use crate::snapshot::route::Node;
use crate::snapshot::{Route, Snapshot, Target};

pub(crate) use ask::Ask;
pub(crate) use choose::{Chooser, Planned};
pub(crate) use length::{counted, lengths};
pub(crate) use rules::{degraded, task_type};

pub(crate) use constraint::Reason;

/// Proof that the caller may use the route.
pub(crate) struct Permit {
    pub(crate) route: Arc<Route>,
}

/// The route that `model` names, for a caller who may use it.
///
/// # Errors
/// `ModelNotFound`, `ModelNotAllowed`.
pub(crate) fn permit(snapshot: &Snapshot, caller: &Caller, model: &str) -> Result<Permit, Error> {
    let Some(route) = snapshot.routes.get(model) else {
        let message = format!("The model {} does not exist. GET /v1/models lists those that do.", quoted(model));
        return Err(Error::new(Kind::ModelNotFound, message).at("model"));
    };
    route.warm();
    if !caller.key.allows(model) {
        let message = format!("The key {:?} may not use the model {}.", caller.key.id, quoted(model));
        return Err(Error::new(Kind::ModelNotAllowed, message).at("model"));
    }
    Ok(Permit { route: Arc::clone(route) })
}

/// The way to `provider`, which the caller may use by name.
///
/// # Errors
/// `Internal`: there is none of that name, though there was when the request came.
pub(crate) fn through(snapshot: &Snapshot, provider: &str) -> Result<Permit, Error> {
    let found = snapshot.providers.iter().find(|known| &*known.name == provider);
    let route = found.and_then(|provider| Route::to_provider(provider, &*snapshot.state).ok());
    let route = route.ok_or_else(|| Error::new(Kind::Internal, "The provider is gone."))?;
    Ok(Permit { route: Arc::new(route) })
}

/// The targets of a route that a request may go to, in the order in which they are tried.
pub(crate) struct Plan {
    pub(crate) route: Arc<Route>,
    pub(crate) order: Vec<usize>,
    /// So few of the targets are well that how they are is ignored.
    pub(crate) panic: bool,
    /// Whether the route's fallbacks serve when all of it has failed.
    pub(crate) fallbacks: bool,
}

impl Plan {
    /// The targets, in the order in which they are tried.
    pub(crate) fn targets(&self) -> impl Iterator<Item = (usize, &Target)> {
        self.order.iter().filter_map(|index| Some((*index, self.route.targets.get(*index)?)))
    }
}

/// What may serve `call`, best first. What may not is noted in `exchange`, with the reason.
///
/// # Errors
/// `NoEligibleTarget`, which names the constraint; `CostLimit`; `ContextWindow`.
pub(crate) fn plan(exchange: &Exchange, call: &Call, permit: &Permit) -> Result<Plan, Error> {
    let route = &permit.route;
    let choice = exchange.degraded.and_then(|place| route.degrade.get(place)?.choice.as_ref()).unwrap_or(&route.choice);
    let mut planned = plan_for(exchange, call, route, choice);
    if planned.order.is_empty()
        && let Some(node) = &route.context_window
        && exchange.is_left_out(Reason::ContextWindow)
    {
        planned = plan_for(exchange, call, route, node);
    }
    if planned.order.is_empty() {
        let key = exchange.key.as_deref();
        return Err(key.map_or_else(
            || Error::new(Kind::Internal, "The request has no key."),
            |key| nobody(&Ask::of(exchange, call, route, key), &exchange.left_out.borrow()),
        ));
    }
    Ok(Plan { route: Arc::clone(route), order: planned.order, panic: planned.panic, fallbacks: true })
}

/// The targets to which `node` leads, best first.
pub(crate) fn plan_for(exchange: &Exchange, call: &Call, route: &Route, node: &Node) -> Planned {
    let Some(key) = &exchange.key else { return Planned::default() };
    let ask = Ask::of(exchange, call, route, key);
    let mut chooser = Chooser::new(&ask);
    chooser.visit(node);
    for failed in &chooser.failed {
        exchange.worker.shared.alerts.raise(alert::Kind::RuleFailed, &route.name, &failed.to_string());
    }
    exchange.left_out.borrow_mut().append(&mut chooser.left_out);
    chooser.planned()
}

/// In short, how the target that serves was chosen, for the record: the strategy, the target's number among all, and why
/// those before it were not taken: `fallback 2/3; 1 open`. None where there was nothing to choose.
pub(crate) fn decision(exchange: &Exchange, route: &Route) -> Option<String> {
    let left_out = exchange.left_out.borrow();
    if route.targets.len() < 2 && left_out.is_empty() {
        return None;
    }
    let chosen = exchange.target.map_or_else(|| "-".to_owned(), |target| (target + 1).to_string());
    let mut text = format!("{} {chosen}/{}", route.strategy().name(), route.targets.len());
    let mut separator = "; ";
    for (index, reason) in left_out.iter() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}{} {}", index + 1, reason.name());
        separator = ", ";
    }
    Some(text)
}

/// Why nobody may serve.
pub(crate) fn nobody(ask: &Ask<'_>, left_out: &[(usize, Reason)]) -> Error {
    let (route, key) = (ask.route, ask.key);
    // What the key may not use is not what is wrong with the request, where anything else is.
    let own = |(_, reason): &&(usize, Reason)| *reason != Reason::Route;
    let first = left_out
        .iter()
        .find(own)
        .or_else(|| left_out.first())
        .and_then(|(index, reason)| Some((route.targets.get(*index)?, *reason)));
    let Some((target, reason)) = first else {
        let message = format!("No rule of the route {:?} takes this request, and it has no default.", route.name);
        return Error::new(Kind::NoEligibleTarget, message);
    };
    let all = |wanted: Reason| reason == wanted && left_out.iter().filter(own).all(|(_, reason)| *reason == wanted);
    let why = reason.told(target, ask);
    let message =
        format!("No target of the route {:?} may serve this request of the key {:?}: {why}.", route.name, key.id);
    if all(Reason::Cost) {
        return Error::new(Kind::CostLimit, message);
    }
    if all(Reason::RemoteUrl) {
        return Error::new(Kind::InvalidRequest, message).at(ask.call.url().unwrap_or_default());
    }
    if all(Reason::ContextWindow) {
        return Error::new(Kind::ContextWindow, message).at("messages");
    }
    Error::new(Kind::NoEligibleTarget, message)
}

/// A caller's own word in an error: bounded, and without control characters.
fn quoted(text: &str) -> String {
    const MOST: usize = 100;
    let mut shown: String = text.chars().take(MOST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}
