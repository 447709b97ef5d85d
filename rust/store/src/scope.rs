//! Teams, projects and the other scopes that are made at run time.

use serde_json::{Map, Value, json};

use crate::change::{By, Change, check_name, expect_version, merge, one, settings_of, settings_text};
use crate::error::Error;
use crate::sql::{Cell, Row, Sql};
use crate::store::Store;

/// The kinds of scopes.
pub const KINDS: [&str; 7] = ["organisation", "tenant", "team", "project", "environment", "user", "agent"];

/// A stored scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Scope {
    /// One of [`KINDS`].
    pub kind: String,
    /// Unique among its kind.
    pub name: String,
    /// Its limits and budgets; not interpreted here.
    pub settings: Map<String, Value>,
    /// Microseconds since 1970.
    pub created_us: i64,
    /// Microseconds since 1970.
    pub updated_us: i64,
    /// Counts its changes, from 1.
    pub version: i64,
}

const SELECT: &str = "SELECT kind, name, settings, created_us, updated_us, version FROM tollway_scopes";

impl Scope {
    fn told(&self) -> Value {
        json!({ "settings": self.settings, "version": self.version })
    }

    fn read(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            kind: row.text(0)?.to_owned(),
            name: row.text(1)?.to_owned(),
            settings: settings_of(row.text(2)?)?,
            created_us: row.int(3)?,
            updated_us: row.int(4)?,
            version: row.int(5)?,
        })
    }
}

impl Store {
    /// All scopes, by kind and name.
    ///
    /// # Errors
    /// [`Error::Away`], [`Error::Damaged`].
    pub fn scopes(&mut self) -> Result<Vec<Scope>, Error> {
        let mut scopes = Vec::new();
        self.database()?.main().query(&format!("{SELECT} ORDER BY kind, name"), &[], &mut |row| {
            scopes.push(Scope::read(row)?);
            Ok(())
        })?;
        Ok(scopes)
    }

    /// One scope.
    ///
    /// # Errors
    /// [`Error::NotFound`]; and as [`Store::scopes`].
    pub fn scope(&mut self, kind: &str, name: &str) -> Result<Scope, Error> {
        find(self.database()?.main(), kind, name)
    }

    /// Makes a scope.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the name is taken; [`Error::Invalid`].
    pub fn create_scope(
        &mut self,
        by: By<'_>,
        kind: &str,
        name: &str,
        settings: &Map<String, Value>,
    ) -> Result<Scope, Error> {
        if !KINDS.contains(&kind) {
            return Err(Error::Invalid(format!("a scope is one of {}", KINDS.join(", "))));
        }
        check_name(kind, name)?;
        let scope = Scope {
            kind: kind.to_owned(),
            name: name.to_owned(),
            settings: settings.clone(),
            created_us: by.at_us,
            updated_us: by.at_us,
            version: 1,
        };
        let text = settings_text(settings)?;
        self.change(by, ("create", kind, name), |sql| {
            let made = sql.execute(
                "INSERT INTO tollway_scopes (kind, name, settings, created_us, updated_us, version) \
                 VALUES (?1, ?2, ?3, ?4, ?4, 1) ON CONFLICT DO NOTHING",
                &[Cell::Text(kind), Cell::Text(name), Cell::Text(&text), Cell::Int(by.at_us)],
            )?;
            if made == 0 {
                return Err(Error::Conflict(format!("there is a {kind} {name:?} already")));
            }
            Ok(Change { before: None, after: Some(scope.told()), value: scope })
        })
    }

    /// Sets what `changes` names; a null clears a setting. With a `version`, only if that is still the scope's.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] if it has another version; [`Error::Invalid`].
    pub fn patch_scope(
        &mut self,
        by: By<'_>,
        (kind, name): (&str, &str),
        changes: &Map<String, Value>,
        version: Option<i64>,
    ) -> Result<Scope, Error> {
        self.change(by, ("patch", kind, name), |sql| {
            let before = find(sql, kind, name)?;
            expect_version(before.version, version)?;
            let mut scope = before.clone();
            merge(&mut scope.settings, changes);
            if scope != before {
                scope.version += 1;
                scope.updated_us = by.at_us;
                sql.execute(
                    "UPDATE tollway_scopes SET settings = ?3, updated_us = ?4, version = ?5 \
                     WHERE kind = ?1 AND name = ?2",
                    &[
                        Cell::Text(kind),
                        Cell::Text(name),
                        Cell::Text(&settings_text(&scope.settings)?),
                        Cell::Int(scope.updated_us),
                        Cell::Int(scope.version),
                    ],
                )?;
            }
            Ok(Change { before: Some(before.told()), after: Some(scope.told()), value: scope })
        })
    }

    /// Forgets a scope. What was counted for it stays.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn delete_scope(&mut self, by: By<'_>, kind: &str, name: &str) -> Result<(), Error> {
        self.change(by, ("delete", kind, name), |sql| {
            let before = find(sql, kind, name)?;
            let text = "DELETE FROM tollway_scopes WHERE kind = ?1 AND name = ?2";
            sql.execute(text, &[Cell::Text(kind), Cell::Text(name)])?;
            Ok(Change { before: Some(before.told()), after: None, value: () })
        })
    }
}

fn find(sql: &mut dyn Sql, kind: &str, name: &str) -> Result<Scope, Error> {
    let text = format!("{SELECT} WHERE kind = ?1 AND name = ?2");
    one(sql, &text, &[Cell::Text(kind), Cell::Text(name)], Scope::read)?
        .ok_or_else(|| Error::NotFound(format!("there is no stored {kind} {name:?}")))
}
