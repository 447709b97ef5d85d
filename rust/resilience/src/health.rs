//! What is remembered of one deployment, by all threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::balance::Readiness;
use crate::breaker::{Breaker, BreakerSettings};
use crate::clock::Moment;
use crate::latency::{Cell, PeakEwma, Quantiles, SuccessRate};

/// How a deployment is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HealthSettings {
    /// When its breaker opens.
    pub breaker: BreakerSettings,
    /// How fast a peak of latency is forgotten.
    pub latency_tau: Duration,
    /// What the quantiles are taken over: long enough for a hundred samples on a quiet route.
    pub quantile_window: Duration,
    /// How fast failures are forgotten.
    pub success_tau: Duration,
    /// The power of the success rate in [`Health::score`]: 0 to ignore it, more to flee sooner. Beyond 0.5, what flees from
    /// a degraded target can overload a healthy one that takes only part of the load, which then fails as well.
    pub success_power: f64,
}

impl Default for HealthSettings {
    fn default() -> Self {
        HealthSettings {
            breaker: BreakerSettings::default(),
            latency_tau: Duration::from_secs(5),
            quantile_window: Duration::from_secs(120),
            success_tau: Duration::from_secs(10),
            success_power: 0.5,
        }
    }
}

/// The expected latency of a target of which nothing is known, once it has a request: it gets one to learn from, and no
/// more until that is back. Finagle's `PeakEwma` does the same.
const UNKNOWN: Duration = Duration::from_secs(60);

/// A peak of so many medians is not unusual.
const USUAL_PEAK: u32 = 6;

/// The health of one deployment.
#[derive(Debug)]
pub struct Health {
    breaker: Breaker,
    latency: PeakEwma,
    quantiles: Quantiles,
    /// The median, in seconds, found four times a second.
    median: Cell,
    success: SuccessRate,
    success_power: AtomicU64,
    in_flight: AtomicU32,
    limited: AtomicU64,
    ejected: AtomicU64,
}

