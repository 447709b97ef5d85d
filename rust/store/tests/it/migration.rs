//! Versions of the tables.

use std::io::{BufRead, BufReader};
use std::thread;
use std::time::Duration;

use serde_json::Map;
use tollway_store::{Error, NewKey, Options, Store};

use crate::support::{Done, Place, both, by, child};

both! {
    a_newer_version_is_refused
    a_version_of_another_text_is_refused
    processes_that_start_at_once_make_the_tables_once
    an_open_database_is_opened_again_without_a_change
}

fn refusal(place: &Place) -> Done<Error> {
    match Store::open(&place.url, &Options::default()) {
        Err(error) => Ok(error),
        Ok(_) => Err("it was opened".into()),
    }
}

fn a_newer_version_is_refused(place: &Place) -> Done {
    place.open()?;
    place.raw("INSERT INTO tollway_migrations (version, name, checksum) VALUES (99, 'later', 'x')")?;
    let error = refusal(place)?;
    assert_eq!(error, Error::Newer { found: 99, known: 3 });
    let text = error.to_string();
    assert!(text.contains("99") && text.contains("version 3") && text.contains("newer Tollway"), "{text}");
    Ok(())
}

fn a_version_of_another_text_is_refused(place: &Place) -> Done {
    place.open()?;
    place.raw("UPDATE tollway_migrations SET checksum = 'x' WHERE version = 1")?;
    assert!(matches!(refusal(place)?, Error::Damaged(_)));
    Ok(())
}

fn processes_that_start_at_once_make_the_tables_once(place: &Place) -> Done {
    let children = (0..6).map(|_| child("opens", &place.text)).collect::<Done<Vec<_>>>()?;
    for child in children {
        let told = child.wait_with_output()?;
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stdout));
    }
    place.open()?.create_key(by("x"), &NewKey { id: "k", hash: [0; 32], settings: &Map::new() })?;
    Ok(())
}

fn an_open_database_is_opened_again_without_a_change(place: &Place) -> Done {
    let mut first = place.open()?;
    first.create_key(by("x"), &NewKey { id: "k", hash: [0; 32], settings: &Map::new() })?;
    let mut second = place.open()?;
    assert_eq!(second.keys()?, first.keys()?);
    Ok(())
}

#[test]
fn a_process_killed_while_it_migrates_leaves_the_old_or_the_new_version() -> Done {
    for round in 0..24 {
        let place = Place::sqlite()?;
        let mut process = child("opens", &place.text)?;
        let output = process.stdout.take().ok_or("no output")?;
        assert!(BufReader::new(output).lines().map_while(Result::ok).any(|line| line.contains("opening")));
        thread::sleep(Duration::from_micros(400 * round));
        process.kill()?;
        process.wait()?;
        if let Some(path) = place.url.path().filter(|path| path.exists()) {
            let raw = rusqlite::Connection::open(path)?;
            let tables: i64 =
                raw.query_row("SELECT count(*) FROM sqlite_master WHERE type = 'table'", [], |row| row.get(0))?;
            let version = raw.query_row("SELECT max(version) FROM tollway_migrations", [], |row| row.get(0));
            let version: i64 = version.unwrap_or(0);
            assert!(
                [(0, 0), (1, 5), (2, 12), (3, 13)].contains(&(version, tables)),
                "version {version}: {tables} tables"
            );
        }
        place.open()?.create_key(by("x"), &NewKey { id: "k", hash: [0; 32], settings: &Map::new() })?;
    }
    Ok(())
}

#[test]
fn another_programs_file_is_left_alone() -> Done {
    let place = Place::sqlite()?;
    place.raw("CREATE TABLE photos (id INTEGER)")?;
    let error = refusal(&place)?;
    assert!(matches!(&error, Error::Damaged(text) if text.contains("another program")), "{error}");
    place.raw("SELECT id FROM photos")?;
    Ok(())
}
