//! What an attempt does next: send, where, after which wait, or stop.
//!
//! The rules that the attempt loop follows, with defaults that keep two providers' brownouts from the callers
//! (`examples/brownout.rs`):
//!
//! 1. A request deposits one into the budget of retries and one into that of hedges, and is sent to the first of the order
//!    (see [`crate::balance`]) that is ready and whose breaker admits it.
//! 2. Each send is *late* [`Rules::hedge_after`] its start. Then one more goes to the next ready target that has got nothing
//!    of this request yet ([`Rules::hedge`]), and is late in its turn. The first answer wins; the other sends are dropped with
//!    their passes, and [`Health::outrun`] is told how long they were silent.
//! 3. A late send goes on until the configured timeout, also while it is hedged. It is never given up for being late: a
//!    long prompt takes long everywhere, and would never be answered.
//! 4. A send that fails while another is under way and not late waits for that one. Else [`Rules::next`] says what comes: a
//!    target that is ready and has got nothing of this request, at once; then one that failed, after a back-off; or the end.
//!    Where a late send is still under way, the end is its.
//! 5. A rate limit (429) lowers the success rate ([`Health::failed`]) and, where the upstream says for how long, sets
//!    [`Health::limit`]. The breaker is not told (the pass is dropped): a target that is only full keeps what it can serve.
//!    Errors and timeouts are failures to both.

use std::time::Duration;

use crate::backoff::Backoff;
use crate::balance::{Ranked, Readiness};
use crate::budget::Budget;
use crate::clock::Moment;
use crate::health::Health;

/// The bounds of one request's attempts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Sends of one request, the first and hedges among them.
    pub most_sends: u32,
    /// The wait before a target is tried again.
    pub backoff: Backoff,
    /// The longest wait for a target that said when to come back; who wants more is left.
    pub longest_wait: Duration,
    /// The quantile of a target's time to the first token, after which a hedge is sent; above 1: never.
    pub hedge_quantile: f64,
    /// The least time before a hedge.
    pub hedge_least: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            most_sends: 4,
            backoff: Backoff::default(),
            longest_wait: Duration::from_secs(2),
            hedge_quantile: 0.98,
            hedge_least: Duration::from_millis(50),
        }
    }
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send to the target with this index, after that wait.
    Send {
        /// The target's place in the route's list.
        index: usize,
        /// How long to wait first.
        after: Duration,
    },
    /// All that may be tried was tried: answer with the failure.
    Stop(Stop),
}

/// Why no more is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// As many as may be were sent.
    Sends,
    /// No target is left that can serve in time.
    Targets,
    /// The retry budget is spent.
    Budget,
}

/// Targets of a route that one request keeps count of; sends to those after them are counted together with the last.
const COUNTED: usize = 16;

/// What one request has sent so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tries {
    sends: u32,
    to: [u8; COUNTED],
}

impl Tries {
    /// One more send, to the target with this index.
    pub fn sent(&mut self, index: usize) {
        self.sends += 1;
        if let Some(count) = self.to.get_mut(index.min(COUNTED - 1)) {
            *count = count.saturating_add(1);
        }
    }

    /// Sends so far.
    #[must_use]
    pub fn sends(&self) -> u32 {
        self.sends
    }

    /// Sends so far to the target with this index.
    #[must_use]
    pub fn to(&self, index: usize) -> u32 {
        self.to.get(index.min(COUNTED - 1)).copied().unwrap_or_default().into()
    }
}

/// A target as [`Rules::next`] sees it.
#[derive(Clone, Copy, Debug)]
pub struct Chance {
    /// Sends that one request may spend on it: its `max_retries` and one more.
    pub most: u32,
    /// When it can serve; now or earlier for at once.
    pub ready_at: Moment,
}

impl Chance {
    /// Of a target of which one request may have `most` sends.
    #[must_use]
    pub fn of(health: &Health, most: u32, now: Moment) -> Chance {
        let ready_at = match health.readiness(now) {
            Readiness::Away { until } => until,
            Readiness::Ready | Readiness::Ejected { .. } => now,
        };
        Chance { most, ready_at }
    }
}

