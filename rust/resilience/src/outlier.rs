//! Which targets are so much slower than their peers that they are put last for a while.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::balance::Ranked;
use crate::clock::{Moment, micros};
use crate::health::Health;

/// When a target counts as slow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutlierSettings {
    /// Slow is what takes more than so many times the median of its peers, and
    pub factor: f64,
    /// at least that much longer, so that nobody is ejected over a few milliseconds.
    pub least: Duration,
    /// How long it is ejected; then it is judged anew.
    pub hold: Duration,
    /// How often to judge.
    pub every: Duration,
}

impl Default for OutlierSettings {
    fn default() -> Self {
        OutlierSettings {
            factor: 3.0,
            least: Duration::from_millis(100),
            hold: Duration::from_secs(30),
            every: Duration::from_secs(1),
        }
    }
}

/// Of `targets` with their typical latency in seconds as key (the median; leave out what has too few samples), those that
/// are slow. Sorts them.
///
/// The median of a target's peers is without the target itself, so of two one can be slow. The fastest is never slow: a
/// last target is never ejected. After Envoy's outlier detection, which ejects for errors in the same manner.
#[must_use]
pub fn slow<'a>(targets: &'a mut [Ranked], settings: &OutlierSettings) -> &'a [Ranked] {
    targets.sort_unstable_by(|a, b| a.key.total_cmp(&b.key));
    let is_slow = |at: usize, key: f64| {
        at > 0
            && median_without(targets, at).is_some_and(|median| {
                key > settings.factor.max(1.0) * median && key - median >= settings.least.as_secs_f64()
            })
    };
    // Whoever is slower than a slow one is slow too: its peers are no slower.
    let fast = targets.iter().enumerate().position(|(at, ranked)| is_slow(at, ranked.key)).unwrap_or(targets.len());
    targets.get(fast..).unwrap_or_default()
}

/// Ejects those of `targets` that are slow, by their median times to the first token over the quantiles' window, for
/// `settings.hold`. One that is ejected is not judged again before that, but is a peer. The last that is not ejected stays,
/// also where all others were ejected before. How many were ejected.
///
/// Allocates: for once a second ([`Every`]), not for each request.
pub fn eject_slow<H: AsRef<Health>>(targets: &[H], settings: &OutlierSettings, now: Moment) -> usize {
    let typical = |(index, health): (usize, &H)| {
        let key = health.as_ref().quantile(0.5, now)?.as_secs_f64();
        Some(Ranked { index, key })
    };
    let mut known: Vec<_> = targets.iter().enumerate().filter_map(typical).collect();
    let there = |health: &&Health| health.ejected(now).is_none();
    let others = targets.iter().map(AsRef::as_ref).filter(there).count().saturating_sub(1);
    let slow =
        slow(&mut known, settings).iter().rev().filter_map(|ranked| targets.get(ranked.index)).map(AsRef::as_ref);
    slow.filter(there).take(others).map(|health| health.eject(now + settings.hold)).count()
}

/// The median key of all but the one at `left_out`, of which the keys are sorted.
fn median_without(sorted: &[Ranked], left_out: usize) -> Option<f64> {
    let peers = sorted.len().checked_sub(1).filter(|peers| *peers > 0)?;
    let nth = |n: usize| sorted.get(if n < left_out { n } else { n + 1 }).map(|ranked| ranked.key);
    Some(f64::midpoint(nth((peers - 1) / 2)?, nth(peers / 2)?))
}

/// Lets one thread in each period through.
#[derive(Debug, Default)]
pub struct Every(AtomicU64);

impl Every {
    /// Whether `period` has passed since the last time that this said so, to this or another thread.
    pub fn due(&self, period: Duration, now: Moment) -> bool {
        let next = self.0.load(Relaxed);
        now.0 >= next && self.0.compare_exchange(next, (now + period).0.max(micros(period)), Relaxed, Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::health::HealthSettings;

    fn targets(keys: &[f64]) -> Vec<Ranked> {
        keys.iter().enumerate().map(|(index, key)| Ranked { index, key: *key }).collect()
    }

    fn slow_of(keys: &[f64]) -> Vec<usize> {
        slow(&mut targets(keys), &OutlierSettings::default()).iter().map(|ranked| ranked.index).collect()
    }

    #[test]
    fn three_times_the_median_of_the_others_is_slow() {
        assert_eq!(slow_of(&[]), [0; 0]);
        assert_eq!(slow_of(&[9.0]), [0; 0]);
        assert_eq!(slow_of(&[0.5, 1.6]), [1]);
        assert_eq!(slow_of(&[0.5, 1.4]), [0; 0]);
        assert_eq!(slow_of(&[0.010, 0.090]), [0; 0], "nine times, but 80 ms");
        assert_eq!(slow_of(&[4.0, 0.5, 0.4, 0.6, 3.0]), [4, 0]);
    }

    #[test]
    fn one_of_many_is_let_through() {
        let every = Every::default();
        let period = Duration::from_secs(1);
        assert!(every.due(period, Moment(5)) && !every.due(period, Moment(1_000_004)));
        assert!(every.due(period, Moment(1_000_005)));
    }

    #[test]
    fn the_last_stays_though_the_others_were_ejected_before() {
        let targets = [(); 2].map(|()| Arc::new(Health::new(&HealthSettings::default()).watched()));
        let settings = OutlierSettings { hold: Duration::from_secs(600), ..OutlierSettings::default() };
        let at = |seconds: u64| Moment(seconds * 1_000_000);
        let observe = |slow: usize, now| {
            let after = |index| Duration::from_millis(if index == slow { 2000 } else { 100 });
            (0..40).for_each(|_| {
                targets.iter().enumerate().for_each(|(index, health)| health.answered(after(index), now))
            });
        };
        observe(0, at(1));
        assert_eq!(eject_slow(&targets, &settings, at(1)), 1);
        assert_eq!(eject_slow(&targets, &settings, at(2)), 0);
        observe(1, at(400));
        assert_eq!(eject_slow(&targets, &settings, at(400)), 0);
        assert_eq!([0, 1].map(|index: usize| targets[index].ejected(at(400))), [Some(at(601)), None]);
        observe(1, at(650));
        assert_eq!(eject_slow(&targets, &settings, at(650)), 1);
    }

    proptest! {
        #[test]
        fn the_fastest_stays_and_what_is_slower_than_a_slow_one_is_slow(keys in prop::collection::vec(0.0..9.0_f64, 1..12)) {
            let slow = slow_of(&keys);
            let fastest = keys.iter().copied().fold(f64::INFINITY, f64::min);
            prop_assert!(slow.len() < keys.len() && slow.iter().all(|index| keys[*index] > fastest));
            let least = slow.iter().map(|index| keys[*index]).fold(f64::INFINITY, f64::min);
            prop_assert!(keys.iter().enumerate().all(|(index, key)| *key < least || slow.contains(&index)));
        }
    }
}
