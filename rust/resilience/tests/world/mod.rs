//! A simulated world: callers, an attempt loop that follows the rules, and providers that brown out. Deterministic by seed.

#![allow(dead_code, reason = "the tests and the example use different parts")]

mod attempts;
pub(crate) mod brownout;
mod provider;
mod report;
mod rng;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use tollway_resilience::Moment;
use tollway_resilience::budget::{Budget, BudgetSettings};
use tollway_resilience::health::{Health, HealthSettings, InFlight};
use tollway_resilience::outlier::{Every, OutlierSettings};
use tollway_resilience::policy::Rules;

use attempts::Request;
pub(crate) use provider::{Answer, Brownout, Provider, Shape};
pub(crate) use report::{Report, quantile};
pub(crate) use rng::Rng;

/// What is simulated.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    /// Requests a second, Poisson.
    pub(crate) load: f64,
    pub(crate) length: Duration,
    pub(crate) providers: Vec<Shape>,
    pub(crate) policy: Policy,
    /// The share of callers who leave before their answer.
    pub(crate) leavers: f64,
    /// The most that the clock is set forward or back at once, every two seconds on average.
    pub(crate) clock_steps: Duration,
}

/// How requests are attempted.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) health: HealthSettings,
    pub(crate) rules: Rules,
    pub(crate) outliers: OutlierSettings,
    /// Sends that one request may spend on one target.
    pub(crate) most: u32,
    pub(crate) retries: Option<BudgetSettings>,
    pub(crate) hedges: Option<BudgetSettings>,
    /// The configured timeout for the first token.
    pub(crate) timeout: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Arrive,
    Ended { request: u64, send: u64, answer: Answer },
    Late { request: u64, send: u64 },
    Resend { request: u64, target: usize },
    TimedOut { request: u64, send: u64 },
    Leave { request: u64 },
    Streamed { send: u64 },
    StepClock,
}

pub(crate) struct World {
    scenario: Scenario,
    rng: Rng,
    /// True time since the start, and what the clock shows.
    time: Duration,
    clock: Moment,
    queue: BinaryHeap<Reverse<(Duration, u64, usize)>>,
    events: Vec<Event>,
    pub(crate) health: Vec<Arc<Health>>,
    providers: Vec<Provider>,
    retries: Option<Budget>,
    hedges: Option<Budget>,
    sweep: Every,
    requests: BTreeMap<u64, Request>,
    /// Answers that are still being streamed.
    streams: BTreeMap<u64, InFlight>,
    numbers: u64,
    pub(crate) report: Report,
}

impl World {
    pub(crate) fn new(scenario: Scenario) -> World {
        let health = || Arc::new(Health::new(&scenario.policy.health).watched());
        let mut world = World {
            rng: Rng(scenario.seed),
            time: Duration::ZERO,
            clock: Moment(7_000_000_000),
            queue: BinaryHeap::new(),
            events: Vec::new(),
            health: scenario.providers.iter().map(|_| health()).collect(),
            providers: scenario.providers.iter().cloned().map(Provider::new).collect(),
            retries: scenario.policy.retries.map(Budget::new),
            hedges: scenario.policy.hedges.map(Budget::new),
            sweep: Every::default(),
            requests: BTreeMap::new(),
            streams: BTreeMap::new(),
            numbers: 0,
            report: Report::default(),
            scenario,
        };
        world.at(Duration::ZERO, Event::Arrive);
        if !world.scenario.clock_steps.is_zero() {
            world.at(Duration::ZERO, Event::StepClock);
        }
        world
    }

    /// Runs to the end, and until the last request ended.
    pub(crate) fn run(&mut self) -> &Report {
        while let Some(Reverse((time, _, event))) = self.queue.pop() {
            self.clock = self.clock + time.saturating_sub(self.time);
            self.time = time;
            self.handle(self.events[event]);
            self.check();
        }
        assert!(self.requests.is_empty() && self.streams.is_empty(), "a request never ended");
        &self.report
    }

    pub(crate) fn now(&self) -> Moment {
        self.clock
    }

    /// Every provider is well, and each is asked now and then, for longer than any breaker or limit lasts.
    pub(crate) fn heal(&mut self) {
        for _ in 0..150 {
            self.clock = self.clock + Duration::from_secs(2);
            for health in &self.health {
                if let Ok(pass) = health.breaker().admit(self.clock) {
                    let _ = health.breaker().succeed(pass, self.clock);
                    health.answered(Duration::from_millis(100), self.clock);
                }
            }
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Arrive => {
                let next = Duration::from_secs_f64(self.rng.exponential() / self.scenario.load);
                self.begin();
                if self.time + next < self.scenario.length {
                    self.at(next, Event::Arrive);
                }
            }
            Event::Ended { request, send, answer } => self.ended(request, send, answer),
            Event::Late { request, send } => self.late(request, send),
            Event::Resend { request, target } => self.resend(request, target),
            Event::TimedOut { request, send } => self.timed_out(request, send),
            Event::Leave { request } => {
                if self.requests.remove(&request).is_some() {
                    self.report.left += 1;
                }
            }
            Event::Streamed { send } => drop(self.streams.remove(&send)),
            Event::StepClock => {
                let most = self.scenario.clock_steps.as_micros() as u64;
                let step = self.rng.below(2 * most + 1);
                self.clock = Moment((self.clock.0 + step).saturating_sub(most));
                let next = Duration::from_secs_f64(2.0 * self.rng.exponential());
                if self.time + next < self.scenario.length {
                    self.at(next, Event::StepClock);
                }
            }
        }
    }

    fn at(&mut self, after: Duration, event: Event) {
        self.events.push(event);
        let number = self.events.len();
        self.queue.push(Reverse((self.time + after, number as u64, number - 1)));
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// What must hold at any time.
    fn check(&self) {
        let mut probes = vec![0; self.health.len()];
        let sends = self.requests.values().flat_map(Request::sends).filter(|send| send.is_probe());
        sends.for_each(|send| probes[send.target] += 1);
        let places = self.scenario.policy.health.breaker.probes.max(1);
        assert!(probes.iter().all(|probes| *probes <= places), "{probes:?} probes");
        let ejected = |health: &Arc<Health>| health.ejected(self.clock).is_some();
        assert!(!self.health.iter().all(ejected), "the last target is ejected");
        if let (Some(budget), Some(_)) = (self.scenario.policy.retries, self.retries.as_ref()) {
            let floor = budget.floor * (self.time + budget.window).as_secs_f64();
            let most = budget.share * self.report.requests as f64 + floor;
            // With a clock that is set back, what is withdrawn is counted in windows that pass more than once.
            let steps = !self.scenario.clock_steps.is_zero();
            assert!(steps || self.report.retries as f64 <= most + 1e-6, "{} retries of {most}", self.report.retries);
        }
    }
}
