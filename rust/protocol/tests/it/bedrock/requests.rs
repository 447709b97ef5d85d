//! Requests that the wire cases do not hold: media of all kinds, what models differ in, what conversations need.

use serde_json::{Value, json};
use tollway_protocol::canonical::{Body, Signature};
use tollway_protocol::canonical::{Losses, Media, Message, Part, Request, Role, Source, Thinking};
use tollway_protocol::dialect::{Dialect, Head, Wanted};
use tollway_protocol::json::{Invalid, Json};

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

fn sent(from: Dialect, request: &Value, model: &str) -> Result<(Value, Vec<String>), Invalid> {
    let body = request.to_string();
    let mut losses = Losses::default();
    let read = from.read_request(Json::parse(body.as_bytes())?, Head::default(), &mut losses)?;
    told(&read, model, losses)
}

fn told(request: &Request<'_>, model: &str, mut losses: Losses) -> Result<(Value, Vec<String>), Invalid> {
    let written = Dialect::Bedrock.write_request(request, &Wanted::new(model), &mut losses)?;
    let written = serde_json::from_slice(&written.to_bytes()).expect("JSON");
    Ok((written, losses.names().iter().map(ToString::to_string).collect()))
}

fn of_part(body: Body<'static>) -> Result<Value, Invalid> {
    let request = Request::new("m", vec![Message::new(Role::User, vec![Part::new(body)])]);
    told(&request, CLAUDE, Losses::default()).map(|(written, _)| written["messages"][0]["content"][0].clone())
}

fn base64(mime: &'static str) -> Media<'static> {
    Media::new(Source::Base64("AAAA".into()), Some(mime.into()))
}

#[test]
fn media_are_named_by_their_format() {
    for (body, kind, format) in [
        (Body::Image(base64("image/jpg")), "image", "jpeg"),
        (Body::Image(base64("image/webp")), "image", "webp"),
        (Body::Video(base64("video/quicktime")), "video", "mov"),
        (Body::Video(base64("video/3gpp")), "video", "three_gp"),
        (Body::Audio(base64("audio/wav")), "audio", "wav"),
        (Body::Audio(base64("audio/mpeg")), "audio", "mp3"),
        (Body::Document(base64("text/csv")), "document", "csv"),
        (Body::Document(base64("application/json")), "document", "txt"),
        (Body::Document(base64("image/png")), "image", "png"),
    ] {
        let block = of_part(body).expect("can be said");
        assert_eq!((&block[kind]["format"], &block[kind]["source"]["bytes"]), (&json!(format), &json!("AAAA")));
    }
    let named = Media { name: Some("a.xlsx".into()), ..Media::new(Source::Base64("UEsD".into()), None) };
    let block = of_part(Body::Document(named)).expect("can be said");
    assert_eq!((&block["document"]["format"], &block["document"]["name"]), (&json!("xlsx"), &json!("a")));
    let kept = Media::new(Source::Url("s3://b/k.png".into()), None);
    let block = of_part(Body::Image(kept)).expect("can be said");
    assert_eq!(block, json!({"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/k.png"}}}}));
}

#[test]
fn what_cannot_be_told_is_refused_with_its_place() {
    let at = |source: Source<'static>| Media::new(source, None);
    for (body, says) in [
        (Body::Image(base64("image/tiff")), "must be a PNG"),
        (Body::Image(at(Source::Url("https://a.example/a.png".into()))), "does not fetch"),
        (Body::Document(at(Source::File("file-1".into()))), "another provider keeps"),
        (Body::Document(base64("application/zip")), "must be a PDF"),
        (Body::Video(base64("video/x")), "must say which"),
        (Body::Audio(base64("audio/midi")), "must say which"),
    ] {
        let refused = of_part(body).expect_err("refused");
        assert_eq!(refused.param, "messages[0].content[0]");
        assert!(refused.message.contains(says), "{}", refused.message);
    }
}

/// The API refuses calls and results without a `toolConfig`, and has no word for calling none.
#[test]
fn a_conversation_with_calls_has_tools() {
    let history = json!([
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "r"},
    ]);
    let (without, lost) = sent(Dialect::Chat, &json!({"model": "m", "messages": history}), CLAUDE).expect("told");
    let stand_in = json!([{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}]);
    assert_eq!((&without["toolConfig"]["tools"], lost), (&stand_in, vec![]));
    let tools = json!([{"type": "function", "function": {"name": "g", "parameters": {"type": "object"}}}]);
    let none = json!({"model": "m", "messages": history, "tools": tools, "tool_choice": "none"});
    let (none, lost) = sent(Dialect::Chat, &none, CLAUDE).expect("told");
    assert_eq!(
        (&none["toolConfig"]["tools"][0]["toolSpec"]["name"], lost),
        (&json!("g"), vec!["tool_choice".to_owned()])
    );
    assert_eq!(none["toolConfig"]["toolChoice"], Value::Null);
}

