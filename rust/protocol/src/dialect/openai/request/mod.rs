//! Requests: `POST /v1/chat/completions`.

mod format;
mod message;
mod parts;
mod read;
mod thinking;
mod tool;
mod turns;
mod write;

pub(super) use message::of_assistant;
pub use read::read;
pub(super) use read::read_shared;
pub(in crate::dialect) use turns::text_of_result;
pub use write::write;
