//! Disks that fail: each operation of the journal, in each way.

use tollway_records::journal::{
    AppendError, Class, Condition, Event, Failure, Fsync, Journal, Operation, Ownership, Settings,
};

use super::support::{
    EIO, ENOSPC, EROFS, Events, Folder, MANY, Rig, Store, append, is_failing, open, read_all, records, segments_of,
};

#[test]
fn a_short_write_is_completed() {
    let (folder, rig) = (Folder::new(), Rig::default());
    let journal = rig.open(&folder, segments_of(1 << 20));
    let mut lane = journal.lane().unwrap();
    rig.seen();
    rig.fail_once(Operation::Write, Failure::Short(5));
    rig.fail_once(Operation::Write, Failure::Short(1));
    append(&mut lane, "short at first").unwrap();
    assert_eq!(rig.seen(), [Operation::Write; 3]);
    assert_eq!(records(&journal), ["short at first"]);
    assert_eq!(journal.state().condition, Condition::Ok);
}

#[test]
fn a_write_that_fails_half_way_is_cut_back_and_the_entry_waits() {
    for number in [ENOSPC, EIO, EROFS] {
        let (folder, rig, events) = (Folder::new(), Rig::default(), Events::default());
        let journal = rig.open(&folder, events.settings(segments_of(1 << 20)));
        let mut lane = journal.lane().unwrap();
        append(&mut lane, "a").unwrap();
        let length = folder.files(".seg")[0].metadata().unwrap().len();
        rig.fail_once(Operation::Write, Failure::Short(7));
        rig.fail_once(Operation::Write, Failure::Error(number));
        let held = append(&mut lane, "b").unwrap_err();
        let text = std::io::Error::from_raw_os_error(number).to_string();
        assert!(matches!(&held, AppendError::Held(cause) if cause.to_string() == text), "{held}");
        assert_eq!(folder.files(".seg")[0].metadata().unwrap().len(), length);
        assert_eq!(journal.state().condition, Condition::Failing(text));
        assert_eq!((journal.state().held, journal.state().held_bytes), (1, 13));
        append(&mut lane, "c").unwrap();
        assert_eq!(folder.files(".seg").len(), 2, "the next is tried in a new segment");
        assert_eq!(records(&journal), ["a", "b", "c"]);
        assert_eq!((journal.state().condition, journal.state().held), (Condition::Ok, 0));
        assert_eq!(events.names(), ["Failing", "Recovered"]);
    }
}

#[test]
fn where_cutting_back_fails_too_the_next_entry_goes_to_a_new_segment() {
    let (folder, rig) = (Folder::new(), Rig::default());
    let journal = rig.open(&folder, segments_of(1 << 20));
    let mut lane = journal.lane().unwrap();
    append(&mut lane, "a").unwrap();
    rig.fail_once(Operation::Write, Failure::Short(7));
    rig.fail_once(Operation::Write, Failure::Error(EIO));
    rig.fail_once(Operation::Cut, Failure::Error(EIO));
    append(&mut lane, "b").unwrap_err();
    lane.retry();
    append(&mut lane, "c").unwrap();
    assert_eq!(folder.files(".seg").len(), 2);
    assert_eq!(records(&journal), ["a", "b", "c"]);
    drop((lane, journal));
    // To the next process it is an incomplete last entry.
    let events = Events::default();
    let journal = Journal::open(&folder, events.settings(segments_of(100)), Ownership::Owner).unwrap();
    assert_eq!(records(&journal), ["a", "b", "c"]);
    assert_eq!(events.names(), ["TornTail"]);
}

#[test]
fn where_no_new_segment_can_be_made_the_old_one_goes_on() {
    let (folder, rig) = (Folder::new(), Rig::default());
    let journal = rig.open(&folder, segments_of(100));
    let mut lane = journal.lane().unwrap();
    rig.fail(&[Operation::Create], 24);
    let expected: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    for text in &expected {
        append(&mut lane, text).unwrap();
    }
    assert_eq!(folder.files(".seg").len(), 1);
    rig.fail(&[], 0);
    append(&mut lane, "new").unwrap();
    append(&mut lane, "newer").unwrap();
    assert_eq!(folder.files(".seg").len(), 2);
    assert_eq!(records(&journal).len(), 102);
}

