//! Generated canonical documents, of what this dialect can say: written and read, they are the same.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tollway_protocol::canonical::{
    Answer, Arguments, Body, CacheControl, CallKind, Choice, Delta, Event, FunctionTool, Losses, Media, Message,
    Opening, Part, Reasoning, Request, Rest, Role, Sampling, Signature, Source, Stop, StopReason, Thinking, Tool,
    ToolCall, ToolChoice, ToolKind, ToolResult, Usage,
};
use tollway_protocol::dialect::{Dialect, Wanted, openai};
use tollway_protocol::json::{Json, Members};

use super::fold::fold;
use super::{TOLD, datas, read_answer, read_request, written};

type Text = std::borrow::Cow<'static, str>;

fn own(marks: &[&'static str]) -> Rest<'static> {
    let members = marks.iter().map(|mark| ((*mark).into(), Json::Null)).collect();
    Rest { origin: Some(Dialect::Chat), members: Members(members) }
}

fn text() -> impl Strategy<Value = Text> {
    "[ -~é😀\n\"\\\\]{1,20}".prop_map(Text::from)
}

fn name() -> impl Strategy<Value = Text> {
    "[a-z_]{1,12}".prop_map(Text::from)
}

fn maybe<T: Clone + std::fmt::Debug>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::of(of)
}

fn number() -> impl Strategy<Value = Text> {
    "(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?".prop_map(Text::from)
}

fn schema() -> impl Strategy<Value = Json<'static>> {
    name().prop_map(|name| Members::new().with("type", "object").with(name, Json::Bool(true)).into())
}

fn text_part() -> impl Strategy<Value = Part<'static>> {
    (text(), maybe(maybe(Just("1h")))).prop_map(|(text, cache)| Part {
        cache: cache.map(|ttl| CacheControl { ttl: ttl.map(Into::into) }),
        ..Part::text(text)
    })
}

fn part() -> impl Strategy<Value = Part<'static>> {
    let url = || "https://[a-z]{1,8}/x".prop_map(Text::from);
    let media = |source: Source<'static>, mime: &'static str| Media::new(source, Some(mime.into()));
    prop_oneof![
        3 => text_part(),
        1 => (url(), maybe(Just("low"))).prop_map(|(url, detail)| {
            let mut image = Media::of_url(url);
            image.detail = detail.map(Into::into);
            Part::new(Body::Image(image))
        }),
        1 => Just(Part::new(Body::Image(media(Source::Base64("AAAA".into()), "image/png")))),
        1 => Just(Part::new(Body::Audio(media(Source::Base64("AAAA".into()), "audio/mpeg")))),
        1 => Just(Part::new(Body::Document(media(Source::Base64("AAAA".into()), "application/pdf")))),
        1 => Just(Part::new(Body::Document(Media::new(Source::File("file_1".into()), None)))),
        1 => name().prop_map(|name| Part::new(Body::Foreign(Dialect::Chat, Members::new().with("type", name + "_x").into()))),
    ]
}

fn call() -> impl Strategy<Value = Part<'static>> {
    (name(), name(), text(), any::<bool>()).prop_map(|(id, name, arguments, custom)| {
        let kind = if custom { CallKind::Custom } else { CallKind::Function };
        Part::new(Body::ToolCall(ToolCall {
            id: Some(id),
            name,
            arguments: Arguments::Text(arguments),
            kind,
            item: None,
        }))
    })
}

fn thought(text: Text, mark: &'static str, signature: Option<Text>) -> Part<'static> {
    let signature = signature.map(|value| Signature { origin: Dialect::Chat, value });
    let rest = if mark.is_empty() { Rest::none() } else { own(&[mark]) };
    Part { signature, rest, ..Part::new(Body::Reasoning(Reasoning { text, ..Reasoning::default() })) }
}

/// Thoughts with what marks them in the message.
fn thoughts() -> impl Strategy<Value = (Vec<Part<'static>>, Vec<&'static str>)> {
    prop_oneof![
        Just((vec![], vec![])),
        text().prop_map(|text| (vec![thought(text, "", None)], vec!["reasoning_content"])),
        text().prop_map(|text| (vec![thought(text, "", None)], vec!["reasoning_content", "reasoning"])),
        (text(), name(), text()).prop_map(|(text, signature, more)| {
            (
                vec![thought(text, "thinking_blocks", Some(signature)), thought(more, "thinking_blocks", None)],
                vec!["reasoning"],
            )
        }),
    ]
}

fn message() -> impl Strategy<Value = Message<'static>> {
    let of = |role: Role, parts: Vec<Part<'static>>, marks: &[&'static str]| Message {
        rest: own(marks),
        ..Message::new(role, parts)
    };
    let roles = prop::sample::select(vec![Role::System, Role::Developer, Role::User]);
    let plain = (roles.clone(), text(), maybe(name()))
        .prop_map(move |(role, text, name)| Message { name, ..of(role, vec![Part::text(text)], &[]) });
    let list =
        (roles, prop::collection::vec(part(), 0..4)).prop_map(move |(role, parts)| of(role, parts, &["content"]));
    let assistant = (thoughts(), maybe(text()), maybe(text()), prop::collection::vec(call(), 0..3));
    let assistant = assistant.prop_map(move |((mut parts, marks), text, refusal, calls)| {
        parts.extend(text.map(Part::text));
        parts.extend(refusal.map(|text| Part::new(Body::Refusal(text))));
        parts.extend(calls);
        of(Role::Assistant, parts, &marks)
    });
    let tool = (name(), text(), maybe(name()), any::<bool>()).prop_map(move |(id, text, name, list)| {
        let content = vec![Part::text(text)];
        let (call, kind) = (Some(id), CallKind::Function);
        let result = ToolResult { call, name: name.clone(), content, json: None, failed: None, kind };
        let marks: &[&'static str] = if list { &["content"] } else { &[] };
        Message { name, ..of(Role::Tool, vec![Part::new(Body::ToolResult(result))], marks) }
    });
    prop_oneof![plain, list, assistant, tool]
}

