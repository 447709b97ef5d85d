//! What servers do that OpenAI does not, each read without loss.

use serde_json::{Value, json};
use tollway_protocol::canonical::{Body, Part, StopReason};

use super::fold::fold;
use super::{again, datas, read_answer, told_events, write_answer};

fn first_choice(parts: &[Part<'_>]) -> Vec<String> {
    let told = |part: &Part<'_>| match &part.body {
        Body::Text(text, _) => format!("text {text}"),
        Body::Reasoning(thought) => format!("thought {}", thought.text),
        Body::ToolCall(call) => {
            format!("call {:?} {} {}", call.id.as_deref(), call.name, call.arguments.to_text())
        }
        other => format!("{other:?}"),
    };
    parts.iter().map(told).collect()
}

#[test]
fn answers_of_many_servers() {
    for (message, parts) in [
        // Mistral: thoughts in the content.
        (
            json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}], "closed": true},
                               {"type": "text", "text": "Hi"}]}),
            vec!["thought Hm", "text Hi"],
        ),
        // No index, no id, no type, arguments as an object.
        (
            json!({"content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}),
            vec!["call None f {\"a\":1}"],
        ),
        (json!({"tool_calls": [{"id": "", "function": {"name": "f"}}]}), vec!["call None f "]),
        (json!({"reasoning_content": "Hm", "content": "Hi"}), vec!["thought Hm", "text Hi"]),
        (json!({"reasoning": "Hm", "content": "Hi"}), vec!["thought Hm", "text Hi"]),
        (
            json!({"reasoning": "Hm", "reasoning_details": [{"type": "reasoning.text", "text": "Hm"}]}),
            vec!["thought Hm"],
        ),
        (json!({"function_call": {"name": "f", "arguments": "{}"}}), vec!["call None f {}"]),
    ] {
        let body = json!({"choices": [{"message": message, "finish_reason": "stop"}]}).to_string();
        let answer = read_answer(&body).expect("an answer");
        assert_eq!(first_choice(&answer.choices[0].parts), parts, "{body}");
    }
}

