//! The crate's behaviour through its public face.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod anthropic;
mod bedrock;
mod cases;
mod chat;
mod classes;
mod cohere;
mod eventstream;
mod gemini;
mod idle;
mod invariants;
mod json;
mod multipart;
mod openai;
mod peek;
mod recorded;
mod responses;
mod seeds;
mod sigv4;
mod splice;
mod sse;
mod stress;
mod text;
mod wire;
