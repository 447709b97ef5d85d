//! A question while it is being answered.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Dimension, Line, Per, Usage};
use crate::calendar::{DAY_US, HOUR_US, Month};
use crate::dictionary::{Dictionary, column};
use crate::error::Error;
use crate::fold::{COLUMNS, Counters, LABEL_BYTES, Label, add};
use crate::ship::EARLIEST_US;
use crate::sql::{Cell, Flavour, Row, Sql, clean};

/// For each series, the group that it counts for; none if it does not count.
type Mask = [Option<(u32, u32)>];

/// Up to so many series are looked up one by one.
const FEW_SERIES: usize = 64;
/// A question reads at most so many rows of the roll-ups, which bounds its time.
const MOST_ROWS: usize = 4_000_000;
/// And an answer has at most so many rows, over all pages, which bounds its memory to about 100 MB.
const MOST_GROUPS: usize = 500_000;
/// Nothing counts for a time before 2020 or after 2100.
const LATEST_US: i64 = 4_102_444_800_000_000;
/// Time is read in parts of at most so many hours.
const LONGEST_WINDOW: i64 = 400 * 24;
/// A page has so many rows if nothing is said.
const PAGE: usize = 1_000;
/// A page has at most so many rows.
const MOST_PAGE: usize = 10_000;

/// The rows of one table from one start to another, in its own steps.
pub(super) struct Span {
    days: bool,
    from: i64,
    to: i64,
}

/// A step of time, and the values of at most two dimensions by their numbers.
type Group = (i64, u32, u32);

/// The hours that are asked for, within the years in which anything can have been counted.
pub(super) fn hours(usage: &Usage) -> (i64, i64) {
    let from = usage.from_us.clamp(EARLIEST_US, LATEST_US).div_euclid(HOUR_US);
    let to = usage.to_us.clamp(EARLIEST_US, LATEST_US).saturating_add(HOUR_US - 1).div_euclid(HOUR_US);
    (from, to.max(from))
}

/// Whole days from the rows of days, the rest from those of hours.
pub(super) fn spans(per: Option<Per>, from: i64, to: i64) -> Vec<Span> {
    let (first, last) = (from.saturating_add(23).div_euclid(24), to.div_euclid(24));
    if per == Some(Per::Hour) || first >= last {
        return vec![Span { days: false, from, to }];
    }
    let mut spans = vec![
        Span { days: false, from, to: first * 24 },
        Span { days: true, from: first, to: last },
        Span { days: false, from: last * 24, to },
    ];
    spans.retain(|span| span.from < span.to);
    spans
}

/// A question while it is being answered.
pub(super) struct Ask<'a> {
    usage: &'a Usage,
    pub(super) label: Option<Label>,
    /// The last row of the page before.
    after: Option<(i64, String, String)>,
    limit: usize,
    rows: usize,
    sums: FxHashMap<Group, Counters>,
    /// Values of users, agents or tags, numbered as they come.
    values: FxHashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
    /// A row has a number that the dictionary lacks.
    unknown: bool,
}

impl<'a> Ask<'a> {
    pub(super) fn new(usage: &'a Usage) -> Result<Self, Error> {
        let dimension = usage.by.first().or(usage.filter.first().map(|(dimension, _)| dimension));
        let after = usage.after.as_deref().map(serde_json::from_str).transpose();
        Ok(Self {
            usage,
            after: after.map_err(|_| Error::Invalid("`after` is not from a page before".to_owned()))?,
            limit: if usage.limit == 0 { PAGE } else { usage.limit.min(MOST_PAGE) },
            label: dimension.and_then(|dimension| dimension.label()),
            rows: 0,
            sums: FxHashMap::default(),
            values: FxHashMap::default(),
            texts: Vec::new(),
            unknown: false,
        })
    }

