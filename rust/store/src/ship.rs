//! From the journal into the store: records, payloads, roll-ups and the journal's cursors, each exactly once.
//!
//! In PostgreSQL a batch is one transaction. In SQLite the requests of each month lie in a file of their own, and are
//! committed first, where what is there already is left as it is; then roll-ups and cursors are committed together. A
//! batch that is cut in between is shipped again, because its cursors have not moved, and changes nothing twice.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use tollway_records::Record;

use crate::calendar::{DAY_US, Month};
use crate::database::Database;
use crate::error::Error;
use crate::fold::{Dated, fold};
use crate::sql::{Bulk, Cell, Flavour, Kind, Sql, clean, transaction};
use crate::store::Store;

/// Ids of ours have 36 bytes.
pub(crate) const ID_BYTES: usize = 128;
/// Older clocks are wrong: 2020-01-01.
pub(crate) const EARLIEST_US: i64 = 1_577_836_800_000_000;

/// How far a lane of the journal has been shipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The lane.
    pub lane: u64,
    /// The segment of the lane that is read next.
    pub segment: u64,
    /// The byte within the segment that is read next.
    pub offset: u64,
}

/// What was sampled of a request: whole bodies, as they came and went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload<'a> {
    /// The request's id.
    pub id: &'a str,
    /// The caller's body.
    pub request: Cow<'a, [u8]>,
    /// The answer's body.
    pub response: Cow<'a, [u8]>,
}

/// What is shipped at once; a few thousand records are a good size.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// The journal's own id.
    pub journal: &'a str,
    /// Now, in microseconds since 1970. Records of before 2020, or of more than a day ahead, count for now.
    pub now_us: i64,
    /// Each record, and the bytes that it was read from, which are what is stored.
    pub records: &'a [(&'a Record, &'a [u8])],
    /// Payloads, of these or of other requests.
    pub payloads: &'a [Payload<'a>],
    /// Where the journal is to be read on after this batch.
    pub cursors: &'a [Cursor],
}

impl Store {
    /// Writes a batch. One whose cursors have all been reached already is not written again, so that a caller who does
    /// not know how it ended may ship it once more.
    ///
    /// # Errors
    /// [`Error::Away`]: nothing is lost; ship the same batch again. [`Error::Conflict`]: some of the cursors have been
    /// reached and some not: read [`Store::cursors`], and make the batch anew from there.
    pub fn ship(&mut self, batch: &Batch<'_>) -> Result<(), Error> {
        let result = self.try_ship(batch);
        if result.is_err() {
            self.forget();
        }
        result
    }

    fn try_ship(&mut self, batch: &Batch<'_>) -> Result<(), Error> {
        self.database()?;
        let Self { database, dictionary, known, .. } = self;
        let dated: Vec<Dated<'_>> =
            batch.records.iter().map(|(record, _)| Dated { record, at_us: dated(record, batch.now_us).0 }).collect();
        let mut months = by_month(batch);
        if database.flavour() == Flavour::Sqlite {
            if shipped(database.main(), batch)? {
                return Ok(());
            }
            leave_out_known_strays(database, &mut months)?;
            for (month, part) in &months {
                let (file, suffix) = database.month(*month)?;
                transaction(file, |file| insert(file, &suffix, part))?;
            }
            months.clear();
        } else {
            let existing = database.months()?;
            let lacking: Vec<Month> = months.keys().filter(|month| !existing.contains(month)).copied().collect();
            if !lacking.is_empty() {
                database.make(&lacking)?;
            }
        }
        transaction(database.main(), |sql| {
            sql.exclude(number(batch.journal))?;
            if shipped(sql, batch)? {
                return Ok(());
            }
            for (month, part) in &months {
                insert(sql, &format!("_{}", month.number()), part)?;
            }
            fold(sql, dictionary, known, &dated)?;
            move_cursors(sql, batch)
        })
    }

