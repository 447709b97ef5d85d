//! SQLite, in write-ahead mode.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags, ToSql};

use super::{Bulk, Cell, Flavour, Row, Sql};
use crate::error::Error;

/// Pages that a connection keeps, in KiB. Requests are appended in the order of their time, so few of theirs are needed.
const SMALL_KIB: i64 = 1_024;
const LARGE_KIB: i64 = 8_192;

/// One file.
pub(crate) struct Sqlite {
    connection: Connection,
    path: PathBuf,
}

impl Sqlite {
    /// Opens or makes the file; waits up to `patience` for others, now and later.
    pub(crate) fn open(path: &Path, patience: Duration) -> Result<Self, Error> {
        let away = |error: std::io::Error| Error::Away(format!("{} cannot be opened: {error}", path.display()));
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(away)?;
        }
        if !path.exists() {
            // Made here, for SQLite would let everybody read it.
            OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(away)?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|error| explain(path, &error))?;
        let mut opened = Self { connection, path: path.to_owned() };
        opened.prepare(patience)?;
        Ok(opened)
    }

    /// Keeps up to 8 MiB of pages: for a file whose rows are changed all over it.
    pub(crate) fn with_large_cache(self) -> Result<Self, Error> {
        let set = self.connection.pragma_update(None, "cache_size", -LARGE_KIB);
        set.map_err(|error| explain(&self.path, &error))?;
        Ok(self)
    }

    fn prepare(&mut self, patience: Duration) -> Result<(), Error> {
        let set = |connection: &Connection| -> rusqlite::Result<String> {
            connection.busy_timeout(patience)?;
            let mode = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
            // FULL: segments of the journal are deleted once they are shipped, so a commit must survive a power cut.
            connection.pragma_update(None, "synchronous", "FULL")?;
            // 16 MB: the same rows are added to time and again, and reach the file itself less often.
            connection.pragma_update(None, "wal_autocheckpoint", 4_096)?;
            connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
            connection.pragma_update(None, "cache_size", -SMALL_KIB)?;
            connection.pragma_update(None, "trusted_schema", false)?;
            connection.set_prepared_statement_cache_capacity(64);
            Ok(mode)
        };
        let end = Instant::now() + patience;
        loop {
            match set(&self.connection) {
                Ok(mode) if mode == "wal" => return Ok(()),
                Ok(_) => {
                    let text = format!("{} lies where SQLite cannot keep a write-ahead log", self.path.display());
                    return Err(Error::Away(text));
                }
                // The change of mode does not wait for others by itself.
                Err(error) if busy(&error) && Instant::now() < end => thread::sleep(Duration::from_millis(5)),
                Err(error) => return Err(explain(&self.path, &error)),
            }
        }
    }

    /// The file never grows beyond `bytes`; to be called before anything is written.
    pub(crate) fn limit(&mut self, bytes: u64) -> Result<(), Error> {
        let page: i64 = self
            .connection
            .pragma_query_value(None, "page_size", |row| row.get(0))
            .map_err(|error| explain(&self.path, &error))?;
        self.connection
            .pragma_update_and_check(
                None,
                "max_page_count",
                i64::try_from(bytes).unwrap_or(i64::MAX) / page.max(1),
                |_| Ok(()),
            )
            .map_err(|error| explain(&self.path, &error))
    }

    fn bound<'c>(&'c self, sql: &str, cells: &[Cell<'_>]) -> Result<CachedStatement<'c>, Error> {
        let mut statement = self.connection.prepare_cached(sql).map_err(|error| explain(&self.path, &error))?;
        bind(&mut statement, cells).map_err(|error| explain(&self.path, &error))?;
        Ok(statement)
    }
}

impl Sql for Sqlite {
    fn flavour(&self) -> Flavour {
        Flavour::Sqlite
    }

    fn query(
        &mut self,
        sql: &str,
        cells: &[Cell<'_>],
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut statement = self.bound(sql, cells)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(|error| explain(&self.path, &error))? {
            each(&Row::Sqlite(row))?;
        }
        Ok(())
    }

    fn execute(&mut self, sql: &str, cells: &[Cell<'_>]) -> Result<u64, Error> {
        let changed = self.bound(sql, cells)?.raw_execute().map_err(|error| explain(&self.path, &error))?;
        Ok(changed as u64)
    }

    fn script(&mut self, sql: &str) -> Result<(), Error> {
        self.connection.execute_batch(sql).map_err(|error| explain(&self.path, &error))
    }

    fn bulk(&mut self, bulk: &Bulk<'_>, cells: &[Cell<'_>]) -> Result<u64, Error> {
        let names: Vec<&str> = bulk.columns.iter().map(|(name, _)| *name).collect();
        let places: Vec<String> = (1..=names.len()).map(|number| format!("?{number}")).collect();
        let sql = format!(
            "INSERT INTO {} ({}) VALUES ({}) {}",
            bulk.table,
            names.join(", "),
            places.join(", "),
            bulk.conflict
        );
        let mut statement = self.connection.prepare_cached(&sql).map_err(|error| explain(&self.path, &error))?;
        let mut written = 0;
        for row in cells.chunks_exact(names.len()) {
            let done = bind(&mut statement, row).and_then(|()| statement.raw_execute());
            written += done.map_err(|error| explain(&self.path, &error))?;
        }
        Ok(written as u64)
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.script("BEGIN IMMEDIATE")
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.script("COMMIT")
    }

    fn rollback(&mut self) {
        // SQLite has rolled back by itself after some errors, and says so here.
        let _ = self.script("ROLLBACK");
    }

    fn exclude(&mut self, _what: i64) -> Result<(), Error> {
        Ok(())
    }
}

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn bind(statement: &mut rusqlite::Statement<'_>, cells: &[Cell<'_>]) -> rusqlite::Result<()> {
    for (index, cell) in cells.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, cell)?;
    }
    Ok(())
}

fn busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// What an error of SQLite means to the caller (<https://www.sqlite.org/rescode.html>).
fn explain(path: &Path, error: &rusqlite::Error) -> Error {
    let path = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            Error::Away(format!("{path} is locked by another process"))
        }
        Some(ErrorCode::ReadOnly) => Error::Away(format!("{path} is read-only")),
        Some(ErrorCode::DiskFull) => Error::Away(format!("no room is left for {path}")),
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::OutOfMemory
            | ErrorCode::OperationInterrupted
            | ErrorCode::NoLargeFileSupport,
        ) => Error::Away(format!("{path} cannot be read or written: {error}")),
        Some(ErrorCode::ConstraintViolation) => Error::Conflict(format!("{path} holds it already")),
        Some(ErrorCode::TooBig) => Error::Invalid("a value is larger than the database can hold".to_owned()),
        _ => Error::Damaged(format!(
            "{path} is damaged or not a database of Tollway ({error}): restore it from a copy, or move it away \
             with its -wal and -shm files and start with an empty one"
        )),
    }
}
