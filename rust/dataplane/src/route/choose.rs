//! The order in which a route's targets are tried, for one request: the strategies, and the constraints that come before
//! them.

use std::sync::Arc;

use tollway_expression::Failed;
use tollway_resilience::Moment;
use tollway_resilience::balance::{self, Readiness};
use tollway_resilience::health::Health;
use tollway_resilience::outlier;

use crate::snapshot::route::{Choice, Node, Route, Target, Way};
use crate::snapshot::spec::Strategy;

use super::ask::Ask;
use super::constraint::{self, Reason};

/// Walks a route's choices, and keeps what it decided.
pub(crate) struct Chooser<'a> {
    route: &'a Route,
    ask: &'a Ask<'a>,
    /// By the places of targets: why each may not serve. Looked up once.
    verdicts: Vec<Option<Option<Reason>>>,
    pub(crate) order: Vec<usize>,
    panic: bool,
    pub(crate) left_out: Vec<(usize, Reason)>,
    /// Rules that came to no result: they do not hold, and their author must know.
    pub(crate) failed: Vec<Failed>,
}

/// What was decided.
#[derive(Default)]
pub(crate) struct Planned {
    /// The places of the targets that may serve, best first.
    pub(crate) order: Vec<usize>,
    /// So few of them are well that how they are is ignored.
    pub(crate) panic: bool,
}

/// How `target` is. An open breaker puts it behind the others, but a rate limit is kept whatever happens.
fn readiness(target: &Target, now: Moment) -> Readiness {
    match (target.health.readiness(now), target.health.limited(now)) {
        (Readiness::Away { until }, None) => Readiness::Ejected { until },
        (readiness, _) => readiness,
    }
}

/// Why `target` is not among those that are to serve.
fn why_away(target: &Target, now: Moment) -> Reason {
    if target.health.limited(now).is_some() {
        Reason::Limited
    } else if target.health.breaker().refuses(now).is_some() {
        Reason::Open
    } else {
        Reason::Slow
    }
}

impl<'a> Chooser<'a> {
    /// Begins, with nothing decided.
    pub(crate) fn new(ask: &'a Ask<'a>) -> Self {
        let verdicts = vec![None; ask.route.targets.len()];
        Self {
            route: ask.route,
            ask,
            verdicts,
            order: Vec::new(),
            panic: false,
            left_out: Vec::new(),
            failed: Vec::new(),
        }
    }

    /// What was decided.
    pub(crate) fn planned(self) -> Planned {
        Planned { order: self.order, panic: self.panic }
    }

    /// Adds the targets to which `node` leads, best first.
    pub(crate) fn visit(&mut self, node: &Node) {
        if let Some(via) = &node.via
            && !self.ask.key.allows(via)
        {
            return self.leave_out(node);
        }
        match &node.way {
            Way::Target(index) => self.take(*index),
            Way::Choice(choice) => match choice.strategy {
                Strategy::Single => choice.children.iter().take(1).for_each(|child| self.visit(child)),
                Strategy::Conditional => {
                    if let Some(child) = self.ruled(choice) {
                        self.visit(child);
                    }
                }
                Strategy::Fallback | Strategy::Weighted | Strategy::Latency | Strategy::LeastBusy | Strategy::Cost => {
                    for place in self.ranked(choice) {
                        if let Some(child) = choice.children.get(place) {
                            self.visit(child);
                        }
                    }
                }
            },
        }
    }

    fn take(&mut self, index: usize) {
        if self.order.contains(&index) {
            return;
        }
        match self.verdict(index) {
            None => self.order.push(index),
            Some(reason) => self.left_out.push((index, reason)),
        }
    }

    /// A node behind a route that the key may not use.
    fn leave_out(&mut self, node: &Node) {
        match &node.way {
            Way::Target(index) => self.left_out.push((*index, Reason::Route)),
            Way::Choice(choice) => choice.children.iter().for_each(|child| self.leave_out(child)),
        }
    }

    fn verdict(&mut self, index: usize) -> Option<Reason> {
        let target = self.route.targets.get(index)?;
        let slot = self.verdicts.get_mut(index)?;
        *slot.get_or_insert_with(|| constraint::violated(target, self.ask))
    }

