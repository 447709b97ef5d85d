//! What goes wrong, by what the caller must do about it.

use std::fmt;

/// An error of the store. Its text names the database, and never a password or a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Try again later: the database is locked, read-only, full, restarting or out of reach.
    Away(String),
    /// A newer Tollway has written this database: use that version, or another database.
    Newer {
        /// The version of the tables that was found.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// There is no such thing.
    NotFound(String),
    /// The thing exists already, or has changed since it was read.
    Conflict(String),
    /// The call itself is wrong.
    Invalid(String),
    /// The question is too large: the text says what to narrow.
    TooBroad(String),
    /// The database cannot be read as ours: restore it from a copy, or move it away.
    Damaged(String),
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer { found, known } => write!(
                out,
                "the database has version {found} and this program knows up to version {known}: \
                 run the newer Tollway that wrote it, or give this one another database"
            ),
            Self::Away(text)
            | Self::NotFound(text)
            | Self::Conflict(text)
            | Self::Invalid(text)
            | Self::TooBroad(text)
            | Self::Damaged(text) => out.write_str(text),
        }
    }
}

impl std::error::Error for Error {}
