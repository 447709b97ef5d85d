//! Requests.

pub(in crate::dialect) mod builtin;
pub(in crate::dialect) mod format;
pub(in crate::dialect) mod ids;
pub(in crate::dialect) mod losses;
pub(in crate::dialect) mod media;
pub(in crate::dialect) mod model;
mod parts;
mod read;
pub(in crate::dialect) mod sampling;
pub(in crate::dialect) mod thinking;
pub(in crate::dialect) mod tools;
mod turns;
mod write;

pub use read::{read, read_count};
pub use write::{write, write_count};
