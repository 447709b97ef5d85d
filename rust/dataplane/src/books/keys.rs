//! The run-time keys of this process: read from the store at the start and after each change there, kept in a signed
//! local copy, and gone on with while the store is away.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use tollway_store::{Error, Key, Store, Watch};

use crate::authenticate::local::{self, LocalError};
use crate::authenticate::registry::{Known, Registry, Row, TeamModels};
use crate::authenticate::virtual_key::to_hex;
use crate::clock::unix_time;
use crate::log;

use super::{Books, RETRY};

/// How long is waited for a change before it is looked whether the process ends.
const TURN: Duration = Duration::from_millis(250);

/// Reads the keys from `store`, and puts them in force.
///
/// # Errors
/// The store's; what was in force stays.
pub(crate) fn load(books: &Books, store: &mut Store) -> Result<(), Error> {
    let _loading = books.loading.lock().unwrap_or_else(PoisonError::into_inner);
    let read = read(store);
    books.health.noted(read.as_ref().err());
    let (rows, teams) = read?;
    let before = books.registry.load();
    if (*before.rows != rows || before.known == Known::Nothing)
        && let Err(error) = local::write(books.journal.folder(), &books.secret, &rows, unix_time())
    {
        log::error("keys.no-local-copy", &json!({"error": error.to_string()}));
    }
    put(books, Arc::new(rows), Known::Fresh, unix_time(), teams);
    Ok(())
}

/// Goes by the local copy, if there is one.
pub(crate) fn load_local(books: &Books) {
    match local::read(books.journal.folder(), &books.secret) {
        Ok((rows, as_of)) => put(books, Arc::new(rows), Known::Local, as_of, TeamModels::new()),
        Err(LocalError::Absent) => {}
        Err(LocalError::Signature) => log::error(
            "keys.local-copy-refused",
            &json!({"reason": "it was not signed under this server.secret, or was changed"}),
        ),
        Err(LocalError::Io(error)) => log::error("keys.local-copy-unreadable", &json!({"error": error.to_string()})),
    }
}

fn put(books: &Books, rows: Arc<Vec<Row>>, known: Known, as_of: Duration, stored: TeamModels) {
    let mut teams = stored;
    // What the configuration declares cannot be widened elsewhere.
    teams.extend(books.teams.load().iter().map(|(name, models)| (name.clone(), models.clone())));
    books.registry.store(Arc::new(Registry::compile(rows, known, as_of, &teams)));
}

fn read(store: &mut Store) -> Result<(Vec<Row>, TeamModels), Error> {
    let rows = store.keys()?.into_iter().map(row).collect();
    let teams = store.scopes()?.into_iter().filter(|scope| scope.kind == "team").filter_map(|team| {
        let models = team.settings.get("models")?.as_array()?;
        Some((team.name, models.iter().filter_map(|model| Some(model.as_str()?.to_owned())).collect()))
    });
    Ok((rows, teams.collect()))
}

fn row(key: Key) -> Row {
    let until = key.previous_until_us.and_then(|until| u64::try_from(until).ok());
    Row {
        id: key.id,
        hash: to_hex(&key.hash),
        previous: key.previous_hash.zip(until).map(|(hash, until)| (to_hex(&hash), until)),
        settings: key.settings.into(),
        revoked: key.revoked_us.is_some(),
    }
}

/// Reads the keys anew whenever they have changed in the store, until the process ends.
pub(crate) fn watch(books: &Books, stopped: &watch::Receiver<bool>) {
    let mut open: Option<(Store, Watch)> = None;
    while !*stopped.borrow() {
        let turn = match &mut open {
            None => begin(books).map(|begun| open = Some(begun)),
            Some((store, watch)) => match watch.wait(TURN) {
                Ok(true) => load(books, store),
                Ok(false) if books.registry.load().known != Known::Fresh => load(books, store),
                Ok(false) => Ok(()),
                Err(error) => Err(error),
            },
        };
        books.health.noted(turn.as_ref().err());
        if turn.is_err() {
            let aged = {
                let _loading = books.loading.lock().unwrap_or_else(PoisonError::into_inner);
                let registry = books.registry.load();
                (registry.known == Known::Fresh).then(|| registry.aged(&books.teams.load()))
            };
            if let Some(aged) = aged {
                books.registry.store(Arc::new(aged));
            }
            std::thread::sleep(RETRY);
        }
    }
}

fn begin(books: &Books) -> Result<(Store, Watch), Error> {
    let mut store = books.connect()?;
    // The watch first: what changes between the two is noticed.
    let watch = Watch::open(&books.url, &books.options)?;
    load(books, &mut store)?;
    Ok((store, watch))
}
