//! Each kind of mistake: `^` below the place, what is said, and the hint.

use tollway_expression::{Condition, Phase};

const CASES: &[(&str, &str, &str)] = &[
    // Text, the same length with `^` at the place; message; hint.
    ("", "^the expression is empty", ""),
    ("task_type ==", "            ^the expression ends too early", ""),
    ("task_type = 'a'", "          ^a single `=` means nothing", "write `==` to compare"),
    ("stream & stream", "       ^a single `&` means nothing", "write `&&`"),
    ("stream and stream", "       ^`and` cannot stand here", "write `&&`"),
    ("not stream", "    ^`stream` cannot stand here", ""),
    ("(stream", "       ^`)` is missing here", ""),
    ("stream)", "      ^`)` cannot stand here", ""),
    ("model == 'a", "         ^the text is not closed", ""),
    ("model == 'ä' && x#", "                 ^the character '#' means nothing here", ""),
    ("1 == 99999999999999999999", "     ^an integer takes at most 64 bits", ""),
    ("has(stream)", "    ^`has` takes a field, as in `has(metadata.x)`", ""),
    (
        "'ä' == model && tags.all(1, true)",
        "                         ^the first argument must be a name of your own",
        "",
    ),
    ("tasktype == 'a'", "^there is no variable `tasktype`", "did you mean `task_type`?"),
    (
        "task_type == classification",
        "             ^there is no variable `classification`",
        "a text is written in quotes, as 'classification'",
    ),
    ("upstream.opne", "         ^`upstream` has no field `opne`", "did you mean `upstream.open`?"),
    ("time.second == 1", "     ^`time` has no field `second`", "it has `time.hour`, `time.minute`, `time.weekday`"),
    ("queue == 1", "^`queue` is no value by itself", "it has `queue.depth`"),
    ("has(request.tools)", "   ^`request.tools` is always there", "compare its value"),
    ("team.name == 'a'", "     ^a string has no fields", ""),
    (
        "request.bytes == 'x'",
        "              ^an int cannot be compared with a string",
        "write the number without quotes",
    ),
    ("stream == 'true'", "       ^a bool cannot be compared with a string", "write `true` or `false` without quotes"),
    (
        "metadata.level > 3",
        "               ^a string cannot be compared with an int",
        "write the number in quotes, or convert with `int(…)`",
    ),
    ("team == ['a']", "     ^a string cannot be compared with a list", "write `in`"),
    (
        "request.bytes * 1.5 > 2.0",
        "              ^cannot calculate with an int and a double",
        "convert the int with `double(…)`",
    ),
    ("request.bytes", "^a condition is true or false, and this is an int", "compare it with something"),
    ("stream && request.bytes", "          ^a bool is needed here, and this is an int", ""),
    ("stream ? 1 : 'a'", "       ^`? :` must give one type, not an int or a string", ""),
    (
        "'mini' in model",
        "       ^`in` takes a list or a map, and this is a string",
        "use `contains`, as in model.contains(\"mini\")",
    ),
    ("1 in tags", "  ^an int cannot be in this list or map", ""),
    ("tags.contains('a')", "^a list is asked with `in`", "as in \"a\" in tags"),
    ("team in ['a', 1]", "              ^a list of one type, but this is an int after a string", ""),
    ("team in []", "        ^the list is empty", ""),
    ("model.startswith('a')", "      ^there is no function `startswith`", "did you mean `startsWith`?"),
    ("model.size(1) == 1", "      ^`size` is not called so", "as in size(tags) or tags.size()"),
    ("size(1) == 1", "     ^an int has no size", ""),
    ("string(0.5) == ''", "^`string` does not take a double", ""),
    (
        "tags.map(t, t)",
        "        ^`map` and `filter` cannot be used in a condition",
        "there are `exists`, `all` and `exists_one`",
    ),
    ("model.matches(team)", "              ^a pattern is a literal: it is compiled once", ""),
    ("model.matches('(')", "              ^the pattern is no regular expression: unclosed group", ""),
    (
        "team == null",
        "        ^no variable is null",
        "what is not known is \"\" or 0; `has(metadata.x)` tells whether there is such a key",
    ),
    ("1u == 1", "^no variable is unsigned", "leave out the `u`"),
    ("{'a': 1} == team", "^maps cannot be written in a condition", ""),
];

#[test]
fn each_has_its_place_and_words() {
    for (text, expected, hint) in CASES {
        let mistake = Condition::compile(text, Phase::Route).expect_err(text);
        let column = text.get(..mistake.at).expect("within the text").chars().count();
        assert_eq!(format!("{}^{}", " ".repeat(column), mistake.message), *expected, "{text}");
        assert_eq!(mistake.hint.as_deref().unwrap_or_default(), *hint, "{text}");
    }
}

#[test]
fn a_rule_for_the_task_type_cannot_ask_for_it() {
    let mistake = Condition::compile("stream && task_type == 'a'", Phase::TaskType).expect_err("not known");
    assert_eq!((mistake.at, &*mistake.message), (10, "`task_type` is not known yet: this rule decides it"));
}
