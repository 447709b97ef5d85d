//! What the roll-ups say is what adding up the records says.

use std::collections::BTreeMap;

use tollway_records::Record;
use tollway_store::usage::Line;
use tollway_store::{Dimension, Error, Per, Retention, Store, Usage};

use crate::support::{DAY_US, Done, HOUR_US, NOW_US, Place, both, record, ship};

both! {
    every_grouping_is_what_the_records_add_up_to
    pages_are_cut_from_one_answer
    a_filter_leaves_the_rest_out
    money_is_none_where_nothing_had_a_price
    what_does_not_go_together_is_refused
    hours_over_years_are_too_broad
    what_is_old_is_dropped
}

/// Four months, so that every step of time has an edge within.
fn records() -> Vec<Record> {
    let at = |n: u64| (NOW_US - 100 * DAY_US).cast_unsigned() + n * 7_919_000_000;
    (0..1_000)
        .map(|n| Record {
            id: format!("req_{:012x}{n:020x}", at(n) / 1_000),
            accepted_us: at(n),
            team: (n % 5 != 0).then(|| format!("team-{}", n % 3)),
            agent: (n % 3 == 0).then(|| format!("agent-{}", n % 4)),
            ..record(n)
        })
        .collect()
}

fn values(record: &Record, dimension: Dimension) -> Vec<String> {
    let one = |text: &Option<String>| vec![text.clone().unwrap_or_default()];
    match dimension {
        Dimension::Team => one(&record.team),
        Dimension::Project => one(&record.project),
        Dimension::Environment => one(&record.environment),
        Dimension::Key => one(&record.key),
        Dimension::Route => one(&record.route),
        Dimension::Model => one(&record.model),
        Dimension::Provider => one(&record.provider),
        Dimension::User => one(&record.user),
        Dimension::Agent => one(&record.agent),
        Dimension::Tag if record.tags.is_empty() => vec![String::new()],
        Dimension::Tag => record.tags.clone(),
    }
}

/// The beginning of a step, found without the store's own calendar.
fn start(per: Per, at: i64) -> i64 {
    match per {
        Per::Hour => at - at % HOUR_US,
        Per::Day => at - at % DAY_US,
        // August to November 2026.
        Per::Month => [1_785_542_400, 1_788_220_800, 1_790_812_800, 1_793_491_200]
            .map(|second: i64| second * 1_000_000)
            .into_iter()
            .rfind(|month| *month <= at)
            .unwrap_or(0),
    }
}

type Row = (Option<i64>, Vec<String>);

/// Requests, errors, input, output, cost, unpriced, first tokens.
fn sums(record: &Record) -> [i64; 7] {
    let tokens = record.tokens.unwrap_or_default();
    [
        1,
        i64::from(record.status >= 400),
        tokens.input.unwrap_or(0).cast_signed(),
        tokens.output.unwrap_or(0).cast_signed(),
        record.cost_nano.unwrap_or(0),
        i64::from(record.cost_nano.is_none()),
        i64::from(record.first_token_us.is_some()),
    ]
}

fn expected(records: &[Record], usage: &Usage) -> BTreeMap<Row, [i64; 7]> {
    let mut rows = BTreeMap::new();
    for record in records {
        let at = record.accepted_us.cast_signed();
        if at < usage.from_us || at >= usage.to_us {
            continue;
        }
        let keys = match usage.by.as_slice() {
            [] => vec![vec![]],
            [one] => values(record, *one).into_iter().map(|value| vec![value]).collect(),
            [one, two, ..] => vec![vec![values(record, *one)[0].clone(), values(record, *two)[0].clone()]],
        };
        for key in keys {
            let sum: &mut [i64; 7] = rows.entry((usage.per.map(|per| start(per, at)), key)).or_default();
            for (sum, more) in sum.iter_mut().zip(sums(record)) {
                *sum += more;
            }
        }
    }
    rows
}

fn told(lines: &[Line]) -> Vec<(Row, [i64; 7])> {
    let names = ["requests", "errors", "input", "output", "cost_nano", "unpriced", "first_token_count"];
    lines
        .iter()
        .map(|line| {
            let key = line.dimensions.iter().map(|(_, value)| value.clone()).collect();
            ((line.start_us, key), names.map(|name| line.sum(name).unwrap_or(0)))
        })
        .collect()
}

