//! Keys that are made at run time. Of a secret, only its keyed hash comes here.

use serde_json::{Map, Value, json};

use crate::change::{By, Change, check_name, expect_version, merge, one, settings_of, settings_text};
use crate::error::Error;
use crate::sql::{Cell, Row, Sql};
use crate::store::Store;

/// A stored key.
#[derive(Clone, PartialEq)]
pub struct Key {
    /// Its public id.
    pub id: String,
    /// The keyed hash of its secret.
    pub hash: [u8; 32],
    /// The hash of the secret before, which is good until `previous_until_us`.
    pub previous_hash: Option<[u8; 32]>,
    /// Microseconds since 1970.
    pub previous_until_us: Option<i64>,
    /// What it may do, and whom it counts for; not interpreted here.
    pub settings: Map<String, Value>,
    /// Microseconds since 1970.
    pub created_us: i64,
    /// Microseconds since 1970.
    pub updated_us: i64,
    /// Microseconds since 1970.
    pub revoked_us: Option<i64>,
    /// Microseconds since 1970: when its secret was last replaced.
    pub rotated_us: Option<i64>,
    /// Counts its changes, from 1.
    pub version: i64,
}

/// Hashes are not shown.
impl std::fmt::Debug for Key {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Key({}: {})", self.id, self.told())
    }
}

/// A key to be made.
#[derive(Clone, Copy)]
pub struct NewKey<'a> {
    /// Its public id.
    pub id: &'a str,
    /// The keyed hash of its secret.
    pub hash: [u8; 32],
    /// See [`Key::settings`].
    pub settings: &'a Map<String, Value>,
}

const SELECT: &str = "SELECT id, hash, previous_hash, previous_until_us, settings, created_us, updated_us, \
                      revoked_us, rotated_us, version FROM tollway_keys";

impl Key {
    /// What the audit log tells of it.
    fn told(&self) -> Value {
        json!({
            "settings": self.settings,
            "revoked_us": self.revoked_us,
            "rotated_us": self.rotated_us,
            "previous_until_us": self.previous_until_us,
            "version": self.version,
        })
    }

    fn read(row: &Row<'_>) -> Result<Self, Error> {
        let bytes = |bytes: &[u8]| {
            bytes.try_into().map_err(|_| Error::Damaged("a stored key's hash has not 32 bytes".to_owned()))
        };
        Ok(Self {
            id: row.text(0)?.to_owned(),
            hash: bytes(row.blob(1)?)?,
            previous_hash: row.blob_if(2)?.map(bytes).transpose()?,
            previous_until_us: row.int_if(3)?,
            settings: settings_of(row.text(4)?)?,
            created_us: row.int(5)?,
            updated_us: row.int(6)?,
            revoked_us: row.int_if(7)?,
            rotated_us: row.int_if(8)?,
            version: row.int(9)?,
        })
    }

    fn write(&self, sql: &mut dyn Sql) -> Result<(), Error> {
        sql.execute(
            "UPDATE tollway_keys SET hash = ?2, previous_hash = ?3, previous_until_us = ?4, settings = ?5, \
             updated_us = ?6, revoked_us = ?7, rotated_us = ?8, version = ?9 WHERE id = ?1",
            &[
                Cell::Text(&self.id),
                Cell::Blob(&self.hash),
                Cell::blob_if(self.previous_hash.as_ref().map(<[u8; 32]>::as_slice)),
                Cell::int_if(self.previous_until_us),
                Cell::Text(&settings_text(&self.settings)?),
                Cell::Int(self.updated_us),
                Cell::int_if(self.revoked_us),
                Cell::int_if(self.rotated_us),
                Cell::Int(self.version),
            ],
        )?;
        Ok(())
    }
}

impl Store {
    /// All keys, by id.
    ///
    /// # Errors
    /// [`Error::Away`], [`Error::Damaged`].
    pub fn keys(&mut self) -> Result<Vec<Key>, Error> {
        let mut keys = Vec::new();
        self.database()?.main().query(&format!("{SELECT} ORDER BY id"), &[], &mut |row| {
            keys.push(Key::read(row)?);
            Ok(())
        })?;
        Ok(keys)
    }

