//! Streams: `chat.completion.chunk`.

mod calls;
mod choice;
mod frame;
mod plain;
mod reader;
mod writer;

pub(super) use frame::{Form, Frame};
pub use reader::Reader;
pub use writer::Writer;