#[test]
fn ends_of_many_servers() {
    let reason = |word: Value, message: Value| {
        let body = json!({"choices": [{"message": message, "finish_reason": word}]}).to_string();
        let answer = read_answer(&body).expect("an answer");
        answer.choices[0].stop.as_ref().map(|stop| stop.reason)
    };
    let text = || json!({"content": "Hi"});
    let call = || json!({"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]});
    assert_eq!(reason(json!("eos"), text()), Some(StopReason::End));
    assert_eq!(reason(json!(""), text()), None);
    assert_eq!(reason(json!(null), text()), None);
    assert_eq!(reason(json!("stop"), call()), Some(StopReason::ToolUse));
    assert_eq!(reason(json!("model_length"), text()), Some(StopReason::ContextWindow));
    assert_eq!(reason(json!("out_of_cheese"), text()), Some(StopReason::Other));
    // A client of this dialect is always told one.
    let unsaid = json!({"choices": [{"message": call(), "finish_reason": ""}]}).to_string();
    let unsaid = write_answer(&read_answer(&unsaid).expect("an answer"));
    assert_eq!(unsaid["choices"][0]["finish_reason"], "tool_calls");
    let sequence = r#"{"choices":[{"message":{"content":"a"},"finish_reason":"stop","stop_reason":"END"}]}"#;
    let stop = read_answer(sequence).expect("an answer").choices[0].stop.clone().expect("an end");
    assert_eq!((stop.reason, stop.sequence.as_deref()), (StopReason::StopSequence, Some("END")));
}

#[test]
fn usage_of_many_servers() {
    let usage = |usage: Value| {
        let body = json!({"choices": [], "usage": usage}).to_string();
        read_answer(&body).expect("an answer").usage.unwrap_or_default()
    };
    let deepseek = usage(json!({"prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 4}));
    assert_eq!((deepseek.input, deepseek.cache_read, deepseek.all_input()), (Some(5), Some(4), Some(9)));
    let xai = usage(json!({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 18,
        "completion_tokens_details": {"reasoning_tokens": 7}}));
    assert_eq!((xai.output, xai.reasoning, xai.total), (Some(2), Some(7), None));
    let openai = usage(json!({"prompt_tokens": 9, "completion_tokens": 8, "total_tokens": 17,
        "completion_tokens_details": {"reasoning_tokens": 7}}));
    assert_eq!((openai.output, openai.reasoning, openai.total), (Some(1), Some(7), None));
    let router = usage(json!({"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 11,
        "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 4, "audio_tokens": 5}}));
    assert_eq!((router.input, router.cache_write, router.audio_input), (Some(0), Some(4), Some(2)));
    assert_eq!((router.all_input(), router.total), (Some(9), Some(11)));
    assert_eq!(usage(json!({"completion_tokens": 0})).all_input(), None);
    let groq = r#"{"choices":[],"x_groq":{"usage":{"prompt_tokens":3}}}"#;
    assert_eq!(read_answer(groq).expect("an answer").usage.and_then(|usage| usage.input), Some(3));
    let moonshot = r#"{"choices":[{"message":{"content":"a"},"usage":{"prompt_tokens":3}}]}"#;
    assert_eq!(read_answer(moonshot).expect("an answer").usage.and_then(|usage| usage.input), Some(3));
}

#[test]
fn an_error_inside_a_200() {
    let refused = read_answer(r#"{"error":{"message":"Too hot","code":500}}"#).expect_err("an error");
    assert_eq!((refused.param.as_str(), refused.message.as_str()), ("error", "Too hot"));
    let told =
        told_events(&[r#"{"choices":[{"delta":{"content":"a"}}]}"#, r#"{"error":{"message":"Too hot"}}"#, "[DONE]"]);
    let told = told.expect("a stream");
    assert!(told.last().expect("events").contains("Too hot"), "{told:?}");
    assert!(!told.iter().any(|event| event == "End"));
}

fn folded(chunks: &[&str]) -> Value {
    fold(&datas(&again(chunks.iter().map(|data| data.as_bytes())).expect("a stream")))
}

fn calls(chunks: &[Value]) -> Value {
    let chunks: Vec<String> = chunks
        .iter()
        .map(|call| json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}).to_string())
        .chain([json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}).to_string()])
        .collect();
    let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
    let calls = folded(&chunks)["choices"]["0"]["calls"].clone();
    let each = calls.as_array().expect("calls").iter();
    each.map(|call| json!([call["id"], call["name"], call["arguments"]])).collect()
}

#[test]
fn calls_in_streams_of_many_servers() {
    let piece = |arguments: &str| json!({"function": {"arguments": arguments}});
    // Without an index: by id, else the last.
    let first = json!({"id": "a", "function": {"name": "f", "arguments": "{"}});
    let second = json!({"id": "b", "function": {"name": "g", "arguments": ""}});
    let expected = json!([["a", "f", "{}"], ["b", "g", "{\"x\":1}"]]);
    assert_eq!(calls(&[first, piece("}"), second, piece("{\"x\":1}")]), expected);
    // All of index 0, with an id of their own.
    let first = json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}});
    let second = json!({"index": 0, "id": "b", "function": {"name": "f", "arguments": "{}"}});
    assert_eq!(calls(&[first, second]), json!([["a", "f", "{}"], ["b", "f", "{}"]]));
    // An object, a name that comes late, one that is repeated, null.
    let object = json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}});
    assert_eq!(calls(&[object]), json!([["a", "f", "{\"x\":1}"]]));
    let late = json!({"index": 0, "function": {"arguments": "{"}});
    let named = json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "}"}});
    let again = json!({"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": null}});
    assert_eq!(calls(&[late, named, again]), json!([["a", "f", "{}"]]));
    // Interleaved, as the canonical contract allows.
    let start = |index: u64, id: &str| json!({"index": index, "id": id, "function": {"name": "f", "arguments": ""}});
    let more = |index: u64, text: &str| json!({"index": index, "function": {"arguments": text}});
    let mixed = [start(0, "a"), start(1, "b"), more(0, "{"), more(1, "["), more(0, "}"), more(1, "]")];
    assert_eq!(calls(&mixed), json!([["a", "f", "{}"], ["b", "f", "[]"]]));
}