#[test]
fn what_waits_in_memory_is_bounded_and_what_is_lost_is_counted() {
    let (folder, rig, events) = (Folder::new(), Rig::default(), Events::default());
    let settings = Settings { backlog_bytes: 130, ..segments_of(1 << 20) };
    let journal = rig.open(&folder, events.settings(settings));
    let mut lane = journal.lane().unwrap();
    rig.fail(&[Operation::Write], EROFS);
    let mut lost = 0;
    for number in 10..25 {
        match append(&mut lane, &number.to_string()) {
            Err(AppendError::Held(_)) => assert!(number < 19),
            Err(AppendError::Dropped(_)) => lost += 1,
            other => panic!("{other:?}"),
        }
    }
    let state = journal.state();
    assert_eq!((state.held, state.held_bytes, state.dropped, lost), (9, 126, 6, 6));
    lane.retry();
    assert_eq!(journal.state().held, 9);
    rig.fail(&[], 0);
    lane.retry();
    assert_eq!(journal.state().condition, Condition::Ok);
    append(&mut lane, "last").unwrap();
    let mut expected: Vec<_> = (10..19).map(|number| number.to_string()).collect();
    expected.push("last".into());
    assert_eq!(records(&journal), expected);
    assert_eq!(events.names(), ["Failing", "Dropping", "Recovered"]);
    assert!(matches!(events.all()[2], Event::Recovered { dropped: 6, .. }));
}

#[test]
fn a_lane_that_is_closed_tries_once_more_and_counts_what_it_loses() {
    for (recovers, dropped) in [(true, 0), (false, 2)] {
        let (folder, rig) = (Folder::new(), Rig::default());
        let journal = rig.open(&folder, segments_of(1 << 20));
        let mut lane = journal.lane().unwrap();
        rig.fail(&[Operation::Write], EIO);
        append(&mut lane, "a").unwrap_err();
        append(&mut lane, "b").unwrap_err();
        if recovers {
            rig.fail(&[], 0);
        }
        drop(lane);
        let state = journal.state();
        assert_eq!((state.held, state.held_bytes, state.dropped), (0, 0, dropped));
        assert_eq!(state.condition, Condition::Ok, "a lane that is gone fails no more");
        assert_eq!(records(&journal).len() as u64, 2 - dropped);
    }
}

#[test]
fn a_disk_that_is_full_at_the_start_is_waited_for() {
    let (folder, rig) = (Folder::new(), Rig::default());
    let journal = rig.open(&folder, segments_of(1 << 20));
    rig.fail(&[Operation::Create], ENOSPC);
    let mut lane = journal.lane().unwrap();
    assert!(is_failing(&journal));
    append(&mut lane, "a").unwrap_err();
    rig.fail(&[], 0);
    lane.retry();
    assert_eq!(journal.state().condition, Condition::Ok);
    assert_eq!(records(&journal), ["a"]);
}

#[test]
fn what_a_failed_sync_may_have_lost_is_written_again() {
    let (folder, rig, events) = (Folder::new(), Rig::default(), Events::default());
    let journal = rig.open(&folder, events.settings(segments_of(1 << 20)));
    let mut lane = journal.lane().unwrap();
    append(&mut lane, "a").unwrap();
    journal.flush().unwrap();
    append(&mut lane, "b").unwrap();
    rig.fail_once(Operation::Sync, Failure::Error(EIO));
    assert_eq!(journal.flush().unwrap_err().raw_os_error(), Some(EIO));
    assert!(is_failing(&journal));
    append(&mut lane, "c").unwrap();
    rig.seen();
    journal.flush().unwrap();
    assert_eq!(rig.seen(), [Operation::Read, Operation::Write, Operation::Sync]);
    assert_eq!(journal.state().condition, Condition::Ok);
    assert_eq!(events.names(), ["SyncFailing"]);
    assert_eq!(records(&journal), ["a", "b", "c"]);
}

