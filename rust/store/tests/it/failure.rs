//! Disks and files that fail: it is said what is wrong, and once it is right again, it goes on.

use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tollway_records::Record;
use tollway_store::{Error, Options, Store, Url};

use crate::support::server::{NOBODY, is_root};
use crate::support::{Done, Folder, Place, all, child_command, record, ship, total};

/// A small disk of its own, where we may mount one.
struct Disk(Folder);

impl Disk {
    fn new() -> Done<Option<Self>> {
        let folder = Folder::new()?;
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "none"]).arg(&folder.0).output();
        Ok(mounted.is_ok_and(|told| told.status.success()).then_some(Self(folder)))
    }

    fn grow(&self) -> Done {
        let told = Command::new("mount").args(["-o", "remount,size=64m"]).arg(&self.0.0).output()?;
        if told.status.success() { Ok(()) } else { Err("cannot grow the disk".into()) }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0.0).output();
    }
}

/// Ships until there is no room, and returns how many records that were.
fn fill(store: &mut Store) -> Done<(u64, String)> {
    for batch in 0..1_000 {
        let records: Vec<Record> =
            (batch * 20..batch * 20 + 20).map(|n| Record { user: Some(format!("{n:0>200}")), ..record(n) }).collect();
        match ship(store, &records, Some(batch * 20 + 20)) {
            Ok(()) => {}
            Err(Error::Away(text)) => return Ok((batch * 20, text)),
            Err(other) => return Err(other.into()),
        }
    }
    Err("there was always room".into())
}

fn go_on(store: &mut Store, shipped: u64) -> Done {
    let records: Vec<Record> = (shipped..shipped + 20).map(record).collect();
    ship(store, &records, Some(shipped + 20))?;
    assert_eq!(all(store)?.len() as u64, shipped + 20);
    assert_eq!(total(store, "requests")?, Some((shipped + 20).cast_signed()));
    Ok(())
}

#[test]
fn a_full_disk_is_away_and_then_goes_on() -> Done {
    let Some(disk) = Disk::new()? else {
        // Who may not mount has the same answer of SQLite from a file that may not grow.
        return a_file_that_may_not_grow_is_away_and_then_goes_on();
    };
    let url = Url::parse(&format!("sqlite:{}", disk.0.0.join("t.db").display()))?;
    let mut store = Store::open(&url, &Options::default())?;
    let (shipped, text) = fill(&mut store)?;
    assert!(text.contains("no room") && text.contains("t.db"), "{text}");
    assert_eq!(store.cursors("j")?[0].offset, shipped);
    disk.grow()?;
    go_on(&mut store, shipped)
}

#[test]
fn a_file_that_may_not_grow_is_away_and_then_goes_on() -> Done {
    let place = Place::sqlite()?;
    let mut store = Store::open(&place.url, &Options { max_bytes: Some(400_000), ..Options::default() })?;
    let (shipped, text) = fill(&mut store)?;
    assert!(shipped > 0 && text.contains("no room"), "{text}");
    go_on(&mut place.open()?, shipped)
}

#[test]
fn a_read_only_file_is_away() -> Done {
    let place = Place::sqlite()?;
    place.open()?;
    let folder = place.folder.as_ref().ok_or("no folder")?;
    for file in fs::read_dir(&folder.0)? {
        fs::set_permissions(file?.path(), fs::Permissions::from_mode(0o444))?;
    }
    // Nothing is read-only to root, so a copy of this program runs as somebody else.
    let copies = Folder::new()?;
    fs::set_permissions(&copies.0, fs::Permissions::from_mode(0o755))?;
    let program = copies.0.join("it");
    fs::copy(std::env::current_exe()?, &program)?;
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o555))?;
    let mut command = child_command(&program, "finds_it_read_only", &place.text);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let told = command.output();
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o755))?;
    let told = told?;
    let text = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success() && text.contains("away: ") && text.contains("t.db"), "{text}");
    Ok(())
}

#[test]
fn a_file_that_others_may_not_read_is_made() -> Done {
    let place = Place::sqlite()?;
    ship(&mut place.open()?, &[record(1)], None)?;
    for file in fs::read_dir(&place.folder.as_ref().ok_or("no folder")?.0)? {
        let file = file?;
        assert_eq!(file.metadata()?.permissions().mode() & 0o077, 0, "{:?}", file.path());
    }
    Ok(())
}