    /// The hours that are asked for, in parts of whole steps that grow: most pages need little of a long time.
    pub(super) fn windows(&self) -> Vec<(i64, i64)> {
        let (mut from, to) = hours(self.usage);
        let Some(per) = self.usage.per else { return vec![(from, to)] };
        if let Some((step, ..)) = &self.after {
            from = from.max(start_us(per, *step).div_euclid(HOUR_US)).min(to);
        }
        let mut windows = Vec::new();
        let mut hours = if per == Per::Hour { 6 } else { 24 };
        while from < to {
            let end = match per {
                Per::Hour => from + hours,
                Per::Day => (from + hours).div_euclid(24) * 24,
                Per::Month => Month::of_day(from.div_euclid(24)).next().first_day() * 24,
            };
            windows.push((from, end.min(to)));
            from = end;
            hours = hours.saturating_mul(2).min(LONGEST_WINDOW);
        }
        windows
    }

    /// Whether a number was met that the dictionary lacks; if so, all is to be read again.
    pub(super) fn take_unknown(&mut self) -> bool {
        if self.unknown {
            self.sums.clear();
            self.rows = 0;
        }
        std::mem::take(&mut self.unknown)
    }

    /// Whether there are more rows than the page holds.
    pub(super) fn is_full(&self, dictionary: &Dictionary) -> bool {
        self.sums.len() > self.limit
            && self.sums.keys().filter(|group| self.is_new(dictionary, group)).count() > self.limit
    }

    fn is_new(&self, dictionary: &Dictionary, group: &Group) -> bool {
        self.after
            .as_ref()
            .is_none_or(|(step, one, two)| self.named(dictionary, group) > (*step, one.as_str(), two.as_str()))
    }

