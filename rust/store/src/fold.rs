//! The roll-ups of one batch: added up in memory, then added to the rows of the hour and of the day.

use std::borrow::Cow;

use rustc_hash::{FxHashMap, FxHashSet, FxHasher};
use std::hash::{Hash, Hasher};
use tollway_records::Record;

use crate::calendar::HOUR_US;
use crate::dictionary::{Dictionary, OTHER, WIDTH};
use crate::error::Error;
use crate::sql::{Bulk, Cell, Kind, Sql, clean};

/// What is counted, in the order of [`COLUMNS`].
pub(crate) type Counters = [i64; COLUMNS.len()];

/// The counters' columns.
pub(crate) const COLUMNS: [&str; 13] = [
    "requests",
    "errors",
    "input",
    "cache_read",
    "cache_write",
    "output",
    "reasoning",
    "cost_nano",
    "priced",
    "unpriced",
    "duration_us_sum",
    "first_token_us_sum",
    "first_token_count",
];

/// So many users, agents and tags each are told apart in a day.
const DISTINCT: usize = 100_000;
/// What a caller chooses is cut to so many bytes.
pub(crate) const LABEL_BYTES: usize = 256;
/// Names of ours are shorter anyway.
const NAME_BYTES: usize = 256;
/// Sums stay exact: no counter of one request is larger (4 billion tokens; 50 days; 100,000 dollars).
const MOST_TOKENS: u64 = 1 << 32;
const MOST_US: u64 = 1 << 42;
const MOST_NANO: i64 = 100_000_000_000_000;

/// Users, agents, tags: dimensions that callers choose, each rolled up alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Label {
    User = 0,
    Agent = 1,
    Tag = 2,
}

/// A record, and the time in microseconds since 1970 that it counts for.
#[derive(Clone, Copy)]
pub(crate) struct Dated<'a> {
    pub(crate) record: &'a Record,
    pub(crate) at_us: i64,
}

/// Adds one to the other; what would overflow stays at the end.
pub(crate) fn add(to: &mut Counters, more: &Counters) {
    for (sum, more) in to.iter_mut().zip(more) {
        *sum = sum.saturating_add(*more);
    }
}

fn count(record: &Record) -> Counters {
    let tokens = record.tokens.unwrap_or_default();
    let media_in = [tokens.audio_input, tokens.image_input, tokens.video_input, tokens.document_input];
    let media_out = [tokens.audio_output, tokens.image_output, tokens.video_output];
    let sum = |text: Option<u64>, media: &[Option<u64>]| {
        Some(media.iter().flatten().fold(text.unwrap_or_default(), |sum, more| sum.saturating_add(*more)))
    };
    let bound = |number: Option<u64>, most: u64| number.unwrap_or_default().min(most) as i64;
    let priced = record.cost_nano.is_some();
    [
        1,
        i64::from(record.status >= 400),
        bound(sum(tokens.input, &media_in), MOST_TOKENS),
        bound(tokens.cache_read, MOST_TOKENS),
        bound(tokens.cache_write, MOST_TOKENS),
        bound(sum(tokens.output, &media_out), MOST_TOKENS),
        bound(tokens.reasoning, MOST_TOKENS),
        record.cost_nano.unwrap_or_default().clamp(-MOST_NANO, MOST_NANO),
        i64::from(priced),
        i64::from((record.tokens.is_some() || record.units.is_some()) && !priced),
        bound(Some(record.total_us), MOST_US),
        bound(record.first_token_us, MOST_US),
        i64::from(record.first_token_us.is_some()),
    ]
}

