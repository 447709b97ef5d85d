//! Requests.

mod builtin;
mod format;
mod ids;
mod losses;
mod media;
mod model;
mod parts;
mod read;
mod sampling;
mod thinking;
mod tools;
mod turns;
mod write;

pub use read::{read, read_count};
pub use write::{write, write_count};