/// The targets of a request, as they are now.
#[derive(Clone, Copy, Debug)]
pub struct View<'a, C> {
    /// In the order in which they are to be tried.
    pub order: &'a [Ranked],
    /// What each of them offers, by its place in the route's list.
    pub chance: C,
    /// Now.
    pub now: Moment,
}

impl Rules {
    /// How long to wait for a first token of `health` before a hedge goes to another target; `None`: send none. Too few
    /// samples, or a target that is known to be in trouble anyway, have no hedge.
    #[must_use]
    pub fn hedge_after(&self, health: &Health, now: Moment) -> Option<Duration> {
        if self.hedge_quantile > 1.0 {
            return None;
        }
        Some(health.quantile(self.hedge_quantile, now)?.max(self.hedge_least))
    }

    /// The target for the hedge: the first that has got nothing of this request and is ready now. Withdraws from `hedges`,
    /// the budget of hedges.
    pub fn hedge<C: Fn(usize) -> Chance>(&self, tries: &Tries, view: &View<'_, C>, hedges: &Budget) -> Option<usize> {
        let fresh = |index: &usize| {
            let chance = (view.chance)(*index);
            tries.to(*index) == 0 && chance.most > 0 && chance.ready_at <= view.now
        };
        let index = view.order.iter().map(|ranked| ranked.index).find(fresh)?;
        (tries.sends < self.most_sends && hedges.withdraw(view.now)).then_some(index)
    }

