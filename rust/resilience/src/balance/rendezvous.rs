//! Picks that stay: the same key goes to the same target as long as it is there.

use crate::unit;

/// The rank of `target` for `key`, to be sorted by: the lowest is the first choice, the next its replacement.
///
/// Each target's rank depends on the key and on itself alone, so removing one moves only the keys that were its own, and
/// each target is first for a share of the keys in proportion to its weight. Rendezvous hashing: D. Thaler and C.
/// Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", IEEE/ACM ToN 6 (1998); the weighted form, `-w / ln(u)`,
/// of which this is the inverse: C. Schindelhauer and G. Schomaker, "Weighted Distributed Hash Tables", SPAA 2005.
#[must_use]
pub fn rendezvous(key: u64, target: u64, weight: f64) -> f64 {
    // In (0, 1]: the logarithm of 0 would put every weight last.
    let drawn = 1.0 - unit(mix(key ^ mix(target)));
    if weight > 0.0 { -drawn.ln() / weight } else { f64::INFINITY }
}

/// A hash that is the same on every replica and in every release: FNV-1a of 64 bits, mixed.
#[must_use]
pub fn hash(bytes: &[u8]) -> u64 {
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    mix(bytes.iter().fold(0xcbf2_9ce4_8422_2325, fnv))
}

/// The finaliser of SplitMix64 (G. Steele and others, OOPSLA 2014): each bit of the result depends on each bit given.
fn mix(mut word: u64) -> u64 {
    word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}
