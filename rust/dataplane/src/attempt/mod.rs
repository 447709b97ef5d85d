//! Attempt: sends until a target answers, or none is left.
//!
//! The first of the plan is tried; while it is slow to answer, another may be asked beside it (a hedge). What fails is
//! replaced by another target, at once; the same one is asked again only where no other is left, after a wait. Errors go by
//! their class: what is wrong with the request is told to its caller, or to the route that serves such requests.

mod carried;
mod failure;
mod once;
mod race;
pub(crate) mod shadow;
mod tried;

use std::sync::Arc;
use std::time::Duration;

use tollway_resilience::Moment;
use tollway_resilience::balance::Ranked;
use tollway_resilience::policy::{Chance, Next, Rules, Stop, Tries, View};

use crate::accept::Call;
use crate::clock::now;
use crate::error::{Error, Kind};
use crate::exchange::Exchange;
use crate::route::{self, Plan, Reason};
use crate::snapshot::route::{Node, Route, Target};
use crate::telemetry::AttemptClass;

pub(crate) use failure::Failure;
pub(crate) use once::{Opened, Reply};
use race::Lost;
use tried::Sent;
pub(crate) use tried::{Held, ended};

/// A request under way: what was sent, and what may be sent next.
struct Run<'r> {
    route: &'r Route,
    order: Vec<Ranked>,
    /// So few of the targets are well that how they are is ignored.
    panic: bool,
    rules: Rules,
    tries: Tries,
    /// What failed, and where.
    failures: Vec<(Failure, usize)>,
}

/// Sends `call` along `plan`.
///
/// # Errors
/// The last failure, or the shortest rate limit where all targets are rate limited; `DeadlineExceeded`.
pub(crate) async fn run(exchange: &mut Exchange, call: &Call, plan: Plan) -> Result<Reply, Error> {
    let route = Arc::clone(&plan.route);
    let began = exchange.worker.moment();
    route.retries.deposit(began);
    if let Some(hedge) = &route.hedge {
        hedge.budget.deposit(began);
    }
    let mut run = Run {
        order: Vec::new(),
        panic: plan.panic,
        rules: Rules {
            most_sends: 0,
            hedge_quantile: route.hedge.as_ref().map_or(f64::INFINITY, |hedge| hedge.quantile),
            ..Rules::default()
        },
        tries: Tries::default(),
        failures: Vec::new(),
        route: &route,
    };
    run.take(plan.order);
    let mut fallbacks = route.fallbacks.iter().take(if plan.fallbacks { usize::MAX } else { 0 });
    let mut next = run.first(exchange)?;
    loop {
        let (index, wait) = next;
        run.wait(exchange, wait).await?;
        let started = now();
        let raced = race::race(exchange, call, &mut run, index).await;
        exchange.upstream += started.elapsed();
        let failed = match raced? {
            Ok((sent, reply, held)) => {
                take_over(exchange, sent);
                exchange.held = Some(held);
                return Ok(reply);
            }
            Err(Lost { class, sent }) => {
                if let Some(sent) = sent {
                    take_over(exchange, *sent);
                }
                class
            }
        };
        if exchange.deadline.is_some_and(|deadline| deadline <= now()) {
            return Err(deadline_exceeded(exchange));
        }
        if let Some(upload) = exchange.upload.as_ref().filter(|upload| upload.is_spent()) {
            upload.stop();
            return Err(run.told());
        }
        let elsewhere = match failed {
            AttemptClass::ContextWindow => route.context_window.as_ref(),
            AttemptClass::ContentPolicy => route.content_policy.as_ref(),
            _ => None,
        };
        next = match (elsewhere, failed) {
            (Some(node), _) if run.turn_to(exchange, call, node) => run.first(exchange)?,
            (_, AttemptClass::Rejected | AttemptClass::ContextWindow | AttemptClass::ContentPolicy) => {
                return Err(run.told());
            }
            _ => match run.next(exchange) {
                Some(next) => next,
                None => loop {
                    let Some(node) = fallbacks.next() else { return Err(run.told()) };
                    if run.turn_to(exchange, call, node) {
                        break run.first(exchange)?;
                    }
                },
            },
        };
    }
}

/// Takes over what the send that serves, or the last that failed, has brought.
fn take_over(exchange: &mut Exchange, sent: Sent) {
    let Sent { index, place, findings, losses, asked } = sent;
    exchange.served_by(index, place, findings);
    (exchange.losses, exchange.asked) = (losses, asked);
}

impl<'r> Run<'r> {
    fn take(&mut self, order: Vec<usize>) {
        let most = |index: &usize| self.target(*index).map_or(0, |target| target.max_retries + 1);
        self.rules.most_sends += order.iter().map(most).sum::<u32>();
        self.order = order.into_iter().map(|index| Ranked { index, key: 0.0 }).collect();
    }

