//! Payment card numbers (ISO/IEC 7812-1).
//!
//! # What matches
//! 13 to 19 digits, written together or in groups with one space or hyphen between them (also the typographic ones:
//! no-break and thin spaces, non-breaking hyphens, dashes), whose check digit is right (Luhn) and whose first digits and length
//! belong to a network: Visa (4: 13, 16, 19), Mastercard (51-55, 2221-2720: 16), American Express (34, 37: 15), Discover (6011,
//! 644-649, 65: 16-19), Diners Club (300-305, 3095, 36, 38, 39: 14-19), JCB (3528-3589: 16-19), UnionPay (62, 81: 16-19), Mir
//! (2200-2204: 16-19), Troy (9792: 16), Maestro, RuPay and others (50, 56-58, 60, 61, 63, 66-69: 13-19).
//!
//! A number begins and ends with a whole group, so it is never found inside a longer run of digits; other groups may stand
//! beside it (`4111 1111 1111 1111 123`). The longest that fits is taken. Where groups have one or two digits (`4 1 1 1 …`),
//! no other group may stand beside them.
//!
//! # What does not
//! Numbers that touch a letter or another digit, have a decimal point before or after them, or are part of a UUID;
//! numbers whose check digit is wrong; other separators than those above.

use super::entities::Text;
use super::number::{self, Chain, Group, MAX_DIGITS, Separator};

const MIN_DIGITS: usize = 13;
/// Groups shorter than this are as likely a list of numbers.
const SHORT_GROUP: usize = 3;

/// The end of the card number that `chain` begins with.
pub(super) fn find(text: &Text<'_>, chain: &Chain) -> Option<usize> {
    if chain.plus || number::joined_before(text, chain.start) == Separator::Dot {
        return None;
    }
    let mut digits = Digits::default();
    let mut found = None;
    for (index, group) in chain.groups().iter().enumerate() {
        let divided = matches!(group.separator, Separator::Space | Separator::Hyphen);
        if group.opened || group.closed || (index > 0 && !divided) {
            break;
        }
        digits.extend(text, group);
        if digits.is_card() && ends_well(text, chain, index) {
            found = Some(group.end);
        }
    }
    found
}

fn ends_well(text: &Text<'_>, chain: &Chain, last: usize) -> bool {
    let groups = &chain.groups()[..=last];
    let end = groups[last].end;
    if !number::clear_after(text, end) || number::goes_on(text, end, &['.']) {
        return false;
    }
    let short = groups[..last].iter().any(|group| group.digits < SHORT_GROUP);
    !short || (number::joined_before(text, chain.start) == Separator::None && !number::followed(text, end))
}

#[derive(Default)]
struct Digits {
    digits: [u8; MAX_DIGITS],
    count: usize,
}

impl Digits {
    fn extend(&mut self, text: &Text<'_>, group: &Group) {
        let bytes = text.bytes().get(group.start..group.start + group.digits).unwrap_or_default();
        for (slot, byte) in self.digits[self.count..].iter_mut().zip(bytes) {
            *slot = byte - b'0';
            self.count += 1;
        }
    }

    fn is_card(&self) -> bool {
        self.count >= MIN_DIGITS && self.has_network() && self.has_check_digit()
    }

    /// Luhn's check: ISO/IEC 7812-1 annex B.
    fn has_check_digit(&self) -> bool {
        let sum: u32 = self.digits[..self.count].iter().rev().zip([false, true].into_iter().cycle()).fold(
            0,
            |sum, (digit, double)| {
                let value = u32::from(*digit) << u32::from(double);
                sum + if value > 9 { value - 9 } else { value }
            },
        );
        sum.is_multiple_of(10)
    }

    fn has_network(&self) -> bool {
        let prefix = self.digits[..4].iter().fold(0u32, |prefix, digit| prefix * 10 + u32::from(*digit));
        let lengths = match prefix {
            4000..=4999 => return matches!(self.count, 13 | 16 | 19),
            2221..=2720 | 5100..=5599 | 9792 => 16..=16,
            3400..=3499 | 3700..=3799 => 15..=15,
            3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => 14..=19,
            2200..=2204 | 3528..=3589 | 6200..=6299 | 6440..=6599 | 8100..=8199 => 16..=19,
            5000..=5099 | 5600..=5899 | 6000..=6199 | 6300..=6439 | 6600..=6999 => 13..=19,
            _ => return false,
        };
        lengths.contains(&self.count)
    }
}
