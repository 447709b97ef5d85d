//! What a chat document says that has no place of its own in the canonical form stays with it, as its `rest`. Where the
//! document had a choice of forms, a member of null in the rest marks which it was: nulls are losses for nobody.

use std::borrow::Cow;

use crate::canonical::{Losses, Rest};
use crate::dialect::Dialect;
use crate::json::{Json, Members};

/// This dialect.
pub(super) const CHAT: Dialect = Dialect::Chat;

/// What this dialect said; told apart from what another did, also where there is nothing.
pub(super) const fn own(members: Members<'_>) -> Rest<'_> {
    Rest { origin: Some(CHAT), members }
}

/// Whether this dialect said it.
pub(super) fn is_own(rest: &Rest<'_>) -> bool {
    rest.origin == Some(CHAT)
}

/// Marks that the document had the form `name`.
pub(super) fn mark(members: &mut Members<'_>, name: &'static str) {
    members.push(name, Json::Null);
}

/// Whether the document had the form `name`.
pub(super) fn marked(rest: &Rest<'_>, name: &str) -> bool {
    rest.of(CHAT).is_some_and(|members| marked_in(members, name))
}

/// The same, of members.
pub(super) fn marked_in(members: &Members<'_>, name: &str) -> bool {
    members.0.iter().any(|(known, value)| known == name && *value == Json::Null)
}

/// `members` with all that `rest` holds of this dialect, marks excepted.
pub(super) fn with_rest<'a>(members: Members<'a>, rest: &Rest<'a>) -> Members<'a> {
    match rest.of(CHAT) {
        Some(more) => with_more(members, more),
        None => members,
    }
}

/// `members` with all of `more` but its nulls; objects of both are made one.
pub(super) fn with_more<'a>(mut members: Members<'a>, more: &Members<'a>) -> Members<'a> {
    for (name, value) in more.0.iter().filter(|(_, value)| *value != Json::Null) {
        match (members.0.iter_mut().find(|(known, _)| known == name), value) {
            (None, _) => members.0.push((name.clone(), value.clone())),
            (Some((_, Json::Object(held))), Json::Object(more)) => {
                *held = with_more(std::mem::take(held), more);
            }
            (Some(_), _) => {}
        }
    }
    members
}

/// What another dialect said in `rest` and is lost here, each as `prefix` and its name.
pub(super) fn note_foreign(rest: &Rest<'_>, prefix: &str, harmless: &[&str], losses: &mut Losses) {
    for name in rest.foreign_to(CHAT).filter(|name| !harmless.contains(name)) {
        losses.note(&Cow::Owned::<str>(format!("{prefix}{name}")));
    }
}
