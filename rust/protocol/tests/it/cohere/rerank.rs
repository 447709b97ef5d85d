//! Rerankings, in the shapes that servers have.

use tollway_protocol::canonical::Losses;
use tollway_protocol::dialect::Wanted;
use tollway_protocol::dialect::rerank::{Shape, read, read_request, write, write_request};

use super::{TOLD, json};

fn sent(body: &str, shape: Shape) -> Result<(String, Vec<String>), String> {
    let request = read_request(json(body)).map_err(|invalid| invalid.param)?;
    let mut losses = Losses::default();
    let written = write_request(&request, shape, &Wanted::new("r"), &mut losses).map_err(|invalid| invalid.param)?;
    Ok((written.to_text(), losses.names().iter().map(ToString::to_string).collect()))
}

const ASKED: &str = r#"{"model":"m","query":"q","documents":["a",{"text":"b"},{"t":"c","text":"d"}],"top_n":2,
    "return_documents":true,"max_tokens_per_doc":9,"priority":1,"truncation":false,"rank_fields":null}"#;

#[test]
fn each_server_is_told_in_its_words() {
    let (standard, lost) = sent(ASKED, Shape::Standard).unwrap();
    assert_eq!(
        standard,
        r#"{"model":"r","query":"q","documents":["a",{"text":"b"},{"t":"c","text":"d"}],"top_n":2,"return_documents":true,"max_tokens_per_doc":9,"priority":1,"truncation":false}"#
    );
    assert!(lost.is_empty());
    let (cohere, lost) = sent(ASKED, Shape::Cohere).unwrap();
    assert_eq!(
        cohere,
        r#"{"model":"r","query":"q","documents":["a","b","{\"t\":\"c\",\"text\":\"d\"}"],"top_n":2,"max_tokens_per_doc":9,"priority":1}"#
    );
    assert_eq!(lost, ["truncation"]);
    let (voyage, lost) = sent(ASKED, Shape::Voyage).unwrap();
    assert_eq!(
        voyage,
        r#"{"model":"r","query":"q","documents":["a","b","{\"t\":\"c\",\"text\":\"d\"}"],"top_k":2,"return_documents":true,"truncation":false}"#
    );
    assert_eq!(lost, ["max_tokens_per_doc", "priority"]);
}

#[test]
fn what_passes_as_it_is() {
    let takes = |shape: Shape, body: &str| shape.takes(&read_request(json(body)).unwrap());
    let plain = r#"{"model":"m","query":"q","documents":["a"],"top_n":1,"max_tokens_per_doc":9,"priority":2}"#;
    assert!(takes(Shape::Standard, ASKED) && takes(Shape::Cohere, plain));
    assert!(!takes(Shape::Cohere, ASKED) && !takes(Shape::Voyage, plain));
    for more in [r#""documents":[{"text":"a"}]"#, r#""documents":["a"],"return_documents":false"#] {
        assert!(!takes(Shape::Cohere, &format!(r#"{{"model":"m","query":"q",{more}}}"#)), "{more}");
    }
}

#[test]
fn what_is_no_request() {
    for (body, param) in [
        ("[]", "body"),
        (r#"{"model":"m","documents":[]}"#, "query"),
        (r#"{"model":"m","query":["q"],"documents":[]}"#, "query"),
        (r#"{"model":"m","query":"q"}"#, "documents"),
        (r#"{"model":"m","query":"q","documents":["a",7]}"#, "documents[1]"),
        (r#"{"model":"m","query":"q","documents":["a"],"top_n":-1}"#, "top_n"),
        (r#"{"model":"m","query":"q","documents":["a"],"return_documents":"yes"}"#, "return_documents"),
        (r#"{"model":"m","query":"q","documents":[{"image":"https://x/y.png"}]}"#, "documents[0]"),
        (r#"{"model":"m","query":"q","documents":[{}]}"#, "documents[0]"),
    ] {
        assert_eq!(sent(body, Shape::Voyage), Err(param.to_owned()), "{body}");
    }
}

fn told(answer: &str, asked: &str) -> String {
    let answer = read(json(answer)).unwrap();
    let asked = read_request(json(asked)).unwrap();
    write(&answer, &asked, &TOLD).to_text()
}

#[test]
fn each_answer_is_told_in_one_shape() {
    let cohere = r#"{"id":"x","results":[{"index":2,"relevance_score":0.10},{"index":1,"relevance_score":1e-7}],
        "meta":{"billed_units":{"search_units":3},"tokens":{"input_tokens":99}}}"#;
    assert_eq!(
        told(cohere, ASKED),
        r#"{"id":"x","object":"list","model":"told-model","results":[{"index":2,"relevance_score":0.10,"document":{"t":"c","text":"d"}},{"index":1,"relevance_score":1e-7,"document":{"text":"b"}}],"meta":{"billed_units":{"search_units":3}}}"#
    );
    let voyage = r#"{"object":"list","data":[{"relevance_score":0.5,"index":0,"document":"a"}],"model":"rerank-2.5","usage":{"total_tokens":7}}"#;
    assert_eq!(
        told(voyage, ASKED),
        r#"{"id":"rerank-9","object":"list","model":"rerank-2.5","results":[{"index":0,"relevance_score":0.5,"document":{"text":"a"}}],"usage":{"prompt_tokens":7,"total_tokens":7}}"#
    );
    let silent = r#"{"model":"m","query":"q","documents":["a"]}"#;
    assert!(!told(voyage, silent).contains("document"), "not wanted");
}

/// An index beyond the request's documents brings none, and breaks nothing.
#[test]
fn what_an_answer_may_not_be() {
    let far = r#"{"results":[{"index":18446744073709551615,"relevance_score":1}]}"#;
    assert!(told(far, ASKED).contains(r#""index":18446744073709551615,"relevance_score":1}"#));
    for bad in [
        "[]",
        "{}",
        r#"{"results":7}"#,
        r#"{"results":[{"index":0}]}"#,
        r#"{"results":[{"relevance_score":0.5}]}"#,
        r#"{"results":[{"index":"0","relevance_score":0.5}]}"#,
    ] {
        assert!(read(json(bad)).is_err(), "{bad}");
    }
}

#[test]
fn what_it_took() {
    let usage = |json: &str| {
        let body = format!(r#"{{"results":[],{json}}}"#);
        let usage = read(super::json(&body)).unwrap().usage;
        usage.map(|usage| (usage.all_input(), usage.search_units))
    };
    assert_eq!(usage(r#""meta":{"billed_units":{"search_units":2}}"#), Some((None, Some(2))));
    assert_eq!(usage(r#""usage":{"total_tokens":26}"#), Some((Some(26), None)));
    assert_eq!(usage(r#""usage":{"prompt_tokens":20,"total_tokens":26}"#), Some((Some(20), None)));
    assert_eq!(usage(r#""usage":{"prompt_tokens":0,"total_tokens":26}"#), Some((Some(26), None)));
    assert_eq!(usage(r#""usage":{}"#), None);
    assert_eq!(usage(r#""model":"m""#), None);
}
