//! The audit log: a chain in which every entry holds the hash of the one before it.
//!
//! An entry's hash is SHA-256 over its fields, each preceded by its length, so whoever edits, removes, inserts or
//! reorders entries breaks the chain at a place that can be named. Who can write the whole database can also make the
//! whole chain anew, or cut off its end: against that, heads are signed and kept elsewhere.

mod verify;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use self::verify::{Bad, SignedHead, Verdict};
use crate::change::{By, one};
use crate::error::Error;
use crate::migrate::hex;
use crate::sql::{Cell, Row, Sql, clean, transaction};
use crate::store::Store;

/// A search looks at so many entries a call.
const SCAN: i64 = 200_000;
/// A page has at most so many entries.
const PAGE: usize = 1_000;
/// The longest actor, action, kind or name that is kept.
const TEXT_BYTES: usize = 512;
/// What comes before the first entry.
const GENESIS: [u8; 32] = [0; 32];

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Counts from 1, without gaps.
    pub seq: i64,
    /// Microseconds since 1970.
    pub at_us: i64,
    /// Who did it.
    pub actor: String,
    /// What was done, such as `create`.
    pub action: String,
    /// What it was done to, such as `key`.
    pub kind: String,
    /// Which.
    pub name: String,
    /// How it was, as JSON.
    #[serde(serialize_with = "as_json")]
    pub before: Option<String>,
    /// How it became, as JSON.
    #[serde(serialize_with = "as_json")]
    pub after: Option<String>,
    /// The hash of the entry before.
    #[serde(serialize_with = "as_hex")]
    pub previous: [u8; 32],
    /// The hash of all the above.
    #[serde(serialize_with = "as_hex")]
    pub hash: [u8; 32],
}

/// What is searched for, newest first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Search<'a> {
    /// At most so many entries; 0 and more than 1,000 are taken as 1,000.
    pub limit: usize,
    /// `next` of the page before.
    pub after: Option<&'a str>,
    /// Only this actor's.
    pub actor: Option<&'a str>,
    /// Only this action.
    pub action: Option<&'a str>,
    /// Only what was done to the thing of this name, or to `KIND:NAME`.
    pub object: Option<&'a str>,
}

/// What is appended.
pub(crate) struct Told<'a> {
    pub(crate) action: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

const SELECT: &str = "SELECT seq, at_us, actor, action, kind, name, before_json, after_json, previous, hash \
                      FROM tollway_audit";

impl Entry {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        let bytes =
            |bytes: &[u8]| bytes.try_into().map_err(|_| Error::Damaged("an audit hash has not 32 bytes".to_owned()));
        Ok(Self {
            seq: row.int(0)?,
            at_us: row.int(1)?,
            actor: row.text(2)?.to_owned(),
            action: row.text(3)?.to_owned(),
            kind: row.text(4)?.to_owned(),
            name: row.text(5)?.to_owned(),
            before: row.text_if(6)?.map(str::to_owned),
            after: row.text_if(7)?.map(str::to_owned),
            previous: bytes(row.blob(8)?)?,
            hash: bytes(row.blob(9)?)?,
        })
    }

    fn computed(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.seq.to_be_bytes());
        hash.update(self.at_us.to_be_bytes());
        for text in [&self.actor, &self.action, &self.kind, &self.name].map(|text| Some(text.as_str())) {
            field(&mut hash, text);
        }
        field(&mut hash, self.before.as_deref());
        field(&mut hash, self.after.as_deref());
        hash.update(self.previous);
        hash.finalize().into()
    }
}

