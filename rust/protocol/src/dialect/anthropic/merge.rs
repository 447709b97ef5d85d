//! What a dialect said beside the canonical form, put back where it stood.

use crate::json::{Fields, Json, Members};

/// Adds to `known` what `rest` holds beside it; an object that both have is merged likewise.
pub(super) fn merge<'r>(known: &mut Members<'r>, rest: Members<'r>) {
    for (name, value) in rest.0 {
        match (known.0.iter_mut().find(|(other, _)| *other == name), value) {
            (None, value) => known.0.push((name, value)),
            (Some((_, Json::Object(inner))), Json::Object(more)) => merge(inner, more),
            (Some(_), _) => {}
        }
    }
}

/// Keeps what is left of an object, if anything is, under the name that it had.
pub(super) fn keep<'a>(rest: &mut Members<'a>, name: &'static str, fields: Fields<'a, '_>) {
    let left = fields.rest();
    if !left.is_empty() {
        rest.push(name, left);
    }
}
