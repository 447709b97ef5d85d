//! Opening the database, and what one connection to it remembers.

use std::time::Duration;

use crate::database::Database;
use crate::dictionary::Dictionary;
use crate::error::Error;
use crate::fold::Known;
use crate::url::Url;

/// How the database is used.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long others that hold a lock are waited for, and a connection to be made.
    pub patience: Duration,
    /// How long one statement may take in PostgreSQL.
    pub longest: Duration,
    /// SQLite: how large the main file may become.
    pub max_bytes: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self { patience: Duration::from_secs(5), longest: Duration::from_secs(30), max_bytes: None }
    }
}

/// One connection to the database. After [`Error::Away`] the same call may be tried again on the same store: a lost
/// connection is made anew.
pub struct Store {
    pub(crate) database: Database,
    pub(crate) dictionary: Dictionary,
    pub(crate) known: Known,
    connected: u64,
}

impl Store {
    /// Opens the database, makes it if there is none (SQLite), and brings its tables to the newest version.
    ///
    /// # Errors
    /// [`Error::Away`], [`Error::Newer`], [`Error::Damaged`].
    pub fn open(url: &Url, options: &Options) -> Result<Self, Error> {
        let database = Database::open(url, options)?;
        Ok(Self { database, dictionary: Dictionary::default(), known: Known::default(), connected: 1 })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`Error::Away`] and why.
    pub fn ping(&mut self) -> Result<(), Error> {
        self.database()?.main().query("SELECT 1", &[], &mut |_| Ok(()))
    }

    /// The database, connected. What was learnt from an earlier connection is forgotten: behind it may be another one.
    pub(crate) fn database(&mut self) -> Result<&mut Database, Error> {
        let connected = self.database.ready()?;
        if connected != self.connected {
            self.connected = connected;
            self.forget();
        }
        Ok(&mut self.database)
    }

    /// Forgets what was learnt in a transaction that came to nothing.
    pub(crate) fn forget(&mut self) {
        self.dictionary = Dictionary::default();
        self.known = Known::default();
    }
}
