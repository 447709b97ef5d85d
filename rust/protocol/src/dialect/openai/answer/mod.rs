//! Whole answers: `chat.completion`.

mod read;
mod write;

pub use read::read;
pub(super) use read::{images, refuse_error};
pub use write::write;
pub(super) use write::{call_id, id, sound};
