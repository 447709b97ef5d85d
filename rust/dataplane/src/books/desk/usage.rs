//! Usage: what the roll-ups say.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use tollway_store::{Dimension, Per, Usage};

use super::{Call, Desk, Refusal, given};

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    by: Vec<String>,
    per: Option<String>,
    from_us: i64,
    to_us: i64,
    #[serde(default)]
    filter: BTreeMap<String, String>,
    limit: Option<usize>,
    after: Option<String>,
}

pub(super) fn answer(desk: &mut Desk<'_>, call: &Call) -> Result<Value, Refusal> {
    let asked: Asked = given(call)?;
    let per = match asked.per.as_deref() {
        None => None,
        Some("hour") => Some(Per::Hour),
        Some("day") => Some(Per::Day),
        Some("month") => Some(Per::Month),
        Some(_) => return Err(Refusal::new("invalid", "`per` is hour, day or month").at("per")),
    };
    let dimension = |name: &str, param: &str| Dimension::parse(name).map_err(|error| Refusal::from(error).at(param));
    let filter = asked.filter.into_iter().map(|(name, value)| Ok((dimension(&name, "filter")?, value)));
    let usage = Usage {
        by: asked.by.iter().map(|name| dimension(name, "by")).collect::<Result<_, Refusal>>()?,
        per,
        from_us: asked.from_us,
        to_us: asked.to_us,
        filter: filter.collect::<Result<_, Refusal>>()?,
        limit: asked.limit.unwrap_or(1_000),
        after: asked.after,
    };
    let (lines, next) = desk.ask(|store| store.usage(&usage))?;
    Ok(json!({"data": lines.iter().map(tollway_store::usage::Line::json).collect::<Vec<_>>(), "next": next}))
}
