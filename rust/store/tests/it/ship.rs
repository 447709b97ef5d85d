//! Shipping is exactly once.

use std::borrow::Cow;

use tollway_records::Record;
use tollway_store::{Batch, Cursor, Error, Payload};

use crate::support::{DAY_US, Done, NOW_US, Place, all, both, record, ship, ship_at, total};

both! {
    a_batch_is_found_whole
    a_batch_that_is_shipped_twice_counts_once
    a_batch_that_was_shipped_in_part_is_refused_whole
    records_that_came_before_their_cursors_count_once
    cursors_are_each_journals_own
    payloads_lie_beside_their_requests
    a_clock_that_jumps_makes_no_new_months
    numbers_beyond_belief_are_bounded
    two_stores_ship_to_one_database
}

fn a_batch_is_found_whole(place: &Place) -> Done {
    let mut store = place.open()?;
    let records: Vec<Record> = (0..1_000).map(record).collect();
    ship(&mut store, &records, Some(1_000))?;
    assert_eq!(all(&mut store)?, records);
    assert_eq!(store.request(&records[77].id)?, (records[77].clone(), None));
    assert_eq!(store.cursors("j")?, [Cursor { lane: 1, segment: 0, offset: 1_000 }]);
    assert!(matches!(store.request("req_0"), Err(Error::NotFound(_))));
    Ok(())
}

fn a_batch_that_is_shipped_twice_counts_once(place: &Place) -> Done {
    let mut store = place.open()?;
    let records: Vec<Record> = (0..100).map(record).collect();
    for _ in 0..3 {
        ship(&mut store, &records, Some(100))?;
    }
    let mut again = place.open()?;
    ship(&mut again, &records[..50], Some(50))?;
    assert_eq!(all(&mut again)?.len(), 100);
    assert_eq!(total(&mut again, "requests")?, Some(100));
    assert_eq!(again.cursors("j")?, [Cursor { lane: 1, segment: 0, offset: 100 }]);
    Ok(())
}

fn a_batch_that_was_shipped_in_part_is_refused_whole(place: &Place) -> Done {
    let mut store = place.open()?;
    ship(&mut store, &[record(1)], Some(10))?;
    let cursors = [Cursor { lane: 1, segment: 0, offset: 10 }, Cursor { lane: 2, segment: 0, offset: 10 }];
    let batch = Batch { journal: "j", now_us: NOW_US, records: &[], payloads: &[], cursors: &cursors };
    assert!(matches!(store.ship(&batch), Err(Error::Conflict(_))));
    assert_eq!(store.cursors("j")?.len(), 1);
    Ok(())
}

/// What a process leaves behind that is killed between the two commits of SQLite.
fn records_that_came_before_their_cursors_count_once(place: &Place) -> Done {
    let mut store = place.open()?;
    let records: Vec<Record> = (0..10).map(record).collect();
    ship(&mut store, &records, Some(10))?;
    for table in ["cursors", "usage_hour", "usage_day", "label_hour", "label_day"] {
        place.raw(&format!("DELETE FROM tollway_{table}"))?;
    }
    ship(&mut store, &records, Some(10))?;
    assert_eq!(all(&mut store)?.len(), 10);
    assert_eq!(total(&mut store, "requests")?, Some(10));
    Ok(())
}

fn cursors_are_each_journals_own(place: &Place) -> Done {
    let mut store = place.open()?;
    let cursor = |lane| Cursor { lane, segment: u64::MAX, offset: 1 << 63 };
    for journal in ["one", "two"] {
        let cursors = [cursor(u64::MAX), cursor(7)];
        store.ship(&Batch { journal, now_us: NOW_US, records: &[], payloads: &[], cursors: &cursors })?;
    }
    store.forget_cursors("one", &[7])?;
    assert_eq!(store.cursors("one")?, [cursor(u64::MAX)]);
    assert_eq!(store.cursors("two")?.len(), 2);
    assert_eq!(store.cursors("three")?, []);
    Ok(())
}

fn payloads_lie_beside_their_requests(place: &Place) -> Done {
    let mut store = place.open()?;
    let sampled = Record { payload: true, ..record(1) };
    let payload = Payload { id: &sampled.id, request: Cow::Borrowed(b"ask\0"), response: Cow::Borrowed(&[0xff]) };
    let payloads = [payload];
    // Payloads have segments of their own, so they may come before.
    store.ship(&Batch { journal: "p", now_us: NOW_US, records: &[], payloads: &payloads, cursors: &[] })?;
    assert!(matches!(store.request(&sampled.id), Err(Error::NotFound(_))));
    ship(&mut store, &[sampled.clone(), record(2)], None)?;
    let (found, stored) = store.request(&sampled.id)?;
    let stored = stored.ok_or("no payload")?;
    assert_eq!((found, stored.request, stored.response), (sampled, b"ask\0".to_vec(), vec![0xff]));
    assert_eq!(store.request(&record(2).id)?.1, None);
    Ok(())
}