fn pages(store: &mut Store, usage: &Usage) -> Done<Vec<Line>> {
    let mut usage = usage.clone();
    let mut all = Vec::new();
    loop {
        let (lines, next) = store.usage(&usage)?;
        all.extend(lines);
        usage.after = next;
        if usage.after.is_none() {
            return Ok(all);
        }
    }
}

fn every_grouping_is_what_the_records_add_up_to(place: &Place) -> Done {
    use Dimension::{Agent, Key, Model, Provider, Route, Tag, Team, User};
    let mut store = place.open()?;
    let records = records();
    for batch in records.chunks(130) {
        ship(&mut store, batch, None)?;
    }
    for by in [
        vec![],
        vec![Team],
        vec![Key],
        vec![Team, Key],
        vec![Key, Team],
        vec![Route, Model],
        vec![Provider, Team],
        vec![User],
        vec![Agent],
        vec![Tag],
    ] {
        for per in [None, Some(Per::Hour), Some(Per::Day), Some(Per::Month)] {
            for (from, to) in [(-120 * DAY_US, DAY_US), (-70 * DAY_US - 5 * HOUR_US, -9 * DAY_US + 7 * HOUR_US)] {
                let usage =
                    Usage { by: by.clone(), per, from_us: NOW_US + from, to_us: NOW_US + to, ..Usage::default() };
                let wanted: Vec<_> = expected(&records, &usage).into_iter().collect();
                assert_eq!(told(&pages(&mut store, &usage)?), wanted, "{by:?} {per:?}");
            }
        }
    }
    Ok(())
}

fn pages_are_cut_from_one_answer(place: &Place) -> Done {
    let mut store = place.open()?;
    ship(&mut store, &records(), None)?;
    for (by, per) in [
        (vec![Dimension::Team, Dimension::Key], Some(Per::Day)),
        (vec![Dimension::User], Some(Per::Hour)),
        (vec![Dimension::Tag], Some(Per::Month)),
        (vec![Dimension::Key], None),
    ] {
        let whole = Usage { by, per, from_us: NOW_US - 120 * DAY_US, to_us: NOW_US + DAY_US, ..Usage::default() };
        let wanted = pages(&mut store, &whole)?;
        for limit in [1, 7] {
            assert!(pages(&mut store, &Usage { limit, ..whole.clone() })? == wanted, "{whole:?} {limit}");
        }
    }
    let usage = Usage { from_us: 0, to_us: 1, after: Some("x".into()), ..Usage::default() };
    assert!(matches!(store.usage(&usage), Err(Error::Invalid(_))));
    Ok(())
}

fn a_filter_leaves_the_rest_out(place: &Place) -> Done {
    use Dimension::{Key, Team, User};
    let mut store = place.open()?;
    let records = records();
    ship(&mut store, &records, None)?;
    for (by, filter) in [
        (vec![Team], vec![(Key, "key-3".to_owned())]),
        (vec![Team, Key], vec![(Team, "team-1".to_owned()), (Key, "key-3".to_owned())]),
        (vec![], vec![(Team, String::new())]),
        (vec![], vec![(User, "user-4".to_owned())]),
        (vec![User], vec![(User, "user-4".to_owned())]),
        (vec![User], vec![(User, "never".to_owned())]),
        (vec![Team], vec![(Team, "never".to_owned())]),
    ] {
        for per in [None, Some(Per::Hour), Some(Per::Day), Some(Per::Month)] {
            let to_us = NOW_US + DAY_US;
            let usage = Usage {
                by: by.clone(),
                per,
                from_us: NOW_US - 120 * DAY_US,
                to_us,
                filter: filter.clone(),
                ..Usage::default()
            };
            let matching: Vec<Record> = records
                .iter()
                .filter(|record| filter.iter().all(|(dimension, value)| values(record, *dimension)[0] == *value))
                .cloned()
                .collect();
            let wanted: Vec<_> = expected(&matching, &usage).into_iter().collect();
            assert_eq!(told(&pages(&mut store, &usage)?), wanted, "{by:?} {filter:?} {per:?}");
        }
    }
    Ok(())
}

