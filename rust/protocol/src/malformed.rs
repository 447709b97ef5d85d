//! Why a JSON body was refused.

/// What sort of fault a body has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MalformedKind {
    /// Not valid UTF-8 (RFC 8259, section 8.1).
    NotUtf8,
    /// Not JSON (RFC 8259).
    Syntax,
    /// Objects and arrays lie more than 64 levels deep.
    TooDeep,
    /// A key occurs twice in an object where that is refused.
    DuplicateKey,
    /// Valid JSON, but a member that the gateway reads has the wrong type.
    WrongType,
}

/// A refused body: where the fault lies and, in plain English, what to do about it.
///
/// Nothing of the body is quoted but names of keys, each cut at 64 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The sort of fault.
    pub kind: MalformedKind,
    /// Where the fault lies, in bytes from the body's start.
    pub offset: usize,
    /// The path of the faulty value, as `messages[3].content`; `body` at the root.
    pub param: String,
    /// Complete sentences for the caller.
    pub message: String,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Malformed {}
