//! Counters: one shard a worker, so that counting never contends; merged when they are read.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use tollway_protocol::splice::ModelJson;
use tollway_records::record::{Writer, field};

use crate::snapshot::spec::header;

mod histogram;
mod prometheus;

use histogram::{Histogram, OVERHEAD, Observed, SECONDS};

/// What a series is told apart by: only names from the configuration, never a caller's.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
pub(crate) struct LabelNames {
    pub(crate) route: &'static str,
    pub(crate) provider: &'static str,
    pub(crate) model: &'static str,
}

/// One set of label names, with all that is made of them once: a request for one of ten thousand routes should have to
/// fetch few lines of memory, and count no references.
#[derive(Debug)]
pub(crate) struct Labels {
    id: usize,
    names: LabelNames,
    /// The names as an answer's headers tell them.
    pub(crate) headers: [HeaderValue; 3],
    /// The model's name as it goes into a request.
    pub(crate) model_json: ModelJson,
    /// The names as a record holds them.
    pub(crate) recorded: &'static [u8],
}

/// Every set of labels that any configuration of this process had, by its names: bounded by what operators declare,
/// and therefore never freed.
static LABELS: LazyLock<Mutex<HashMap<&'static str, &'static Labels>>> = LazyLock::new(Mutex::default);

impl Labels {
    /// The one set of these names.
    ///
    /// # Errors
    /// Where a name holds a control character, which no header can carry.
    pub(crate) fn new(route: &str, provider: &str, model: &str) -> Result<&'static Self, String> {
        let joined = format!("{route}\0{provider}\0{model}");
        let mut known = lock(&LABELS);
        if let Some(labels) = known.get(&*joined) {
            return Ok(labels);
        }
        for name in [route, provider, model] {
            header(name)?;
        }
        let model_json = serde_json::Value::from(model).to_string();
        let mut recorded = Vec::new();
        let mut writer = Writer::new(&mut recorded);
        writer.text(field::ROUTE, route);
        writer.text(field::PROVIDER, provider);
        writer.text(field::MODEL, model);
        // One piece of memory, so that it takes few of the processor's cache lines.
        let (names, json) = (joined.len(), joined.len() + model_json.len());
        let block: &'static [u8] = Vec::leak([joined.as_bytes(), model_json.as_bytes(), &recorded].concat());
        let (texts, recorded) = block.split_at(json);
        let (joined, model_json) = str::from_utf8(texts).map_err(|error| error.to_string())?.split_at(names);
        let mut names = joined.split('\0');
        let mut next = || names.next().unwrap_or_default();
        let names = LabelNames { route: next(), provider: next(), model: next() };
        let value = |name: &'static str| {
            HeaderValue::from_maybe_shared(Bytes::from_static(name.as_bytes()))
                .unwrap_or(const { HeaderValue::from_static("") })
        };
        let labels: &'static Self = Box::leak(Box::new(Self {
            id: known.len(),
            names,
            headers: [names.route, names.provider, names.model].map(value),
            model_json: ModelJson::of_json(model_json),
            recorded,
        }));
        known.insert(joined, labels);
        Ok(labels)
    }

    /// Something of each of its cache lines.
    pub(crate) fn touched(&self) -> u8 {
        let lengths =
            self.headers.iter().fold(self.id, |sum, header| sum ^ header.len()) ^ self.model_json.as_bytes().len();
        let block = self.names.route.as_bytes().iter().chain(self.recorded);
        block.step_by(48).fold(lengths as u8, |sum, byte| sum ^ byte)
    }

    /// The names.
    pub(crate) fn names(&self) -> &LabelNames {
        &self.names
    }

    /// The set for what is refused before a route is known.
    pub(crate) fn none() -> &'static Self {
        static NONE: LazyLock<&'static Labels> = LazyLock::new(|| {
            // Empty names hold no control characters.
            Labels::new("", "", "").unwrap_or_else(|_| Box::leak(Box::default()))
        });
        &NONE
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self {
            id: 0,
            names: LabelNames { route: "", provider: "", model: "" },
            headers: [const { HeaderValue::from_static("") }; 3],
            model_json: ModelJson::of_json("\"\""),
            recorded: &[],
        }
    }
}

/// How an attempt at an upstream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttemptClass {
    Ok,
    RateLimit,
    Overload,
    ServerError,
    Connect,
    Timeout,
    Credentials,
    Permission,
    Quota,
    ContextWindow,
    ContentPolicy,
    Rejected,
    Malformed,
    Broken,
    Cancelled,
}

impl AttemptClass {
    /// Every class, in the order of their numbers.
    pub(crate) const ALL: [Self; 15] = [
        Self::Ok,
        Self::RateLimit,
        Self::Overload,
        Self::ServerError,
        Self::Connect,
        Self::Timeout,
        Self::Credentials,
        Self::Permission,
        Self::Quota,
        Self::ContextWindow,
        Self::ContentPolicy,
        Self::Rejected,
        Self::Malformed,
        Self::Broken,
        Self::Cancelled,
    ];

