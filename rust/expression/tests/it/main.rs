//! The crate's behaviour through its public face.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod agreement;
mod bounds;
mod documented;
mod invariants;
mod mistakes;
mod moment;
mod truths;
