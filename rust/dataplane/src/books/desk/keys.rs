//! Virtual keys: those of the configuration are told, those of the store are made, changed, rotated and revoked.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prost::Message;
use ring::rand::{SecureRandom, SystemRandom};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tollway_records::Record;
use tollway_store::NewKey;

use crate::clock::unix_time;
use crate::snapshot::{Key, Snapshot};

use super::{Call, Desk, Refusal, given, members, no_such_call, now_us, page};

/// The longest time for which the secret before a rotation may stay good: 90 days.
const LONGEST_GRACE_S: u64 = 90 * 86_400;

#[derive(Deserialize)]
struct Listed {
    limit: Option<usize>,
    after: Option<String>,
    team: Option<String>,
    project: Option<String>,
    environment: Option<String>,
    state: Option<String>,
}

#[derive(Deserialize)]
struct One {
    id: String,
    settings: Option<Value>,
    changes: Option<Value>,
    version: Option<i64>,
    grace_s: Option<u64>,
}

pub(super) fn answer(desk: &mut Desk<'_>, what: &str, call: &Call) -> Result<Value, Refusal> {
    match what {
        "list" => list(desk, call),
        "create" => create(desk, call),
        "show" => {
            let one: One = given(call)?;
            match declared(&call.snapshot, &one.id) {
                Some(key) => Ok(of_configuration(key)),
                None => Ok(of_store(&desk.ask(|store| store.key(&one.id))?)),
            }
        }
        "patch" => {
            let one = of_the_store(call)?;
            let changes = members(one.changes);
            let key = desk.change(call, |store, by| store.patch_key(by, &one.id, &changes, one.version))?;
            Ok(of_store(&key))
        }
        "rotate" => rotate(desk, call),
        "revoke" => {
            let one = of_the_store(call)?;
            Ok(of_store(&desk.change(call, |store, by| store.revoke_key(by, &one.id))?))
        }
        _ => Err(no_such_call()),
    }
}

fn list(desk: &mut Desk<'_>, call: &Call) -> Result<Value, Refusal> {
    let asked: Listed = given(call)?;
    let stored = desk.ask(|store| store.keys())?;
    let mut all: Vec<Value> = stored.iter().map(of_store).collect();
    all.extend(call.snapshot.keys.values().map(|key| of_configuration(key)));
    let id = |key: &Value| key["id"].as_str().unwrap_or_default().to_owned();
    all.sort_by_cached_key(id);
    let wanted = |key: &Value| {
        let is = |name: &str, wanted: &Option<String>| {
            wanted.as_deref().is_none_or(|wanted| key["settings"][name].as_str() == Some(wanted))
        };
        is("team", &asked.team)
            && is("project", &asked.project)
            && is("environment", &asked.environment)
            && asked.state.as_deref().is_none_or(|state| key["state"].as_str() == Some(state))
    };
    let (data, next) = page(all.into_iter().filter(wanted), id, (asked.limit, asked.after.as_deref()));
    Ok(json!({"data": data, "next": next}))
}

fn create(desk: &mut Desk<'_>, call: &Call) -> Result<Value, Refusal> {
    #[derive(Deserialize)]
    struct New {
        settings: Option<Value>,
    }
    let settings = members(given::<New>(call)?.settings);
    let (id, secret) = made()?;
    let hash = call.snapshot.hasher.hash(secret.as_bytes());
    let key = desk.change(call, |store, by| store.create_key(by, &NewKey { id: &id, hash, settings: &settings }))?;
    Ok(with_secret(of_store(&key), secret))
}

fn rotate(desk: &mut Desk<'_>, call: &Call) -> Result<Value, Refusal> {
    let one = of_the_store(call)?;
    let grace = one.grace_s.unwrap_or(0);
    if grace > LONGEST_GRACE_S {
        return Err(Refusal::new("invalid", "the grace period is longer than 90 days").at("grace_s"));
    }
    let secret = secret_of(&one.id)?;
    let hash = call.snapshot.hasher.hash(secret.as_bytes());
    let until = now_us().saturating_add(i64::try_from(grace).unwrap_or(0).saturating_mul(1_000_000));
    let key = desk.change(call, |store, by| store.rotate_key(by, &one.id, hash, until))?;
    Ok(with_secret(of_store(&key), secret))
}

