//! Folders, journals and disks to test with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tollway_records::journal::{
    Class, Condition, Cursor, Event, Failure, Fsync, Journal, Kind, Lane, Operation, Ownership, Reader, Settings,
};

pub(crate) const ENOSPC: i32 = 28;
pub(crate) const EIO: i32 = 5;
pub(crate) const EROFS: i32 = 30;
pub(crate) const MANY: usize = 1 << 20;
pub(crate) const LATER: Fsync = Fsync::Interval(Duration::from_millis(100));

/// A folder that is deleted in the end. A test has one at a time.
pub(crate) struct Folder {
    path: PathBuf,
    _turn: Turn,
}

/// Between fork and exec a child holds the files of all tests, and their locks: tests that spawn run alone.
static TURNS: RwLock<()> = RwLock::new(());

#[expect(dead_code, reason = "held")]
enum Turn {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

impl Folder {
    /// In memory where the system has such a folder: thousands of syncs take a minute on a disk.
    pub(crate) fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory } else { Path::new(env!("CARGO_TARGET_TMPDIR")) };
        Self::within(parent, Turn::Shared(TURNS.read().unwrap_or_else(PoisonError::into_inner)))
    }

    /// On the disk, for a test that spawns processes.
    pub(crate) fn alone() -> Self {
        let turn = Turn::Alone(TURNS.write().unwrap_or_else(PoisonError::into_inner));
        Self::within(Path::new(env!("CARGO_TARGET_TMPDIR")), turn)
    }

    fn within(parent: &Path, turn: Turn) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("tollway-journal-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = parent.join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self { path, _turn: turn }
    }

    /// The files whose names end so, sorted.
    pub(crate) fn files(&self, ending: &str) -> Vec<PathBuf> {
        files(&self.path, ending)
    }
}

impl std::ops::Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.to_str().unwrap().ends_with(ending)).collect();
    paths.sort();
    paths
}

/// What a journal has reported.
#[derive(Clone, Default)]
pub(crate) struct Events(Arc<Mutex<Vec<Event>>>);

impl Events {
    pub(crate) fn all(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }

    /// The `event` of each, as an operator reads it.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |event: &Event| {
            let text = format!("{event:?}");
            text.split(' ').next().unwrap_or_default().to_owned()
        };
        self.all().iter().map(name).collect()
    }

    pub(crate) fn settings(&self, mut settings: Settings) -> Settings {
        let events = self.clone();
        settings.report = Arc::new(move |event| events.0.lock().unwrap().push(event.clone()));
        settings
    }
}

/// Large, with segments of so many bytes.
pub(crate) fn segments_of(bytes: u64) -> Settings {
    Settings { segment_bytes: bytes, ..Settings::new(1 << 30, LATER) }
}

pub(crate) fn open(folder: &Path) -> Journal {
    Journal::open(folder, segments_of(1 << 20), Ownership::Owner).unwrap()
}

/// A disk whose operations fail as the test says while it runs.
#[derive(Clone, Default)]
pub(crate) struct Rig(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    failing: Vec<(Operation, Failure)>,
    once: Vec<(Operation, Failure)>,
    seen: Vec<Operation>,
}

impl Rig {
    pub(crate) fn open(&self, folder: &Path, settings: Settings) -> Journal {
        let rig = self.clone();
        let faults = Box::new(move |operation| {
            let mut state = rig.0.lock().unwrap();
            state.seen.push(operation);
            if let Some(at) = state.once.iter().position(|(at, _)| *at == operation) {
                return Some(state.once.remove(at).1);
            }
            state.failing.iter().find(|(at, _)| *at == operation).map(|(_, failure)| *failure)
        });
        Journal::open_failing(folder, settings, Ownership::Owner, faults).unwrap()
    }

    /// From now on these fail, and no others.
    pub(crate) fn fail(&self, operations: &[Operation], number: i32) {
        let failure = Failure::Error(number);
        self.0.lock().unwrap().failing = operations.iter().map(|operation| (*operation, failure)).collect();
    }

    /// The next of this kind fails; several of one kind fail one after the other.
    pub(crate) fn fail_once(&self, operation: Operation, failure: Failure) {
        self.0.lock().unwrap().once.push((operation, failure));
    }

    /// What was done since the last call.
    pub(crate) fn seen(&self) -> Vec<Operation> {
        std::mem::take(&mut self.0.lock().unwrap().seen)
    }
}

pub(crate) fn append(lane: &mut Lane, text: &str) -> Result<(), tollway_records::journal::AppendError> {
    lane.append(Kind::Request, |out| out.extend_from_slice(text.as_bytes()))
}

pub(crate) fn texts(batch: &tollway_records::journal::Batch) -> Vec<String> {
    batch.entries().map(|(_, content)| String::from_utf8_lossy(content).into_owned()).collect()
}

/// Reads all that there is now.
pub(crate) fn read_all(reader: &mut Reader) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let batch = reader.read(MANY, MANY).unwrap();
        if batch.is_empty() {
            return all;
        }
        all.extend(texts(&batch));
    }
}

pub(crate) fn records(journal: &Journal) -> Vec<String> {
    read_all(&mut journal.reader(Class::Records, &[]).unwrap())
}

pub(crate) fn is_failing(journal: &Journal) -> bool {
    matches!(journal.state().condition, Condition::Failing(_))
}

/// A store: what it has, and the cursors that it kept with it.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) has: Vec<String>,
    pub(crate) cursors: BTreeMap<u64, Cursor>,
}

impl Store {
    pub(crate) fn keep(&mut self, batch: &tollway_records::journal::Batch) {
        self.has.extend(texts(batch));
        self.cursors.extend(batch.cursors.iter().map(|cursor| (cursor.lane, *cursor)));
    }

    pub(crate) fn list(&self) -> Vec<Cursor> {
        self.cursors.values().copied().collect()
    }

    /// Reads, keeps and deletes until nothing is left to read.
    pub(crate) fn ship(&mut self, reader: &mut Reader) {
        loop {
            let batch = reader.read(MANY, MANY).unwrap();
            self.keep(&batch);
            for lane in reader.shipped(&batch.cursors).unwrap() {
                self.cursors.remove(&lane);
            }
            if batch.is_empty() {
                return;
            }
        }
    }
}
