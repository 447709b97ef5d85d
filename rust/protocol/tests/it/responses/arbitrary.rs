//! Whatever can be said in this dialect comes back from it; whatever order steps come in, the stream is in order.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;
use tollway_protocol::canonical::{
    Answer, Arguments, Body, CallKind, Choice, Delta, Event, FunctionTool, Losses, Media, Message, Opening, Part,
    Reasoning, Request, Rest, Role, Sampling, Signature, Source, Stop, StopReason, Thinking, Tool, ToolCall,
    ToolChoice, ToolKind, ToolResult, Usage,
};
use tollway_protocol::dialect::responses::{answer, request, stream};
use tollway_protocol::dialect::{Dialect, Head, ReadStream, Wanted};
use tollway_protocol::json::{Json, Members};

use super::streams::{call, checked, close, delta, open, start, stop, written};
use super::{foreign, told};

/// As what this dialect said: told apart from what others did.
fn own() -> Rest<'static> {
    Rest { origin: Some(Dialect::Responses), members: Members::new() }
}

fn word() -> impl Strategy<Value = String> {
    "[a-zé\"\\\\\n ]{1,12}"
}

fn part(body: Body<'static>) -> Part<'static> {
    Part { rest: own(), ..Part::new(body) }
}

fn content() -> impl Strategy<Value = Part<'static>> {
    let media = |media: Media<'static>| part(Body::Image(media));
    prop_oneof![
        word().prop_map(|text| part(Body::Text(text.into(), Vec::new()))),
        word().prop_map(move |name| media(Media::new(Source::Url(format!("https://{}", name.len()).into()), None))),
        Just(part(Body::Image(Media::new(Source::Base64("AAAA".into()), Some("image/webp".into()))))),
        Just(part(Body::Document(Media {
            name: Some("a.pdf".into()),
            ..Media::new(Source::Base64("AAAA".into()), Some("application/pdf".into()))
        }))),
        Just(part(Body::Document(Media::new(Source::File("file-1".into()), None)))),
        Just(part(Body::Audio(Media::new(Source::Base64("AAAA".into()), Some("audio/wav".into()))))),
    ]
}

/// Parts of a turn of the model, each an item.
fn said() -> impl Strategy<Value = Part<'static>> {
    let kind = prop_oneof![Just(CallKind::Function), Just(CallKind::Custom)];
    let thought =
        (word(), vec(word(), 0..3), proptest::option::of(word())).prop_map(|(text, summary, signature)| Part {
            signature: signature.map(|value| Signature { origin: Dialect::Responses, value: value.into() }),
            ..part(Body::Reasoning(Reasoning {
                id: Some("rs_1".into()),
                text: text.into(),
                summary: summary.into_iter().map(Into::into).collect(),
                redacted: false,
            }))
        });
    let call = (word(), word(), kind).prop_map(|(name, text, kind)| {
        part(Body::ToolCall(ToolCall {
            id: Some("call_1".into()),
            name: name.into(),
            arguments: Arguments::Text(text.into()),
            kind,
            item: Some("fc_1".into()),
        }))
    });
    prop_oneof![thought, call]
}

fn message() -> impl Strategy<Value = Message<'static>> {
    let role = prop_oneof![Just(Role::User), Just(Role::System), Just(Role::Developer)];
    let of_role =
        (role, vec(content(), 1..4)).prop_map(|(role, parts)| Message { rest: own(), ..Message::new(role, parts) });
    let result = (word(), proptest::bool::ANY).prop_map(|(text, custom)| {
        let kind = if custom { CallKind::Custom } else { CallKind::Function };
        let content = vec![Part::text(text)];
        let result = ToolResult { call: Some("call_1".into()), name: None, content, json: None, failed: None, kind };
        Message::new(Role::Tool, vec![part(Body::ToolResult(result))])
    });
    prop_oneof![of_role, result]
}

