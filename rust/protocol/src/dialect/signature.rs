//! Signatures of one dialect's models in another dialect's fields, so that a caller who keeps what it is given keeps
//! them too: marked with where they come from, and base64 where the field must be.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Dialect;
use crate::canonical::{Signature, Text};

const MARK: &str = "tollway.";

/// What stands in `dialect`'s own field for `signature`.
#[must_use]
pub fn to_field<'a>(signature: &Signature<'a>, dialect: Dialect) -> Text<'a> {
    if signature.origin == dialect {
        return signature.value.clone();
    }
    let marked = format!("{MARK}{}.{}", signature.origin.name(), signature.value);
    // Google's clients decode theirs.
    Cow::Owned(if dialect == Dialect::Gemini { STANDARD.encode(marked) } else { marked })
}

/// The signature that stands in `dialect`'s own field.
#[must_use]
pub fn of_field<'a>(field: Text<'a>, dialect: Dialect) -> Signature<'a> {
    let decoded = match dialect {
        Dialect::Gemini => STANDARD.decode(field.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok()),
        _ => None,
    };
    let marked = decoded.as_deref().unwrap_or(&field).strip_prefix(MARK).and_then(|marked| marked.split_once('.'));
    let foreign = marked.and_then(|(name, value)| Some((Dialect::of_name(name)?, value.to_owned())));
    match foreign {
        Some((origin, value)) => Signature { origin, value: Cow::Owned(value) },
        None => Signature { origin: dialect, value: field },
    }
}

/// Whether `body`, a request in `dialect`, may hold a signature of another: an upstream would refuse it.
#[must_use]
pub fn is_marked(body: &[u8], dialect: Dialect) -> bool {
    // Of `MARK` in base64, what does not depend on the letters that follow.
    const ENCODED: &[u8] = b"\"dG9sbHdheS";
    let quoted: &[u8] = if dialect == Dialect::Gemini { ENCODED } else { b"\"tollway." };
    memchr::memmem::find(body, quoted).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_through_any_other_dialect() {
        for origin in Dialect::ALL {
            for through in Dialect::ALL {
                let signature = Signature { origin, value: "a.b+/=".into() };
                let field = to_field(&signature, through).into_owned();
                assert_eq!(field == "a.b+/=", origin == through);
                let body = format!("{{\"signature\":\"{field}\"}}");
                assert_eq!(is_marked(body.as_bytes(), through), origin != through);
                assert_eq!(of_field(field.into(), through), signature);
            }
        }
    }

    #[test]
    fn what_is_not_ours_is_the_dialects_own() {
        for text in ["", "tollway.", "tollway.nobody.x", "dG9sbHdheQ=="] {
            for dialect in Dialect::ALL {
                assert_eq!(of_field(text.into(), dialect), Signature { origin: dialect, value: text.into() });
            }
        }
    }
}
