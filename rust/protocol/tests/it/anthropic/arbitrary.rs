//! Arbitrary canonical forms of what the dialect can say.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tollway_protocol::canonical::{
    Annotation, Arguments, Body, CacheControl, CallKind, Choice, Format, FunctionTool, Media, Message, Part, Reasoning,
    Request, Rest, Role, Sampling, Signature, Source, Stop, StopReason, Thinking, Tool, ToolCall, ToolChoice, ToolKind,
    ToolResult, Usage,
};
use tollway_protocol::canonical::{Answer, Builtin, BuiltinKind};
use tollway_protocol::dialect::Dialect::Anthropic;
use tollway_protocol::json::{Json, Members};

use super::documents::document;

type Own<T> = BoxedStrategy<T>;

pub(super) fn text() -> Own<String> {
    "[a-zA-Zé€\"\\\\\n]{1,12}".boxed()
}

fn own<T: std::fmt::Debug + Clone + 'static>(strategy: impl Strategy<Value = T> + 'static) -> Own<Option<T>> {
    option::of(strategy).boxed()
}

fn cow(text: Option<String>) -> Option<std::borrow::Cow<'static, str>> {
    text.map(Into::into)
}

fn cache() -> Own<Option<CacheControl<'static>>> {
    own(select(vec![None, Some("5m"), Some("1h")]).prop_map(|ttl| CacheControl { ttl: ttl.map(Into::into) }))
}

fn object() -> Own<Json<'static>> {
    vec((text(), document()), 0..3)
        .prop_map(|members| {
            let members = members.into_iter().map(|(name, value)| (name.into(), value));
            Json::Object(Members::new().with_all(Members(members.collect())))
        })
        .boxed()
}

/// Documents as they are given in requests.
fn media() -> Own<Media<'static>> {
    let source = prop_oneof![
        "[A-Za-z0-9]{4,8}".prop_map(|data| (Source::Base64(data.into()), Some("application/pdf"))),
        text().prop_map(|url| (Source::Url(format!("https://{url}").into()), None)),
        "[a-z0-9]{4}".prop_map(|id| (Source::File(format!("file_{id}").into()), None)),
        text().prop_map(|data| (Source::Text(data.into()), Some("text/plain"))),
        text().prop_map(|data| (Source::Parts(vec![Part::text(data)]), None)),
    ];
    (source, own(text()), own(text()), own(any::<bool>()))
        .prop_map(|((source, mime), name, context, citations)| {
            let (name, context) = (cow(name), cow(context));
            Media { source, mime: mime.map(Into::into), name, detail: None, context, citations }
        })
        .boxed()
}

fn image() -> Own<Media<'static>> {
    prop_oneof![
        "[A-Za-z0-9]{4,8}".prop_map(|data| Media::new(Source::Base64(data.into()), Some("image/png".into()))),
        text().prop_map(|url| Media::new(Source::Url(url.into()), None)),
    ]
    .boxed()
}

fn annotation() -> Own<Annotation<'static>> {
    (text(), text())
        .prop_map(|(url, cited)| {
            let json = Members::new()
                .with("type", "web_search_result_location")
                .with("url", url.clone())
                .with("cited_text", cited.clone())
                .with("encrypted_index", "e");
            let origin = (Anthropic, json.into());
            Annotation { url: Some(url.into()), title: None, cited: Some(cited.into()), span: None, origin }
        })
        .boxed()
}

fn reasoning() -> Own<Part<'static>> {
    (text(), text(), any::<bool>())
        .prop_map(|(thoughts, value, redacted)| {
            let text = if redacted { String::new() } else { thoughts };
            let body = Body::Reasoning(Reasoning { text: text.into(), redacted, ..Reasoning::default() });
            let signature = Some(Signature { origin: Anthropic, value: value.into() });
            Part { signature, ..Part::new(body) }
        })
        .boxed()
}