fn conversation() -> impl Strategy<Value = Vec<Message<'static>>> {
    let turn = (message(), vec(said(), 0..3));
    vec(turn, 1..5).prop_map(|turns| {
        let mut messages = Vec::new();
        for (message, parts) in turns {
            messages.push(message);
            if !parts.is_empty() {
                messages.push(Message::new(Role::Assistant, parts));
            }
        }
        messages
    })
}

fn any_request() -> impl Strategy<Value = Request<'static>> {
    let tool = (word(), proptest::option::of(word()), proptest::option::of(any::<bool>())).prop_map(
        |(name, description, strict)| {
            let (name, description) = (name.into(), description.map(Into::into));
            let function = FunctionTool { name, description, parameters: Some(Json::Object(Members::new())), strict };
            Tool { kind: ToolKind::Function(function), cache: None, rest: own() }
        },
    );
    let choice = prop_oneof![
        Just(ToolChoice::Auto),
        Just(ToolChoice::None),
        Just(ToolChoice::Required),
        word().prop_map(|name| ToolChoice::Named(name.into())),
        (vec(word(), 1..3), any::<bool>())
            .prop_map(|(names, must)| { ToolChoice::Allowed(names.into_iter().map(Into::into).collect(), must) }),
    ];
    let sampling =
        (proptest::option::of(0_u64..9), proptest::option::of(0_u64..9)).prop_map(|(max_tokens, top_logprobs)| {
            Sampling { max_tokens, top_logprobs, temperature: Some("0.50".into()), ..Sampling::default() }
        });
    let effort = proptest::option::of(prop_oneof![Just("none"), Just("low"), Just("max")]);
    let rest = (conversation(), vec(tool, 0..3), proptest::option::of(choice), sampling, effort, any::<bool>());
    rest.prop_map(|(messages, tools, tool_choice, sampling, effort, stream)| Request {
        tools,
        tool_choice,
        sampling,
        stream,
        thinking: effort.map(|effort| Thinking {
            enabled: Some(effort != "none"),
            effort: Some(effort.into()),
            ..Thinking::default()
        }),
        parallel_tools: Some(stream),
        rest: own(),
        ..foreign(messages)
    })
}

/// A way to weave the steps of several parts together, as bytes that each pick the part that goes on.
fn woven(parts: &[usize], picks: &[u8]) -> Vec<Event<'static>> {
    let opening = |kind: usize| match kind {
        0 => Opening::Text,
        1 => Opening::Refusal,
        2 => Opening::Reasoning { id: None, redacted: false },
        3 => call(Some("c"), CallKind::Custom),
        _ => call(None, CallKind::Function),
    };
    let more = |kind: usize, count: usize| match (kind, count % 2) {
        (2, 0) => Delta::Summary(count / 4, "s\n".into()),
        (3 | 4, _) => Delta::Arguments("\"{é".into()),
        _ => Delta::Text("t\"".into()),
    };
    let mut steps = vec![start()];
    // How far each part is: 0 is not begun, 6 is closed. Parts begin in order.
    let mut at = vec![0_usize; parts.len()];
    let mut picks = picks.iter().copied().chain(std::iter::repeat(0));
    while at.iter().any(|done| *done < 6) {
        let ready: Vec<usize> =
            (0..parts.len()).filter(|part| at[*part] < 6 && at[..*part].iter().all(|done| *done > 0)).collect();
        let part = ready[usize::from(picks.next().unwrap_or(0)) % ready.len()];
        steps.push(match at[part] {
            0 => open(part, opening(parts[part])),
            5 => close(part),
            count => delta(part, more(parts[part], count)),
        });
        at[part] += 1;
    }
    steps.extend([
        stop(StopReason::End),
        Event::Usage(Usage { input: Some(1), output: Some(2), ..Usage::default() }),
        Event::End,
    ]);
    steps
}

