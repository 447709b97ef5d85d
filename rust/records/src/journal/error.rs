//! Why a journal cannot be opened or read, and why an entry is not on the disk.

use std::fmt::{self, Display};
use std::io;
use std::path::PathBuf;

/// Why a journal cannot be opened or read.
#[derive(Debug)]
pub enum Error {
    /// Another process owns the folder; its id, where it could be read.
    Locked {
        /// The journal's folder.
        folder: PathBuf,
        /// The owner.
        pid: Option<u32>,
    },
    /// Only the owner reads, and this process does not own the folder yet.
    NotOwner {
        /// The journal's folder.
        folder: PathBuf,
    },
    /// The system refused.
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Error {
    pub(super) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { folder, pid } => {
                write!(f, "the journal {} belongs to ", folder.display())?;
                match pid {
                    Some(pid) => write!(f, "process {pid}")?,
                    None => f.write_str("another process")?,
                }
                f.write_str(": stop that one, or use another folder")
            }
            Self::NotOwner { folder } => {
                write!(f, "the journal {} still belongs to the process before this one", folder.display())
            }
            Self::Io { doing, path, source } => write!(f, "cannot {doing} {}: {source}", path.display()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Why an entry could not be written.
#[derive(Debug)]
pub enum Cause {
    /// The segments have reached their bound.
    Full,
    /// The system refused.
    Io(io::Error),
}

impl Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the journal has reached its bound"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

/// What became of an entry that is not on the disk.
#[derive(Debug)]
pub enum AppendError {
    /// It is longer than its kind may be. It is lost, and counted as dropped.
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The longest that its kind may have.
        max: usize,
    },
    /// It waits in memory, to be written before the next.
    Held(Cause),
    /// It is lost, and counted: the memory for such entries is full.
    Dropped(Cause),
    /// A payload was not accepted, and is counted as refused: the journal is full.
    Refused,
}

impl Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length, max } => write!(f, "an entry of {length} bytes is too long: at most {max}"),
            Self::Held(cause) => write!(f, "an entry waits in memory: {cause}"),
            Self::Dropped(cause) => write!(f, "an entry is lost: {cause}"),
            Self::Refused => f.write_str("a payload is not kept: the journal has reached its bound"),
        }
    }
}

impl std::error::Error for AppendError {}
