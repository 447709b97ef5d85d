//! Chains of digit groups, the raw material of card and telephone numbers.

use super::entities::{Text, is_letter};

/// The most digits that a chain is read for: a card number's.
pub(super) const MAX_DIGITS: usize = 19;

/// What stands between two groups of digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Separator {
    /// Nothing but a parenthesis, or the beginning of the chain.
    #[default]
    None,
    /// One space: also the no-break, figure, thin and narrow no-break space.
    Space,
    /// One hyphen: also U+2010 hyphen, U+2011 non-breaking hyphen, U+2012 figure dash, U+2013 en dash.
    Hyphen,
    /// One full stop.
    Dot,
    /// One slash.
    Slash,
}

/// One group of digits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Group {
    pub(super) start: usize,
    /// Where the group ends, with its closing parenthesis if it has one.
    pub(super) end: usize,
    pub(super) digits: usize,
    /// What stands before it.
    pub(super) separator: Separator,
    /// A parenthesis opens right before it.
    pub(super) opened: bool,
    /// A parenthesis closes right after it.
    pub(super) closed: bool,
}

/// Groups of digits that only single separators and parentheses divide, up to [`MAX_DIGITS`] digits.
pub(super) struct Chain {
    pub(super) start: usize,
    /// It begins with `+`.
    pub(super) plus: bool,
    groups: [Group; MAX_DIGITS],
    count: usize,
}

impl Chain {
    /// The chain that begins at `start`: at a digit, a `+` or a `(`.
    pub(super) fn read(text: &Text<'_>, start: usize) -> Option<Self> {
        let plus = text.at(start)? == b'+';
        let mut position = start + usize::from(plus);
        let mut group = Group { opened: text.at(position) == Some(b'('), ..Group::default() };
        position += usize::from(group.opened);
        let mut chain = Self { start, plus, groups: [Group::default(); MAX_DIGITS], count: 0 };
        let (mut total, mut inside) = (0, group.opened);
        loop {
            group.start = position;
            while group.digits <= MAX_DIGITS && text.digit_at(position) {
                group.digits += 1;
                position += 1;
            }
            total += group.digits;
            if group.digits == 0 || total > MAX_DIGITS {
                break;
            }
            group.closed = inside && text.at(position) == Some(b')');
            position += usize::from(group.closed);
            inside &= !group.closed;
            group.end = position;
            chain.groups[chain.count] = group;
            chain.count += 1;
            let Some((next, width)) = next_group(text, position, group.closed, inside) else { break };
            inside |= next.opened;
            (group, position) = (next, position + width);
        }
        (chain.count > 0).then_some(chain)
    }

    pub(super) fn groups(&self) -> &[Group] {
        &self.groups[..self.count]
    }
}

/// The group that follows, and the width of what divides it from the one that ends at `end`.
fn next_group(text: &Text<'_>, end: usize, closed: bool, inside: bool) -> Option<(Group, usize)> {
    let (separator, mut width) = text.char_at(end).map_or((Separator::None, 0), separator_of);
    let opened = !inside && text.at(end + width) == Some(b'(');
    width += usize::from(opened);
    let divided = width > 0 || closed;
    (divided && text.digit_at(end + width)).then(|| (Group { separator, opened, ..Group::default() }, width))
}

/// What `c` is as a separator, and its width.
pub(super) fn separator_of(c: char) -> (Separator, usize) {
    let kind = match c {
        ' ' | '\u{a0}' | '\u{2007}' | '\u{2009}' | '\u{202f}' => Separator::Space,
        '-' | '\u{2010}'..='\u{2013}' => Separator::Hyphen,
        '.' => Separator::Dot,
        '/' => Separator::Slash,
        _ => return (Separator::None, 0),
    };
    (kind, c.len_utf8())
}

/// Whether `position` is inside a run of digits and not at its beginning.
pub(super) fn within_digits(text: &Text<'_>, position: usize) -> bool {
    text.char_before(position).is_some_and(|c| c.is_ascii_digit())
}

/// The end of the run of digits that begins at `start`. Reaching the end of the text decides nothing and is not remembered.
pub(super) fn digits_end(text: &Text<'_>, start: usize) -> usize {
    let rest = text.bytes().get(start..).unwrap_or_default();
    start + rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Whether what ends before `start` leaves a number there by itself: no letter or digit touches it.
pub(super) fn clear_before(text: &Text<'_>, start: usize) -> bool {
    !text.char_before(start).is_some_and(|c| c.is_ascii_digit() || is_letter(c))
}

/// Whether no letter or digit touches a number that ends at `end`. An extension (`x12`) may follow.
pub(super) fn clear_after(text: &Text<'_>, end: usize) -> bool {
    match text.char_at(end) {
        Some('x' | 'X') => text.digit_at(end + 1),
        Some(c) => !(c.is_ascii_digit() || is_letter(c)),
        None => true,
    }
}

/// Whether one of `marks` and then a digit follow: the number goes on, as a decimal, a date or a time does.
pub(super) fn goes_on(text: &Text<'_>, end: usize, marks: &[char]) -> bool {
    text.char_at(end).is_some_and(|c| marks.contains(&c) && text.digit_at(end + c.len_utf8()))
}

/// The separator before `start` if a digit stands before that: `start` is within a longer chain.
pub(super) fn joined_before(text: &Text<'_>, start: usize) -> Separator {
    let Some((separator, width)) = text.char_before(start).map(separator_of) else { return Separator::None };
    if width > 0 && within_digits(text, start - width) { separator } else { Separator::None }
}

/// Whether another group of digits follows `end` behind a single separator.
pub(super) fn followed(text: &Text<'_>, end: usize) -> bool {
    let (separator, width) = text.char_at(end).map_or((Separator::None, 0), separator_of);
    separator != Separator::None && text.digit_at(end + width)
}

/// Whether the group at `start` is one of a UUID's (RFC 9562 §4: groups of 8, 4, 4, 4 and 12 hexadecimal digits).
pub(super) fn within_uuid(text: &Text<'_>, start: usize) -> bool {
    const GROUPS: [usize; 5] = [0, 9, 14, 19, 24];
    GROUPS.into_iter().filter_map(|offset| start.checked_sub(offset)).any(|base| {
        (0..36).all(|index| match (text.at(base + index), index) {
            (Some(byte), 8 | 13 | 18 | 23) => byte == b'-',
            (Some(byte), _) => byte.is_ascii_hexdigit(),
            (None, _) => false,
        })
    })
}
