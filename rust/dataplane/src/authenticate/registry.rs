//! The keys that were made at run time, as the store knows them: read by every request, replaced whole by every change.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::authenticate::virtual_key::{self, KeyHash, from_hex};
use crate::clock::unix_time;
use crate::log;
use crate::snapshot::Key;
use crate::snapshot::spec::KeySpec;

/// One key as it is kept: its policy and its hashes, never itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) id: String,
    /// 64 hexadecimal digits.
    pub(crate) hash: String,
    /// The hash of the secret before, and until when (in µs since 1970) it is accepted.
    pub(crate) previous: Option<(String, u64)>,
    pub(crate) settings: Value,
    pub(crate) revoked: bool,
}

/// How much of the truth the rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Known {
    /// All of it: the store answers.
    Fresh,
    /// As it was when the store last answered.
    Local,
    /// None of it: the store has not answered, and there is no copy.
    Nothing,
}

/// All of them.
pub(crate) struct Registry {
    pub(crate) rows: Arc<Vec<Row>>,
    pub(crate) known: Known,
    /// When the store said so, since 1970.
    pub(crate) as_of: Duration,
    table: FxHashMap<KeyHash, Entry>,
}

struct Entry {
    key: Arc<Key>,
    /// For the secret before a rotation: when its time is over.
    until: Option<Duration>,
}

/// The routes that teams narrow their keys to.
pub(crate) type TeamModels = HashMap<String, Vec<String>>;

impl Registry {
    /// What is known before the store was asked.
    pub(crate) fn nothing() -> Self {
        Self { rows: Arc::default(), known: Known::Nothing, as_of: Duration::ZERO, table: FxHashMap::default() }
    }

    /// Where there is no store: no key can be made, and none is unknown for lack of an answer.
    pub(crate) fn without_store() -> Self {
        Self { known: Known::Fresh, ..Self::nothing() }
    }

    /// Compiles `rows`, which were the truth at `as_of`.
    pub(crate) fn compile(rows: Arc<Vec<Row>>, known: Known, as_of: Duration, teams: &TeamModels) -> Self {
        let mut table = FxHashMap::with_capacity_and_hasher(rows.len(), Default::default());
        for row in rows.iter() {
            let key = Arc::new(key(row, teams));
            if let Some((hash, until)) = row.previous.as_ref().and_then(|(hash, until)| Some((from_hex(hash)?, until)))
            {
                let until = Some(Duration::from_micros(*until));
                table.insert(hash, Entry { key: Arc::clone(&key), until });
            }
            if let Some(hash) = from_hex(&row.hash) {
                table.insert(hash, Entry { key, until: None });
            }
        }
        Self { rows, known, as_of, table }
    }

    /// The same rows under other teams.
    pub(crate) fn under(&self, teams: &TeamModels) -> Self {
        Self::compile(Arc::clone(&self.rows), self.known, self.as_of, teams)
    }

    /// The same, now known only from before.
    pub(crate) fn aged(&self, teams: &TeamModels) -> Self {
        let known = if self.known == Known::Fresh { Known::Local } else { self.known };
        Self::compile(Arc::clone(&self.rows), known, self.as_of, teams)
    }

    /// The key of `hash`, unless it is the secret before a rotation and its time is over.
    pub(crate) fn find(&self, hash: &KeyHash) -> Option<&Arc<Key>> {
        let entry = virtual_key::find(&self.table, hash)?;
        entry.until.is_none_or(|until| until > unix_time()).then_some(&entry.key)
    }

    /// The key whose name is `id`.
    pub(crate) fn named(&self, id: &str) -> Option<&Arc<Key>> {
        self.table.values().map(|entry| &entry.key).find(|key| *key.id == *id)
    }

    /// Whether a key that is not here may exist all the same: `presented` looks like one that was made at run time,
    /// and the store cannot be asked.
    pub(crate) fn may_lack(&self, presented: &[u8]) -> bool {
        self.known != Known::Fresh && is_made_here(presented)
    }
}

