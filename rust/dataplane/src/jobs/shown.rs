//! A job as its caller sees it: the same where it is accepted, polled, listed and posted.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;
use tollway_store::jobs::{Job, Whole};

use super::{AnswerHead, Head};

/// Times are seconds since 1970, as OpenAI's objects have them.
#[derive(Serialize)]
struct Shown<'j> {
    id: &'j str,
    object: &'static str,
    status: &'static str,
    created_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    expires_at: Option<i64>,
    endpoint: String,
    model: String,
    request_id: String,
    attempt: i64,
    callback: Option<Callback<'j>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Answer<'j>>,
}

#[derive(Serialize)]
struct Callback<'j> {
    url: &'j str,
    attempts: i64,
    error: Option<&'j str>,
}

/// The answer as it would have been given. What is not JSON is in base64.
#[derive(Serialize)]
struct Answer<'j> {
    status: i64,
    headers: Headers,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'j RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

struct Headers(Vec<(String, String)>);

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.0.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
        map.end()
    }
}

#[derive(Serialize)]
struct List<'j> {
    object: &'static str,
    data: Vec<Shown<'j>>,
    has_more: bool,
}

/// `whole` as JSON.
pub(crate) fn job(whole: &Whole) -> Vec<u8> {
    serde_json::to_vec(&shown(&whole.job, Some(&whole.body))).unwrap_or_default()
}

/// A page of jobs, without their answers.
pub(crate) fn list(jobs: &[Whole], has_more: bool) -> Vec<u8> {
    let data = jobs.iter().map(|whole| shown(&whole.job, None)).collect();
    serde_json::to_vec(&List { object: "list", data, has_more }).unwrap_or_default()
}

fn shown<'j>(job: &'j Job, body: Option<&'j [u8]>) -> Shown<'j> {
    let seconds = |us: Option<i64>| us.map(|us| us.div_euclid(1_000_000));
    let head: Option<Head> = serde_json::from_str(&job.head).ok();
    let (endpoint, model, request_id) =
        head.map(|head| (head.endpoint, head.model, head.request_id)).unwrap_or_default();
    Shown {
        id: &job.id,
        object: "job",
        status: job.state.name(),
        created_at: job.created_us.div_euclid(1_000_000),
        started_at: seconds(job.started_us),
        ended_at: seconds(job.ended_us),
        expires_at: seconds(job.expires_us),
        endpoint,
        model,
        request_id,
        attempt: job.attempt,
        callback: job.callback.as_deref().map(|url| Callback {
            url,
            attempts: job.posts,
            error: job.trouble.as_deref(),
        }),
        result: job.status.zip(body).map(|(status, body)| answer(job, status, body)),
    }
}

fn answer<'j>(job: &Job, status: i64, body: &'j [u8]) -> Answer<'j> {
    let head: AnswerHead =
        job.answer_head.as_deref().and_then(|head| serde_json::from_str(head).ok()).unwrap_or_default();
    let json = serde_json::from_slice::<&RawValue>(body).ok();
    let body_base64 = json.is_none().then(|| STANDARD.encode(body));
    Answer { status, headers: Headers(head.headers), body: json, body_base64 }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tollway_store::jobs::State;

    use super::*;

    fn whole(status: Option<i64>, body: &[u8]) -> Value {
        let job = Job {
            id: "job_1".into(),
            key: "k".into(),
            state: State::Posting,
            created_us: 1_500_000,
            started_us: None,
            ended_us: Some(2_999_999),
            expires_us: None,
            attempt: 1,
            posts: 2,
            status,
            callback: Some("https://h/".into()),
            trouble: Some("status 503".into()),
            head: r#"{"target":"/v1/embeddings","endpoint":"embeddings","model":"m","request_id":"req_1","deadline_us":null,"headers":[]}"#.into(),
            answer_head: Some(r#"{"headers":[["x-request-id","req_2"]]}"#.into()),
        };
        serde_json::from_slice(&super::job(&Whole { job, body: body.to_vec() })).unwrap()
    }

    #[test]
    fn an_answer_is_shown_as_it_was() {
        let shown = whole(Some(200), br#"{"a": [1.10]}"#);
        assert_eq!(
            shown["result"],
            json!({"status": 200, "headers": {"x-request-id": "req_2"}, "body": {"a": [1.10]}})
        );
        assert_eq!((&shown["created_at"], &shown["ended_at"]), (&json!(1), &json!(2)));
        assert_eq!(shown["callback"], json!({"url": "https://h/", "attempts": 2, "error": "status 503"}));
        assert_eq!((&shown["model"], &shown["request_id"]), (&json!("m"), &json!("req_1")));
        assert_eq!(whole(Some(200), b"\xff\x00")["result"]["body_base64"], json!("/wA="));
        assert!(whole(None, b"").get("result").is_none());
    }
}
