//! Sends chat requests, checks every answer, and prints how long they took as one line of JSON.
//!
//! Before it, a line `{"event":"measuring"}` tells the end of the warm-up (`{"event":"holding", …}` that streams are
//! open), for whoever watches the target from outside. Exits with 1 if any request failed.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program: printing is how it answers")]

use std::{io, process::ExitCode, rc::Rc, thread};

use clap::{Parser, Subcommand};
use serde::Serialize;
use tokio::task::LocalSet;
use tollway_bench_load::{
    cores,
    load::{Closed, Hold, Open, Plan, Target, closed, hold, open},
};

/// Load for an OpenAI-compatible API.
#[derive(Parser)]
#[command(version)]
struct Options {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Each connection sends its next request once its last is answered
    Closed {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        options: Closed,
    },
    /// Requests start at their own times; latencies count from there
    Open {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        options: Open,
    },
    /// Opens streams and keeps them until standard input ends (HTTP/1.1)
    Hold {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        options: Hold,
    },
}

#[derive(clap::Args)]
struct Common {
    #[command(flatten)]
    target: Target,
    /// Core to run on; any if not given
    #[arg(long)]
    core: Option<usize>,
}

fn main() -> ExitCode {
    match run(&Options::parse().mode) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("tollway-load: {problem}");
            ExitCode::from(2)
        }
    }
}

/// Whether every request was answered as it should be.
fn run(mode: &Mode) -> Result<bool, String> {
    let (Mode::Closed { common, .. } | Mode::Open { common, .. } | Mode::Hold { common, .. }) = mode;
    if let Some(core) = common.core {
        cores::pin(core).map_err(|error| error.to_string())?;
    }
    let plan = Rc::new(Plan::new(&common.target)?);
    let runtime = cores::runtime().map_err(|error| error.to_string())?;
    LocalSet::new().block_on(&runtime, async {
        let failed = match mode {
            Mode::Closed { options, .. } => print(closed(plan, options, measuring).await?)?.errors,
            Mode::Open { options, .. } => print(open(plan, options, measuring).await?)?.errors,
            Mode::Hold { options, .. } => {
                let release = end_of_input()?;
                print(hold(plan, options, |held| tell("holding", held), release).await?)?.errors
            }
        };
        Ok(failed.is_empty())
    })
}

fn print<T: Serialize>(result: T) -> Result<T, String> {
    println!("{}", serde_json::to_string(&result).map_err(|error| error.to_string())?);
    Ok(result)
}

fn measuring() {
    println!(r#"{{"event":"measuring"}}"#);
}

fn tell(event: &str, state: &impl Serialize) {
    println!("{}", serde_json::json!({ "event": event, "state": state }));
}

fn end_of_input() -> Result<impl Future<Output = ()>, String> {
    let (ended, end) = tokio::sync::oneshot::channel();
    // A thread, since a terminal or a file as standard input cannot be polled.
    thread::Builder::new()
        .spawn(move || {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            let _ = ended.send(());
        })
        .map_err(|error| error.to_string())?;
    Ok(async {
        let _ = end.await;
    })
}
