//! kill -9 while entries are appended, shipped and deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use tollway_records::journal::{Class, Cursor, Journal, Ownership};

use super::support::{Folder, append, segments_of, texts};

const FOLDER: &str = "TOLLWAY_TEST_JOURNAL";
const ROUND: &str = "TOLLWAY_TEST_ROUND";

/// A store in a file: a line is a transaction, and only a whole line counts.
fn kept(path: &Path) -> (Vec<String>, BTreeMap<u64, Cursor>) {
    let (mut has, mut cursors) = (Vec::new(), BTreeMap::new());
    let text = fs::read_to_string(path).unwrap_or_default();
    for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        for word in line.split_whitespace() {
            match *word.split(':').collect::<Vec<_>>() {
                [lane, segment, offset] => {
                    let [lane, segment, offset] = [lane, segment, offset].map(|number| number.parse().unwrap());
                    cursors.insert(lane, Cursor { lane, segment, offset });
                }
                ["gone", lane] => drop(cursors.remove(&lane.parse().unwrap())),
                _ => has.push(word.to_owned()),
            }
        }
    }
    (has, cursors)
}

fn commit(store: &mut fs::File, words: &[String]) {
    if !words.is_empty() {
        store.write_all(format!("{}\n", words.join(" ")).as_bytes()).unwrap();
    }
}

/// Ships as the store above wants it, until there is nothing left or the process dies.
fn ship(journal: &Journal, path: &Path, for_ever: bool) {
    // A line that was cut short is no transaction: the next begins on its own line, behind it.
    let whole = fs::read_to_string(path).unwrap_or_default();
    let length = whole.rfind('\n').map_or(0, |end| end + 1);
    let mut store = OpenOptions::new().append(true).create(true).open(path).unwrap();
    store.set_len(length as u64).unwrap();
    let cursors: Vec<_> = kept(path).1.into_values().collect();
    let mut reader = journal.reader(Class::Records, &cursors).unwrap();
    loop {
        let batch = reader.read(7, 1 << 20).unwrap();
        let mut words = texts(&batch);
        words.extend(batch.cursors.iter().map(|at| format!("{}:{}:{}", at.lane, at.segment, at.offset)));
        commit(&mut store, &words);
        let gone: Vec<_> = reader.shipped(&batch.cursors).unwrap().iter().map(|lane| format!("gone:{lane}")).collect();
        commit(&mut store, &gone);
        if batch.is_empty() {
            if !for_ever {
                return;
            }
            std::thread::yield_now();
        }
    }
}

#[test]
#[ignore = "run by the test below, as a process of its own"]
fn child_that_appends_and_ships_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let round = std::env::var(ROUND).unwrap();
    let folder = Path::new(&folder);
    let journal = Journal::open(folder, segments_of(300), Ownership::Owner).unwrap();
    let _flusher = journal.start_flusher().unwrap();
    for thread in 0..2 {
        let (journal, round) = (journal.clone(), round.clone());
        std::thread::spawn(move || {
            let mut lane = journal.lane().unwrap();
            for number in 0_u32.. {
                let text = format!("{round}-{thread}-{number}");
                append(&mut lane, &text).unwrap();
                writeln!(std::io::stdout().lock(), "ack {text}").unwrap();
            }
        });
    }
    ship(&journal, &folder.join("store.txt"), true);
}

#[test]
fn killed_at_any_moment_every_acknowledged_entry_is_found_exactly_once() {
    let folder = Folder::alone();
    let path = folder.join("store.txt");
    let mut acknowledged = BTreeSet::new();
    const ROUNDS: usize = 30;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::child_that_appends_and_ships_until_it_is_killed", "--ignored", "--nocapture"])
            .env(FOLDER, &*folder)
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let enough = acknowledged.len() + 1 + round * 53 % 400;
        let mut killed = false;
        // What it had acknowledged when it died is still in the pipe.
        while let Some(Ok(line)) = lines.next() {
            if let Some(text) = line.strip_prefix("ack ") {
                acknowledged.insert(text.to_owned());
            }
            if acknowledged.len() >= enough && !std::mem::replace(&mut killed, true) {
                child.kill().unwrap();
            }
        }
        assert!(killed, "the child ended by itself");
        child.wait().unwrap();
    }
    let journal = Journal::open(&folder, segments_of(300), Ownership::Owner).unwrap();
    ship(&journal, &path, false);
    let (has, cursors) = kept(&path);
    let unique: BTreeSet<_> = has.iter().cloned().collect();
    assert_eq!(unique.len(), has.len(), "an entry was shipped twice");
    let lost: Vec<_> = acknowledged.difference(&unique).collect();
    assert!(lost.is_empty(), "{} of {} lost: {lost:?}", lost.len(), acknowledged.len());
    // Each thread may have died between an append and its acknowledgement.
    let surplus = unique.len() - acknowledged.len();
    assert!(surplus <= 2 * ROUNDS * 2, "{surplus} that were not acknowledged");
    assert_eq!(cursors.len(), 0);
    assert_eq!(folder.files(".seg").len(), 0);
    assert_eq!(folder.files(".quarantined").len(), 0);
}
