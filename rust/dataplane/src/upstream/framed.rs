//! An answer in frames of AWS's event streams, made Server-Sent Events: all behind it knows these alone.

use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tollway_protocol::eventstream::{Fault, Inner, Reframe};

use super::body::{Broken, UpstreamBody};

/// The body of such an answer.
pub(crate) struct FramedBody {
    body: UpstreamBody,
    reframe: Reframe,
    /// Why no more of it can be trusted: told once what came before it has been passed on.
    fault: Option<Fault>,
}

impl FramedBody {
    /// `body`, whose frames carry what `inner` says.
    pub(crate) fn new(body: UpstreamBody, inner: Inner) -> Self {
        Self { body, reframe: Reframe::new(inner), fault: None }
    }

    /// The next piece; `None` at the proper end.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        loop {
            if let Some(fault) = &self.fault {
                return Poll::Ready(Some(Err(Broken(Some(format!("Its stream is damaged: {fault}.").into())))));
            }
            let data = match ready!(self.body.poll_data(cx)) {
                Some(Ok(data)) => data,
                Some(Err(broken)) => return Poll::Ready(Some(Err(broken))),
                // Within a frame it is cut like any other stream.
                None => return Poll::Ready(self.reframe.end().is_err().then_some(Err(Broken(None)))),
            };
            let mut events = BytesMut::new();
            self.fault = self.reframe.push(data, &mut events).err();
            if !events.is_empty() {
                return Poll::Ready(Some(Ok(events.freeze())));
            }
        }
    }
}
