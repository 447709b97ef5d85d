//! The outbox: entries go from the journal to the store in batches, in one transaction with how far they got, and are
//! deleted here only after that. While the store is away they wait on the disk.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use prost::Message;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tollway_records::Record;
use tollway_records::journal::{Batch, Class, Cursor, Kind, Reader};
use tollway_records::record::Payload;
use tollway_store::{By, Error, Retention, Store};

use crate::clock::{micros, unix_time};
use crate::log;

use super::{Books, RETRY};

/// A batch has at most so many entries, and bytes.
const ENTRIES: usize = 8_000;
const BYTES: usize = 4 << 20;
/// How long is waited for more when there is nothing: a watcher sees a record that much later.
const PAUSE: Duration = Duration::from_millis(100);
/// As long as this the end of the process waits for what is left to be shipped; the next start goes on with the rest.
const LAST: Duration = Duration::from_secs(2);
/// How often what is too old is looked for.
const RETAIN: Duration = Duration::from_secs(3600);
const DAY_US: i64 = 86_400_000_000;

/// Ships until the process ends, and then what is left.
pub(crate) fn run(books: &Books, stopped: &watch::Receiver<bool>) {
    let mut until: Option<Instant> = None;
    let mut outbox: Option<Outbox> = None;
    loop {
        if *stopped.borrow() && until.is_none() {
            until = Some(Instant::now() + LAST);
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            return;
        }
        books.tick();
        let turn = match &mut outbox {
            None => Outbox::open(books).map(|opened| outbox = opened).map(|()| Turn::Idle),
            Some(outbox) => outbox.turn(books),
        };
        books.health.noted(turn.as_ref().err());
        match turn {
            Ok(Turn::Shipped) => {}
            Ok(Turn::Idle) if until.is_some() && outbox.is_some() => return,
            Ok(Turn::Idle) => std::thread::sleep(PAUSE),
            Ok(Turn::Again) => outbox = None,
            Err(_) => std::thread::sleep(if until.is_some() { PAUSE } else { RETRY }),
        }
    }
}

/// What came of one turn.
pub(crate) enum Turn {
    Shipped,
    /// There was nothing.
    Idle,
    /// The store stands elsewhere than was thought: all is to be read anew.
    Again,
}

/// The way of one process from its journal to its store.
pub(crate) struct Outbox {
    store: Store,
    lines: [Line; 2],
    retained: Option<Instant>,
}

/// The entries of one class.
struct Line {
    reader: Reader,
    /// Read, and not in the store yet.
    waiting: Option<Batch>,
    /// So many entries of the audit log at its beginning are in the store already.
    audited: usize,
}

/// An entry of the audit log that was journalled.
#[derive(Deserialize)]
struct Audited {
    actor: String,
    at_us: i64,
    action: String,
    kind: String,
    name: String,
    after: Value,
}

impl Outbox {
    /// `None` while another process owns the journal: one that we take over from.
    pub(crate) fn open(books: &Books) -> Result<Option<Self>, Error> {
        match books.journal.try_own() {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => return Err(Error::Away(error.to_string())),
        }
        let mut store = books.connect()?;
        let cursors: Vec<Cursor> = store.cursors(books.journal.id())?.into_iter().map(of_store).collect();
        let line = |class| {
            let reader = books.journal.reader(class, &cursors).map_err(|error| Error::Away(error.to_string()))?;
            Ok::<_, Error>(Line { reader, waiting: None, audited: 0 })
        };
        let lines = [line(Class::Records)?, line(Class::Payloads)?];
        Ok(Some(Self { store, lines, retained: None }))
    }

