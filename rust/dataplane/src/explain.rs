//! What would happen to a request, and why, without calling out: the pipeline's own decisions, told.

use bytes::Bytes;
use serde_json::{Value, json};
use tollway_protocol::canonical::{Losses, Request, Usage};
use tollway_protocol::dialect::{Dialect, Head};
use tollway_protocol::json::Json;

use crate::accept::attribution::Attribution;
use crate::accept::endpoint::Endpoint;
use crate::accept::{self, Call, CallHead};
use crate::authenticate::registry::Registry;
use crate::authenticate::{self, Caller};
use crate::clock::unix_time;
use crate::error::Error;
use crate::route::{self, Ask, Chooser};
use crate::snapshot::{Key, Snapshot, Target};

/// Explains a request for `model` under the configuration `snapshot` (the JSON that a gateway takes): by the key whose
/// public id or secret is `key`, with `body`, where given.
///
/// Gives `{key, route, strategy, targets: [{provider, model, region, eligible, why, timeout_ms, max_retries, …}],
/// guardrails, hooks, cache, limits, request_bytes, …, error}`: what comes before the first refusal, and the refusal.
///
/// With a body, each target also has `estimated_input_tokens` (`tokens_exact` tells whether its provider counts just as
/// many), `estimated_cost_nano`, what that input costs now at the usual tier and with nothing cached, and `most_cost_nano`,
/// the same with all the output that the request allows; null is what is not known. The first target that is eligible is
/// repeated outside.
///
/// # Errors
/// Where the snapshot does not hold together.
pub fn explain(snapshot: &[u8], key: Option<&str>, model: &str, body: Option<&[u8]>) -> Result<Value, String> {
    let snapshot = Snapshot::compile(snapshot, None)?;
    let mut told = json!({
        "key": null, "route": null, "strategy": null, "targets": [], "guardrails": [], "hooks": [],
        "cache": "bypass", "limits": [], "request_bytes": body.map(<[u8]>::len),
        "estimated_input_tokens": null, "tokens_exact": null, "estimated_cost_nano": null, "most_cost_nano": null,
        "error": null,
    });
    if let Err(error) = tell(&snapshot, key, model, body, &mut told) {
        let (status, kind, code) = error.kind.row();
        told["error"] = json!({
            "status": status.as_u16(), "type": kind, "code": code, "message": error.message, "param": error.param,
        });
    }
    Ok(told)
}

fn tell(
    snapshot: &Snapshot,
    key: Option<&str>,
    model: &str,
    body: Option<&[u8]>,
    told: &mut Value,
) -> Result<(), Error> {
    let caller = caller(snapshot, key)?;
    told["key"] = json!({"id": &*caller.key.id, "team": caller.key.team, "project": caller.key.project,
        "environment": caller.key.environment, "models": caller.key.models});
    let call = call(model, body)?;
    let permit = route::permit(snapshot, &caller, &call.head.model)?;
    let route = &permit.route;
    told["route"] = json!(&*route.name);
    told["strategy"] = json!(route.strategy().name());
    let hooks = route.request_hooks.iter().chain(&route.response_hooks);
    told["hooks"] = hooks.map(|hook| hook.call.as_str()).collect();
    told["guardrails"] = route.guards.join(&caller.key.guards).names().into();
    let mut said = None;
    Attribution::add_call(&mut said, &call)?;
    let mut ask = Ask::new(&call, route, &caller.key);
    (ask.said, ask.panic_threshold) = (said.as_deref(), snapshot.panic_threshold);
    let models = route.targets.iter().map(|target| target.model.clone()).collect();
    let lengths = if body.is_some() { route::counted(&call, models) } else { Vec::new() };
    ask.lengths = &lengths;
    let mut chooser = Chooser::new(&ask);
    chooser.visit(&route.choice);
    let (order, left_out) = (&chooser.order, &chooser.left_out);
    let json = body.and_then(|body| Json::parse(body).ok());
    let request = json.and_then(|json| Dialect::Chat.read_request(json, Head::default(), &mut Losses::default()).ok());
    let targets = route.targets.iter().enumerate().map(|(index, target)| {
        let place = order.iter().position(|one| *one == index);
        let reason = left_out.iter().find(|(one, _)| *one == index);
        let taken = place.is_some();
        let why = match (place, reason) {
            (Some(0), _) => "tried first".to_owned(),
            (Some(place), _) => format!("tried {} if those before it fail", ordinal(place + 1)),
            (None, Some((_, reason))) => reason.told(target, &ask),
            (None, None) => "another is chosen".to_owned(),
        };
        let mut shown = json!({"provider": &*target.provider.name, "model": target.model, "region": target.provider.region,
            "eligible": taken, "why": why, "timeout_ms": target.timeout.as_millis() as u64,
            "max_retries": target.max_retries});
        let estimates = estimates(target, request.as_ref());
        if order.first() == Some(&index) {
            tell_all(told, &estimates);
        }
        tell_all(&mut shown, &estimates);
        shown
    });
    let targets: Vec<Value> = targets.collect();
    told["targets"] = targets.into();
    if order.is_empty() { Err(route::nobody(&ask, left_out)) } else { Ok(()) }
}

/// The request: that of `body`, else one for `model` that says nothing.
fn call(model: &str, body: Option<&[u8]>) -> Result<Call, Error> {
    let empty = json!({"model": model, "messages": []}).to_string();
    let body = Bytes::copy_from_slice(body.unwrap_or(empty.as_bytes()));
    let endpoint = Endpoint::ChatCompletions;
    let (model, peek) = accept::examine(&body, &endpoint)?;
    Ok(Call::new(CallHead { endpoint, model, trailer: false, forward: Vec::new() }, body, peek))
}

fn tell_all(told: &mut Value, estimates: &[(&str, Value)]) {
    estimates.iter().for_each(|(name, value)| told[*name] = value.clone());
}

/// What `request` would be at `target`, by name.
fn estimates(target: &Target, request: Option<&Request<'_>>) -> [(&'static str, Value); 4] {
    let counted = request.map(|request| tollway_tokens::count_request(&target.model, request));
    let cost = |output| {
        let usage = Usage { input: Some(counted?.tokens), output: Some(output), ..Usage::default() };
        Some(target.prices.as_ref()?.cost(&usage, unix_time())?.nano)
    };
    let sampling = request.map(|request| &request.sampling);
    let most = sampling.and_then(|sampling| sampling.max_tokens?.checked_mul(sampling.choices.unwrap_or(1)));
    [
        ("estimated_input_tokens", counted.map(|counted| counted.tokens).into()),
        ("tokens_exact", counted.map(|counted| counted.exact).into()),
        ("estimated_cost_nano", cost(0).into()),
        ("most_cost_nano", most.and_then(cost).into()),
    ]
}

/// Who calls: the key of that public id, or of that secret; without one, a key that may do everything.
fn caller(snapshot: &Snapshot, key: Option<&str>) -> Result<Caller, Error> {
    let Some(key) = key else { return Ok(Caller { key: Key::compile(Default::default()).into() }) };
    if let Some(known) = snapshot.keys.values().find(|known| *known.id == *key) {
        return authenticate::usable(known);
    }
    let mut headers = http::HeaderMap::new();
    if let Ok(value) = http::HeaderValue::from_str(key) {
        headers.insert("x-api-key", value);
    }
    authenticate::authenticate(&headers, snapshot, &Registry::without_store())
}

fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}