fn texts(kind: usize) -> String {
    match kind {
        2 => "t\"t\"".to_owned(),
        3 | 4 => "\"{é".repeat(4),
        _ => "t\"".repeat(4),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn a_request_comes_back(said in any_request()) {
        let mut losses = Losses::default();
        let written = request::write(&said, &Wanted::new("m"), &mut losses).expect("it can be said").to_bytes();
        let back = request::read(Json::parse(&written).expect("JSON"), Head::default()).expect("a request");
        prop_assert_eq!(&back, &said);
        prop_assert!(losses.is_empty());
    }

    #[test]
    fn an_answer_comes_back(parts in vec(said(), 0..5), length in any::<bool>(), output in 0_u64..9) {
        let calls = parts.iter().any(|part| matches!(part.body, Body::ToolCall(_)));
        let reason = if length { StopReason::Length } else if calls { StopReason::ToolUse } else { StopReason::End };
        let word = length.then(|| "max_output_tokens".into());
        let stop = Some(Stop { word, ..Stop::new(reason) });
        let usage = Usage { input: Some(3), cache_read: Some(1), cache_write: Some(0), output: Some(output), reasoning: Some(0), ..Usage::default() };
        let said = Answer {
            id: Some("resp_1".into()),
            model: Some("m".into()),
            created: Some(5),
            choices: vec![Choice { index: 0, parts, stop, logprobs: None, rest: Rest::none() }],
            usage: Some(usage),
            rest: own(),
        };
        let written = answer::write(&said, &told()).to_bytes();
        let mut back = answer::read(Json::parse(&written).expect("JSON")).expect("an answer");
        back.rest = own();
        for part in back.choices.iter_mut().flat_map(|choice| &mut choice.parts) {
            part.rest = own();
        }
        prop_assert_eq!(back, said);
    }

    #[test]
    fn steps_in_any_order_are_a_stream_in_order(parts in vec(0_usize..5, 0..6), picks in vec(any::<u8>(), 0..60)) {
        let events = written(woven(&parts, &picks));
        let whole = checked(&events);
        let told: Vec<String> = whole["output"].as_array().expect("items").iter().flat_map(|item| {
            let pieces = item["content"].as_array().cloned().unwrap_or_else(|| vec![item.clone()]);
            pieces.into_iter().map(|piece| {
                let text = ["text", "refusal", "input", "arguments"].iter().find_map(|name| piece[name].as_str());
                text.unwrap_or_default().to_owned()
            })
        }).collect();
        prop_assert_eq!(told, parts.iter().copied().map(texts).collect::<Vec<_>>());
        // Read again, it means the same.
        let mut reader = stream::Reader::default();
        let mut again = Vec::new();
        for event in &events {
            reader.read(event.to_string().as_bytes(), &mut |step| again.extend(super::arbitrary::kept(step))).expect("in order");
        }
        let again = written(again);
        prop_assert_eq!(names(&checked(&again)), names(&whole));
    }
}

/// The output, without the names of its items.
fn names(whole: &Value) -> Value {
    let mut output = whole["output"].clone();
    for item in output.as_array_mut().expect("items") {
        item["id"] = Value::Null;
    }
    output
}

/// The step, of what this test's streams hold.
fn kept(step: Event<'_>) -> Option<Event<'static>> {
    Some(match step {
        Event::Start { .. } => start(),
        Event::Open { part, opening, .. } => open(
            part,
            match opening {
                Opening::Text => Opening::Text,
                Opening::Refusal => Opening::Refusal,
                Opening::Reasoning { redacted, .. } => Opening::Reasoning { id: None, redacted },
                Opening::ToolCall { id, kind, .. } => {
                    Opening::ToolCall { id: id.map(|id| id.into_owned().into()), name: "f".into(), kind, item: None }
                }
                _ => return None,
            },
        ),
        Event::Delta { part, delta: more, .. } => delta(
            part,
            match more {
                Delta::Text(text) => Delta::Text(text.into_owned().into()),
                Delta::Summary(index, text) => Delta::Summary(index, text.into_owned().into()),
                Delta::Arguments(text) => Delta::Arguments(text.into_owned().into()),
                _ => return None,
            },
        ),
        Event::Close { part, .. } => close(part),
        Event::Stop { stop: Stop { reason, .. }, .. } => stop(reason),
        Event::Usage(usage) => Event::Usage(usage),
        Event::End => Event::End,
        _ => return None,
    })
}
