//! Builds a database of many records as a gateway would, then asks it what a dashboard would.
//!
//! ```sh
//! cargo run --release -p tollway-store --example bench -- sqlite:bench.db 10000000 [USERS] [BATCH]
//! ```
//!
//! A month of traffic (or, with fewer records, its beginning) of 500 keys of 40 teams, each on 2 of 24 routes, with 20,000 users: each batch of 2,000 records
//! is shipped as the journal's shipper does it. Prints the processor time of this thread and the time that passed.

#![allow(clippy::print_stdout, reason = "its figures are its output")]

use std::error::Error;
use std::time::Instant;

use prost::Message;
use serde_json::{Map, json};
use tollway_records::{Attempt, Record, Tokens};
use tollway_store::usage::Line;
use tollway_store::{Batch, Cursor, Dimension, Filter, Options, Per, Search, Store, Url, Usage};

const DAY_US: u64 = 86_400_000_000;
/// 2026-10-01.
const START_US: u64 = 1_790_812_800_000_000;
const DAYS: u64 = 31;

/// What is built.
struct Shape {
    users: u64,
    /// Records that are shipped at once.
    batch: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = Url::parse(&arguments.next().ok_or("usage: bench URL [RECORDS]")?)?;
    let records: u64 = arguments.next().map_or(Ok(10_000_000), |text| text.parse())?;
    let mut number = |otherwise: u64| arguments.next().map_or(Ok(otherwise), |text| text.parse::<u64>());
    let shape = Shape { users: number(20_000)?, batch: number(2_000)? };
    let mut store = Store::open(&url, &Options::default())?;
    if store.cursors("bench")?.is_empty() {
        build(&mut store, records, &shape)?;
    }
    ask(&mut store)
}

/// What this thread has used of a processor, in nanoseconds.
fn processor() -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().ok_or("schedstat")?.parse()?)
}

fn build(store: &mut Store, records: u64, shape: &Shape) -> Result<(), Box<dyn Error>> {
    let (mut used, mut longest) = (0, 0.0_f64);
    let mut shipping = 0.0;
    let mut made = 0;
    while made < records {
        let count = shape.batch.min(records - made);
        let batch: Vec<Record> = (made..made + count).map(|number| record(number, shape.users)).collect();
        let raw: Vec<Vec<u8>> = batch.iter().map(Message::encode_to_vec).collect();
        let pairs: Vec<(&Record, &[u8])> = batch.iter().zip(raw.iter().map(Vec::as_slice)).collect();
        made += count;
        let cursors = [Cursor { lane: 1, segment: 1, offset: made }];
        let now_us = i64::try_from(START_US + DAYS * DAY_US)?;
        let (begun, before) = (Instant::now(), processor()?);
        store.ship(&Batch { journal: "bench", now_us, records: &pairs, payloads: &[], cursors: &cursors })?;
        used += processor()? - before;
        longest = longest.max(begun.elapsed().as_secs_f64());
        shipping += begun.elapsed().as_secs_f64();
        if made % 1_000_000 == 0 || made == records {
            let per = |total: f64| total / made as f64;
            println!(
                "{made} records: {:.2} µs of this thread and {:.2} µs elapsed each; longest batch {:.0} ms; {} bytes each",
                per(used as f64 / 1e3),
                per(shipping * 1e6),
                longest * 1e3,
                raw.iter().map(Vec::len).sum::<usize>() / raw.len()
            );
        }
    }
    Ok(())
}

