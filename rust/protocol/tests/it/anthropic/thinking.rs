//! What models differ in: how they are told to think, how they choose their words, what formats they know.

use serde_json::{Value, json};
use tollway_protocol::canonical::{Format, Message, Part, Request, Role, Sampling, Thinking, ToolChoice};
use tollway_protocol::dialect::Dialect;
use tollway_protocol::json::Json;

use super::requests::{MODEL, call, hello, none, request, result, says};
use super::{json as parse, read, sent};

#[test]
fn formats() {
    let format = |format, model| {
        let (body, losses) = sent(&Request { format: Some(format), ..hello() }, model);
        (body["output_config"]["format"].clone(), losses)
    };
    let schema = || Format::JsonSchema {
        name: Some("n".into()),
        description: None,
        schema: parse(r#"{"type":"object","properties":{"a":{"type":"array","items":{"type":"object"}}}}"#),
        strict: Some(true),
    };
    let closed = json!({"type": "object", "additionalProperties": false, "properties": {
        "a": {"type": "array", "items": {"type": "object", "additionalProperties": false}},
    }});
    assert_eq!(format(schema(), MODEL), (json!({"type": "json_schema", "schema": closed}), none()));
    let lost = vec!["response_format".to_owned()];
    let emulated = vec!["response_format.strict".to_owned()];
    assert_eq!(format(schema(), "claude-3-5-haiku-latest"), (Value::Null, emulated));
    assert_eq!(format(Format::JsonObject, MODEL), (Value::Null, lost.clone()));
    assert_eq!(format(Format::Foreign(Dialect::Responses, Json::from(true)), MODEL), (Value::Null, lost));
    assert_eq!(format(Format::Text, MODEL), (Value::Null, none()));
}

#[test]
fn thinking_in_the_form_that_the_model_takes() {
    let thinks = |thinking: Thinking<'static>, max: u64, model| {
        let sampling = Sampling { max_tokens: Some(max), ..Sampling::default() };
        let (body, losses) = sent(&Request { thinking: Some(thinking), sampling, ..hello() }, model);
        assert!(losses.iter().all(|lost| lost == "reasoning"), "{losses:?}");
        (body["thinking"].clone(), body["output_config"]["effort"].clone(), body["max_tokens"].as_u64().unwrap())
    };
    let effort = |effort: &'static str| Thinking { effort: Some(effort.into()), ..Thinking::default() };
    let budget = |budget| Thinking { budget: Some(budget), ..Thinking::default() };
    let enabled = |budget: u64| json!({"type": "enabled", "budget_tokens": budget});
    let (adaptive, disabled, null) = (json!({"type": "adaptive"}), json!({"type": "disabled"}), Value::Null);
    for (thinking, model, expected) in [
        (effort("low"), "claude-3-7-sonnet", (enabled(1024), null.clone(), 2000)),
        (effort("high"), "claude-sonnet-4-5", (enabled(16_384), null.clone(), 18_384)),
        (effort("xhigh"), "claude-opus-4-6", (adaptive.clone(), json!("high"), 2000)),
        (effort("xhigh"), "claude-opus-4-7", (adaptive.clone(), json!("xhigh"), 2000)),
        (effort("minimal"), "claude-sonnet-5", (adaptive.clone(), json!("low"), 2000)),
        (effort("high"), "claude-3-opus", (null.clone(), null.clone(), 2000)),
        (effort("none"), "claude-sonnet-5", (disabled, null.clone(), 2000)),
        (effort("none"), "claude-sonnet-4-5", (null.clone(), null.clone(), 2000)),
        (effort("none"), "claude-fable-5", (null.clone(), null.clone(), 2000)),
        (budget(500), "claude-sonnet-4-5", (enabled(1024), null.clone(), 2000)),
        (budget(1500), "claude-opus-4-6", (enabled(1500), null.clone(), 2000)),
        (budget(9000), "claude-opus-5", (adaptive.clone(), json!("medium"), 2000)),
        (effort("medium"), "kimi-k2", (enabled(4096), null.clone(), 6096)),
    ] {
        assert_eq!(thinks(thinking.clone(), 2000, model), expected, "{thinking:?} for {model}");
    }
    let shown = Thinking { enabled: Some(true), show: Some(true), ..Thinking::default() };
    let display = json!({"type": "adaptive", "display": "summarized"});
    assert_eq!(thinks(shown, 9, "claude-sonnet-5"), (display, null, 9));
}

