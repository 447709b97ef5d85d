//! Generated JSON texts, in every manner of writing them.

use proptest::prelude::*;

/// What may stand between tokens.
fn space() -> impl Strategy<Value = String> {
    prop_oneof![6 => Just(String::new()), 2 => Just(" ".into()), 1 => "[ \n\r\t]{0,5}"]
}

/// The inside of a string: plain, wide and escaped characters, short or beyond the widths of the scanner.
fn inside() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => "[ !#-\\[\\]-~]{0,12}",
        1 => "[ !#-\\[\\]-~]{60,140}",
        2 => "[é€😀\u{7f}\u{80}\u{2028}]{1,4}",
        3 => prop::sample::select(vec![r#"\""#, r"\\", r"\/", r"\b", r"\f", r"\n", r"\r", r"\t"]).prop_map(String::from),
        2 => any::<char>().prop_map(|char| {
            let mut units = [0; 2];
            char.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>()
        }),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

pub(crate) fn string() -> impl Strategy<Value = String> {
    inside().prop_map(|inside| format!("\"{inside}\""))
}

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec!["true", "false", "null", "{}", "[]", "[ ]", "{\n}"]).prop_map(String::from),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,5})?([eE][-+]?[0-9]{1,2})?",
        string(),
    ]
}

/// Any JSON value.
pub(crate) fn value() -> impl Strategy<Value = String> {
    scalar().prop_recursive(5, 40, 6, |inner| {
        let item = (space(), inner.clone(), space()).prop_map(|(a, value, b)| format!("{a}{value}{b}"));
        prop_oneof![
            prop::collection::vec(item, 1..6).prop_map(|items| format!("[{}]", items.join(","))),
            object_of(prop::collection::vec((string(), inner), 1..6)),
        ]
    })
}

/// An object whose keys and values are drawn as texts.
pub(crate) fn object_of(members: impl Strategy<Value = Vec<(String, String)>>) -> impl Strategy<Value = String> {
    (members, space(), space(), space()).prop_map(|(members, a, b, c)| {
        let members: Vec<String> = members.iter().map(|(key, value)| format!("{a}{key}{b}:{c}{value}{a}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

/// The members that the gateway reads, in many right and some wrong forms.
fn known() -> impl Strategy<Value = (String, String)> {
    let flag = || prop::sample::select(vec!["true", "false", "null"]).prop_map(String::from);
    let options = object_of(prop::collection::vec(
        prop_oneof![
            2 => (Just("\"include_usage\"".to_owned()), flag()),
            1 => (Just(r#""include\u005fusage""#.to_owned()), flag()),
            2 => (string(), scalar()),
        ],
        0..3,
    ));
    prop_oneof![
        (prop::sample::select(vec![r#""model""#, r#""mod\u0065l""#]).prop_map(String::from), string()),
        (Just(r#""stream""#.to_owned()), flag()),
        (Just(r#""stream_options""#.to_owned()), prop_oneof![4 => options, 1 => Just("null".to_owned())]),
        (Just(r#""messages""#.to_owned()), Just(r#"[{"role":"user","content":"hi"}]"#.to_owned())),
        (Just(r#""metadata""#.to_owned()), object_of(prop::collection::vec((string(), scalar()), 0..3))),
        (Just(r#""user""#.to_owned()), scalar()),
        (
            prop::sample::select(vec![r#""model""#, r#""stream""#, r#""metadata""#, r#""messages""#])
                .prop_map(String::from),
            scalar()
        ),
    ]
}

/// A request body: mostly well-formed, with members that the gateway reads among others.
pub(crate) fn body() -> impl Strategy<Value = String> {
    object_of(prop::collection::vec(prop_oneof![3 => known(), 2 => (string(), value())], 0..6))
}