    /// One key.
    ///
    /// # Errors
    /// [`Error::NotFound`]; and as [`Store::keys`].
    pub fn key(&mut self, id: &str) -> Result<Key, Error> {
        find(self.database()?.main(), id)
    }

    /// Makes a key.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the id is taken; [`Error::Invalid`].
    pub fn create_key(&mut self, by: By<'_>, new: &NewKey<'_>) -> Result<Key, Error> {
        check_name("key", new.id)?;
        let key = Key {
            id: new.id.to_owned(),
            hash: new.hash,
            previous_hash: None,
            previous_until_us: None,
            settings: new.settings.clone(),
            created_us: by.at_us,
            updated_us: by.at_us,
            revoked_us: None,
            rotated_us: None,
            version: 1,
        };
        let text = settings_text(new.settings)?;
        self.change(by, ("create", "key", new.id), |sql| {
            let made = sql.execute(
                "INSERT INTO tollway_keys (id, hash, settings, created_us, updated_us, version) \
                 VALUES (?1, ?2, ?3, ?4, ?4, 1) ON CONFLICT DO NOTHING",
                &[Cell::Text(new.id), Cell::Blob(&new.hash), Cell::Text(&text), Cell::Int(by.at_us)],
            )?;
            if made == 0 {
                return Err(Error::Conflict(format!("there is a key {} already", new.id)));
            }
            Ok(Change { before: None, after: Some(key.told()), value: key })
        })
    }

    /// Sets what `changes` names; a null clears a setting. With a `version`, only if that is still the key's.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] if it is revoked, or has another version; [`Error::Invalid`].
    pub fn patch_key(
        &mut self,
        by: By<'_>,
        id: &str,
        changes: &Map<String, Value>,
        version: Option<i64>,
    ) -> Result<Key, Error> {
        self.change_key(by, "patch", id, |key| {
            expect_version(key.version, version)?;
            unrevoked(key)?;
            merge(&mut key.settings, changes);
            Ok(())
        })
    }

    /// Replaces the secret; the one before stays good until `grace_until_us`. One that was replaced earlier ends now.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] if it is revoked.
    pub fn rotate_key(&mut self, by: By<'_>, id: &str, hash: [u8; 32], grace_until_us: i64) -> Result<Key, Error> {
        self.change_key(by, "rotate", id, |key| {
            unrevoked(key)?;
            let graceful = grace_until_us > by.at_us;
            key.previous_hash = graceful.then_some(key.hash);
            key.previous_until_us = graceful.then_some(grace_until_us);
            key.hash = hash;
            key.rotated_us = Some(by.at_us);
            Ok(())
        })
    }

    /// Ends a key, both secrets; one that is revoked already stays as it is.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn revoke_key(&mut self, by: By<'_>, id: &str) -> Result<Key, Error> {
        self.change_key(by, "revoke", id, |key| {
            key.revoked_us = key.revoked_us.or(Some(by.at_us));
            key.previous_hash = None;
            key.previous_until_us = None;
            Ok(())
        })
    }

    fn change_key(
        &mut self,
        by: By<'_>,
        action: &str,
        id: &str,
        edit: impl FnOnce(&mut Key) -> Result<(), Error>,
    ) -> Result<Key, Error> {
        self.change(by, (action, "key", id), |sql| {
            let before = find(sql, id)?;
            let mut key = before.clone();
            edit(&mut key)?;
            if key != before {
                key.version += 1;
                key.updated_us = by.at_us;
                key.write(sql)?;
            }
            Ok(Change { before: Some(before.told()), after: Some(key.told()), value: key })
        })
    }
}

fn find(sql: &mut dyn Sql, id: &str) -> Result<Key, Error> {
    one(sql, &format!("{SELECT} WHERE id = ?1"), &[Cell::Text(id)], Key::read)?
        .ok_or_else(|| Error::NotFound(format!("there is no stored key {id:?}")))
}

fn unrevoked(key: &Key) -> Result<(), Error> {
    if key.revoked_us.is_some() {
        return Err(Error::Conflict(format!("the key {} is revoked", key.id)));
    }
    Ok(())
}
