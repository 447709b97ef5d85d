//! Active health checks: a provider that is asked, now and then, whether it serves, so that no request has to find out.
//!
//! Checks that fail in a row open the breakers of all the provider's deployments, and keep them open; the first that
//! succeeds again closes them. A breaker that requests have opened stays theirs: a server may say that it is well, and fail.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, Request, Version, header};
use rustc_hash::FxHashMap;
use tollway_resilience::breaker::Force;

use crate::alert;
use crate::clock::{Instant, now};
use crate::snapshot::Snapshot;
use crate::snapshot::spec::HealthCheckSpec;
use crate::worker::Worker;

use super::body::{Outgoing, UpstreamBody};
use super::credential::{Credential, Taken};
use super::paths::Address;
use super::pool::Sender;
use super::provider::{HttpTransport, Provider, Transport};

/// How often it is looked whether a check is due.
const LOOK: Duration = Duration::from_millis(50);
/// As much of an answer as is read, so that its connection can be used again.
const MOST: usize = 64 * 1024;

/// How a provider is checked.
pub(crate) struct Check {
    address: Address,
    interval: Duration,
    timeout: Duration,
    /// So many failures in a row mean that it is down.
    unhealthy: u32,
}

impl Check {
    /// Compiles `spec` for the server at `base`, whose path it does not share.
    ///
    /// # Errors
    /// A path that is none.
    pub(super) fn compile(spec: &HealthCheckSpec, base: &http::Uri) -> Result<Self, String> {
        let mut parts = base.clone().into_parts();
        parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
        let root = http::Uri::from_parts(parts).map_err(|error| error.to_string())?;
        Ok(Self {
            address: Address::of(&root, &spec.path)?,
            interval: Duration::from_millis(spec.interval_ms),
            timeout: Duration::from_millis(spec.timeout_ms),
            unhealthy: spec.unhealthy.max(1),
        })
    }
}

/// What is known of a checked provider.
#[derive(Default)]
struct Known {
    due: Option<Instant>,
    failed: u32,
}

type Ledger = Rc<RefCell<FxHashMap<Arc<str>, Known>>>;

/// Checks the providers that are to be; runs as long as its worker, one of all.
pub(crate) async fn run(worker: Rc<Worker>) {
    let ledger = Ledger::default();
    loop {
        tokio::time::sleep(LOOK).await;
        let snapshot = worker.snapshot();
        let checked = |name: &Arc<str>| snapshot.providers.iter().any(|one| one.name == *name && one.check().is_some());
        ledger.borrow_mut().retain(|name, _| checked(name));
        for provider in &snapshot.providers {
            if let Some(check) = provider.check()
                && due(&ledger, provider, check)
            {
                tokio::task::spawn_local(one(Rc::clone(&worker), Arc::clone(provider), Rc::clone(&ledger)));
            }
        }
    }
}

/// Whether `provider` is to be checked now; the next time is an interval later.
fn due(ledger: &Ledger, provider: &Provider, check: &Check) -> bool {
    let mut ledger = ledger.borrow_mut();
    let known = ledger.entry(Arc::clone(&provider.name)).or_default();
    let is_due = known.due.is_none_or(|due| due <= now());
    if is_due {
        known.due = Some(now() + check.interval);
    }
    is_due
}

async fn one(worker: Rc<Worker>, provider: Arc<Provider>, ledger: Ledger) {
    let (Transport::Http(http), Some(check)) = (&provider.transport, provider.check()) else { return };
    let serves = tokio::time::timeout(check.timeout, ask(&worker, &provider, http, check)).await.unwrap_or(false);
    let failed = {
        let mut ledger = ledger.borrow_mut();
        let Some(known) = ledger.get_mut(&provider.name) else { return };
        let before = known.failed;
        known.failed = if serves { 0 } else { before.saturating_add(1) };
        before.max(known.failed)
    };
    if failed >= check.unhealthy {
        let until = worker.moment() + check.interval * 2 + check.timeout;
        let force = if serves { Force::Closed } else { Force::Open { until } };
        tell(&worker, &worker.snapshot(), &provider.name, force);
    }
}

/// Whether it answers with a status that is no error.
async fn ask(worker: &Worker, provider: &Provider, http: &HttpTransport, check: &Check) -> bool {
    let Ok((sender, _)) = worker.pool.checkout(&http.origin, true).await else { return false };
    let request = |version| request(worker, provider, (http, check), version);
    let (answer, back) = match sender {
        Sender::One(mut sender, lease) => (sender.send_request(request(Version::HTTP_11)).await, Some((sender, lease))),
        Sender::Many(mut sender) => (sender.send_request(request(Version::HTTP_2)).await, None),
    };
    let Ok(answer) = answer else { return false };
    let serves = answer.status().as_u16() < 400;
    let mut body = UpstreamBody::Http(answer.into_body(), back);
    let mut read = 0;
    while let Some(Ok(data)) = body.data().await
        && read < MOST
    {
        read += data.len();
    }
    serves
}

fn request(
    worker: &Worker,
    provider: &Provider,
    (http, check): (&HttpTransport, &Check),
    version: Version,
) -> Request<Outgoing> {
    let mut request = Request::new(Outgoing::new(&Default::default(), None));
    *request.method_mut() = Method::GET;
    *request.version_mut() = version;
    let whole = version == Version::HTTP_2 || http.origin.absolute_form();
    *request.uri_mut() = if whole { check.address.absolute.clone() } else { check.address.relative.clone() };
    let mut headers = http.headers.clone();
    headers.remove(header::CONTENT_TYPE);
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    if version == Version::HTTP_2 {
        headers.remove(header::HOST);
    }
    // What signs has nothing to sign here: a check needs no leave to use a model.
    if let Some(Ok((Taken::Header(name, value), _))) =
        provider.credential(worker.moment(), worker.random()).map(Credential::take)
    {
        headers.insert(name, value);
    }
    *request.headers_mut() = headers;
    request
}

/// Opens or closes the breakers of all deployments of the provider `name`.
fn tell(worker: &Worker, snapshot: &Snapshot, name: &str, force: Force) {
    let targets = snapshot.routes.values().flat_map(|route| &route.targets);
    for target in targets.filter(|target| *target.provider.name == *name) {
        alert::breaker(&worker.shared, target, target.health.breaker().force(force, worker.moment()));
    }
}
