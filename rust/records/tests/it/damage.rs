//! Segments that are not as they were written.

use std::fs;
use std::path::{Path, PathBuf};

use tollway_records::journal::{Class, Event, Journal, Kind, Ownership};

use super::support::{Events, Folder, MANY, Store, append, open, read_all, records, segments_of};

const TEXTS: [&str; 5] = ["first entry", "second entry", "", "fourth entry", "last entry"];
const HEADER: usize = 40;
const HEAD: usize = 12;

/// A folder whose only segment holds `TEXTS`; its bytes.
fn written() -> (Folder, PathBuf, Vec<u8>) {
    let folder = Folder::new();
    let journal = open(&folder);
    let mut lane = journal.lane().unwrap();
    for text in TEXTS {
        append(&mut lane, text).unwrap();
    }
    let path = folder.files(".seg").remove(0);
    let bytes = fs::read(&path).unwrap();
    (folder, path, bytes)
}

/// What a start makes of the folder: what it reads and then ships, what it reports.
fn start(folder: &Path) -> (Vec<String>, Vec<Event>) {
    let (events, mut store) = (Events::default(), Store::default());
    let journal = Journal::open(folder, events.settings(segments_of(100)), Ownership::Owner).unwrap();
    store.ship(&mut journal.reader(Class::Records, &[]).unwrap());
    (store.has, events.all())
}

#[test]
fn a_last_entry_cut_at_any_byte_is_cut_off_and_reported() {
    let (folder, path, bytes) = written();
    let last = bytes.len() - HEAD - TEXTS[4].len();
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    for length in last..bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        let events = Events::default();
        let journal = Journal::open(&folder, events.settings(segments_of(100)), Ownership::Owner).unwrap();
        assert_eq!(records(&journal), TEXTS[..4]);
        assert_eq!(path.metadata().unwrap().len(), last as u64);
        let torn = Event::TornTail { file: name.clone(), from: last as u64, bytes: (length - last) as u64 };
        assert_eq!(events.all(), if length == last { vec![] } else { vec![torn] });
        assert_eq!(journal.state().torn, u64::from(length > last));
    }
}

#[test]
fn a_segment_cut_in_its_header_is_empty() {
    let (folder, path, bytes) = written();
    for length in 0..=HEADER {
        fs::write(&path, &bytes[..length]).unwrap();
        let (read, events) = start(&folder);
        assert_eq!(read, [""; 0]);
        assert_eq!(events.len(), usize::from(length > 0 && length < HEADER));
        assert!(!path.exists());
    }
}

#[test]
fn zeros_at_the_end_are_what_a_power_cut_leaves() {
    let (folder, path, bytes) = written();
    for zeros in [1, 11, 12, 100, 3 << 20] {
        fs::write(&path, [bytes.clone(), vec![0; zeros]].concat()).unwrap();
        let (read, events) = start(&folder);
        assert_eq!(read, TEXTS);
        assert!(matches!(events[..], [Event::TornTail { bytes, .. }] if bytes == zeros as u64), "{events:?}");
    }
}

#[test]
fn a_flipped_bit_anywhere_costs_at_most_its_entry_and_is_reported() {
    let (folder, path, bytes) = written();
    let starts: Vec<_> = TEXTS
        .iter()
        .scan(HEADER, |at, text| Some(std::mem::replace(at, *at + HEAD + text.len())))
        .chain([bytes.len()])
        .collect();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &flipped).unwrap();
        let (read, events) = start(&folder);
        let hit = starts.windows(2).position(|entry| (entry[0]..entry[1]).contains(&(bit / 8)));
        let mut expected = TEXTS.to_vec();
        if let Some(hit) = hit {
            expected.remove(hit);
        }
        assert_eq!(read, expected, "bit {bit}");
        let (from, to) = hit.map_or((0, HEADER), |hit| (starts[hit], starts[hit + 1]));
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        let kept = format!("{file}.quarantined");
        let damaged = Event::Damaged { file, from: from as u64, to: to as u64 };
        assert_eq!(events, [damaged, Event::Quarantined { file: kept.clone() }], "bit {bit}");
        assert_eq!(fs::read(folder.join(kept)).unwrap(), flipped);
        assert!(!path.exists());
    }
}

#[test]
fn the_next_entry_is_found_wherever_it_begins() {
    // Around the end of what is searched at a time: a mebibyte behind the damage.
    for less in [140, 124, 123, 122, 121, 60, 24, 23, 22, 21, 12, 11, 10, 0] {
        let length = (1 << 20) - less;
        let folder = Folder::new();
        let journal = Journal::open(&folder, segments_of(4 << 20), Ownership::Owner).unwrap();
        let mut lane = journal.lane().unwrap();
        append(&mut lane, &"x".repeat(length)).unwrap();
        append(&mut lane, &"y".repeat(100)).unwrap();
        drop((lane, journal));
        let path = folder.files(".seg").remove(0);
        let mut bytes = fs::read(&path).unwrap();
        bytes[HEADER + HEAD] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(start(&folder).0, ["y".repeat(100)], "behind {length} bytes");
    }
}

