//! Cohere's dialects: chat of upstreams alone, embeddings, rerankings. What is said right is in `tests/wire`.

mod bad;
mod embeddings;
mod recorded;
mod rerank;

use tollway_protocol::canonical::Event;
use tollway_protocol::dialect::{Dialect, Told};
use tollway_protocol::json::Json;

const TOLD: Told<'_> = Told { id: "9", model: "told-model", created: 7, usage: true, request: None };

fn json(text: &str) -> Json<'_> {
    Json::parse(text.as_bytes()).unwrap()
}

/// What the events with this data mean, as text; an error ends it.
fn events<'e>(data: impl IntoIterator<Item = &'e str>) -> Result<Vec<String>, String> {
    let mut reader = Dialect::Cohere.reader();
    let mut told = Vec::new();
    let mut each = |event: Event<'_>| told.push(format!("{event:?}"));
    for event in data {
        reader.read(event.as_bytes(), &mut each).map_err(|invalid| invalid.message)?;
    }
    reader.end(&mut each);
    Ok(told)
}
