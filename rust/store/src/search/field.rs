//! The fields of a record by name, for filters.

use tollway_records::{Attempt, Record, Tokens, Units};

/// What a field holds.
#[derive(Debug, PartialEq)]
pub(crate) enum Held<'r> {
    Text(Option<&'r str>),
    Texts(Vec<&'r str>),
    Number(Option<i128>),
    Numbers(Vec<i128>),
    Truth(bool),
}

type Read = fn(&Record) -> Held<'_>;

fn text(text: &Option<String>) -> Held<'_> {
    Held::Text(text.as_deref())
}

fn texts(texts: &[String]) -> Held<'_> {
    Held::Texts(texts.iter().map(String::as_str).collect())
}

fn number(number: impl Into<i128>) -> Held<'static> {
    Held::Number(Some(number.into()))
}

fn number_if(number: Option<u64>) -> Held<'static> {
    Held::Number(number.map(i128::from))
}

fn units(record: &Record, unit: fn(Units) -> Option<u64>) -> Held<'_> {
    number_if(record.units.and_then(unit))
}

fn tokens(record: &Record, bucket: fn(Tokens) -> Option<u64>) -> Held<'_> {
    number_if(record.tokens.and_then(bucket))
}

fn attempts(record: &Record, read: fn(&Attempt) -> &str) -> Held<'_> {
    Held::Texts(record.attempts.iter().map(read).collect())
}

/// Every field of a record.
const FIELDS: [(&str, Read); 71] = [
    ("id", |r| Held::Text(Some(&r.id))),
    ("accepted_us", |r| number(r.accepted_us)),
    ("endpoint", |r| Held::Text(Some(&r.endpoint))),
    ("status", |r| number(r.status)),
    ("error", |r| text(&r.error)),
    ("finish", |r| text(&r.finish)),
    ("stream", |r| Held::Truth(r.stream)),
    ("organisation", |r| text(&r.organisation)),
    ("tenant", |r| text(&r.tenant)),
    ("team", |r| text(&r.team)),
    ("project", |r| text(&r.project)),
    ("environment", |r| text(&r.environment)),
    ("key", |r| text(&r.key)),
    ("user", |r| text(&r.user)),
    ("agent", |r| text(&r.agent)),
    ("session", |r| text(&r.session)),
    ("task_type", |r| text(&r.task_type)),
    ("tags", |r| texts(&r.tags)),
    ("priority", |r| text(&r.priority)),
    ("region", |r| text(&r.region)),
    ("route", |r| text(&r.route)),
    ("decision", |r| text(&r.decision)),
    ("provider", |r| text(&r.provider)),
    ("model", |r| text(&r.model)),
    ("requested_model", |r| text(&r.requested_model)),
    ("served_model", |r| text(&r.served_model)),
    ("upstream_id", |r| text(&r.upstream_id)),
    ("attempts", |r| number(r.attempts.len() as u64)),
    ("attempts.provider", |r| attempts(r, |attempt| &attempt.provider)),
    ("attempts.model", |r| attempts(r, |attempt| &attempt.model)),
    ("attempts.class", |r| attempts(r, |attempt| &attempt.class)),
    ("attempts.status", |r| {
        Held::Numbers(r.attempts.iter().filter_map(|attempt| attempt.status).map(i128::from).collect())
    }),
    ("admitted_us", |r| number_if(r.admitted_us)),
    ("sent_us", |r| number_if(r.sent_us)),
    ("first_token_us", |r| number_if(r.first_token_us)),
    ("total_us", |r| number(r.total_us)),
    ("overhead_us", |r| number(r.overhead_us)),
    ("connect_us", |r| number_if(r.connect_us)),
    ("upstream_us", |r| number(r.upstream_us)),
    ("tokens.input", |r| tokens(r, |tokens| tokens.input)),
    ("tokens.cache_read", |r| tokens(r, |tokens| tokens.cache_read)),
    ("tokens.cache_write", |r| tokens(r, |tokens| tokens.cache_write)),
    ("tokens.output", |r| tokens(r, |tokens| tokens.output)),
    ("tokens.reasoning", |r| tokens(r, |tokens| tokens.reasoning)),
    ("tokens.audio_input", |r| tokens(r, |tokens| tokens.audio_input)),
    ("tokens.audio_output", |r| tokens(r, |tokens| tokens.audio_output)),
    ("tokens.image_input", |r| tokens(r, |tokens| tokens.image_input)),
    ("tokens.image_output", |r| tokens(r, |tokens| tokens.image_output)),
    ("tokens.video_input", |r| tokens(r, |tokens| tokens.video_input)),
    ("tokens.video_output", |r| tokens(r, |tokens| tokens.video_output)),
    ("tokens.document_input", |r| tokens(r, |tokens| tokens.document_input)),
    ("units.images", |r| units(r, |units| units.images)),
    ("units.audio_input_ms", |r| units(r, |units| units.audio_input_ms)),
    ("units.characters", |r| units(r, |units| units.characters)),
    ("units.search_units", |r| units(r, |units| units.search_units)),
    ("units.web_searches", |r| units(r, |units| units.web_searches)),
    ("estimated", |r| Held::Truth(r.estimated)),
    ("cost_nano", |r| Held::Number(r.cost_nano.map(i128::from))),
    ("price_version", |r| text(&r.price_version)),
    ("service_tier", |r| text(&r.service_tier)),
    ("cache", |r| Held::Text(Some(&r.cache))),
    ("flags", |r| texts(&r.flags)),
    ("trace_id", |r| text(&r.trace_id)),
    ("span_id", |r| text(&r.span_id)),
    ("parent_span_id", |r| text(&r.parent_span_id)),
    ("trace_flags", |r| number_if(r.trace_flags.map(u64::from))),
    ("request_bytes", |r| number(r.request_bytes)),
    ("response_bytes", |r| number(r.response_bytes)),
    ("payload", |r| Held::Truth(r.payload)),
    ("attempts.at_us", |r| Held::Numbers(r.attempts.iter().map(|attempt| i128::from(attempt.at_us)).collect())),
    ("attempts.took_us", |r| Held::Numbers(r.attempts.iter().map(|attempt| i128::from(attempt.took_us)).collect())),
];

/// The names of the fields that a filter may name.
pub fn names() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|(name, _)| *name)
}

/// How the field of that name is read.
pub(crate) fn find(name: &str) -> Option<Read> {
    FIELDS.iter().find(|(known, _)| *known == name).map(|(_, read)| *read)
}
