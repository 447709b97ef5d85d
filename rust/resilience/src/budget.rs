//! How many more sends than requests are affordable.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::clock::Moment;
use crate::window::Window;

/// What a budget allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetSettings {
    /// Withdrawals for each deposit.
    pub share: f64,
    /// Withdrawals a second that are allowed whatever was deposited, so that a quiet route can retry at all.
    pub floor: f64,
    /// How long a deposit counts, and a withdrawal is counted against it. Long enough for healthy minutes to pay for a
    /// brownout: one that fails 45 % of what it gets takes retries for 25 % to 30 % of the requests while it lasts.
    pub window: Duration,
}

impl Default for BudgetSettings {
    fn default() -> Self {
        BudgetSettings { share: 0.2, floor: 1.0, window: Duration::from_secs(120) }
    }
}

/// A budget of extra sends: each request deposits, each retry (or hedge, in a budget of its own) withdraws.
///
/// Over the window that ends at a withdrawal, withdrawals never exceed `share * deposits + floor * window`. So retries
/// cannot multiply the load of an upstream that is down already: the per-client retry budget of B. Beyer and others, "Site
/// Reliability Engineering", chapter 22 (10 % there); Finagle's `RetryBudget` keeps it in the same way (20 %).
#[derive(Debug)]
pub struct Budget {
    window: Window,
    share: AtomicU64,
    floor: AtomicU64,
}

impl Budget {
    /// An empty budget: at first only the floor is there.
    #[must_use]
    pub fn new(settings: BudgetSettings) -> Budget {
        let budget =
            Budget { window: Window::new(settings.window), share: AtomicU64::new(0), floor: AtomicU64::new(0) };
        budget.apply(settings);
        budget
    }

    /// Other settings; another window forgets what was counted.
    pub fn apply(&self, settings: BudgetSettings) {
        self.window.resize(settings.window);
        self.share.store(settings.share.max(0.0).to_bits(), Relaxed);
        self.floor.store((settings.floor.max(0.0) * settings.window.as_secs_f64()).to_bits(), Relaxed);
    }

    /// One request came.
    pub fn deposit(&self, now: Moment) {
        self.window.add(now, 1, 0);
    }

    /// Takes one more send, if there is one left.
    #[must_use]
    pub fn withdraw(&self, now: Moment) -> bool {
        // Added before it is judged: of threads that withdraw together, each sees the others.
        self.window.add(now, 0, 1);
        let spent = self.balance(now) >= 0.0;
        if !spent {
            self.window.take_back(now);
        }
        spent
    }

    /// How many withdrawals are left now; below zero where deposits have aged away under them.
    #[must_use]
    pub fn balance(&self, now: Moment) -> f64 {
        let counts = self.window.totals(now);
        let [share, floor] = [&self.share, &self.floor].map(|bits| f64::from_bits(bits.load(Relaxed)));
        share * counts.first + floor - counts.second
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn the_floor_serves_before_any_deposit() {
        let budget = Budget::new(BudgetSettings { share: 0.5, floor: 0.2, window: Duration::from_secs(10) });
        let now = Moment(3 * SECOND);
        assert!(budget.withdraw(now) && budget.withdraw(now) && !budget.withdraw(now));
        budget.deposit(now);
        assert!(!budget.withdraw(now));
        budget.deposit(now);
        assert!(budget.withdraw(now) && !budget.withdraw(now));
        assert!(budget.withdraw(Moment(14 * SECOND)), "what was withdrawn has aged away");
    }

    #[test]
    fn threads_together_withdraw_no_more_than_one() {
        let budget = Budget::new(BudgetSettings { share: 0.2, floor: 0.0, window: Duration::from_secs(10) });
        (0..1000).for_each(|_| budget.deposit(Moment(0)));
        let taken: usize = std::thread::scope(|scope| {
            let withdraw = || (0..500).filter(|_| budget.withdraw(Moment(0))).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(withdraw)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert!(taken <= 200, "{taken}");
    }

    proptest! {
        #[test]
        fn never_more_than_the_share_and_the_floor(
            mut events in prop::collection::vec((0..60 * SECOND, any::<bool>()), 1..400),
            share in 0.0..1.0_f64, floor in 0.0..3.0_f64,
        ) {
            events.sort_unstable();
            let settings = BudgetSettings { share, floor, window: Duration::from_secs(8) };
            let budget = Budget::new(settings);
            let mut spent = Vec::new();
            for (seen, &(now, deposits)) in events.iter().enumerate() {
                if deposits {
                    budget.deposit(Moment(now));
                } else if budget.withdraw(Moment(now)) {
                    spent.push(now);
                }
                let deposited = |from: u64| events[..=seen].iter().filter(|event| event.1 && event.0 >= from).count();
                let most = |from: u64, seconds: f64| share * deposited(from) as f64 + floor * seconds + 1e-9;
                // Over the window that ends here, and over all time so far.
                let from = (2 * now / SECOND + 1).saturating_sub(16) * SECOND / 2;
                if spent.last() == Some(&now) {
                    let recent = spent.iter().filter(|at| **at >= from).count();
                    prop_assert!(recent as f64 <= most(from, 8.0));
                }
                prop_assert!(spent.len() as f64 <= most(0, now as f64 / SECOND as f64 + 8.0));
            }
        }
    }
}
