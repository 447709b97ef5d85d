//! Streams.

mod reader;
mod whole;

pub use reader::Reader;