#[test]
fn with_always_an_entry_that_cannot_be_synced_is_not_there_until_it_can() {
    let (folder, rig) = (Folder::new(), Rig::default());
    let journal = rig.open(&folder, Settings::new(1 << 30, Fsync::Always));
    assert!(journal.start_flusher().unwrap().is_none());
    rig.seen();
    let mut lane = journal.lane().unwrap();
    assert!(rig.seen().contains(&Operation::SyncFolder));
    append(&mut lane, "a").unwrap();
    assert_eq!(rig.seen(), [Operation::Write, Operation::Sync]);
    rig.fail(&[Operation::Sync], EIO);
    assert!(matches!(append(&mut lane, "b"), Err(AppendError::Held(_))));
    assert!(is_failing(&journal));
    let mut reader = journal.reader(Class::Records, &[]).unwrap();
    assert_eq!(read_all(&mut reader), ["a"]);
    rig.fail(&[], 0);
    append(&mut lane, "c").unwrap();
    assert_eq!(read_all(&mut reader), ["b", "c"]);
    drop((lane, reader, journal));
    assert_eq!(records(&open(&folder)), ["a", "b", "c"]);
}

#[test]
fn an_entry_that_was_written_but_not_synced_is_never_written_to_a_second_place() {
    for appends in [false, true] {
        let (folder, rig, mut store) = (Folder::new(), Rig::default(), Store::default());
        let settings = Settings { segment_bytes: 1000, ..Settings::new(100, Fsync::Always) };
        let journal = rig.open(&folder, settings);
        let mut lane = journal.lane().unwrap();
        append(&mut lane, "a").unwrap();
        rig.fail(&[Operation::Sync, Operation::Cut], EIO);
        append(&mut lane, "b").unwrap_err();
        // All that is known to be there is shipped, and the lane is asked to begin a new segment.
        store.ship(&mut journal.reader(Class::Records, &[]).unwrap());
        rig.fail(&[], 0);
        let mut expected = vec!["a", "b"];
        if appends {
            append(&mut lane, "c").unwrap();
            expected.push("c");
        }
        lane.retry();
        drop((lane, journal));
        store.ship(&mut open(&folder).reader(Class::Records, &store.list()).unwrap());
        assert_eq!(store.has, expected);
    }
}

#[test]
fn segments_that_cannot_be_deleted_are_reported_once_and_retried() {
    let (folder, rig, events) = (Folder::new(), Rig::default(), Events::default());
    let journal = rig.open(&folder, events.settings(segments_of(100)));
    let mut lane = journal.lane().unwrap();
    for number in 0..10 {
        append(&mut lane, &number.to_string()).unwrap();
    }
    let (mut store, mut reader) = (Store::default(), journal.reader(Class::Records, &[]).unwrap());
    let before = folder.files(".seg").len();
    rig.fail(&[Operation::Remove], EROFS);
    store.ship(&mut reader);
    store.ship(&mut reader);
    assert_eq!(folder.files(".seg").len(), before);
    assert_eq!(events.names(), ["Undeletable"]);
    rig.fail(&[], 0);
    store.ship(&mut reader);
    assert_eq!(folder.files(".seg").len(), 1);
    assert_eq!(store.has.len(), 10);
}

#[test]
fn one_lane_that_cannot_be_read_holds_up_no_other() {
    let (folder, rig) = (Folder::new(), Rig::default());
    let journal = rig.open(&folder, segments_of(1 << 20));
    let (mut one, mut two) = (journal.lane().unwrap(), journal.lane().unwrap());
    append(&mut one, "a").unwrap();
    append(&mut two, "b").unwrap();
    let mut reader = journal.reader(Class::Records, &[]).unwrap();
    rig.fail_once(Operation::Read, Failure::Error(EIO));
    let mut read = read_all(&mut reader);
    read.sort();
    assert_eq!(read, ["a", "b"]);
    rig.fail(&[Operation::Read], EIO);
    append(&mut one, "c").unwrap();
    assert_eq!(reader.read(MANY, MANY).err().and_then(|error| error.raw_os_error()), Some(EIO));
    rig.fail(&[], 0);
    assert_eq!(read_all(&mut reader), ["c"]);
}
