//! The fuzz targets' checks on inputs grown from seeds by random edits, so that they run with every test too.

use proptest::prelude::*;

use super::invariants;
use super::seeds::{ASIDE, BODIES, CHUNKS, DIALECTS, FORMS, FRAMES, STREAMS};

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
        invariants::form(&[b"\x07", &bytes[..]].concat());
        invariants::document(&bytes);
    }

    #[test]
    fn dialects(pair in any::<u8>(), bytes in inputs(&DIALECTS)) {
        invariants::dialects(&[&[pair][..], &bytes].concat());
    }

    #[test]
    fn trees(bytes in inputs(&DIALECTS)) {
        invariants::tree(&bytes);
        invariants::array(&[b"[", &bytes[..], b"]"].concat());
    }

    #[test]
    fn errors(bytes in inputs(&CHUNKS)) {
        invariants::errors(&bytes);
    }

    #[test]
    fn aside(bytes in inputs(&ASIDE)) {
        invariants::aside(&bytes);
    }

    #[test]
    fn forms(bytes in inputs(&FORMS)) {
        invariants::form(&bytes);
    }

    #[test]
    fn streams(bytes in inputs(&STREAMS)) {
        invariants::stream(&bytes);
    }

    #[test]
    fn frames(bytes in inputs(&FRAMES)) {
        invariants::frames(&bytes);
    }

    #[test]
    fn chunks(bytes in inputs(&CHUNKS)) {
        invariants::chunk(&bytes);
        invariants::document(&bytes);
    }
}