#[test]
fn what_excludes_thinking() {
    let thinking = || Some(Thinking { effort: Some("high".into()), ..Thinking::default() });
    let forced = Request { thinking: thinking(), tool_choice: Some(ToolChoice::Required), ..hello() };
    let (body, losses) = sent(&forced, MODEL);
    assert_eq!((&body["thinking"], losses), (&Value::Null, vec!["reasoning".to_owned()]));
    // A caller who did not keep the thoughts goes on with results: a model with a budget would refuse it.
    let kept_none = || {
        request(vec![
            says(Role::User, "go"),
            Message::new(Role::Assistant, vec![call(Some("a"), "f", "{}")]),
            Message::new(Role::Tool, vec![result(Some("a"), None, vec![Part::text("r")])]),
        ])
    };
    let (body, losses) = sent(&Request { thinking: thinking(), ..kept_none() }, MODEL);
    assert_eq!((&body["thinking"], losses), (&Value::Null, vec!["reasoning".to_owned()]));
    let (body, losses) = sent(&Request { thinking: thinking(), ..kept_none() }, "claude-sonnet-5");
    assert_eq!((&body["thinking"]["type"], losses), (&json!("adaptive"), none()));
}

#[test]
fn sampling_as_the_model_takes_it() {
    let sampling = || Sampling {
        temperature: Some("0.5".into()),
        top_p: Some("0.9".into()),
        top_k: Some("5".into()),
        ..Sampling::default()
    };
    let sent_to = |model, thinking: Option<&'static str>| {
        let thinking = thinking.map(|effort| Thinking { effort: Some(effort.into()), ..Thinking::default() });
        let (body, losses) = sent(&Request { sampling: sampling(), thinking, ..hello() }, model);
        ([&body["temperature"], &body["top_p"], &body["top_k"]].map(Clone::clone), losses)
    };
    let null = Value::Null;
    assert_eq!(sent_to("claude-3-5-sonnet", None), ([json!(0.5), json!(0.9), json!(5)], none()));
    assert_eq!(sent_to("claude-haiku-4-5", None), ([json!(0.5), null.clone(), json!(5)], vec!["top_p".into()]));
    let all = || ["temperature", "top_p", "top_k"].map(str::to_owned).to_vec();
    assert_eq!(sent_to("claude-opus-4-7", None), ([null.clone(), null.clone(), null.clone()], all()));
    assert_eq!(sent_to("claude-haiku-4-5", Some("low")), ([null.clone(), null.clone(), null], all()));
}

/// The caller's own words, for a model that takes another form of them.
#[test]
fn own_thinking_for_another_model() {
    let thinking = |said: &str, model| {
        let body = format!(r#"{{"model":"m","max_tokens":9000,"messages":[],"thinking":{said}}}"#);
        let (body, losses) = sent(&read(&body).expect("a request"), model);
        assert_eq!(losses, none());
        (body["thinking"].clone(), body["output_config"]["effort"].clone())
    };
    let budget = r#"{"type":"enabled","budget_tokens":5000}"#;
    assert_eq!(thinking(budget, "claude-sonnet-4-5"), (serde_json::from_str(budget).unwrap(), Value::Null));
    assert_eq!(thinking(budget, "claude-opus-4-8"), (json!({"type": "adaptive"}), json!("medium")));
    let adaptive = r#"{"type":"adaptive","display":"omitted"}"#;
    assert_eq!(thinking(adaptive, "claude-opus-4-8"), (serde_json::from_str(adaptive).unwrap(), Value::Null));
    let budgeted = json!({"type": "enabled", "display": "omitted", "budget_tokens": 16_384});
    assert_eq!(thinking(adaptive, "claude-haiku-4-5"), (budgeted, Value::Null));
    let unknown = r#"{"type":"new","x":1}"#;
    assert_eq!(thinking(unknown, MODEL), (serde_json::from_str(unknown).unwrap(), Value::Null));
}
