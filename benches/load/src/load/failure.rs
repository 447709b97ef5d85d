//! Why a request failed. Any failure spoils a run, so the kinds are only as fine as it takes to find the cause.

use std::fmt;

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection.
    Connect,
    /// The request could not be written.
    Write,
    /// The connection broke while the answer was read.
    Read,
    /// The connection was closed before the answer's end.
    Cut,
    /// An answer, but not with status 200.
    Status(u16),
    /// Not HTTP, or an answer whose end is not told.
    Framing,
    /// A complete answer, but not the one that the upstream gave.
    Body,
    /// No answer by the end of the run.
    Unfinished,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => out.write_str("connect"),
            Self::Write => out.write_str("write"),
            Self::Read => out.write_str("read"),
            Self::Cut => out.write_str("cut"),
            Self::Status(status) => write!(out, "status-{status}"),
            Self::Framing => out.write_str("framing"),
            Self::Body => out.write_str("body"),
            Self::Unfinished => out.write_str("unfinished"),
        }
    }
}
