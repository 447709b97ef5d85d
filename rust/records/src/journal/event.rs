//! What an operator should know of.

use serde::Serialize;

/// Something that happened to the journal. Serialised, it is an object with an `event` and the fields below; it names
/// files of the journal's folder and places in them (bytes from the start), never what they hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each field is described with its event")]
pub enum Event {
    /// The last entry of a lane that is no longer written was incomplete: `bytes` behind `from` were cut off.
    TornTail { file: String, from: u64, bytes: u64 },
    /// The bytes from `from` to `to` are no entries; reading goes on at `to`.
    Damaged { file: String, from: u64, to: u64 },
    /// A damaged segment was kept under the name `file` after all that could be read of it was shipped.
    Quarantined { file: String },
    /// A segment of a format that only a newer program knows. It is left as it is.
    Newer { file: String, version: u32 },
    /// `journal.id` held no id and was written anew: what was not deleted yet may be shipped twice.
    Renamed { file: String },
    /// Appending fails; entries are kept in memory.
    Failing { file: String, error: String },
    /// The memory for entries that cannot be appended is full: they are lost, and counted.
    Dropping { file: String, error: String },
    /// Appending works again. `dropped`: how many entries this process has lost so far.
    Recovered { file: String, dropped: u64 },
    /// What was written could not be forced to the disk. It is written again and retried.
    SyncFailing { file: String, error: String },
    /// A segment that was shipped could not be deleted or renamed. It is retried.
    Undeletable { file: String, error: String },
}