    fn target(&self, index: usize) -> Option<&'r Target> {
        self.route.targets.get(index)
    }

    /// Goes over to the targets to which `node` leads; whether there are any that may serve and have not been tried.
    fn turn_to(&mut self, exchange: &mut Exchange, call: &Call, node: &Node) -> bool {
        let plan = route::plan_for(exchange, call, self.route, node);
        let fresh: Vec<usize> = plan.order.into_iter().filter(|index| self.tries.to(*index) == 0).collect();
        if fresh.is_empty() {
            return false;
        }
        self.panic = plan.panic;
        self.take(fresh);
        true
    }

    /// The first to be sent to: what is not ready comes after what is.
    fn first(&self, exchange: &Exchange) -> Result<(usize, Duration), Error> {
        let moment = exchange.worker.moment();
        let able = self.order.iter().map(|ranked| (self.chance(exchange, ranked.index), ranked.index));
        let able = able.filter(|(chance, _)| chance.most > 0);
        // Of those that are ready the first in order: `min_by_key` keeps the first of equals.
        let soonest = able.map(|(chance, index)| (chance.ready_at.max(moment), index)).min_by_key(|(at, _)| *at);
        let Some((_, index)) = soonest else { return Err(self.told()) };
        for passed_over in self.order.iter().map(|ranked| ranked.index).take_while(|passed_over| *passed_over != index)
        {
            exchange.leave_out(passed_over, self.why_not(exchange, passed_over));
        }
        // Where none is ready, the first to be so is asked all the same: the last way is never closed.
        Ok((index, Duration::ZERO))
    }

    fn next(&self, exchange: &Exchange) -> Option<(usize, Duration)> {
        let now = exchange.worker.moment();
        let view = View { order: &self.order, chance: |index| self.chance(exchange, index), now };
        match self.rules.next(&self.tries, &view, &self.route.retries, exchange.worker.random()) {
            Next::Send { index, after } => Some((index, after)),
            Next::Stop(Stop::Budget) => {
                exchange.leave_out(self.order.last()?.index, Reason::RetryBudget);
                None
            }
            Next::Stop(Stop::Sends | Stop::Targets) => None,
        }
    }

    /// What can be had of the target at `index`.
    fn chance(&self, exchange: &Exchange, index: usize) -> Chance {
        let moment = exchange.worker.moment();
        // What is ready now was ready before: whoever looks may have taken the time earlier.
        let ready = Moment::default();
        let Some(target) = self.target(index) else { return Chance { most: 0, ready_at: ready } };
        let failed = self.failures.iter().rev().find(|(_, failed)| *failed == index);
        let hopeless = failed.is_some_and(|(failure, _)| !failure.may_pass_soon() && !target.provider.has_key(moment));
        let most = if hopeless || self.comes_too_late(exchange, index) { 0 } else { target.max_retries + 1 };
        let limited = target.health.limited(moment).max(target.provider.keys_away(moment));
        // An open breaker is no reason to wait: where nothing else is left, it is not asked.
        let refused = target.health.breaker().refuses(moment).map(|refused| refused.until);
        let open = refused.filter(|_| !self.panic && self.others_ready(index, moment));
        Chance { most, ready_at: limited.max(open).unwrap_or(ready) }
    }

    /// Why the target `index` is not tried before others.
    fn why_not(&self, exchange: &Exchange, index: usize) -> Reason {
        let moment = exchange.worker.moment();
        match self.target(index) {
            _ if self.comes_too_late(exchange, index) => Reason::Deadline,
            Some(target) if target.health.breaker().refuses(moment).is_some() => Reason::Open,
            _ => Reason::Limited,
        }
    }

    fn others_ready(&self, index: usize, moment: Moment) -> bool {
        let others = self.order.iter().filter(|ranked| ranked.index != index);
        let mut targets = others.filter_map(|ranked| self.target(ranked.index));
        targets.any(|target| target.health.breaker().refuses(moment).is_none())
    }

    /// Whether the target `index` cannot be expected to answer before the deadline, and another can.
    fn comes_too_late(&self, exchange: &Exchange, index: usize) -> bool {
        let Some(deadline) = exchange.deadline else { return false };
        let (moment, left) = (exchange.worker.moment(), deadline.saturating_duration_since(now()));
        let late = |index: usize| {
            let estimate = self.target(index).and_then(|target| target.health.estimate(moment));
            estimate.is_some_and(|estimate| estimate > left)
        };
        late(index) && !self.order.iter().all(|ranked| late(ranked.index))
    }

    async fn wait(&self, exchange: &Exchange, wait: Duration) -> Result<(), Error> {
        if wait.is_zero() {
            return Ok(());
        }
        let until = now() + wait;
        if exchange.deadline.is_some_and(|deadline| deadline <= until) {
            return Err(self.told());
        }
        tokio::time::sleep_until(until).await;
        Ok(())
    }

    /// What the caller is told after all failures.
    fn told(&self) -> Error {
        let name = |index: usize| self.target(index).map_or("", |target| &target.provider.name);
        Failure::of_all(self.failures.iter().map(|(failure, index)| (failure, name(*index))))
    }
}

fn deadline_exceeded(exchange: &Exchange) -> Error {
    let (sends, waited) = (exchange.sends.borrow().len(), exchange.started.elapsed());
    let message = format!("The request's deadline has passed: {sends} attempts brought no answer within {waited:.1?}.");
    Error::new(Kind::DeadlineExceeded, message)
}
