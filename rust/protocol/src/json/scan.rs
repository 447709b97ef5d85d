//! Finds where the plain text of a string stops.
//!
//! Two widths: eight bytes in one register, which finds the exact place and serves short or escape-dense strings, and
//! blocks of 64, written so that the compiler turns them into vector compares, for long plain runs.

const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
const QUOTES: u64 = u64::from_ne_bytes([b'"'; 8]);
const BACKSLASHES: u64 = u64::from_ne_bytes([b'\\'; 8]);
const SPACES: u64 = u64::from_ne_bytes([b' '; 8]);
const BLOCK: usize = 64;

/// The offset of the next `"`, `\` or control character at or after `from`, or the end. With `ASCII`, also stops at the
/// first byte outside ASCII.
#[inline]
pub(super) fn stop<const ASCII: bool>(body: &[u8], from: usize) -> usize {
    let mut at = from;
    // Most strings (keys, roles) and most gaps between escapes end here, before a block would pay off.
    for _ in 0..3 {
        let Some(word) = chunk(body, at) else { return stop_in_tail::<ASCII>(body, at) };
        let stops = stops_of_word::<ASCII>(word);
        if stops != 0 {
            return at + place(stops);
        }
        at += 8;
    }
    stop_far::<ASCII>(body, at)
}

/// Whether `text` holds no `"`, no `\` and no control character.
#[inline]
pub(super) fn is_plain(text: &[u8]) -> bool {
    let clean = |word: &[u8; 8]| stops_of_word::<false>(word) == 0;
    if let Some(last) = text.last_chunk::<8>() {
        // Of the last eight bytes, some may be looked at twice.
        return text.len() < 2 * BLOCK && text.as_chunks().0.iter().all(clean) && clean(last);
    }
    let mut word = [b' '; 8];
    word.iter_mut().zip(text).for_each(|(place, byte)| *place = *byte);
    clean(&word)
}

/// Marks, for each of the eight bytes at `at`, whether the text may stop there: by the byte's high bit, for
/// [`place`]. The lowest mark is exact, a higher one may be false, and no stop goes unmarked. None near the end.
#[inline(always)]
pub(super) fn marks<const ASCII: bool>(body: &[u8], at: usize) -> Option<u64> {
    chunk(body, at).map(stops_of_word::<ASCII>)
}

/// The place of the lowest mark.
#[inline(always)]
pub(super) const fn place(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

fn stop_far<const ASCII: bool>(body: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(block) = chunk::<BLOCK>(body, at) {
        if block_stops::<ASCII>(block) {
            break;
        }
        at += BLOCK;
    }
    while let Some(word) = chunk(body, at) {
        let stops = stops_of_word::<ASCII>(word);
        if stops != 0 {
            return at + place(stops);
        }
        at += 8;
    }
    stop_in_tail::<ASCII>(body, at)
}

#[inline(always)]
fn chunk<const N: usize>(body: &[u8], at: usize) -> Option<&[u8; N]> {
    body.get(at..)?.first_chunk()
}

/// A subtraction borrows from the byte above only where the byte itself is a stop: so the lowest mark is exact, while one
/// right above another may stand for a byte next in order to a stop.
#[inline(always)]
const fn stops_of_word<const ASCII: bool>(word: &[u8; 8]) -> u64 {
    let bytes = u64::from_le_bytes(*word);
    let control = bytes.wrapping_sub(SPACES);
    let quote = (bytes ^ QUOTES).wrapping_sub(ONES);
    let backslash = (bytes ^ BACKSLASHES).wrapping_sub(ONES);
    let any = control | quote | backslash;
    if ASCII { (any | bytes) & HIGHS } else { any & !bytes & HIGHS }
}

/// No early exit and no branch in the loop, or it would not be vectorised.
#[inline(always)]
fn block_stops<const ASCII: bool>(block: &[u8; BLOCK]) -> bool {
    block.iter().fold(false, |any, &byte| any | is_stop::<ASCII>(byte))
}

#[inline(always)]
const fn is_stop<const ASCII: bool>(byte: u8) -> bool {
    // As signed numbers, the bytes outside ASCII lie below the space too: one compare for both.
    let low = if ASCII { byte.cast_signed() < b' '.cast_signed() } else { byte < b' ' };
    low | (byte == b'"') | (byte == b'\\')
}

#[cold]
fn stop_in_tail<const ASCII: bool>(body: &[u8], from: usize) -> usize {
    let tail = body.get(from..).unwrap_or_default();
    tail.iter().position(|&byte| is_stop::<ASCII>(byte)).map_or(body.len(), |offset| from + offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive<const ASCII: bool>(body: &[u8], from: usize) -> usize {
        (from..body.len()).find(|&at| is_stop::<ASCII>(body[at])).unwrap_or(body.len())
    }

    /// Every byte value, and every place in a text long enough for the words, the blocks and the tail.
    #[test]
    fn finds_every_byte_at_every_place() {
        let check = |place: usize, byte: u8| {
            let mut text = vec![b'x'; 200];
            text[place] = byte;
            for from in [0, 7, 64, 131] {
                assert_eq!(stop::<true>(&text, from), naive::<true>(&text, from), "{byte:#x} at {place}");
                assert_eq!(stop::<false>(&text, from), naive::<false>(&text, from), "{byte:#x} at {place}");
            }
        };
        for place in 0..200 {
            for byte in [b'"', b'\\', 0, 0x1f, 0x80, 0xff] {
                check(place, byte);
            }
        }
        for byte in 0..=255 {
            for place in [0, 9, 23, 70, 199] {
                check(place, byte);
            }
        }
    }

    /// What follows a stop must not change where it is found.
    #[test]
    fn neighbours_do_not_disturb() {
        for left in 0..=255u8 {
            for right in 0..=255u8 {
                let text = [b'a', left, right, b'b', b'"', 0, 0xff, b'\\'];
                assert_eq!(stop::<true>(&text, 0), naive::<true>(&text, 0));
                assert_eq!(stop::<false>(&text, 0), naive::<false>(&text, 0));
            }
        }
    }
}