    /// How far the lanes of a journal have been shipped, whoever shipped them.
    ///
    /// # Errors
    /// [`Error::Away`].
    pub fn cursors(&mut self, journal: &str) -> Result<Vec<Cursor>, Error> {
        let sql = self.database()?.main();
        if sql.flavour() == Flavour::Sqlite {
            return cursors(sql, journal);
        }
        transaction(sql, |sql| {
            // A process that was killed may have left a transaction that is still to be committed.
            sql.exclude(number(journal))?;
            cursors(sql, journal)
        })
    }

    /// Forgets the cursors of lanes whose segments are all gone.
    ///
    /// # Errors
    /// [`Error::Away`].
    pub fn forget_cursors(&mut self, journal: &str, lanes: &[u64]) -> Result<(), Error> {
        let sql = self.database()?.main();
        transaction(sql, |sql| {
            for lane in lanes {
                sql.execute(
                    "DELETE FROM tollway_cursors WHERE journal = ?1 AND lane = ?2",
                    &[Cell::Text(journal), Cell::Int(lane.cast_signed())],
                )?;
            }
            Ok(())
        })
    }
}

/// What a batch holds of one month.
#[derive(Default)]
struct Part<'a> {
    requests: Vec<Request<'a>>,
    payloads: Vec<&'a Payload<'a>>,
}

struct Request<'a> {
    accepted_us: i64,
    id: Cow<'a, str>,
    status: i64,
    record: &'a [u8],
    /// Its clock was wrong, so its month is that of its arrival here.
    stray: bool,
}

/// The time that a record counts for, and whether its own is beyond belief.
fn dated(record: &Record, now_us: i64) -> (i64, bool) {
    let at = i64::try_from(record.accepted_us).unwrap_or(i64::MAX);
    if (EARLIEST_US..=now_us.saturating_add(DAY_US)).contains(&at) { (at, false) } else { (now_us, true) }
}

fn by_month<'a>(batch: &Batch<'a>) -> BTreeMap<Month, Part<'a>> {
    let mut months: BTreeMap<Month, Part<'a>> = BTreeMap::new();
    for (record, raw) in batch.records {
        let (at, stray) = dated(record, batch.now_us);
        months.entry(Month::of(at)).or_default().requests.push(Request {
            // The end of a range is not in it.
            accepted_us: i64::try_from(record.accepted_us).unwrap_or(i64::MAX).min(i64::MAX - 1),
            id: clean(&record.id, ID_BYTES),
            status: i64::from(record.status),
            record: raw,
            stray,
        });
    }
    for payload in batch.payloads {
        let at = time_of(payload.id).filter(|at| (EARLIEST_US..=batch.now_us.saturating_add(DAY_US)).contains(at));
        months.entry(Month::of(at.unwrap_or(batch.now_us))).or_default().payloads.push(payload);
    }
    months
}

/// The time in an id of ours, in microseconds since 1970.
pub(crate) fn time_of(id: &str) -> Option<i64> {
    let digits = id.strip_prefix("req_")?.get(..12)?;
    i64::from_str_radix(digits, 16).ok()?.checked_mul(1_000)
}

