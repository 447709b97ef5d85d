//! Jobs, as an operator sees them: how they are, without what was asked and answered.

use serde::Deserialize;
use serde_json::{Value, json};
use tollway_store::Job;
use tollway_store::jobs::State;

use super::{Call, Desk, MOST, PAGE, Refusal, given, no_such_call};

#[derive(Deserialize)]
struct Listed {
    limit: Option<usize>,
    after: Option<String>,
    key: Option<String>,
    state: Option<String>,
}

#[derive(Deserialize)]
struct One {
    id: String,
}

pub(super) fn answer(desk: &mut Desk<'_>, what: &str, call: &Call) -> Result<Value, Refusal> {
    match what {
        "list" => list(desk, &given(call)?),
        "show" => {
            let One { id } = given(call)?;
            Ok(told(&desk.ask(|store| store.job(&id, None))?.job))
        }
        _ => Err(no_such_call()),
    }
}

fn list(desk: &mut Desk<'_>, asked: &Listed) -> Result<Value, Refusal> {
    let state = match asked.state.as_deref() {
        Some(name) => Some(State::named(name).ok_or_else(|| Refusal::new("invalid", "no such state").at("state"))?),
        None => None,
    };
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, MOST);
    let page = (asked.after.as_deref(), limit + 1);
    let mut jobs = desk.ask(|store| store.jobs(asked.key.as_deref(), state, page))?;
    let more = jobs.len() > limit;
    jobs.truncate(limit);
    let next = jobs.last().filter(|_| more).map(|job| job.id.clone());
    Ok(json!({"data": jobs.iter().map(told).collect::<Vec<_>>(), "next": next}))
}

fn told(job: &Job) -> Value {
    let head: Value = serde_json::from_str(&job.head).unwrap_or_default();
    let host = job.callback.as_deref().and_then(|url| Some(url.parse::<http::Uri>().ok()?.host()?.to_owned()));
    json!({
        "id": job.id, "key": job.key, "state": job.state.name(), "endpoint": head["endpoint"], "model": head["model"],
        "request_id": head["request_id"], "attempt": job.attempt, "posts": job.posts, "status": job.status,
        "callback_host": host, "trouble": job.trouble, "created_us": job.created_us, "started_us": job.started_us,
        "ended_us": job.ended_us, "expires_us": job.expires_us,
    })
}
