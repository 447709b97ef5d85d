//! Telephone numbers: ITU-T E.164 with `+`, and the common ways of writing national numbers.
//!
//! Groups are divided by one space, hyphen or full stop (also the typographic ones: no-break and thin spaces,
//! non-breaking hyphens, dashes), or by parentheses.
//!
//! # What matches
//! - **International**: `+`, a digit from 1 to 9, 7 to 15 digits in all, in any grouping, also with slashes and
//!   parentheses: `+14155552671`, `+49 30 1234567`, `+44 (0)20 7946 0958`, `+49.30.1234567`. With country code 1 the match ends
//!   after eleven digits; a first group of eight digits or more is the whole number.
//! - **Area code in parentheses**: 2 to 5 digits, then groups of 2 to 8, 8 to 13 digits in all: `(415) 555-2671`,
//!   `(030) 123456`, `(11) 98765-4321`. One to three digits may precede: `1 (415) 555-2671`, `8 (495) 123-45-67`. An area code
//!   that is a year (1900 to 2099) is a citation.
//! - **Trunk prefix 0**: a group of 2 to 5 digits that begins with 0, then groups of 2 to 8, also with slashes, 9 to 12 digits
//!   in all, or up to 15 behind `00`: `020 7946 0958`, `030/1234567`, `03-1234-5678`, `0044 20 7946 0958`, `06 12 34 56 78` (groups of two:
//!   exactly five).
//! - **Other groupings**, by the digits of each group: 3-3-4 and 1-3-3-4 (`415-555-2671`, `1-800-555-0199`), 3-4-4, 5-5 (first digit 6
//!   to 9), 2-4-4, 2-5-4, 3-3-2-2, 1-3-3-2-2, 2-3-2-2, 3-2-2-2, 4-3-3 (first digit 1), and only with hyphens 3-3-3 and 3-4 (first digit 2 to 9).
//!   Dots only throughout. Where spaces divide them no other group of digits may stand beside, except around a valid
//!   North American number. A grouping whose every group ends in 0 is a range of round numbers (`500-2000`), save 3-3-4 and 1-3-3-4.
//!
//! # What does not
//! Digits without a separator (`4155552671`); dates, times, IP addresses, decimals, UUIDs; three groups of three with spaces or
//! dots (`612 345 678` is a number with thousands separated); two groups of four; numbers that touch a letter or a digit, or to which a
//! hyphen or full stop joins further digits. An extension (`x12`) is left beside the placeholder.

use super::entities::Text;
use super::number::{self, Chain, Group, Separator};

/// The end of the telephone number that `chain` begins with.
pub(super) fn find(text: &Text<'_>, chain: &Chain) -> Option<usize> {
    if !chain.plus && matches!(number::joined_before(text, chain.start), Separator::Hyphen | Separator::Dot) {
        return None;
    }
    let candidate = Candidate { text, chain };
    let mut longest = None;
    for count in (1..=chain.groups().len()).rev() {
        let groups = &chain.groups()[..count];
        if !candidate.matches(groups) || !candidate.ends_well(groups) {
            continue;
        }
        if !chain.plus || !candidate.has_country_code_1() {
            return Some(groups[count - 1].end);
        }
        if total(groups) == 11 {
            return Some(groups[count - 1].end);
        }
        longest = longest.or(Some(groups[count - 1].end));
    }
    longest
}

fn total(groups: &[Group]) -> usize {
    groups.iter().map(|group| group.digits).sum()
}

/// A chain, and the text that it is in.
struct Candidate<'c, 't> {
    text: &'c Text<'t>,
    chain: &'c Chain,
}

impl Candidate<'_, '_> {
    fn matches(&self, groups: &[Group]) -> bool {
        let opened = groups.iter().filter(|group| group.opened).count();
        let closed = groups.iter().filter(|group| group.closed).count();
        if opened != closed {
            return false;
        }
        match (self.chain.plus, opened) {
            (true, _) => self.is_international(groups),
            (false, 0) => self.has_trunk_prefix(groups) || self.has_known_grouping(groups),
            (false, 1) => self.has_area_code(groups),
            _ => false,
        }
    }

    fn ends_well(&self, groups: &[Group]) -> bool {
        const JOINS: [char; 8] = ['.', ':', '/', '-', '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}'];
        let end = groups.last().map_or(0, |group| group.end);
        number::clear_after(self.text, end) && !number::goes_on(self.text, end, &JOINS)
    }

    fn is_international(&self, groups: &[Group]) -> bool {
        let dots = groups.iter().filter(|group| group.separator == Separator::Dot).count();
        // One full stop makes a decimal with a sign; several that divide every group do not.
        let dotted_well = dots == 0 || (dots >= 2 && dots == groups.len() - 1);
        (7..=15).contains(&total(groups))
            && self.first_digit(&groups[0]) != b'0'
            && dotted_well
            && (groups.len() == 1 || groups[0].digits < 8)
    }

