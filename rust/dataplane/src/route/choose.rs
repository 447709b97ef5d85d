//! The order in which a route's targets are tried, for one request: the strategies, and the constraints that come before
//! them.

use tollway_resilience::balance;

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
    pub(crate) left_out: Vec<(usize, Reason)>,
    /// Rules that came to no result.
    pub(crate) failed: Vec<String>,
}

impl<'a> Chooser<'a> {
    /// Begins, with nothing decided.
    pub(crate) fn new(ask: &'a Ask<'a>) -> Self {
        let verdicts = vec![None; ask.route.targets.len()];
        Self { route: ask.route, ask, verdicts, order: Vec::new(), left_out: Vec::new(), failed: Vec::new() }
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
                Strategy::Fallback => choice.children.iter().for_each(|child| self.visit(child)),
                Strategy::Single => choice.children.iter().take(1).for_each(|child| self.visit(child)),
                Strategy::Conditional => {
                    if let Some(child) = self.ruled(choice) {
                        self.visit(child);
                    }
                }
                Strategy::Weighted | Strategy::Latency | Strategy::LeastBusy | Strategy::Cost => {
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
                Err(failed) => self.failed.push(failed.expression.to_string()),
            }
        }
        choice.children.get(choice.rules.len())
    }

    /// The places of the children, best first: those that are well before those that are not.
    fn ranked(&mut self, choice: &Choice) -> Vec<usize> {
        let leads: Vec<Option<&Target>> = choice.children.iter().map(|child| self.lead(child)).collect();
        let (now, draw) = (self.ask.now, self.ask.exchange.worker.random());
        let able = |place: usize| leads.get(place).copied().flatten().is_some_and(|lead| lead.health.is_ready(now));
        let score = |place: usize| {
            let Some(lead) = leads.get(place).copied().flatten() else { return f64::INFINITY };
            match choice.strategy {
                Strategy::Latency => lead.health.score(now),
                Strategy::LeastBusy => f64::from(lead.health.in_flight()),
                _ => self.ask.estimated_cost(lead).map_or(f64::INFINITY, |nano| nano as f64),
            }
        };
        let sticky = choice.sticky.and_then(|sticky| self.ask.affinity(sticky));
        let mut places: Vec<usize> = (0..choice.children.len()).collect();
        let weight = |place: usize| choice.weights.get(place).copied().unwrap_or(1);
        match (sticky, choice.strategy) {
            (Some(key), _) => balance::rendezvous(key, &mut places, weight),
            (None, Strategy::Weighted) => choice.turns.order(&mut places, weight, able),
            (None, Strategy::Latency) => balance::two_choices(draw, &mut places, score),
            (None, _) => balance::by_score(draw, &mut places, score),
        }
        // Sorting is stable: among the well, and among the others, the order stands.
        places.sort_by_key(|place| !able(*place));
        places
    }

    /// The target that stands for `node`: the first that may serve.
    fn lead(&mut self, node: &Node) -> Option<&'a Target> {
        match &node.way {
            Way::Target(index) => {
                let allowed = self.verdict(*index).is_none();
                self.route.targets.get(*index).filter(|_| allowed)
            }
            Way::Choice(choice) => choice.children.iter().find_map(|child| self.lead(child)),
        }
    }
}