#[test]
fn content_in_streams_of_many_servers() {
    let text = |chunks: &[&str]| folded(chunks)["choices"]["0"]["text"].clone();
    let end = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
    // The role with every chunk; the whole message beside the delta; content after the end, and a second end.
    let repeated = r#"{"choices":[{"delta":{"role":"assistant","content":"a"},"message":{"content":"all"}}]}"#;
    assert_eq!(text(&[repeated, repeated, end, repeated, end]), "aaa");
    assert_eq!(text(&[r#"{"choices":[{"text":"a"}]}"#, end]), "a");
    assert_eq!(text(&[r#"{"choices":[{"delta":{"content":[{"type":"text","text":"a"}]}}]}"#, end]), "a");
    // Thoughts, then content in a list, as Mistral sends them.
    let thought =
        r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"h"}]}]}}]}"#;
    let folded = folded(&[thought, thought, repeated, end]);
    assert_eq!((&folded["choices"]["0"]["thoughts"], &folded["choices"]["0"]["text"]), (&json!("hh"), &json!("a")));
    assert_eq!(folded["choices"]["0"]["finish"], "stop");
}

#[test]
fn usage_in_streams_of_many_servers() {
    let usage = |chunks: &[&str]| folded(chunks)["usage"].clone();
    let content = r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":4,"completion_tokens":1}}"#;
    let more = r#"{"choices":[],"usage":{"prompt_tokens":4,"completion_tokens":2}}"#;
    assert_eq!(usage(&[content, more]), json!([4, 2]));
    let groq = r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"x_groq":{"usage":{"prompt_tokens":4,"completion_tokens":3}}}"#;
    assert_eq!(usage(&[groq, "[DONE]"]), json!([4, 3]));
    let moonshot =
        r#"{"choices":[{"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":4,"completion_tokens":5}}]}"#;
    assert_eq!(usage(&[moonshot]), json!([4, 5]));
}

/// Azure's filters and keep-alives, in no order: neither begins the answer.
#[test]
fn what_says_nothing_begins_nothing() {
    let told = told_events(&[
        r#"{"choices":[],"model":"","id":"","prompt_filter_results":[{"prompt_index":0}]}"#,
        r#"{"type":"ping"}"#,
        "",
        r#"{"id":"chatcmpl-1","model":"m","created":5,"choices":[{"delta":{"role":"assistant","content":""}}]}"#,
        r#"{"choices":[{"delta":{"content":"a"}}]}"#,
    ]);
    let told = told.expect("a stream");
    assert!(told[0].contains("chatcmpl-1"), "{told:?}");
    assert_eq!(told.iter().filter(|event| event.starts_with("Start")).count(), 1);
    // It broke off: what is open is closed, and there is no end.
    assert!(told.last().expect("events").starts_with("Close"), "{told:?}");
}

/// Perplexity cites beside its choices, with every chunk anew.
#[test]
fn sources_beside_the_choices() {
    let results = r#""search_results":[{"url":"https://a","title":"A","date":null},{"title":"no url"}]"#;
    let body = format!(r#"{{"choices":[{{"message":{{"content":"Hi"}},"finish_reason":"stop"}}],{results}}}"#);
    let read = read_answer(&body).expect("an answer");
    let Body::Text(_, cited) = &read.choices[0].parts[0].body else { panic!("{read:?}") };
    assert_eq!(cited.iter().map(|one| one.url.as_deref()).collect::<Vec<_>>(), [Some("https://a")]);
    let written = write_answer(&read);
    assert_eq!(
        (written["search_results"].as_array().map(Vec::len), written["choices"][0]["message"].get("annotations")),
        (Some(2), None)
    );
    let chunk = format!(r#"{{"choices":[{{"delta":{{"content":"Hi"}}}}],{results}}}"#);
    let told = told_events(&[&chunk, &chunk, "[DONE]"]).expect("a stream");
    assert_eq!(told.iter().filter(|event| event.contains("Annotation")).count(), 1, "{told:?}");
}
