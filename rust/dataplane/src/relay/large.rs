//! An answer too large to buffer: passed on as it comes.

use std::task::{Context, Poll};

use bytes::Bytes;

use crate::exchange::Exchange;
use crate::upstream::body::{Bounded, Broken};

/// A large answer on its way.
pub(crate) struct LargeRelay {
    first: Option<Bytes>,
    rest: Bounded,
    _exchange: Box<Exchange>,
}

impl LargeRelay {
    /// `first`, then `rest`; the exchange is settled at the end.
    pub(crate) fn new(first: Bytes, rest: Bounded, exchange: Box<Exchange>) -> Self {
        Self { first: Some(first), rest, _exchange: exchange }
    }

    /// The next piece. An error cuts the connection: what was begun cannot be ended properly.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(first))),
            None => self.rest.poll_data(cx),
        }
    }
}