fn call() -> Own<Part<'static>> {
    ("[a-zA-Z0-9_-]{1,9}", text(), object())
        .prop_map(|(id, name, input)| {
            Part::new(Body::ToolCall(ToolCall {
                id: Some(id.into()),
                name: name.into(),
                arguments: Arguments::Json(input),
                kind: CallKind::Function,
                item: None,
            }))
        })
        .boxed()
}

fn server_block() -> Own<Part<'static>> {
    object()
        .prop_map(|input| {
            let block = Members::new().with("type", "server_tool_use").with("id", "s").with("input", input);
            Part::new(Body::Foreign(Anthropic, block.into()))
        })
        .boxed()
}

fn result() -> Own<Part<'static>> {
    (
        "[a-zA-Z0-9_-]{1,9}",
        vec(prop_oneof![words(), image().prop_map(|it| Part::new(Body::Image(it)))], 0..3),
        own(any::<bool>()),
    )
        .prop_map(|(call, content, failed)| {
            let (call, kind) = (Some(call.into()), CallKind::Function);
            Part::new(Body::ToolResult(ToolResult { call, name: None, content, json: None, failed, kind }))
        })
        .boxed()
}

fn words() -> Own<Part<'static>> {
    (text(), vec(annotation(), 0..2), cache())
        .prop_map(|(text, annotations, cache)| Part { cache, ..Part::new(Body::Text(text.into(), annotations)) })
        .boxed()
}

fn cached(part: Own<Part<'static>>) -> Own<Part<'static>> {
    (part, cache()).prop_map(|(part, cache)| Part { cache, ..part }).boxed()
}

fn user_message() -> Own<Message<'static>> {
    let rest = prop_oneof![
        words(),
        cached(image().prop_map(|media| Part::new(Body::Image(media))).boxed()),
        cached(media().prop_map(|media| Part::new(Body::Document(media))).boxed()),
    ];
    (vec(cached(result()), 0..3), vec(rest, 1..4))
        .prop_map(|(mut parts, rest)| {
            parts.extend(rest);
            Message::new(Role::User, parts)
        })
        .boxed()
}

fn assistant_message() -> Own<Message<'static>> {
    vec(prop_oneof![words(), reasoning(), call(), server_block()], 1..5)
        .prop_map(|parts| Message::new(Role::Assistant, parts))
        .boxed()
}

fn tool() -> Own<Tool<'static>> {
    let function =
        (text(), own(text()), object(), own(any::<bool>())).prop_map(|(name, description, schema, strict)| {
            let Json::Object(schema) = schema else { unreachable!("an object") };
            let parameters = Some(Members::new().with("type", "object").with_all(schema).into());
            ToolKind::Function(FunctionTool { name: name.into(), description: cow(description), parameters, strict })
        });
    let builtin = any::<u32>().prop_map(|uses| {
        let json = Members::new().with("type", "web_search_20260318").with("name", "web_search").with("max_uses", uses);
        ToolKind::Builtin(Builtin { kind: BuiltinKind::WebSearch, origin: Anthropic, json: json.into() })
    });
    prop_oneof![
        (function, cache()).prop_map(|(kind, cache)| Tool { kind, cache, rest: Rest::none() }),
        builtin.prop_map(|kind| Tool { kind, cache: None, rest: Rest::none() }),
    ]
    .boxed()
}

fn choice() -> Own<(Option<ToolChoice<'static>>, Option<bool>)> {
    let choice = prop_oneof![
        Just(ToolChoice::Auto),
        Just(ToolChoice::Required),
        text().prop_map(|name| ToolChoice::Named(name.into())),
    ];
    prop_oneof![Just((None, None)), Just((Some(ToolChoice::None), None)), (choice.prop_map(Some), own(any::<bool>())),]
        .boxed()
}

fn thinking() -> Own<Option<Thinking<'static>>> {
    let effort = own(select(vec!["low", "medium", "high", "max"]));
    let shown = || own(any::<bool>());
    prop_oneof![
        Just(None),
        (effort, shown()).prop_map(|(effort, show)| {
            let effort = effort.map(Into::into);
            Some(Thinking { enabled: Some(true), adaptive: true, effort, show, ..Thinking::default() })
        }),
        (1024u64..40_000, shown()).prop_map(|(budget, show)| {
            Some(Thinking { enabled: Some(true), budget: Some(budget), show, ..Thinking::default() })
        }),
        Just(Some(Thinking { enabled: Some(false), ..Thinking::default() })),
        Just(Some(Thinking { effort: Some("medium".into()), ..Thinking::default() })),
    ]
    .boxed()
}

