//! What both databases have in common: statements with `?1`, `?2`… for values, and transactions.

pub(crate) mod postgres;
pub(crate) mod sqlite;
pub(crate) mod tls;

use std::borrow::Cow;

use crate::error::Error;

/// Which database it is, where their SQL differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    Sqlite,
    Postgres,
}

/// A value on its way into the database. Integers are `BIGINT` everywhere.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

impl<'a> Cell<'a> {
    pub(crate) fn int_if(number: Option<i64>) -> Self {
        number.map_or(Self::Null, Self::Int)
    }

    pub(crate) fn text_if(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }

    pub(crate) fn blob_if(bytes: Option<&'a [u8]>) -> Self {
        bytes.map_or(Self::Null, Self::Blob)
    }
}

/// The type of a column that is written in bulk.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Int,
    Text,
    Blob,
}

/// Many rows into one table. None of the texts comes from outside, and no two rows of one call have the same key if
/// `conflict` updates: PostgreSQL refuses that.
pub(crate) struct Bulk<'a> {
    pub(crate) table: &'a str,
    pub(crate) columns: &'a [(&'a str, Kind)],
    /// What follows the values: `ON CONFLICT …`.
    pub(crate) conflict: &'a str,
}

/// A row of an answer.
pub(crate) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

/// A connection to one database.
pub(crate) trait Sql: Send {
    fn flavour(&self) -> Flavour;

    /// Hands each row of the answer to `each`.
    fn query(
        &mut self,
        sql: &str,
        cells: &[Cell<'_>],
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error>;

    /// Returns the number of rows that were changed.
    fn execute(&mut self, sql: &str, cells: &[Cell<'_>]) -> Result<u64, Error>;

    /// Statements without values.
    fn script(&mut self, sql: &str) -> Result<(), Error>;

    /// Writes rows, whose cells lie one after the other, and returns the number of those that were written.
    fn bulk(&mut self, bulk: &Bulk<'_>, cells: &[Cell<'_>]) -> Result<u64, Error>;

    /// Begins a transaction in which others cannot write (SQLite), or see what is written (PostgreSQL).
    fn begin(&mut self) -> Result<(), Error>;

    fn commit(&mut self) -> Result<(), Error>;

    /// Gives up the transaction; a connection that cannot even do that has lost it anyway.
    fn rollback(&mut self);

    /// Waits until no other process is within `what`; let go at the end of the transaction. SQLite has one writer.
    fn exclude(&mut self, what: i64) -> Result<(), Error>;
}

/// Does `work` wholly or not at all.
pub(crate) fn transaction<T>(
    sql: &mut dyn Sql,
    work: impl FnOnce(&mut dyn Sql) -> Result<T, Error>,
) -> Result<T, Error> {
    sql.begin()?;
    match work(sql).and_then(|value| sql.commit().map(|()| value)) {
        Ok(value) => Ok(value),
        Err(error) => {
            sql.rollback();
            Err(error)
        }
    }
}

impl Row<'_> {
    pub(crate) fn int_if(&self, column: usize) -> Result<Option<i64>, Error> {
        match self {
            Self::Sqlite(row) => {
                row.get_ref(column).ok().and_then(|value| value.as_i64_or_null().ok()).ok_or_else(|| strange(column))
            }
            Self::Postgres(row) => row.try_get(column).map_err(|_| strange(column)),
        }
    }

    pub(crate) fn int(&self, column: usize) -> Result<i64, Error> {
        self.int_if(column)?.ok_or_else(|| strange(column))
    }

    pub(crate) fn text_if(&self, column: usize) -> Result<Option<&str>, Error> {
        match self {
            Self::Sqlite(row) => {
                row.get_ref(column).ok().and_then(|value| value.as_str_or_null().ok()).ok_or_else(|| strange(column))
            }
            Self::Postgres(row) => row.try_get(column).map_err(|_| strange(column)),
        }
    }

    pub(crate) fn text(&self, column: usize) -> Result<&str, Error> {
        self.text_if(column)?.ok_or_else(|| strange(column))
    }

    pub(crate) fn blob_if(&self, column: usize) -> Result<Option<&[u8]>, Error> {
        match self {
            Self::Sqlite(row) => {
                row.get_ref(column).ok().and_then(|value| value.as_blob_or_null().ok()).ok_or_else(|| strange(column))
            }
            Self::Postgres(row) => row.try_get(column).map_err(|_| strange(column)),
        }
    }

    pub(crate) fn blob(&self, column: usize) -> Result<&[u8], Error> {
        self.blob_if(column)?.ok_or_else(|| strange(column))
    }
}

fn strange(column: usize) -> Error {
    Error::Damaged(format!("the database holds a value of another type than was written (column {column})"))
}

/// `text` as both databases can hold it: PostgreSQL knows no NUL, and an index no more than a few thousand bytes.
pub(crate) fn clean(text: &str, most: usize) -> Cow<'_, str> {
    let cut = if text.len() <= most { text } else { &text[..text.floor_char_boundary(most)] };
    if memchr::memchr(0, cut.as_bytes()).is_none() {
        Cow::Borrowed(cut)
    } else {
        Cow::Owned(cut.replace('\0', "\u{fffd}"))
    }
}
