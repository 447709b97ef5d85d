//! The hold-back window: wherever text is cut, what goes out is the whole text's treatment.

use super::{cuts, masked, treated, windowed};
use crate::guard::memory::Memory;
use crate::guard::window::{Form, Window};
use crate::guard::{Entity, Reason};

/// Texts with each entity, in several surroundings.
pub(super) const TEXTS: [&str; 19] = [
    "Hello, how are you today? I am fine; thanks.",
    "Write to joe.doe+tag@mail.example.com. Then wait.",
    "joe@example.com",
    "pay with 4111 1111 1111 1111 123, please",
    "4111111111111111",
    "call (415) 555-2671 or +44 (0)20 7946 0958!",
    "+14155552671 2026",
    "020 7946 0958 12:30 and 2026-11-21 at 10.0.0.1",
    "jörg@müller.de, 邮箱joe@example.com请, 卡号4111111111111111有效",
    "call +1\u{2011}415\u{2011}555\u{2011}2671 😀😀 4111\u{202f}1111\u{202f}1111\u{202f}1111",
    "[EMAIL_1] [EMAIL_2 [PHONE_7] joe@x.com [CARD_1]",
    "a@b@c.com joe@x.com@y.org 4111111111111111@x.com 415-555-2671@x.org",
    "id 41111111-1111-1111-1111-111111111111 and 550e8400-e29b-4716-4466-446655440000",
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23",
    "12345678901234567890123456789 4111111111111111",
    r"joe\u0040example.com \ud83d\ude00 \[EMAIL\_1\] \n4111111111111111\t\\",
    "x@y.zz-- (((( ++1 @@ 0.4111111111111111",
    "“joe@example.com” – 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    "C++ 1+1=2, $3.50, 50% of 1,000,000; e.g. f(1)[2]",
];

#[test]
fn one_cut_anywhere() {
    for text in TEXTS {
        for (first, second) in cuts(text) {
            assert_eq!(
                windowed(&[first, second], Form::Plain, &mut Memory::default()).concat(),
                masked(text),
                "{first}|{second}"
            );
        }
    }
}

#[test]
fn two_cuts_anywhere() {
    for text in TEXTS {
        for (first, rest) in cuts(text) {
            for (second, third) in cuts(rest) {
                let out = windowed(&[first, second, third], Form::Plain, &mut Memory::default()).concat();
                assert_eq!(out, masked(text), "{first}|{second}|{third}");
            }
        }
    }
}

#[test]
fn one_character_at_a_time() {
    for text in TEXTS {
        let pieces: Vec<&str> = text.split_inclusive(|_| true).collect();
        assert_eq!(windowed(&pieces, Form::Plain, &mut Memory::default()).concat(), masked(text));
    }
}

#[test]
fn text_goes_out_as_soon_as_nothing_in_it_can_become_an_entity() {
    let out = windowed(
        &["Hello", ", wor", "ld! ", "It is ", "21 ", "degrees ", "(about). "],
        Form::Plain,
        &mut Memory::default(),
    );
    assert_eq!(out, ["", "Hello, ", "world! ", "It is ", "", "21 degrees ", "(about). ", ""]);
}

#[test]
fn what_is_held_is_bounded() {
    for unit in ["a", "1", "1 ", "1-", "@", "a@", "a.", "+1(", "[EMAIL_", "\\u0041", "é", "(1)", "\u{2011}1"] {
        let mut memory = Memory::default();
        treated(&mut memory, |treatment| {
            let mut window = Window::new(Form::Plain);
            let (mut given, mut out) = (0, String::new());
            for _ in 0..2000 {
                window.push(unit, treatment, &mut out).unwrap();
                given += unit.len();
                assert!(given <= out.len() + 600, "{unit}: {given} given, {} out", out.len());
            }
        });
    }
}

#[test]
fn placeholders_are_restored_wherever_they_are_cut() {
    let text = r"Dear [EMAIL_1], your [CARD_1] and [EMAIL\_1]; [EMAIL_2] [PHONE_1] stay, as does new@x.com.";
    let expected =
        r"Dear joe@x.com, your 4111 1111 1111 1111 and joe@x.com; [EMAIL_2] [PHONE_1] stay, as does [EMAIL_3].";
    let memory = || {
        let mut memory = Memory::default();
        memory.mask(Entity::Email, "joe@x.com", true);
        memory.mask(Entity::Card, "4111 1111 1111 1111", true);
        memory
    };
    for (first, rest) in cuts(text) {
        for (second, third) in cuts(rest) {
            let out = windowed(&[first, second, third], Form::Plain, &mut memory()).concat();
            assert_eq!(out, expected, "{first}|{second}|{third}");
        }
    }
}

#[test]
fn inner_json_stays_json() {
    let cases = [
        (
            r#"{"to":"joe@x.com","n":4111111111111111,"q":"\"415-555-2671\""}"#,
            r#"{"to":"[EMAIL_1]","n":"[CARD_1]","q":"\"[PHONE_1]\""}"#,
        ),
        (r#"{"a":["\\\"",4111111111111111,"\n4111111111111111"]}"#, r#"{"a":["\\\"","[CARD_1]","\n[CARD_1]"]}"#),
    ];
    for (text, expected) in cases {
        for (first, rest) in cuts(text) {
            for (second, third) in cuts(rest) {
                let out = windowed(&[first, second, third], Form::Json, &mut Memory::default()).concat();
                assert_eq!(out, expected, "{first}|{second}|{third}");
            }
        }
    }
}

#[test]
fn an_original_is_escaped_for_inner_json() {
    let mut memory = Memory::default();
    memory.mask(Entity::Email, "o\"b\\x@x.com", true);
    let out = windowed(&[r#"{"to":"[EMA"#, r#"IL_1]"}"#], Form::Json, &mut memory).concat();
    assert_eq!(out, r#"{"to":"o\"b\\x@x.com"}"#);
}

#[test]
fn text_after_the_end_may_not_complete_a_match() {
    for (first, second) in cuts("joe@example.com").filter(|(first, second)| !first.is_empty() && !second.is_empty()) {
        let mut memory = Memory::default();
        treated(&mut memory, |treatment| {
            let mut window = Window::new(Form::Plain);
            let mut out = String::new();
            window.push(first, treatment, &mut out).unwrap();
            window.finish(treatment, &mut out).unwrap();
            let mut later = String::new();
            let result = window.push(second, treatment, &mut later).and_then(|()| window.finish(treatment, &mut later));
            assert_eq!(result.unwrap_err().reason, Reason::NotInspectable, "{first}|{second}");
        });
    }
}

#[test]
fn other_text_after_the_end_goes_on() {
    let mut memory = Memory::default();
    let out = treated(&mut memory, |treatment| {
        let mut window = Window::new(Form::Plain);
        let mut out = String::new();
        for piece in ["Hello", " wor", "ld, joe@x.com", ", or 41", "5-555-2671 ", "x"] {
            window.push(piece, treatment, &mut out).unwrap();
            if !piece.contains("41") {
                window.finish(treatment, &mut out).unwrap();
            }
        }
        out
    });
    assert_eq!(out, "Hello world, [EMAIL_1], or [PHONE_1] x");
}
