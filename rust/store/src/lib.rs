//! The store: one owner of the database, in SQLite or PostgreSQL. Every call is synchronous and waits for the database,
//! so it is made on a thread of its own, never on a data-plane thread or inside an asynchronous runtime.
//!
//! | module | what it does |
//! |---|---|
//! | [`url`] | where the database is |
//! | [`store`] | opens it: migrations, reconnection |
//! | [`key`], [`scope`] | what is made at run time; each change leaves an audit entry and moves the change number |
//! | [`audit`] | the hash chain of changes, its verification, its signed head |
//! | [`ship`] | records, payloads, roll-ups and the journal's cursors, exactly once |
//! | [`usage`] | what the roll-ups say |
//! | [`search`] | records by any field, and one by its id |
//! | [`jobs`] | requests that nobody waits for: kept, taken by one process at a time, answered |
//! | [`retain`] | drops what is old, a month at a time |
//! | [`watch`] | waits until another process has changed a key or a scope |
//!
//! Inside: `sql` is what both databases have in common, `migrate` the versions of the tables, `dictionary` numbers for
//! names, `fold` the roll-ups of one batch, `database` the files and tables that all of it lies in.

pub mod audit;
mod calendar;
mod change;
mod database;
mod dictionary;
pub mod error;
mod fold;
pub mod jobs;
pub mod key;
mod migrate;
pub mod retain;
pub mod scope;
pub mod search;
pub mod ship;
mod sql;
pub mod store;
pub mod url;
pub mod usage;
pub mod watch;

pub use audit::{Entry, SignedHead, Verdict};
pub use change::By;
pub use error::Error;
pub use jobs::{Job, NewJob};
pub use key::{Key, NewKey};
pub use retain::Retention;
pub use scope::Scope;
pub use search::{Filter, Search};
pub use ship::{Batch, Cursor, Payload};
pub use store::{Options, Store};
pub use url::Url;
pub use usage::{Dimension, Per, Usage};
pub use watch::Watch;
