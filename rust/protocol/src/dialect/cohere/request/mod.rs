//! Requests, written.

mod losses;
mod media;
mod sampling;
mod thinking;
mod tools;
mod turns;
mod write;

pub use write::write;
