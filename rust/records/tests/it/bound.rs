//! The bound of the journal, and a disk that is really full.

use std::path::Path;
use std::process::Command;

use tollway_records::journal::{AppendError, Class, Condition, Journal, Kind, Operation, Ownership, Settings};

use super::support::{ENOSPC, Folder, LATER, MANY, Rig, Store, append, read_all};

fn small() -> Settings {
    Settings { segment_bytes: 1000, ..Settings::new(10_000, LATER) }
}

#[test]
fn the_bound_is_kept_payloads_first_and_records_for_one_segment_a_lane() {
    let folder = Folder::new();
    let journal = Journal::open(&folder, small(), Ownership::Owner).unwrap();
    let mut lane = journal.lane().unwrap();
    let payload = |out: &mut Vec<u8>| out.extend_from_slice(&[b'p'; 88]);
    let mut conditions = Vec::new();
    let mut appended = Vec::new();
    loop {
        let condition = journal.state().condition;
        if conditions.last() != Some(&condition) {
            conditions.push(condition);
        }
        if lane.full() {
            break;
        }
        appended.push(format!("{:088}", appended.len()));
        append(&mut lane, &appended[appended.len() - 1]).unwrap();
    }
    assert_eq!(conditions, [Condition::Ok, Condition::Filling, Condition::Full]);
    assert!(journal.state().bytes >= 10_000);
    assert!(matches!(lane.append(Kind::Payload, payload), Err(AppendError::Refused)));
    assert_eq!(journal.state().refused, 1);

    // What was running can still be recorded: a segment's worth for this lane.
    while journal.state().held == 0 {
        appended.push(format!("{:088}", appended.len()));
        match append(&mut lane, &appended[appended.len() - 1]) {
            Ok(()) => {}
            Err(AppendError::Held(_)) => assert_eq!(journal.state().held, 1),
            Err(error) => panic!("{error}"),
        }
    }
    let bytes = journal.state().bytes;
    assert!((10_900..=11_000).contains(&bytes), "{bytes}");
    assert!(folder.files("").iter().map(|path| path.metadata().unwrap().len()).sum::<u64>() <= 11_200);

    // Shipped, there is room again, and nothing was lost.
    let mut store = Store::default();
    let mut reader = journal.reader(Class::Records, &[]).unwrap();
    store.ship(&mut reader);
    lane.retry();
    append(&mut lane, "last").unwrap();
    appended.push("last".into());
    store.ship(&mut reader);
    assert_eq!(store.has, appended);
    assert_eq!(journal.state().condition, Condition::Ok);
    assert_eq!((journal.state().held, journal.state().dropped), (0, 0));
    lane.append(Kind::Payload, payload).unwrap();
}

#[test]
fn segments_that_are_shipped_but_still_written_do_not_fill_it_for_ever() {
    let folder = Folder::new();
    let journal = Journal::open(&folder, small(), Ownership::Owner).unwrap();
    // Together their segments, none of which is full, reach the bound.
    let mut lanes: Vec<_> = (0..16).map(|_| journal.lane().unwrap()).collect();
    for lane in &mut lanes {
        append(lane, &"x".repeat(700)).unwrap();
    }
    assert_eq!(journal.state().condition, Condition::Full);
    let (mut store, mut reader) = (Store::default(), journal.reader(Class::Records, &[]).unwrap());
    store.ship(&mut reader);
    assert_eq!(journal.state().condition, Condition::Full);
    lanes.iter_mut().for_each(|lane| lane.retry());
    // Reading is enough: no batch has anything to ship.
    assert!(reader.read(MANY, MANY).unwrap().is_empty());
    assert_eq!(journal.state().condition, Condition::Ok);
    assert_eq!(journal.state().bytes, 0);
    for lane in &mut lanes {
        append(lane, "y").unwrap();
        append(lane, "z").unwrap();
    }
    assert_eq!(folder.files(".seg").len(), 16);
    store.ship(&mut reader);
    assert_eq!(store.has.len(), 48);
}

