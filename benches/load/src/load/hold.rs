//! Streams that are opened and then kept: what an idle stream costs the gateway in memory.

use std::{cell::Cell, rc::Rc, time::Duration};

use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    clock::{Clock, now},
    load::{
        Failure, Plan,
        closed::nanos,
        connection::Connection,
        link::{Link, Shared},
    },
    quantity,
};

/// How many.
#[derive(Clone, Debug, clap::Args)]
pub struct Hold {
    /// Streams to open
    #[arg(long, default_value_t = 1000)]
    pub streams: usize,
    /// Streams that may be about to open at a time
    #[arg(long, default_value_t = 64)]
    pub at_once: usize,
    /// How long opening them all may take
    #[arg(long, default_value = "60s", value_parser = quantity::duration)]
    pub grace: Duration,
}

/// What became of the streams.
#[derive(Debug, serde::Serialize)]
pub struct Held {
    /// Streams whose first chunk has come and that are still open.
    pub streams: usize,
    /// Failures by kind; a stream that ends before it is let go has failed.
    pub errors: std::collections::BTreeMap<String, u64>,
}

struct Run {
    shared: Shared,
    held: Cell<usize>,
    opening: Semaphore,
}

/// Opens the streams inside a `LocalSet`, calls `holding` once the first chunk of each has come (or will not), and keeps
/// them until `release` ends. Returns the failures up to then.
///
/// # Errors
/// A text, if the system gives no timer.
pub async fn hold(
    plan: Rc<Plan>,
    options: &Hold,
    holding: impl FnOnce(&Held),
    release: impl Future<Output = ()>,
) -> Result<Held, String> {
    let clock = Clock::start().map_err(|error| error.to_string())?;
    let run = Rc::new(Run {
        shared: Shared::new(plan, 0)?,
        held: Cell::new(0),
        opening: Semaphore::new(options.at_once.max(1)),
    });
    let mut streams = JoinSet::new();
    let (opened, mut all_opened) = tokio::sync::mpsc::channel::<()>(1);
    for n in 0..options.streams {
        streams.spawn_local(stream(run.clone(), n as u64, opened.clone()));
    }
    drop(opened);
    tokio::select! {
        // Nothing is ever sent: the channel ends once no stream is left that is still opening.
        _ = all_opened.recv() => {}
        () = clock.sleep_until(now() + nanos(options.grace)) => {}
    }
    holding(&run.state());
    release.await;
    Ok(run.state())
}

impl Run {
    fn state(&self) -> Held {
        let errors = self.shared.tally.borrow().failures().clone();
        Held { streams: self.held.get(), errors }
    }
}

async fn stream(run: Rc<Run>, n: u64, opened: tokio::sync::mpsc::Sender<()>) {
    let Ok(turn) = run.opening.acquire().await else { return };
    let opening = begin(&run, n).await;
    drop(turn);
    drop(opened);
    match opening {
        Ok(mut connection) => {
            run.held.set(run.held.get() + 1);
            connection.until_cut().await;
            run.held.set(run.held.get() - 1);
            run.shared.tally.borrow_mut().failed(Failure::Cut);
        }
        Err(failure) => run.shared.tally.borrow_mut().failed(failure),
    }
}

async fn begin(run: &Run, n: u64) -> Result<Box<Connection>, Failure> {
    // Shares of one connection would not show what a connection costs.
    let Link::Http1(mut connection) = run.shared.links.open(&run.shared.plan).await? else {
        return Err(Failure::Connect);
    };
    connection.ask(&run.shared.plan.request(n, None)).await?;
    connection.body_begins().await?;
    connection.shrink();
    Ok(connection)
}
