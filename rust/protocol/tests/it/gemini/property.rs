//! Whatever canonical form Google's dialect can say comes back the same.

use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::json;
use tollway_protocol::canonical::Losses;
use tollway_protocol::canonical::{
    Answer, Arguments, Body, Builtin, BuiltinKind, CallKind, Choice, Format, FunctionTool, Media, Message, Part,
    Reasoning, Request, Rest, Role, Sampling, Signature, Source, Stop, StopReason, Thinking, Tool, ToolCall,
    ToolChoice, ToolKind, ToolResult, Usage,
};
use tollway_protocol::dialect::gemini::{answer, request};
use tollway_protocol::dialect::{Dialect, Wanted};
use tollway_protocol::json::{Json, Members};

use super::{TOLD, head};

const MODEL: &str = "gemini-2.5-flash";

fn text() -> impl Strategy<Value = Cow<'static, str>> {
    "[a-zé\\n\"\\\\ ]{0,8}".prop_map(Cow::Owned)
}

fn name() -> impl Strategy<Value = Cow<'static, str>> {
    "[a-z_]{1,6}".prop_map(Cow::Owned)
}

fn number() -> impl Strategy<Value = Cow<'static, str>> {
    prop_oneof!["[1-9][0-9]{0,2}", "-?0\\.[0-9]{1,3}"].prop_map(Cow::Owned)
}

fn object() -> impl Strategy<Value = Json<'static>> {
    prop::collection::btree_map(name(), text(), 0..3).prop_map(|members| {
        Json::Object(Members(members.into_iter().map(|(name, value)| (name, Json::String(value))).collect()))
    })
}

fn schema() -> impl Strategy<Value = Json<'static>> {
    prop::sample::select(vec![
        json!({"type": "object", "properties": {"a_b": {"type": ["string", "null"]}}, "required": ["a_b"]}),
        json!({"$ref": "#/$defs/x", "$defs": {"x": {"const": 1}}}),
        json!({"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}, "minItems": 2}),
    ])
    .prop_map(|schema| super::leaked(&schema))
}

fn call() -> impl Strategy<Value = Body<'static>> {
    (prop::option::of(name()), name(), object()).prop_map(|(id, name, arguments)| {
        let arguments = Arguments::Json(arguments);
        Body::ToolCall(ToolCall { id, name, arguments, kind: CallKind::Function, item: None })
    })
}

fn result() -> impl Strategy<Value = Body<'static>> {
    (prop::option::of(name()), name(), text()).prop_map(|(call, name, text)| {
        let json = Some(Members::new().with("result", text.clone()).into());
        let content = vec![Part::text(text)];
        Body::ToolResult(ToolResult { call, name: Some(name), content, json, failed: None, kind: CallKind::Function })
    })
}

/// What holds media of a kind.
type Kind = fn(Media<'static>) -> Body<'static>;

fn media() -> impl Strategy<Value = Body<'static>> {
    let kinds: Vec<(&str, Kind)> = vec![
        ("image/png", Body::Image),
        ("audio/wav", Body::Audio),
        ("video/mp4", Body::Video),
        ("application/pdf", Body::Document),
    ];
    let sources =
        vec![Source::Base64("AA+/".into()), Source::Url("https://h/x".into()), Source::File("gs://b/x".into())];
    (prop::sample::select(kinds), prop::sample::select(sources))
        .prop_map(|((mime, kind), source)| kind(Media::new(source, Some(mime.into()))))
}

fn part(model: bool) -> impl Strategy<Value = Part<'static>> {
    let thought = text().prop_map(|text| Body::Reasoning(Reasoning { text, ..Reasoning::default() }));
    let said = "[a-zé]{1,8}".prop_map(Cow::Owned).prop_map(|text| Body::Text(text, Vec::new()));
    let body = if model {
        prop_oneof![said, thought, call(), media()].boxed()
    } else {
        prop_oneof![said, result(), media()].boxed()
    };
    (body, prop::option::of("[A-Za-z]{4}")).prop_map(|(body, signature)| {
        let signature = signature.map(|value| Signature { origin: Dialect::Gemini, value: value.into() });
        Part { signature, ..Part::new(body) }
    })
}

fn messages() -> impl Strategy<Value = Vec<Message<'static>>> {
    let turn = (prop::collection::vec(part(false), 1..3), prop::collection::vec(part(true), 1..4));
    (prop::option::of(text()), prop::collection::vec(turn, 1..4)).prop_map(|(system, turns)| {
        let system = system.map(|text| Message::new(Role::System, vec![Part::text(text)]));
        let turns = turns.into_iter();
        let turns =
            turns.flat_map(|(user, model)| [Message::new(Role::User, user), Message::new(Role::Assistant, model)]);
        system.into_iter().chain(turns).collect()
    })
}

fn sampling() -> impl Strategy<Value = Sampling<'static>> {
    let numbers = prop::collection::vec(prop::option::of(number()), 6);
    let others = (
        prop::option::of(any::<u32>()),
        prop::collection::vec(text(), 0..3),
        prop::option::of(1u64..9),
        prop::option::of(any::<bool>()),
    );
    (numbers, others).prop_map(|(numbers, (max_tokens, stop, choices, logprobs))| {
        let number = |index: usize| numbers[index].clone();
        Sampling {
            max_tokens: max_tokens.map(u64::from),
            temperature: number(0),
            top_p: number(1),
            top_k: number(2),
            seed: number(3),
            frequency_penalty: number(4),
            presence_penalty: number(5),
            stop,
            choices,
            logprobs,
            top_logprobs: choices,
        }
    })
}

