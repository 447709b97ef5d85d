//! A whole life of a journal, with each of its operations failing in turn.

use std::sync::{Arc, Mutex};

use tollway_records::journal::{AppendError, Class, Failure, Fsync, Journal, Kind, Ownership, Settings};

use super::support::{EIO, ENOSPC, Folder, LATER, MANY, Store, is_failing, open};

/// A life of a journal during which the operations of `faults` fail; then the next start. Returns how many operations
/// there were.
fn live(fsync: Fsync, max_bytes: u64, faults: impl Fn(usize) -> Option<Failure> + Send + 'static) -> usize {
    let folder = Folder::new();
    let count = Arc::new(Mutex::new(0));
    let (mut taken, mut store) = (Vec::new(), Store::default());
    {
        let counted = Arc::clone(&count);
        let faults = Box::new(move |_| {
            let mut count = counted.lock().unwrap();
            *count += 1;
            faults(*count - 1)
        });
        let settings = Settings { segment_bytes: 90, fsync, ..Settings::new(max_bytes, LATER) };
        let Ok(journal) = Journal::open_failing(&folder, settings, Ownership::Owner, faults) else {
            return *count.lock().unwrap();
        };
        let mut readers = [Class::Records, Class::Payloads].map(|class| journal.reader(class, &[]).unwrap());
        let mut lane = journal.lane().unwrap();
        for number in 0..8 {
            for kind in [Kind::Request, Kind::Payload] {
                let text = format!("{kind:?} {number}");
                match lane.append(kind, |out| out.extend_from_slice(text.as_bytes())) {
                    Ok(()) | Err(AppendError::Held(_)) => taken.push(text),
                    Err(AppendError::Refused) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            if number % 3 == 0 {
                let _ = journal.flush();
                lane.retry();
            }
            for reader in &mut readers {
                let Ok(batch) = reader.read(3, MANY) else { continue };
                store.keep(&batch);
                for lane in reader.shipped(&batch.cursors).unwrap_or_default() {
                    store.cursors.remove(&lane);
                }
            }
        }
        (0..8).for_each(|_| lane.retry());
        assert_eq!((journal.state().held, journal.state().dropped), (0, 0));
        assert_eq!(journal.flush().is_ok(), !is_failing(&journal));
    }
    let journal = open(&folder);
    for class in [Class::Records, Class::Payloads] {
        store.ship(&mut journal.reader(class, &store.list()).unwrap());
    }
    for kind in ["Request", "Payload"] {
        let of_kind =
            |texts: &[String]| texts.iter().filter(|text| text.starts_with(kind)).cloned().collect::<Vec<_>>();
        assert_eq!(of_kind(&store.has), of_kind(&taken));
    }
    assert_eq!(store.cursors.len(), 0);
    assert_eq!(folder.files(".seg").len() + folder.files(".payload").len() + folder.files(".new").len(), 0);
    *count.lock().unwrap()
}

/// Roomy; and so small that segments are ended as soon as they are shipped.
const BOUNDS: [u64; 2] = [1 << 30, 500];

#[test]
fn each_operation_may_fail_once_in_each_way_and_nothing_is_lost_or_doubled() {
    for (fsync, bound) in
        [(LATER, BOUNDS[0]), (LATER, BOUNDS[1]), (Fsync::Always, BOUNDS[0]), (Fsync::Always, BOUNDS[1])]
    {
        let operations = live(fsync, bound, |_| None);
        assert!(operations > 100);
        for at in 0..operations {
            for failure in [Failure::Error(EIO), Failure::Error(ENOSPC), Failure::Short(0), Failure::Short(3)] {
                live(fsync, bound, move |now| (now == at).then_some(failure));
            }
        }
    }
}

#[test]
fn several_operations_in_a_row_may_fail_and_nothing_is_lost_or_doubled() {
    for (fsync, bound) in
        [(LATER, BOUNDS[0]), (LATER, BOUNDS[1]), (Fsync::Always, BOUNDS[0]), (Fsync::Always, BOUNDS[1])]
    {
        for at in 0..live(fsync, bound, |_| None) {
            for length in 2..8 {
                live(fsync, bound, move |now| (at..at + length).contains(&now).then_some(Failure::Error(EIO)));
            }
        }
    }
}
