//! SQL and other mischief in every string that comes from outside.

use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use prost::Message;
use serde_json::json;
use tollway_records::{Attempt, Record};
use tollway_store::{Batch, Cursor, Dimension, Error, Filter, NewKey, Payload, Per, Search, Store, Usage};

use crate::support::{DAY_US, Done, NOW_US, Place, both, by, object, record, total};

both! { no_string_is_taken_for_sql }

const MISCHIEF: [&str; 14] = [
    "'; DROP TABLE tollway_keys; --",
    "\" OR 1=1 --",
    "$1",
    "?1",
    "{month}",
    "%",
    "_",
    "\\",
    "\0",
    "a\0b",
    "\u{fffd}",
    "); DELETE FROM tollway_audit; SELECT (",
    "\u{202e}\u{10ffff}",
    "x'00'",
];

fn strings() -> impl Strategy<Value = String> {
    let some = || select(&MISCHIEF[..]).prop_map(str::to_owned);
    prop_oneof![some(), any::<String>(), (some(), any::<String>(), some()).prop_map(|(a, b, c)| a + &b + &c)]
}

fn no_string_is_taken_for_sql(place: &Place) -> Done {
    let store = std::cell::RefCell::new(place.open()?);
    let count = std::cell::Cell::new(0);
    let config = Config { cases: 40, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&[strings(), strings(), strings()], |[one, two, three]| {
            count.set(count.get() + 1);
            check(&mut store.borrow_mut(), count.get(), [&one, &two, &three])
                .map_err(|error| proptest::test_runner::TestCaseError::fail(error.to_string()))
        })
        .map_err(|error| error.to_string())?;
    let mut store = place.open()?;
    assert!(store.audit_verify(b"k", None)?.ok);
    assert_eq!(total(&mut store, "requests")?, Some(2 * count.get()));
    Ok(())
}

/// A refusal is an answer too, but nothing else goes wrong.
fn refused<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::Invalid(_) | Error::Conflict(_) | Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn check(store: &mut Store, n: i64, [one, two, three]: [&str; 3]) -> Done {
    let keys = store.keys()?.len();
    let settings = object(json!({ (one): two, "team": three }));
    let made = refused(store.create_key(by(one), &NewKey { id: two, hash: [1; 32], settings: &settings }))?;
    if let Some(key) = &made {
        assert_eq!((&*key.id, &key.settings), (two, &settings));
        assert_eq!(&store.key(two)?, key);
        refused(store.patch_key(by(one), two, &object(json!({ (three): one })), None))?;
        assert_eq!(store.rotate_key(by(three), two, [2; 32], 1)?.hash, [2; 32]);
        store.revoke_key(by(three), two)?;
    }
    assert_eq!(store.keys()?.len(), keys + usize::from(made.is_some()));
    refused(store.create_scope(by(one), "team", three, &settings))?;
    refused(store.create_scope(by(one), one, three, &settings))?;
    refused(store.patch_scope(by(one), ("team", three), &settings, None))?;
    refused(store.delete_scope(by(one), "team", two))?;
    store.audit_append(by(one), (two, three, one), Some(json!(two)), Some(json!({ (three): one })))?;
    let told = tollway_store::audit::Search {
        limit: 5,
        actor: Some(one),
        action: Some(two),
        object: Some(three),
        after: None,
    };
    store.audit_search(&told)?;
    refused(store.audit_search(&tollway_store::audit::Search { after: Some(one), ..told }))?;
    records(store, n, [one, two, three])
}

fn records(store: &mut Store, n: i64, [one, two, three]: [&str; 3]) -> Done {
    let text = |text: &str| Some(text.to_owned());
    let hostile = |id: String| Record {
        id,
        error: text(one),
        organisation: text(two),
        team: text(three),
        project: text(one),
        environment: text(two),
        key: text(three),
        user: text(one),
        agent: text(two),
        tags: vec![one.to_owned(), two.to_owned(), three.to_owned()],
        route: text(one),
        model: text(two),
        provider: text(three),
        session: text(one),
        attempts: vec![Attempt { provider: one.into(), class: two.into(), ..Attempt::default() }],
        ..record(n.cast_unsigned())
    };
    let both = [hostile(format!("{n}-{one}")), hostile(record(n.cast_unsigned()).id)];
    let raw: Vec<Vec<u8>> = both.iter().map(Message::encode_to_vec).collect();
    let pairs: Vec<(&Record, &[u8])> = both.iter().zip(raw.iter().map(Vec::as_slice)).collect();
    let payload = Payload { id: &both[0].id, request: one.as_bytes().into(), response: two.as_bytes().into() };
    let cursors = [Cursor { lane: n.cast_unsigned(), segment: 0, offset: 1 }];
    store.ship(&Batch { journal: three, now_us: NOW_US, records: &pairs, payloads: &[payload], cursors: &cursors })?;
    store.cursors(one)?;
    store.forget_cursors(two, &[0])?;
    assert_eq!(store.request(&both[1].id)?.0, both[1]);
    assert_eq!(store.request(&both[0].id)?.0, both[0]);
    refused(store.request(one))?;
    for (field, value) in [("user", one), ("route", one), ("team", three), ("attempts.class", two), ("tags", three)] {
        let filter = Filter::parse(&object(json!({ (field): value, "id": both[1].id })))?;
        let search = Search { filter: &filter, from_us: None, to_us: None, ascending: false, limit: 9, after: None };
        assert_eq!(store.requests_search(&search)?.records, [both[1].clone()]);
        refused(store.requests_search(&Search { after: Some(one), ..search }))?;
        refused(store.requests_search(&Search { after: Some(&format!("202611.5.{one}")), ..search }))?;
    }
    for dimension in Dimension::ALL {
        let usage = Usage {
            by: vec![dimension],
            per: Some(Per::Day),
            from_us: NOW_US - 2 * DAY_US,
            to_us: NOW_US + DAY_US,
            filter: vec![(dimension, one.to_owned())],
            ..Usage::default()
        };
        store.usage(&usage)?;
        refused(store.usage(&Usage { after: text(one), ..usage.clone() }))?;
        for step in [i64::MIN, 1, i64::MAX] {
            refused(store.usage(&Usage { after: Some(json!([step, one, two]).to_string()), ..usage.clone() }))?;
        }
    }
    Ok(())
}
