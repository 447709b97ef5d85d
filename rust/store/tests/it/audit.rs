//! The audit log: whoever tampers with it is found out, and where.

use serde_json::{Map, json};
use tollway_store::audit::Search;
use tollway_store::{Error, NewKey, Store, Verdict};

use crate::support::{Done, Place, both, by, object};

const KEY: &[u8] = b"a key of this installation";

both! {
    every_change_is_told_with_before_and_after
    an_untouched_log_is_right
    an_edited_entry_is_named
    an_entry_edited_with_its_hash_is_found_at_the_next
    a_deleted_entry_is_named
    an_inserted_entry_is_named
    reordered_entries_are_named
    a_log_that_was_cut_off_is_found_without_a_head
    a_log_that_was_cut_off_with_care_is_found_by_a_signed_head
    a_log_that_was_made_anew_is_found_by_a_signed_head
    a_head_that_was_not_signed_here_is_refused
    entries_are_searched_in_pages
}

/// Ten entries.
fn store(place: &Place) -> Done<Store> {
    let mut store = place.open()?;
    for n in 0..10 {
        store.create_scope(by("admin"), "team", &format!("t{n}"), &object(json!({"rpm": n})))?;
    }
    Ok(store)
}

fn first_bad(place: &Place) -> Done<(i64, String)> {
    let verdict = place.open()?.audit_verify(KEY, None)?;
    assert!(!verdict.ok);
    let bad = verdict.first_bad.ok_or("nothing was found")?;
    Ok((bad.seq, bad.why))
}

fn every_change_is_told_with_before_and_after(place: &Place) -> Done {
    let mut store = place.open()?;
    let new = NewKey { id: "k", hash: [0xab; 32], settings: &object(json!({"team": "a"})) };
    store.create_key(by("admin:ann"), &new)?;
    store.patch_key(by("admin:ann"), "k", &object(json!({"team": "b"})), None)?;
    store.rotate_key(by("admin:bob"), "k", [0xcd; 32], 0)?;
    store.revoke_key(by("admin:bob"), "k")?;
    store.audit_append(by("signal"), ("reload", "configuration", "tollway.toml"), None, None)?;
    let (entries, next) = store.audit_search(&Search::default())?;
    assert_eq!(next, None);
    let told: Vec<_> = entries.iter().rev().map(|entry| (&*entry.actor, &*entry.action, &*entry.name)).collect();
    assert_eq!(
        told,
        [
            ("admin:ann", "create", "k"),
            ("admin:ann", "patch", "k"),
            ("admin:bob", "rotate", "k"),
            ("admin:bob", "revoke", "k"),
            ("signal", "reload", "tollway.toml")
        ]
    );
    let patch = serde_json::to_value(&entries[3])?;
    assert_eq!((&patch["before"]["settings"]["team"], &patch["after"]["settings"]["team"]), (&json!("a"), &json!("b")));
    let text = serde_json::to_string(&entries)?;
    assert!(!text.contains("abababab") && !text.contains("cdcdcdcd") && !text.contains("171,171"), "{text}");
    Ok(())
}

fn an_untouched_log_is_right(place: &Place) -> Done {
    let mut empty = place.open()?;
    assert_eq!(empty.audit_verify(KEY, None)?, Verdict { ok: true, entries: 0, first_bad: None });
    let nothing = empty.audit_head(KEY, 1)?;
    let mut store = store(place)?;
    let head = store.audit_head(KEY, 2)?;
    store.create_scope(by("x"), "user", "later", &Map::new())?;
    for head in [None, Some(&nothing), Some(&head)] {
        assert_eq!(store.audit_verify(KEY, head)?, Verdict { ok: true, entries: 11, first_bad: None });
    }
    Ok(())
}

fn an_edited_entry_is_named(place: &Place) -> Done {
    store(place)?;
    for (edit, restore) in [
        ("actor = 'nobody'", "actor = 'admin'"),
        ("after_json = NULL", "after_json = '{\"settings\":{\"rpm\":5},\"version\":1}'"),
        ("before_json = ''", "before_json = NULL"),
        ("at_us = at_us + 1", "at_us = at_us - 1"),
        // The same bytes, between other fields.
        ("action = 'creat', kind = 'eteam'", "action = 'create', kind = 'team'"),
    ] {
        place.raw(&format!("UPDATE tollway_audit SET {edit} WHERE seq = 6"))?;
        let (seq, why) = first_bad(place)?;
        assert_eq!(seq, 6, "{edit}");
        assert!(why.contains("changed"), "{why}");
        place.raw(&format!("UPDATE tollway_audit SET {restore} WHERE seq = 6"))?;
        assert!(place.open()?.audit_verify(KEY, None)?.ok, "{restore}");
    }
    Ok(())
}

fn an_entry_edited_with_its_hash_is_found_at_the_next(place: &Place) -> Done {
    let mut store = store(place)?;
    // Another log's fifth entry is right in itself.
    let other = if place.folder.is_some() { Place::sqlite()? } else { Place::postgres()? };
    let mut copy = other.open()?;
    for n in 0..5 {
        copy.create_scope(by("admin"), "team", &format!("t{n}"), &object(json!({"rpm": if n == 4 { 99 } else { n }})))?;
    }
    let forged = copy.audit_search(&Search { limit: 1, ..Search::default() })?.0.remove(0);
    let hash: String = forged.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let blob = if place.folder.is_some() { format!("x'{hash}'") } else { format!("'\\x{hash}'::bytea") };
    let after = forged.after.unwrap_or_default();
    place.raw(&format!("UPDATE tollway_audit SET after_json = '{after}', hash = {blob} WHERE seq = 5"))?;
    let bad = store.audit_verify(KEY, None)?.first_bad.ok_or("nothing was found")?;
    assert_eq!(bad.seq, 6);
    assert!(bad.why.contains("does not follow"), "{}", bad.why);
    Ok(())
}

