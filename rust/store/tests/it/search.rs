//! Searching records.

use serde_json::{Value, json};
use tollway_records::{Attempt, Record};
use tollway_store::search::Page;
use tollway_store::{Error, Filter, Search, Store};

use crate::support::{DAY_US, Done, NOW_US, Place, both, object, record, ship};

both! {
    records_are_found_by_any_field
    pages_go_on_where_the_one_before_ended
    times_bound_a_search
    one_call_looks_at_a_bounded_number_of_records
}

fn search(store: &mut Store, filter: Value, search: Search<'_>) -> Done<Page> {
    let filter = Filter::parse(&object(filter))?;
    Ok(store.requests_search(&Search { filter: &filter, ..search })?)
}

const NONE: &Filter = &Filter::NONE;

fn plain(ascending: bool) -> Search<'static> {
    Search { filter: NONE, from_us: None, to_us: None, ascending, limit: 0, after: None }
}

fn records_are_found_by_any_field(place: &Place) -> Done {
    let mut store = place.open()?;
    let mut records: Vec<Record> = (0..200).map(record).collect();
    let attempt =
        Attempt { provider: "azure".into(), class: "timeout".into(), status: Some(504), ..Attempt::default() };
    records[5].attempts = vec![attempt];
    records[6].session = Some("s-6".into());
    records[7].stream = true;
    ship(&mut store, &records, None)?;
    for (filter, numbers) in [
        (json!({"session": "s-6"}), vec![6]),
        (json!({"attempts.class": "timeout", "attempts.status": {"gte": 500}}), vec![5]),
        (json!({"attempts": 1}), vec![5]),
        (json!({"stream": true}), vec![7]),
        (json!({"status": {"gte": 400}, "key": "key-3"}), vec![10, 80, 150]),
        (json!({"status": 500, "total_us": {"lte": 1_020}}), vec![0, 10, 20]),
        (json!({"id": record(99).id}), vec![99]),
        (json!({"tags": "b", "tokens.output": {"gte": 390}}), vec![196]),
        (json!({"cost_nano": null, "user": "user-5"}), vec![5, 60, 115, 170]),
        (json!({"team": "nobody"}), vec![]),
    ] {
        let page = search(&mut store, filter.clone(), plain(true))?;
        let wanted: Vec<Record> = numbers.iter().map(|n: &usize| records[*n].clone()).collect();
        assert_eq!(page.records, wanted, "{filter}");
        assert_eq!(page.next, None);
    }
    Ok(())
}

fn pages_go_on_where_the_one_before_ended(place: &Place) -> Done {
    let mut store = place.open()?;
    // Over three months, several at the same time.
    let records: Vec<Record> = (0..60)
        .map(|n| Record { accepted_us: (NOW_US - (59 - n / 3) * DAY_US).cast_unsigned(), ..record(n.cast_unsigned()) })
        .collect();
    ship(&mut store, &records, None)?;
    for ascending in [true, false] {
        for limit in [1, 7, 60] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page =
                    search(&mut store, json!({}), Search { limit, after: after.as_deref(), ..plain(ascending) })?;
                assert!(page.records.len() <= limit);
                found.extend(page.records);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            if !ascending {
                found.reverse();
            }
            assert_eq!(found, records, "{ascending} {limit}");
        }
    }
    for after in ["", "x", "202611", "202613.1.a", "1.2.3", "202611.x.y"] {
        let found = search(&mut store, json!({}), Search { after: Some(after), ..plain(true) });
        assert!(found.is_err_and(|error| matches!(error.downcast_ref(), Some(Error::Invalid(_)))), "{after}");
    }
    Ok(())
}

fn times_bound_a_search(place: &Place) -> Done {
    let mut store = place.open()?;
    let records: Vec<Record> = (0..100).map(record).collect();
    ship(&mut store, &records, None)?;
    let at = |n: usize| Some(records[n].accepted_us.cast_signed());
    for ascending in [true, false] {
        let page = search(&mut store, json!({}), Search { from_us: at(10), to_us: at(20), ..plain(ascending) })?;
        let mut found = page.records;
        if !ascending {
            found.reverse();
        }
        assert_eq!(found, records[10..20]);
        assert_eq!(page.scanned, 10, "the rest was not looked at");
    }
    let extremes = Search { from_us: Some(i64::MIN), to_us: Some(i64::MAX), ..plain(false) };
    assert_eq!(search(&mut store, json!({}), extremes)?.records.len(), 100);
    Ok(())
}

fn one_call_looks_at_a_bounded_number_of_records(place: &Place) -> Done {
    let mut store = place.open()?;
    for batch in 0..41 {
        let records: Vec<Record> = (batch * 5_000..batch * 5_000 + 5_000)
            .map(|n| Record {
                id: format!("r{n:07}"),
                accepted_us: (NOW_US - DAY_US).cast_unsigned() + n,
                status: if n < 50 { 503 } else { 200 },
                ..Record::default()
            })
            .collect();
        ship(&mut store, &records, None)?;
    }
    let nowhere = json!({"user": "nobody"});
    let first = search(&mut store, nowhere.clone(), plain(false))?;
    assert_eq!((first.records.len(), first.scanned), (0, 200_000));
    let rest = search(&mut store, nowhere, Search { after: first.next.as_deref(), ..plain(false) })?;
    assert_eq!((rest.next, rest.scanned), (None, 5_000));
    // Failures have an index, so that the rest is not looked at.
    let failures = search(&mut store, json!({"status": {"gte": 400}}), plain(false))?;
    assert_eq!((failures.records.len(), failures.scanned, failures.next), (50, 50, None));
    Ok(())
}
