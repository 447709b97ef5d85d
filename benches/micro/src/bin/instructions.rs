//! Runs one step a number of times, for callgrind to count: `instructions STEP COUNT`; without arguments, lists the steps
//! with the bytes that each reads.

use std::{io::Write, process::ExitCode};

fn main() -> std::io::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => {
            let mut out = std::io::stdout().lock();
            for step in tollway_bench_micro::steps() {
                writeln!(out, "{} {}", step.name, step.bytes)?;
            }
            Ok(ExitCode::SUCCESS)
        }
        [name, count] => run(name, count.parse().unwrap_or(0)),
        _ => usage("give a step and a count, or nothing"),
    }
}

fn run(name: &str, count: u64) -> std::io::Result<ExitCode> {
    if count == 0 {
        return usage("the count must be a positive number");
    }
    let Some(mut step) = tollway_bench_micro::steps().into_iter().find(|step| step.name == name) else {
        return usage("no such step");
    };
    for _ in 0..count {
        (step.run)();
    }
    Ok(ExitCode::SUCCESS)
}

fn usage(problem: &str) -> std::io::Result<ExitCode> {
    writeln!(std::io::stderr(), "{problem}\nusage: instructions [STEP COUNT]")?;
    Ok(ExitCode::from(2))
}
