//! Text completions: callers of the older API reach chat models.

use bytes::BytesMut;
use serde_json::{Value, json};
use tollway_protocol::canonical::{Losses, Role};
use tollway_protocol::dialect::openai::{completions, stream};
use tollway_protocol::dialect::{Head, ReadStream, WriteStream};

use super::{TOLD, datas, parse, read_answer, tree, write_request};

fn read(body: Value) -> Result<(Value, Vec<String>), String> {
    let text = body.to_string();
    let mut losses = Losses::default();
    let request = completions::read(parse(&text), Head::default(), &mut losses).map_err(|invalid| invalid.param)?;
    assert_eq!(request.messages[0].role, Role::User);
    let (written, more) = write_request(&request, "m").expect("can be said");
    assert_eq!(more, [""; 0]);
    Ok((written, losses.names().iter().map(ToString::to_string).collect()))
}

#[test]
fn requests_become_chat() {
    let (written, losses) = read(json!({
        "model": "x", "prompt": "Once", "max_tokens": 5, "temperature": 0.5, "n": 2, "logprobs": 3, "stop": ["a"],
        "presence_penalty": 1, "frequency_penalty": 1, "logit_bias": {"5": 1}, "user": "u", "seed": 7, "stream": true,
        "stream_options": {"include_usage": true}, "echo": false, "suffix": null, "best_of": 2,
    }))
    .expect("a request");
    assert_eq!(losses, [""; 0]);
    assert_eq!(
        written,
        json!({
            "model": "m", "messages": [{"role": "user", "content": "Once"}], "max_completion_tokens": 5, "temperature": 0.5,
            "n": 2, "logprobs": true, "top_logprobs": 3, "stop": ["a"], "presence_penalty": 1, "frequency_penalty": 1,
            "logit_bias": {"5": 1}, "user": "u", "seed": 7, "stream": true, "stream_options": {"include_usage": true},
        })
    );
    let (_, losses) = read(json!({"model": "x", "prompt": ["Once"], "echo": true, "suffix": "end", "best_of": 3}))
        .expect("a request");
    assert_eq!(losses, ["echo", "suffix", "best_of"]);
}

#[test]
fn prompts_that_a_chat_model_cannot_be_given() {
    let refused = |prompt: Value| read(json!({"model": "x", "prompt": prompt})).expect_err("refused");
    assert_eq!(refused(json!(["a", "b"])), "prompt");
    assert_eq!(refused(json!([])), "prompt");
    assert_eq!(refused(json!([1, 2])), "prompt");
    assert_eq!(refused(json!([[1, 2]])), "prompt[0]");
    assert_eq!(refused(json!(5)), "prompt");
    assert_eq!(refused(json!(null)), "prompt");
}

#[test]
fn answers_are_text() {
    let text = json!({"id": "chatcmpl-1", "model": "gpt", "created": 5, "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        "choices": [
            {"index": 0, "message": {"content": "é b", "reasoning_content": "Hm"}, "finish_reason": "length", "logprobs": {"content": [
                {"token": "é", "logprob": -0.5, "top_logprobs": [{"token": "é", "logprob": -0.5}, {"token": "è", "logprob": -2}]},
                {"token": " b", "logprob": -1, "top_logprobs": []}]}},
            {"index": 1, "message": {"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]}, "finish_reason": "tool_calls"}]});
    let text = text.to_string();
    let written = tree(&completions::write(&read_answer(&text).expect("an answer"), &TOLD));
    assert_eq!(
        written,
        json!({
            "id": "cmpl-abc", "object": "text_completion", "created": 5, "model": "gpt",
            "choices": [
                {"text": "é b", "index": 0, "finish_reason": "length", "logprobs": {
                    "tokens": ["é", " b"], "token_logprobs": [-0.5, -1], "top_logprobs": [{"é": -0.5, "è": -2}, {}], "text_offset": [0, 1]}},
                {"text": "", "index": 1, "finish_reason": "stop", "logprobs": null}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        })
    );
}

#[test]
fn streams_are_text() {
    let mut reader = stream::Reader::default();
    let mut writer = completions::Writer::new(&TOLD);
    let mut out = BytesMut::new();
    for data in [
        r#"{"id":"chatcmpl-1","model":"gpt","created":5,"choices":[{"delta":{"role":"assistant","reasoning_content":"Hm"}}]}"#,
        r#"{"choices":[{"delta":{"content":"On"},"logprobs":{"content":[{"token":"On","logprob":-1,"top_logprobs":[]}]}}]}"#,
        r#"{"choices":[{"delta":{"content":"ce"},"logprobs":{"content":[{"token":"ce","logprob":-1,"top_logprobs":[]}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
        "[DONE]",
    ] {
        reader.read(data.as_bytes(), &mut |event| writer.write(event, &mut out)).expect("a chunk");
    }
    let stream = String::from_utf8(out.to_vec()).expect("text");
    let datas = datas(&stream);
    assert_eq!(datas.last(), Some(&"[DONE]"));
    let chunks: Vec<Value> = datas.iter().filter_map(|data| serde_json::from_str(data).ok()).collect();
    let head = (&chunks[0]["id"], &chunks[0]["object"], &chunks[0]["created"], &chunks[0]["model"]);
    assert_eq!(head, (&json!("cmpl-abc"), &json!("text_completion"), &json!(5), &json!("gpt")));
    let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["text"].as_str()).collect();
    assert_eq!(text, "Once");
    let offsets: Vec<&Value> = chunks
        .iter()
        .map(|chunk| &chunk["choices"][0]["logprobs"]["text_offset"][0])
        .filter(|at| at.is_number())
        .collect();
    assert_eq!(offsets, [&json!(0), &json!(2)]);
    let ends: Vec<&Value> =
        chunks.iter().map(|chunk| &chunk["choices"][0]["finish_reason"]).filter(|end| end.is_string()).collect();
    assert_eq!(ends, [&json!("stop")]);
    assert_eq!(chunks.last().expect("chunks")["usage"]["total_tokens"], 3);
    assert_eq!(writer.usage().and_then(|usage| usage.output), Some(2));
}
