//! The attempt loop, as the data plane's, but driven by events.

use std::time::Duration;

use tollway_resilience::balance::{Ranked, Readiness, healthy_first, rank};
use tollway_resilience::breaker::{Pass, Standing, Transition};
use tollway_resilience::health::InFlight;
use tollway_resilience::outlier;
use tollway_resilience::policy::{Chance, Next, Stop, Tries, View};

use super::{Answer, Event, World};

/// A request under way.
pub(crate) struct Request {
    began: Duration,
    order: Vec<Ranked>,
    tries: Tries,
    live: Vec<Send>,
}

/// A send under way.
pub(crate) struct Send {
    number: u64,
    pub(crate) target: usize,
    began: Duration,
    /// When its hedge timer went off, after the send.
    late: Option<Duration>,
    pass: Pass,
    guard: InFlight,
}

impl Send {
    pub(crate) fn is_probe(&self) -> bool {
        self.pass.is_probe()
    }
}

impl Request {
    pub(crate) fn sends(&self) -> impl Iterator<Item = &Send> {
        self.live.iter()
    }
}

impl World {
    /// A request comes.
    pub(super) fn begin(&mut self) {
        self.judge_latencies();
        self.report.requests += 1;
        let now = self.clock;
        [&self.retries, &self.hedges].into_iter().flatten().for_each(|budget| budget.deposit(now));
        let mut order = Vec::new();
        rank(&mut order, self.health.len(), |index| self.health[index].score(now));
        healthy_first(&mut order, 0.5, |index| self.health[index].readiness(now));
        let request = self.number();
        let began = self.time;
        self.requests.insert(request, Request { began, order, tries: Tries::default(), live: Vec::new() });
        if self.rng.unit() <= self.scenario.leavers {
            let leave = Duration::from_secs_f64(self.rng.exponential() * 0.5);
            self.at(leave, Event::Leave { request });
        }
        let ready = self.requests[&request].order.iter().map(|ranked| ranked.index);
        let first = ready
            .clone()
            .find(|index| matches!(self.health[*index].readiness(now), Readiness::Ready | Readiness::Ejected { .. }));
        match first {
            Some(target) => self.send(request, target),
            None => self.after_failure(request),
        }
    }

    fn judge_latencies(&mut self) {
        let settings = self.scenario.policy.outliers;
        if !self.sweep.due(settings.every, self.clock) {
            return;
        }
        outlier::eject_slow(&self.health, &settings, self.clock);
    }

    fn send(&mut self, number: u64, target: usize) {
        let health = &self.health[target];
        let Ok(pass) = health.breaker().admit(self.clock) else {
            return self.after_failure(number);
        };
        let guard = health.enter();
        let hedge = self.hedges.as_ref().and_then(|_| self.scenario.policy.rules.hedge_after(health, self.clock));
        let send = self.number();
        let (after, answer) = self.providers[target].serve(self.time, &mut self.rng);
        self.report.sends += 1;
        self.report.to.resize(self.health.len(), (0, 0));
        self.report.to[target].0 += 1;
        self.report.to[target].1 += u64::from(matches!(answer, Answer::Limited(_)));
        if answer != Answer::Stalled {
            self.at(after, Event::Ended { request: number, send, answer });
        }
        if let Some(hedge) = hedge.filter(|hedge| *hedge < after) {
            self.at(hedge, Event::Late { request: number, send });
        }
        if after > self.scenario.policy.timeout {
            self.at(self.scenario.policy.timeout, Event::TimedOut { request: number, send });
        }
        let began = self.time;
        let Some(request) = self.requests.get_mut(&number) else { return };
        request.tries.sent(target);
        request.live.push(Send { number: send, target, began, late: None, pass, guard });
    }

    pub(super) fn ended(&mut self, number: u64, send: u64, answer: Answer) {
        let Some(send) = self.take(number, send) else { return };
        if answer == Answer::Token { self.answered(number, send) } else { self.failed(number, send, answer) }
    }

