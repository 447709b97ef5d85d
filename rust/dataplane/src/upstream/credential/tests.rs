#![allow(clippy::unwrap_used)]

use http::{HeaderMap, Method, Response, Uri};
use tollway_protocol::splice::Segments;
use tollway_resilience::state::Memory;

use super::*;
use crate::snapshot::Snapshot;
use crate::upstream::slot;

const SECRET: &str = "canary-secret-access-key";

fn snapshot(before: Option<&Snapshot>) -> Snapshot {
    let auth = json!({"source": "00112233445566aa", "kind": "sigv4", "region": "us-east-1", "service": "bedrock"});
    Snapshot::compile(&spec(&auth), before).unwrap()
}

/// A configuration with two providers of the same source.
fn spec(auth: &serde_json::Value) -> Vec<u8> {
    let provider = |name: &str| {
        json!({
            "name": name, "kind": "http", "dialects": ["openai"], "max_tokens": "max_tokens", "quirks": {
                "chat": {}, "other": {}, "embeddings": {}, "count": {}, "ask_usage": true,
            },
            "base_url": "http://127.0.0.1:9", "auth_header": "authorization", "auth_prefix": "Bearer ", "api_keys": [],
            "auth": auth, "headers": {}, "tags": [], "http2": "off", "connect_timeout_ms": 1, "max_connections": 1,
            "max_connection_age_ms": 1, "dns_ttl_ms": 1,
        })
    };
    json!({
        "server": {
            "secret": "s", "max_head": 1, "max_body": 1, "max_upload": 1, "max_connections": 1, "max_streams": 1, "head_timeout_ms": 1,
            "body_timeout_ms": 1, "write_timeout_ms": 1,
        },
        "providers": [provider("one"), provider("two")], "routes": [], "keys": [],
    })
    .to_string()
    .into_bytes()
}

fn give(snapshot: &Snapshot, id: &str, expires: Option<u64>) {
    let aws = json!({"access_key_id": id, "secret_access_key": SECRET, "session_token": "canary-session"});
    let given = json!({"source": "00112233445566aa", "expires": expires, "aws": aws});
    assert_eq!(slot::take(snapshot, given).unwrap()["providers"], json!(["one", "two"]));
}

fn credential(snapshot: &Snapshot) -> &Credential {
    snapshot.providers[0].credential(Moment(1), 0).unwrap()
}

#[test]
fn a_slot_outlives_a_reload_and_is_told_of() {
    let first = snapshot(None);
    assert_eq!(first.lacking().count(), 2);
    assert!(credential(&first).take().is_err() && first.providers[0].keys_away(Moment(1)) == Some(NEVER));
    give(&first, "AKIDFIRST", None);
    let second = snapshot(Some(&first));
    assert!(second.lacking().next().is_none() && credential(&second).take().is_ok());
    assert!(second.providers[1].leaks_in(format!("no {SECRET}!").as_bytes()));
    let told = slot::list(&second).to_string();
    assert!(told.contains("\"valid\"") && !told.contains("canary") && !told.contains("AKID"), "{told}");
    let other = json!({"source": "00112233445566bb", "kind": "bearer", "region": null, "service": null});
    let other = Snapshot::compile(&spec(&other), Some(&second)).unwrap();
    assert!(slot::take(&other, json!({"source": "00112233445566aa", "error": "x"})).is_err());
    assert_eq!(other.lacking().count(), 2);
}

#[test]
fn what_was_refused_is_away_until_another_comes() {
    let snapshot = snapshot(None);
    give(&snapshot, "AKIDFIRST", None);
    let one = credential(&snapshot);
    let (_, number) = one.take().unwrap();
    assert!(one.refused(number, Moment(1)) && !one.refused(number, Moment(1)));
    assert_eq!(snapshot.lacking().count(), 1);
    give(&snapshot, "AKIDSECOND", None);
    assert!(snapshot.lacking().next().is_none());
    // What a send of before learns says nothing of the new one.
    one.refused(number, Moment(1));
    assert!(snapshot.lacking().next().is_none());
    give(&snapshot, "AKIDTHIRD", Some(1));
    assert_eq!(snapshot.lacking().count(), 2);
    assert!(one.take().is_err());
}

#[test]
fn signs_and_learns_the_time() {
    let snapshot = snapshot(None);
    give(&snapshot, "AKIDFIRST", None);
    let one = credential(&snapshot);
    let signed = || {
        let Ok((Taken::Signing(signing), _)) = one.take() else { return None };
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("a.example"));
        signing.sign((&Method::POST, &Uri::from_static("/model/m/converse")), &mut headers, &Segments::default());
        assert!(!format!("{headers:?}").contains("canary"));
        Some(headers["x-amz-date"].to_str().unwrap().to_owned())
    };
    let before = signed().unwrap();
    let refused = |date: std::time::SystemTime| {
        let answer = Response::builder().status(403).header("date", httpdate::fmt_http_date(date));
        one.learn_time(&answer.body(()).unwrap().into_parts().0)
    };
    let now = std::time::SystemTime::now();
    assert_eq!(refused(now), None);
    assert!(refused(now + Duration::from_secs(7200)).is_some_and(|ahead| (7190..=7200).contains(&ahead)));
    assert!(signed().unwrap() > before);
    assert_eq!(refused(now + Duration::from_secs(7200)), None);
    assert!(refused(now).is_some_and(|ahead| ahead.abs() < 10));
}

#[test]
fn what_does_not_fit_is_said() {
    let state = Memory::default();
    let auth = |kind| AuthSpec { source: "s".to_owned(), kind, region: None, service: None };
    let slots = Slots::from_iter([("s".into(), Arc::<Slot>::default())]);
    assert!(Credentials::given("p", &auth(AuthKind::Sigv4), &slots, &state).is_err());
    assert!(Credentials::given("p", &auth(AuthKind::Bearer), &Slots::default(), &state).is_err());
    assert!(Credentials::given("p", &auth(AuthKind::Bearer), &slots, &state).is_ok());
}
