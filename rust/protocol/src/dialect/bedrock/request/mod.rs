//! Requests, written for upstreams.

mod media;
mod models;
mod parts;
mod tools;
mod turns;
mod write;

pub use write::write;
