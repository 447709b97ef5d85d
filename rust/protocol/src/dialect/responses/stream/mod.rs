//! Streams: named events, each with a `type`, and a `sequence_number` that grows by one. Items are opened, filled and
//! done; the last event holds the whole answer once more. There is no `[DONE]`.

mod begin;
mod current;
mod fill;
mod finish;
mod frame;
mod last;
mod part;
mod read;
mod take;
mod write;

pub use read::Reader;
pub use write::Writer;
