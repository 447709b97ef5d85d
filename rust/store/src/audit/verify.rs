//! Verifying the chain, and signing its end.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{Entry, GENESIS, SELECT, head};
use crate::error::Error;
use crate::migrate::hex;
use crate::sql::Cell;
use crate::store::Store;

/// What the log ended with at some time, signed by this installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedHead {
    /// The last entry; 0 if there was none.
    pub seq: i64,
    /// Its hash, in hexadecimal digits.
    pub hash: String,
    /// When the head was taken, in microseconds since 1970.
    pub at_us: i64,
    /// HMAC-SHA-256 over the above, in hexadecimal digits.
    pub signature: String,
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether nothing is wrong.
    pub ok: bool,
    /// How many entries were read.
    pub entries: i64,
    /// The first entry that is wrong.
    pub first_bad: Option<Bad>,
}

/// An entry that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bad {
    /// Which.
    pub seq: i64,
    /// In words.
    pub why: String,
}

impl Store {
    /// Reads the whole log and names the first entry that is not as it was written. Against a signed head it also
    /// finds that the end was cut off, or all made anew.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the head's signature is not ours; [`Error::Away`].
    pub fn audit_verify(&mut self, key: &[u8], against: Option<&SignedHead>) -> Result<Verdict, Error> {
        if let Some(against) = against {
            let signature = unhex(&against.signature).unwrap_or_default();
            if mac(key, against.seq, &against.hash, against.at_us)?.verify_slice(&signature).is_err() {
                return Err(Error::Invalid("the head was not signed by this installation".to_owned()));
            }
        }
        let sql = self.database()?.main();
        let mut check = Check::default();
        let (noted, noted_hash) = head(sql)?;
        loop {
            let from = check.last;
            let text = format!("{SELECT} WHERE seq > ?1 ORDER BY seq LIMIT 5000");
            sql.query(&text, &[Cell::Int(from)], &mut |row| {
                check.entry(&Entry::read(row)?, against);
                Ok(())
            })?;
            if check.last == from || check.bad.is_some() {
                break;
            }
        }
        let ends = [Some((noted, hex(&noted_hash))), against.map(|head| (head.seq, head.hash.clone()))];
        for (seq, hash) in ends.into_iter().flatten() {
            if seq > check.last {
                check.blame(check.last + 1, format!("entries {} to {seq} are missing at the end", check.last + 1));
            } else if seq == check.last && seq > 0 && hash != hex(&check.hash) {
                check.blame(seq, "the end of the log is another one than was noted".to_owned());
            }
        }
        Ok(Verdict { ok: check.bad.is_none(), entries: check.entries, first_bad: check.bad })
    }

    /// The log's end, signed with a key that only this installation has.
    ///
    /// # Errors
    /// [`Error::Away`].
    pub fn audit_head(&mut self, key: &[u8], at_us: i64) -> Result<SignedHead, Error> {
        let (seq, hash) = head(self.database()?.main())?;
        let hash = hex(&hash);
        let signature = sign(key, seq, &hash, at_us)?;
        Ok(SignedHead { seq, hash, at_us, signature })
    }
}

/// A walk along the chain.
struct Check {
    last: i64,
    hash: [u8; 32],
    entries: i64,
    bad: Option<Bad>,
}

impl Default for Check {
    fn default() -> Self {
        Self { last: 0, hash: GENESIS, entries: 0, bad: None }
    }
}

impl Check {
    fn entry(&mut self, entry: &Entry, against: Option<&SignedHead>) {
        self.entries += 1;
        let next = self.last + 1;
        if entry.seq != next {
            self.blame(next, format!("entries {next} to {} are missing", entry.seq - 1));
        } else if entry.computed() != entry.hash {
            self.blame(entry.seq, "it was changed: its hash is not that of its fields".to_owned());
        } else if entry.previous != self.hash {
            self.blame(entry.seq, "it does not follow the entry before it: one of the two was replaced".to_owned());
        } else if against.is_some_and(|head| head.seq == entry.seq && head.hash != hex(&entry.hash)) {
            self.blame(entry.seq, "the signed head has another entry here: the log was made anew".to_owned());
        }
        self.last = entry.seq;
        self.hash = entry.hash;
    }

    fn blame(&mut self, seq: i64, why: String) {
        self.bad = self.bad.take().or(Some(Bad { seq, why }));
    }
}

fn mac(key: &[u8], seq: i64, hash: &str, at_us: i64) -> Result<Hmac<Sha256>, Error> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|error| Error::Invalid(error.to_string()))?;
    mac.update(b"tollway audit head 1");
    mac.update(&seq.to_be_bytes());
    mac.update(&at_us.to_be_bytes());
    mac.update(hash.as_bytes());
    Ok(mac)
}

fn sign(key: &[u8], seq: i64, hash: &str, at_us: i64) -> Result<String, Error> {
    Ok(hex(&mac(key, seq, hash, at_us)?.finalize().into_bytes()))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    Some(digits?.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}
