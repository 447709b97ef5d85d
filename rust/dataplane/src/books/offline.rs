//! The books without a gateway: the command line opens them itself, under the journal's lock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tollway_records::journal::Ownership;

use crate::snapshot::Snapshot;

use super::Books;
use super::desk::{Call, Desk};
use super::outbox::{Outbox, Turn};

/// How long what a gateway left in the journal may take to be shipped before the first call is answered.
const CATCH_UP: Duration = Duration::from_secs(30);

/// The open books.
pub struct Offline {
    books: Arc<Books>,
    snapshot: Arc<Snapshot>,
}

impl std::fmt::Debug for Offline {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Offline")
    }
}

impl Offline {
    /// Opens the books of the configuration `snapshot` (the JSON that a gateway takes), and ships what is left in its
    /// journal, so that answers are whole.
    ///
    /// # Errors
    /// Where a gateway that runs owns them, or the store cannot be used; in words for the operator.
    pub fn open(snapshot: &[u8]) -> Result<Self, String> {
        let snapshot = Arc::new(Snapshot::compile(snapshot, None)?);
        let spec = snapshot.store.as_ref().ok_or("the configuration has no store: there is nothing to open")?;
        let books = Books::open(spec, &snapshot.secret, &snapshot.teams, Ownership::Owner)?;
        let until = Instant::now() + CATCH_UP;
        if let Some(mut outbox) = Outbox::open(&books).map_err(|error| error.to_string())? {
            while Instant::now() < until && matches!(outbox.turn(&books), Ok(Turn::Shipped)) {}
        }
        Ok(Self { books, snapshot })
    }

    /// Answers one call, as the control socket does: `{"ok": …}` or `{"error": …, "code": …, "param": …}`.
    pub fn call(&self, name: &str, with: Value, actor: &str) -> Value {
        let call = Call { name: name.to_owned(), with, actor: actor.to_owned(), snapshot: Arc::clone(&self.snapshot) };
        match (Desk { books: &self.books, store: None }).answer(&call) {
            Ok(value) => serde_json::json!({"ok": value}),
            Err(refusal) => refusal.to_json(),
        }
    }
}
