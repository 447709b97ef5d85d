//! How long a request is, for models whose windows it may not fit: counted before the route is planned, and only then.

use tollway_protocol::canonical::Losses;
use tollway_protocol::json::Json;

use crate::accept::Call;
use crate::accept::endpoint::Operation;
use crate::account::estimate::is_short;
use crate::snapshot::{Route, Target};

/// Whether `bytes` and the `output` that is allowed may be more than `target` takes. A token is at least a byte: what has
/// fewer bytes fits, and is not counted.
pub(super) fn may_exceed(target: &Target, bytes: usize, output: u64) -> bool {
    target.context_window.is_some_and(|window| output.saturating_add(bytes as u64) > window)
}

/// The input tokens of `call`, by the names of those of the route's models whose windows it may not fit. More than some
/// kilobytes are counted on another thread.
pub(crate) async fn lengths(call: &Call, route: &Route) -> Vec<(String, u64)> {
    if call.head.endpoint.operation() != Operation::Generate
        || route.targets.iter().all(|target| target.context_window.is_none())
    {
        return Vec::new();
    }
    let (bytes, output) = (call.body.len(), call.shape().max_tokens);
    let too_long = route.targets.iter().filter(|target| may_exceed(target, bytes, output));
    let mut models: Vec<String> = too_long.map(|target| target.model.clone()).collect();
    models.sort_unstable();
    models.dedup();
    if models.iter().all(|model| is_short(bytes, model)) {
        return counted(call, models);
    }
    let call = call.clone();
    tokio::task::spawn_blocking(move || counted(&call, models)).await.unwrap_or_default()
}

/// The input tokens of `call` for each of `models`; nothing for what cannot be read: whoever sends it on says why.
pub(crate) fn counted(call: &Call, models: Vec<String>) -> Vec<(String, u64)> {
    let read = |json| call.dialect().read_request(json, call.path(), &mut Losses::default()).ok();
    let Some(request) = Json::parse(&call.body).ok().and_then(read) else { return Vec::new() };
    let count = |model: String| {
        let tokens = tollway_tokens::count_request(&model, &request).tokens;
        (model, tokens)
    };
    models.into_iter().map(count).collect()
}
