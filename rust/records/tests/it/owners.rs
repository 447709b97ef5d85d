//! Who owns a journal, and how one process takes over from another.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use tollway_records::journal::{Class, Error, Event, Journal, Ownership};

use super::support::{Events, Folder, MANY, Store, append, open, read_all, records, segments_of};

fn successor(folder: &Folder) -> Journal {
    Journal::open(folder, segments_of(1 << 20), Ownership::Successor).unwrap()
}

#[test]
fn a_second_owner_is_refused_and_told_who_the_first_is() {
    let folder = Folder::new();
    let journal = open(&folder);
    let refused = Journal::open(&folder, segments_of(100), Ownership::Owner).err().unwrap();
    assert!(matches!(&refused, Error::Locked { pid, .. } if *pid == Some(std::process::id())));
    let text = refused.to_string();
    assert!(text.contains(folder.to_str().unwrap()) && text.contains(&std::process::id().to_string()), "{text}");
    // A lane that still runs keeps it locked too.
    let lane = journal.lane().unwrap();
    drop(journal);
    assert!(matches!(Journal::open(&folder, segments_of(100), Ownership::Owner), Err(Error::Locked { .. })));
    drop(lane);
    open(&folder);
}

const FOLDER: &str = "TOLLWAY_TEST_LOCKED";

#[test]
#[ignore = "run by the test below, as a process of its own"]
fn child_that_owns_the_journal_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let _journal = open(folder.as_ref());
    writeln!(std::io::stdout().lock(), "owner").unwrap();
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn the_lock_ends_with_its_process_even_by_kill_9() {
    let folder = Folder::alone();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "owners::child_that_owns_the_journal_until_it_is_killed", "--ignored", "--nocapture"])
        .env(FOLDER, &*folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "owner"));
    let refused = Journal::open(&folder, segments_of(100), Ownership::Owner).err().unwrap();
    assert!(matches!(refused, Error::Locked { pid, .. } if pid == Some(child.id())));
    let waiting = successor(&folder);
    assert!(!waiting.try_own().unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(waiting.try_own().unwrap());
}

#[test]
fn a_successor_appends_at_once_and_takes_over_when_the_owner_ends() {
    let folder = Folder::new();
    let old = open(&folder);
    let mut old_lane = old.lane().unwrap();
    append(&mut old_lane, "old 1").unwrap();
    let new = successor(&folder);
    assert_eq!(new.id(), old.id());
    let mut lane = new.lane().unwrap();
    append(&mut lane, "new 1").unwrap();
    assert!(matches!(new.reader(Class::Records, &[]), Err(Error::NotOwner { .. })));
    assert!(!new.try_own().unwrap());

    // The owner ships what its successor writes, and takes its lane for no dead one.
    let (mut store, mut reader) = (Store::default(), old.reader(Class::Records, &[]).unwrap());
    store.ship(&mut reader);
    assert_eq!(folder.files(".seg").len(), 2);
    assert_eq!(old.state().bytes, folder.files(".seg").iter().map(|path| path.metadata().unwrap().len()).sum::<u64>());
    append(&mut lane, "new 2").unwrap();
    append(&mut old_lane, "old 2").unwrap();
    drop((reader, old_lane, old));

    assert!(new.try_own().unwrap());
    let mut reader = new.reader(Class::Records, &store.list()).unwrap();
    store.ship(&mut reader);
    append(&mut lane, "new 3").unwrap();
    store.ship(&mut reader);
    let mut has = store.has.clone();
    has.sort();
    assert_eq!(has, ["new 1", "new 2", "new 3", "old 1", "old 2"]);
    assert_eq!(folder.files(".seg").len(), 1);
    assert_eq!(new.state().bytes, folder.files(".seg")[0].metadata().unwrap().len());
}

