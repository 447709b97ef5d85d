//! Processes that are killed: what they leave is whole.

use std::io::{BufRead, BufReader};
use std::thread;
use std::time::Duration;

use tollway_records::Record;

use crate::support::{Done, Place, all, both, child, record, ship, total};

both! { a_process_killed_while_it_ships_leaves_every_record_once }

fn a_process_killed_while_it_ships_leaves_every_record_once(place: &Place) -> Done {
    place.open()?;
    for round in 0..12 {
        let mut process = child("ships_until_it_is_killed", &place.text)?;
        let output = process.stdout.take().ok_or("no output")?;
        let told = BufReader::new(output).lines().map_while(Result::ok).any(|line| line.contains("shipped"));
        assert!(told);
        // Another moment each time, to meet all parts of a batch.
        thread::sleep(Duration::from_micros(1_700 * round));
        process.kill()?;
        process.wait()?;
    }
    let mut store = place.open()?;
    ship_next(&mut store)?;
    let shipped = store.cursors("j")?.first().map_or(0, |cursor| cursor.offset);
    assert!(shipped >= 12 * 40, "{shipped}");
    let ids: Vec<String> = all(&mut store)?.into_iter().map(|record| record.id).collect();
    assert_eq!(ids, (0..shipped).map(|n| record(n).id).collect::<Vec<_>>());
    assert_eq!(total(&mut store, "requests")?, Some(shipped.cast_signed()));
    assert_eq!(total(&mut store, "input")?, Some((0..shipped).sum::<u64>().cast_signed()));
    Ok(())
}

/// Goes on from the cursor, as the shipper does.
fn ship_next(store: &mut tollway_store::Store) -> Done {
    let from = store.cursors("j")?.first().map_or(0, |cursor| cursor.offset);
    let records: Vec<Record> = (from..from + 40).map(record).collect();
    Ok(ship(store, &records, Some(from + 40))?)
}

/// Run by other tests, in processes of their own.
mod child {
    use serde_json::Map;
    use tollway_store::{Error, NewKey, Options, Store, Url};

    use crate::support::{Done, by};

    fn url() -> Done<Option<Url>> {
        Ok(std::env::var("TOLLWAY_STORE_CHILD").ok().map(|text| Url::parse(&text)).transpose()?)
    }

    #[test]
    #[ignore = "run by other tests"]
    fn ships_until_it_is_killed() -> Done {
        let Some(url) = url()? else { return Ok(()) };
        let mut store = Store::open(&url, &Options::default())?;
        super::ship_next(&mut store)?;
        println!("shipped");
        loop {
            super::ship_next(&mut store)?;
        }
    }

    #[test]
    #[ignore = "run by other tests"]
    fn creates_a_key() -> Done {
        let Some(url) = url()? else { return Ok(()) };
        let mut store = Store::open(&url, &Options::default())?;
        store.create_key(by("another"), &NewKey { id: "k", hash: [7; 32], settings: &Map::new() })?;
        Ok(())
    }

    #[test]
    #[ignore = "run by other tests"]
    fn opens() -> Done {
        let Some(url) = url()? else { return Ok(()) };
        println!("opening");
        Store::open(&url, &Options::default())?;
        Ok(())
    }

    #[test]
    #[ignore = "run by other tests"]
    fn finds_it_read_only() -> Done {
        let Some(url) = url()? else { return Ok(()) };
        match Store::open(&url, &Options::default()) {
            Err(Error::Away(text)) => {
                println!("away: {text}");
                Ok(())
            }
            Err(other) => Err(other.into()),
            Ok(_) => Err("it was opened".into()),
        }
    }
}
