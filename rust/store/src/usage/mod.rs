//! What the roll-ups say: sums over any two of seven dimensions, or by user, agent or tag, over hours, days and months.

mod ask;

use std::fmt;

use serde_json::{Map, Value, json};

use self::ask::{Ask, hours, spans};
use crate::error::Error;
use crate::fold::{COLUMNS, Counters, Label};
use crate::store::Store;

/// A name may come between the reading of names and that of rows, which is rare; then all is read again.
const TRIES: usize = 5;
/// Single hours are told of at most so many.
const MOST_HOURS: i64 = 400 * 24;

/// What usage can be told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the field of that name of a record")]
pub enum Dimension {
    Team,
    Project,
    Environment,
    Key,
    Route,
    Model,
    Provider,
    User,
    Agent,
    Tag,
}

impl Dimension {
    /// All, the seven that go together first.
    pub const ALL: [Self; 10] = [
        Self::Team,
        Self::Project,
        Self::Environment,
        Self::Key,
        Self::Route,
        Self::Model,
        Self::Provider,
        Self::User,
        Self::Agent,
        Self::Tag,
    ];

    /// # Errors
    /// [`Error::Invalid`], with the names that there are.
    pub fn parse(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|dimension| dimension.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::Invalid(format!("usage is told by {names}; not by {name:?}"))
        })
    }

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Team => "team",
            Self::Project => "project",
            Self::Environment => "environment",
            Self::Key => "key",
            Self::Route => "route",
            Self::Model => "model",
            Self::Provider => "provider",
            Self::User => "user",
            Self::Agent => "agent",
            Self::Tag => "tag",
        }
    }

    fn label(self) -> Option<Label> {
        match self {
            Self::User => Some(Label::User),
            Self::Agent => Some(Label::Agent),
            Self::Tag => Some(Label::Tag),
            _ => None,
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// The steps of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "as they are called; in UTC")]
pub enum Per {
    Hour,
    Day,
    Month,
}

/// A question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// At most two of the seven, or one of user, agent and tag.
    pub by: Vec<Dimension>,
    /// None adds all up.
    pub per: Option<Per>,
    /// The first hour, in microseconds since 1970; a part of an hour is taken as the hour.
    pub from_us: i64,
    /// The end, likewise, which is not in it.
    pub to_us: i64,
    /// Only what has these values.
    pub filter: Vec<(Dimension, String)>,
    /// At most so many rows: 0 is taken as 1,000, and more than 10,000 as 10,000.
    pub limit: usize,
    /// `next` of the page before.
    pub after: Option<String>,
}

/// A row of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The beginning of the hour, day or month, in microseconds since 1970.
    pub start_us: Option<i64>,
    /// The values of what was asked by; empty for requests that have none.
    pub dimensions: Vec<(Dimension, String)>,
    /// The sums.
    pub(crate) counters: Counters,
}

impl Line {
    /// One of the sums, by its name in the answer; money is none if no request had a price.
    #[must_use]
    pub fn sum(&self, name: &str) -> Option<i64> {
        let at = |name: &str| COLUMNS.iter().position(|column| *column == name).map(|at| self.counters[at]);
        if name == "cost_nano" && at("priced") == Some(0) { None } else { at(name) }
    }

    /// As the admin API tells it.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut line = Map::new();
        line.insert("start_us".to_owned(), json!(self.start_us));
        for (dimension, value) in &self.dimensions {
            line.insert(dimension.name().to_owned(), json!(value));
        }
        for name in COLUMNS.iter().filter(|name| **name != "priced") {
            line.insert((*name).to_owned(), json!(self.sum(name)));
        }
        Value::Object(line)
    }
}

impl Store {
    /// Rows by time, then by their values, and where the next page begins.
    ///
    /// # Errors
    /// [`Error::Invalid`]; [`Error::TooBroad`], which says what to narrow; [`Error::Away`].
    pub fn usage(&mut self, usage: &Usage) -> Result<(Vec<Line>, Option<String>), Error> {
        check(usage)?;
        let mut ask = Ask::new(usage)?;
        self.database()?;
        let Self { database, dictionary, .. } = self;
        let sql = database.main();
        for _ in 0..TRIES {
            if ask.label.is_none() {
                dictionary.refresh(sql)?;
            }
            for (from, to) in ask.windows() {
                for span in spans(usage.per, from, to) {
                    match ask.label {
                        Some(label) => ask.read_labels(sql, label, &span)?,
                        None => ask.read_series(sql, dictionary, &span)?,
                    }
                }
                // Time is what rows are sorted by first, so what comes later cannot be on this page.
                if ask.is_full(dictionary) {
                    break;
                }
            }
            if !ask.take_unknown() {
                return Ok(ask.answer(dictionary));
            }
        }
        Err(Error::Damaged("the roll-ups hold numbers that their dictionary lacks".to_owned()))
    }
}

fn check(usage: &Usage) -> Result<(), Error> {
    let invalid = |text: &str| Err(Error::Invalid(text.to_owned()));
    let label =
        usage.by.iter().chain(usage.filter.iter().map(|(dimension, _)| dimension)).find(|d| d.label().is_some());
    if usage.from_us >= usage.to_us {
        return invalid("`from` must lie before `to`");
    }
    if usage.by.len() > 2 || (usage.by.len() == 2 && usage.by[0] == usage.by[1]) {
        return invalid("usage is told by at most two different dimensions");
    }
    if let Some(label) = label {
        let alone = usage.by.iter().chain(usage.filter.iter().map(|(dimension, _)| dimension)).all(|d| d == label);
        if !alone || usage.by.len() > 1 {
            return Err(Error::Invalid(format!(
                "{label} is rolled up alone: it goes with no other dimension, neither in `by` nor in `filter`"
            )));
        }
    }
    let (from, to) = hours(usage);
    if usage.per == Some(Per::Hour) && to - from > MOST_HOURS {
        return Err(Error::TooBroad(format!(
            "usage by the hour reaches over at most {} days: narrow `from` and `to`, or ask by the day",
            MOST_HOURS / 24
        )));
    }
    let mut named: Vec<Dimension> = usage.filter.iter().map(|(dimension, _)| *dimension).collect();
    named.sort_unstable();
    if named.windows(2).any(|pair| pair[0] == pair[1]) {
        return invalid("`filter` names a dimension twice");
    }
    Ok(())
}