/// Adds `records` to the roll-ups, within the caller's transaction.
pub(crate) fn fold(
    sql: &mut dyn Sql,
    dictionary: &mut Dictionary,
    known: &mut Known,
    records: &[Dated<'_>],
) -> Result<(), Error> {
    let tuples: Vec<[Cow<'_, str>; WIDTH]> = records.iter().map(|dated| names(dated.record)).collect();
    let series = dictionary.resolve(sql, &tuples)?;
    let mut hours: FxHashMap<(i64, u32), Counters> = FxHashMap::default();
    let mut labels: FxHashMap<(Label, i64, Cow<'_, str>), Counters> = FxHashMap::default();
    labels.reserve(records.len());
    for (dated, series) in records.iter().zip(series) {
        let hour = dated.at_us.div_euclid(HOUR_US);
        let counters = count(dated.record);
        add(hours.entry((hour, series)).or_insert([0; COLUMNS.len()]), &counters);
        let mut label = |kind, value| -> Result<(), Error> {
            let value = known.admit(sql, kind, hour.div_euclid(24), clean(value, LABEL_BYTES))?;
            add(labels.entry((kind, hour, value)).or_insert([0; COLUMNS.len()]), &counters);
            Ok(())
        };
        let record = dated.record;
        label(Label::User, record.user.as_deref().unwrap_or_default())?;
        label(Label::Agent, record.agent.as_deref().unwrap_or_default())?;
        for tag in &record.tags {
            label(Label::Tag, tag)?;
        }
        if record.tags.is_empty() {
            label(Label::Tag, "")?;
        }
    }
    let mut rows = sorted(hours.into_iter().collect());
    write_series(sql, "tollway_usage_hour", &rows)?;
    for ((start, _), _) in &mut rows {
        *start = start.div_euclid(24);
    }
    write_series(sql, "tollway_usage_day", &sorted(rows))?;
    let mut rows = sorted(labels.into_iter().collect());
    write_labels(sql, "tollway_label_hour", &rows)?;
    for ((_, start, _), _) in &mut rows {
        *start = start.div_euclid(24);
    }
    write_labels(sql, "tollway_label_day", &sorted(rows))
}

/// By key, so that two processes that add to the same rows do not wait for each other in a circle; each key once.
fn sorted<K: Ord>(mut rows: Vec<(K, Counters)>) -> Vec<(K, Counters)> {
    rows.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    rows.dedup_by(|(later, more), (kept, sum)| {
        let same = later == kept;
        if same {
            add(sum, more);
        }
        same
    });
    rows
}

fn names(record: &Record) -> [Cow<'_, str>; WIDTH] {
    [
        clean_if(&record.team),
        clean_if(&record.project),
        clean_if(&record.environment),
        clean_if(&record.key),
        clean_if(&record.route),
        clean_if(&record.model),
        clean_if(&record.provider),
    ]
}

fn clean_if(name: &Option<String>) -> Cow<'_, str> {
    clean(name.as_deref().unwrap_or_default(), NAME_BYTES)
}

fn write_series(sql: &mut dyn Sql, table: &str, rows: &[((i64, u32), Counters)]) -> Result<(), Error> {
    let mut cells = Vec::with_capacity(rows.len() * (2 + COLUMNS.len()));
    for ((start, series), counters) in rows {
        cells.extend([Cell::Int(*start), Cell::Int(i64::from(*series))]);
        cells.extend(counters.iter().map(|number| Cell::Int(*number)));
    }
    upsert(sql, table, &[("start", Kind::Int), ("series", Kind::Int)], &cells)
}

type LabelRow<'a> = ((Label, i64, Cow<'a, str>), Counters);

fn write_labels(sql: &mut dyn Sql, table: &str, rows: &[LabelRow<'_>]) -> Result<(), Error> {
    let mut cells = Vec::with_capacity(rows.len() * (3 + COLUMNS.len()));
    for ((kind, start, value), counters) in rows {
        cells.extend([Cell::Int(*kind as i64), Cell::Int(*start), Cell::Text(value)]);
        cells.extend(counters.iter().map(|number| Cell::Int(*number)));
    }
    upsert(sql, table, &[("kind", Kind::Int), ("start", Kind::Int), ("value", Kind::Text)], &cells)
}

fn upsert(sql: &mut dyn Sql, table: &str, key: &[(&str, Kind)], cells: &[Cell<'_>]) -> Result<(), Error> {
    let names: Vec<&str> = key.iter().map(|(name, _)| *name).collect();
    let sums: Vec<String> =
        COLUMNS.iter().map(|column| format!("{column} = {table}.{column} + excluded.{column}")).collect();
    let conflict = format!("ON CONFLICT ({}) DO UPDATE SET {}", names.join(", "), sums.join(", "));
    let columns: Vec<(&str, Kind)> =
        key.iter().copied().chain(COLUMNS.iter().map(|column| (*column, Kind::Int))).collect();
    sql.bulk(&Bulk { table, columns: &columns, conflict: &conflict }, cells)?;
    Ok(())
}

/// The users, agents and tags that have been seen on the days that are being written, by hash: no caller can fill the
/// database with names. Several processes on one database bound it each for itself.
pub(crate) struct Known {
    most: usize,
    days: FxHashMap<(Label, i64), FxHashSet<u64>>,
}

impl Default for Known {
    fn default() -> Self {
        Self { most: DISTINCT, days: FxHashMap::default() }
    }
}

impl Known {
    /// `value`, or [`OTHER`] if the day has too many.
    fn admit<'v>(
        &mut self,
        sql: &mut dyn Sql,
        kind: Label,
        day: i64,
        value: Cow<'v, str>,
    ) -> Result<Cow<'v, str>, Error> {
        if value.is_empty() {
            return Ok(value);
        }
        if !self.days.contains_key(&(kind, day)) {
            if self.days.len() >= 9 {
                // Three days at a time: a replay may reach back, and a set is read again when it is wanted again.
                self.days.clear();
            }
            let seen = seen(sql, kind, day)?;
            self.days.insert((kind, day), seen);
        }
        let seen = self.days.entry((kind, day)).or_default();
        let hash = hash(&value);
        if seen.contains(&hash) || seen.len() < self.most {
            seen.insert(hash);
            Ok(value)
        } else {
            Ok(Cow::Borrowed(OTHER))
        }
    }
}

fn seen(sql: &mut dyn Sql, kind: Label, day: i64) -> Result<FxHashSet<u64>, Error> {
    let mut seen = FxHashSet::default();
    sql.query(
        "SELECT value FROM tollway_label_day WHERE kind = ?1 AND start = ?2",
        &[Cell::Int(kind as i64), Cell::Int(day)],
        &mut |row| {
            seen.insert(hash(row.text(0)?));
            Ok(())
        },
    )?;
    Ok(seen)
}

fn hash(value: &str) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}
