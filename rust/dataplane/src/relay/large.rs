//! An answer too large to buffer: passed on as it comes.

use std::task::{Context, Poll};

use bytes::Bytes;

use crate::clock::{Instant, now};
use crate::exchange::Exchange;
use crate::upstream::body::{Broken, UpstreamBody};

/// A large answer on its way.
pub(crate) struct LargeRelay {
    first: Option<Bytes>,
    rest: UpstreamBody,
    deadline: std::pin::Pin<Box<tokio::time::Sleep>>,
    _exchange: Box<Exchange>,
}

impl LargeRelay {
    /// `first`, then `rest`; the exchange is settled at the end.
    pub(crate) fn new(first: Bytes, rest: UpstreamBody, exchange: Box<Exchange>) -> Self {
        let total = exchange.target().map_or(std::time::Duration::ZERO, |target| target.timeout);
        let deadline: Instant = now() + total;
        Self { first: Some(first), rest, deadline: Box::pin(tokio::time::sleep_until(deadline)), _exchange: exchange }
    }

    /// The next piece. An error cuts the connection: what was declared cannot be delivered.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        match self.rest.poll_data(cx) {
            Poll::Pending => self.deadline.as_mut().poll(cx).map(|()| Some(Err(Broken))),
            ready => ready,
        }
    }
}
