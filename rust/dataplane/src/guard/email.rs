//! E-mail addresses: the practical subset of RFC 5321 §4.1.2.
//!
//! # What matches
//! `local@label.label`, at most 254 octets in all:
//! - *local*: up to 64 octets of ASCII letters and digits, `.` `_` `%` `+` `-` `'`, and letters of the Latin, Greek and
//!   Cyrillic scripts (RFC 6531), beginning with a letter, a digit or `_`. Of a longer run the last 64 octets count.
//! - *domain*: two or more labels of letters, digits and hyphens, of which the last begins with a letter and has two
//!   characters or more (`xn--` labels included). The longest such domain is taken; a full stop that ends a sentence is not
//!   part of it.
//!
//! Letters of other scripts are boundaries: in `邮箱joe@example.com请` the address is found.
//!
//! # What does not
//! Quoted local parts (`"j d"@example.com`), address literals (`joe@[192.0.2.1]`, `joe@192.0.2.1`), hosts without a dot
//! (`joe@localhost`), domains in scripts other than those above, and of the characters that RFC 5322 allows in a local part
//! also ``! # $ & * / = ? ^ ` { | } ~``: these end it, so that `email=joe@example.com` leaves `email=` alone.

use super::entities::{Text, is_letter};

const LOCAL_MAX: usize = 64;
const TOTAL_MAX: usize = 254;

/// The address whose at sign is at `at`, as (start, end); its local part does not reach before `floor`.
pub(super) fn find(text: &Text<'_>, floor: usize, at: usize) -> Option<(usize, usize)> {
    let mut start = local_start(text, floor, at);
    while start < at {
        let first = text.char_at(start)?;
        if begins_local(first) {
            return Some((start, domain_end(text, at + 1, start + TOTAL_MAX)?));
        }
        start += first.len_utf8();
    }
    None
}

/// Where a local part that ends at `end` would begin, at the earliest.
pub(super) fn local_start(text: &Text<'_>, floor: usize, end: usize) -> usize {
    let mut start = end;
    while start > floor {
        match text.char_before(start) {
            Some(c) if is_local(c) && end - start + c.len_utf8() <= LOCAL_MAX => start -= c.len_utf8(),
            _ => break,
        }
    }
    start
}

fn is_local(c: char) -> bool {
    begins_local(c) || matches!(c, '.' | '%' | '+' | '-' | '\'')
}

fn begins_local(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || is_letter(c)
}

/// The end of the longest domain that begins at `start` and does not reach beyond `limit`.
fn domain_end(text: &Text<'_>, start: usize, limit: usize) -> Option<usize> {
    let mut found = None;
    let mut label = start;
    loop {
        let (end, trimmed) = label_end(text, label, limit);
        if end == label {
            return found;
        }
        let top_level = label > start && trimmed >= label + 2 && text.char_at(label).is_some_and(is_letter);
        if top_level {
            found = Some(trimmed);
        }
        if end >= limit || text.at(end) != Some(b'.') {
            return found;
        }
        label = end + 1;
    }
}

/// The end of the label that begins at `start`, and the same without the hyphens at its end.
fn label_end(text: &Text<'_>, start: usize, limit: usize) -> (usize, usize) {
    let (mut end, mut trimmed) = (start, start);
    while end < limit {
        let Some(c) = text.char_at(end) else { break };
        if !(c.is_ascii_alphanumeric() || c == '-' || is_letter(c)) || end + c.len_utf8() > limit {
            break;
        }
        end += c.len_utf8();
        if c != '-' {
            trimmed = end;
        }
    }
    (end, trimmed)
}
