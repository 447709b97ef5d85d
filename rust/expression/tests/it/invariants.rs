//! What must be so of every text; the fuzz target asks the same.

use std::collections::HashMap;
use std::thread::Builder;

use cel::objects::Value;
use cel::{Context, ExecutionError, Program};
use tollway_expression::{Condition, Phase};

use super::moment::{Moment, Owned};

/// `text` is a condition, which gives what the library's interpreter gives, or has a mistake, which lies within it.
/// Returns whether it is one.
pub(crate) fn agrees(text: &str, moment: &Moment) -> bool {
    let condition = match Condition::compile(text, Phase::Route) {
        Ok(condition) => condition,
        Err(mistake) => {
            assert!(text.is_char_boundary(mistake.at), "{text:?}: {mistake:?}");
            assert!(!mistake.message.is_empty());
            return false;
        }
    };
    let ours = condition.holds(moment);
    match theirs(text, moment) {
        Ok(Value::Bool(_)) if is_rounded(text, moment) => {}
        Ok(Value::Bool(theirs)) => assert_eq!(ours.as_ref().ok(), Some(&theirs), "{text:?} of {moment:?}: {ours:?}"),
        Ok(other) => panic!("{text:?} gives {other:?}"),
        // A key that is not there is "" with us, by intention. The library may tell of another error behind it, which we
        // never come to.
        Err(ExecutionError::NoSuchKey(_)) => {}
        Err(_) if text.contains("metadata") => {}
        // It has no order for what is no number (0.0 / 0.0); the standard, and we, find every comparison false.
        Err(_) if text.contains('/') && has_double(text) => {}
        Err(error) => assert!(ours.is_err(), "{text:?} of {moment:?}: {ours:?}, and the library: {error}"),
    }
    true
}

/// Whether the library may round: it makes a double of an int before it compares the two, where the standard compares the
/// numbers, as we do, and an int beyond 2^53 is no double (`double(9223372036854775807) == 9223372036854775807`).
fn is_rounded(text: &str, moment: &Moment) -> bool {
    let is_large = |value: &Owned| matches!(value, Owned::Int(number) if number.unsigned_abs() > 1 << 53);
    has_double(text) && moment.named().any(|(_, value)| is_large(value))
}

fn has_double(text: &str) -> bool {
    let is_literal = |bytes: &[u8]| matches!(bytes, [before, b'.' | b'e' | b'E', _] if before.is_ascii_digit());
    ["double(", "_rate", "_ratio"].iter().any(|sign| text.contains(sign)) || text.as_bytes().windows(3).any(is_literal)
}

/// What the library makes of it, with a stack that suffices where it is not optimised.
fn theirs(text: &str, moment: &Moment) -> Result<Value, ExecutionError> {
    let run = || Program::compile(text).expect("what we compile, the library does").execute(&context(moment));
    std::thread::scope(|scope| {
        let thread = Builder::new().stack_size(64 << 20).spawn_scoped(scope, run);
        thread.expect("a thread").join().expect("no panic")
    })
}

fn context(moment: &Moment) -> Context<'static, 'static> {
    let mut context = Context::default();
    let mut groups: HashMap<&str, HashMap<String, Value>> = HashMap::new();
    for (name, value) in moment.named() {
        let value = match value {
            Owned::Bool(truth) => Value::from(*truth),
            Owned::Int(number) => Value::from(*number),
            Owned::Double(number) => Value::from(*number),
            Owned::Text(text) => Value::from(text.as_str()),
            Owned::Texts(texts) => Value::from(texts.clone()),
            Owned::Pairs(pairs) => Value::from(pairs.clone().into_iter().collect::<HashMap<_, _>>()),
        };
        match name.split_once('.') {
            Some((group, field)) => drop(groups.entry(group).or_default().insert(field.into(), value)),
            None => context.add_variable_from_value(name, value),
        }
    }
    for (group, fields) in groups {
        context.add_variable_from_value(group, fields);
    }
    context
}
