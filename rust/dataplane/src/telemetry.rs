//! Counters: one shard a worker, so that counting never contends; merged when they are read.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustc_hash::FxHashMap;

mod prometheus;

/// What a series is told apart by: only names from the configuration, never a caller's.
#[derive(Debug, PartialEq, Eq, Hash, Clone)]
pub(crate) struct LabelNames {
    pub(crate) route: Box<str>,
    pub(crate) provider: Box<str>,
    pub(crate) model: Box<str>,
}

/// One set of label names, with a number that stays its own over reloads.
#[derive(Debug)]
pub(crate) struct Labels {
    id: usize,
    names: LabelNames,
}

/// Every set of labels that any configuration of this process had: bounded by what operators declare.
static LABELS: LazyLock<Mutex<HashMap<LabelNames, Arc<Labels>>>> = LazyLock::new(Mutex::default);

impl Labels {
    /// The one set of these names.
    pub(crate) fn new(route: &str, provider: &str, model: &str) -> Arc<Self> {
        let names = LabelNames { route: route.into(), provider: provider.into(), model: model.into() };
        let mut known = lock(&LABELS);
        let id = known.len();
        let labels = known.entry(names).or_insert_with_key(|names| Arc::new(Self { id, names: names.clone() }));
        Arc::clone(labels)
    }

    /// The names.
    pub(crate) fn names(&self) -> &LabelNames {
        &self.names
    }

    /// The set for what is refused before a route is known.
    pub(crate) fn none() -> Arc<Self> {
        static NONE: LazyLock<Arc<Labels>> = LazyLock::new(|| Labels::new("", "", ""));
        Arc::clone(&NONE)
    }
}

/// Upper bounds in seconds: those of OpenTelemetry's GenAI durations, continued downward for the overhead.
const SECONDS: [f64; 14] = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const OVERHEAD: [f64; 14] =
    [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 1.0];

#[derive(Default, Clone)]
struct Histogram {
    buckets: [u64; 15],
    sum: f64,
}

impl Histogram {
    fn observe(&mut self, bounds: &[f64; 14], time: Duration) {
        let seconds = time.as_secs_f64();
        if let Some(bucket) = self.buckets.get_mut(bounds.partition_point(|bound| *bound < seconds)) {
            *bucket += 1;
        }
        self.sum += seconds;
    }

    fn add(&mut self, other: &Self) {
        self.buckets.iter_mut().zip(other.buckets).for_each(|(mine, theirs)| *mine += theirs);
        self.sum += other.sum;
    }
}

/// How an attempt at an upstream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum AttemptClass {
    Ok,
    RateLimit,
    Overload,
    ServerError,
    Connect,
    Timeout,
    Credentials,
    Rejected,
    Malformed,
    Broken,
    Cancelled,
}

/// The kinds of tokens that are counted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TokenCounts {
    pub(crate) input: u64,
    pub(crate) output: u64,
    pub(crate) cached: u64,
    pub(crate) reasoning: u64,
}

/// What *account* knows of a finished request.
pub(crate) struct Finished<'a> {
    pub(crate) labels: &'a Labels,
    pub(crate) status: u16,
    pub(crate) total: Duration,
    pub(crate) overhead: Duration,
    pub(crate) first_token: Option<Duration>,
    pub(crate) tokens: TokenCounts,
}

#[derive(Default)]
struct Series {
    duration: Histogram,
    overhead: Histogram,
    first_token: Histogram,
    tokens: TokenCounts,
    statuses: FxHashMap<u16, u64>,
    attempts: FxHashMap<AttemptClass, u64>,
}

impl Series {
    fn add(&mut self, other: &Self) {
        self.duration.add(&other.duration);
        self.overhead.add(&other.overhead);
        self.first_token.add(&other.first_token);
        self.tokens.input += other.tokens.input;
        self.tokens.output += other.tokens.output;
        self.tokens.cached += other.tokens.cached;
        self.tokens.reasoning += other.tokens.reasoning;
        other.statuses.iter().for_each(|(status, count)| *self.statuses.entry(*status).or_default() += count);
        other.attempts.iter().for_each(|(class, count)| *self.attempts.entry(*class).or_default() += count);
    }
}

/// One worker's counters. Only that worker writes; the lock is free but for the moment of a read.
#[derive(Default)]
pub(crate) struct Shard {
    series: Mutex<Vec<Option<Box<Series>>>>,
    in_flight: AtomicI64,
}

impl Shard {
    /// Notes that a request has begun.
    pub(crate) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a request has ended.
    pub(crate) fn finish(&self, finished: &Finished<'_>) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.with(finished.labels, |series| {
            *series.statuses.entry(finished.status).or_default() += 1;
            series.duration.observe(&SECONDS, finished.total);
            series.overhead.observe(&OVERHEAD, finished.overhead);
            if let Some(first) = finished.first_token {
                series.first_token.observe(&SECONDS, first);
            }
            series.tokens.input += finished.tokens.input;
            series.tokens.output += finished.tokens.output;
            series.tokens.cached += finished.tokens.cached;
            series.tokens.reasoning += finished.tokens.reasoning;
        });
    }

    /// Notes how an attempt ended.
    pub(crate) fn attempt(&self, labels: &Labels, class: AttemptClass) {
        self.with(labels, |series| *series.attempts.entry(class).or_default() += 1);
    }

    fn with(&self, labels: &Labels, count: impl FnOnce(&mut Series)) {
        let mut all = lock(&self.series);
        if all.len() <= labels.id {
            all.resize_with(labels.id + 1, || None);
        }
        if let Some(slot) = all.get_mut(labels.id) {
            count(slot.get_or_insert_with(Box::default));
        }
    }
}

/// All counters of the process.
pub(crate) struct Telemetry {
    shards: Vec<Arc<Shard>>,
}

impl Telemetry {
    /// Counters for `workers` workers.
    pub(crate) fn new(workers: usize) -> Self {
        Self { shards: (0..workers).map(|_| Arc::default()).collect() }
    }

    /// The counters of the worker `index`.
    pub(crate) fn shard(&self, index: usize) -> Arc<Shard> {
        self.shards.get(index).cloned().unwrap_or_default()
    }

    /// How many requests are being served.
    pub(crate) fn in_flight(&self) -> i64 {
        self.shards.iter().map(|shard| shard.in_flight.load(Ordering::Relaxed)).sum()
    }

    /// Everything, merged over the shards, ordered by labels.
    fn merged(&self) -> Vec<(Arc<Labels>, Series)> {
        let mut merged: Vec<(Arc<Labels>, Series)> = {
            let known = lock(&LABELS);
            known.values().map(|labels| (Arc::clone(labels), Series::default())).collect()
        };
        for shard in &self.shards {
            let series = lock(&shard.series);
            for (labels, sum) in &mut merged {
                if let Some(Some(counted)) = series.get(labels.id) {
                    sum.add(counted);
                }
            }
        }
        merged.retain(|(_, series)| !series.statuses.is_empty() || !series.attempts.is_empty());
        merged.sort_by(|(a, _), (b, _)| {
            (&a.names.route, &a.names.provider, &a.names.model).cmp(&(
                &b.names.route,
                &b.names.provider,
                &b.names.model,
            ))
        });
        merged
    }
}

/// Locks, also after a panic elsewhere: counters have no state that a panic could leave half made.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
