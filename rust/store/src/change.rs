//! What every change of a key or a scope has in common: one transaction with its audit entry, and a change number that
//! moves, so that other processes read again.

use serde_json::{Map, Value};

use crate::audit;
use crate::error::Error;
use crate::sql::{Cell, Flavour, Sql, transaction};
use crate::store::Store;

/// Settings are no larger than so many bytes of JSON.
const SETTINGS_BYTES: usize = 65_536;

/// Who changes something, and when (microseconds since 1970).
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// As it is told in the audit log.
    pub actor: &'a str,
    /// Now.
    pub at_us: i64,
}

/// A change, as the audit log tells it. Neither secrets nor their hashes are in `before` and `after`.
pub(crate) struct Change<T> {
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
    pub(crate) value: T,
}

impl Store {
    /// The change number: another one means that keys or scopes have changed.
    ///
    /// # Errors
    /// [`Error::Away`].
    pub fn change_number(&mut self) -> Result<i64, Error> {
        change_number(self.database()?.main())
    }

    /// Does `work` and audits it; if it changes nothing, no entry is made.
    pub(crate) fn change<T>(
        &mut self,
        by: By<'_>,
        (action, kind, name): (&str, &str, &str),
        work: impl FnOnce(&mut dyn Sql) -> Result<Change<T>, Error>,
    ) -> Result<T, Error> {
        transaction(self.database()?.main(), |sql| {
            // First, for it makes others wait who change something: the audit log is one chain.
            sql.execute("UPDATE tollway_state SET number = number WHERE name = 'changes'", &[])?;
            let change = work(sql)?;
            if change.before != change.after {
                sql.execute("UPDATE tollway_state SET number = number + 1 WHERE name = 'changes'", &[])?;
                let told = audit::Told { action, kind, name, before: change.before, after: change.after };
                audit::append(sql, by, &told)?;
                if sql.flavour() == Flavour::Postgres {
                    sql.script("NOTIFY tollway_changes")?;
                }
            }
            Ok(change.value)
        })
    }
}

pub(crate) fn change_number(sql: &mut dyn Sql) -> Result<i64, Error> {
    let mut number = 0;
    sql.query("SELECT number FROM tollway_state WHERE name = 'changes'", &[], &mut |row| {
        number = row.int(0)?;
        Ok(())
    })?;
    Ok(number)
}

/// Settings as they are stored.
pub(crate) fn settings_text(settings: &Map<String, Value>) -> Result<String, Error> {
    let text = serde_json::to_string(settings).map_err(|error| Error::Invalid(error.to_string()))?;
    if text.len() > SETTINGS_BYTES {
        return Err(Error::Invalid(format!("settings are larger than {SETTINGS_BYTES} bytes of JSON")));
    }
    Ok(text)
}

/// Settings as they were stored.
pub(crate) fn settings_of(text: &str) -> Result<Map<String, Value>, Error> {
    serde_json::from_str(text).map_err(|error| Error::Damaged(format!("stored settings are no JSON object: {error}")))
}

/// Sets what `changes` names; a null clears.
pub(crate) fn merge(settings: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (name, value) in changes {
        if value.is_null() {
            settings.remove(name);
        } else {
            settings.insert(name.clone(), value.clone());
        }
    }
}

/// Refuses a change of what has changed since it was read.
pub(crate) fn expect_version(found: i64, expected: Option<i64>) -> Result<(), Error> {
    match expected {
        Some(expected) if expected != found => {
            Err(Error::Conflict(format!("it has version {found}, not {expected}: read it again")))
        }
        _ => Ok(()),
    }
}

/// Refuses a name that no table or log can hold well.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), Error> {
    if name.is_empty() || name.len() > 256 || name.chars().any(char::is_control) {
        return Err(Error::Invalid(format!("the name of a {what} has 1 to 256 bytes and no control characters")));
    }
    Ok(())
}

/// The one row of a query, if there is one.
pub(crate) fn one<T>(
    sql: &mut dyn Sql,
    text: &str,
    cells: &[Cell<'_>],
    read: impl Fn(&crate::sql::Row<'_>) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let mut found = None;
    sql.query(text, cells, &mut |row| {
        found = Some(read(row)?);
        Ok(())
    })?;
    Ok(found)
}