/// Absent is told from empty.
fn field(hash: &mut Sha256, text: Option<&str>) {
    match text {
        Some(text) => {
            hash.update([1]);
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        None => hash.update([0]),
    }
}

/// Appends an entry; the caller's transaction holds the change number, so nobody else appends meanwhile.
pub(crate) fn append(sql: &mut dyn Sql, by: By<'_>, told: &Told<'_>) -> Result<i64, Error> {
    let (last, previous) = head(sql)?;
    let text = |text: &str| clean(text, TEXT_BYTES).into_owned();
    let mut entry = Entry {
        seq: last + 1,
        at_us: by.at_us,
        actor: text(by.actor),
        action: text(told.action),
        kind: text(told.kind),
        name: text(told.name),
        before: told.before.as_ref().map(Value::to_string),
        after: told.after.as_ref().map(Value::to_string),
        previous,
        hash: GENESIS,
    };
    entry.hash = entry.computed();
    sql.execute(
        "INSERT INTO tollway_audit (seq, at_us, actor, action, kind, name, before_json, after_json, previous, hash) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        &[
            Cell::Int(entry.seq),
            Cell::Int(entry.at_us),
            Cell::Text(&entry.actor),
            Cell::Text(&entry.action),
            Cell::Text(&entry.kind),
            Cell::Text(&entry.name),
            Cell::text_if(entry.before.as_deref()),
            Cell::text_if(entry.after.as_deref()),
            Cell::Blob(&entry.previous),
            Cell::Blob(&entry.hash),
        ],
    )?;
    let text = "UPDATE tollway_state SET number = ?1, hash = ?2 WHERE name = 'audit'";
    sql.execute(text, &[Cell::Int(entry.seq), Cell::Blob(&entry.hash)])?;
    Ok(entry.seq)
}

/// The last entry, as it was noted apart from the log.
fn head(sql: &mut dyn Sql) -> Result<(i64, [u8; 32]), Error> {
    let read = |row: &Row<'_>| Ok((row.int(0)?, row.blob_if(1)?.and_then(|hash| hash.try_into().ok())));
    let found = one(sql, "SELECT number, hash FROM tollway_state WHERE name = 'audit'", &[], read)?;
    let (seq, hash) = found.ok_or_else(|| Error::Damaged("the audit log's head is missing".to_owned()))?;
    Ok((seq, hash.unwrap_or(GENESIS)))
}

impl Store {
    /// Appends an entry about something that is not in this database, and returns its number.
    ///
    /// # Errors
    /// [`Error::Away`].
    pub fn audit_append(
        &mut self,
        by: By<'_>,
        (action, kind, name): (&str, &str, &str),
        before: Option<Value>,
        after: Option<Value>,
    ) -> Result<i64, Error> {
        transaction(self.database()?.main(), |sql| {
            sql.execute("UPDATE tollway_state SET number = number WHERE name = 'changes'", &[])?;
            append(sql, by, &Told { action, kind, name, before, after })
        })
    }

    /// Entries, newest first, and where the next page begins. A page may be short, or empty, before the last one.
    ///
    /// # Errors
    /// [`Error::Invalid`] if `after` is none of ours; [`Error::Away`].
    pub fn audit_search(&mut self, search: &Search<'_>) -> Result<(Vec<Entry>, Option<String>), Error> {
        let sql = self.database()?.main();
        let below = match search.after {
            Some(text) => text.parse().map_err(|_| Error::Invalid("`after` is not from a page before".to_owned()))?,
            None => head(sql)?.0.saturating_add(1),
        };
        let floor = below.saturating_sub(SCAN).max(0);
        let limit = if search.limit == 0 { PAGE } else { search.limit.min(PAGE) };
        let text = format!(
            "{SELECT} WHERE seq < ?1 AND seq >= ?2 \
             AND (CAST(?3 AS TEXT) IS NULL OR actor = ?3) \
             AND (CAST(?4 AS TEXT) IS NULL OR action = ?4) \
             AND (CAST(?5 AS TEXT) IS NULL OR name = ?5 OR kind || ':' || name = ?5) ORDER BY seq DESC LIMIT ?6"
        );
        let cells = [
            Cell::Int(below),
            Cell::Int(floor),
            Cell::text_if(search.actor),
            Cell::text_if(search.action),
            Cell::text_if(search.object),
            Cell::Int(limit as i64),
        ];
        let mut entries = Vec::new();
        sql.query(&text, &cells, &mut |row| {
            entries.push(Entry::read(row)?);
            Ok(())
        })?;
        let next = match entries.last() {
            Some(last) if entries.len() == limit => last.seq,
            _ => floor,
        };
        Ok((entries, (next > 1).then(|| next.to_string())))
    }
}

fn as_hex<S: serde::Serializer>(bytes: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&hex(bytes))
}

fn as_json<S: serde::Serializer>(text: &Option<String>, to: S) -> Result<S::Ok, S::Error> {
    let value: Option<Value> = text.as_deref().and_then(|text| serde_json::from_str(text).ok());
    value.serialize(to)
}
