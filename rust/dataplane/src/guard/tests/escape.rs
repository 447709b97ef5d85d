//! Escapes within strings.

use super::masked;
use crate::guard::escape::{Plain, json_escaped};

#[test]
fn entities_are_found_behind_one_layer_of_escapes() {
    for (text, expected) in [
        (r"joe\u0040example.com", "[EMAIL_1]"),
        (r"joe\_doe@example.com", "[EMAIL_1]"),
        (r"\njoe@example.com\n", r"\n[EMAIL_1]\n"),
        (r"\n4111111111111111\t", r"\n[CARD_1]\t"),
        (r"\u002B14155552671", "[PHONE_1]"),
        (r"\(415\) 555\-2671", "[PHONE_1]"),
        (r"\ud83d\ude00joe@x.com", r"\ud83d\ude00[EMAIL_1]"),
        (r"\ud83djoe@x.com", r"\ud83d[EMAIL_1]"),
        (r"\[EMAIL\_1\] a@x.com", r"\[EMAIL\_1\] [EMAIL_2]"),
    ] {
        assert_eq!(masked(text), expected, "{text}");
    }
}

#[test]
fn each_place_of_the_plain_text_is_known_in_the_source() {
    let source = r"a\u0062c\nd\\e\ud83d\ude00f\dg";
    let plain = Plain::new(source, true);
    assert_eq!(plain.text, "abc\nd\\e😀f\\dg");
    assert_eq!(plain.consumed, source.len());
    for (c, expected) in
        [('a', 0), ('b', 1), ('c', 7), ('\n', 8), ('d', 10), ('e', 13), ('😀', 14), ('f', 26), ('g', 29)]
    {
        let index = plain.text.find(c).unwrap();
        assert_eq!(plain.source_index(index), expected, "{c}");
    }
    assert_eq!(plain.source_index(plain.text.len()), source.len());
}

#[test]
fn an_escape_that_may_go_on_is_left_for_later() {
    for (source, consumed) in [
        (r"ab\", 2),
        (r"ab\u", 2),
        (r"ab\u00", 2),
        (r"ab\ud83d", 2),
        (r"ab\ud83d\", 2),
        (r"ab\ud83d\ude", 2),
        (r"ab\u00x", 7),
    ] {
        assert_eq!(Plain::new(source, false).consumed, consumed, "{source}");
        assert_eq!(Plain::new(source, true).consumed, source.len(), "{source}");
    }
}

#[test]
fn json_escaping_is_that_of_serde_json() {
    for text in ["", "plain", "a\"b", "a\\b", "a\nb\u{1}", "ü😀"] {
        assert_eq!(format!("\"{}\"", json_escaped(text)), serde_json::to_string(text).unwrap());
    }
}
