//! Recorded provider traffic: what was counted, against what the provider reported.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use flate2::read::GzDecoder;
use serde_json::Value;
use tollway_protocol::canonical::{Body, Losses, ToolKind};
use tollway_protocol::dialect::{Dialect, Head};
use tollway_protocol::json::Json;
use tollway_tokens::{Counted, count_request};

/// One recorded request.
struct Recorded {
    model: String,
    dialect: Dialect,
    body: String,
    /// Input tokens, as reported.
    reported: u64,
}

fn recorded() -> Option<Vec<Recorded>> {
    Some(lines()?.filter_map(|line| case(&line)).collect())
}

/// The recorded exchanges, where they are at hand: in `TOLLWAY_WIRE`, or in `shared/wire` beside the project.
pub(crate) fn lines() -> Option<impl Iterator<Item = Value>> {
    let folder = std::env::var_os("TOLLWAY_WIRE")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/wire"), PathBuf::from);
    let file = std::fs::File::open(folder.join("recordings.jsonl.gz")).ok()?;
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    Some(lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()))
}

fn case(case: &Value) -> Option<Recorded> {
    let dialect = match case["api"].as_str()? {
        "chat" => Dialect::Chat,
        "messages" => Dialect::Anthropic,
        "generateContent" | "streamGenerateContent" => Dialect::Gemini,
        _ => return None,
    };
    let body = case["req"].get("json")?.to_string();
    let url = case["url"].as_str()?;
    let in_path = url.split("/models/").nth(1).and_then(|rest| rest.split([':', '?', '/']).next());
    let model = case["req"]["json"]["model"].as_str().or(in_path)?.to_owned();
    let text = case["resp"]["text"].as_str()?;
    let events = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let documents = std::iter::once(text).chain(events).filter_map(|text| serde_json::from_str::<Value>(text).ok());
    let reported = documents.filter_map(|answer| input(&answer)).max().filter(|count| *count > 0)?;
    (case["status"] == 200).then_some(Recorded { model, dialect, body, reported })
}

fn input(answer: &Value) -> Option<u64> {
    let usage = [&answer["usage"], &answer["message"]["usage"], &answer["usageMetadata"]];
    let usage = usage.into_iter().find(|usage| usage.is_object())?;
    let tokens = |name: &str| usage[name].as_u64();
    let anthropic = || {
        let cached = ["cache_read_input_tokens", "cache_creation_input_tokens"];
        Some(tokens("input_tokens")? + cached.into_iter().filter_map(tokens).sum::<u64>())
    };
    tokens("prompt_tokens").or_else(|| tokens("promptTokenCount")).or_else(anthropic)
}

/// What is counted, and whether the request is text and functions alone.
fn counted(recorded: &Recorded) -> Option<(Counted, bool)> {
    let json = Json::parse(recorded.body.as_bytes()).ok()?;
    let head = Head { model: Some(&recorded.model), ..Head::default() };
    let request = recorded.dialect.read_request(json, head, &mut Losses::default()).ok()?;
    let is_said =
        |body: &Body<'_>| !matches!(body, Body::Image(_) | Body::Audio(_) | Body::Video(_) | Body::Document(_));
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let is_plain = parts.clone().all(|part| match &part.body {
        Body::ToolResult(result) => result.content.iter().all(|part| is_said(&part.body)),
        Body::Foreign(..) => false,
        body => is_said(body),
    }) && request.tools.iter().all(|tool| !matches!(tool.kind, ToolKind::Builtin(_)));
    Some((count_request(&recorded.model, &request), is_plain))
}

/// A group: its name, what is in the names of its models, and how far the count may be from the report, in hundredths of
/// it: for half of the requests, and for nine in ten. The crate's documentation says how far it was.
const GROUPS: [(&str, &[&str], usize, usize); 9] = [
    ("OpenAI", &["gpt-", "o1", "o3", "o4"], 0, 5),
    ("Claude 5", &["sonnet-5", "opus-5"], 8, 20),
    ("Claude 4", &["claude-haiku-4", "claude-sonnet-4", "claude-opus-4"], 7, 15),
    ("Claude 3", &["claude-3"], 7, 25),
    ("Gemini", &["gemini"], 20, 45),
    ("Mistral", &["mistral", "mixtral", "magistral"], 12, 40),
    ("DeepSeek", &["deepseek"], 7, 15),
    ("Grok", &["grok"], 5, 60),
    ("Llama", &["llama"], 2, 5),
];

#[test]
fn as_close_as_the_documentation_says() {
    let Some(recorded) = recorded() else {
        println!("skipped: there is no recorded traffic");
        return;
    };
    let mut errors: Vec<Vec<(f64, bool)>> = vec![Vec::new(); GROUPS.len()];
    for one in &recorded {
        let group = GROUPS.iter().position(|(_, marks, ..)| marks.iter().any(|mark| one.model.contains(mark)));
        if let (Some(group), Some((counted, true))) = (group, counted(one)) {
            let error = (counted.tokens as f64 - one.reported as f64) / one.reported as f64;
            errors[group].push((error, counted.exact));
        }
    }
    println!("| | requests | exact | half | nine in ten | mean |");
    for ((name, _, half, most), errors) in GROUPS.iter().zip(&mut errors) {
        let claimed: Vec<bool> = errors.iter().filter(|(_, exact)| *exact).map(|(error, _)| *error == 0.0).collect();
        let right = claimed.iter().filter(|right| **right).count();
        let bias = errors.iter().map(|(error, _)| error).sum::<f64>() / errors.len() as f64;
        errors.sort_by(|one, other| one.0.abs().total_cmp(&other.0.abs()));
        let at = |tenths: usize| errors[(errors.len() * tenths / 10).min(errors.len() - 1)].0.abs() * 100.0;
        println!(
            "| {name} | {} | {right} of {} | {:.1} | {:.1} | {:+.1} |",
            errors.len(),
            claimed.len(),
            at(5),
            at(9),
            bias * 100.0
        );
        assert!(right * 100 >= claimed.len() * 99, "{name}: {right} of {} are as reported", claimed.len());
        assert!(at(5) <= *half as f64 && at(9) <= *most as f64, "{name}: {:.1} %, {:.1} %", at(5), at(9));
    }
}