    /// Ships a batch of each class, if there is one.
    pub(crate) fn turn(&mut self, books: &Books) -> Result<Turn, Error> {
        let mut shipped = false;
        // Before the segments are listed, so that one which is made meanwhile counts as unshipped.
        let written = books.journal.state().written;
        for line in &mut self.lines {
            let batch = match line.waiting.take() {
                Some(batch) => batch,
                None => read(line, books)?,
            };
            if batch.is_empty() {
                continue;
            }
            match ship(&mut self.store, books, &batch, &mut line.audited) {
                Ok(()) => line.audited = 0,
                Err(Error::Conflict(_)) => return Ok(Turn::Again),
                Err(error) => {
                    line.waiting = Some(batch);
                    return Err(error);
                }
            }
            books.health.shipped.fetch_add(batch.entries().len() as u64, Relaxed);
            match line.reader.shipped(&batch.cursors) {
                Ok(gone) if gone.is_empty() => {}
                Ok(gone) => self.store.forget_cursors(books.journal.id(), &gone)?,
                Err(error) => log::error("journal.not-cleared", &json!({"error": error.to_string()})),
            }
            shipped = true;
        }
        let behind: u64 = self.lines.iter().map(|line| line.reader.behind()).sum();
        books.health.done.store(written.saturating_sub(behind), Relaxed);
        if shipped {
            return Ok(Turn::Shipped);
        }
        books.health.shipped_us.store(micros(unix_time()), Relaxed);
        self.retain(books)?;
        Ok(Turn::Idle)
    }

    fn retain(&mut self, books: &Books) -> Result<(), Error> {
        if self.retained.is_some_and(|last| last.elapsed() < RETAIN) {
            return Ok(());
        }
        self.retained = Some(Instant::now());
        let now = now_us();
        let before = |days: Option<u32>| days.map(|days| now - i64::from(days) * DAY_US);
        let keep = Retention {
            requests_before_us: before(books.spec.retain_requests_days),
            hours_before_us: before(books.spec.retain_rollups_days),
            days_before_us: before(books.spec.retain_rollups_days),
        };
        for month in self.store.retain(&keep)? {
            log::info("store.month-dropped", &json!({"month": month}));
        }
        Ok(())
    }
}

fn read(line: &mut Line, books: &Books) -> Result<Batch, Error> {
    let batch = line
        .reader
        .read(ENTRIES, BYTES)
        .map_err(|error| Error::Away(format!("the journal cannot be read: {error}")))?;
    for (_, bytes) in batch.entries().filter(|(kind, _)| *kind == Kind::Request) {
        if let Ok(record) = Record::decode(bytes) {
            books.ring.push(Arc::new(record));
        }
    }
    Ok(batch)
}

fn ship(store: &mut Store, books: &Books, batch: &Batch, audited: &mut usize) -> Result<(), Error> {
    let mut decoded = Vec::with_capacity(batch.entries().len());
    let (mut payloads, mut audits) = (Vec::new(), Vec::new());
    for (kind, bytes) in batch.entries() {
        match kind {
            // Its frame has checked out; what cannot be read all the same was written so.
            Kind::Request => decoded.extend(Record::decode(bytes).ok().map(|record| (record, bytes))),
            Kind::Payload => payloads.extend(Payload::decode(bytes).ok()),
            Kind::Audit => audits.push(bytes),
        }
    }
    for bytes in audits.into_iter().skip(*audited) {
        audit(store, bytes)?;
        *audited += 1;
    }
    let records: Vec<(&Record, &[u8])> = decoded.iter().map(|(record, bytes)| (record, *bytes)).collect();
    let payloads: Vec<tollway_store::Payload<'_>> = payloads
        .iter()
        .map(|payload| tollway_store::Payload {
            id: &payload.id,
            request: Cow::Borrowed(&payload.request),
            response: Cow::Borrowed(&payload.response),
        })
        .collect();
    let cursors: Vec<tollway_store::Cursor> = batch.cursors.iter().map(to_store).collect();
    store.ship(&tollway_store::Batch {
        journal: books.journal.id(),
        now_us: now_us(),
        records: &records,
        payloads: &payloads,
        cursors: &cursors,
    })
}

/// At least once: a process that dies between this and the cursors' transaction tells it again.
fn audit(store: &mut Store, bytes: &[u8]) -> Result<(), Error> {
    let Ok(entry) = serde_json::from_slice::<Audited>(bytes) else { return Ok(()) };
    let by = By { actor: &entry.actor, at_us: entry.at_us };
    store.audit_append(by, (&entry.action, &entry.kind, &entry.name), None, Some(entry.after)).map(drop)
}

fn now_us() -> i64 {
    i64::try_from(micros(unix_time())).unwrap_or(i64::MAX)
}

fn of_store(cursor: tollway_store::Cursor) -> Cursor {
    Cursor { lane: cursor.lane, segment: cursor.segment, offset: cursor.offset }
}

fn to_store(cursor: &Cursor) -> tollway_store::Cursor {
    tollway_store::Cursor { lane: cursor.lane, segment: cursor.segment, offset: cursor.offset }
}