fn sampling() -> impl Strategy<Value = Sampling<'static>> {
    let numbers = (maybe(number()), maybe(number()), maybe(number()), maybe(number()));
    let counts = (maybe(0..9_u64), maybe(0..9_u64), maybe(0..9_u64), maybe(any::<bool>()));
    (numbers, counts, prop::collection::vec(text(), 0..3)).prop_map(
        |((temperature, top_p, seed, penalty), counts, stop)| {
            let (max_tokens, choices, top_logprobs, logprobs) = counts;
            let presence_penalty = penalty.clone();
            Sampling {
                max_tokens,
                temperature,
                top_p,
                top_k: None,
                seed,
                frequency_penalty: penalty,
                presence_penalty,
                stop,
                choices,
                logprobs,
                top_logprobs,
            }
        },
    )
}

fn tool() -> impl Strategy<Value = Tool<'static>> {
    let function = (name(), maybe(text()), maybe(schema()), maybe(any::<bool>())).prop_map(
        |(name, description, parameters, strict)| {
            ToolKind::Function(FunctionTool { name, description, parameters, strict })
        },
    );
    function.prop_map(|kind| Tool { kind, cache: None, rest: Rest::none() })
}

fn request() -> impl Strategy<Value = Request<'static>> {
    let choice = prop_oneof![
        Just(ToolChoice::Auto),
        Just(ToolChoice::Required),
        name().prop_map(ToolChoice::Named),
        (prop::collection::vec(name(), 1..3), any::<bool>()).prop_map(|(names, must)| ToolChoice::Allowed(names, must)),
    ];
    let effort = name().prop_map(|effort| Thinking { effort: Some(effort), ..Thinking::default() });
    let messages = prop::collection::vec(message(), 0..6);
    (
        messages,
        prop::collection::vec(tool(), 0..3),
        maybe(choice),
        sampling(),
        maybe(effort),
        any::<bool>(),
        maybe(name()),
    )
        .prop_map(|(messages, tools, tool_choice, sampling, thinking, stream, user)| Request {
            model: "m".into(),
            messages,
            tools,
            tool_choice,
            parallel_tools: Some(stream),
            sampling,
            format: None,
            thinking,
            stream,
            user,
            rest: own(&[]),
        })
}

fn answer() -> impl Strategy<Value = Answer<'static>> {
    let stop = prop::sample::select(vec![("length", StopReason::Length), ("content_filter", StopReason::Filter)]);
    let stop = stop.prop_map(|(word, reason)| Stop { word: Some(word.into()), ..Stop::new(reason) });
    let choice = (text(), prop::collection::vec(call(), 0..3), stop, any::<u8>());
    let choice = choice.prop_map(|(text, calls, stop, index)| {
        let mut parts = vec![Part::text(text)];
        parts.extend(calls);
        Choice { index: index.into(), parts, stop: Some(stop), logprobs: None, rest: Rest::none() }
    });
    (prop::collection::vec(choice, 0..3), maybe(name()), any::<u32>()).prop_map(|(choices, id, created)| {
        let (model, created) = (Some("m".into()), Some(created.into()));
        Answer { id: Some(id.unwrap_or("x".into())), model, created, choices, usage: None, rest: own(&[]) }
    })
}

fn usage() -> impl Strategy<Value = Usage> {
    (0..99_u64, 0..99_u64, 0..99_u64, 0..99_u64, 0..99_u64).prop_map(
        |(input, cache_read, cache_write, output, reasoning)| Usage {
            input: Some(input),
            cache_read: Some(cache_read),
            cache_write: Some(cache_write),
            output: Some(output),
            reasoning: Some(reasoning),
            ..Usage::default()
        },
    )
}

