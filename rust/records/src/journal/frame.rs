//! How entries and segment headers look in bytes: written, and read back without trusting them.

use crc32fast::Hasher;

/// Bytes before an entry's content.
pub(super) const HEAD: usize = 12;
/// Bytes before a segment's first entry.
pub(super) const HEADER: u64 = 40;
/// The longest content that is believed when it is read: of a longer one the length itself is damaged.
const LONGEST: usize = 16 << 20;
const MAGIC: [u8; 8] = *b"tollwayJ";
const VERSION: u32 = 1;

/// What an entry is. The number is its byte on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// The record of a request.
    Request = 1,
    /// An entry for the audit log.
    Audit = 2,
    /// What was asked and answered, of a request that was sampled.
    Payload = 3,
}

/// What a segment holds: each class is read, shipped and dropped without the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    /// Requests and audit entries: `.seg`.
    Records = 0,
    /// Payloads: `.payload`.
    Payloads = 1,
}

impl Kind {
    pub(super) fn of(byte: u8) -> Option<Self> {
        [Self::Request, Self::Audit, Self::Payload].into_iter().find(|kind| *kind as u8 == byte)
    }

    pub(super) fn class(self) -> Class {
        if self == Self::Payload { Class::Payloads } else { Class::Records }
    }

    /// The longest content of such an entry, in bytes.
    pub fn max_bytes(self) -> usize {
        if self == Self::Payload { LONGEST } else { 1 << 20 }
    }
}

/// What every checksum of a lane starts from. Nobody outside knows a lane's id, so bytes that a caller sends can never
/// pass for an entry when a damaged segment is searched for the next one.
pub(super) fn seed(lane: u64) -> u32 {
    crc32fast::hash(&lane.to_le_bytes())
}

/// Completes the head of `frame`, whose content stands behind `HEAD` bytes of any value.
pub(super) fn seal(frame: &mut [u8], kind: Kind, seed: u32) {
    let Some((head, content)) = frame.split_first_chunk_mut::<HEAD>() else { return };
    head[..4].copy_from_slice(&(content.len() as u32).to_le_bytes());
    head[4] = kind as u8;
    let mut hasher = Hasher::new_with_initial(seed);
    hasher.update(&head[..5]);
    head[5..8].copy_from_slice(&hasher.clone().finalize().to_le_bytes()[..3]);
    hasher.update(content);
    head[8..].copy_from_slice(&hasher.finalize().to_le_bytes());
}

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// An entry: its kind, the length of its content.
    Entry(u8, usize),
    /// The beginning of an entry that takes so many bytes, or of a head.
    Short(usize),
    /// No entry.
    Bad,
}

pub(super) fn parse(bytes: &[u8], seed: u32) -> Parsed {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() else { return Parsed::Short(HEAD) };
    let Some((length, mut hasher)) = parse_head(head, seed) else { return Parsed::Bad };
    let Some(content) = rest.get(..length) else { return Parsed::Short(HEAD + length) };
    hasher.update(content);
    if head[8..] == hasher.finalize().to_le_bytes() { Parsed::Entry(head[4], length) } else { Parsed::Bad }
}

/// The length that a head gives, if its own check holds; so a damaged length is never waited for.
fn parse_head(head: &[u8; HEAD], seed: u32) -> Option<(usize, Hasher)> {
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    if length > LONGEST {
        return None;
    }
    let mut hasher = Hasher::new_with_initial(seed);
    hasher.update(&head[..5]);
    (head[5..8] == hasher.clone().finalize().to_le_bytes()[..3]).then_some((length, hasher))
}

/// The header of a segment. `created_us`, microseconds since 1970, is for people: nothing is decided by it.
pub(super) fn header(class: Class, lane: u64, number: u32, created_us: u64) -> [u8; HEADER as usize] {
    let mut header = [0; HEADER as usize];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[12..16].copy_from_slice(&number.to_le_bytes());
    header[16..24].copy_from_slice(&lane.to_le_bytes());
    header[24..32].copy_from_slice(&created_us.to_le_bytes());
    header[32] = class as u8;
    let check = crc32fast::hash(&header[..36]);
    header[36..].copy_from_slice(&check.to_le_bytes());
    header
}

/// What a segment's header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// What the file's name says too.
    Good,
    /// A version that this program does not know.
    Newer(u32),
    /// Something else.
    Bad,
}

pub(super) fn check_header(header: &[u8; HEADER as usize], class: Class, lane: u64, number: u32) -> Header {
    if header[..8] != MAGIC || header[36..] != crc32fast::hash(&header[..36]).to_le_bytes() {
        return Header::Bad;
    }
    let number_of = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    match number_of(8) {
        VERSION if header[16..24] != lane.to_le_bytes() => Header::Bad,
        VERSION if number_of(12) != number || header[32] != class as u8 => Header::Bad,
        VERSION => Header::Good,
        newer => Header::Newer(newer),
    }
}
