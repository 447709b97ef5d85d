//! Shadows: copies of some requests to another target. Their answers are read to the end and thrown away; what they took
//! is recorded.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use crate::accept::Call;
use crate::account;
use crate::exchange::Exchange;
use crate::inspect::Inspector;
use crate::relay::{self, Answer, Way};
use crate::route::{Ask, Chooser, Plan, Planned};
use crate::snapshot::Route;

/// Shadows at a time, for each worker: they may never crowd out what callers wait for.
const MOST: usize = 32;

thread_local! {
    static RUNNING: Cell<usize> = const { Cell::new(0) };
}

/// Counts a shadow while it runs.
struct Running;

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.set(RUNNING.get().saturating_sub(1));
    }
}

/// Copies `call`, which `exchange` is for, to the route's shadow target, where it is one of those that are: nobody waits
/// for it.
pub(crate) fn cast(exchange: &Exchange, call: &Call, route: &Arc<Route>) {
    // What is not held cannot be sent twice.
    let Some(shadow) = route.shadow.as_ref().filter(|_| exchange.upload.is_none()) else { return };
    let worker = &exchange.worker;
    let draw = (worker.random() >> 11) as f64 / (1_u64 << 53) as f64;
    if draw >= shadow.share || RUNNING.get() >= MOST || !shadow.affords(exchange.accepted) {
        return;
    }
    let Some(key) = &exchange.key else { return };
    let ask = Ask::of(exchange, call, route, key);
    let mut chooser = Chooser::new(&ask);
    chooser.visit(&shadow.choice);
    let planned = chooser.planned();
    if planned.order.is_empty() {
        return;
    }
    let mut copy = Exchange::begin(Rc::clone(worker));
    copy.shadow = true;
    copy.endpoint = exchange.endpoint;
    copy.dialect = exchange.dialect;
    copy.key = exchange.key.clone();
    copy.said = exchange.said.clone();
    copy.stream = exchange.stream;
    copy.lengths.clone_from(&exchange.lengths);
    copy.request_bytes = exchange.request_bytes;
    copy.route = Some(Arc::clone(route));
    copy.flags.push(format!("shadow:{}", exchange.id.as_str()));
    let (call, route) = (call.clone(), Arc::clone(route));
    RUNNING.set(RUNNING.get() + 1);
    tokio::task::spawn_local(async move {
        let _running = Running;
        let mut copy = copy;
        run(&mut copy, &call, &route, planned).await;
        account::settle(&mut copy);
        if let (Some(shadow), Some(cost)) = (&route.shadow, account::cost(&copy)) {
            shadow.spend(copy.accepted, cost.nano);
        }
    });
}

async fn run(copy: &mut Exchange, call: &Call, route: &Arc<Route>, planned: Planned) {
    let plan = Plan { route: Arc::clone(route), order: planned.order, panic: planned.panic, fallbacks: false };
    let way = Way { usage: true, trailer: false };
    let answer = match super::run(copy, call, plan).await {
        Ok(reply) => relay::relay(copy, reply, way, Inspector::none()).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(Answer::Stream(source)) => {
            // Its end is recorded when it is reached.
            copy.status = 200;
            // Read to its end, or as far as a hook could see: more is not worth its tokens.
            let _ = relay::stream::StreamRelay::collect(*source, copy).await;
        }
        Ok(_) => copy.status = 200,
        Err(error) => {
            copy.status = error.status().as_u16();
            copy.error = Some(error.code());
        }
    }
}
