//! What is remembered of a request, and the journal that keeps it until the store has it.
//!
//! | module | what it does |
//! |---|---|
//! | [`record`] | the record of one request: its fields, and how it is written without copying them first |
//! | [`journal`] | checksummed segments on the local disk: appended to before an answer's last byte, shipped from there |

pub mod journal;
pub mod record;

pub use record::{Attempt, Record, Tokens, Units};