fn sampling() -> Own<Sampling<'static>> {
    let number = || own(select(vec!["0", "0.25", "1.0"]));
    (1u64..100_000, number(), number(), number(), vec(text(), 0..3))
        .prop_map(|(max, temperature, top_p, top_k, stop)| Sampling {
            max_tokens: Some(max),
            temperature: temperature.map(Into::into),
            top_p: top_p.map(Into::into),
            top_k: top_k.map(Into::into),
            stop: stop.into_iter().map(Into::into).collect(),
            ..Sampling::default()
        })
        .boxed()
}

/// A request that the dialect can say, and that was made in it.
pub(super) fn request() -> Own<Request<'static>> {
    let turns = vec(prop_oneof![user_message(), assistant_message()], 1..5);
    let system = vec(words(), 0..3);
    let format = own(object()).prop_map(|schema| {
        schema.map(|schema| Format::JsonSchema { name: None, description: None, schema, strict: None })
    });
    let said = (vec(tool(), 0..3), choice(), format, thinking(), sampling(), any::<bool>(), own(text()));
    (system, turns, said)
        .prop_map(
            |(system, turns, (tools, (tool_choice, parallel_tools), format, thinking, sampling, stream, user))| {
                let mut messages = Vec::new();
                if !system.is_empty() {
                    messages.push(Message::new(Role::System, system));
                }
                messages.extend(turns);
                Request {
                    // Takes budgets and adaptive thinking alike.
                    model: "claude-opus-4-6".into(),
                    messages,
                    tools,
                    tool_choice,
                    parallel_tools,
                    sampling,
                    format,
                    thinking,
                    stream,
                    user: cow(user),
                    rest: Rest { origin: Some(Anthropic), members: Members::new() },
                }
            },
        )
        .boxed()
}

fn usage() -> Own<Usage> {
    let count = || own(0u64..1_000_000);
    (count(), count(), count(), count(), count(), count())
        .prop_map(|(input, cache_read, write, reasoning, output, searches)| Usage {
            input: Some(input.unwrap_or(0)),
            cache_read,
            cache_write: write,
            cache_write_1h: write,
            output: Some(output.unwrap_or(0)),
            reasoning,
            web_searches: searches,
            ..Usage::default()
        })
        .boxed()
}

/// An answer that the dialect can say.
pub(super) fn answer() -> Own<Answer<'static>> {
    let stops = select(vec![
        (StopReason::End, "end_turn"),
        (StopReason::Length, "max_tokens"),
        (StopReason::StopSequence, "stop_sequence"),
        (StopReason::Refusal, "refusal"),
        (StopReason::Pause, "pause_turn"),
        (StopReason::ContextWindow, "model_context_window_exceeded"),
    ]);
    let plain = words().prop_map(|part| Part { cache: None, ..part });
    let parts = vec(prop_oneof![plain, reasoning(), server_block()], 0..5);
    (parts, call(), any::<bool>(), stops, usage())
        .prop_map(|(mut parts, call, calls, (reason, word), usage)| {
            let (reason, word) = if calls { (StopReason::ToolUse, "tool_use") } else { (reason, word) };
            parts.extend(calls.then_some(call));
            let sequence = (reason == StopReason::StopSequence).then(|| "\n".into());
            let stop = Some(Stop { reason, sequence, word: Some(word.into()), detail: None });
            let choice = Choice { index: 0, parts, stop, logprobs: None, rest: Rest::none() };
            let id = Some("msg_1".into());
            let model = Some("m".into());
            Answer { id, model, created: None, choices: vec![choice], usage: Some(usage), rest: Rest::none() }
        })
        .boxed()
}
