//! Counts, against tiktoken and against what providers reported.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod golden;
mod recorded;
