//! Counting answers and failures, and the result of a run.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::load::{Failure, Plan, link::Outcome};

/// A hundred seconds; what takes longer counts as this.
const LONGEST: u64 = 100_000_000_000;

/// Times in nanoseconds, kept to four significant digits: added microseconds must still show in answers that take 50 ms.
struct Times(Histogram<u64>);

impl Times {
    fn new() -> Result<Self, String> {
        Histogram::new_with_bounds(1, LONGEST, 4).map(Self).map_err(|error| error.to_string())
    }

    fn record(&mut self, nanos: u64) {
        self.0.saturating_record(nanos);
    }

    fn quantiles(&self) -> Quantiles {
        let at = |quantile| micros(self.0.value_at_quantile(quantile));
        Quantiles {
            mean: (self.0.mean() / 10.0).round() / 100.0,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: micros(self.0.max()),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a time below 100 s has 37 bits")]
fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1000.0
}

/// Microseconds.
#[derive(Debug, Serialize)]
pub struct Quantiles {
    mean: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

/// What has happened so far.
pub(crate) struct Tally {
    /// Requests that start before are not counted; failures always are.
    measure_from: u64,
    latency: Times,
    first: Times,
    late: Times,
    last: u64,
    received_before: u64,
    failures: BTreeMap<String, u64>,
    pub(crate) reconnects: u64,
}

impl Tally {
    pub(crate) fn new(measure_from: u64) -> Result<Self, String> {
        let (latency, first, late) = (Times::new()?, Times::new()?, Times::new()?);
        Ok(Self {
            measure_from,
            latency,
            first,
            late,
            last: 0,
            received_before: 0,
            failures: BTreeMap::new(),
            reconnects: 0,
        })
    }

    /// The warm-up has ended.
    pub(crate) fn measuring(&mut self, plan: &Plan) {
        self.received_before = plan.received.get();
    }

    /// Counts an answer to a request that was sent at `sent` and, in an open loop, was due at `due`.
    pub(crate) fn answered(&mut self, due: Option<u64>, sent: u64, outcome: &Outcome) {
        let start = due.unwrap_or(sent);
        if start < self.measure_from {
            return;
        }
        self.latency.record(outcome.done.saturating_sub(start));
        self.first.record(outcome.first.saturating_sub(start));
        if due.is_some() {
            self.late.record(sent.saturating_sub(start));
        }
        self.last = self.last.max(outcome.done);
    }

    pub(crate) fn failed(&mut self, failure: Failure) {
        *self.failures.entry(failure.to_string()).or_default() += 1;
    }

    pub(crate) fn failures(&self) -> &BTreeMap<String, u64> {
        &self.failures
    }

    pub(crate) fn unfinished(&mut self, count: u64) {
        if count > 0 {
            *self.failures.entry(Failure::Unfinished.to_string()).or_default() += count;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
    pub(crate) fn report(&self, plan: &Plan) -> Report {
        let requests = self.latency.0.len();
        let received = plan.received.get() - self.received_before;
        let nanos = self.last.saturating_sub(self.measure_from);
        let seconds = nanos as f64 / 1e9;
        Report {
            requests,
            errors: self.failures.clone(),
            seconds,
            rps: if nanos == 0 { 0.0 } else { (requests as f64 / seconds * 10.0).round() / 10.0 },
            latency_us: self.latency.quantiles(),
            answers: plan.expected.length().map_or(requests as f64, |length| received as f64 / length as f64),
            first_chunk_us: plan.stream.then(|| self.first.quantiles()),
            late_us: (!self.late.0.is_empty()).then(|| self.late.quantiles()),
            chunks: if plan.stream { requests * plan.chunks as u64 } else { 0 },
            reconnects: self.reconnects,
        }
    }
}

/// The result of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Complete, right answers to requests that started after the warm-up.
    pub requests: u64,
    /// Failures by kind, the warm-up's too.
    pub errors: BTreeMap<String, u64>,
    /// Whole answers' worth of bytes that came after the warm-up, whenever their requests started: what the work that a
    /// target did meanwhile is to be divided by. It differs from `requests` where answers take long.
    pub answers: f64,
    seconds: f64,
    rps: f64,
    latency_us: Quantiles,
    first_chunk_us: Option<Quantiles>,
    /// In an open loop, how long after its time a request was sent: the generator's own share of the latency.
    late_us: Option<Quantiles>,
    chunks: u64,
    reconnects: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Target;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        target: Target,
    }

    fn plan(option: &str) -> Plan {
        Plan::new(&Cli::try_parse_from(["load", "--url", "http://127.0.0.1/", option]).unwrap().target).unwrap()
    }

    fn outcome(first: u64, done: u64) -> Outcome {
        Outcome { first, done, reusable: true }
    }

    #[test]
    fn quantiles_are_of_what_was_recorded_as_they_were() {
        let mut tally = Tally::new(0).unwrap();
        for micros in 1..=1000 {
            tally.answered(None, 0, &outcome(micros * 500, micros * 1000));
        }
        let report = tally.report(&plan("--stream"));
        let near = |value: f64, expected: f64| (value / expected - 1.0).abs() < 0.002;
        assert!(near(report.latency_us.p50, 500.0), "{report:?}");
        assert!(near(report.latency_us.p99, 990.0), "{report:?}");
        assert!(near(report.latency_us.max, 1000.0), "{report:?}");
        assert!(near(report.first_chunk_us.unwrap().p50, 250.0));
        assert_eq!((report.requests, report.chunks), (1000, 64_000));
    }

    #[test]
    fn the_warm_up_counts_only_when_it_fails() {
        let mut tally = Tally::new(1_000_000_000).unwrap();
        tally.answered(Some(999_999_999), 1_000_000_001, &outcome(1_000_000_500, 1_000_000_500));
        tally.answered(None, 1_000_000_000, &outcome(1_500_000_000, 1_500_000_000));
        tally.failed(Failure::Status(502));
        tally.failed(Failure::Status(502));
        tally.unfinished(0);
        let report = tally.report(&plan("--verify=complete"));
        assert_eq!(report.requests, 1);
        assert!((report.rps - 2.0).abs() < 1e-9, "{report:?}");
        assert_eq!(report.errors, BTreeMap::from([("status-502".to_owned(), 2)]));
    }

    #[test]
    fn work_is_counted_by_the_bytes_that_came_while_it_was_measured() {
        let plan = plan("--answer=1000");
        plan.received.set(2500);
        let mut tally = Tally::new(0).unwrap();
        tally.measuring(&plan);
        plan.received.set(4000);
        assert!((tally.report(&plan).answers - 1.5).abs() < 1e-9);
    }
}
