//! An upstream that speaks OpenAI's API and costs little, to measure gateways with.
//!
//! Prints `listening on ADDRESS` once it accepts, and ends on SIGTERM, on SIGINT or when its standard input ends.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program: printing is how it answers")]

use std::{
    convert::Infallible,
    io::{self, Write as _},
    net::{SocketAddr, TcpListener},
    process::ExitCode,
    thread,
};

use clap::Parser;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    task::LocalSet,
};
use tollway_bench_load::{
    cores,
    mock::{Settings, serve},
};

/// An OpenAI-compatible upstream for load benches. A request changes its settings by its query
/// (`?latency=50ms&chunks=8`) or in the same words by its `x-mock` header.
#[derive(Clone, Parser)]
#[command(version)]
struct Options {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Cores to run on, one thread each, as in `1` or `0,1`; one thread on any core if not given
    #[arg(long, value_delimiter = ',')]
    cores: Vec<usize>,
    /// Speak HTTP/2 with prior knowledge instead of HTTP/1.1
    #[arg(long)]
    http2: bool,
    #[command(flatten)]
    settings: Settings,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("tollway-mock-upstream: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> io::Result<()> {
    let listener = listen(options.listen)?;
    let address = listener.local_addr()?;
    // The first thread that fails ends the process; the others end with it.
    let (failed, failure) = mpsc::channel(1);
    let places = if options.cores.is_empty() { vec![None] } else { options.cores.iter().copied().map(Some).collect() };
    for place in places {
        let (listener, options, failed) = (listener.try_clone()?, options.clone(), failed.clone());
        thread::Builder::new().name("mock".into()).spawn(move || {
            let Err(problem) = work(listener, options, place);
            let _ = failed.blocking_send(problem);
        })?;
    }
    let mut out = io::stdout();
    writeln!(out, "listening on {address}")?;
    out.flush()?;
    cores::runtime()?.block_on(until_told_to_end(failure))
}

/// The largest queue that the system allows: a wave of new connections must wait, not be turned away.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::MAX)?;
    Ok(socket.into())
}

fn work(listener: TcpListener, options: Options, core: Option<usize>) -> io::Result<Infallible> {
    if let Some(core) = core {
        cores::pin(core)?;
    }
    LocalSet::new().block_on(&cores::runtime()?, serve(listener, options.settings, options.http2))
}

async fn until_told_to_end(mut failure: mpsc::Receiver<io::Error>) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (ended, input_end) = tokio::sync::oneshot::channel();
    // A thread, since a terminal or a file as standard input cannot be polled.
    thread::Builder::new().name("stdin".into()).spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = ended.send(());
    })?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        _ = input_end => Ok(()),
        Some(problem) = failure.recv() => Err(problem),
    }
}