/// The key that a change is for, which must not be one of the configuration.
fn of_the_store(call: &Call) -> Result<One, Refusal> {
    let one: One = given(call)?;
    if declared(&call.snapshot, &one.id).is_some() {
        let message = format!("the key {:?} is declared in the configuration: change it there", one.id);
        return Err(Refusal::new("read_only", message).at("id"));
    }
    let _ = &one.settings;
    Ok(one)
}

fn declared<'a>(snapshot: &'a Snapshot, id: &str) -> Option<&'a Key> {
    snapshot.keys.values().find(|key| *key.id == *id).map(AsRef::as_ref)
}

/// A new public id and secret: `tw-`, 12 characters of a-z and 0-9, `-`, 256 random bits in 43 characters.
fn made() -> Result<(String, String), Refusal> {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut id = String::with_capacity(12);
    while id.len() < 12 {
        // What is beyond seven times 36 is drawn again: each letter is as likely as any other.
        let drawn = random::<32>()?.into_iter().filter(|byte| *byte < 252);
        id.extend(drawn.take(12 - id.len()).map(|byte| char::from(LETTERS[usize::from(byte) % 36])));
    }
    let secret = secret_of(&id)?;
    Ok((id, secret))
}

fn secret_of(id: &str) -> Result<String, Refusal> {
    Ok(format!("tw-{id}-{}", URL_SAFE_NO_PAD.encode(random::<32>()?)))
}

fn random<const N: usize>() -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Refusal::new("internal", "the system gives no random numbers"))?;
    Ok(bytes)
}

fn with_secret(mut key: Value, secret: String) -> Value {
    key["secret"] = secret.into();
    key
}

fn of_store(key: &tollway_store::Key) -> Value {
    let expires = key.settings.get("expires").and_then(Value::as_u64);
    json!({
        "id": key.id, "source": "store", "settings": key.settings,
        "state": state(key.revoked_us.is_some(), expires),
        "created_us": key.created_us, "updated_us": key.updated_us, "revoked_us": key.revoked_us,
        "rotated_us": key.rotated_us, "previous_until_us": key.previous_until_us, "version": key.version,
    })
}

fn of_configuration(key: &Key) -> Value {
    let said = Record::decode(&*key.recorded).unwrap_or_default();
    let expires = key.expires.map(|time| time.as_secs());
    let mut settings = Map::new();
    for (name, value) in [
        ("organisation", json!(said.organisation)),
        ("tenant", json!(said.tenant)),
        ("team", json!(said.team)),
        ("project", json!(said.project)),
        ("environment", json!(said.environment)),
        ("user", json!(said.user)),
        ("agent", json!(said.agent)),
        ("priority", json!(said.priority)),
        ("models", json!(key.models)),
        ("expires", json!(expires)),
    ] {
        if !value.is_null() {
            settings.insert(name.to_owned(), value);
        }
    }
    let callbacks: Vec<String> = key.callbacks.iter().map(|listed| listed.uri.to_string()).collect();
    if !callbacks.is_empty() {
        settings.insert("callbacks".to_owned(), json!(callbacks));
    }
    for (name, list) in [("tags", &said.tags), ("files", &key.files), ("passthrough", &key.passthrough)] {
        if !list.is_empty() {
            settings.insert(name.to_owned(), json!(list));
        }
    }
    json!({
        "id": &*key.id, "source": "config", "settings": settings, "state": state(key.revoked, expires),
        "created_us": null, "updated_us": null, "revoked_us": null, "rotated_us": null, "previous_until_us": null,
        "version": null,
    })
}

fn state(revoked: bool, expires: Option<u64>) -> &'static str {
    match expires {
        _ if revoked => "revoked",
        Some(expires) if expires <= unix_time().as_secs() => "expired",
        _ => "active",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authenticate::registry::is_made_here;

    #[test]
    fn makes_keys_of_the_stated_form_and_never_the_same() {
        let (id, secret) = made().unwrap();
        assert!(is_made_here(secret.as_bytes()), "{secret}");
        assert!(secret.starts_with(&format!("tw-{id}-")));
        assert!(id.bytes().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit()));
        assert_ne!(made().unwrap().1, secret);
        assert_ne!(secret_of(&id).unwrap(), secret);
    }
}
