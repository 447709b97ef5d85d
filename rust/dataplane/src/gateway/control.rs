//! The control socket: how the control plane, a process of its own, asks the data plane. One JSON object a line.

use std::collections::{HashMap, VecDeque};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{oneshot, watch};
use tollway_resilience::Moment;
use tollway_resilience::breaker::Standing;
use zeroize::Zeroize;

use crate::books::desk::{self, Call, Refusal};
use crate::clock::{micros, unix_time};
use crate::snapshot::{Snapshot, Target};
use crate::telemetry::{Gauge, LabelNames};
use crate::upstream::slot;
use crate::worker::Shared;

/// The longest line that is read.
const MAX_LINE: u64 = 64 * 1024;
/// The commands that may wait for the supervisor at once.
const MAX_WAITING: usize = 64;

/// Something that only the supervisor can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What to answer it under.
    pub id: u64,
    /// What to do: `reload`.
    pub name: &'static str,
}

#[derive(Default)]
struct Waiting {
    queue: VecDeque<Command>,
    answers: HashMap<u64, oneshot::Sender<Result<(), String>>>,
    last: u64,
    closed: bool,
}

/// The commands on their way to the supervisor.
#[derive(Clone, Default)]
pub(crate) struct Commands(Arc<(Mutex<Waiting>, Condvar)>);

impl Commands {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a command, for at most `patience`.
    pub(crate) fn next(&self, patience: Duration) -> Option<Command> {
        let waiting = self.lock();
        let empty = |waiting: &mut Waiting| waiting.queue.is_empty() && !waiting.closed;
        let (mut waiting, _) =
            self.0.1.wait_timeout_while(waiting, patience, empty).unwrap_or_else(PoisonError::into_inner);
        waiting.queue.pop_front()
    }

    /// Answers the command `id`.
    pub(crate) fn finish(&self, id: u64, error: Option<String>) {
        if let Some(answer) = self.lock().answers.remove(&id) {
            // The control plane may have been restarted meanwhile.
            let _ = answer.send(error.map_or(Ok(()), Err));
        }
    }

    /// Lets who waits go home.
    pub(crate) fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.answers.clear();
        self.0.1.notify_all();
    }

    async fn ask(&self, name: &'static str) -> Result<(), String> {
        let answered = {
            let mut waiting = self.lock();
            if waiting.closed || waiting.answers.len() >= MAX_WAITING {
                return Err("the gateway is ending, or too many commands wait already".to_owned());
            }
            waiting.last += 1;
            let id = waiting.last;
            let (answer, answered) = oneshot::channel();
            waiting.answers.insert(id, answer);
            waiting.queue.push_back(Command { id, name });
            self.0.1.notify_one();
            answered
        };
        answered.await.unwrap_or_else(|_| Err("the gateway is ending".to_owned()))
    }
}

/// Who answers.
struct Answering {
    shared: Arc<Shared>,
    /// Where there is a store; gone once the gateway ends, which lets the desk end.
    desk: Mutex<Option<desk::Handle>>,
    commands: Commands,
}

/// Serves the socket at `path` (mode 0600) on a thread of its own, until `closed`: longer than anything else is served,
/// so that what happened last can still be fetched. The desk is closed with `stopped`.
pub(crate) fn start(
    path: &Path,
    shared: Arc<Shared>,
    desk: Option<desk::Handle>,
    (mut stopped, mut closed): (watch::Receiver<bool>, watch::Receiver<()>),
) -> std::io::Result<Commands> {
    let listener = std::os::unix::net::UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let commands = Commands::default();
    let answering = Arc::new(Answering { shared, desk: Mutex::new(desk), commands: commands.clone() });
    Builder::new().name("tollway-control".to_owned()).spawn(move || {
        runtime.block_on(async move {
            let Ok(listener) = UnixListener::from_std(listener) else { return };
            tokio::spawn({
                let answering = Arc::clone(&answering);
                async move {
                    let _stopped = stopped.wait_for(|stop| *stop).await;
                    drop(answering.lock().take());
                }
            });
            loop {
                tokio::select! {
                    _ = closed.changed() => return,
                    accepted = listener.accept() => match accepted {
                        Ok((stream, _)) => { tokio::spawn(converse(stream, Arc::clone(&answering))); }
                        Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                    },
                }
            }
        });
    })?;
    Ok(commands)
}

impl Answering {
    fn lock(&self) -> MutexGuard<'_, Option<desk::Handle>> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn converse(stream: UnixStream, answering: Arc<Answering>) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line).await {
            Ok(read) if read > 0 && line.ends_with(b"\n") => {}
            _ => return,
        }
        let answered = answer(&line, &answering).await;
        // It may have held credentials.
        line.zeroize();
        let mut answer = match answered {
            Ok(value) => json!({"ok": value}),
            Err(refusal) => refusal.to_json(),
        }
        .to_string();
        answer.push('\n');
        if writer.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// A call: what is asked, with what, and by whom.
#[derive(Deserialize)]
struct Asked {
    call: String,
    with: Option<Value>,
    actor: Option<String>,
}

