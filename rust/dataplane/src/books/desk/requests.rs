//! The request log: searched, one by its id, and as it comes in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use tollway_records::Record;
use tollway_store::{Filter, Search};

use super::{Books, Call, Desk, Refusal, given, members, no_such_call, read};

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    filter: Option<Value>,
    from_us: Option<i64>,
    to_us: Option<i64>,
    order: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
}

#[derive(Deserialize)]
struct Tailed {
    #[serde(default)]
    filter: Option<Value>,
    limit: Option<usize>,
    after: Option<u64>,
}

pub(super) fn answer(desk: &mut Desk<'_>, what: &str, call: &Call) -> Result<Value, Refusal> {
    match what {
        "search" => search(desk, call),
        "show" => {
            #[derive(Deserialize)]
            struct One {
                id: String,
            }
            let one: One = given(call)?;
            let (record, payload) = desk.ask(|store| store.request(&one.id))?;
            let mut told = told(&record);
            told["payload"] = match payload {
                None => Value::Null,
                Some(payload) => json!({"request": body(&payload.request), "response": body(&payload.response)}),
            };
            Ok(told)
        }
        _ => Err(no_such_call()),
    }
}

fn search(desk: &mut Desk<'_>, call: &Call) -> Result<Value, Refusal> {
    let asked: Asked = given(call)?;
    let filter = filter(asked.filter)?;
    let ascending = match asked.order.as_deref() {
        None | Some("desc") => false,
        Some("asc") => true,
        Some(_) => return Err(Refusal::new("invalid", "`order` is asc or desc").at("order")),
    };
    let search = Search {
        filter: &filter,
        from_us: asked.from_us,
        to_us: asked.to_us,
        ascending,
        limit: asked.limit.unwrap_or(50),
        after: asked.after.as_deref(),
    };
    let page = desk.ask(|store| store.requests_search(&search))?;
    let data: Vec<Value> = page.records.iter().map(told).collect();
    Ok(json!({"data": data, "next": page.next, "scanned": page.scanned}))
}

/// The records that have come in since the last call: from memory, so that nothing is read that nobody asked for, and
/// not at the desk, where it would wait behind calls of the store.
pub(crate) fn tail(books: &Books, with: Value) -> Result<Value, Refusal> {
    let asked: Tailed = read(with)?;
    let filter = filter(asked.filter)?;
    let limit = asked.limit.unwrap_or(100).clamp(1, 500);
    let seen = books.ring.since(asked.after, limit, |record| filter.matches(record));
    let data: Vec<Value> = seen
        .records
        .iter()
        .map(|(number, record)| {
            let mut told = told(record);
            told["seq"] = json!(number);
            told
        })
        .collect();
    Ok(json!({"data": data, "next": seen.next, "missed": seen.missed}))
}

fn filter(filter: Option<Value>) -> Result<Filter, Refusal> {
    Filter::parse(&members(filter)).map_err(|error| Refusal::from(error).at("filter"))
}

fn told(record: &Record) -> Value {
    serde_json::to_value(record).unwrap_or_default()
}

/// A body as text, or in base64 where it is none.
fn body(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!({"text": text}),
        Err(_) => json!({"base64": STANDARD.encode(bytes)}),
    }
}
