//! Translate: from the caller's dialect to the target's.
//!
//! Built so far: OpenAI to OpenAI, which is no translation. The body's bytes pass as they are, with the model's name
//! replaced and, in a stream, our own usage asked for.

use tollway_protocol::splice::{Segments, for_upstream};

use crate::accept::Call;
use crate::snapshot::Target;
use crate::snapshot::spec::Dialect;

/// What goes to `target` for `call`.
pub(crate) fn request(call: &Call, target: &Target) -> Segments {
    match target.provider.dialect {
        Dialect::Openai => for_upstream(&call.body, &call.peek, &target.labels.model_json, true),
    }
}
