//! Teams, projects and the other scopes: those of the configuration are told, those of the store can be changed.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::snapshot::spec::ScopeSpec;

use super::{Call, Desk, Refusal, given, members, no_such_call, page};

#[derive(Deserialize)]
struct Asked {
    kind: String,
    name: Option<String>,
    settings: Option<Value>,
    changes: Option<Value>,
    version: Option<i64>,
    limit: Option<usize>,
    after: Option<String>,
}

pub(super) fn answer(desk: &mut Desk<'_>, what: &str, call: &Call) -> Result<Value, Refusal> {
    let asked: Asked = given(call)?;
    if what == "list" {
        return list(desk, call, &asked);
    }
    let name = asked.name.clone().ok_or_else(|| Refusal::new("invalid", "the name is missing").at("name"))?;
    let declared = call.snapshot.scopes.iter().find(|scope| scope.kind == asked.kind && scope.name == name);
    match (what, declared) {
        ("show", Some(scope)) => return Ok(of_configuration(scope)),
        ("show", None) => return Ok(of_store(&desk.ask(|store| store.scope(&asked.kind, &name))?)),
        (_, Some(_)) => {
            let message = format!("the {} {name:?} is declared in the configuration: change it there", asked.kind);
            return Err(Refusal::new("read_only", message).at("name"));
        }
        _ => {}
    }
    match what {
        "create" => {
            let settings = members(asked.settings);
            let scope = desk.change(call, |store, by| store.create_scope(by, &asked.kind, &name, &settings))?;
            Ok(of_store(&scope))
        }
        "patch" => {
            let changes = members(asked.changes);
            let of = (asked.kind.as_str(), name.as_str());
            Ok(of_store(&desk.change(call, |store, by| store.patch_scope(by, of, &changes, asked.version))?))
        }
        "delete" => {
            desk.change(call, |store, by| store.delete_scope(by, &asked.kind, &name))?;
            Ok(Value::Null)
        }
        _ => Err(no_such_call()),
    }
}

fn list(desk: &mut Desk<'_>, call: &Call, asked: &Asked) -> Result<Value, Refusal> {
    let stored = desk.ask(|store| store.scopes())?;
    let mut all: Vec<Value> = stored.iter().filter(|scope| scope.kind == asked.kind).map(of_store).collect();
    all.extend(call.snapshot.scopes.iter().filter(|scope| scope.kind == asked.kind).map(of_configuration));
    let name = |scope: &Value| scope["name"].as_str().unwrap_or_default().to_owned();
    all.sort_by_cached_key(name);
    // What the configuration declares hides what the store has under the same name.
    all.dedup_by(|later, earlier| later["name"] == earlier["name"]);
    let (data, next) = page(all.into_iter(), name, (asked.limit, asked.after.as_deref()));
    Ok(json!({"data": data, "next": next}))
}

fn of_store(scope: &tollway_store::Scope) -> Value {
    json!({"kind": scope.kind, "name": scope.name, "source": "store", "settings": scope.settings,
        "created_us": scope.created_us, "updated_us": scope.updated_us, "version": scope.version})
}

fn of_configuration(scope: &ScopeSpec) -> Value {
    json!({"kind": scope.kind, "name": scope.name, "source": "config", "settings": scope.settings,
        "created_us": null, "updated_us": null, "version": null})
}
