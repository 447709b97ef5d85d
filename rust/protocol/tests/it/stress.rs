//! The fuzz targets' checks on inputs grown from seeds by random edits, so that they run with every test too.

use proptest::prelude::*;

use super::invariants;

const BODIES: [&str; 3] = [
    r#"{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"a\n\"b\" \u00e9 é"}],"n":-1.5e3}"#,
    r#"{"stream_options":{"include_usage":false,"x":[]},"stream":true,"metadata":{"a":null},"mod\u0065l":"m","user":"u"}"#,
    r#" { "stream" : null , "stream_options" : null , "a" : [ [ { } , true ] ] } "#,
];
const STREAMS: [&str; 3] = [
    "\u{9}data: {\"a\":1}\r\n\r\n: ping\r\n\r\ndata: [DONE]\r\n\r\n",
    "\u{3}\u{feff}event: x\ndata: a\ndata: b\n\n\n\ndata\n\nid: 1\n\n",
    "\u{1}data: a\r\rdata:b\r\r\ndata: c\n\r\n",
];
const CHUNKS: [&str; 4] = [
    r#"{"id":"c","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}],"usage":null}"#,
    r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":1}}}"#,
    r#"{"error":{"message":"m","type":"t","code":429}}"#,
    r#"{"object":"error","message":{"detail":[{"msg":"m"}]}}"#,
];

type Edit = (prop::sample::Index, prop::sample::Index, u8);

/// Each edit replaces, removes, inserts or doubles, at a place and with what a byte chooses.
fn edited(seed: &str, edits: &[Edit]) -> Vec<u8> {
    const LIKELY: &[u8] = b"\"\\{}[],:01.e-tfnu /\n\r\x00\x1f\x80\xc3\xff";
    let mut bytes = seed.as_bytes().to_vec();
    for (place, other, byte) in edits.iter().filter(|_| !seed.is_empty()) {
        if bytes.is_empty() {
            break;
        }
        let (at, to) = (place.index(bytes.len()), other.index(bytes.len()));
        match byte % 4 {
            0 => bytes[at] = LIKELY[to % LIKELY.len()],
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, LIKELY[to % LIKELY.len()]),
            _ => {
                let piece = bytes[at.min(to)..at.max(to)].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

fn inputs(seeds: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec(any::<Edit>(), 0..6);
    (prop::sample::select(seeds), edits).prop_map(|(seed, edits)| edited(seed, &edits))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bodies(bytes in inputs(&BODIES)) {
        invariants::body(&bytes);
        invariants::document(&bytes);
    }

    #[test]
    fn streams(bytes in inputs(&STREAMS)) {
        invariants::stream(&bytes);
    }

    #[test]
    fn chunks(bytes in inputs(&CHUNKS)) {
        invariants::chunk(&bytes);
        invariants::document(&bytes);
    }
}