    /// Its name in metrics and records.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::RateLimit => "rate_limit",
            Self::Overload => "overload",
            Self::ServerError => "server_error",
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Credentials => "credentials",
            Self::Permission => "permission",
            Self::Quota => "quota",
            Self::ContextWindow => "context_window",
            Self::ContentPolicy => "content_policy",
            Self::Rejected => "rejected",
            Self::Malformed => "malformed",
            Self::Broken => "broken",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What of input or output is counted apart besides, in the order of `TokenCounts::parts`.
pub(crate) const PARTS: [&str; 9] = [
    "cached",
    "reasoning",
    "audio_input",
    "audio_output",
    "image_input",
    "image_output",
    "video_input",
    "video_output",
    "document_input",
];

/// The kinds of tokens that are counted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TokenCounts {
    pub(crate) input: u64,
    pub(crate) output: u64,
    /// By [`PARTS`].
    pub(crate) parts: [u64; PARTS.len()],
}

/// What *account* knows of a finished request.
pub(crate) struct Finished {
    pub(crate) labels: &'static Labels,
    pub(crate) status: u16,
    pub(crate) total: Duration,
    pub(crate) overhead: Duration,
    pub(crate) first_token: Option<Duration>,
    pub(crate) tokens: TokenCounts,
    /// Whether input and output are among what was reported.
    pub(crate) reported: [bool; 2],
    /// 0 if it is not known.
    pub(crate) cost_nano: u64,
}

#[derive(Default)]
struct Series {
    duration: Histogram,
    overhead: Histogram,
    first_token: Histogram,
    /// Of sends that served, and of those that did not.
    operations: [Histogram; 2],
    /// Input and output of a request.
    request_tokens: [Histogram; 2],
    tokens: TokenCounts,
    cost_nano: u64,
    attempts: [u64; AttemptClass::ALL.len()],
    statuses: Vec<(u16, u64)>,
}

impl Series {
    fn add(&mut self, other: &Self) {
        self.duration.add(&other.duration);
        self.overhead.add(&other.overhead);
        self.first_token.add(&other.first_token);
        self.operations.iter_mut().zip(&other.operations).for_each(|(mine, theirs)| mine.add(theirs));
        self.request_tokens.iter_mut().zip(&other.request_tokens).for_each(|(mine, theirs)| mine.add(theirs));
        self.tokens.add(&other.tokens);
        self.cost_nano = self.cost_nano.saturating_add(other.cost_nano);
        self.attempts.iter_mut().zip(other.attempts).for_each(|(mine, theirs)| *mine += theirs);
        other.statuses.iter().for_each(|(status, count)| self.status(*status, *count));
    }

    fn status(&mut self, status: u16, count: u64) {
        match self.statuses.iter_mut().find(|(known, _)| *known == status) {
            Some((_, sum)) => *sum += count,
            None => self.statuses.push((status, count)),
        }
    }

    /// Where it counts how long a send of `class` took.
    fn operation(&mut self, class: AttemptClass) -> &mut Histogram {
        let [served, failed] = &mut self.operations;
        if class == AttemptClass::Ok { served } else { failed }
    }

    fn is_empty(&self) -> bool {
        self.statuses.is_empty() && self.attempts.iter().all(|count| *count == 0)
    }
}

impl TokenCounts {
    fn add(&mut self, other: &Self) {
        self.input += other.input;
        self.output += other.output;
        self.parts.iter_mut().zip(other.parts).for_each(|(mine, theirs)| *mine += theirs);
    }
}

/// Something to count.
enum Event {
    Finished {
        id: usize,
        status: u16,
        times: [Observed; 2],
        first_token: Option<Observed>,
        tokens: TokenCounts,
        reported: [bool; 2],
        cost_nano: u64,
    },
    Attempt {
        id: usize,
        class: AttemptClass,
        took: Observed,
    },
}

/// What is observed of the tokens of a request: those that were reported, in the order of `Series::request_tokens`.
fn observed(tokens: &TokenCounts, reported: [bool; 2]) -> [Option<Observed>; 2] {
    let [input, output] = reported;
    [input.then(|| Observed::tokens(tokens.input)), output.then(|| Observed::tokens(tokens.output))]
}

/// As many events wait before they are counted. Where thousands of series are in use each is far away in memory;
/// counted in a row, they are fetched together.
const WAITING: usize = 128;

#[derive(Default)]
struct Counts {
    waiting: Vec<Event>,
    series: Vec<Option<Box<Series>>>,
}

