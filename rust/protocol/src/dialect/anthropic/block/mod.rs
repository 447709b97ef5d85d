//! Content blocks.

mod read;
mod write;

pub(super) use read::{block, cache as read_cache, content};
pub(super) use write::{cache, finish, is_plain, list_or_text, text, tool_use};
