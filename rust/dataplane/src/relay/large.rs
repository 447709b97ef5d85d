//! An answer too large to buffer: passed on as it comes.

use std::task::{Context, Poll, ready};

use bytes::Bytes;

use crate::account;
use crate::error::Kind;
use crate::exchange::Exchange;
use crate::telemetry::AttemptClass;
use crate::upstream::body::{Bounded, Broken};

/// A large answer on its way.
pub(crate) struct LargeRelay {
    first: Option<Bytes>,
    rest: Bounded,
    exchange: Box<Exchange>,
}

impl LargeRelay {
    /// `first`, then `rest`; the exchange is settled at the end.
    pub(crate) fn new(first: Bytes, rest: Bounded, exchange: Box<Exchange>) -> Self {
        Self { first: Some(first), rest, exchange }
    }

    /// The next piece. An error cuts the connection: what was begun cannot be ended properly.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        let data = match self.first.take() {
            Some(first) => Some(Ok(first)),
            None => ready!(self.rest.poll_data(cx)),
        };
        match &data {
            Some(Ok(data)) => self.exchange.sent(data),
            Some(Err(_)) => {
                self.exchange.served(AttemptClass::Broken);
                self.exchange.error = Some(Kind::UpstreamError.row().2.into());
                account::settle(&mut self.exchange);
            }
            // Before the chunk that ends the answer.
            None => account::settle(&mut self.exchange),
        }
        Poll::Ready(data)
    }
}
