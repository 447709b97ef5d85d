//! Answers as they are made (`streamGenerateContent`): whole `GenerateContentResponse`s, each with what is new. As
//! Server-Sent Events with `alt=sse`, else as the items of one array, which is made of such events.
//!
//! Nothing marks the end, and a `finishReason` may come before the last chunk; so all stops are told once the bytes end.

mod array;
mod lane;
mod partial;
mod reader;
mod writer;

pub use array::{FromArray, ToArray};
pub use reader::Reader;
pub use writer::Writer;