#[test]
fn what_dead_processes_left_counts_too() {
    let folder = Folder::new();
    {
        let journal = Journal::open(&folder, small(), Ownership::Owner).unwrap();
        append(&mut journal.lane().unwrap(), &"x".repeat(6000)).unwrap();
    }
    let journal = Journal::open(&folder, small(), Ownership::Owner).unwrap();
    assert_eq!(journal.state().condition, Condition::Filling);
    assert_eq!(journal.state().bytes, 6052);
    Store::default().ship(&mut journal.reader(Class::Records, &[]).unwrap());
    assert_eq!(journal.state().bytes, 0);
}

/// Fills the disk, frees it, and finds everything that was taken, once.
fn fill_and_free(folder: &Path, journal: &Journal, free: impl FnOnce()) {
    let mut lane = journal.lane().unwrap();
    let mut taken = Vec::new();
    for number in 0.. {
        let text = format!("{number:01000}");
        match append(&mut lane, &text) {
            Ok(()) => taken.push(text),
            Err(AppendError::Held(_)) => taken.push(text),
            Err(AppendError::Dropped(_)) => break,
            Err(error) => panic!("{error}"),
        }
        assert!(number < 5000, "the disk was never full");
    }
    let state = journal.state();
    assert_eq!(state.condition, Condition::Failing(std::io::Error::from_raw_os_error(ENOSPC).to_string()));
    assert_eq!(state.dropped, 1);
    assert!(state.held >= 60 && state.held_bytes <= 65_536, "{state:?}");
    // What is on the disk can be read while it is full.
    let mut reader = journal.reader(Class::Records, &[]).unwrap();
    let mut read = read_all(&mut reader);
    assert_eq!(read.len() as u64 + state.held, taken.len() as u64);
    free();
    lane.retry();
    append(&mut lane, "last").unwrap();
    taken.push("last".into());
    read.extend(read_all(&mut reader));
    assert_eq!(read, taken);
    assert_eq!(journal.state().condition, Condition::Ok);
    assert!(super::support::files(folder, ".new").is_empty());
}

/// A small file system in memory at a folder, until this is dropped.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    /// `None` where this process may not mount.
    fn new(folder: &'a Path, options: &str) -> Option<Self> {
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(folder))
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_loses_nothing_that_memory_holds_real_disk() {
    let folder = Folder::alone();
    let Some(_mounted) = Mounted::new(&folder, "size=512k") else {
        eprintln!("no tmpfs can be mounted here; the test whose name ends in `injected` shows the same");
        return;
    };
    let ballast = folder.join("ballast");
    std::fs::write(&ballast, vec![0; 300_000]).unwrap();
    let settings = Settings { backlog_bytes: 65_536, segment_bytes: 50_000, ..Settings::new(1 << 30, LATER) };
    let journal = Journal::open(&folder, settings, Ownership::Owner).unwrap();
    fill_and_free(&folder, &journal, || std::fs::remove_file(&ballast).unwrap());
}

#[test]
fn a_full_disk_loses_nothing_that_memory_holds_injected() {
    let (folder, rig) = (Folder::new(), Rig::default());
    let settings = Settings { backlog_bytes: 65_536, segment_bytes: 50_000, ..Settings::new(1 << 30, LATER) };
    let journal = rig.open(&folder, settings);
    rig.fail(&[Operation::Write, Operation::Create], ENOSPC);
    fill_and_free(&folder, &journal, || rig.fail(&[], 0));
}

#[test]
fn a_read_only_disk_is_an_error_that_says_so() {
    let folder = Folder::alone();
    let Some(_mounted) = Mounted::new(&folder, "ro,size=64k") else {
        eprintln!("no tmpfs can be mounted here");
        return;
    };
    let refused = Journal::open(&folder, small(), Ownership::Owner).err().unwrap().to_string();
    assert!(refused.contains("Read-only file system") && refused.contains(folder.to_str().unwrap()), "{refused}");
}
