//! Texts at and over the bounds: a mistake, never an overflow of the stack.

use tollway_expression::{Condition, LONGEST, Phase, Reason};

use super::moment::{Moment, Owned};

fn mistake(text: &str) -> String {
    Condition::compile(text, Phase::Route).expect_err("too much").message
}

/// `count` times `open`, then `middle`, then as often `close`.
fn nested(open: &str, middle: &str, close: &str, count: usize) -> String {
    format!("{}{middle}{}", open.repeat(count), close.repeat(count))
}

#[test]
fn nesting_is_bounded() {
    let shapes =
        [("(", "true", ")"), ("tags.exists(t, ", "true", ")"), ("!(", "stream", ")"), ("[", "1", "]"), ("f(", "", "")];
    for (open, middle, close) in shapes {
        for count in [60, 600, 4000] {
            let text: String = nested(open, middle, close, count).chars().take(LONGEST).collect();
            assert_eq!(mistake(&text), "the expression is nested too deeply", "{open} {count}");
        }
    }
    for (open, middle, close) in [("(", "true", ")"), ("tags.exists(t, ", "true", ")"), ("!(", "stream", ")")] {
        Condition::compile(&nested(open, middle, close, 48), Phase::Route).expect("48 deep");
    }
}

#[test]
fn chains_are_bounded() {
    for (first, link) in
        [("1", "+1"), ("metadata", ".a"), ("tags", "[0]"), ("1", "<1"), ("1", " in [1]"), ("true?1:", "true?1:")]
    {
        for count in [120, 1200, 3000] {
            let text: String = format!("{first}{}", link.repeat(count)).chars().take(LONGEST).collect();
            assert!(Condition::compile(&text, Phase::Route).is_err(), "{first}{link} {count}");
        }
    }
}

#[test]
fn quotes_do_not_hide_depth() {
    let deep = "(".repeat(4000);
    for before in [r"r'\' == ", r"'\'' == ", "'''''' == ", r#"'"' == "#, "'a' // '\n == ", "''' ' ''' == "] {
        assert_eq!(mistake(&format!("{before}{deep}")), "the expression is nested too deeply", "{before}");
    }
}

#[test]
fn many_alternatives_are_no_depth() {
    let text = vec!["model == 'a'"; 600].join(" || ");
    let condition = Condition::compile(&text, Phase::Route).expect("wide, not deep");
    let moment = Moment::drawn(1).with("model", Owned::Text("b".into()));
    assert_eq!(condition.holds(&moment), Ok(false));
}

#[test]
fn length_is_bounded_in_characters() {
    let text = |count: usize| format!("model == '{}'", "ä".repeat(count));
    let longest = LONGEST - text(0).len();
    assert!(Condition::compile(&text(longest), Phase::Route).is_ok());
    let mistake = Condition::compile(&text(longest + 1), Phase::Route).expect_err("one more");
    assert_eq!(mistake.at, text(longest + 1).len() - 1);
}

#[test]
fn steps_are_bounded() {
    let text = "tags.all(a, tags.all(b, tags.all(c, a + b + c != ''))) || true";
    let condition = Condition::compile(text, Phase::Route).expect("a condition");
    let tags = |count| Moment::drawn(1).with("tags", Owned::Texts(vec!["a".into(); count]));
    assert_eq!(condition.holds(&tags(5)), Ok(true));
    // What ran out of steps is not settled by another side.
    assert_eq!(condition.holds(&tags(500)).expect_err("too many").reason, Reason::Steps);
}

#[test]
fn a_pattern_is_bounded() {
    assert!(mistake("model.matches('a{9999}{9999}')").starts_with("the pattern is no regular expression"));
}