impl Counts {
    fn note(&mut self, event: Event) {
        if self.waiting.len() >= WAITING {
            self.count();
        }
        self.waiting.push(event);
    }

    fn count(&mut self) {
        // Looked at first, and changed after: so many reads that do not depend on each other are awaited side by side.
        black_box(self.waiting.iter().fold(0, |sum, event| sum ^ self.touched(event)));
        for event in self.waiting.drain(..) {
            let (Event::Finished { id, .. } | Event::Attempt { id, .. }) = event;
            if self.series.len() <= id {
                self.series.resize_with(id + 1, || None);
            }
            let Some(slot) = self.series.get_mut(id) else { continue };
            let series = slot.get_or_insert_with(Box::default);
            match event {
                Event::Attempt { class, took, .. } => {
                    series.operation(class).observe(took);
                    if let Some(count) = series.attempts.get_mut(class as usize) {
                        *count += 1;
                    }
                }
                Event::Finished {
                    status, times: [total, overhead], first_token, tokens, reported, cost_nano, ..
                } => {
                    series.status(status, 1);
                    series.duration.observe(total);
                    series.overhead.observe(overhead);
                    if let Some(first) = first_token {
                        series.first_token.observe(first);
                    }
                    series.tokens.add(&tokens);
                    let pairs = series.request_tokens.iter_mut().zip(observed(&tokens, reported));
                    pairs.for_each(|(histogram, seen)| seen.into_iter().for_each(|seen| histogram.observe(seen)));
                    series.cost_nano = series.cost_nano.saturating_add(cost_nano);
                }
            }
        }
    }
}

impl Counts {
    /// Something of each line of memory that counting `event` will change.
    fn touched(&self, event: &Event) -> u64 {
        let of = |id: usize| self.series.get(id).and_then(Option::as_deref);
        match event {
            Event::Attempt { id, class, took } => of(*id).map_or(0, |series| {
                let [served, failed] = &series.operations;
                let histogram = if *class == AttemptClass::Ok { served } else { failed };
                histogram.touched(*took) ^ series.attempts.get(*class as usize).copied().unwrap_or_default()
            }),
            Event::Finished { id, times: [total, overhead], tokens, reported, .. } => of(*id).map_or(0, |series| {
                let pairs = series.request_tokens.iter().zip(observed(tokens, *reported));
                pairs.fold(0, |sum, (histogram, seen)| sum ^ seen.map_or(0, |seen| histogram.touched(seen)))
                    ^ series.duration.touched(*total)
                    ^ series.overhead.touched(*overhead)
                    ^ series.tokens.input
                    ^ series.statuses.first().map_or(0, |(_, count)| *count)
            }),
        }
    }
}

/// One worker's counters. Only that worker writes; the lock is free but for the moment of a read.
#[derive(Default)]
pub(crate) struct Shard {
    counts: Mutex<Counts>,
    in_flight: AtomicI64,
}

impl Shard {
    /// Notes that a request has begun.
    pub(crate) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a copy has ended: it is no request of anybody's.
    pub(crate) fn shadow(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// Notes that a request has ended.
    pub(crate) fn finish(&self, finished: &Finished) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        lock(&self.counts).note(Event::Finished {
            id: finished.labels.id,
            status: finished.status,
            times: [Observed::new(&SECONDS, finished.total), Observed::new(&OVERHEAD, finished.overhead)],
            first_token: finished.first_token.map(|time| Observed::new(&SECONDS, time)),
            tokens: finished.tokens,
            reported: finished.reported,
            cost_nano: finished.cost_nano,
        });
    }

    /// Notes how an attempt ended, and how long it took.
    pub(crate) fn attempt(&self, labels: &Labels, class: AttemptClass, took: Duration) {
        lock(&self.counts).note(Event::Attempt { id: labels.id, class, took: Observed::new(&SECONDS, took) });
    }
}

/// A number without labels that another part of the program keeps.
pub(crate) struct Gauge {
    pub(crate) name: &'static str,
    /// `gauge` or `counter`.
    pub(crate) kind: &'static str,
    pub(crate) help: &'static str,
    pub(crate) value: u64,
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
    fn merged(&self) -> Vec<(&'static Labels, Series)> {
        let mut merged: Vec<(&'static Labels, Series)> =
            lock(&LABELS).values().map(|labels| (*labels, Series::default())).collect();
        for shard in &self.shards {
            let mut counts = lock(&shard.counts);
            counts.count();
            for (labels, sum) in &mut merged {
                if let Some(Some(counted)) = counts.series.get(labels.id) {
                    sum.add(counted);
                }
            }
        }
        merged.retain(|(_, series)| !series.is_empty());
        merged.sort_by_key(|(labels, _)| labels.names);
        merged
    }
}

/// Locks, also after a panic elsewhere: counters have no state that a panic could leave half made.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
