//! Keys and scopes.

use std::time::Duration;

use serde_json::{Map, json};
use tollway_store::{Error, NewKey, Options, Watch};

use crate::support::{Done, NOW_US, Place, both, by, child, object};

both! {
    a_key_lives_from_creation_to_revocation
    a_patch_changes_only_what_it_names
    a_version_that_has_passed_is_a_conflict
    what_changes_nothing_leaves_no_entry
    scopes_are_made_patched_and_deleted
    settings_that_are_too_large_are_refused
    another_process_notices_each_change
}

fn new<'a>(id: &'a str, settings: &'a Map<String, serde_json::Value>) -> NewKey<'a> {
    NewKey { id, hash: [1; 32], settings }
}

fn a_key_lives_from_creation_to_revocation(place: &Place) -> Done {
    let mut store = place.open()?;
    let settings = object(json!({"team": "a"}));
    let key = store.create_key(by("admin"), &new("k1", &settings))?;
    assert_eq!((key.version, key.created_us, &key.settings), (1, NOW_US, &settings));
    assert!(matches!(store.create_key(by("admin"), &new("k1", &settings)), Err(Error::Conflict(_))));

    let rotated = store.rotate_key(by("admin"), "k1", [2; 32], NOW_US + 60)?;
    assert_eq!((rotated.hash, rotated.previous_hash), ([2; 32], Some([1; 32])));
    assert_eq!((rotated.previous_until_us, rotated.rotated_us), (Some(NOW_US + 60), Some(NOW_US)));
    let again = store.rotate_key(by("admin"), "k1", [3; 32], NOW_US)?;
    assert_eq!((again.previous_hash, again.previous_until_us), (None, None), "no grace");
    store.rotate_key(by("admin"), "k1", [4; 32], NOW_US + 60)?;

    let revoked = store.revoke_key(by("admin"), "k1")?;
    assert_eq!((revoked.revoked_us, revoked.previous_hash), (Some(NOW_US), None));
    assert_eq!(store.revoke_key(by("admin"), "k1")?, revoked);
    assert!(matches!(store.patch_key(by("admin"), "k1", &Map::new(), None), Err(Error::Conflict(_))));
    assert!(matches!(store.rotate_key(by("admin"), "k1", [5; 32], 0), Err(Error::Conflict(_))));
    assert!(matches!(store.revoke_key(by("admin"), "k2"), Err(Error::NotFound(_))));
    assert_eq!(place.open()?.keys()?, [revoked]);
    Ok(())
}

fn a_patch_changes_only_what_it_names(place: &Place) -> Done {
    let mut store = place.open()?;
    store.create_key(by("admin"), &new("k", &object(json!({"team": "a", "priority": "batch", "tags": ["x"]}))))?;
    let patched = store.patch_key(by("admin"), "k", &object(json!({"priority": null, "user": "u"})), Some(1))?;
    assert_eq!(patched.settings, object(json!({"team": "a", "tags": ["x"], "user": "u"})));
    assert_eq!((patched.version, patched.hash), (2, [1; 32]));
    assert_eq!(store.key("k")?, patched);
    Ok(())
}

fn a_version_that_has_passed_is_a_conflict(place: &Place) -> Done {
    let mut store = place.open()?;
    store.create_key(by("admin"), &new("k", &Map::new()))?;
    store.patch_key(by("admin"), "k", &object(json!({"team": "a"})), Some(1))?;
    let late = store.patch_key(by("admin"), "k", &object(json!({"team": "b"})), Some(1));
    assert!(matches!(late, Err(Error::Conflict(_))));
    assert_eq!(store.key("k")?.settings, object(json!({"team": "a"})));
    Ok(())
}

fn what_changes_nothing_leaves_no_entry(place: &Place) -> Done {
    let mut store = place.open()?;
    store.create_key(by("admin"), &new("k", &object(json!({"team": "a"}))))?;
    let before = store.change_number()?;
    let same = store.patch_key(by("admin"), "k", &object(json!({"team": "a", "user": null})), None)?;
    assert_eq!(same.version, 1);
    assert_eq!(store.change_number()?, before);
    assert_eq!(store.audit_verify(b"key", None)?.entries, 1);
    Ok(())
}

fn scopes_are_made_patched_and_deleted(place: &Place) -> Done {
    let mut store = place.open()?;
    let settings = object(json!({"limits": {"rpm": 5}}));
    store.create_scope(by("admin"), "team", "a", &settings)?;
    store.create_scope(by("admin"), "user", "a", &Map::new())?;
    assert!(matches!(store.create_scope(by("x"), "team", "a", &settings), Err(Error::Conflict(_))));
    assert!(matches!(store.create_scope(by("x"), "key", "a", &settings), Err(Error::Invalid(_))));
    assert!(matches!(store.create_scope(by("x"), "team", "", &settings), Err(Error::Invalid(_))));
    let patched = store.patch_scope(by("x"), ("team", "a"), &object(json!({"limits": null, "b": 1})), Some(1))?;
    assert_eq!((&patched.settings, patched.version), (&object(json!({"b": 1})), 2));
    assert!(matches!(store.patch_scope(by("x"), ("team", "a"), &Map::new(), Some(1)), Err(Error::Conflict(_))));
    assert_eq!(store.scope("team", "a")?, patched);
    assert_eq!(store.scopes()?.len(), 2);
    store.delete_scope(by("x"), "team", "a")?;
    assert!(matches!(store.delete_scope(by("x"), "team", "a"), Err(Error::NotFound(_))));
    assert!(matches!(store.scope("team", "a"), Err(Error::NotFound(_))));
    Ok(())
}

fn settings_that_are_too_large_are_refused(place: &Place) -> Done {
    let mut store = place.open()?;
    let large = object(json!({"metadata": "x".repeat(70_000)}));
    assert!(matches!(store.create_key(by("x"), &new("k", &large)), Err(Error::Invalid(_))));
    store.create_key(by("x"), &new("k", &Map::new()))?;
    assert!(matches!(store.patch_key(by("x"), "k", &large, None), Err(Error::Invalid(_))));
    assert_eq!(store.key("k")?.version, 1);
    Ok(())
}

fn another_process_notices_each_change(place: &Place) -> Done {
    place.open()?;
    let mut watch = Watch::open(&place.url, &Options::default())?;
    assert!(!watch.wait(Duration::ZERO)?);
    let mut other = child("creates_a_key", &place.text)?;
    assert!(watch.wait(Duration::from_secs(60))?, "it was told");
    assert!(other.wait()?.success());
    assert_eq!(place.open()?.keys()?.len(), 1);
    assert!(!watch.wait(Duration::ZERO)?, "and told once");
    Ok(())
}