fn a_clock_that_jumps_makes_no_new_months(place: &Place) -> Done {
    let mut store = place.open()?;
    let jumps: Vec<Record> =
        [0, 1, 1 << 40, (NOW_US + 40 * DAY_US).cast_unsigned(), u64::MAX, i64::MAX.cast_unsigned()]
            .into_iter()
            .chain((0..2_000).map(|n| n << 45))
            .enumerate()
            .map(|(n, accepted_us)| Record { id: format!("odd-{n}"), accepted_us, ..record(1) })
            .collect();
    ship(&mut store, &jumps, None)?;
    let mut found: Vec<String> = all(&mut store)?.into_iter().map(|record| record.id).collect();
    found.sort_unstable();
    let mut expected: Vec<String> = jumps.iter().map(|record| record.id.clone()).collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(store.request("odd-4")?.0.accepted_us, u64::MAX);
    assert_eq!(total(&mut store, "requests")?, Some(2_006));
    if let Some(folder) = &place.folder {
        let files = std::fs::read_dir(&folder.0)?.flatten();
        let months = files.filter(|file| file.path().extension().is_some_and(|end| end == "db")).count();
        // The main file, this month, and those few of the jumps that may be true.
        assert!(months < 10, "{months}");
        // A replay after the month has turned finds them where they are.
        ship_at(&mut store, &jumps, None, NOW_US + 20 * DAY_US)?;
        assert_eq!(all(&mut store)?.len(), 2_006);
    }
    Ok(())
}

fn numbers_beyond_belief_are_bounded(place: &Place) -> Done {
    let mut store = place.open()?;
    let absurd = |n: u64| {
        let mut absurd = record(n);
        if let Some(tokens) = &mut absurd.tokens {
            (tokens.input, tokens.output) = (Some(u64::MAX), Some(u64::MAX));
        }
        Record {
            total_us: u64::MAX,
            first_token_us: Some(u64::MAX),
            cost_nano: Some(i64::MAX),
            status: u32::MAX,
            ..absurd
        }
    };
    for n in 0..20 {
        ship(&mut store, &(n * 100..n * 100 + 100).map(absurd).collect::<Vec<_>>(), None)?;
    }
    assert_eq!(total(&mut store, "requests")?, Some(2_000));
    assert_eq!(total(&mut store, "input")?, Some(2_000 << 32));
    assert_eq!(total(&mut store, "cost_nano")?, Some(2_000 * 100_000_000_000_000));
    assert_eq!(store.request(&record(5).id)?.0, absurd(5));
    Ok(())
}

/// As replicas on PostgreSQL do, which must agree on the numbers of names.
fn two_stores_ship_to_one_database(place: &Place) -> Done {
    let ship_some = |journal: &'static str, from: u64| -> Result<(), String> {
        let mut store = place.open().map_err(|error| error.to_string())?;
        for batch in 0..20 {
            let first = from + batch * 50;
            let records: Vec<Record> =
                (first..first + 50).map(|n| Record { model: Some(format!("model-{}", n % 40)), ..record(n) }).collect();
            let raw: Vec<Vec<u8>> = records.iter().map(prost::Message::encode_to_vec).collect();
            let pairs: Vec<(&Record, &[u8])> = records.iter().zip(raw.iter().map(Vec::as_slice)).collect();
            let cursors = [Cursor { lane: 1, segment: 0, offset: batch + 1 }];
            let batch = Batch { journal, now_us: NOW_US, records: &pairs, payloads: &[], cursors: &cursors };
            store.ship(&batch).map_err(|error| error.to_string())?;
        }
        Ok(())
    };
    place.open()?;
    std::thread::scope(|scope| {
        let one = scope.spawn(|| ship_some("one", 0));
        let two = scope.spawn(|| ship_some("two", 1_000));
        one.join().map_err(|_| "panic")??;
        two.join().map_err(|_| "panic")?
    })?;
    let mut store = place.open()?;
    assert_eq!(all(&mut store)?.len(), 2_000);
    assert_eq!(total(&mut store, "requests")?, Some(2_000));
    Ok(())
}

/// What a killed process may leave in PostgreSQL: a transaction that is committed when nobody waits for it any more.
#[test]
fn a_transaction_without_a_process_is_waited_for() -> Done {
    let place = Place::postgres()?;
    let mut store = place.open()?;
    ship(&mut store, &[record(0)], Some(1))?;
    // The same lock that shipping takes, held by a session that moves the cursor only a while later.
    let ghost = {
        let url = place.text.clone();
        let ship_slowly = "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM pg_sleep(1); RETURN NEW; END $$; \
             CREATE TRIGGER slowly BEFORE INSERT ON tollway_cursors FOR EACH ROW EXECUTE FUNCTION slowly()";
        place.raw(ship_slowly)?;
        std::thread::spawn(move || {
            let url = tollway_store::Url::parse(&url)?;
            let mut store = tollway_store::Store::open(&url, &tollway_store::Options::default())?;
            ship(&mut store, &[record(1)], Some(2))
        })
    };
    let waiting = "SELECT 1 / count(*) FROM pg_locks JOIN pg_database d ON d.oid = database \
         WHERE locktype = 'advisory' AND datname = current_database()";
    while place.raw(waiting).is_err() {
        std::thread::yield_now();
    }
    assert_eq!(store.cursors("j")?[0].offset, 2);
    assert!(ghost.join().is_ok_and(|shipped| shipped == Ok(())));
    Ok(())
}
