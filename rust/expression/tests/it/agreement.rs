//! Generated conditions mean what the library's own interpreter takes them to mean.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;
use tollway_expression::{Type, VARIABLES};

use super::invariants::agrees;
use super::moment::Moment;

type Text = BoxedStrategy<String>;

fn of_kind(kind: Type) -> Text {
    let names: Vec<String> = VARIABLES.iter().filter(|one| one.kind == kind).map(|one| one.name.into()).collect();
    select(names).boxed()
}

fn one_of(texts: &'static [&'static str]) -> Text {
    select(texts).prop_map(String::from).boxed()
}

fn texts(depth: u32) -> Text {
    let literal = one_of(&["''", "'a'", "\"gpt-4o\"", "'classification'", "'ä😀'", "r'x y'", "'7'", "'''b'''"]);
    let entry =
        one_of(&["metadata.a", "metadata['level']", "metadata.missing", "metadata[team]", "tags[0]", "tags[1]"]);
    let plain = prop_oneof![3 => of_kind(Type::Text), 3 => literal, 1 => entry].boxed();
    if depth == 0 {
        return plain;
    }
    let deeper = move || texts(depth - 1);
    prop_oneof![
        6 => plain,
        1 => (deeper(), deeper()).prop_map(|(left, right)| format!("{left} + {right}")),
        1 => (truths(depth - 1), deeper(), deeper()).prop_map(|(which, yes, no)| format!("({which} ? {yes} : {no})")),
        1 => ints(depth - 1).prop_map(|number| format!("string({number})")),
    ]
    .boxed()
}

fn ints(depth: u32) -> Text {
    let literal = one_of(&["0", "1", "-1", "7", "0x10", "4096", "9223372036854775807", "-9223372036854775808"]);
    let plain = prop_oneof![of_kind(Type::Int), literal].boxed();
    if depth == 0 {
        return plain;
    }
    let deeper = move || ints(depth - 1);
    prop_oneof![
        6 => plain,
        3 => (deeper(), one_of(&["+", "-", "*", "/", "%"]), deeper())
            .prop_map(|(left, sign, right)| format!("({left} {sign} {right})")),
        1 => texts(depth - 1).prop_map(|text| format!("size({text})")),
        1 => one_of(&["size(tags)", "tags.size()", "metadata.size()", "[1, 2].size()", "[3, 4][1]", "[request.bytes, 4][0]"]),
        1 => texts(depth - 1).prop_map(|text| format!("int({text})")),
        1 => doubles(depth - 1).prop_map(|number| format!("int({number})")),
        1 => deeper().prop_map(|number| format!("-({number})")),
    ]
    .boxed()
}

fn doubles(depth: u32) -> Text {
    let literal = one_of(&["0.0", "0.5", "1.0", "-1.5", "1e3", "9.3e18"]);
    let plain = prop_oneof![of_kind(Type::Double), literal].boxed();
    if depth == 0 {
        return plain;
    }
    let deeper = move || doubles(depth - 1);
    prop_oneof![
        6 => plain,
        2 => (deeper(), one_of(&["+", "-", "*", "/"]), deeper())
            .prop_map(|(left, sign, right)| format!("({left} {sign} {right})")),
        1 => ints(depth - 1).prop_map(|number| format!("double({number})")),
    ]
    .boxed()
}

fn order() -> Text {
    one_of(&["==", "!=", "<", "<=", ">", ">="])
}

fn pair(kind: fn(u32) -> Text, other: fn(u32) -> Text, depth: u32) -> Text {
    (kind(depth), order(), other(depth)).prop_map(|(left, sign, right)| format!("{left} {sign} {right}")).boxed()
}

