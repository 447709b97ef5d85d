//! How the model is to think: `thinking`, of the models that do (<https://docs.cohere.com/docs/reasoning>). They do unless
//! told not to.
//!
//! | effort | tokens |
//! |---|---|
//! | minimal, low | 1,024 |
//! | medium | 4,096 |
//! | high | 16,384 |
//! | xhigh, max | without a bound |

use crate::canonical::{Losses, Thinking};
use crate::json::Members;

/// Parts of the names of the models that think.
const THINKERS: [&str; 2] = ["reasoning", "command-a-plus"];

/// Whether `model` thinks.
pub(super) fn thinks(model: &str) -> bool {
    let model = model.to_ascii_lowercase();
    THINKERS.iter().any(|name| model.contains(name))
}

pub(super) fn write(said: &Thinking<'_>, thinks: bool, losses: &mut Losses) -> Option<Members<'static>> {
    let effort = said.effort.as_deref();
    let off = said.enabled == Some(false) || effort == Some("none") || said.budget == Some(0);
    let kind = |kind: &'static str| Members::new().with("type", kind);
    if off {
        return thinks.then(|| kind("disabled"));
    }
    let on = said.enabled == Some(true) || said.adaptive || effort.is_some() || said.budget.is_some();
    losses.note_if(on && !thinks, "reasoning");
    let budget = said.budget.or(match effort {
        Some("minimal" | "low") => Some(1024),
        Some("medium") => Some(4096),
        Some("high") => Some(16_384),
        _ => None,
    });
    (on && thinks).then(|| kind("enabled").with_some("token_budget", budget))
}