#[test]
fn a_locked_file_is_away() -> Done {
    let place = Place::sqlite()?;
    let options = Options { patience: Duration::from_millis(50), ..Options::default() };
    let mut store = Store::open(&place.url, &options)?;
    let other = rusqlite::Connection::open(place.url.path().ok_or("no path")?)?;
    other.execute_batch("BEGIN IMMEDIATE")?;
    match ship(&mut store, &[record(1)], Some(1)) {
        Err(Error::Away(text)) => assert!(text.contains("locked"), "{text}"),
        other => return Err(format!("{other:?}").into()),
    }
    assert_eq!(store.cursors("j")?, [], "reading goes on");
    other.execute_batch("COMMIT")?;
    ship(&mut store, &[record(1)], Some(1))?;
    assert_eq!(total(&mut store, "requests")?, Some(1));
    Ok(())
}

fn damage(path: &Path) -> Done {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    file.seek(SeekFrom::Start(4_096))?;
    file.write_all(&vec![0xa5; bytes.len() - 4_096])?;
    Ok(())
}

fn says_damaged<T>(result: Result<T, Error>, name: &str) -> Done {
    match result {
        Err(Error::Damaged(text)) => {
            assert!(text.contains(name) && text.contains("restore it from a copy"), "{text}");
            Ok(())
        }
        Err(other) => Err(other.into()),
        Ok(_) => Err("nobody noticed".into()),
    }
}

#[test]
fn a_corrupted_database_is_named() -> Done {
    let place = Place::sqlite()?;
    ship(&mut place.open()?, &(0..100).map(record).collect::<Vec<_>>(), Some(1))?;
    damage(place.url.path().ok_or("no path")?)?;
    says_damaged(Store::open(&place.url, &Options::default()).and_then(|mut store| store.keys()), "t.db")
}

#[test]
fn a_file_that_is_no_database_is_named() -> Done {
    let place = Place::sqlite()?;
    fs::write(place.url.path().ok_or("no path")?, "these are the minutes of our meeting ".repeat(500))?;
    says_damaged(Store::open(&place.url, &Options::default()), "t.db")
}

#[test]
fn a_corrupted_month_is_named_and_the_rest_goes_on() -> Done {
    let place = Place::sqlite()?;
    ship(&mut place.open()?, &(0..100).map(record).collect::<Vec<_>>(), Some(1))?;
    let month: PathBuf = place.folder.as_ref().ok_or("no folder")?.0.join("t.db-requests-2026-11.db");
    damage(&month)?;
    let mut store = place.open()?;
    says_damaged(ship(&mut store, &[record(200)], Some(2)), "t.db-requests-2026-11.db")?;
    assert_eq!(total(&mut store, "requests")?, Some(100));
    // As the text says: once it is moved away, a new one is made.
    fs::remove_file(&month)?;
    ship(&mut store, &[record(200)], Some(2))?;
    assert_eq!(all(&mut store)?, [record(200)]);
    assert_eq!(total(&mut store, "requests")?, Some(101));
    Ok(())
}

#[test]
fn a_month_of_a_newer_version_is_refused() -> Done {
    let place = Place::sqlite()?;
    ship(&mut place.open()?, &[record(1)], None)?;
    let month = place.folder.as_ref().ok_or("no folder")?.0.join("t.db-requests-2026-11.db");
    rusqlite::Connection::open(month)?.execute_batch("PRAGMA user_version = 7")?;
    let found = ship(&mut place.open()?, &[record(2)], None);
    assert_eq!(found, Err(Error::Newer { found: 7, known: 1 }));
    Ok(())
}

#[test]
fn a_database_in_a_folder_that_cannot_be_made_is_away() -> Done {
    let folder = Folder::new()?;
    fs::write(folder.0.join("file"), "")?;
    let url = Url::parse(&format!("sqlite:{}", folder.0.join("file/t.db").display()))?;
    match Store::open(&url, &Options::default()) {
        Err(Error::Away(text)) => assert!(text.contains("t.db"), "{text}"),
        other => return Err(format!("{:?}", other.err()).into()),
    }
    Ok(())
}