/// A number without order (the finaliser of SplitMix64).
fn scatter(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn record(number: u64, users: u64) -> Record {
    let chance = scatter(number);
    let accepted_us = START_US + number * DAYS * DAY_US / 10_000_000;
    // Some keys are busy, most are not.
    let key = (chance % 500) * (chance / 500 % 500) / 500;
    let route = (key * 7 + (chance >> 20) % 2 * 5) % 24;
    let user = (chance >> 8) % users.max(1);
    let failed = (chance >> 40).is_multiple_of(50);
    let (provider, model) = [
        ("openai", "gpt-4o"),
        ("anthropic", "claude-sonnet-4-5"),
        ("google", "gemini-2.5-pro"),
        ("self-hosted", "llama-3.1-70b"),
    ][(route % 4) as usize];
    let some = |text: String| Some(text);
    Record {
        id: format!("req_{:012x}{:020x}", accepted_us / 1_000, chance),
        accepted_us,
        endpoint: "chat.completions".into(),
        status: if failed { 429 } else { 200 },
        error: failed.then(|| "rate_limit_exceeded".into()),
        finish: (!failed).then(|| "stop".into()),
        organisation: some("acme".into()),
        team: some(format!("team-{}", key % 40)),
        project: some(format!("project-{}", key % 120)),
        environment: some(["dev", "staging", "prod"][(key % 3) as usize].into()),
        key: some(format!("key{key:09}")),
        user: (users > 0).then(|| format!("user-{user}@example.com")),
        agent: some(format!("agent-{}", user % 50)),
        tags: vec![format!("tag-{}", chance % 30)],
        route: some(format!("route-{route}")),
        decision: some("fallback:1/2".into()),
        provider: some(provider.into()),
        model: some(model.into()),
        requested_model: some(format!("route-{route}")),
        served_model: some(format!("{model}-2026-08-01")),
        attempts: vec![Attempt {
            provider: provider.into(),
            model: model.into(),
            class: "ok".into(),
            status: Some(200),
            at_us: 90,
            took_us: 400_000,
            cost_nano: None,
        }],
        upstream_id: some(format!("chatcmpl-{chance:016x}")),
        admitted_us: Some(60),
        sent_us: Some(90),
        first_token_us: Some(200_000 + chance % 100_000),
        total_us: 900_000 + chance % 1_000_000,
        overhead_us: 80,
        upstream_us: 400_000,
        tokens: (!failed).then_some(Tokens {
            input: Some(chance % 4_000),
            output: Some(chance % 900),
            ..Tokens::default()
        }),
        cost_nano: (!failed && !chance.is_multiple_of(10)).then_some((chance % 10_000_000) as i64),
        cache: "miss".into(),
        trace_id: some(format!("{:032x}", u128::from(chance) << 64 | u128::from(number))),
        span_id: some(format!("{chance:016x}")),
        request_bytes: 2_000,
        response_bytes: 4_000,
        ..Record::default()
    }
}

fn ask(store: &mut Store) -> Result<(), Box<dyn Error>> {
    use Dimension::{Agent, Environment, Key, Model, Project, Provider, Route, Tag, Team, User};
    let day = |days: u64| i64::try_from(START_US + days * DAY_US);
    let pairs = [[Team, Model], [Key, Route], [Project, Provider], [Environment, Team], [Key, Model]];
    for (name, per, from, to) in [
        ("in all, a month", None, 0, 31),
        ("by the month", Some(Per::Month), 0, 31),
        ("by the day, a month", Some(Per::Day), 0, 31),
        ("by the hour, a day", Some(Per::Hour), 10, 11),
        ("by the hour, a week", Some(Per::Hour), 10, 17),
        ("by the hour, a month", Some(Per::Hour), 0, 31),
    ] {
        let slowest = |store: &mut Store, questions: &[Vec<Dimension>]| -> Result<String, Box<dyn Error>> {
            let mut slowest = (0.0_f64, 0, 0);
            for by in questions {
                let usage = Usage { by: by.clone(), per, from_us: day(from)?, to_us: day(to)?, ..Usage::default() };
                let begun = Instant::now();
                let answer = match store.usage(&usage) {
                    Ok((lines, next)) => {
                        (begun.elapsed().as_secs_f64() * 1e3, lines.len(), usize::from(next.is_some()))
                    }
                    Err(error) => {
                        println!("  {by:?}: {error}");
                        continue;
                    }
                };
                slowest = if answer.0 > slowest.0 { answer } else { slowest };
            }
            Ok(format!("{:7.1} ms ({} rows{})", slowest.0, slowest.1, if slowest.2 == 1 { " and more" } else { "" }))
        };
        println!("two dimensions {name}: slowest {}", slowest(store, &pairs.map(Vec::from))?);
        println!("user           {name}: slowest {}", slowest(store, &[vec![User]])?);
        println!("agent or tag   {name}: slowest {}", slowest(store, &[vec![Agent], vec![Tag]])?);
    }
    let one = Usage {
        by: vec![Team],
        per: Some(Per::Hour),
        from_us: day(0)?,
        to_us: day(31)?,
        filter: vec![(Key, "key000000007".into())],
        ..Usage::default()
    };
    let begun = Instant::now();
    let (lines, _): (Vec<Line>, _) = store.usage(&one)?;
    println!("one key by the hour, a month: {:.1} ms ({} rows)", begun.elapsed().as_secs_f64() * 1e3, lines.len());
    let one = Usage { by: vec![], filter: vec![(User, "user-77@example.com".into())], ..one };
    let begun = Instant::now();
    let (lines, _) = store.usage(&one)?;
    println!("one user by the hour, a month: {:.1} ms ({} rows)", begun.elapsed().as_secs_f64() * 1e3, lines.len());
    for filter in [
        json!({}),
        json!({"status": {"gte": 400}}),
        json!({"user": "user-77@example.com"}),
        json!({"total_us": {"gte": 1_899_000}}),
        json!({"user": "nobody"}),
    ] {
        let parsed = Filter::parse(filter.as_object().unwrap_or(&Map::new()))?;
        let search = Search { filter: &parsed, from_us: None, to_us: None, ascending: false, limit: 50, after: None };
        let begun = Instant::now();
        let page = store.requests_search(&search)?;
        println!(
            "requests {filter}: {:.1} ms ({} found of {})",
            begun.elapsed().as_secs_f64() * 1e3,
            page.records.len(),
            page.scanned
        );
    }
    let id = record(123_456, 20_000).id;
    let begun = Instant::now();
    let found = store.request(&id).is_ok();
    println!("one request by its id: {:.2} ms (found: {found})", begun.elapsed().as_secs_f64() * 1e3);
    Ok(())
}
