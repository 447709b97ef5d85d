//! Strict JSON reading (RFC 8259), without a tree: one grammar, in `Cursor`, for all that reads JSON here.

mod cursor;
mod explain;
mod fields;
mod keys;
mod number;
mod quote;
mod scan;
mod skeleton;
mod tree;
mod unescape;
mod walk;

pub(crate) use cursor::{Cursor, Silent, Text, Visit};
pub(crate) use explain::explain;
pub use fields::{At, Fields, Invalid};
pub(crate) use keys::Keys;
pub use quote::write_string;
pub use skeleton::Skeleton;
pub use tree::{Json, Members};
use unescape::unescape_str;
pub(crate) use unescape::{unescape, unescape_lossy};

/// Objects and arrays may lie this deep, the outermost counted. The container kinds fit the bits of a `u64`.
pub(crate) const MAX_DEPTH: u32 = 64;

/// Where a document breaks a rule, and which. Small, as every step of the parser may return one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) rule: Rule,
}

/// The rule that a document breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Empty,
    Value,
    ObjectNext,
    ArrayNext,
    Key,
    Colon,
    Literal,
    Number,
    Escape,
    Control,
    Unterminated,
    Trailing,
    Utf8,
    TooDeep,
    Duplicate,
    /// A value that must be of the type named.
    Type(&'static str),
}

impl Rule {
    pub(crate) const fn at(self, at: usize) -> Fault {
        Fault { at, rule: self }
    }
}