    /// What to do after a send failed. Withdraws from `retries` for a send.
    ///
    /// The one that can serve soonest comes next, of those the first in the order; one that has got this request before
    /// only after a back-off. So each target is tried once before one is tried again, if it is ready.
    pub fn next<C: Fn(usize) -> Chance>(&self, tries: &Tries, view: &View<'_, C>, retries: &Budget, draw: u64) -> Next {
        if tries.sends >= self.most_sends {
            return Next::Stop(Stop::Sends);
        }
        let wait = |ranked: &Ranked| {
            let (before, chance) = (tries.to(ranked.index), (view.chance)(ranked.index));
            let asked = chance.ready_at - view.now;
            let polite = before.checked_sub(1).map_or(Duration::ZERO, |retry| self.backoff.wait(retry, draw));
            (before < chance.most && asked <= self.longest_wait).then(|| (asked.max(polite), before, ranked.index))
        };
        // Of equal ones `min_by_key` takes the first.
        let best = view.order.iter().filter_map(wait).min_by_key(|(wait, before, _)| (*wait, *before));
        match best {
            None => Next::Stop(Stop::Targets),
            Some((after, _, index)) if retries.withdraw(view.now) => Next::Send { index, after },
            Some(_) => Next::Stop(Stop::Budget),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::BudgetSettings;
    use crate::health::HealthSettings;

    const NOW: Moment = Moment(5_000_000);

    fn order(indices: &[usize]) -> Vec<Ranked> {
        indices.iter().map(|index| Ranked { index: *index, key: 0.0 }).collect()
    }

    fn budget(floor: f64) -> Budget {
        Budget::new(BudgetSettings { share: 0.0, floor, window: Duration::from_secs(1) })
    }

    fn tries(to: &[usize]) -> Tries {
        let mut tries = Tries::default();
        to.iter().for_each(|index| tries.sent(*index));
        tries
    }

    /// What comes after sends `to` these, where the targets are ready so many milliseconds from now.
    fn next(to: &[usize], ready: [u64; 3]) -> Next {
        let chance = |index: usize| Chance { most: 2, ready_at: NOW + Duration::from_millis(ready[index]) };
        let order = order(&[2, 0, 1]);
        Rules::default().next(&tries(to), &View { order: &order, chance, now: NOW }, &budget(1.0), u64::MAX)
    }

    fn send(index: usize, millis: u64) -> Next {
        Next::Send { index, after: Duration::from_millis(millis) }
    }

    fn rounded(next: Next) -> Next {
        match next {
            Next::Send { index, after } => send(index, after.as_secs_f64().mul_add(1000.0, 0.5) as u64),
            stop @ Next::Stop(_) => stop,
        }
    }

    #[test]
    fn each_target_is_tried_before_one_is_tried_again() {
        assert_eq!(rounded(next(&[2], [0, 0, 0])), send(0, 0));
        assert_eq!(rounded(next(&[2, 0], [0, 0, 0])), send(1, 0));
        assert_eq!(rounded(next(&[2, 0, 1], [0, 0, 0])), send(2, 100));
        assert_eq!(rounded(next(&[2, 2, 0], [0, 0, 0])), send(1, 0));
        assert_eq!(next(&[2, 0, 1, 2], [0, 0, 0]), Next::Stop(Stop::Sends));
    }

    #[test]
    fn the_soonest_is_next_and_who_is_away_too_long_is_left() {
        assert_eq!(rounded(next(&[2], [3000, 40, 0])), send(1, 40));
        assert_eq!(rounded(next(&[2], [3000, 400, 0])), send(2, 100));
        assert_eq!(rounded(next(&[2], [3000, 3000, 700])), send(2, 700));
        assert_eq!(next(&[2], [3000, 3000, 3000]), Next::Stop(Stop::Targets));
        assert_eq!(next(&[2, 2, 2], [3000, 3000, 0]), Next::Stop(Stop::Targets));
    }

    #[test]
    fn a_budget_that_is_spent_ends_it() {
        let order = order(&[0, 1]);
        let view = View { order: &order, chance: |_| Chance { most: 2, ready_at: NOW }, now: NOW };
        let (rules, retries) = (Rules::default(), budget(1.0));
        assert_eq!(rules.next(&tries(&[0]), &view, &retries, 0), send(1, 0));
        assert_eq!(rules.next(&tries(&[0]), &view, &retries, 0), Next::Stop(Stop::Budget));
    }

    #[test]
    fn a_hedge_goes_to_a_ready_target_that_got_nothing_yet() {
        let order = order(&[0, 1, 2]);
        let ready = |ready: [u64; 3]| move |index: usize| Chance { most: 1, ready_at: Moment(ready[index]) };
        let hedge = |to: &[usize], at: [u64; 3], floor: f64| {
            let view = View { order: &order, chance: ready(at), now: NOW };
            Rules::default().hedge(&tries(to), &view, &budget(floor))
        };
        assert_eq!(hedge(&[0], [0, 0, 0], 1.0), Some(1));
        assert_eq!(hedge(&[0], [0, u64::MAX, 0], 1.0), Some(2));
        assert_eq!(hedge(&[0, 1, 2], [0, 0, 0], 1.0), None);
        assert_eq!(hedge(&[0], [0, 0, 0], 0.0), None);
        assert_eq!(hedge(&[0, 0, 0, 0], [0, 0, 0], 1.0), None);
    }

    #[test]
    fn the_time_to_a_hedge_is_the_target_own_and_what_is_outrun_does_not_move_it() {
        let (rules, health) = (Rules::default(), Health::new(&HealthSettings::default()).watched());
        assert_eq!(rules.hedge_after(&health, NOW), None);
        (1..=1000).for_each(|n| health.answered(Duration::from_millis(n), NOW));
        let hedge = rules.hedge_after(&health, NOW).unwrap();
        assert!((hedge.as_secs_f64() - 0.98).abs() < 0.05, "{hedge:?}");
        (0..500).for_each(|_| health.outrun(Duration::from_secs(9), hedge, NOW));
        assert_eq!(rules.hedge_after(&health, NOW), Some(hedge));
        assert_eq!(Rules { hedge_quantile: 2.0, ..rules }.hedge_after(&health, NOW), None);
    }
}
