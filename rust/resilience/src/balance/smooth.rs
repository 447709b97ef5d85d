//! Weighted round robin without bursts.

use std::sync::{Mutex, PoisonError};

/// Weighted round robin whose picks are spread: of weights 5, 1, 1 it gives a a b a c a a, not a a a a a b c.
///
/// Each pick adds to every eligible target its weight, takes the one that has most, and takes the sum of the weights from
/// it: nginx's algorithm (`ngx_http_upstream_round_robin.c`, commit 52327e0627f4, 2012). While the same targets are
/// eligible, any run of picks as long as the sum of their weights has each target exactly as often as it weighs. Shared by
/// all threads, so that this holds for the process.
#[derive(Debug)]
pub struct Smooth {
    targets: Mutex<Vec<Target>>,
}

#[derive(Debug)]
struct Target {
    weight: i64,
    current: i64,
}

impl Smooth {
    /// Targets with these weights; one of weight 0 is picked only where no other is eligible.
    #[must_use]
    pub fn new(weights: impl IntoIterator<Item = u32>) -> Smooth {
        let target = |weight| Target { weight: i64::from(weight), current: 0 };
        Smooth { targets: Mutex::new(weights.into_iter().map(target).collect()) }
    }

    /// The next of the eligible targets; `None` if there is none.
    pub fn pick(&self, eligible: impl Fn(usize) -> bool) -> Option<usize> {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut total = 0;
        let mut best: Option<(usize, i64)> = None;
        for (index, target) in targets.iter_mut().enumerate().filter(|(index, _)| eligible(*index)) {
            target.current += target.weight;
            total += target.weight;
            // One without a weight never comes before one that has one.
            let has = if target.weight == 0 { i64::MIN } else { target.current };
            if best.is_none_or(|(_, most)| has > most) {
                best = Some((index, has));
            }
        }
        let (index, _) = best?;
        targets.get_mut(index)?.current -= total;
        Some(index)
    }
}