    fn named<'n>(&'n self, dictionary: &'n Dictionary, (step, one, two): &Group) -> (i64, &'n str, &'n str) {
        let name = |index: usize, number: u32| match self.label {
            _ if index >= self.usage.by.len() => "",
            Some(_) => self.texts.get(number as usize).map_or("", |text| text),
            None => dictionary.name(number),
        };
        (*step, name(0, *one), name(1, *two))
    }

    /// For each combination of names, the group that it counts for; none if it does not count.
    fn mask(&self, dictionary: &Dictionary) -> Box<Mask> {
        let wanted = self.wanted(dictionary);
        let at = |tuple: &[u32], index: usize| self.usage.by.get(index).map_or(0, |by| tuple[*by as usize]);
        let group = |tuple: &[u32]| {
            let counts = wanted.iter().all(|(dimension, number)| Some(tuple[*dimension]) == *number);
            counts.then(|| (at(tuple, 0), at(tuple, 1)))
        };
        dictionary.tuples.iter().map(|tuple| group(tuple)).collect()
    }

    /// The filter in numbers; a name that never occurred has none.
    fn wanted(&self, dictionary: &Dictionary) -> Vec<(usize, Option<u32>)> {
        let number = |(dimension, value): &(Dimension, String)| {
            (*dimension as usize, dictionary.number(&clean(value, LABEL_BYTES)))
        };
        self.usage.filter.iter().map(number).collect()
    }

    /// SQLite hands its rows over as they lie, because adding up here is quicker than its sorting; PostgreSQL adds up
    /// where they lie, because handing over is what costs there.
    pub(super) fn read_series(&mut self, sql: &mut dyn Sql, dictionary: &Dictionary, span: &Span) -> Result<(), Error> {
        let table = if span.days { "day" } else { "hour" };
        let range = [Cell::Int(span.from), Cell::Int(span.to)];
        if sql.flavour() == Flavour::Sqlite {
            let columns = COLUMNS.join(", ");
            let mask = self.mask(dictionary);
            let few: Vec<usize> =
                (0..mask.len()).filter(|series| mask.get(*series).is_some_and(Option::is_some)).collect();
            if !self.usage.filter.is_empty() && few.len() <= FEW_SERIES {
                self.unknown |= has_more_series(sql, mask.len())?;
                return self.read_few(sql, (&few, &mask), span);
            }
            let text =
                format!("SELECT start, series, {columns} FROM tollway_usage_{table} WHERE start >= ?1 AND start < ?2");
            return sql.query(&text, &range, &mut |row| {
                self.count_row()?;
                let series = usize::try_from(row.int(1)?).unwrap_or(usize::MAX);
                match mask.get(series) {
                    Some(Some((one, two))) => self.add((self.step(row.int(0)?, span), *one, *two), row, 2),
                    Some(None) => Ok(()),
                    None => {
                        self.unknown = true;
                        Ok(())
                    }
                }
            });
        }
        let mut cells = range.to_vec();
        let mut filter = String::new();
        for (dimension, number) in self.wanted(dictionary) {
            let Some(number) = number else { return Ok(()) };
            cells.push(Cell::Int(i64::from(number)));
            filter.push_str(&format!(" AND s.{} = ?{}", column(dimension), cells.len()));
        }
        let by = |index: usize| {
            self.usage.by.get(index).map_or("0::bigint".to_owned(), |by| format!("s.{}", column(*by as usize)))
        };
        let (step, grouped) = self.step_column();
        let text = format!(
            "SELECT {step}, {}, {}, {} FROM tollway_usage_{table} u JOIN tollway_series s ON s.id = u.series \
             WHERE u.start >= ?1 AND u.start < ?2{filter} GROUP BY {grouped}2, 3",
            by(0),
            by(1),
            sums()
        );
        sql.query(&text, &cells, &mut |row| {
            let number = |column| row.int(column).map(|number| u32::try_from(number).unwrap_or(u32::MAX));
            let group = (self.step(row.int(0)?, span), number(1)?, number(2)?);
            self.unknown |= !dictionary.knows(group.1) || !dictionary.knows(group.2);
            self.add(group, row, 3)
        })
    }

    /// SQLite, where a filter leaves few series: one look-up a step and series, instead of reading everybody's rows.
    fn read_few(&mut self, sql: &mut dyn Sql, (few, mask): (&[usize], &Mask), span: &Span) -> Result<(), Error> {
        if few.is_empty() || span.from >= span.to {
            return Ok(());
        }
        let table = if span.days { "day" } else { "hour" };
        let mut cells = vec![Cell::Int(span.from), Cell::Int(span.to)];
        cells.extend(few.iter().map(|series| Cell::Int(i64::try_from(*series).unwrap_or(i64::MAX))));
        let wanted: Vec<String> = (3..=cells.len()).map(|number| format!("(?{number})")).collect();
        let text = format!(
            "WITH RECURSIVE t(at) AS (SELECT ?1 UNION ALL SELECT at + 1 FROM t WHERE at + 1 < ?2), \
             s(id) AS (VALUES {}) SELECT u.start, u.series, {} FROM t CROSS JOIN s CROSS JOIN tollway_usage_{table} u \
             WHERE u.start = t.at AND u.series = s.id",
            wanted.join(", "),
            COLUMNS.map(|column| format!("u.{column}")).join(", ")
        );
        sql.query(&text, &cells, &mut |row| {
            self.count_row()?;
            let series = usize::try_from(row.int(1)?).unwrap_or(usize::MAX);
            match mask.get(series) {
                Some(Some((one, two))) => self.add((self.step(row.int(0)?, span), *one, *two), row, 2),
                _ => Ok(()),
            }
        })
    }

    pub(super) fn read_labels(&mut self, sql: &mut dyn Sql, label: Label, span: &Span) -> Result<(), Error> {
        let table = format!("tollway_label_{}", if span.days { "day" } else { "hour" });
        let mut cells = vec![Cell::Int(label as i64), Cell::Int(span.from), Cell::Int(span.to)];
        let value = self.usage.filter.first().map(|(_, value)| clean(value, LABEL_BYTES));
        let from = if let Some(value) = &value {
            cells.push(Cell::Text(value));
            // One look-up a step, instead of reading everybody's rows.
            format!(
                "WITH RECURSIVE t(at) AS (SELECT CAST(?2 AS BIGINT) UNION ALL SELECT at + 1 FROM t WHERE at + 1 < ?3) \
                 SELECT % FROM t CROSS JOIN {table} u WHERE u.kind = ?1 AND u.start = t.at AND u.value = ?4"
            )
        } else {
            format!("SELECT % FROM {table} u WHERE u.kind = ?1 AND u.start >= ?2 AND u.start < ?3")
        };
        let (step, grouped) = self.step_column();
        let (columns, group) = match sql.flavour() {
            Flavour::Sqlite => (format!("u.start, u.value, {}", COLUMNS.join(", ")), String::new()),
            Flavour::Postgres => (format!("{step}, u.value, {}", sums()), format!(" GROUP BY {grouped}2")),
        };
        sql.query(&(from.replacen('%', &columns, 1) + &group), &cells, &mut |row| {
            self.count_row()?;
            let number = if self.usage.by.is_empty() { 0 } else { self.value(row.text(1)?) };
            self.add((self.step(row.int(0)?, span), number, 0), row, 2)
        })
    }

    /// For PostgreSQL: some start of the step, and whether rows are grouped by it. A month is read alone.
    fn step_column(&self) -> (&'static str, &'static str) {
        match self.usage.per {
            None | Some(Per::Month) => ("min(u.start)", ""),
            Some(Per::Hour | Per::Day) => ("u.start", "1, "),
        }
    }

    /// Of the answer, from that of the table.
    fn step(&self, start: i64, span: &Span) -> i64 {
        let day = if span.days { start } else { start.div_euclid(24) };
        match self.usage.per {
            Some(Per::Hour) => start,
            Some(Per::Day) => day,
            Some(Per::Month) => Month::of_day(day).number(),
            None => 0,
        }
    }

    fn value(&mut self, text: &str) -> u32 {
        if let Some(number) = self.values.get(text) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.values.insert(text, number);
        number
    }

    fn count_row(&mut self) -> Result<(), Error> {
        self.rows += 1;
        if self.rows > MOST_ROWS {
            return Err(Error::TooBroad(format!(
                "this reads more than {MOST_ROWS} rows of hours or days: narrow `from` and `to`, \
                 or ask by the day or the month"
            )));
        }
        Ok(())
    }

    fn add(&mut self, group: Group, row: &Row<'_>, first: usize) -> Result<(), Error> {
        let mut counters = [0; COLUMNS.len()];
        for (at, counter) in counters.iter_mut().enumerate() {
            *counter = row.int(first + at)?;
        }
        add(self.sums.entry(group).or_insert([0; COLUMNS.len()]), &counters);
        if self.sums.len() > MOST_GROUPS {
            return Err(Error::TooBroad(format!(
                "the answer has more than {MOST_GROUPS} rows: narrow `from` and `to`, ask by larger steps of time, \
                 or by fewer dimensions, or filter"
            )));
        }
        Ok(())
    }

    pub(super) fn answer(&self, dictionary: &Dictionary) -> (Vec<Line>, Option<String>) {
        let new = self.sums.iter().filter(|(group, _)| self.is_new(dictionary, group));
        let mut rows: Vec<_> = new.map(|(group, counters)| (self.named(dictionary, group), counters)).collect();
        rows.sort_unstable_by_key(|(key, _)| *key);
        let next = match rows.get(self.limit - 1) {
            Some((last, _)) if rows.len() > self.limit => serde_json::to_string(last).ok(),
            _ => None,
        };
        let line = |((step, one, two), counters): &((i64, &str, &str), &Counters)| Line {
            start_us: self.usage.per.map(|per| start_us(per, *step)),
            dimensions: self.usage.by.iter().copied().zip([*one, *two].map(str::to_owned)).collect(),
            counters: **counters,
        };
        (rows.iter().take(self.limit).map(line).collect(), next)
    }
}

/// Whether there are series beyond the first `known`.
fn has_more_series(sql: &mut dyn Sql, known: usize) -> Result<bool, Error> {
    let mut more = false;
    let known = [Cell::Int(i64::try_from(known).unwrap_or(i64::MAX))];
    sql.query("SELECT 1 FROM tollway_series WHERE id >= ?1 LIMIT 1", &known, &mut |_| {
        more = true;
        Ok(())
    })?;
    Ok(more)
}

fn start_us(per: Per, step: i64) -> i64 {
    match per {
        Per::Hour => step.saturating_mul(HOUR_US),
        Per::Day => step.saturating_mul(DAY_US),
        Per::Month => Month::from_number(step).map_or(0, |month| month.first_day() * DAY_US),
    }
}

fn sums() -> String {
    COLUMNS.map(|column| format!("sum(u.{column})::bigint")).join(", ")
}
