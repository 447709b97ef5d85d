//! Appending, reading, rotating, deleting.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tollway_records::journal::{AppendError, Class, Failure, Journal, Kind, Operation, Ownership, Settings};

use super::support::{
    EIO, Events, Folder, LATER, MANY, Rig, Store, append, open, read_all, records, segments_of, texts,
};

#[test]
fn entries_come_back_whole_and_in_the_order_of_their_lane() {
    let folder = Folder::new();
    let journal = open(&folder);
    let (mut one, mut two) = (journal.lane().unwrap(), journal.lane().unwrap());
    let long = "x".repeat(1 << 20);
    for (kind, text) in [(Kind::Request, ""), (Kind::Audit, "b"), (Kind::Request, long.as_str())] {
        one.append(kind, |out| out.extend_from_slice(text.as_bytes())).unwrap();
    }
    append(&mut two, "other").unwrap();
    let mut reader = journal.reader(Class::Records, &[]).unwrap();
    let batch = reader.read(MANY, 4 << 20).unwrap();
    let mut entries: Vec<_> = batch.entries().map(|(kind, content)| (kind, content.to_vec())).collect();
    entries.retain(|entry| entry.1 != b"other");
    let expected = [(Kind::Request, vec![]), (Kind::Audit, b"b".to_vec()), (Kind::Request, long.into_bytes())];
    assert_eq!(entries, expected);
    assert_eq!(batch.entries().len(), 4);
    assert_eq!(batch.cursors.len(), 2);
}

#[test]
fn one_append_is_one_write_and_nothing_else() {
    let (folder, rig) = (Folder::new(), Rig::default());
    let journal = rig.open(&folder, segments_of(1 << 20));
    let mut lane = journal.lane().unwrap();
    rig.seen();
    for _ in 0..10 {
        append(&mut lane, "entry").unwrap();
    }
    assert_eq!(rig.seen(), [Operation::Write; 10]);
}

#[test]
fn an_entry_is_seen_as_soon_as_it_is_appended() {
    let folder = Folder::new();
    let journal = open(&folder);
    let mut reader = journal.reader(Class::Records, &[]).unwrap();
    assert!(reader.read(MANY, MANY).unwrap().is_empty());
    let mut lane = journal.lane().unwrap();
    for number in 0..50 {
        append(&mut lane, &number.to_string()).unwrap();
        assert_eq!(texts(&reader.read(MANY, MANY).unwrap()), [number.to_string()]);
        assert!(reader.read(MANY, MANY).unwrap().is_empty());
    }
    let other = std::thread::spawn(move || append(&mut lane, "from a thread"));
    other.join().unwrap().unwrap();
    assert_eq!(read_all(&mut reader), ["from a thread"]);
}

#[test]
fn segments_are_rotated_and_deleted_once_shipped_save_the_one_that_is_written() {
    let folder = Folder::new();
    let journal = Journal::open(&folder, segments_of(200), Ownership::Owner).unwrap();
    let mut lane = journal.lane().unwrap();
    let expected: Vec<_> = (0..40).map(|number| format!("entry {number:04}")).collect();
    for text in &expected {
        append(&mut lane, text).unwrap();
    }
    let paths = folder.files(".seg");
    assert!(paths.len() > 5);
    assert!(paths.iter().all(|path| path.metadata().unwrap().len() <= 200));
    let on_disk: u64 = paths.iter().map(|path| path.metadata().unwrap().len()).sum();
    assert_eq!(journal.state().bytes, on_disk);

    let (mut store, mut reader) = (Store::default(), journal.reader(Class::Records, &[]).unwrap());
    assert_eq!(reader.behind(), 0);
    let first = reader.read(3, MANY).unwrap();
    assert_eq!(texts(&first), expected[..3]);
    assert!(reader.behind() > 0);
    assert_eq!(folder.files(".seg").len(), paths.len());
    store.keep(&first);
    reader.shipped(&first.cursors).unwrap();
    store.ship(&mut reader);
    assert_eq!(store.has, expected);
    assert_eq!(reader.behind(), 0);
    let left = folder.files(".seg");
    assert_eq!(left, paths[paths.len() - 1..]);
    assert_eq!(journal.state().bytes, left[0].metadata().unwrap().len());

    // Closed, the last one goes too, and the store is told that the lane is gone.
    drop(lane);
    assert_eq!(store.cursors.len(), 1);
    store.ship(&mut reader);
    assert_eq!(folder.files(".seg").len(), 0);
    assert_eq!(store.cursors.len(), 0);
    assert_eq!(journal.state().bytes, 0);
}

