//! Where rows lie: the main tables, and apart from them the requests of each month. In SQLite a month is a file beside
//! the main one, in PostgreSQL a partition, so that dropping a month reads nothing.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::calendar::Month;
use crate::error::Error;
use crate::migrate::{MIGRATING, migrate};
use crate::sql::postgres::Postgres;
use crate::sql::sqlite::Sqlite;
use crate::sql::{Flavour, Sql, transaction};
use crate::store::Options;
use crate::url::{Place, Url};

/// The version of a month's file.
const FILE_VERSION: i64 = 1;
/// So many months' files are open at once.
const OPEN_FILES: usize = 4;

/// `status` is apart from the record for the sake of the index on failures.
const FILE: &str = "
CREATE TABLE tollway_requests (
  accepted_us BIGINT NOT NULL,
  id TEXT NOT NULL,
  status BIGINT NOT NULL,
  record BLOB NOT NULL,
  PRIMARY KEY (accepted_us, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX tollway_requests_id ON tollway_requests (id);
CREATE INDEX tollway_requests_failed ON tollway_requests (accepted_us, id) WHERE status >= 400;
CREATE TABLE tollway_payloads (id TEXT PRIMARY KEY, request BLOB, response BLOB);
PRAGMA user_version = 1;
";

/// The whole database.
pub(crate) enum Database {
    Sqlite { main: Box<Sqlite>, files: Files },
    Postgres(Box<Postgres>),
}

impl Database {
    pub(crate) fn open(url: &Url, options: &Options) -> Result<Self, Error> {
        let mut opened = match &url.0 {
            Place::Sqlite(path) => {
                let mut main = Box::new(Sqlite::open(path, options.patience)?.with_large_cache()?);
                if let Some(most) = options.max_bytes {
                    main.limit(most)?;
                }
                Self::Sqlite { main, files: Files { main: path.clone(), options: options.clone(), open: Vec::new() } }
            }
            Place::Postgres(server) => Self::Postgres(Box::new(Postgres::open(server, options)?)),
        };
        migrate(opened.main())?;
        Ok(opened)
    }

    /// Connects again if need be; returns how often that was done.
    pub(crate) fn ready(&mut self) -> Result<u64, Error> {
        match self {
            Self::Sqlite { .. } => Ok(1),
            Self::Postgres(server) => server.ready(),
        }
    }

    /// The main tables.
    pub(crate) fn main(&mut self) -> &mut dyn Sql {
        match self {
            Self::Sqlite { main, .. } => main.as_mut(),
            Self::Postgres(server) => server.as_mut(),
        }
    }

    pub(crate) fn flavour(&self) -> Flavour {
        match self {
            Self::Sqlite { .. } => Flavour::Sqlite,
            Self::Postgres(_) => Flavour::Postgres,
        }
    }

    /// The months that hold requests, oldest first.
    pub(crate) fn months(&mut self) -> Result<Vec<Month>, Error> {
        let mut months = Vec::new();
        match self {
            Self::Sqlite { files, .. } => months = files.list()?,
            Self::Postgres(server) => {
                let sql = "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
                           WHERE i.inhparent = 'tollway_requests'::regclass";
                server.query(sql, &[], &mut |row| {
                    let number = row.text(0)?.rsplit_once('_').and_then(|(_, number)| number.parse().ok());
                    months.extend(number.and_then(Month::from_number));
                    Ok(())
                })?;
            }
        }
        months.sort_unstable();
        Ok(months)
    }

    /// A month that exists, and what stands for `{month}` in the names of its tables.
    pub(crate) fn month(&mut self, month: Month) -> Result<(&mut dyn Sql, String), Error> {
        match self {
            Self::Sqlite { files, .. } => Ok((files.open(month)?, String::new())),
            Self::Postgres(server) => Ok((server.as_mut(), format!("_{}", month.number()))),
        }
    }

    /// Makes what is lacking of `months`.
    pub(crate) fn make(&mut self, months: &[Month]) -> Result<(), Error> {
        let Self::Postgres(server) = self else { return Ok(()) };
        transaction(server.as_mut(), |sql| {
            sql.exclude(MIGRATING)?;
            for month in months {
                let number = month.number();
                for table in ["requests", "payloads"] {
                    sql.script(&format!(
                        "CREATE TABLE IF NOT EXISTS tollway_{table}_{number} PARTITION OF tollway_{table} \
                         (month DEFAULT {number}) FOR VALUES IN ({number})"
                    ))?;
                }
            }
            Ok(())
        })
    }

    /// Forgets a month's requests and payloads.
    pub(crate) fn drop_month(&mut self, month: Month) -> Result<(), Error> {
        match self {
            Self::Sqlite { files, .. } => files.remove(month),
            Self::Postgres(server) => {
                let number = month.number();
                server.script(&format!("DROP TABLE IF EXISTS tollway_requests_{number}, tollway_payloads_{number}"))
            }
        }
    }
}

/// The files of the months, beside the main one.
pub(crate) struct Files {
    main: PathBuf,
    options: Options,
    /// The last used last.
    open: Vec<(Month, Sqlite)>,
}

impl Files {
    fn prefix(&self) -> String {
        format!("{}-requests-", self.main.file_name().unwrap_or_default().to_string_lossy())
    }

    fn folder(&self) -> &Path {
        self.main.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    fn path(&self, month: Month) -> PathBuf {
        self.folder().join(format!("{}{month}.db", self.prefix()))
    }

    fn list(&self) -> Result<Vec<Month>, Error> {
        let prefix = self.prefix();
        let away = |error| Error::Away(format!("{} cannot be listed: {error}", self.folder().display()));
        let mut months = Vec::new();
        for entry in fs::read_dir(self.folder()).map_err(away)? {
            let name = entry.map_err(away)?.file_name();
            let month = name.to_str().and_then(|name| name.strip_prefix(&prefix)?.strip_suffix(".db"));
            months.extend(month.and_then(Month::parse));
        }
        Ok(months)
    }

    fn open(&mut self, month: Month) -> Result<&mut Sqlite, Error> {
        let path = self.path(month);
        let at = self.open.iter().position(|(opened, _)| *opened == month);
        let kept = at.map(|at| self.open.remove(at).1);
        let file = match kept {
            // What was deleted behind our back must not be written to.
            Some(file) if path.exists() => file,
            _ => self.make(&path)?,
        };
        if self.open.len() == OPEN_FILES {
            self.open.remove(0);
        }
        self.open.push((month, file));
        match self.open.last_mut() {
            Some((_, file)) => Ok(file),
            None => Err(Error::Away(format!("{} is not open", path.display()))),
        }
    }

    fn make(&self, path: &Path) -> Result<Sqlite, Error> {
        let mut file = Sqlite::open(path, self.options.patience)?;
        if version(&mut file)? == 0 {
            transaction(&mut file, |sql| if version(sql)? == 0 { sql.script(FILE) } else { Ok(()) })?;
        }
        let found = version(&mut file)?;
        if found > FILE_VERSION {
            return Err(Error::Newer { found, known: FILE_VERSION });
        }
        Ok(file)
    }

    fn remove(&mut self, month: Month) -> Result<(), Error> {
        self.open.retain(|(opened, _)| *opened != month);
        let path = self.path(month);
        for suffix in ["", "-wal", "-shm"] {
            let mut name = path.clone().into_os_string();
            name.push(suffix);
            match fs::remove_file(&name) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(Error::Away(format!("{} cannot be removed: {error}", path.display())));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn version(file: &mut dyn Sql) -> Result<i64, Error> {
    let mut version = 0;
    file.query("PRAGMA user_version", &[], &mut |row| {
        version = row.int(0)?;
        Ok(())
    })?;
    Ok(version)
}