    /// The child whose rule is the first to hold, else the default.
    fn ruled<'c>(&mut self, choice: &'c Choice) -> Option<&'c Node> {
        for (rule, child) in choice.rules.iter().zip(&choice.children) {
            match rule.holds(self.ask) {
                Ok(true) => return Some(child),
                Ok(false) => {}
                Err(failed) => self.failed.push(failed),
            }
        }
        choice.children.get(choice.rules.len())
    }

    /// The places of the children, best first: those that are well before those that are not, and last those that may not
    /// serve, for their reasons to be noted.
    fn ranked(&mut self, choice: &Choice) -> Vec<usize> {
        let leads: Vec<Option<usize>> = choice.children.iter().map(|child| self.lead(child)).collect();
        let route = self.route;
        let lead = |place: usize| route.targets.get(leads.get(place).copied().flatten()?);
        let (now, draw, count) = (self.ask.now, self.ask.draw, choice.children.len());
        self.compare(choice, &leads);
        let score = |place: usize| match (lead(place), choice.strategy) {
            (None, _) => f64::INFINITY,
            (Some(lead), Strategy::Latency) => lead.health.score(now),
            // Of equal ones any: the first would get all that comes one by one.
            (Some(lead), Strategy::LeastBusy) => {
                f64::from(lead.health.in_flight()) + balance::any_of_equals(draw, place)
            }
            (Some(lead), _) => self.ask.estimated_cost(lead).map_or(f64::INFINITY, |nano| nano as f64),
        };
        let weight = |place: usize| f64::from(choice.weights.get(place).copied().unwrap_or(1));
        let affinity = choice.sticky.and_then(|sticky| self.ask.affinity(sticky));
        let mut order = Vec::with_capacity(count);
        balance::rank(&mut order, count, |place| match (affinity, choice.strategy) {
            (Some(key), _) => balance::rendezvous(key, place as u64, weight(place)),
            (None, Strategy::Weighted) => -weight(place),
            (None, Strategy::Fallback) => place as f64,
            (None, _) => score(place),
        });
        let barred: Vec<usize> =
            order.extract_if(.., |ranked| lead(ranked.index).is_none()).map(|it| it.index).collect();
        let as_ranked: Vec<usize> = order.iter().map(|ranked| ranked.index).collect();
        // Only where load is balanced could the few that are left break under the load of all.
        let threshold = if choice.strategy == Strategy::Fallback { 0.0 } else { self.ask.panic_threshold };
        let readiness = |place: usize| lead(place).map_or(Readiness::Ready, |lead| readiness(lead, now));
        let healthy = balance::healthy_first(&mut order, threshold, readiness);
        self.panic |= healthy.panic || healthy.ready == 0;
        // Turns and draws are among those that are to serve.
        let serving = if healthy.ready == 0 { order.len() } else { healthy.ready };
        let turn = match (affinity, choice.strategy) {
            (None, Strategy::Weighted) => {
                choice.turns.pick(|place| order.iter().take(serving).any(|ranked| ranked.index == place))
            }
            (None, Strategy::Latency) => {
                let key = |at: usize| order.get(at).map_or(f64::INFINITY, |ranked| ranked.key);
                balance::two_choices(draw, serving, key).and_then(|at| Some(order.get(at)?.index))
            }
            _ => None,
        };
        turn.into_iter().for_each(|place| balance::first(&mut order, place));
        let ill = order.get(serving..).unwrap_or_default();
        let first = order.first().map(|ranked| ranked.index);
        for place in as_ranked.into_iter().take_while(|place| Some(*place) != first) {
            let target = leads.get(place).copied().flatten().and_then(|index| Some((index, route.targets.get(index)?)));
            if let Some((index, target)) = target.filter(|_| ill.iter().any(|ranked| ranked.index == place)) {
                self.left_out.push((index, why_away(target, now)));
            }
        }
        order.into_iter().map(|ranked| ranked.index).chain(barred).collect()
    }

    /// Puts those of the targets `leads` last that are much slower than the others, now and then.
    fn compare(&self, choice: &Choice, leads: &[Option<usize>]) {
        let Some(settings) = self.ask.outlier.filter(|_| choice.strategy != Strategy::Fallback) else { return };
        if choice.compared.due(settings.every, self.ask.now) {
            let targets = leads.iter().flatten().filter_map(|index| self.route.targets.get(*index));
            let healths: Vec<Arc<Health>> = targets.map(|target| Arc::clone(&target.health)).collect();
            outlier::eject_slow(&healths, &settings, self.ask.now);
        }
    }

    /// The place of the target that stands for `node`: the first that may serve.
    fn lead(&mut self, node: &Node) -> Option<usize> {
        if node.via.as_ref().is_some_and(|via| !self.ask.key.allows(via)) {
            return None;
        }
        match &node.way {
            Way::Target(index) => self.verdict(*index).is_none().then_some(*index),
            Way::Choice(choice) => choice.children.iter().find_map(|child| self.lead(child)),
        }
    }
}