    fn has_country_code_1(&self) -> bool {
        self.first_digit(&self.chain.groups()[0]) == b'1'
    }

    fn has_area_code(&self, groups: &[Group]) -> bool {
        let Some(area) = groups.iter().position(|group| group.opened && group.closed).filter(|index| *index <= 1)
        else {
            return false;
        };
        let (prefix, most) = if area == 1 { (groups[0].digits, 15) } else { (0, 13) };
        let rest = &groups[area + 1..];
        let divided = rest.iter().all(|group| (2..=8).contains(&group.digits) && group.separator != Separator::Slash);
        prefix <= 3
            && (2 - area..=5).contains(&groups[area].digits)
            && !self.is_year(&groups[area])
            && (1..=4).contains(&rest.len())
            && divided
            && (8..=most).contains(&total(groups))
    }

    fn has_trunk_prefix(&self, groups: &[Group]) -> bool {
        let (first, rest) = (&groups[0], &groups[1..]);
        if rest.is_empty() || self.first_digit(first) != b'0' || !(2..=5).contains(&first.digits) {
            return false;
        }
        let dots = rest.iter().filter(|group| group.separator == Separator::Dot).count();
        let most = if self.text.bytes().get(first.start + 1) == Some(&b'0') { 15 } else { 12 };
        let pairs = groups.iter().all(|group| group.digits == 2);
        let address = dots == 3 && groups.len() == 4 && groups.iter().all(|group| group.digits <= 3);
        rest.iter().all(|group| (2..=8).contains(&group.digits))
            && (dots == 0 || dots == rest.len())
            && (9..=most).contains(&total(groups))
            && (!pairs || (groups.len() == 5 && self.is_alone(groups)))
            && !address
            && number::joined_before(self.text, first.start) != Separator::Slash
            && !self.begins_with_date(groups)
    }

    fn has_known_grouping(&self, groups: &[Group]) -> bool {
        let mut digits = [0usize; 5];
        if groups.len() > digits.len() {
            return false;
        }
        for (slot, group) in digits.iter_mut().zip(groups) {
            *slot = group.digits;
        }
        let rest = &groups[1..];
        let count = |kind| rest.iter().filter(|group| group.separator == kind).count();
        let (spaces, hyphens, dots) = (count(Separator::Space), count(Separator::Hyphen), count(Separator::Dot));
        if dots != rest.len() && spaces + hyphens != rest.len() {
            return false;
        }
        let free = spaces == 0 || self.is_alone(groups);
        let first = self.first_digit(&groups[0]);
        match digits {
            [3, 3, 4, 0, 0] => free || self.is_north_american(groups),
            [1, 3, 3, 4, 0] => first != b'0' && (free || self.is_north_american(rest)),
            [3, 4, 4, 0, 0]
            | [2, 4 | 5, 4, 0, 0]
            | [3, 3, 2, 2, 0]
            | [1, 3, 3, 2, 2]
            | [2, 3, 2, 2, 0]
            | [3, 2, 2, 2, 0] => free && !self.is_round(groups),
            [5, 5, 0, 0, 0] => first >= b'6' && free && !self.is_round(groups),
            [4, 3, 3, 0, 0] => first == b'1' && free && !self.is_round(groups),
            [3, 3, 3, 0, 0] => hyphens == 2 && !self.is_round(groups),
            [3, 4, 0, 0, 0] => hyphens == 1 && first >= b'2' && !self.is_round(groups),
            _ => false,
        }
    }

    /// NANP: area code and exchange begin with 2 to 9.
    fn is_north_american(&self, groups: &[Group]) -> bool {
        groups.iter().take(2).all(|group| self.first_digit(group) >= b'2')
    }

    fn is_round(&self, groups: &[Group]) -> bool {
        groups.iter().all(|group| self.text.bytes().get(group.start + group.digits - 1) == Some(&b'0'))
    }

    fn is_alone(&self, groups: &[Group]) -> bool {
        let end = groups.last().map_or(0, |group| group.end);
        number::joined_before(self.text, self.chain.start) == Separator::None && !number::followed(self.text, end)
    }

    fn is_year(&self, group: &Group) -> bool {
        let century = self.text.bytes().get(group.start..group.start + 2);
        group.digits == 4 && matches!(century, Some(b"19" | b"20"))
    }

    /// Day, month and year, in the orders that begin with two digits.
    fn begins_with_date(&self, groups: &[Group]) -> bool {
        matches!(groups, [day, month, year, ..] if day.digits == 2 && month.digits == 2 && self.is_year(year))
    }

    fn first_digit(&self, group: &Group) -> u8 {
        self.text.bytes().get(group.start).copied().unwrap_or_default()
    }
}