fn simple_truths(depth: u32) -> Text {
    let list = prop::collection::vec(texts(0), 1..5).prop_map(|items| format!("[{}]", items.join(", ")));
    prop_oneof![
        1 => one_of(&["true", "false"]),
        2 => of_kind(Type::Bool),
        4 => pair(texts, texts, depth),
        4 => pair(ints, ints, depth),
        1 => pair(ints, doubles, depth),
        2 => pair(doubles, ints, depth),
        2 => pair(doubles, doubles, depth),
        1 => pair(|_| of_kind(Type::Bool), |_| one_of(&["stream", "true", "false"]), 0),
        2 => (texts(depth), list).prop_map(|(text, list)| format!("{text} in {list}")),
        1 => texts(depth).prop_map(|text| format!("{text} in tags")),
        1 => texts(depth).prop_map(|text| format!("{text} in metadata")),
        1 => ints(depth).prop_map(|number| format!("{number} in [1, 2, request.tools]")),
        1 => one_of(&["has(metadata.a)", "has(metadata.level)"]),
        2 => (texts(0), one_of(&["startsWith", "endsWith", "contains", "matches"]), one_of(&["''", "'a'", "'gpt-'", "'ini'"]))
            .prop_map(|(text, name, sought)| format!("{text}.{name}({sought})")),
        1 => texts(0).prop_map(|text| format!("matches({text}, r'^[a-z]+-\\d')")),
    ]
    .boxed()
}

fn truths(depth: u32) -> Text {
    let simple = simple_truths(depth.saturating_sub(1));
    if depth == 0 {
        return simple;
    }
    let deeper = move || truths(depth - 1);
    let ranges = || one_of(&["tags", "metadata", "['a', team]", "['gpt-', 'a']", "tags"]);
    prop_oneof![
        4 => simple,
        2 => (deeper(), deeper()).prop_map(|(left, right)| format!("({left} && {right})")),
        2 => (deeper(), deeper()).prop_map(|(left, right)| format!("({left} || {right})")),
        1 => prop::collection::vec(deeper(), 3..6).prop_map(|all| all.join(" || ")),
        1 => deeper().prop_map(|of| format!("!({of})")),
        1 => (deeper(), deeper(), deeper()).prop_map(|(which, yes, no)| format!("({which} ? {yes} : {no})")),
        2 => (ranges(), one_of(&["exists", "all", "exists_one"]), deeper())
            .prop_map(|(list, name, of)| format!("{list}.{name}(item, item != model && {of} || item == 'a')")),
        1 => (ranges(), ranges(), one_of(&["exists", "all", "exists_one"]))
            .prop_map(|(list, inner, name)| format!("{list}.{name}(o, {inner}.exists(i, i == o && tags[0] == i))")),
    ]
    .boxed()
}

proptest! {
    // The same texts each time: another difference from the library is the fuzz target's to find, which asks the same.
    #![proptest_config(ProptestConfig {
        cases: 1000, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_well_typed_compiles_and_means_the_same(text in truths(3), seed: u64) {
        prop_assert!(agrees(&text, &Moment::drawn(seed)), "{text}");
    }

    #[test]
    fn what_is_broken_has_a_mistake_within_it(text in truths(2), at: prop::sample::Index, put in ".{0,3}", seed: u64) {
        let mut broken: Vec<char> = text.chars().collect();
        let at = at.index(broken.len());
        broken.splice(at..(at + 2).min(broken.len()), put.chars());
        agrees(&String::from_iter(broken), &Moment::drawn(seed));
    }

    #[test]
    fn anything_at_all_is_survived(text in "\\PC{0,60}", seed: u64) {
        agrees(&text, &Moment::drawn(seed));
    }

    #[test]
    fn words_in_any_order_are_survived(
        words in prop::collection::vec(select(WORDS), 0..40),
        seed: u64,
    ) {
        agrees(&words.concat(), &Moment::drawn(seed));
    }
}

const WORDS: &[&str] = &[
    "(", ")", "[", "]", "{", "}", ".", ",", "?", ":", "!", "-", "+", "==", "&&", "||", " in ", "tags", "'x'", "1",
    "1.5", "true", "null", "b'x'", "1u", "`a`", "has", "metadata", ".exists", "\"", "'", "\\", "@", "#", "é", "😀",
    "r'", "'''", "0x", "1e", "/", "*", "%", "<", "<=", "=", "\n", "//", "request", ".bytes", "for", "size", "int", " ",
    "model", "_",
];