    pub(super) fn timed_out(&mut self, number: u64, send: u64) {
        if let Some(send) = self.take(number, send) {
            self.failed(number, send, Answer::Stalled);
        }
    }

    /// The hedge timer of a send goes off.
    pub(super) fn late(&mut self, number: u64, send: u64) {
        let Some(request) = self.requests.get_mut(&number) else { return };
        let Some(send) = request.live.iter_mut().find(|live| live.number == send) else { return };
        send.late = Some(self.time - send.began);
        let now = self.clock;
        let (Some(hedges), Some(request)) = (&self.hedges, self.requests.get(&number)) else { return };
        let chance = |index: usize| Chance::of(&self.health[index], self.scenario.policy.most, now);
        let view = View { order: &request.order, chance, now };
        let target = self.scenario.policy.rules.hedge(&request.tries, &view, hedges);
        if let Some(target) = target {
            self.report.hedges += 1;
            self.send(number, target);
        }
    }

    pub(super) fn resend(&mut self, number: u64, target: usize) {
        if self.requests.contains_key(&number) {
            self.send(number, target);
        }
    }

    fn answered(&mut self, number: u64, send: Send) {
        let health = &self.health[send.target];
        health.answered(self.time - send.began, self.clock);
        let transition = health.breaker().succeed(send.pass, self.clock);
        self.seen(transition);
        let Some(request) = self.requests.remove(&number) else { return };
        for other in request.live {
            let after = self.time - other.began;
            self.health[other.target].outrun(after, other.late.unwrap_or(after), self.clock);
        }
        self.report.first_tokens.push(self.time - request.began);
        self.streams.insert(send.number, send.guard);
        let stream = Duration::from_secs_f64(self.rng.exponential());
        self.at(stream, Event::Streamed { send: send.number });
    }

    fn failed(&mut self, number: u64, send: Send, answer: Answer) {
        let Send { target, began, pass, guard, .. } = send;
        drop(guard);
        let waited = (answer == Answer::Stalled).then(|| self.time - began);
        let health = &self.health[target];
        health.failed(waited, self.clock);
        let transition = if let Answer::Limited(asked) = answer {
            if let Some(asked) = asked {
                health.limit(self.clock + asked);
            }
            drop(pass);
            None
        } else {
            health.breaker().fail(pass, self.clock, None)
        };
        self.seen(transition);
        self.after_failure(number);
    }

    /// Sends again, waits for another send that is not late, or answers with the failure.
    fn after_failure(&mut self, number: u64) {
        let request = &self.requests[&number];
        if request.live.iter().any(|send| send.late.is_none()) {
            return;
        }
        let now = self.clock;
        let draw = self.rng.word();
        let next = self.retries.as_ref().map_or(Next::Stop(Stop::Budget), |retries| {
            let chance = |index: usize| Chance::of(&self.health[index], self.scenario.policy.most, now);
            let view = View { order: &request.order, chance, now };
            self.scenario.policy.rules.next(&request.tries, &view, retries, draw)
        });
        match next {
            Next::Send { index, after } => {
                self.report.retries += 1;
                self.at(after, Event::Resend { request: number, target: index });
            }
            Next::Stop(_) if !request.live.is_empty() => {}
            Next::Stop(stop) => {
                self.report.stopped[stop as usize] += 1;
                self.report.failures += 1;
                self.requests.remove(&number);
            }
        }
    }

    fn take(&mut self, number: u64, send: u64) -> Option<Send> {
        let live = &mut self.requests.get_mut(&number)?.live;
        let at = live.iter().position(|live| live.number == send)?;
        Some(live.swap_remove(at))
    }

    fn seen(&mut self, transition: Option<Transition>) {
        if let Some(Transition { to: Standing::Open { .. }, .. }) = transition {
            self.report.opened += 1;
        }
    }
}
