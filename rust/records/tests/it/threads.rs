//! Many threads that append while another ships.

use std::sync::atomic::{AtomicUsize, Ordering};

use tollway_records::journal::{Class, Journal, Kind, Ownership};

use super::support::{Folder, MANY, Store, append, segments_of, texts};

const THREADS: usize = 4;
const ENTRIES: usize = 4000;

/// Threads append to `writer`; `owner` ships all the while.
fn ship_while_threads_append(folder: &Folder, writer: &Journal, owner: &Journal) {
    let running = AtomicUsize::new(THREADS);
    let mut store = Store::default();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let running = &running;
            scope.spawn(move || {
                let mut lane = writer.lane().unwrap();
                for number in 0..ENTRIES {
                    append(&mut lane, &format!("{thread} {number}")).unwrap();
                    if number % 100 == 0 {
                        lane.retry();
                        lane.append(Kind::Payload, |out| out.extend_from_slice(b"payload")).unwrap();
                    }
                }
                drop(lane);
                running.fetch_sub(1, Ordering::Release);
            });
        }
        let flusher = writer.start_flusher().unwrap();
        let mut reader = owner.reader(Class::Records, &[]).unwrap();
        let mut payloads = owner.reader(Class::Payloads, &[]).unwrap();
        let (mut over, mut count) = (false, 0);
        loop {
            // Asked before reading, so that what is read behind a last entry is all.
            let last = std::mem::replace(&mut over, running.load(Ordering::Acquire) == 0);
            let (batch, other) = (reader.read(100, MANY).unwrap(), payloads.read(100, MANY).unwrap());
            store.keep(&batch);
            for lane in reader.shipped(&batch.cursors).unwrap() {
                store.cursors.remove(&lane);
            }
            payloads.shipped(&other.cursors).unwrap();
            count += texts(&other).len();
            if last && batch.is_empty() && other.is_empty() {
                break;
            }
        }
        drop(flusher);
        assert_eq!(count, THREADS * ENTRIES / 100);
    });
    for thread in 0..THREADS {
        let of_thread = store.has.iter().filter(|text| text.starts_with(&format!("{thread} ")));
        assert!(of_thread.eq((0..ENTRIES).map(|number| format!("{thread} {number}")).collect::<Vec<_>>().iter()));
    }
    assert_eq!(store.has.len(), THREADS * ENTRIES);
    assert_eq!((owner.state().torn, owner.state().quarantined, owner.state().unknown), (0, 0, 0));
    // What is synced is no longer open, so what is over is seen to be over.
    writer.flush().unwrap();
    store.ship(&mut owner.reader(Class::Records, &store.list()).unwrap());
    assert_eq!(store.has.len(), THREADS * ENTRIES);
    assert_eq!(store.cursors.len(), 0);
    assert_eq!(folder.files(".seg").len(), 0);
}

#[test]
fn of_this_process() {
    let folder = Folder::new();
    let journal = Journal::open(&folder, segments_of(300), Ownership::Owner).unwrap();
    ship_while_threads_append(&folder, &journal, &journal);
    assert_eq!(journal.state().bytes, 0);
}

#[test]
fn of_a_successor_whose_lanes_the_owner_knows_only_from_the_folder() {
    let folder = Folder::new();
    let owner = Journal::open(&folder, segments_of(300), Ownership::Owner).unwrap();
    let successor = Journal::open(&folder, segments_of(300), Ownership::Successor).unwrap();
    ship_while_threads_append(&folder, &successor, &owner);
}
