//! The journal's behaviour through its public face.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod append;
mod bound;
mod crash;
mod damage;
mod each;
mod failing;
mod fuzz;
mod measure;
mod model;
mod owners;
mod support;
mod threads;
