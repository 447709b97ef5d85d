//! The versions of the tables. Each is made in one transaction, so a process that is killed leaves the one or the other.

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::sql::{Cell, Flavour, Row, Sql, transaction};

/// One step; never changed once it is released.
struct Migration {
    name: &'static str,
    both: &'static str,
    postgres: &'static str,
}

const MIGRATIONS: [Migration; 3] = [
    Migration { name: "keys", both: include_str!("migrations/1-keys.sql"), postgres: "" },
    Migration {
        name: "usage and requests",
        both: include_str!("migrations/2-usage.sql"),
        postgres: include_str!("migrations/2-requests.postgres.sql"),
    },
    Migration { name: "jobs", both: include_str!("migrations/3-jobs.sql"), postgres: "" },
];

/// The advisory lock under which versions change, and under which partitions and names are made.
pub(crate) const MIGRATING: i64 = 0x746f_6c6c_7761_7900;

/// The newest version that is known here.
pub(crate) const KNOWN: i64 = MIGRATIONS.len() as i64;

/// Brings the tables to the newest version; two processes that start at once do it one after the other.
///
/// # Errors
/// [`Error::Newer`]; [`Error::Damaged`] if a version was made from another text than ours, or if the SQLite file is
/// another program's; and as every call.
pub(crate) fn migrate(sql: &mut dyn Sql) -> Result<(), Error> {
    // Nothing is written if nothing is to be done, so that a start needs no lock.
    while check(sql)? < KNOWN {
        transaction(sql, step)?;
    }
    Ok(())
}

/// Makes the next version.
fn step(sql: &mut dyn Sql) -> Result<(), Error> {
    sql.exclude(MIGRATING)?;
    sql.script(
        "CREATE TABLE IF NOT EXISTS tollway_migrations (\
         version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)",
    )?;
    let found = check(sql)?;
    let Some((version, migration)) = (1..).zip(&MIGRATIONS).nth(usize::try_from(found).unwrap_or(usize::MAX)) else {
        return Ok(());
    };
    let (text, clustered, postgres) = match sql.flavour() {
        Flavour::Sqlite => ("TEXT", " WITHOUT ROWID", ""),
        // Rows that are added to time and again need room beside them.
        Flavour::Postgres => ("TEXT COLLATE \"C\"", " WITH (fillfactor = 70)", migration.postgres),
    };
    sql.script(&migration.both.replace("{text}", text).replace("{clustered}", clustered))?;
    sql.script(postgres)?;
    sql.execute(
        "INSERT INTO tollway_migrations (version, name, checksum) VALUES (?1, ?2, ?3)",
        &[Cell::Int(version), Cell::Text(migration.name), Cell::Text(&checksum(migration))],
    )?;
    Ok(())
}

/// Returns the version that was found.
fn check(sql: &mut dyn Sql) -> Result<i64, Error> {
    let exists = match sql.flavour() {
        Flavour::Sqlite => {
            "SELECT CAST(count(*) AS BIGINT), \
             CAST(coalesce(sum(name = 'tollway_migrations'), 0) AS BIGINT) FROM sqlite_master"
        }
        Flavour::Postgres => "SELECT 0::bigint, count(to_regclass('tollway_migrations'))",
    };
    let (mut tables, mut ours) = (0, 0);
    sql.query(exists, &[], &mut |row| {
        (tables, ours) = (row.int(0)?, row.int(1)?);
        Ok(())
    })?;
    if ours == 0 {
        if tables > 0 {
            return Err(Error::Damaged("this is another program's SQLite database: name another file".to_owned()));
        }
        return Ok(0);
    }
    let mut found = 0;
    let mut strange = None;
    sql.query("SELECT version, checksum FROM tollway_migrations ORDER BY version", &[], &mut |row: &Row<'_>| {
        found = row.int(0)?;
        let known = usize::try_from(found - 1).ok().and_then(|index| MIGRATIONS.get(index));
        if known.is_some_and(|migration| row.text(1).ok() != Some(&checksum(migration))) {
            strange = strange.or(Some(found));
        }
        Ok(())
    })?;
    if found > KNOWN {
        return Err(Error::Newer { found, known: KNOWN });
    }
    match strange {
        Some(version) => Err(Error::Damaged(format!(
            "version {version} of the database was made from another text than this program's: \
             it was not made by a released Tollway"
        ))),
        None => Ok(found),
    }
}

fn checksum(migration: &Migration) -> String {
    hex(&Sha256::new().chain_update(migration.both).chain_update(migration.postgres).finalize())
}

/// Two digits a byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}
