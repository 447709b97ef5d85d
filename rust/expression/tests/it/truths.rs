//! What conditions mean, one by one; `agreement` holds generated ones against the library.

use std::collections::BTreeMap;

use tollway_expression::{Condition, Facts, Phase, Reason, Type, VARIABLES, Value, Variable};

use super::moment::{Moment, Owned};

fn moment() -> Moment {
    let metadata = BTreeMap::from([("level".to_owned(), "3".to_owned()), ("x y".to_owned(), String::new())]);
    Moment::drawn(1)
        .with("task_type", Owned::Text("reasoning".into()))
        .with("model", Owned::Text("größer".into()))
        .with("team", Owned::Text("research".into()))
        .with("request.bytes", Owned::Int(5000))
        .with("request.max_tokens", Owned::Int(0))
        .with("budget.remaining_ratio", Owned::Double(0.05))
        .with("deadline.left_ms", Owned::Int(i64::MAX))
        .with("upstream.open", Owned::Bool(true))
        .with("tags", Owned::Texts(vec!["eu".into(), "batch-7".into()]))
        .with("metadata", Owned::Pairs(metadata))
}

fn holds(text: &str) -> Result<bool, Reason> {
    let condition = Condition::compile(text, Phase::Route).unwrap_or_else(|mistake| panic!("{text}: {mistake:?}"));
    condition.holds(&moment()).map_err(|failed| {
        assert_eq!(&*failed.expression, text);
        failed.reason
    })
}

#[test]
fn true_ones() {
    for text in [
        "task_type == 'reasoning'",
        "budget.remaining_ratio < 0.1",
        "budget.remaining_ratio < 1",
        "upstream.open",
        "request.bytes > 4096 && request.bytes <= 5000.5",
        "request.bytes == 5000.0",
        // Exact, where a conversion to double would round to equal.
        "deadline.left_ms < 9223372036854775808.0",
        "team in ['research', 'data']",
        "!(team in ['data'])",
        "'eu' in tags && !('us' in tags)",
        "tags.exists(tag, tag.startsWith('batch-'))",
        "tags.exists_one(tag, tag == 'eu')",
        "tags.all(tag, size(tag) > 1)",
        "tags.exists(model, model == 'eu')",
        "tags.exists(a, tags.exists(b, a != b && a == 'eu'))",
        "has(metadata.level) && !has(metadata.other)",
        "int(metadata.level) >= 3",
        "metadata['x y'] == '' && 'x y' in metadata",
        "size(model) == 6",
        "model.matches('^gr.{2}er$')",
        "model + '/' + team == 'größer/research'",
        "request.max_tokens == 0 ? true : request.max_tokens > 5",
        "-request.bytes / 1000 == -5 && -7 % 3 == -1",
        ".team == 'research' // its own name\n",
    ] {
        assert_eq!(holds(text), Ok(true), "{text}");
    }
}

#[test]
fn a_key_that_is_not_there_reads_as_empty() {
    assert_eq!(holds("metadata.other == 'y'"), Ok(false));
    assert_eq!(holds("metadata.other != 'y'"), Ok(true));
    assert_eq!(holds("metadata['other'] == ''"), Ok(true));
}

#[test]
fn failures_have_reasons() {
    for (text, reason) in [
        ("deadline.left_ms + 1 > 0", Reason::Overflow),
        ("request.bytes / request.max_tokens > 1", Reason::DivisionByZero),
        ("request.bytes % 0 == 1", Reason::DivisionByZero),
        ("tags[2] == 'eu'", Reason::Index),
        ("tags[-1] == 'eu'", Reason::Index),
        ("int(metadata.other) > 1", Reason::Conversion),
        ("int(1e300) > 1", Reason::Overflow),
        ("tags[2] == 'eu' && true", Reason::Index),
        ("tags.all(tag, tags[2] == tag)", Reason::Index),
    ] {
        assert_eq!(holds(text), Err(reason), "{text}");
    }
}

#[test]
fn a_side_that_fails_does_not_keep_the_other_from_settling() {
    assert_eq!(holds("tags[2] == 'eu' || true"), Ok(true));
    assert_eq!(holds("tags[2] == 'eu' && false"), Ok(false));
    assert_eq!(holds("tags.exists(tag, tag == 'batch-7' || tags[2] == tag)"), Ok(true));
}

/// Facts that may be asked for one variable alone.
struct Only(Variable);

impl Facts for Only {
    fn get(&self, variable: Variable) -> Value<'_> {
        assert_eq!(variable, self.0, "asked for needlessly");
        Value::Text("batch")
    }
}

#[test]
fn only_what_decides_is_asked_for() {
    let asks = |text| Condition::compile(text, Phase::Route).expect("a condition").holds(&Only(Variable::Priority));
    assert_eq!(asks("priority == 'batch' || size(tags) > 3"), Ok(true));
    assert_eq!(asks("priority != 'batch' && request.input_tokens > 3"), Ok(false));
    assert_eq!(asks("priority == 'batch' ? true : stream"), Ok(true));
}

#[test]
fn facts_of_another_type_fail() {
    let condition = Condition::compile("stream", Phase::Route).expect("a condition");
    assert_eq!(condition.holds(&Only(Variable::Stream)).expect_err("a text").reason, Reason::Type);
}

#[test]
fn every_variable_has_a_name_of_its_own_and_compiles() {
    for (index, one) in VARIABLES.iter().enumerate() {
        assert_eq!(one.variable as usize, index);
        assert!(VARIABLES.iter().skip(index + 1).all(|other| other.name != one.name));
        let text = match one.kind {
            Type::Texts | Type::Pairs => format!("size({}) >= 0", one.name),
            _ => format!("{0} == {0}", one.name),
        };
        assert!(Condition::compile(&text, Phase::Route).is_ok(), "{text}");
        let known = Condition::compile(&text, Phase::TaskType).is_ok();
        assert_eq!(known, one.before_task_type, "{text}");
    }
}
