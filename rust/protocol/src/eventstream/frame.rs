//! One frame: `total length, headers length, CRC-32 of both; headers; payload; CRC-32 of all before it`, big-endian.

use std::collections::HashSet;

use bytes::Bytes;

use super::fault::Fault;

/// The two lengths and their checksum.
pub(super) const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;
/// Headers may take so much, whatever the frame may.
const MAX_HEADERS: usize = 128 * 1024;

/// The lengths that a frame begins with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prelude {
    pub(super) total: usize,
    headers: usize,
}

impl Prelude {
    /// The prelude of the frame that `bytes` begin with; None until all of it is there. A length counts only once its
    /// checksum is right.
    pub(super) fn of(bytes: &[u8], max_frame: usize) -> Result<Option<Self>, Fault> {
        let Some((lengths, check)) = bytes.get(..PRELUDE).and_then(|prelude| prelude.split_at_checked(8)) else {
            return Ok(None);
        };
        if crc32fast::hash(lengths) != number(check) {
            return Err(Fault::PreludeChecksum);
        }
        let (total, headers) = lengths.split_at(4);
        let [total, headers] = [total, headers].map(|length| number(length) as usize);
        if total > max_frame {
            return Err(Fault::TooLong(max_frame));
        }
        if headers > MAX_HEADERS || total < PRELUDE + headers + CHECKSUM {
            return Err(Fault::Lengths);
        }
        Ok(Some(Self { total, headers }))
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// A frame whose checksums are right and whose headers can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    headers: Bytes,
    /// What it carries.
    pub payload: Bytes,
}

/// A header's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'f> {
    /// `true` or `false`.
    Bool(bool),
    /// 8 bits.
    Byte(i8),
    /// 16 bits.
    Short(i16),
    /// 32 bits.
    Int(i32),
    /// 64 bits.
    Long(i64),
    /// Up to 65,535 bytes.
    Bytes(&'f [u8]),
    /// Up to 65,535 bytes of text.
    Text(&'f str),
    /// Milliseconds since 1970.
    Timestamp(i64),
    /// A UUID.
    Uuid([u8; 16]),
}

impl Frame {
    /// Checks `bytes`, a whole frame.
    pub(super) fn checked(bytes: Bytes, prelude: Prelude) -> Result<Self, Fault> {
        let end = prelude.total - CHECKSUM;
        let (body, check) = bytes.split_at_checked(end).ok_or(Fault::Lengths)?;
        if crc32fast::hash(body) != number(check) {
            return Err(Fault::Checksum);
        }
        let split = PRELUDE + prelude.headers;
        let frame = Self { headers: bytes.slice(PRELUDE..split), payload: bytes.slice(split..end) };
        frame.check_headers()?;
        Ok(frame)
    }

    /// Its headers, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        Headers(&self.headers).map_while(Result::ok)
    }

    /// The text of the header `name`.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.headers().find_map(|(known, value)| match value {
            Value::Text(text) if known == name => Some(text),
            _ => None,
        })
    }

    fn check_headers(&self) -> Result<(), Fault> {
        /// Frames have three headers; beyond, a set keeps a hostile one from costing quadratic time.
        const FEW: usize = 16;
        let mut met = HashSet::new();
        for (index, header) in Headers(&self.headers).enumerate() {
            let (name, _) = header?;
            let again = if index < FEW {
                self.headers().take(index).any(|(known, _)| known == name)
            } else {
                if index == FEW {
                    met.extend(self.headers().take(index).map(|(known, _)| known));
                }
                !met.insert(name)
            };
            if again {
                return Err(Fault::HeaderTwice);
            }
        }
        Ok(())
    }
}

/// Takes one header after another off the bytes.
struct Headers<'f>(&'f [u8]);

impl<'f> Iterator for Headers<'f> {
    type Item = Result<(&'f str, Value<'f>), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.0.is_empty()).then(|| self.header().inspect_err(|_| self.0 = &[]))
    }
}

impl<'f> Headers<'f> {
    /// `name length (1), name, type (1), value`; a value of no fixed length has its own before it (2).
    fn header(&mut self) -> Result<(&'f str, Value<'f>), Fault> {
        let [length] = self.array()?;
        let name = text(self.bytes(length.into())?)?;
        if name.is_empty() {
            return Err(Fault::Header);
        }
        let [kind] = self.array()?;
        let value = match kind {
            0 => Value::Bool(true),
            1 => Value::Bool(false),
            2 => Value::Byte(i8::from_be_bytes(self.array()?)),
            3 => Value::Short(i16::from_be_bytes(self.array()?)),
            4 => Value::Int(i32::from_be_bytes(self.array()?)),
            5 => Value::Long(i64::from_be_bytes(self.array()?)),
            6 => Value::Bytes(self.sized()?),
            7 => Value::Text(text(self.sized()?)?),
            8 => Value::Timestamp(i64::from_be_bytes(self.array()?)),
            9 => Value::Uuid(self.array()?),
            other => return Err(Fault::HeaderType(other)),
        };
        Ok((name, value))
    }

    fn sized(&mut self) -> Result<&'f [u8], Fault> {
        let length = u16::from_be_bytes(self.array()?);
        self.bytes(length.into())
    }

    fn bytes(&mut self, length: usize) -> Result<&'f [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Fault::Header)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Fault::Header)?;
        self.0 = rest;
        Ok(*taken)
    }
}

fn text(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| Fault::Header)
}