/// A part of a stream: what opens it, and its pieces.
fn stream_part() -> impl Strategy<Value = (Opening<'static>, Vec<Text>)> {
    let opening = prop_oneof![
        Just(Opening::Text),
        Just(Opening::Refusal),
        Just(Opening::Reasoning { id: None, redacted: false }),
        (name(), name()).prop_map(|(id, name)| Opening::ToolCall {
            id: Some(id),
            name,
            kind: CallKind::Function,
            item: None
        }),
    ];
    (opening, prop::collection::vec(text(), 0..4))
}

/// The events of `parts` of one choice, each in order, the parts mixed by `order` as the canonical contract allows.
fn mixed(parts: &[(Opening<'static>, Vec<Text>)], order: &[usize]) -> Vec<Event<'static>> {
    let mut events = vec![Event::Start { id: None, model: None, created: None }];
    let mut open: Vec<(usize, std::collections::VecDeque<Text>)> = Vec::new();
    let mut unopened = parts.iter().enumerate();
    let mut order = order.iter().copied().cycle();
    loop {
        let at = order.next().unwrap_or(0);
        if at >= open.len() || open.is_empty() {
            match unopened.next() {
                Some((part, (opening, pieces))) => {
                    events.push(Event::Open { choice: 0, part, opening: opening.clone() });
                    open.push((part, pieces.iter().cloned().collect()));
                }
                None if open.is_empty() => break,
                None => {}
            }
        }
        let at = at % open.len();
        let (part, pieces) = &mut open[at];
        let part = *part;
        match pieces.pop_front() {
            Some(text) if matches!(parts[part].0, Opening::ToolCall { .. }) => {
                events.push(Event::Delta { choice: 0, part, delta: Delta::Arguments(text) });
            }
            Some(text) => events.push(Event::Delta { choice: 0, part, delta: Delta::Text(text) }),
            None => {
                events.push(Event::Close { choice: 0, part });
                open.remove(at);
            }
        }
    }
    events.extend([Event::Stop { choice: 0, stop: Stop::new(StopReason::Length) }, Event::End]);
    events
}

/// What a caller of this dialect makes of such events: texts in the order in which they came, calls in the order in which
/// they began.
fn expected(events: &[Event<'static>], parts: &[(Opening<'static>, Vec<Text>)]) -> Value {
    let mut sums: Map<String, Value> = Map::new();
    let mut add = |name: &str, text: &str| {
        let held = sums.entry(name).or_insert_with(|| "".into()).as_str().expect("text").to_owned();
        sums.insert(name.to_owned(), (held + text).into());
    };
    for event in events {
        if let Event::Delta { part, delta: Delta::Text(text), .. } = event {
            match parts[*part].0 {
                Opening::Text => add("text", text),
                Opening::Refusal => add("refusal", text),
                _ => add("thoughts", text),
            }
        }
    }
    let calls: Vec<Value> = parts
        .iter()
        .filter_map(|(opening, pieces)| match opening {
            Opening::ToolCall { id, name, .. } => Some(json!({"id": id, "name": name, "arguments": pieces.concat()})),
            _ => None,
        })
        .collect();
    let of = |name: &str| sums.get(name).cloned().unwrap_or_else(|| "".into());
    json!({"text": of("text"), "refusal": of("refusal"), "thoughts": of("thoughts"), "calls": calls, "finish": "length", "logprobs": []})
}

proptest! {
    #[test]
    fn requests(request in request()) {
        let mut losses = Losses::default();
        let text = openai::request::write(&request, &Wanted::new("m"), &mut losses).expect("can be said").to_text();
        prop_assert!(losses.is_empty());
        prop_assert_eq!(read_request(&text).expect("a request"), request);
    }

    #[test]
    fn answers(answer in answer()) {
        let text = openai::answer::write(&answer, &TOLD).to_text();
        prop_assert_eq!(read_answer(&text).expect("an answer"), answer);
    }

    #[test]
    fn tokens(tokens in usage()) {
        prop_assert_eq!(openai::usage::read(&openai::usage::write(&tokens)), Some(tokens));
    }

    #[test]
    fn streams(parts in prop::collection::vec(stream_part(), 0..5), order in prop::collection::vec(0..5_usize, 1..9)) {
        let events = mixed(&parts, &order);
        let expected = expected(&events, &parts);
        let stream = written(events);
        let all = datas(&stream);
        prop_assert_eq!(&fold(&all)["choices"]["0"], &expected);
        // Read and written once more, it is still the same.
        let again = super::again(all.iter().map(|data| data.as_bytes())).expect("a stream");
        prop_assert_eq!(fold(&datas(&again)), fold(&all));
    }
}
