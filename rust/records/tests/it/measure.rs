//! What appending and reading cost. `cargo test --release -p tollway-records measure -- --ignored --nocapture`

use std::path::Path;
use std::time::Instant;

use tollway_records::journal::{Class, Journal, Kind, Ownership, Settings};

use super::support::{Folder, LATER};

const ENTRIES: u32 = 200_000;

fn measure(what: &str, folder: &Path) {
    let journal = Journal::open(folder, Settings::new(1 << 30, LATER), Ownership::Owner).unwrap();
    let flusher = journal.start_flusher().unwrap();
    let content = [b'x'; 400];
    let mut lane = journal.lane().unwrap();
    let begun = Instant::now();
    for _ in 0..ENTRIES {
        lane.append(Kind::Request, |out| out.extend_from_slice(&content)).unwrap();
    }
    let append = begun.elapsed() / ENTRIES;
    drop(flusher);
    let mut reader = journal.reader(Class::Records, &[]).unwrap();
    let begun = Instant::now();
    let mut read = 0;
    while read < ENTRIES {
        let batch = reader.read(2000, 8 << 20).unwrap();
        read += u32::try_from(batch.entries().len()).unwrap();
        reader.shipped(&batch.cursors).unwrap();
    }
    eprintln!("{what}: {append:?} an append of 400 bytes, {:?} an entry read", begun.elapsed() / ENTRIES);
}

#[test]
#[ignore = "a measurement"]
fn measure_append_and_read() {
    measure("disk", &Folder::alone());
    measure("memory", &Folder::new());
}