#[test]
fn what_was_not_shipped_is_read_again_from_the_cursors() {
    let folder = Folder::new();
    let mut store = Store::default();
    {
        let journal = Journal::open(&folder, segments_of(100), Ownership::Owner).unwrap();
        let mut lane = journal.lane().unwrap();
        for number in 0..20 {
            append(&mut lane, &number.to_string()).unwrap();
        }
        let mut reader = journal.reader(Class::Records, &[]).unwrap();
        store.keep(&reader.read(7, MANY).unwrap());
        // Read, but neither kept nor deleted.
        assert_eq!(reader.read(5, MANY).unwrap().entries().len(), 5);
    }
    let journal = open(&folder);
    let mut reader = journal.reader(Class::Records, &store.list()).unwrap();
    store.ship(&mut reader);
    assert_eq!(store.has, (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(folder.files(".seg").len(), 0);
    assert_eq!(store.cursors.len(), 0);
}

#[test]
fn what_is_read_but_not_said_to_be_shipped_is_not_deleted() {
    let folder = Folder::new();
    let mut store = Store::default();
    {
        let journal = Journal::open(&folder, segments_of(100), Ownership::Owner).unwrap();
        let mut lane = journal.lane().unwrap();
        for number in 10..30 {
            append(&mut lane, &number.to_string()).unwrap();
        }
        drop(lane);
        let mut reader = journal.reader(Class::Records, &[]).unwrap();
        let first = reader.read(6, MANY).unwrap();
        store.keep(&first);
        // Read ahead, and lost.
        assert_eq!(read_all(&mut reader).len(), 14);
        reader.shipped(&first.cursors).unwrap();
        assert_eq!(folder.files(".seg").len(), 4);
    }
    store.ship(&mut open(&folder).reader(Class::Records, &store.list()).unwrap());
    assert_eq!(store.has, (10..30).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[test]
fn of_two_new_segments_the_earlier_is_read_first_even_if_a_listing_misses_it() {
    let folder = Folder::new();
    let names = Arc::new(Mutex::new(None::<[PathBuf; 2]>));
    let lists = Arc::clone(&names);
    // A listing that runs while both are made may show any of them; so this one misses the first, once.
    let faults = Box::new(move |operation| {
        if operation == Operation::List
            && let Some([name, aside]) = &*lists.lock().unwrap()
        {
            let missed = if aside.exists() { (aside, name) } else { (name, aside) };
            std::fs::rename(missed.0, missed.1).unwrap();
        }
        None
    });
    let journal = Journal::open_failing(&folder, segments_of(60), Ownership::Owner, faults).unwrap();
    let mut lane = journal.lane().unwrap();
    for text in ["first", "second", "third"] {
        append(&mut lane, text).unwrap();
    }
    drop(lane);
    let mut reader = journal.reader(Class::Records, &[]).unwrap();
    let path = folder.files(".seg").remove(0);
    let aside = path.with_extension("aside");
    *names.lock().unwrap() = Some([path, aside]);
    let batch = reader.read(MANY, MANY).unwrap();
    *names.lock().unwrap() = None;
    assert_eq!(texts(&batch), ["first", "second", "third"]);
}

#[test]
fn without_cursors_everything_that_is_left_is_read() {
    let folder = Folder::new();
    let journal = open(&folder);
    let mut lane = journal.lane().unwrap();
    append(&mut lane, "a").unwrap();
    assert_eq!(records(&journal), ["a"]);
    drop((lane, journal));
    assert_eq!(records(&open(&folder)), ["a"]);
}

#[test]
fn lanes_take_turns_and_batches_keep_their_bounds() {
    let folder = Folder::new();
    let journal = open(&folder);
    let mut lanes: Vec<_> = (0..3).map(|_| journal.lane().unwrap()).collect();
    for number in 0..600 {
        for (lane, name) in lanes.iter_mut().zip(["a", "b", "c"]) {
            append(lane, &format!("{name}{number:0999}")).unwrap();
        }
    }
    let mut reader = journal.reader(Class::Records, &[]).unwrap();
    let batch = reader.read(MANY, 900_000).unwrap();
    assert!(batch.bytes() <= 900_000);
    for name in ["a", "b", "c"] {
        let count = texts(&batch).iter().filter(|text| text.starts_with(name)).count();
        assert!(count >= 200, "lane {name} gave {count} of {}", batch.entries().len());
    }
    // The next batch begins with the next lane.
    let firsts: BTreeSet<_> = (0..3).map(|_| texts(&reader.read(10, MANY).unwrap())[9][..1].to_owned()).collect();
    assert_eq!(firsts.len(), 3);
    // An entry that is longer than the bound comes alone.
    assert_eq!(reader.read(MANY, 1).unwrap().entries().len(), 1);
    assert_eq!(read_all(&mut reader).len(), 1800 - batch.entries().len() - 31);
}

#[test]
fn an_entry_that_is_too_long_is_an_error_that_names_both_sizes() {
    let folder = Folder::new();
    let journal = open(&folder);
    let mut lane = journal.lane().unwrap();
    for (kind, max) in [(Kind::Request, 1 << 20), (Kind::Audit, 1 << 20), (Kind::Payload, 16 << 20)] {
        let refused = lane.append(kind, |out| out.resize(out.len() + max + 1, b'x')).unwrap_err();
        assert!(matches!(refused, AppendError::TooLong { .. }));
        let text = refused.to_string();
        assert!(text.contains(&max.to_string()) && text.contains(&(max + 1).to_string()), "{text}");
        lane.append(kind, |out| out.resize(out.len() + max, b'x')).unwrap();
    }
    assert_eq!(journal.state().dropped, 3);
    let mut reader = journal.reader(Class::Payloads, &[]).unwrap();
    assert_eq!(reader.read(MANY, MANY).unwrap().bytes(), 16 << 20);
    assert_eq!(records(&journal).len(), 2);
}

#[test]
fn payloads_are_shipped_and_lost_without_records() {
    let folder = Folder::new();
    let mut store = Store::default();
    {
        let journal = open(&folder);
        let mut lane = journal.lane().unwrap();
        assert_eq!(folder.files(".payload").len(), 0);
        append(&mut lane, "record").unwrap();
        lane.append(Kind::Payload, |out| out.extend_from_slice(b"payload")).unwrap();
        assert_eq!(folder.files(".payload").len(), 1);
        let mut reader = journal.reader(Class::Payloads, &[]).unwrap();
        store.ship(&mut reader);
        assert_eq!(store.has, ["payload"]);
        // The cursors of one class mean nothing to the other, and are not said to be gone.
        store.ship(&mut journal.reader(Class::Records, &store.list()).unwrap());
        assert_eq!(store.has, ["payload", "record"]);
        assert_eq!(store.cursors.len(), 2);
        append(&mut lane, "record 2").unwrap();
    }
    for path in folder.files(".payload") {
        std::fs::remove_file(path).unwrap();
    }
    let journal = open(&folder);
    store.ship(&mut journal.reader(Class::Records, &store.list()).unwrap());
    assert_eq!(store.has, ["payload", "record", "record 2"]);
    assert_eq!(store.cursors.len(), 0);
}

#[test]
fn segments_that_an_operator_deletes_stop_nothing() {
    let (folder, events) = (Folder::new(), Events::default());
    let settings = events.settings(segments_of(100));
    let journal = Journal::open(&folder, settings, Ownership::Owner).unwrap();
    let mut lane = journal.lane().unwrap();
    let mut reader = journal.reader(Class::Records, &[]).unwrap();
    for number in 0..10 {
        append(&mut lane, &number.to_string()).unwrap();
    }
    for path in folder.files(".seg") {
        std::fs::remove_file(path).unwrap();
    }
    reader.read(MANY, MANY).unwrap();
    append(&mut lane, "after").unwrap();
    assert_eq!(read_all(&mut reader).last().map(String::as_str), Some("after"));
    assert_eq!(records(&journal), ["after"]);
}

#[test]
fn a_segment_that_an_operator_cuts_stops_nothing() {
    let (folder, events) = (Folder::new(), Events::default());
    let journal = Journal::open(&folder, events.settings(segments_of(1 << 20)), Ownership::Owner).unwrap();
    let (mut lane, mut reader) = (journal.lane().unwrap(), journal.reader(Class::Records, &[]).unwrap());
    for text in ["first", "second", "third"] {
        append(&mut lane, text).unwrap();
    }
    let path = folder.files(".seg").remove(0);
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(40 + 12 + 5 + 3).unwrap();
    assert_eq!(read_all(&mut reader), ["first"]);
    append(&mut lane, "fourth").unwrap();
    assert_eq!(read_all(&mut reader), ["fourth"]);
    assert_eq!(events.names(), ["Damaged"]);
}

#[test]
fn the_flusher_syncs_what_was_appended_and_a_new_segments_name() {
    let (folder, rig) = (Folder::new(), Rig::default());
    let journal = rig.open(&folder, Settings { segment_bytes: 100, ..Settings::new(1 << 30, LATER) });
    let flusher = journal.start_flusher().unwrap();
    assert!(flusher.is_some());
    let mut lane = journal.lane().unwrap();
    for number in 0..10 {
        append(&mut lane, &number.to_string()).unwrap();
    }
    drop(flusher);
    let seen = rig.seen();
    let syncs = |seen: &[Operation]| seen.iter().filter(|operation| **operation == Operation::Sync).count();
    assert!(syncs(&seen) >= folder.files(".seg").len());
    assert!(seen.contains(&Operation::SyncFolder));
    journal.flush().unwrap();
    assert_eq!(rig.seen(), [], "what is synced is not synced again");
    append(&mut lane, "one more").unwrap();
    journal.flush().unwrap();
    assert_eq!(rig.seen(), [Operation::Write, Operation::Sync]);
    // A name that could not be synced is synced later.
    rig.fail_once(Operation::SyncFolder, Failure::Error(EIO));
    append(&mut lane, &"x".repeat(100)).unwrap();
    journal.flush().unwrap_err();
    rig.seen();
    journal.flush().unwrap();
    assert_eq!(rig.seen(), [Operation::SyncFolder]);
}

#[test]
fn a_lane_is_gone_only_when_its_deletion_is_on_the_disk() {
    let (folder, rig) = (Folder::new(), Rig::default());
    let journal = rig.open(&folder, segments_of(1 << 20));
    append(&mut journal.lane().unwrap(), "a").unwrap();
    let mut reader = journal.reader(Class::Records, &[]).unwrap();
    let batch = reader.read(MANY, MANY).unwrap();
    rig.fail_once(Operation::SyncFolder, Failure::Error(EIO));
    reader.shipped(&batch.cursors).unwrap_err();
    assert_eq!(folder.files(".seg").len(), 0);
    rig.seen();
    assert_eq!(reader.shipped(&batch.cursors).unwrap(), [batch.cursors[0].lane]);
    assert!(rig.seen().contains(&Operation::SyncFolder));
    assert_eq!(reader.shipped(&[]).unwrap(), [0; 0]);
}
