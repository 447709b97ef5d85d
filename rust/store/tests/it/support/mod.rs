//! What the tests stand on: a place for a database, records, and children of this binary.

pub(crate) mod server;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use prost::Message;
use serde_json::{Map, Value};
use tollway_records::{Record, Tokens};
use tollway_store::{Batch, By, Cursor, Filter, Options, Search, Store, Url, Usage};

use self::server::{execute, shared};

/// How a test ends.
pub(crate) type Done<T = ()> = Result<T, Box<dyn Error>>;

/// 2026-11-21 12:00.
pub(crate) const NOW_US: i64 = 1_795_262_400_000_000;
pub(crate) const HOUR_US: i64 = 3_600_000_000;
pub(crate) const DAY_US: i64 = 24 * HOUR_US;

/// Runs each test over both databases.
macro_rules! both {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[test] fn $name() -> crate::support::Done { super::$name(&crate::support::Place::sqlite()?) })*
        }
        mod postgresql {
            $(#[test] fn $name() -> crate::support::Done { super::$name(&crate::support::Place::postgres()?) })*
        }
    };
}
pub(crate) use both;

/// A folder of its own, removed at the end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Done<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("tollway-store-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An empty database.
pub(crate) struct Place {
    pub(crate) text: String,
    pub(crate) url: Url,
    pub(crate) folder: Option<Folder>,
}

impl Place {
    pub(crate) fn sqlite() -> Done<Self> {
        let folder = Folder::new()?;
        let text = format!("sqlite:{}", folder.0.join("t.db").display());
        Ok(Self { url: Url::parse(&text)?, text, folder: Some(folder) })
    }

    pub(crate) fn postgres() -> Done<Self> {
        let text = shared()?.database()?;
        Ok(Self { url: Url::parse(&text)?, text, folder: None })
    }

    pub(crate) fn open(&self) -> Done<Store> {
        Ok(Store::open(&self.url, &Options::default())?)
    }

    /// Statements behind the store's back.
    pub(crate) fn raw(&self, sql: &str) -> Done {
        match self.url.path() {
            Some(path) => Ok(rusqlite::Connection::open(path)?.execute_batch(sql)?),
            None => execute(&self.text, sql),
        }
    }
}

/// A record of number `n`, accepted `n` seconds after a day before [`NOW_US`].
pub(crate) fn record(n: u64) -> Record {
    let accepted_us = (NOW_US - DAY_US).cast_unsigned() + n * 1_000_000;
    Record {
        id: format!("req_{:012x}{n:020x}", accepted_us / 1_000),
        accepted_us,
        endpoint: "chat.completions".into(),
        status: if n.is_multiple_of(10) { 500 } else { 200 },
        team: Some(format!("team-{}", n % 3)),
        key: Some(format!("key-{}", n % 7)),
        route: Some(format!("route-{}", n % 2)),
        model: Some("gpt-4o".into()),
        provider: Some("openai".into()),
        user: Some(format!("user-{}", n % 11)),
        tags: if n.is_multiple_of(4) { vec!["a".into(), "b".into()] } else { Vec::new() },
        total_us: 1_000 + n,
        first_token_us: (!n.is_multiple_of(10)).then_some(500),
        tokens: Some(Tokens { input: Some(n), output: Some(2 * n), ..Tokens::default() }),
        cost_nano: (!n.is_multiple_of(5)).then_some(i64::try_from(n).unwrap_or(0)),
        cache: "miss".into(),
        ..Record::default()
    }
}

/// Ships records; the cursor of lane 1 of the journal `j` moves to `offset`, if there is one.
pub(crate) fn ship(store: &mut Store, records: &[Record], offset: Option<u64>) -> Result<(), tollway_store::Error> {
    ship_at(store, records, offset, NOW_US)
}

pub(crate) fn ship_at(
    store: &mut Store,
    records: &[Record],
    offset: Option<u64>,
    now_us: i64,
) -> Result<(), tollway_store::Error> {
    let raw: Vec<Vec<u8>> = records.iter().map(Message::encode_to_vec).collect();
    let pairs: Vec<(&Record, &[u8])> = records.iter().zip(raw.iter().map(Vec::as_slice)).collect();
    let cursors: Vec<Cursor> = offset.map(|offset| Cursor { lane: 1, segment: 0, offset }).into_iter().collect();
    store.ship(&Batch { journal: "j", now_us, records: &pairs, payloads: &[], cursors: &cursors })
}

/// All records, oldest first.
pub(crate) fn all(store: &mut Store) -> Done<Vec<Record>> {
    let filter = Filter::default();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let search =
            Search { filter: &filter, from_us: None, to_us: None, ascending: true, limit: 0, after: after.as_deref() };
        let page = store.requests_search(&search)?;
        found.extend(page.records);
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
}

/// The sum of a counter over all that was ever counted.
pub(crate) fn total(store: &mut Store, counter: &str) -> Done<Option<i64>> {
    let usage = Usage { from_us: 0, to_us: i64::MAX, ..Usage::default() };
    let (lines, _) = store.usage(&usage)?;
    Ok(lines.first().and_then(|line| line.sum(counter)))
}

pub(crate) fn by(actor: &str) -> By<'_> {
    By { actor, at_us: NOW_US }
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Runs an ignored test of this binary, `kill::child::NAME`, on a database in a process of its own.
pub(crate) fn child(name: &str, url: &str) -> Done<Child> {
    Ok(child_command(&std::env::current_exe()?, name, url).spawn()?)
}

pub(crate) fn child_command(program: &Path, name: &str, url: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["--exact", &format!("kill::child::{name}"), "--ignored", "--nocapture"]);
    command.env("TOLLWAY_STORE_CHILD", url).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