fn money_is_none_where_nothing_had_a_price(place: &Place) -> Done {
    let mut store = place.open()?;
    ship(&mut store, &[Record { cost_nano: None, ..record(1) }], None)?;
    let usage = Usage { from_us: NOW_US - 2 * DAY_US, to_us: NOW_US, ..Usage::default() };
    let line = store.usage(&usage)?.0.remove(0).json();
    assert_eq!((&line["cost_nano"], &line["unpriced"]), (&serde_json::Value::Null, &1.into()));
    assert_eq!(line.get("priced"), None);
    Ok(())
}

fn what_does_not_go_together_is_refused(place: &Place) -> Done {
    use Dimension::{Key, Model, Tag, Team, User};
    let mut store = place.open()?;
    let usage = Usage { from_us: 0, to_us: 1, ..Usage::default() };
    for wrong in [
        Usage { by: vec![Team, Key, Model], ..usage.clone() },
        Usage { by: vec![Team, Team], ..usage.clone() },
        Usage { by: vec![User, Team], ..usage.clone() },
        Usage { by: vec![User, Tag], ..usage.clone() },
        Usage { by: vec![User], filter: vec![(Team, "a".into())], ..usage.clone() },
        Usage { filter: vec![(Team, "a".into()), (User, "a".into())], ..usage.clone() },
        Usage { filter: vec![(Team, "a".into()), (Team, "b".into())], ..usage.clone() },
        Usage { to_us: 0, ..usage },
    ] {
        assert!(matches!(store.usage(&wrong), Err(Error::Invalid(_))), "{wrong:?}");
    }
    assert!(matches!(Dimension::parse("colour"), Err(Error::Invalid(text)) if text.contains("colour")));
    Ok(())
}

fn hours_over_years_are_too_broad(place: &Place) -> Done {
    let mut store = place.open()?;
    let usage = Usage { per: Some(Per::Hour), from_us: i64::MIN, to_us: i64::MAX, ..Usage::default() };
    match store.usage(&usage) {
        Err(Error::TooBroad(text)) => assert!(text.contains("400 days") && text.contains("narrow"), "{text}"),
        other => return Err(format!("{other:?}").into()),
    }
    for per in [None, Some(Per::Day), Some(Per::Month)] {
        assert_eq!(store.usage(&Usage { per, ..usage.clone() })?.0, []);
    }
    Ok(())
}

fn what_is_old_is_dropped(place: &Place) -> Done {
    let mut store = place.open()?;
    let records = records();
    ship(&mut store, &records, None)?;
    // 2026-10-01 12:00
    let before = start(Per::Month, NOW_US - 40 * DAY_US) + 12 * HOUR_US;
    let keep = Retention { requests_before_us: Some(before), hours_before_us: Some(before), days_before_us: None };
    assert_eq!(store.retain(&keep)?, ["2026-08", "2026-09"]);
    assert_eq!(store.retain(&keep)?, [""; 0]);
    let kept = crate::support::all(&mut store)?;
    let month = start(Per::Month, before).cast_unsigned();
    assert_eq!(kept, records.iter().filter(|record| record.accepted_us >= month).cloned().collect::<Vec<_>>());
    let usage = Usage { from_us: NOW_US - 300 * DAY_US, to_us: NOW_US + DAY_US, ..Usage::default() };
    assert_eq!(store.usage(&usage)?.0[0].sum("requests"), Some(1_000), "days are kept");
    let hours = pages(&mut store, &Usage { per: Some(Per::Hour), ..usage.clone() })?;
    assert!(hours.iter().all(|line| line.start_us >= Some(before)) && !hours.is_empty());
    store.retain(&Retention { days_before_us: Some(NOW_US + 2 * DAY_US), ..keep })?;
    assert_eq!(store.usage(&Usage { by: vec![Dimension::User], ..usage })?.0, []);
    // What comes late to a month that was dropped makes it anew.
    ship(&mut store, &records[..1], None)?;
    assert_eq!(store.request(&records[0].id)?.0, records[0]);
    Ok(())
}
