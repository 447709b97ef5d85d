//! The listeners: connections, bounded in number, size and time, each on one worker for its life.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

use crate::accept::body::{MAX_DISCARDED, discard};
use crate::accept::patient::Patient;
use crate::accept::watched::{Watch, Watched, WatchedBody};
use crate::error::Error;
use crate::exchange::Exchange;
use crate::gateway::executor::LocalExecutor;
use crate::pipeline;
use crate::respond::{self, ReplyBody};
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
/// How long a caller has to read why its connection ends.
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
    let open = shared.connections();
    if open >= worker.snapshot().server.max_connections {
        let answer = respond::no_slot(worker);
        // With TLS these bytes are no use to it, but then nothing is: there is no slot for a handshake either.
        tokio::task::spawn_local(async move { farewell(stream, &answer).await });
        return;
    }
    let load = |index: usize| {
        shared.workers.get(index).map_or(usize::MAX, |mailbox| mailbox.connections.load(Ordering::Relaxed))
    };
    let least = (0..shared.workers.len()).min_by_key(|index| load(*index)).unwrap_or(worker.index);
    let chosen = if load(least) < load(worker.index) { least } else { worker.index };
    let Some(mailbox) = shared.workers.get(chosen) else { return };
    mailbox.connections.fetch_add(1, Ordering::Relaxed);
    shared.peak.fetch_max(open + 1, Ordering::Relaxed);
    if chosen == worker.index {
        tokio::task::spawn_local(connection(Rc::clone(worker), stream, Counted(Rc::clone(worker))));
    } else if stream.into_std().is_ok_and(|stream| mailbox.handover.send(stream).is_ok()) {
        // The other worker counts it down when it ends.
    } else {
        mailbox.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Sends a whole `answer` and ends the connection.
async fn farewell(mut io: impl AsyncRead + AsyncWrite + Unpin, answer: &[u8]) {
    let farewell = async {
        io.write_all(answer).await?;
        io.shutdown().await?;
        // Closing with unread bytes would reset the connection, and with it what the caller has not read yet.
        let mut unread = vec![0; 16 * 1024];
        let mut left = MAX_DISCARDED;
        while left > 0 {
            let read = io.read(&mut unread).await?;
            left = if read == 0 { 0 } else { left.saturating_sub(read) };
        }
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
            let Some(Ok(http2)) = begun(&worker, is_http2(&stream, patience)).await else { return };
            serve(&worker, Patient::new(stream, snapshot.server.write_timeout), http2, &snapshot).await;
        }
        Some(tls) => {
            let accepting = TlsAcceptor::from(std::sync::Arc::clone(tls)).accept(stream);
            let Some(Ok(Ok(stream))) = begun(&worker, tokio::time::timeout(patience, accepting)).await else { return };
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            serve(&worker, Patient::new(stream, snapshot.server.write_timeout), http2, &snapshot).await;
        }
    }
    drop(counted);
}

/// What a connection begins with: not waited for long once the gateway drains.
async fn begun<T>(worker: &Worker, first: impl Future<Output = T>) -> Option<T> {
    let mut drain = worker.shared.drain.subscribe();
    let leave = async {
        let _draining = drain.wait_for(|draining| *draining).await;
        tokio::time::sleep(LAME_DUCK).await;
    };
    tokio::select! {
        biased;
        first = first => Some(first),
        () = leave => None,
    }
}

async fn serve<Io>(worker: &Rc<Worker>, io: Io, http2: bool, snapshot: &Snapshot)
where
    Io: AsyncRead + AsyncWrite + Unpin + 'static,
{
    if http2 { serve_http2(worker, io, snapshot).await } else { serve_http1(worker, io, snapshot).await }
}

