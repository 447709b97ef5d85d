//! SigV4 against AWS's published vectors, and against botocore: `botocore.json` is what its `SigV4Auth` signs, written by
//! `tests/clouds/test_sigv4.py`.

use proptest::prelude::*;
use serde::Deserialize;
use tollway_protocol::sigv4::{Scope, Signed, SigningKey, Stamp, digest};

/// The credentials of AWS's Signature Version 4 test suite.
const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2015-08-30 12:36:00, of the same.
const AT: u64 = 1_440_938_160;

#[derive(Deserialize)]
struct Case {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
    access_key_id: String,
    secret_access_key: String,
    region: String,
    service: String,
    unix: u64,
    authorization: String,
}

#[test]
fn signs_as_botocore_does() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("botocore.json")).unwrap();
    assert!(cases.len() >= 20);
    for case in cases {
        let stamp = Stamp::of(case.unix);
        let scope = Scope { region: &case.region, service: &case.service };
        let headers: Vec<_> = case.headers.iter().rev().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert!(headers.contains(&("x-amz-date", stamp.as_str())));
        let body = digest(&case.body.as_bytes().chunks(7).collect::<Vec<_>>());
        let (method, path, query) = (&*case.method, &*case.path, &*case.query);
        let request = Signed { method, path, query, headers: &headers, body: &body };
        let key = SigningKey::derive(&case.secret_access_key, &stamp, scope);
        assert_eq!(key.authorize(&case.access_key_id, &stamp, &request), case.authorization, "{path} {query}");
    }
}

/// Of the published suite (`aws-sig-v4-test-suite`), what is in its `.authz` files.
#[test]
fn signs_the_published_vectors() {
    let form = ("content-type", "application/x-www-form-urlencoded");
    let (get, trim) = (&[][..], &[("my-header1", "value1"), ("my-header2", "\"a   b   c\"")][..]);
    let vectors = [
        ("GET", "", get, "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "", &[], "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "GET",
            "Param2=value2&Param1=value1",
            get,
            "",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        ("GET", "", trim, "", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"),
        ("POST", "", &[form], "Param1=value1", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
    ];
    let stamp = Stamp::of(AT);
    let key = SigningKey::derive(SECRET, &stamp, Scope { region: "us-east-1", service: "service" });
    for (method, query, more, body, signature) in vectors {
        let mut headers = vec![("host", "example.amazonaws.com"), ("x-amz-date", stamp.as_str())];
        headers.extend(more);
        let request = Signed { method, path: "/", query, headers: &headers, body: &digest(&[body]) };
        let value = key.authorize(ID, &stamp, &request);
        assert!(value.ends_with(&format!("Signature={signature}")), "{method} {query} {more:?}: {value}");
    }
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>, its example of a request to IAM.
#[test]
fn signs_the_documented_example() {
    let stamp = Stamp::of(AT);
    let key = SigningKey::derive(SECRET, &stamp, Scope { region: "us-east-1", service: "iam" });
    let headers = [
        ("host", "iam.amazonaws.com"),
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("x-amz-date", "20150830T123600Z"),
    ];
    let (query, body) = ("Action=ListUsers&Version=2010-05-08", &digest(&[""]));
    let value = key.authorize(ID, &stamp, &Signed { method: "GET", path: "/", query, headers: &headers, body });
    assert_eq!(
        value,
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date, \
         Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    );
}

#[test]
fn a_key_signs_for_its_day_and_never_shows_itself() {
    let key = SigningKey::derive(SECRET, &Stamp::of(AT), Scope { region: "us-east-1", service: "bedrock" });
    assert!(key.is_of(&Stamp::of(AT + 11 * 3600)) && !key.is_of(&Stamp::of(AT + 12 * 3600)));
    assert_eq!(format!("{key:?}"), "SigningKey(20150830/us-east-1/bedrock/aws4_request)");
}

#[test]
fn moments_are_written_as_aws_writes_them() {
    for (unix, stamp) in [
        (0, "19700101T000000Z"),
        (951_782_399, "20000228T235959Z"),
        (951_782_400, "20000229T000000Z"),
        (1_709_251_199, "20240229T235959Z"),
        (4_107_542_400, "21000301T000000Z"),
    ] {
        assert_eq!(Stamp::of(unix).as_str(), stamp);
    }
}

proptest! {
    /// Whatever is signed: in any order of its headers the same, and another where the body is.
    #[test]
    fn any_request_is_signed(path in "[/.%a-dü~ ]{0,30}", query in "[a-c=&%]{0,20}", value in "\\PC{0,20}", body: Vec<u8>) {
        let stamp = Stamp::of(AT);
        let key = SigningKey::derive(SECRET, &stamp, Scope { region: "r", service: "s" });
        let signed = |headers: &[(&str, &str)], body: &[u8]| {
            let body = &digest(&[body]);
            key.authorize(ID, &stamp, &Signed { method: "POST", path: &path, query: &query, headers, body })
        };
        let headers = [("host", "h"), ("x-amz-date", stamp.as_str()), ("x-amz-meta", &*value)];
        let reversed: Vec<_> = headers.into_iter().rev().collect();
        let value = signed(&headers, &body);
        prop_assert!(value.is_ascii() && value == signed(&reversed, &body));
        prop_assert_ne!(value, signed(&headers, &[&body[..], b"."].concat()));
    }
}
