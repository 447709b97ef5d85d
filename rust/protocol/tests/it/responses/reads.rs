//! Streams, read from servers that leave things out.

use serde_json::{Value, json};
use tollway_protocol::dialect::ReadStream;
use tollway_protocol::dialect::responses::stream::Reader;

/// The steps that a stream means.
fn steps(events: &[Value]) -> Vec<String> {
    let mut reader = Reader::default();
    let mut steps = Vec::new();
    for event in events {
        let read = reader.read(event.to_string().as_bytes(), &mut |step| steps.push(format!("{step:?}")));
        read.expect("in order");
    }
    reader.end(&mut |step| steps.push(format!("{step:?}")));
    steps
}

#[test]
fn what_events_leave_out_the_last_one_says() {
    let response = json!({"id": "resp_1", "status": "completed", "output": [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "s"}]},
        {"type": "message", "id": "msg_1", "role": "assistant", "content": [
            {"type": "output_text", "text": "hello", "annotations": [{"type": "url_citation", "url": "u", "title": "t"}]}]},
        {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"}]});
    let all = [
        json!({"type": "response.created", "response": {"id": "resp_1"}}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "rs_1", "summary": []}}),
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "s"}),
        json!({"type": "response.output_item.added", "output_index": 1, "item": {"type": "message", "id": "msg_1"}}),
        json!({"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "he"}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": response["output"][1]}),
        json!({"type": "response.output_item.done", "output_index": 2, "item": response["output"][2]}),
        json!({"type": "response.completed", "response": response}),
    ];
    let text = |steps: &[String], what: &str| steps.iter().filter(|step| step.contains(what)).count();
    for kept in [&all[..], &all[..1], &all[7..], &all[3..], &all[..3]] {
        let mut kept = kept.to_vec();
        if kept.len() < 4 && kept[0] == all[0] {
            kept.push(all[7].clone());
        }
        let read = steps(&kept);
        assert_eq!(read.first().map(|step| step.contains("resp_1") || step.contains("Start")), Some(true), "{read:#?}");
        assert_eq!(text(&read, "Open"), 3, "{read:#?}");
        assert_eq!(text(&read, "Close"), 3, "{read:#?}");
        assert_eq!(text(&read, "Annotation"), 1, "{read:#?}");
        assert_eq!(text(&read, "ToolUse"), 1, "{read:#?}");
        assert_eq!(read.last().map(String::as_str), Some("End"));
        let said: Vec<&String> = read.iter().filter(|step| step.contains("Text(\"")).collect();
        assert!(said.len() <= 2, "{said:?}");
    }
}

#[test]
fn errors_in_both_forms_and_failed_answers_are_read() {
    let message =
        |event: Value| steps(&[json!({"type": "response.created", "response": {}}), event]).pop().expect("a step");
    for event in [
        json!({"type": "error", "code": "c", "message": "It broke.", "param": null, "sequence_number": 3}),
        json!({"type": "error", "sequence_number": 3, "error": {"type": "t", "code": "c", "message": "It broke."}}),
        json!({"type": "response.failed", "response": {"status": "failed", "error": {"code": "c", "message": "It broke."}}}),
        json!({"error": {"code": "c", "message": "It broke."}}),
    ] {
        let step = message(event);
        assert!(step.starts_with("Error(") && step.contains("It broke.") && step.contains("Some(\"c\")"), "{step}");
    }
}