fn a_deleted_entry_is_named(place: &Place) -> Done {
    store(place)?;
    place.raw("DELETE FROM tollway_audit WHERE seq IN (4, 5)")?;
    let (seq, why) = first_bad(place)?;
    assert_eq!(seq, 4);
    assert!(why.contains("4 to 5 are missing"), "{why}");
    Ok(())
}

fn an_inserted_entry_is_named(place: &Place) -> Done {
    store(place)?;
    place.raw("UPDATE tollway_audit SET seq = -seq WHERE seq > 4")?;
    place.raw("UPDATE tollway_audit SET seq = 1 - seq WHERE seq < 0")?;
    place.raw(
        "INSERT INTO tollway_audit SELECT 5, at_us, actor, action, kind, 'forged', before_json, after_json, \
         previous, hash FROM tollway_audit WHERE seq = 4",
    )?;
    assert_eq!(first_bad(place)?.0, 5);
    Ok(())
}

fn reordered_entries_are_named(place: &Place) -> Done {
    store(place)?;
    place.raw("UPDATE tollway_audit SET seq = 100 WHERE seq = 3")?;
    place.raw("UPDATE tollway_audit SET seq = 3 WHERE seq = 4")?;
    place.raw("UPDATE tollway_audit SET seq = 4 WHERE seq = 100")?;
    assert_eq!(first_bad(place)?.0, 3);
    Ok(())
}

fn a_log_that_was_cut_off_is_found_without_a_head(place: &Place) -> Done {
    store(place)?;
    place.raw("DELETE FROM tollway_audit WHERE seq > 8")?;
    let (seq, why) = first_bad(place)?;
    assert_eq!(seq, 9);
    assert!(why.contains("9 to 10 are missing at the end"), "{why}");
    Ok(())
}

fn a_log_that_was_cut_off_with_care_is_found_by_a_signed_head(place: &Place) -> Done {
    let mut store = store(place)?;
    let head = store.audit_head(KEY, 5)?;
    place.raw("DELETE FROM tollway_audit WHERE seq > 8")?;
    place.raw(
        "UPDATE tollway_state SET number = 8, hash = (SELECT hash FROM tollway_audit WHERE seq = 8) \
         WHERE name = 'audit'",
    )?;
    assert!(store.audit_verify(KEY, None)?.ok, "the log knows no better");
    let bad = store.audit_verify(KEY, Some(&head))?.first_bad.ok_or("nothing was found")?;
    assert_eq!(bad.seq, 9);
    Ok(())
}

fn a_log_that_was_made_anew_is_found_by_a_signed_head(place: &Place) -> Done {
    let mut store = store(place)?;
    let head = store.audit_head(KEY, 5)?;
    place.raw("DELETE FROM tollway_audit")?;
    place.raw("UPDATE tollway_state SET number = 0, hash = NULL WHERE name = 'audit'")?;
    for n in 0..12 {
        store.audit_append(by("forger"), ("create", "team", &n.to_string()), None, None)?;
    }
    assert!(store.audit_verify(KEY, None)?.ok);
    let bad = store.audit_verify(KEY, Some(&head))?.first_bad.ok_or("nothing was found")?;
    assert_eq!(bad.seq, 10);
    Ok(())
}

fn a_head_that_was_not_signed_here_is_refused(place: &Place) -> Done {
    let mut store = store(place)?;
    let head = store.audit_head(KEY, 5)?;
    for forged in [
        tollway_store::SignedHead { seq: 9, ..head.clone() },
        tollway_store::SignedHead { at_us: 6, ..head.clone() },
        tollway_store::SignedHead { hash: "00".into(), ..head.clone() },
        tollway_store::SignedHead { signature: String::new(), ..head.clone() },
        tollway_store::SignedHead { signature: "é".into(), ..head.clone() },
    ] {
        assert!(matches!(store.audit_verify(KEY, Some(&forged)), Err(Error::Invalid(_))), "{forged:?}");
    }
    assert!(matches!(store.audit_verify(b"another key", Some(&head)), Err(Error::Invalid(_))));
    Ok(())
}

fn entries_are_searched_in_pages(place: &Place) -> Done {
    let mut store = store(place)?;
    store.create_scope(by("ann"), "user", "t3", &Map::new())?;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let (entries, next) = store.audit_search(&Search { limit: 4, after: after.as_deref(), ..Search::default() })?;
        assert!(entries.len() <= 4);
        seen.extend(entries.iter().map(|entry| entry.seq));
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, (1..=11).rev().collect::<Vec<_>>());
    let mut count = |search: Search<'_>| store.audit_search(&search).map(|(entries, _)| entries.len());
    assert_eq!(count(Search { actor: Some("ann"), ..Search::default() })?, 1);
    assert_eq!(count(Search { object: Some("t3"), ..Search::default() })?, 2);
    assert_eq!(count(Search { object: Some("team:t3"), action: Some("create"), ..Search::default() })?, 1);
    assert_eq!(count(Search { action: Some("delete"), ..Search::default() })?, 0);
    assert!(matches!(count(Search { after: Some("x"), ..Search::default() }), Err(Error::Invalid(_))));
    Ok(())
}