#[test]
fn names_of_calls_are_cut_alike() {
    let long = format!("call_{}", "x".repeat(80));
    let request = json!({"model": "m", "messages": [
        {"role": "assistant", "content": null, "tool_calls": [{"id": long, "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": long, "content": "r"},
    ]});
    let (told, _) = sent(Dialect::Chat, &request, CLAUDE).expect("told");
    let call = &told["messages"][0]["content"][0]["toolUse"]["toolUseId"];
    assert_eq!(call.as_str().map(str::len), Some(64));
    assert_eq!(call, &told["messages"][1]["content"][0]["toolResult"]["toolUseId"]);
}

/// What a caller says in Converse's own words goes first.
#[test]
fn fields_of_the_callers_own_win() {
    let request = json!({"model": "m", "max_completion_tokens": 9000, "reasoning_effort": "low", "messages": [{"role": "user", "content": "?"}],
        "additionalModelRequestFields": {"thinking": {"type": "disabled"}, "anthropic_beta": ["b"]}, "service_tier": "priority"});
    let (told, lost) = sent(Dialect::Chat, &request, CLAUDE).expect("told");
    let fields = json!({"thinking": {"type": "disabled"}, "anthropic_beta": ["b"]});
    assert_eq!((&told["additionalModelRequestFields"], lost), (&fields, vec![]));
    assert_eq!(told["serviceTier"], json!({"type": "priority"}));
    let tier = |tier: &str| {
        let request = json!({"model": "m", "messages": [{"role": "user", "content": "?"}], "service_tier": tier});
        sent(Dialect::Chat, &request, CLAUDE).map(|(told, lost)| (told["serviceTier"].clone(), lost)).expect("told")
    };
    assert_eq!(tier("auto"), (Value::Null, vec![]));
    assert_eq!(tier("scale"), (Value::Null, vec!["service_tier".to_owned()]));
}

#[test]
fn models_are_told_to_think_in_their_own_ways() {
    let asked = |effort: &str, model: &str| {
        let request = json!({"model": "m", "messages": [{"role": "user", "content": "?"}], "reasoning_effort": effort,
            "temperature": 0.5, "max_completion_tokens": 700});
        sent(Dialect::Chat, &request, model).expect("told")
    };
    let (nova, lost) = asked("low", "us.amazon.nova-2-lite-v1:0");
    let config = json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}});
    assert_eq!((&nova["additionalModelRequestFields"], lost), (&config, vec![]));
    assert_eq!(nova["inferenceConfig"], json!({"maxTokens": 700, "temperature": 0.5}));
    let (high, lost) = asked("xhigh", "us.amazon.nova-2-lite-v1:0");
    assert_eq!(
        (&high["inferenceConfig"], lost),
        (&Value::Null, vec!["max_tokens".to_owned(), "temperature".to_owned()])
    );
    let (oss, lost) = asked("minimal", "openai.gpt-oss-20b-1:0");
    assert_eq!((&oss["additionalModelRequestFields"]["reasoning_effort"], lost), (&json!("low"), vec![]));
    assert_eq!(asked("low", "us.meta.llama3-3-70b-instruct-v1:0").1, ["reasoning"]);
    assert_eq!(asked("none", "us.meta.llama3-3-70b-instruct-v1:0").1, Vec::<String>::new());
    let (claude, lost) = asked("low", CLAUDE);
    assert_eq!((&claude["inferenceConfig"]["maxTokens"], lost), (&json!(1724), vec!["temperature".to_owned()]));
    let (newest, _) = asked("low", "us.anthropic.claude-opus-4-7-v1:0");
    assert_eq!(
        (&newest["outputConfig"], &newest["additionalModelRequestFields"]["thinking"]),
        (&json!({"effort": "low"}), &json!({"type": "adaptive"}))
    );
    let unknown = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc";
    assert_eq!(asked("low", unknown).1, ["reasoning"]);
}

#[test]
fn signatures_of_claude_are_good_on_both_platforms() {
    let thought = |origin, redacted| {
        let reasoning = tollway_protocol::canonical::Reasoning { text: "t".into(), redacted, ..Default::default() };
        let signature = Some(Signature { origin, value: "c2ln".into() });
        Message::new(
            Role::Assistant,
            vec![Part { signature, ..Part::new(Body::Reasoning(reasoning)) }, Part::text("a")],
        )
    };
    let blocks = |origin, redacted, to: Dialect, model: &str| {
        let mut request =
            Request::new("m", vec![Message::new(Role::User, vec![Part::text("?")]), thought(origin, redacted)]);
        request.thinking = Some(Thinking { budget: Some(2000), ..Thinking::default() });
        let written = to.write_request(&request, &Wanted::new(model), &mut Losses::default()).expect("told");
        let written: Value = serde_json::from_slice(&written.to_bytes()).expect("JSON");
        written["messages"][1]["content"].as_array().map_or(0, Vec::len)
    };
    let (bedrock, anthropic) = (Dialect::Bedrock, Dialect::Anthropic);
    assert_eq!(blocks(anthropic, false, bedrock, CLAUDE), 2);
    assert_eq!(blocks(bedrock, false, anthropic, "claude-sonnet-4-5"), 2);
    assert_eq!(blocks(bedrock, true, bedrock, CLAUDE), 2);
    // Redacted thoughts are of another form; other models' signatures, and Claude's to others, are no good.
    assert_eq!(blocks(anthropic, true, bedrock, CLAUDE), 1);
    assert_eq!(blocks(bedrock, true, anthropic, "claude-sonnet-4-5"), 1);
    assert_eq!(blocks(anthropic, false, bedrock, "us.amazon.nova-2-lite-v1:0"), 1);
    assert_eq!(blocks(Dialect::Gemini, false, bedrock, CLAUDE), 1);
}

#[test]
fn caches_are_marked_where_the_model_has_one() {
    let request = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]}],
        "tools": [{"name": "f", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}}]});
    let points = |model: &str| {
        let (told, _) = sent(Dialect::Anthropic, &request, model).expect("told");
        (told["messages"][0]["content"][1].clone(), told["toolConfig"]["tools"].as_array().map_or(0, Vec::len))
    };
    let point = json!({"cachePoint": {"type": "default", "ttl": "1h"}});
    assert_eq!(points(CLAUDE), (point.clone(), 2));
    assert_eq!(points("us.amazon.nova-pro-v1:0"), (point, 1));
    assert_eq!(points("us.meta.llama3-3-70b-instruct-v1:0"), (Value::Null, 1));
}
