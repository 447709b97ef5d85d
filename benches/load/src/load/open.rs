//! The open loop: requests start at their own times, however long answers take, as they do from many users. A latency is
//! counted from the time at which its request was due, so that a stall of the target, or of the generator, is seen in
//! every request that had to wait for it (no coordinated omission).

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::Duration,
};

use tokio::{sync::oneshot, task::JoinSet};

use crate::{
    clock::{Clock, now},
    load::{
        Plan, Report,
        closed::nanos,
        link::{Shared, Slot},
    },
    quantity,
};

/// How the starts are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Arrivals {
    /// As independent users start them, a Poisson process, the same one in every run.
    #[default]
    Poisson,
    /// All the same time apart. Answers of a constant latency then come in step with later requests.
    Even,
}

/// How long and how hard.
#[derive(Clone, Debug, clap::Args)]
pub struct Open {
    /// Requests a second
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: u32,
    /// How the starts are spread
    #[arg(long, value_enum, default_value_t)]
    pub arrivals: Arrivals,
    /// Most connections at a time; a request that finds none waits, and its wait counts
    #[arg(long, default_value_t = 4096)]
    pub connections: usize,
    /// How long to send, after the warm-up
    #[arg(long, default_value = "5s", value_parser = quantity::duration)]
    pub duration: Duration,
    /// How long to send before anything is counted
    #[arg(long, default_value = "1s", value_parser = quantity::duration)]
    pub warm_up: Duration,
    /// How long answers may take after the last request was sent
    #[arg(long, default_value = "10s", value_parser = quantity::duration)]
    pub grace: Duration,
}

/// When each request is due.
struct Schedule {
    gap: f64,
    arrivals: Arrivals,
    state: u64,
    due: f64,
}

impl Schedule {
    fn new(rate: u32, arrivals: Arrivals) -> Self {
        Self { gap: 1e9 / f64::from(rate), arrivals, state: 0x853c_49e6_748f_ea9b, due: 0.0 }
    }

    /// Nanoseconds from the start of the run to the next request.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and a run is short")]
    fn next(&mut self) -> u64 {
        let factor = match self.arrivals {
            Arrivals::Even => 1.0,
            // The time between two events of a Poisson process is exponential.
            Arrivals::Poisson => -self.uniform().ln(),
        };
        self.due += self.gap * factor;
        self.due as u64
    }

    /// Evenly spread over (0, 1], by splitmix64.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        ((bits >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

#[derive(Clone, Copy)]
struct Job {
    n: u64,
    due: u64,
}

struct Run {
    shared: Shared,
    idle: RefCell<Vec<oneshot::Sender<Job>>>,
    waiting: RefCell<VecDeque<Job>>,
    ending: Cell<bool>,
}

/// Runs the loop inside a `LocalSet`. `measuring` is called when the warm-up ends.
///
/// # Errors
/// A text, if the system gives no timer.
pub async fn open(plan: Rc<Plan>, options: &Open, measuring: impl FnOnce()) -> Result<Report, String> {
    let clock = Clock::start().map_err(|error| error.to_string())?;
    let start = now() + 1_000_000;
    let measure_from = start + nanos(options.warm_up);
    let run = Rc::new(Run {
        shared: Shared::new(plan, measure_from)?,
        idle: RefCell::default(),
        waiting: RefCell::default(),
        ending: Cell::new(false),
    });
    let mut schedule = Schedule::new(options.rate, options.arrivals);
    let mut workers = JoinSet::new();
    let mut measuring = Some(measuring);
    let end = measure_from + nanos(options.duration);
    let mut n = 0;
    loop {
        let due = start + schedule.next();
        if due >= measure_from
            && let Some(measuring) = measuring.take()
        {
            clock.sleep_until(measure_from).await;
            run.shared.measuring();
            measuring();
        }
        if due >= end {
            break;
        }
        clock.sleep_until(due).await;
        dispatch(&run, &mut workers, options.connections, Job { n, due });
        n += 1;
    }
    finish(&run, &mut workers, &clock, nanos(options.grace)).await
}

async fn finish(run: &Rc<Run>, workers: &mut JoinSet<()>, clock: &Clock, grace: u64) -> Result<Report, String> {
    // Idle workers end now, the others once nothing is waiting.
    run.ending.set(true);
    run.idle.borrow_mut().clear();
    tokio::select! {
        () = async { while workers.join_next().await.is_some() {} } => {}
        () = clock.sleep_until(now() + grace) => {}
    }
    let unfinished = workers.len() + run.waiting.borrow().len();
    run.shared.tally.borrow_mut().unfinished(unfinished as u64);
    Ok(run.shared.report())
}

fn dispatch(run: &Rc<Run>, workers: &mut JoinSet<()>, most: usize, job: Job) {
    let mut job = job;
    loop {
        let Some(worker) = run.idle.borrow_mut().pop() else { break };
        match worker.send(job) {
            Ok(()) => return,
            // That worker has ended.
            Err(refused) => job = refused,
        }
    }
    if workers.len() < most {
        workers.spawn_local(worker(run.clone(), job));
    } else {
        run.waiting.borrow_mut().push_back(job);
    }
}

async fn worker(run: Rc<Run>, first: Job) {
    let mut slot = Slot::default();
    let mut job = first;
    loop {
        // A failure is counted, and the next request opens another connection.
        let _ = slot.exchange(&run.shared, job.n, Some(job.due)).await;
        let waiting = run.waiting.borrow_mut().pop_front();
        job = match waiting {
            Some(job) => job,
            None if run.ending.get() => return,
            None => {
                let (sender, next) = oneshot::channel();
                run.idle.borrow_mut().push(sender);
                let Ok(job) = next.await else { return };
                job
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_starts_are_the_same_time_apart() {
        let mut schedule = Schedule::new(1000, Arrivals::Even);
        assert_eq!([(); 3].map(|()| schedule.next()), [1_000_000, 2_000_000, 3_000_000]);
    }

    #[test]
    fn poisson_starts_keep_the_rate_and_vary_as_they_should() {
        let mut schedule = Schedule::new(1000, Arrivals::Poisson);
        let starts: Vec<u64> = (0..100_000).map(|_| schedule.next()).collect();
        let mean = starts[99_999] / 100_000;
        assert!((990_000..1_010_000).contains(&mean), "{mean} ns apart in the mean");
        // Of exponential gaps, 1 - 1/e are shorter than the mean.
        let short = starts.windows(2).filter(|pair| pair[1] - pair[0] < 1_000_000).count();
        assert!((62_200..64_200).contains(&short), "{short} short gaps");
    }

    #[test]
    fn every_run_has_the_same_starts() {
        let starts = || {
            let mut schedule = Schedule::new(5000, Arrivals::Poisson);
            [(); 100].map(|()| schedule.next())
        };
        assert_eq!(starts(), starts());
    }
}
