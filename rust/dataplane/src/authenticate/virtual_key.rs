//! Virtual keys: kept as HMAC-SHA-256 under the server's secret, looked up by that hash.

use hmac::{Hmac, KeyInit, Mac};
use rustc_hash::FxHashMap;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// The keyed hash of a virtual key: 32 bytes.
pub type KeyHash = [u8; 32];

/// Hashes virtual keys under `server.secret` (HMAC-SHA-256, RFC 2104).
///
/// The two padded key blocks are absorbed once, so that one hash costs two or three compressions.
#[derive(Clone)]
pub struct KeyHasher {
    keyed: Hmac<Sha256>,
}

impl std::fmt::Debug for KeyHasher {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("KeyHasher")
    }
}

impl KeyHasher {
    /// A hasher under `secret`, which may be of any length.
    pub fn new(secret: &[u8]) -> Self {
        // RFC 2104 §2: a key longer than the block is hashed first; a shorter one is padded with zeros.
        let mut block = [0u8; 64];
        if secret.len() > block.len() {
            use sha2::Digest;
            block[..32].copy_from_slice(&Sha256::digest(secret));
        } else {
            block[..secret.len()].copy_from_slice(secret);
        }
        let keyed = Hmac::<Sha256>::new(&block.into());
        block.zeroize();
        Self { keyed }
    }

    /// The hash of `key`.
    pub fn hash(&self, key: &[u8]) -> KeyHash {
        let mut mac = self.keyed.clone();
        mac.update(key);
        mac.finalize().into_bytes().into()
    }
}

/// `hash` in lower-case hexadecimal, 64 characters.
pub fn to_hex(hash: &KeyHash) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    hash.iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}

/// The reverse of [`to_hex`]; `None` unless `text` is 64 hexadecimal digits.
pub(crate) fn from_hex(text: &str) -> Option<KeyHash> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut hash = KeyHash::default();
    for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        // from_str_radix would also take a sign.
        let digits =
            std::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(hash)
}

/// The key of `hash`. The table is reached by the hash, which a caller cannot steer without the server's
/// secret; whether it is the right one is then compared in constant time.
pub(crate) fn find<'k, Key>(keys: &'k FxHashMap<KeyHash, Key>, hash: &KeyHash) -> Option<&'k Key> {
    let (found, key) = keys.get_key_value(hash)?;
    bool::from(found.ct_eq(hash)).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_rfc_4231_case_2_says() {
        let hash = KeyHasher::new(b"Jefe").hash(b"what do ya want for nothing?");
        assert_eq!(to_hex(&hash), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn hashes_under_a_secret_longer_than_a_block_as_rfc_4231_case_6_says() {
        let hash = KeyHasher::new(&[0xaa; 131]).hash(b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(to_hex(&hash), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }

    #[test]
    fn hex_goes_there_and_back() {
        let hash = KeyHasher::new(b"s").hash(b"k");
        assert_eq!(from_hex(&to_hex(&hash)), Some(hash));
        assert_eq!(from_hex("zz"), None);
        assert_eq!(from_hex(&"+1".repeat(32)), None);
    }

    #[test]
    fn never_prints_its_secret() {
        assert_eq!(format!("{:?}", KeyHasher::new(b"canary")), "KeyHasher");
    }
}
