//! AWS Signature Version 4, in the `Authorization` header: pure, of a time that is handed in.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>. As for every service but
//! S3, the path is normalised and encoded once more than it goes over the wire, and the body's digest stands in what is signed
//! alone. The tests hold it against AWS's published vectors and against botocore.

use std::fmt::Write;

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// A moment as AWS writes it: `20150830T123600Z`, of which the first eight are the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp([u8; 16]);

impl Stamp {
    /// Of a number of seconds since 1970, on the wall clock; years beyond 9999 are written as 9999.
    #[must_use]
    pub fn of(unix: u64) -> Self {
        let (days, second) = (unix / 86_400, unix % 86_400);
        let (year, month, day) = civil(days);
        let mut stamp = *b"00000000T000000Z";
        let fields = [(0, 4, year.min(9999)), (4, 2, month), (6, 2, day), (9, 2, second / 3600)];
        let fields = fields.into_iter().chain([(11, 2, second / 60 % 60), (13, 2, second % 60)]);
        for (at, width, mut number) in fields {
            for digit in stamp.iter_mut().skip(at).take(width).rev() {
                *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
                number /= 10;
            }
        }
        Self(stamp)
    }

    /// The whole: the value of `x-amz-date`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Its day.
    #[must_use]
    pub fn day(&self) -> &str {
        self.as_str().get(..8).unwrap_or_default()
    }
}

/// Year, month and day of a day since 1970 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

/// What a signature holds for: a region's service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// As `us-east-1`.
    pub region: &'a str,
    /// As `bedrock`.
    pub service: &'a str,
}

/// The key that signs for one day, region and service; worth keeping for that long.
pub struct SigningKey {
    day: [u8; 8],
    scope: String,
    key: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "SigningKey({})", self.scope)
    }
}

/// What is signed of a request: `headers` are all that the signature covers, in lower case, at least `host` and `x-amz-date`.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// As `POST`.
    pub method: &'a str,
    /// The path as it goes over the wire.
    pub path: &'a str,
    /// The query as it goes over the wire, without its question mark.
    pub query: &'a str,
    /// Names and values, each name once, in any order.
    pub headers: &'a [(&'a str, &'a str)],
    /// The SHA-256 of the body.
    pub body: &'a [u8; 32],
}

/// The SHA-256 of a body in pieces.
#[must_use]
pub fn digest(pieces: &[impl AsRef<[u8]>]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    pieces.iter().for_each(|piece| hasher.update(piece));
    hasher.finalize().into()
}

impl SigningKey {
    /// Derives the key of `secret` for the day of `stamp`.
    #[must_use]
    pub fn derive(secret: &str, stamp: &Stamp, scope: Scope<'_>) -> Self {
        let mut first = Zeroizing::new(String::with_capacity(4 + secret.len()));
        first.push_str("AWS4");
        first.push_str(secret);
        let mut key = Zeroizing::new(hmac(first.as_bytes(), stamp.day().as_bytes()));
        for part in [scope.region, scope.service, "aws4_request"] {
            *key = hmac(&*key, part.as_bytes());
        }
        let mut day = [0; 8];
        day.copy_from_slice(stamp.0.first_chunk::<8>().unwrap_or(&[0; 8]));
        let scope = format!("{}/{}/{}/aws4_request", stamp.day(), scope.region, scope.service);
        Self { day, scope, key }
    }

    /// Whether it signs on the day of `stamp`. That it is of the right secret and scope is its keeper's care.
    #[must_use]
    pub fn is_of(&self, stamp: &Stamp) -> bool {
        stamp.0.starts_with(&self.day)
    }

    /// The value of `authorization` for a request of the owner of `access_key_id`, made at `stamp`.
    #[must_use]
    pub fn authorize(&self, access_key_id: &str, stamp: &Stamp, request: &Signed<'_>) -> String {
        let mut headers = request.headers.to_vec();
        headers.sort_unstable();
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let canonical = request.canonical(&headers, &names);
        let mut told = String::with_capacity(160);
        let _ = write!(told, "{ALGORITHM}\n{}\n{}\n", stamp.as_str(), self.scope);
        push_hex(&Sha256::digest(canonical.as_bytes()), &mut told);
        let signature = hmac(&*self.key, told.as_bytes());
        let mut value = String::with_capacity(256);
        let _ =
            write!(value, "{ALGORITHM} Credential={access_key_id}/{}, SignedHeaders={names}, Signature=", self.scope);
        push_hex(&signature, &mut value);
        value
    }
}

impl Signed<'_> {
    fn canonical(&self, headers: &[(&str, &str)], names: &str) -> String {
        let mut canonical = String::with_capacity(512);
        canonical.push_str(self.method);
        canonical.push('\n');
        push_path(self.path, &mut canonical);
        canonical.push('\n');
        push_query(self.query, &mut canonical);
        canonical.push('\n');
        for (name, value) in headers {
            canonical.push_str(name);
            let mut mark = ':';
            for word in value.split_ascii_whitespace() {
                canonical.push(mark);
                canonical.push_str(word);
                mark = ' ';
            }
            if mark == ':' {
                canonical.push(mark);
            }
            canonical.push('\n');
        }
        canonical.push('\n');
        canonical.push_str(names);
        canonical.push('\n');
        push_hex(self.body, &mut canonical);
        canonical
    }
}

/// `path` without its dots and empty segments (RFC 3986 §6.2.2.3), each byte encoded that is not unreserved: so what is encoded
/// on the wire is encoded twice.
fn push_path(path: &str, out: &mut String) {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    for segment in &kept {
        out.push('/');
        for byte in segment.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                out.push(char::from(byte));
            } else {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    if kept.is_empty() || path.ends_with('/') {
        out.push('/');
    }
}

/// The pairs of `query` in order; one without a value gets an empty one.
fn push_query(query: &str, out: &mut String) {
    if query.is_empty() {
        return;
    }
    let mut pairs: Vec<_> = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    pairs.sort_unstable();
    for (index, (name, value)) in pairs.iter().enumerate() {
        let _ = write!(out, "{}{name}={value}", if index == 0 { "" } else { "&" });
    }
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length (RFC 2104 §2): there is no error to be had.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(data);
    mac.finalize().into_bytes().into()
}

fn push_hex(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from(DIGITS.get(usize::from(digit)).copied().unwrap_or(b'0')));
        }
    }
}
