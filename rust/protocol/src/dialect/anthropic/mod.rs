//! Anthropic Messages, `POST /v1/messages` and `/v1/messages/count_tokens`
//! (<https://platform.claude.com/docs/en/api/messages>; names and types as in anthropic-sdk-python).
//!
//! What is read and written again is the same JSON, except:
//! - null is absent, and so are `stream: false` and an empty `system`, `tools`, `stop_sequences` or `citations`;
//! - `output_format` of the beta is `output_config.format`;
//! - the default type of a tool, `custom`, is left out;
//! - tool results come first in their turn, as the API demands;
//! - an empty `content` of a tool result is absent;
//! - thinking without a signature is left out of requests, since the API refuses it;
//! - a budget for thinking, and `adaptive`, become each other where the model takes only one of them;
//! - names of answers that do not begin with `msg_` are replaced;
//! - in streams, a tool call without input has the delta `{}`, and empty deltas and text blocks are left out.
//!
//! What marks a document as this dialect's own is a [`Rest`] whose origin says so, also where it
//! holds nothing: a whole request, a list of one text (which would else become a string), and a system message that stands
//! in mid-conversation.

pub mod answer;
mod block;
mod citation;
pub mod count;
pub(in crate::dialect) mod emulated;
pub mod error;
mod merge;
pub mod request;
mod stop;
pub mod stream;
pub mod usage;

use super::Dialect;
use crate::canonical::Rest;
use crate::json::Members;

const OWN: Dialect = Dialect::Anthropic;

/// A mark that holds `members`, possibly none.
const fn marked(members: Members<'_>) -> Rest<'_> {
    Rest { origin: Some(OWN), members }
}
