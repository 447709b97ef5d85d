//! Signatures: a request of 2 KB to Bedrock, by the key of the day.

use bytes::Bytes;
use tollway_protocol::sigv4::{Scope, Signed, SigningKey, Stamp, digest};

use crate::payload;
use crate::step::{Step, step};

/// In seconds since 1970.
const NOW: u64 = 1_763_755_499;
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

pub(crate) fn steps() -> Vec<Step> {
    let token = "IQoJb3JpZ2luX2VjE".repeat(40);
    let key = SigningKey::derive(SECRET, &Stamp::of(NOW), Scope { region: "us-east-1", service: "bedrock" });
    vec![step("sigv4_2k", body(), move |body| signed(&key, &token, body))]
}

fn body() -> String {
    let rest = payload::chat("", false).len();
    payload::chat(payload::plain(2048).get(..2048 - rest).unwrap_or_default(), false)
}

fn signed(key: &SigningKey, token: &str, body: &Bytes) -> String {
    let stamp = Stamp::of(NOW);
    let headers = [
        ("host", "bedrock-runtime.us-east-1.amazonaws.com"),
        ("content-type", "application/json"),
        ("x-amz-date", stamp.as_str()),
        ("x-amz-security-token", token),
    ];
    let path = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream";
    let body = &digest(&[body]);
    key.authorize("AKIDEXAMPLE", &stamp, &Signed { method: "POST", path, query: "", headers: &headers, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_of_2_kb_is_signed() {
        assert_eq!(body().len(), 2048);
        let key = SigningKey::derive(SECRET, &Stamp::of(NOW), Scope { region: "us-east-1", service: "bedrock" });
        let value = signed(&key, "token", &Bytes::from(body()));
        assert!(value.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="));
    }
}
