//! Relay: an answer on its way to the caller.

pub(crate) mod course;
pub(crate) mod passing;
pub(crate) mod stream;

use bytes::Bytes;

use crate::attempt::Reply;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::inspect::{self, Inspector};

use passing::Passing;
use stream::{Source, StreamRelay};

/// What goes to the caller; `respond` gives it a head.
pub(crate) enum Answer {
    /// All of it.
    Whole(Bytes),
    /// A long one, or one that is not read: its first part, and the rest as it comes.
    Passing(Box<Passing>),
    /// A stream.
    Stream(Box<Source>),
    /// A stream that a hook had to see whole.
    Collected(Bytes),
}

/// Passes `reply` on, inspected where the route or the key asks for it.
///
/// # Errors
/// What a guardrail or hook refused, or could not inspect.
pub(crate) async fn relay(
    exchange: &mut Exchange,
    reply: Reply,
    way: Way,
    mut inspector: Inspector,
) -> Result<Answer, Error> {
    match reply {
        Reply::Whole(body) => {
            let body = inspect::output(exchange, body, inspector).await?;
            Ok(Answer::Whole(body))
        }
        Reply::Passing(passing) => {
            inspect::too_large(exchange, &inspector)?;
            Ok(Answer::Passing(passing))
        }
        Reply::Stream(opened) => {
            let hooked = inspector.has_response_hooks();
            let source = Source { opened, way, guard: inspector.stream_guard() };
            if !hooked {
                return Ok(Answer::Stream(Box::new(source)));
            }
            let collected = StreamRelay::collect(source, exchange).await?;
            Ok(Answer::Collected(inspect::collected(exchange, collected, inspector).await?))
        }
    }
}

/// What the caller wants of a stream besides its events.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    /// The event that holds nothing but usage.
    pub(crate) usage: bool,
    /// The comment before `[DONE]` that tells tokens and cost.
    pub(crate) trailer: bool,
}
