//! Route: from a logical model name to the targets that may serve it, in the order in which they are tried.

use std::sync::Arc;

use crate::authenticate::Caller;
use crate::error::{Error, Kind};
use crate::snapshot::spec::Strategy;
use crate::snapshot::{Route, Snapshot, Target};

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

/// The targets of a route that a request may go to, in order.
pub(crate) struct Plan {
    route: Arc<Route>,
    eligible: Vec<usize>,
}

impl Plan {
    /// The targets, in the order in which they are tried.
    pub(crate) fn targets(&self) -> impl Iterator<Item = (usize, &Target)> {
        self.eligible.iter().filter_map(|index| Some((*index, self.route.targets.get(*index)?)))
    }

    /// In short, why `target` of `route` was taken: for the record.
    pub(crate) fn decision(route: &Route, target: usize) -> String {
        format!("{} {}/{}", route.strategy.name(), target + 1, route.targets.len())
    }
}

/// What may serve the request, best first.
///
/// `single` and `fallback` are built: the targets as listed, of which `single` takes the first.
///
/// # Errors
/// `NoEligibleTarget`, which names the constraint.
pub(crate) fn plan(permit: &Permit, caller: &Caller) -> Result<Plan, Error> {
    let route = &permit.route;
    let mut constraint = None;
    let mut eligible: Vec<usize> = Vec::with_capacity(route.targets.len());
    for (index, target) in route.targets.iter().enumerate() {
        match caller.key.data_policy.as_ref().and_then(|policy| policy.violated_by(&target.provider)) {
            None => eligible.push(index),
            Some(violated) => constraint = Some(violated),
        }
    }
    if route.strategy == Strategy::Single {
        eligible.truncate(1);
    }
    if eligible.is_empty() {
        let constraint = constraint.unwrap_or_else(|| "at least one target".to_owned());
        let message = format!(
            "No target of the route {:?} satisfies the data policy of the key {:?}: {constraint}.",
            route.name, caller.key.id
        );
        return Err(Error::new(Kind::NoEligibleTarget, message));
    }
    Ok(Plan { route: Arc::clone(route), eligible })
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
