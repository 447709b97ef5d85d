//! Requests: what a caller of each dialect says, and what must reach a model that is spoken to in another.

use std::fs;

use serde_json::Value;
use tollway_protocol::canonical::Losses;
use tollway_protocol::dialect::{Dialect, Head, Wanted};
use tollway_protocol::json::{Invalid, Json};

use super::compare::difference;
use super::pretty::pretty;
use super::{Case, DIALECTS, LEAST_OF_UPSTREAMS, UPSTREAMS, cases, judge};

/// What reaches a model, and what is lost on the way.
fn sent(case: &Case, from: Dialect, to: Dialect, model: &str) -> Result<(Vec<u8>, Vec<String>), Invalid> {
    let body = case.file("request.json").unwrap_or_else(|| panic!("{}: no request.json", case.name));
    let head = Head { model: (from == Dialect::Gemini).then_some("route"), stream: case.told["stream"] == true };
    let mut losses = Losses::default();
    let request = from.read_request(Json::parse(&body)?, head, &mut losses)?;
    let written = to.write_request(&request, &Wanted::new(model), &mut losses)?;
    Ok((written.to_bytes(), losses.names().iter().map(ToString::to_string).collect()))
}

/// What is wrong with what reaches the target.
fn wrong(case: &Case, from: Dialect, target: (&str, Dialect, &str)) -> Option<String> {
    let (name, to, default) = target;
    let model = case.said("models", name).and_then(Value::as_str).unwrap_or(default);
    let file = format!("to-{name}.json");
    let complaint = match (sent(case, from, to, model), case.said("refused", name)) {
        (Err(invalid), Some(param)) => (invalid.param != *param).then(|| format!("refused for {}", invalid.param)),
        (Err(invalid), None) => Some(format!("is refused: {}: {}", invalid.param, invalid.message)),
        (Ok(_), Some(param)) => Some(format!("is not refused for {param}")),
        (Ok((body, losses)), None) => {
            let said = case.said("lossy", name).cloned().unwrap_or_else(|| Value::Array(Vec::new()));
            let Some(expected) = case.file(&file).filter(|expected| !expected.is_empty()) else {
                let draft = pretty(&Json::parse(&body).expect("JSON"));
                fs::write(case.folder.join(&file), draft).expect("written");
                return Some(format!("{}: {file} was drafted; lossy {losses:?}", case.name));
            };
            let lost = Value::from(losses);
            (lost != said).then(|| format!("loses {lost}, not {said}")).or_else(|| difference(&expected, &body))
        }
    };
    complaint.map(|complaint| format!("{} to {name}: {complaint}", case.name))
}

fn all(caller: &str) {
    let from = DIALECTS.iter().find(|(name, ..)| *name == caller).expect("a dialect").1;
    let targets: Vec<_> = DIALECTS.into_iter().filter(|(_, to, _)| *to != from).collect();
    let cases = cases(caller, "requests");
    let pairs = cases.iter().flat_map(|case| targets.iter().map(move |target| (case, *target)));
    let wrong: Vec<String> = pairs.filter_map(|(case, target)| wrong(case, from, target)).collect();
    judge(&wrong, cases.len() * targets.len());
}

#[test]
fn toward_upstreams() {
    for target in UPSTREAMS {
        let named = |case: &Case| case.file(&format!("to-{}.json", target.0)).is_some();
        let all = DIALECTS
            .into_iter()
            .flat_map(|(caller, from, _)| cases(caller, "requests").into_iter().map(move |case| (from, case)));
        let told: Vec<_> = all.filter(|(_, case)| named(case) || case.said("refused", target.0).is_some()).collect();
        assert!(told.len() >= LEAST_OF_UPSTREAMS, "{} cases say what must reach {}", told.len(), target.0);
        let wrong: Vec<String> = told.iter().filter_map(|(from, case)| wrong(case, *from, target)).collect();
        judge(&wrong, told.len());
    }
}

#[test]
fn of_chat_callers() {
    all("chat");
}

#[test]
fn of_responses_callers() {
    all("responses");
}

#[test]
fn of_anthropic_callers() {
    all("anthropic");
}

#[test]
fn of_gemini_callers() {
    all("gemini");
}
