//! For any text and any cuts, the stream is the whole text's treatment, and a second pass finds nothing.

use proptest::prelude::*;
use serde_json::{Value, json};
use tollway_protocol::dialect::Dialect;

use super::{content_events, joined, masked, masking, run, treated, windowed};
use crate::guard::Memory;
use crate::guard::window::{Form, treat_whole};

/// Text dense with what entities, placeholders and escapes are made of.
pub(super) fn dense() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-c0-9@.+()\\-_ /\\[\\]{}\"'\\\\:,%]{1,6}",
        "[0-9]{1,5}[ .\\-/]?",
        "[4-5][0-9]{3}[ \\-]?",
        Just("4111 1111 1111 1111".to_owned()),
        Just("4111111111111111".to_owned()),
        Just("joe@x.com".to_owned()),
        Just("+1 (415) 555-2671".to_owned()),
        Just("020 7946 0958".to_owned()),
        Just("[EMAIL_1]".to_owned()),
        Just("\\u0040".to_owned()),
        Just("\\ud83d\\ude00".to_owned()),
        Just("\\n".to_owned()),
        Just("12345678-1234-1234-1234-123456789012".to_owned()),
        "[é卡😀\u{a0}\u{2011}\u{202f}ß–]{1,2}",
    ];
    prop::collection::vec(part, 0..10).prop_map(|parts| parts.concat())
}

/// `text` cut at `cuts`, each a part of its length.
pub(super) fn pieces<'t>(text: &'t str, cuts: &[prop::sample::Index]) -> Vec<&'t str> {
    let mut places: Vec<usize> =
        cuts.iter().map(|cut| cut.index(text.len() + 1)).filter(|at| text.is_char_boundary(*at)).collect();
    places.extend([0, text.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn a_window_gives_the_whole_texts_treatment(text in dense(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        prop_assert_eq!(windowed(&pieces(&text, &cuts), Form::Plain, &mut Memory::default()).concat(), masked(&text));
    }

    #[test]
    fn inner_json_too(text in dense(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let whole = treated(&mut Memory::default(), |treatment| treat_whole(&text, Form::Json, treatment)).unwrap();
        let cut = windowed(&pieces(&text, &cuts), Form::Json, &mut Memory::default()).concat();
        prop_assert_eq!(cut, whole.unwrap_or(text));
    }

    #[test]
    fn any_unicode_text_too(text in "\\PC{0,60}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        prop_assert_eq!(windowed(&pieces(&text, &cuts), Form::Plain, &mut Memory::default()).concat(), masked(&text));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_gives_the_whole_answers_treatment(text in dense(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let (out, result) = run(&mut masking().stream(Memory::default()), &content_events(&pieces(&text, &cuts)));
        prop_assert!(result.is_ok());
        let answer = json!({ "choices": [{ "message": { "content": &text } }] }).to_string();
        let outcome = masking().output(Dialect::Chat, answer.as_bytes(), &mut Memory::default()).unwrap();
        let whole: Value = serde_json::from_slice(outcome.body.as_deref().unwrap_or(answer.as_bytes())).unwrap();
        prop_assert_eq!(joined(&out, "/content"), whole["choices"][0]["message"]["content"].as_str().unwrap());
    }

    #[test]
    fn what_is_masked_is_restored(text in dense()) {
        let guards = super::restoring();
        let mut memory = Memory::default();
        let request = json!({ "messages": [{ "content": text.replace('\\', "") }] }).to_string();
        let body = guards.input(Dialect::Chat, request.as_bytes(), &mut memory).unwrap().body.unwrap_or(request.clone().into_bytes());
        let restored = super::Guards::compile(&[super::spec(super::On::Input, super::Action::Mask, true)]);
        let echo: Value = serde_json::from_slice(&body).unwrap();
        let answer = json!({ "choices": [{ "message": { "content": &echo["messages"][0]["content"] } }] }).to_string();
        let answer = restored.output(Dialect::Chat, answer.as_bytes(), &mut memory).unwrap().body.unwrap_or(answer.into_bytes());
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        prop_assert_eq!(answer["choices"][0]["message"]["content"].as_str().unwrap(), text.replace('\\', ""));
    }
}