async fn serve_http2<Io>(worker: &Rc<Worker>, io: Io, snapshot: &Snapshot)
where
    Io: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let bounds = &snapshot.server;
    let service = service_fn({
        let worker = Rc::clone(worker);
        move |request| {
            let worker = Rc::clone(&worker);
            async move { Ok::<_, Infallible>(pipeline::serve(worker, request).await) }
        }
    });
    let connection = http2::Builder::new(LocalExecutor)
        .timer(TokioTimer::new())
        .max_concurrent_streams(bounds.max_streams)
        .max_header_list_size(u32::try_from(bounds.max_head).unwrap_or(u32::MAX))
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20))
        .serve_connection(TokioIo::new(io), service);
    let mut connection = pin!(connection);
    // How a connection ends is the caller's affair: what was served on it is already accounted for.
    if until_drain(connection.as_mut(), worker.shared.drain.subscribe()).await.is_none() {
        connection.as_mut().graceful_shutdown();
        let _ended = connection.await;
    }
}

async fn serve_http1<Io>(worker: &Rc<Worker>, io: Io, snapshot: &Snapshot)
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let bounds = &snapshot.server;
    let watch = Watch::new();
    let mut io = Watched::new(io, Rc::clone(&watch));
    let service = service_fn({
        let (worker, watch) = (Rc::clone(worker), Rc::clone(&watch));
        move |request: Request<Incoming>| {
            let (worker, watch) = (Rc::clone(&worker), Rc::clone(&watch));
            async move {
                let response = match watch.begin() {
                    Ok(()) => pipeline::serve(worker, request).await,
                    Err(error) => refuse(worker, request, error),
                };
                Ok::<_, Infallible>(response.map(|body| WatchedBody::new(body, watch)))
            }
        }
    });
    let ended = {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.head_timeout)
            .max_header_size(bounds.max_head.max(MIN_BUFFER))
            .serve_connection(TokioIo::new(&mut io), service);
        let mut connection = pin!(connection);
        match until_drain(connection.as_mut(), worker.shared.drain.subscribe()).await {
            Some(ended) => ended,
            // Answers now say that the connection closes. A caller who is just sending gets that answer too: closing
            // an idle connection under it would lose its request.
            None => match tokio::time::timeout(LAME_DUCK, connection.as_mut()).await {
                Ok(ended) => ended,
                Err(_) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            },
        }
    };
    if let Some(error) = ended.err().and_then(|error| watch.refusal(&error)) {
        farewell(io.into_inner(), &respond::unread(worker, error)).await;
    }
}

/// The answer to a request that is not looked at any further; the connection closes after it.
fn refuse(worker: Rc<Worker>, request: Request<Incoming>, error: Error) -> Response<ReplyBody> {
    let mut response = respond::respond(Exchange::begin(worker), Err(error), request.version());
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    discard(request.into_body());
    response
}

/// Runs a connection; `None` when the gateway drains before it has ended.
async fn until_drain(
    connection: impl Future<Output = hyper::Result<()>>,
    mut drain: watch::Receiver<bool>,
) -> Option<hyper::Result<()>> {
    tokio::select! {
        biased;
        ended = connection => Some(ended),
        _ = drain.wait_for(|draining| *draining) => None,
    }
}

/// Whether the caller speaks HTTP/2 with prior knowledge: told from the first bytes, without taking them. The first of
/// them must come within `patience`.
async fn is_http2(stream: &TcpStream, patience: Duration) -> io::Result<bool> {
    let mut first = [0; PREFACE.len()];
    let mut read = tokio::time::timeout(patience, stream.peek(&mut first)).await??;
    for _ in 0..PREFACE_LOOKS {
        let seen = first.get(..read).unwrap_or_default();
        if read == 0 || read == PREFACE.len() || !PREFACE.starts_with(seen) {
            return Ok(seen == PREFACE);
        }
        // "P" or "PR" alone: peek would return at once, so the rest is looked for at intervals.
        tokio::time::sleep(PREFACE_PAUSE).await;
        read = stream.peek(&mut first).await?;
    }
    // Neither goes on nor leaves, or has left, which a peek does not show: as HTTP/1 it is read, and bounded in time.
    Ok(false)
}

/// Errors of accept that concern one connection, which is gone.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
