//! The audit log: searched, verified, and its end signed for safe keeping elsewhere.

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;
use tollway_store::{SignedHead, audit};

use super::{Call, Desk, PAGE, Refusal, given, no_such_call, now_us};

#[derive(Deserialize)]
struct Asked {
    limit: Option<usize>,
    after: Option<String>,
    actor: Option<String>,
    action: Option<String>,
    object: Option<String>,
    head: Option<SignedHead>,
}

pub(super) fn answer(desk: &mut Desk<'_>, what: &str, call: &Call) -> Result<Value, Refusal> {
    let asked: Asked = given(call)?;
    match what {
        "search" => {
            let search = audit::Search {
                limit: asked.limit.unwrap_or(PAGE),
                after: asked.after.as_deref(),
                actor: asked.actor.as_deref(),
                action: asked.action.as_deref(),
                object: asked.object.as_deref(),
            };
            let (entries, next) = desk.ask(|store| store.audit_search(&search))?;
            Ok(json!({"data": entries, "next": next}))
        }
        "verify" => {
            let key = key(desk);
            let verdict = desk.ask(|store| store.audit_verify(&key, asked.head.as_ref()))?;
            Ok(json!(verdict))
        }
        "head" => {
            let key = key(desk);
            Ok(json!(desk.ask(|store| store.audit_head(&key, now_us()))?))
        }
        _ => Err(no_such_call()),
    }
}

/// What heads are signed under: made from `server.secret`, and good for nothing else.
fn key(desk: &Desk<'_>) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&desk.books.secret).unwrap_or_else(|_| Hmac::new(&[0; 64].into()));
    mac.update(b"tollway audit head 1");
    mac.finalize().into_bytes().to_vec()
}
