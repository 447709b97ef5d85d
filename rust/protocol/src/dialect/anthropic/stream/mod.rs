//! Streams (<https://platform.claude.com/docs/en/build-with-claude/streaming>).

mod assembled;
mod frame;
mod lane;
mod reader;
mod writer;

pub use reader::Reader;
pub use writer::Writer;