/// Whether `key` has the form of those that are made at run time: `tw-`, 12 characters, `-`, 43 characters.
pub(crate) fn is_made_here(key: &[u8]) -> bool {
    key.len() == 3 + 12 + 1 + 43 && key.starts_with(b"tw-") && key.get(15) == Some(&b'-')
}

/// The policy of `row`. What cannot be understood, such as a setting that a newer version wrote, is not allowed
/// anything.
fn key(row: &Row, teams: &TeamModels) -> Key {
    let mut settings = row.settings.clone();
    if let Some(settings) = settings.as_object_mut() {
        settings.insert("id".to_owned(), json!(row.id));
        settings.insert("hash".to_owned(), json!(row.hash));
        settings.insert("revoked".to_owned(), json!(row.revoked));
        settings.retain(|_, value| !value.is_null());
    }
    let mut spec = serde_json::from_value::<KeySpec>(settings).unwrap_or_else(|error| {
        // The error names a field and a type, never a value of ours that is secret: settings hold none.
        log::error("key.not-understood", &json!({"key": row.id, "error": error.to_string()}));
        KeySpec { id: row.id.clone(), hash: row.hash.clone(), revoked: true, ..KeySpec::default() }
    });
    if let Some(allowed) = spec.team.as_ref().and_then(|team| teams.get(team)) {
        spec.models = Some(match spec.models.take() {
            None => allowed.clone(),
            Some(models) => models.into_iter().filter(|model| allowed.contains(model)).collect(),
        });
    }
    Key::compile(spec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authenticate::virtual_key::{KeyHasher, to_hex};

    fn hash(text: &str) -> KeyHash {
        KeyHasher::new(b"s").hash(text.as_bytes())
    }

    fn row(settings: Value) -> Row {
        Row { id: "k".into(), hash: to_hex(&hash("new")), previous: None, settings, revoked: false }
    }

    fn registry(row: Row, teams: &TeamModels) -> Registry {
        Registry::compile(Arc::new(vec![row]), Known::Fresh, Duration::ZERO, teams)
    }

    #[test]
    fn a_secret_before_a_rotation_works_until_its_time_is_over() {
        for (until, works) in [(u64::MAX / 2, true), (1, false)] {
            let previous = Some((to_hex(&hash("old")), until));
            let registry = registry(Row { previous, ..row(json!({})) }, &TeamModels::new());
            assert!(registry.find(&hash("new")).is_some());
            assert_eq!(registry.find(&hash("old")).is_some(), works);
        }
    }

    #[test]
    fn a_key_never_may_more_than_its_team() {
        let teams = TeamModels::from([("t".to_owned(), vec!["a".to_owned(), "b".to_owned()])]);
        let allowed = |settings| {
            let registry = registry(row(settings), &teams);
            let key = registry.find(&hash("new")).cloned().unwrap();
            ["a", "b", "c"].map(|model| key.allows(model))
        };
        assert_eq!(allowed(json!({"team": "t"})), [true, true, false]);
        assert_eq!(allowed(json!({"team": "t", "models": ["b", "c"]})), [false, true, false]);
        assert_eq!(allowed(json!({"team": "u", "models": null})), [true, true, true]);
    }

    #[test]
    fn settings_that_are_not_understood_allow_nothing() {
        let registry = registry(row(json!({"from_the_future": 1})), &TeamModels::new());
        assert!(registry.find(&hash("new")).unwrap().revoked);
    }

    #[test]
    fn says_that_it_may_lack_a_key_only_where_that_can_be() {
        let made = format!("tw-{}-{}", "a".repeat(12), "b".repeat(43));
        let nothing = Registry::nothing();
        assert!(nothing.may_lack(made.as_bytes()));
        assert!(!nothing.may_lack(b"sk-anything-else-of-whatever-length"));
        assert!(!Registry::without_store().may_lack(made.as_bytes()));
    }
}