/// One request under way; counted until it is dropped.
#[derive(Debug)]
pub struct InFlight(Arc<Health>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

impl Health {
    /// Of a deployment of which nothing is known.
    #[must_use]
    pub fn new(settings: &HealthSettings) -> Health {
        Health {
            breaker: Breaker::new(settings.breaker),
            latency: PeakEwma::new(settings.latency_tau),
            quantiles: Quantiles::new(settings.quantile_window),
            median: Cell::new(),
            success: SuccessRate::new(settings.success_tau),
            success_power: AtomicU64::new(settings.success_power.to_bits()),
            in_flight: AtomicU32::new(0),
            limited: AtomicU64::new(0),
            ejected: AtomicU64::new(0),
        }
    }

    /// Keeps quantiles from now on: for who hedges, balances by latency, or asks in conditions.
    pub fn watch(&self) {
        self.quantiles.keep();
    }

    /// The same, watched.
    #[must_use]
    pub fn watched(self) -> Self {
        self.watch();
        self
    }

    /// Other settings from now on. What was counted over a window that changes is forgotten, all else stays.
    pub fn apply(&self, settings: &HealthSettings) {
        self.breaker.apply(settings.breaker);
        self.latency.apply(settings.latency_tau);
        self.quantiles.apply(settings.quantile_window);
        self.median.clear();
        self.success.apply(settings.success_tau);
        self.success_power.store(settings.success_power.to_bits(), Relaxed);
    }

    /// Its breaker.
    #[must_use]
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Counts a request that goes to it, until the guard is dropped: with the last byte, not the first.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Relaxed);
        InFlight(Arc::clone(self))
    }

    /// Requests under way.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// The first token (or the whole answer, where it is not streamed) came `after` the send.
    pub fn answered(&self, after: Duration, now: Moment) {
        self.latency.observe(after, now);
        self.quantiles.observe(after, now);
        self.success.observe(true, now);
    }

    /// It did not answer by its own fault: an error, a rate limit, a stall. `after` is how long a stall was waited for, which
    /// is a latency too, if a lower bound; `None` for errors, whose latency says nothing of answers.
    pub fn failed(&self, after: Option<Duration>, now: Moment) {
        if let Some(after) = after {
            self.latency.observe(after, now);
        }
        self.success.observe(false, now);
    }

    /// It was silent for `after` when the answer to a hedge came, which was sent `hedged` after it. No fault: but a latency
    /// of which only the least is known. The quantiles take the moment of the hedge for it: what is cut off there stays
    /// above the quantile that the hedge is taken from, and cannot move it.
    pub fn outrun(&self, after: Duration, hedged: Duration, now: Moment) {
        self.latency.observe(after, now);
        self.quantiles.observe(hedged.min(after), now);
    }

    /// The upstream said not to come back before `until`; a shorter limit never shortens a longer one.
    pub fn limit(&self, until: Moment) {
        self.limited.fetch_max(until.0, Relaxed);
    }

    /// When a rate limit ends, if one holds.
    #[must_use]
    pub fn limited(&self, now: Moment) -> Option<Moment> {
        later(&self.limited, now)
    }

    /// Puts it last until then, for being slow.
    pub fn eject(&self, until: Moment) {
        self.ejected.fetch_max(until.0, Relaxed);
    }

    /// When its ejection ends, if it is ejected.
    #[must_use]
    pub fn ejected(&self, now: Moment) -> Option<Moment> {
        later(&self.ejected, now)
    }

    /// The expected time to the first token; `None` if none was seen.
    ///
    /// The median, or a sixth of the recent peak if that is more: peaks up to six medians are the usual tail. Taken as they
    /// are, each would send the load of some seconds elsewhere, where there may be no room for it; a stall still shows at once.
    #[must_use]
    pub fn estimate(&self, now: Moment) -> Option<Duration> {
        let peak = self.latency.estimate(now)?;
        let median = self.median.get_or((now.0 >> 18) as u32, || Some(self.quantile(0.5, now)?.as_secs_f32()));
        Some(median.map_or(peak, |median| Duration::from_secs_f32(median).max(peak / USUAL_PEAK)))
    }

    /// The time to the first token that the share `q` of the recent requests kept; `None` with too few.
    #[must_use]
    pub fn quantile(&self, q: f64, now: Moment) -> Option<Duration> {
        self.quantiles.quantile(q, now)
    }

    /// The share of recent sends that succeeded; 1 where nothing is known.
    #[must_use]
    pub fn success_rate(&self, now: Moment) -> f64 {
        self.success.rate(now)
    }

    /// Whether it can serve now.
    #[must_use]
    pub fn readiness(&self, now: Moment) -> Readiness {
        let refused = self.breaker.refuses(now).map(|refused| refused.until);
        if let Some(until) = refused.max(self.limited(now)) {
            return Readiness::Away { until };
        }
        self.ejected(now).map_or(Readiness::Ready, |until| Readiness::Ejected { until })
    }

    /// What it costs to choose it, for the `latency` strategy: `estimate * (in flight + 1) / success rate ^ power`, in
    /// seconds; the lowest is the best.
    ///
    /// A target that fails a share of its requests loses load before a breaker would open, and gains it back as it recovers
    /// or is left alone.
    #[must_use]
    pub fn score(&self, now: Moment) -> f64 {
        let in_flight = f64::from(self.in_flight());
        let estimate = match self.estimate(now) {
            Some(known) => known.as_secs_f64(),
            None if in_flight == 0.0 => 0.0,
            None => UNKNOWN.as_secs_f64(),
        };
        let cost = estimate * (in_flight + 1.0);
        let rate = self.success_rate(now);
        // The usual case, without the price of a power.
        if rate == 1.0 { cost } else { cost / rate.powf(f64::from_bits(self.success_power.load(Relaxed))) }
    }
}

fn later(at: &AtomicU64, now: Moment) -> Option<Moment> {
    Some(Moment(at.load(Relaxed))).filter(|until| *until > now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Moment {
        Moment(seconds * 1_000_000)
    }

    #[test]
    fn an_unknown_target_gets_one_request_to_learn_from() {
        let [new, known] = [(); 2].map(|()| Arc::new(Health::new(&HealthSettings::default())));
        known.answered(SECOND, at(1));
        assert!(new.score(at(1)) < known.score(at(1)));
        let guard = new.enter();
        assert!(new.score(at(1)) > known.score(at(1)) && new.in_flight() == 1);
        drop(guard);
        assert_eq!(new.in_flight(), 0);
    }

    #[test]
    fn failures_cost_before_the_breaker_opens() {
        let [bad, good] = [(); 2].map(|()| Health::new(&HealthSettings::default()));
        for second in 0..20 {
            good.answered(SECOND, at(second));
            bad.answered(SECOND, at(second));
            if second % 2 == 0 {
                bad.failed(None, at(second));
            }
        }
        assert!(bad.score(at(20)) > 1.1 * good.score(at(20)));
        (20..60).for_each(|second| [&bad, &good].iter().for_each(|health| health.answered(SECOND, at(second))));
        assert!(bad.score(at(60)) < 1.05 * good.score(at(60)));
    }

    #[test]
    fn a_shorter_limit_never_shortens_a_longer_one() {
        let health = Health::new(&HealthSettings::default());
        health.limit(at(9));
        health.limit(at(3));
        health.eject(at(12));
        assert_eq!(health.readiness(at(8)), Readiness::Away { until: at(9) });
        assert_eq!(health.readiness(at(9)), Readiness::Ejected { until: at(12) });
        assert_eq!(health.readiness(at(12)), Readiness::Ready);
    }
}