/// A batch that is shipped again in another month than at first must not lay its strays there once more.
fn leave_out_known_strays(database: &mut Database, months: &mut BTreeMap<Month, Part<'_>>) -> Result<(), Error> {
    if !months.values().any(|part| part.requests.iter().any(|request| request.stray)) {
        return Ok(());
    }
    let existing = database.months()?;
    for (month, part) in months {
        for other in existing.iter().filter(|other| *other != month) {
            let (file, _) = database.month(*other)?;
            let mut failed = None;
            part.requests.retain(|request| {
                let mut found = false;
                if request.stray {
                    let sql = "SELECT status FROM tollway_requests WHERE id = ?1";
                    let told = file.query(sql, &[Cell::Text(&request.id)], &mut |_| {
                        found = true;
                        Ok(())
                    });
                    failed = failed.take().or(told.err());
                }
                !found
            });
            if let Some(error) = failed {
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Writes what is not there yet.
fn insert(sql: &mut dyn Sql, suffix: &str, part: &Part<'_>) -> Result<(), Error> {
    let columns = [("accepted_us", Kind::Int), ("id", Kind::Text), ("status", Kind::Int), ("record", Kind::Blob)];
    let cells: Vec<Cell<'_>> = part
        .requests
        .iter()
        .flat_map(|request| {
            let (id, record) = (Cell::Text(&request.id), Cell::Blob(request.record));
            [Cell::Int(request.accepted_us), id, Cell::Int(request.status), record]
        })
        .collect();
    let table = format!("tollway_requests{suffix}");
    sql.bulk(&Bulk { table: &table, columns: &columns, conflict: "ON CONFLICT DO NOTHING" }, &cells)?;
    let columns = [("id", Kind::Text), ("request", Kind::Blob), ("response", Kind::Blob)];
    let ids: Vec<Cow<'_, str>> = part.payloads.iter().map(|payload| clean(payload.id, ID_BYTES)).collect();
    let cells: Vec<Cell<'_>> = part
        .payloads
        .iter()
        .zip(&ids)
        .flat_map(|(payload, id)| [Cell::Text(id), Cell::Blob(&payload.request), Cell::Blob(&payload.response)])
        .collect();
    let table = format!("tollway_payloads{suffix}");
    sql.bulk(&Bulk { table: &table, columns: &columns, conflict: "ON CONFLICT DO NOTHING" }, &cells)?;
    Ok(())
}

/// The lock under which a journal is shipped.
fn number(journal: &str) -> i64 {
    let hash = Sha256::digest(journal);
    hash.iter().take(8).fold(0, |number, byte| number << 8 | i64::from(*byte))
}

fn cursors(sql: &mut dyn Sql, journal: &str) -> Result<Vec<Cursor>, Error> {
    let mut cursors = Vec::new();
    let text = "SELECT lane, segment, at FROM tollway_cursors WHERE journal = ?1 ORDER BY lane";
    sql.query(text, &[Cell::Text(journal)], &mut |row| {
        cursors.push(Cursor {
            lane: row.int(0)?.cast_unsigned(),
            segment: row.int(1)?.cast_unsigned(),
            offset: row.int(2)?.cast_unsigned(),
        });
        Ok(())
    })?;
    Ok(cursors)
}

/// Whether all cursors of the batch have been reached; refuses if only some have.
fn shipped(sql: &mut dyn Sql, batch: &Batch<'_>) -> Result<bool, Error> {
    let stored = cursors(sql, batch.journal)?;
    let place = |cursor: &Cursor| (cursor.segment, cursor.offset);
    let reached = |new: &&Cursor| stored.iter().any(|old| old.lane == new.lane && place(old) >= place(new));
    let reached = batch.cursors.iter().filter(reached).count();
    if reached > 0 && reached < batch.cursors.len() {
        let text = "some of the batch has been shipped before: read the cursors, and go on from there";
        return Err(Error::Conflict(text.to_owned()));
    }
    Ok(reached > 0)
}

fn move_cursors(sql: &mut dyn Sql, batch: &Batch<'_>) -> Result<(), Error> {
    let columns = [("journal", Kind::Text), ("lane", Kind::Int), ("segment", Kind::Int), ("at", Kind::Int)];
    let mut cells = Vec::new();
    for cursor in batch.cursors {
        let int = |number: u64| Cell::Int(number.cast_signed());
        cells.extend([Cell::Text(batch.journal), int(cursor.lane), int(cursor.segment), int(cursor.offset)]);
    }
    let conflict = "ON CONFLICT (journal, lane) DO UPDATE SET segment = excluded.segment, at = excluded.at";
    sql.bulk(&Bulk { table: "tollway_cursors", columns: &columns, conflict }, &cells)?;
    Ok(())
}
