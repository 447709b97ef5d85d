//! The listeners: connections, bounded in number, size and time, each on one worker for its life.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

use crate::accept::patient::Patient;
use crate::gateway::executor::LocalExecutor;
use crate::pipeline;
use crate::respond;
use crate::snapshot::Snapshot;
use crate::worker::Worker;

/// The first bytes of HTTP/2 with prior knowledge (RFC 9113 §3.4). No method of HTTP/1 begins with the first three.
const PREFACE: &[u8; 3] = b"PRI";
/// How often, and how long apart, the rest of a preface is looked for: a second in all.
const PREFACE_LOOKS: u32 = 200;
const PREFACE_PAUSE: Duration = Duration::from_millis(5);
/// The smallest buffer that hyper reads heads with.
const MIN_BUFFER: usize = 8 * 1024;
/// After an error of accept that will not pass by itself, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long an idle connection is kept after the drain began.
const LAME_DUCK: Duration = Duration::from_millis(500);
/// How long a caller who finds every slot taken has to read that.
const FAREWELL: Duration = Duration::from_secs(1);

/// Accepts on `listener`, and takes over what other workers hand on, until the gateway drains.
pub(crate) async fn run(
    worker: Rc<Worker>,
    listeners: Vec<TcpListener>,
    mut handed: mpsc::UnboundedReceiver<std::net::TcpStream>,
) {
    for listener in listeners {
        tokio::task::spawn_local(accept(Rc::clone(&worker), listener));
    }
    while let Some(stream) = handed.recv().await {
        let counted = Counted(Rc::clone(&worker));
        if let Ok(stream) = TcpStream::from_std(stream) {
            tokio::task::spawn_local(connection(Rc::clone(&worker), stream, counted));
        }
    }
}

async fn accept(worker: Rc<Worker>, listener: TcpListener) {
    let mut drain = worker.shared.drain.subscribe();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = drain.wait_for(|draining| *draining) => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => place(&worker, stream),
            Err(error) if is_of_one_connection(&error) => {}
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
        // One at a time, so that a burst of connections is not one worker's alone.
        tokio::task::yield_now().await;
    }
}

