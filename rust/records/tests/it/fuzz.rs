//! Segments of arbitrary bytes.

use std::fs;

use proptest::prelude::*;
use tollway_records::journal::{Class, Journal, Ownership};

use super::support::{Events, Folder, Store, append, open, segments_of};

#[derive(Debug, Clone)]
enum Edit {
    Set(prop::sample::Index, u8),
    Remove(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    Cut(prop::sample::Index),
    Double(prop::sample::Index, prop::sample::Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (place(), 1..40_usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        (place(), prop::collection::vec(any::<u8>(), 1..40)).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        place().prop_map(Edit::Cut),
        (place(), place()).prop_map(|(from, to)| Edit::Double(from, to)),
    ]
}

fn apply(bytes: &mut Vec<u8>, edit: &Edit) {
    let length = bytes.len();
    if length == 0 {
        return;
    }
    match edit {
        Edit::Set(at, byte) => bytes[at.index(length)] = *byte,
        Edit::Remove(at, count) => drop(bytes.drain(at.index(length)..(at.index(length) + count).min(length))),
        Edit::Insert(at, new) => drop(bytes.splice(at.index(length)..at.index(length), new.iter().copied())),
        Edit::Cut(at) => bytes.truncate(at.index(length)),
        Edit::Double(from, to) => {
            let (from, to) = (from.index(length).min(to.index(length)), from.index(length).max(to.index(length)));
            let piece = bytes[from..to].to_vec();
            bytes.splice(to..to, piece);
        }
    }
}

/// Ships all of the folder, whatever it holds, and leaves no segment.
fn ship(folder: &Folder) -> (Vec<String>, Events) {
    let (events, mut store) = (Events::default(), Store::default());
    let journal = Journal::open(folder, events.settings(segments_of(100)), Ownership::Owner).unwrap();
    for class in [Class::Records, Class::Payloads] {
        store.ship(&mut journal.reader(class, &[]).unwrap());
    }
    assert_eq!(store.cursors.len(), 0);
    (store.has, events)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_harm(
        bytes in prop::collection::vec(any::<u8>(), 0..4000),
        ending in prop::sample::select(vec!["seg", "payload"]),
    ) {
        let folder = Folder::new();
        fs::write(folder.join(format!("00000000000000ab-0000000001.{ending}")), &bytes).unwrap();
        let (read, events) = ship(&folder);
        prop_assert_eq!(read.len(), 0);
        prop_assert_eq!(events.names().is_empty(), bytes.is_empty());
        prop_assert_eq!(folder.files(ending).len(), 0);
    }

    #[test]
    fn whatever_is_edited_no_entry_comes_that_was_not_written(
        lengths in prop::collection::vec(0..60_usize, 1..12),
        edits in prop::collection::vec(edit(), 1..6),
    ) {
        let folder = Folder::new();
        let mut lane = open(&folder).lane().unwrap();
        let texts: Vec<_> = lengths.iter().enumerate().map(|(i, length)| format!("{i} {}", "x".repeat(*length))).collect();
        for text in &texts {
            append(&mut lane, text).unwrap();
        }
        drop(lane);
        let path = folder.files(".seg").remove(0);
        let mut bytes = fs::read(&path).unwrap();
        let before = bytes.clone();
        for edit in &edits {
            apply(&mut bytes, edit);
        }
        fs::write(&path, &bytes).unwrap();
        let (read, events) = ship(&folder);
        for text in &read {
            prop_assert!(texts.contains(text), "{}", text);
        }
        if bytes == before {
            prop_assert_eq!(&read, &texts);
        }
        // Where nothing is reported, every byte was part of an entry that was read.
        if events.names().is_empty() && !bytes.is_empty() {
            prop_assert_eq!(bytes.len(), 40 + read.iter().map(|text| 12 + text.len()).sum::<usize>());
        }
        prop_assert_eq!(folder.files(".seg").len(), 0);
    }
}
