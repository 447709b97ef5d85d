//! The closed loop: each connection sends its next request once the answer to the last one is complete.

use std::{cell::Cell, rc::Rc, time::Duration};

use tokio::task::JoinSet;

use crate::{
    clock::{Clock, now},
    load::{
        Plan, Report,
        link::{Shared, Slot},
    },
    quantity,
};

/// How long and how hard.
#[derive(Clone, Debug, clap::Args)]
pub struct Closed {
    /// Connections, each with one request at a time
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// How long to send, after the warm-up
    #[arg(long, default_value = "5s", value_parser = quantity::duration)]
    pub duration: Duration,
    /// End after this many requests, if that is before `--duration`
    #[arg(long)]
    pub requests: Option<u64>,
    /// How long to send before anything is counted
    #[arg(long, default_value = "1s", value_parser = quantity::duration)]
    pub warm_up: Duration,
    /// How long answers may take after the last request was sent
    #[arg(long, default_value = "10s", value_parser = quantity::duration)]
    pub grace: Duration,
}

struct Run {
    shared: Shared,
    clock: Clock,
    measure_from: u64,
    end: u64,
    sent: Cell<u64>,
    left: Cell<u64>,
}

/// Runs the loop inside a `LocalSet`. `measuring` is called when the warm-up ends.
///
/// # Errors
/// A text, if the system gives no timer.
pub async fn closed(plan: Rc<Plan>, options: &Closed, measuring: impl FnOnce() + 'static) -> Result<Report, String> {
    let clock = Clock::start().map_err(|error| error.to_string())?;
    let measure_from = now() + nanos(options.warm_up);
    let end = measure_from + nanos(options.duration);
    let run = Rc::new(Run {
        shared: Shared::new(plan, measure_from)?,
        clock,
        measure_from,
        end,
        sent: Cell::new(0),
        left: Cell::new(options.requests.unwrap_or(u64::MAX)),
    });
    let mut workers = JoinSet::new();
    for _ in 0..options.connections {
        workers.spawn_local(worker(run.clone()));
    }
    let warm = run.clone();
    tokio::task::spawn_local(async move {
        warm.clock.sleep_until(measure_from).await;
        warm.shared.measuring();
        measuring();
    });
    let last = run.clock.sleep_until(end + nanos(options.grace));
    tokio::select! {
        () = async { while workers.join_next().await.is_some() {} } => {}
        () = last => {}
    }
    run.shared.tally.borrow_mut().unfinished(workers.len() as u64);
    Ok(run.shared.report())
}

async fn worker(run: Rc<Run>) {
    let mut slot = Slot::default();
    while let Some(n) = run.next() {
        if slot.exchange(&run.shared, n, None).await.is_err() {
            // A target that is down must not turn the generator into a storm of connects.
            run.clock.sleep_until(now() + 10_000_000).await;
        }
    }
}

impl Run {
    /// The number of the next request, or `None` once no more are to be sent.
    fn next(&self) -> Option<u64> {
        let time = now();
        if time >= self.end || self.left.get() == 0 {
            return None;
        }
        if time >= self.measure_from {
            self.left.set(self.left.get() - 1);
        }
        let n = self.sent.get();
        self.sent.set(n + 1);
        Some(n)
    }
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    // A century: sums of a few of them still fit.
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).min(3_000_000_000_000_000_000)
}