/// Keeps the connection, or hands it to the worker that has the fewest.
fn place(worker: &Rc<Worker>, stream: TcpStream) {
    let shared = &worker.shared;
    if shared.connections() >= worker.snapshot().server.max_connections {
        tokio::task::spawn_local(refuse(stream, respond::no_slot(worker)));
        return;
    }
    let load = |index: usize| {
        shared.workers.get(index).map_or(usize::MAX, |mailbox| mailbox.connections.load(Ordering::Relaxed))
    };
    let least = (0..shared.workers.len()).min_by_key(|index| load(*index)).unwrap_or(worker.index);
    let chosen = if load(least) < load(worker.index) { least } else { worker.index };
    let Some(mailbox) = shared.workers.get(chosen) else { return };
    mailbox.connections.fetch_add(1, Ordering::Relaxed);
    if chosen == worker.index {
        tokio::task::spawn_local(connection(Rc::clone(worker), stream, Counted(Rc::clone(worker))));
    } else if stream.into_std().is_ok_and(|stream| mailbox.handover.send(stream).is_ok()) {
        // The other worker counts it down when it ends.
    } else {
        mailbox.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Tells a caller that every slot is taken. With TLS these bytes are no use to it, but then nothing is: there is no
/// slot for a handshake either.
async fn refuse(mut stream: TcpStream, answer: Vec<u8>) {
    let farewell = async {
        stream.write_all(&answer).await?;
        stream.shutdown().await?;
        // Closing with unread bytes would reset the connection, and with it what the caller has not read yet.
        let mut unread = [0; 1024];
        while stream.read(&mut unread).await? > 0 {}
        io::Result::Ok(())
    };
    let _told = tokio::time::timeout(FAREWELL, farewell).await;
}

/// Counts a connection for as long as it is open.
struct Counted(Rc<Worker>);

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(mailbox) = self.0.shared.workers.get(self.0.index) {
            mailbox.connections.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

async fn connection(worker: Rc<Worker>, stream: TcpStream, counted: Counted) {
    let snapshot = worker.snapshot();
    let patience = snapshot.server.head_timeout;
    let _nodelay = stream.set_nodelay(true);
    match &snapshot.server.tls {
        None => {
            let Some(Ok(http2)) = begun(&worker, patience, is_http2(&stream)).await else { return };
            serve(&worker, Patient::new(TokioIo::new(stream), snapshot.server.write_timeout), http2, &snapshot).await;
        }
        Some(tls) => {
            let accepting = TlsAcceptor::from(std::sync::Arc::clone(tls)).accept(stream);
            let Some(Ok(stream)) = begun(&worker, patience, accepting).await else { return };
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            serve(&worker, Patient::new(TokioIo::new(stream), snapshot.server.write_timeout), http2, &snapshot).await;
        }
    }
    drop(counted);
}

/// What a connection begins with: within `patience`, and not for long once the gateway drains.
async fn begun<T>(worker: &Worker, patience: Duration, first: impl Future<Output = T>) -> Option<T> {
    let mut drain = worker.shared.drain.subscribe();
    let leave = async {
        let _draining = drain.wait_for(|draining| *draining).await;
        tokio::time::sleep(LAME_DUCK).await;
    };
    tokio::select! {
        biased;
        first = tokio::time::timeout(patience, first) => first.ok(),
        () = leave => None,
    }
}

async fn serve<Io>(worker: &Rc<Worker>, io: Io, http2: bool, snapshot: &Snapshot)
where
    Io: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
{
    let bounds = &snapshot.server;
    let service = service_fn({
        let worker = Rc::clone(worker);
        move |request| {
            let worker = Rc::clone(&worker);
            async move { Ok::<_, Infallible>(pipeline::serve(worker, request).await) }
        }
    });
    let drain = worker.shared.drain.subscribe();
    // How a connection ends is the caller's affair: what was served on it is already accounted for.
    if http2 {
        let connection = http2::Builder::new(LocalExecutor)
            .timer(TokioTimer::new())
            .max_concurrent_streams(bounds.max_streams)
            .max_header_list_size(u32::try_from(bounds.max_head).unwrap_or(u32::MAX))
            .keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(20))
            .serve_connection(io, service);
        let mut connection = pin!(connection);
        if let Some(()) = until_drain(connection.as_mut(), drain).await {
            connection.as_mut().graceful_shutdown();
            let _ended = connection.await;
        }
    } else {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.head_timeout)
            .max_header_size(bounds.max_head.max(MIN_BUFFER))
            .serve_connection(io, service);
        let mut connection = pin!(connection);
        if let Some(()) = until_drain(connection.as_mut(), drain).await {
            // Answers now say that the connection closes. A caller who is just sending gets that answer too: closing
            // an idle connection under it would lose its request.
            if tokio::time::timeout(LAME_DUCK, connection.as_mut()).await.is_err() {
                connection.as_mut().graceful_shutdown();
                let _ended = connection.await;
            }
        }
    }
}

/// Runs a connection; `Some` when the gateway drains before it has ended.
async fn until_drain(
    connection: impl Future<Output = hyper::Result<()>>,
    mut drain: watch::Receiver<bool>,
) -> Option<()> {
    tokio::select! {
        biased;
        _ = connection => None,
        _ = drain.wait_for(|draining| *draining) => Some(()),
    }
}

/// Whether the caller speaks HTTP/2 with prior knowledge: told from the first bytes, without taking them.
async fn is_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0; PREFACE.len()];
    for _ in 0..PREFACE_LOOKS {
        let read = stream.peek(&mut first).await?;
        let seen = first.get(..read).unwrap_or_default();
        if read == 0 || read == PREFACE.len() || !PREFACE.starts_with(seen) {
            return Ok(seen == PREFACE);
        }
        // "P" or "PR" alone: peek would return at once, so the rest is looked for at intervals.
        tokio::time::sleep(PREFACE_PAUSE).await;
    }
    // Neither goes on nor leaves, or has left, which a peek does not show: as HTTP/1 it is read, and bounded in time.
    Ok(false)
}

/// Errors of accept that concern one connection, which is gone.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
