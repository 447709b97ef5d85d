//! The rules of a breaker, of which one thread at a time changes the words.

use std::time::Duration;

use super::settings::{BreakerSettings, Refused, Standing, Transition, Why};
use crate::clock::Moment;
use crate::window::Counts;

#[derive(Debug)]
pub(super) struct Machine {
    pub(super) settings: BreakerSettings,
    standing: Standing,
    /// Probes that succeeded since it is half open.
    successes: u32,
    /// The last cooldown of its own; zero if there was none yet.
    cooldown: Duration,
    closed_at: Moment,
    /// What the upstream asked for: it opens at least until then, if it opens.
    asked: Moment,
}

impl Machine {
    pub(super) fn new(settings: BreakerSettings) -> Machine {
        Machine {
            settings,
            standing: Standing::Closed,
            successes: 0,
            cooldown: Duration::ZERO,
            closed_at: Moment(0),
            asked: Moment(0),
        }
    }

    pub(super) fn standing(&self) -> Standing {
        self.standing
    }

    pub(super) fn may_probe(&self, now: Moment) -> Result<(), Refused> {
        match self.standing {
            Standing::Open { until } if until > now => Err(Refused { until }),
            _ => Ok(()),
        }
    }

    pub(super) fn half_open(&mut self) -> Option<Transition> {
        if self.standing == Standing::HalfOpen {
            return None;
        }
        self.successes = 0;
        Some(self.to(Standing::HalfOpen, Why::CooledDown))
    }

    pub(super) fn probe_succeeded(&mut self, now: Moment) -> Option<Transition> {
        self.successes += 1;
        if self.successes < self.settings.successes { None } else { self.close(now, Why::Recovered) }
    }

    pub(super) fn probe_failed(&mut self, now: Moment) -> Option<Transition> {
        self.open(now, Why::ProbeFailed)
    }

    /// A failure while closed, after which these are the counts: succeeded and failed.
    pub(super) fn failed(&mut self, now: Moment, consecutive: u32, counts: Counts) -> Option<Transition> {
        let BreakerSettings { consecutive: most, ratio, min_requests, .. } = self.settings;
        let of = counts.first + counts.second;
        if most > 0 && consecutive >= most {
            self.open(now, Why::Consecutive(consecutive))
        } else if of >= f64::from(min_requests) && counts.second >= ratio * of {
            self.open(now, Why::Ratio { failed: counts.second as u32, of: of as u32 })
        } else {
            None
        }
    }

    /// The upstream asked for a pause: never less than what it or another asked for before.
    pub(super) fn asked(&mut self, now: Moment, pause: Duration) {
        self.asked = self.asked.max(now + pause.min(self.settings.max_asked));
        if let Standing::Open { until } = &mut self.standing {
            *until = self.asked.max(*until);
        }
    }

    pub(super) fn close(&mut self, now: Moment, why: Why) -> Option<Transition> {
        if self.standing == Standing::Closed {
            return None;
        }
        self.closed_at = now;
        self.asked = Moment(0);
        Some(self.to(Standing::Closed, why))
    }

    pub(super) fn open_until(&mut self, until: Moment, why: Why) -> Option<Transition> {
        if let Standing::Open { until: running } = &mut self.standing {
            *running = until.max(*running);
            return None;
        }
        Some(self.to(Standing::Open { until }, why))
    }

    fn open(&mut self, now: Moment, why: Why) -> Option<Transition> {
        let stayed_closed = self.standing == Standing::Closed && now - self.closed_at >= self.cooldown;
        let longer = if stayed_closed { Duration::ZERO } else { self.cooldown.saturating_mul(2) };
        self.cooldown = longer.max(self.settings.cooldown).min(self.settings.max_cooldown);
        self.open_until(self.asked.max(now + self.cooldown), why)
    }

    fn to(&mut self, to: Standing, why: Why) -> Transition {
        let from = std::mem::replace(&mut self.standing, to);
        Transition { from, to, why }
    }
}