#[test]
fn a_damaged_segment_is_not_put_aside_before_it_is_shipped() {
    let (folder, path, mut bytes) = written();
    bytes[HEADER + HEAD] ^= 1;
    fs::write(&path, &bytes).unwrap();
    // Found, but the process dies before the store has what could be read.
    assert_eq!(records(&open(&folder)), TEXTS[1..]);
    let journal = open(&folder);
    let (mut store, mut reader) = (Store::default(), journal.reader(Class::Records, &[]).unwrap());
    let batch = reader.read(2, MANY).unwrap();
    store.keep(&batch);
    reader.shipped(&batch.cursors).unwrap();
    assert!(path.exists());
    store.ship(&mut reader);
    assert_eq!(store.has, TEXTS[1..]);
    assert!(!path.exists());
    assert_eq!((journal.state().quarantined, folder.files(".quarantined").len()), (1, 1));
}

#[test]
fn damage_in_a_segment_that_is_still_written_stops_nothing() {
    let (folder, events) = (Folder::new(), Events::default());
    let journal = Journal::open(&folder, events.settings(segments_of(1 << 20)), Ownership::Owner).unwrap();
    let mut lane = journal.lane().unwrap();
    for text in TEXTS {
        append(&mut lane, text).unwrap();
    }
    let path = folder.files(".seg").remove(0);
    let end = path.metadata().unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"XXXX", end - 4).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"X", HEADER as u64).unwrap();
    let (mut store, mut reader) = (Store::default(), journal.reader(Class::Records, &[]).unwrap());
    store.ship(&mut reader);
    assert_eq!(store.has, TEXTS[1..4]);
    append(&mut lane, "goes on").unwrap();
    store.ship(&mut reader);
    assert_eq!(store.has[3..], ["goes on"]);
    assert_eq!(events.names(), ["Damaged", "Damaged"]);
    assert!(path.exists());
    drop(lane);
    store.ship(&mut reader);
    assert!(!path.exists());
    assert_eq!(journal.state().quarantined, 1);
}

#[test]
fn bytes_that_look_like_an_entry_are_believed_only_with_the_lanes_own_checksum() {
    let (folder, path, _) = written();
    // Entries of one lane, brought by a caller as the content of an entry of another.
    let forged = fs::read(&path).unwrap()[HEADER..].to_vec();
    fs::remove_file(&path).unwrap();
    let journal = open(&folder);
    let mut lane = journal.lane().unwrap();
    lane.append(Kind::Request, |out| out.extend_from_slice(&forged)).unwrap();
    append(&mut lane, "real").unwrap();
    drop((lane, journal));
    let path = folder.files(".seg").remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[HEADER] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert_eq!(start(&folder).0, ["real"]);
}

#[test]
fn entries_of_an_unknown_kind_are_skipped_and_counted() {
    let (folder, path, bytes) = written();
    let name = path.file_name().unwrap().to_str().unwrap();
    let lane = u64::from_str_radix(&name[..16], 16).unwrap();
    let mut check = crc32fast::Hasher::new_with_initial(crc32fast::hash(&lane.to_le_bytes()));
    let mut entry = vec![6, 0, 0, 0, 77];
    check.update(&entry);
    entry.extend_from_slice(&check.clone().finalize().to_le_bytes()[..3]);
    check.update(b"future");
    entry.extend_from_slice(&check.finalize().to_le_bytes());
    entry.extend_from_slice(b"future");
    fs::write(&path, [&bytes[..], &entry[..], &bytes[HEADER..]].concat()).unwrap();
    let journal = open(&folder);
    let mut store = Store::default();
    store.ship(&mut journal.reader(Class::Records, &[]).unwrap());
    assert_eq!(store.has, [TEXTS, TEXTS].concat());
    assert_eq!((journal.state().unknown, journal.state().quarantined), (1, 0));
    assert!(!path.exists());
}

#[test]
fn a_segment_of_a_newer_format_is_reported_and_left_as_it_is() {
    let (folder, path, mut bytes) = written();
    bytes[8] = 2;
    let check = crc32fast::hash(&bytes[..36]);
    bytes[36..40].copy_from_slice(&check.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let (read, events) = start(&folder);
    assert_eq!(read, [""; 0]);
    assert!(matches!(events[..], [Event::Newer { version: 2, .. }]), "{events:?}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn cursors_that_fit_no_entry_lose_nothing_behind_them() {
    let (folder, path, bytes) = written();
    let journal = open(&folder);
    let mut reader = journal.reader(Class::Records, &[]).unwrap();
    let cursor = reader.read(1, MANY).unwrap().cursors[0];
    for offset in 0..bytes.len() as u64 + 100 {
        fs::write(&path, &bytes).unwrap();
        let cursor = tollway_records::journal::Cursor { offset, ..cursor };
        let read = read_all(&mut journal.reader(Class::Records, &[cursor]).unwrap());
        let at = offset as usize;
        let mut start = HEADER;
        let left: Vec<_> = TEXTS
            .iter()
            .filter(|text| {
                let begins = start;
                start += HEAD + text.len();
                begins >= at
            })
            .collect();
        assert_eq!(read.iter().collect::<Vec<_>>(), left, "from {offset}");
    }
    // One of a lane that is gone, and of a later segment than there is.
    let gone = tollway_records::journal::Cursor { lane: 1, ..cursor };
    let later = tollway_records::journal::Cursor { segment: 9, ..cursor };
    let mut reader = journal.reader(Class::Records, &[gone, later]).unwrap();
    assert!(reader.read(MANY, MANY).unwrap().is_empty());
    let mut lanes = reader.shipped(&[]).unwrap();
    lanes.sort_unstable();
    assert_eq!(lanes, [1, cursor.lane]);
    assert!(!path.exists());
    assert_eq!(reader.shipped(&[]).unwrap(), [0; 0]);
}