async fn answer(line: &[u8], answering: &Answering) -> Result<Value, Refusal> {
    let shared = &answering.shared;
    let asked: Asked = serde_json::from_slice(line).map_err(|_| Refusal::new("invalid", "not a call"))?;
    let snapshot = shared.snapshot.load_full();
    let none = || Refusal::new("store_unavailable", "this gateway runs without a store, or ends");
    let with = asked.with.unwrap_or_else(|| json!({}));
    if matches!(asked.call.as_str(), "alerts" | "alerts.notices" | "metrics") {
        shared.alerts.sweep(&snapshot, shared.moment());
    }
    match asked.call.as_str() {
        "metrics" => Ok(metrics(shared).into()),
        "health" => Ok(health(shared, &snapshot)),
        "routes" => Ok(routes(&snapshot)),
        "targets" => Ok(targets(&snapshot, shared.moment())),
        "reload" => {
            answering.commands.ask("reload").await.map_err(|error| Refusal::new("invalid_configuration", error))?;
            Ok(json!({"generation": shared.snapshot.load().generation}))
        }
        "credential" => slot::take(&snapshot, with).map_err(|error| Refusal::new("invalid", error)),
        "credentials" => Ok(slot::list(&snapshot)),
        "tail" => desk::tail(shared.books.as_ref().ok_or_else(none)?, with),
        "alerts" => shared.alerts.list(with).map_err(unreadable),
        "alerts.notices" => shared.alerts.notices(with).map_err(unreadable),
        name if desk::knows(name) => {
            let desk = answering.lock().clone();
            desk.ok_or_else(none)?
                .ask(Call { name: asked.call, with, actor: asked.actor.unwrap_or_default(), snapshot })
                .await
        }
        _ => Err(Refusal::new("invalid", "no such call")),
    }
}

fn unreadable(error: serde_json::Error) -> Refusal {
    Refusal::new("invalid", error.to_string())
}

/// The counters, in Prometheus' text format.
pub(crate) fn metrics(shared: &Shared) -> String {
    let (snapshot, now) = (shared.snapshot.load_full(), shared.moment());
    let mut targets: Vec<(LabelNames, u8)> = snapshot
        .routes
        .values()
        .flat_map(|route| route.targets.iter())
        .map(|target| (*target.labels.names(), standing(target, now).0))
        .collect();
    targets.sort_unstable();
    targets.dedup();
    let mut gauges = shared.books.as_ref().map(|books| books.gauges()).unwrap_or_default();
    gauges.extend(shared.hooks.gauges());
    let (name, help, value) = ("tollway_connections", "Connections of callers.", shared.connections() as u64);
    gauges.push(Gauge { name, kind: "gauge", help, value });
    let jobs = shared.jobs.as_ref().map(|jobs| jobs.page()).unwrap_or_default();
    let (name, help) =
        ("tollway_credentials_missing", "Providers whose credential source gives nothing that is valid.");
    gauges.push(Gauge { name, kind: "gauge", help, value: snapshot.lacking().count() as u64 });
    shared.telemetry.render(&targets, &gauges) + &jobs + &shared.alerts.page()
}

/// What does not work, and is no reason to refuse requests.
pub(crate) fn degraded(shared: &Shared, snapshot: &Snapshot) -> Vec<&'static str> {
    let mut degraded = shared.books.as_ref().map(|books| books.degraded()).unwrap_or_default();
    degraded.extend(snapshot.lacking().next().map(|_| "credentials"));
    degraded
}

fn health(shared: &Shared, snapshot: &Snapshot) -> Value {
    let mut health = json!({
        "status": if shared.draining() { "draining" } else { "ready" },
        "generation": snapshot.generation,
        "workers": shared.workers.len(),
        "connections": shared.connections(),
        "in_flight": shared.telemetry.in_flight(),
        "store": null, "journal": null, "keys": null, "degraded": [],
    });
    health["degraded"] = json!(degraded(shared, snapshot));
    if let Some(Value::Object(told)) = shared.books.as_ref().map(|books| books.told()) {
        told.into_iter().for_each(|(name, value)| health[name] = value);
    }
    health
}

fn routes(snapshot: &Snapshot) -> Value {
    let mut routes: Vec<_> = snapshot.routes.values().collect();
    routes.sort_by(|a, b| a.name.cmp(&b.name));
    let target = |target: &Target| {
        json!({
            "provider": &*target.provider.name, "model": target.model, "max_retries": target.max_retries,
            "timeout_ms": target.timeout.as_millis() as u64, "first_token_ms": target.first_token.as_millis() as u64,
            "idle_ms": target.idle.as_millis() as u64,
        })
    };
    routes
        .iter()
        .map(|route| {
            let hooks = route.request_hooks.iter().chain(&route.response_hooks);
            json!({
                "name": &*route.name,
                "strategy": route.strategy().name(),
                "targets": route.targets.iter().map(target).collect::<Vec<_>>(),
                "hooks": hooks.map(|hook| hook.call.as_str()).collect::<Vec<_>>(),
                "guarded": !route.guards.is_empty(),
            })
        })
        .collect()
}

/// What a target's breaker does, as a number and a word.
fn standing(target: &Target, now: Moment) -> (u8, &'static str) {
    match target.health.breaker().state(now) {
        Standing::Closed => (0, "closed"),
        Standing::HalfOpen => (1, "half-open"),
        Standing::Open { .. } => (2, "open"),
    }
}

fn targets(snapshot: &Snapshot, now: Moment) -> Value {
    let since_1970 = unix_time();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let mut all: Vec<_> =
        snapshot.routes.values().flat_map(|route| route.targets.iter().map(move |target| (route, target))).collect();
    all.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    all.iter()
        .map(|(route, target)| {
            json!({
                "route": &*route.name, "provider": &*target.provider.name, "model": target.model,
                "region": target.provider.region, "tags": target.provider.tags,
                "state": standing(target, now).1,
                "success_rate": target.health.success_rate(now),
                "p50_ms": target.health.quantile(0.5, now).map(ms), "p95_ms": target.health.quantile(0.95, now).map(ms),
                "in_flight": target.health.in_flight(),
                "limited_until_us": target.health.limited(now).map(|until| micros(since_1970 + (until - now))),
            })
        })
        .collect()
}