fn tools() -> impl Strategy<Value = Vec<Tool<'static>>> {
    let plain = |kind| Tool { kind, cache: None, rest: Rest::none() };
    let function = (name(), prop::option::of(text()), prop::option::of(schema())).prop_map(
        move |(name, description, parameters)| {
            plain(ToolKind::Function(FunctionTool { name, description, parameters, strict: None }))
        },
    );
    let builtin = prop::sample::select(vec![
        ("googleSearch", BuiltinKind::WebSearch),
        ("codeExecution", BuiltinKind::CodeExecution),
        ("googleMaps", BuiltinKind::Other),
    ]);
    let builtin = builtin.prop_map(move |(name, kind)| {
        let json = Members::new().with(name, Members::new()).into();
        plain(ToolKind::Builtin(Builtin { kind, origin: Dialect::Gemini, json }))
    });
    (prop::collection::vec(function, 0..3), prop::collection::vec(builtin, 0..2)).prop_map(
        |(mut functions, builtins)| {
            functions.extend(builtins);
            functions
        },
    )
}

fn choice() -> impl Strategy<Value = ToolChoice<'static>> {
    prop_oneof![
        Just(ToolChoice::Auto),
        Just(ToolChoice::None),
        Just(ToolChoice::Required),
        name().prop_map(ToolChoice::Named),
        prop::collection::vec(name(), 2..4).prop_map(|names| ToolChoice::Allowed(names, true)),
        prop::collection::vec(name(), 1..4).prop_map(|names| ToolChoice::Allowed(names, false)),
    ]
}

fn format() -> impl Strategy<Value = Format<'static>> {
    let by_schema =
        schema().prop_map(|schema| Format::JsonSchema { name: None, description: None, schema, strict: None });
    prop_oneof![Just(Format::Text), Just(Format::JsonObject), by_schema]
}

fn thinking() -> impl Strategy<Value = Thinking<'static>> {
    let budget = prop_oneof![
        (1u64..9).prop_map(|budget| Thinking { budget: Some(budget), ..Thinking::default() }),
        Just(Thinking { adaptive: true, ..Thinking::default() }),
        Just(Thinking { enabled: Some(false), budget: Some(0), ..Thinking::default() }),
    ];
    (budget, prop::option::of(any::<bool>())).prop_map(|(thinking, show)| Thinking { show, ..thinking })
}

fn usage() -> impl Strategy<Value = Usage> {
    let maybe = || prop::option::of(0u64..1000);
    ((0u64..1000, maybe(), maybe(), maybe(), maybe()), (0u64..1000, maybe(), maybe(), maybe())).prop_map(
        |(
            (input, cache_read, audio_input, image_input, tool_input),
            (output, reasoning, audio_output, image_output),
        )| Usage {
            input: Some(input),
            cache_read,
            audio_input,
            image_input,
            tool_input,
            output: Some(output),
            reasoning,
            audio_output,
            image_output,
            ..Usage::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests(
        messages in messages(), tools in tools(), sampling in sampling(), tool_choice in prop::option::of(choice()),
        format in prop::option::of(format()), thinking in prop::option::of(thinking()),
    ) {
        // A choice where there is no function is refused, and not written.
        let idle = !tools.is_empty() && tools.iter().all(|tool| matches!(tool.kind, ToolKind::Builtin(_)));
        let tool_choice = tool_choice.filter(|_| !idle);
        let whole = Request {
            model: MODEL.into(), messages, tools, tool_choice, parallel_tools: None, sampling, format, thinking, stream: false,
            user: None, rest: Rest::none(),
        };
        let mut losses = Losses::default();
        let bytes = request::write(&whole, &Wanted::new(MODEL), &mut losses).expect("written").to_bytes();
        prop_assert_eq!(losses, Losses::default());
        let again = request::read(Json::parse(&bytes).expect("JSON"), head(MODEL)).expect("read");
        prop_assert_eq!(again, whole);
    }

    #[test]
    fn answers(
        choices in prop::collection::vec(prop::collection::vec(part(true), 0..4), 1..3), tokens in prop::option::of(usage()),
        word in prop::sample::select(vec!["STOP", "MAX_TOKENS", "SAFETY", "MALFORMED_FUNCTION_CALL", "OTHER"]), detail in prop::option::of(text()),
    ) {
        let choice = |(index, parts): (usize, Vec<Part<'static>>)| {
            let called = parts.iter().any(|part| matches!(part.body, Body::ToolCall(_)));
            let reason = match word {
                "STOP" if called => StopReason::ToolUse,
                "STOP" => StopReason::End,
                "MAX_TOKENS" => StopReason::Length,
                "SAFETY" => StopReason::Filter,
                "OTHER" => StopReason::Other,
                _ => StopReason::MalformedCall,
            };
            let stop = Stop { word: Some(word.into()), detail: detail.clone(), ..Stop::new(reason) };
            Choice { index: index as u64, parts, stop: Some(stop), logprobs: None, rest: Rest::none() }
        };
        let choices = choices.into_iter().enumerate().map(choice).collect();
        let whole = Answer { id: Some("r".into()), model: Some("m".into()), created: None, choices, usage: tokens, rest: Rest::none() };
        let bytes = answer::write(&whole, &TOLD).to_bytes();
        let mut again = answer::read(Json::parse(&bytes).expect("JSON")).expect("read");
        // How the tokens were written is kept beside them.
        again.rest.members.0.retain(|(name, _)| name != "usageMetadata");
        prop_assert!(again.rest.members.is_empty());
        again.rest = Rest::none();
        prop_assert_eq!(again, whole);
    }
}