#[test]
fn segments_of_a_successor_that_the_owner_deleted_are_counted_no_more() {
    let folder = Folder::new();
    let old = open(&folder);
    let new = Journal::open(&folder, segments_of(100), Ownership::Successor).unwrap();
    let mut lane = new.lane().unwrap();
    for number in 0..20 {
        append(&mut lane, &number.to_string()).unwrap();
    }
    let mut store = Store::default();
    store.ship(&mut old.reader(Class::Records, &[]).unwrap());
    assert_eq!(store.has.len(), 20);
    drop(old);
    assert!(new.state().bytes > 100);
    assert!(new.try_own().unwrap());
    assert!(new.state().bytes <= 100);
}

#[test]
fn an_incomplete_entry_of_another_process_that_lives_is_waited_for() {
    let folder = Folder::new();
    let owner = open(&folder);
    let other = successor(&folder);
    let mut lane = other.lane().unwrap();
    append(&mut lane, "first").unwrap();
    let path = &folder.files(".seg")[0];
    let whole = std::fs::read(path).unwrap();
    let mut reader = owner.reader(Class::Records, &[]).unwrap();
    assert_eq!(read_all(&mut reader), ["first"]);
    let beginnings = (1..whole.len() - 40).map(|length| &whole[40..40 + length]);
    // What is overwritten later may look like anything.
    for tail in beginnings.chain([&[0; 20][..], b"some bytes that are no entry"]) {
        let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(tail).unwrap();
        assert!(reader.read(MANY, MANY).unwrap().is_empty());
        assert_eq!(path.metadata().unwrap().len(), (whole.len() + tail.len()) as u64, "it was cut");
        file.set_len(whole.len() as u64).unwrap();
    }
    append(&mut lane, "second").unwrap();
    assert_eq!(read_all(&mut reader), ["second"]);
    assert_eq!((owner.state().torn, owner.state().quarantined), (0, 0));
}

#[test]
fn the_id_is_made_once_and_replaced_only_where_it_is_none() {
    let (folder, events) = (Folder::new(), Events::default());
    let id = open(&folder).id().to_owned();
    assert_eq!(id.len(), 32);
    assert_eq!(open(&folder).id(), id);
    for damaged in ["", "xyz", &format!("{id}0")] {
        std::fs::write(folder.join("journal.id"), damaged).unwrap();
        let settings = events.settings(segments_of(100));
        let replaced = Journal::open(&folder, settings, Ownership::Owner).unwrap().id().to_owned();
        assert!(replaced.len() == 32 && replaced != id);
        assert_eq!(open(&folder).id(), replaced);
    }
    assert_eq!(
        events.all(),
        [Event::Renamed { file: "journal.id".into() }, events.all()[0].clone(), events.all()[0].clone()]
    );
}

#[test]
fn what_a_dead_process_was_making_is_cleared_away_and_what_is_not_ours_is_left() {
    let folder = Folder::new();
    drop(open(&folder));
    std::fs::write(folder.join("0123456789abcdef-0000000001.seg.new"), b"tollw").unwrap();
    let strange =
        ["notes.txt", "x.seg", "0123456789abcdef-1.seg", "0123456789ABCDEF-0000000001.seg", "a.seg.quarantined"];
    for name in strange {
        std::fs::write(folder.join(name), b"text").unwrap();
    }
    std::fs::create_dir(folder.join("folder")).unwrap();
    let living = std::fs::File::create(folder.join("0123456789abcdef-0000000002.seg.new")).unwrap();
    living.lock().unwrap();
    let journal = open(&folder);
    assert_eq!(journal.state().quarantined, 1);
    assert_eq!(records(&journal), [""; 0]);
    Store::default().ship(&mut journal.reader(Class::Records, &[]).unwrap());
    assert_eq!(folder.files(".new"), [folder.join("0123456789abcdef-0000000002.seg.new")]);
    for name in strange {
        assert_eq!(std::fs::read(folder.join(name)).unwrap(), b"text");
    }
}

#[test]
fn nobody_else_may_read_what_is_there() {
    use std::os::unix::fs::PermissionsExt;
    let parent = Folder::new();
    let folder = parent.join("a/b");
    let journal = Journal::open(&folder, segments_of(100), Ownership::Owner).unwrap();
    let _lane = journal.lane().unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for path in super::support::files(&folder, "") {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}
