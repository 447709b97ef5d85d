//! How a stream ends: wholly, with an error, or because the caller or the clock says so; and what is done before its last bytes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use serde_json::value::RawValue;
use tollway_protocol::canonical::Usage;
use tollway_protocol::dialect::{ErrorTold, UpstreamError};
use tollway_protocol::sse::decoder::Event;
use tollway_protocol::sse::encoder;

use crate::account;
use crate::account::estimate;
use crate::account::price::Dollars;
use crate::clock::now;
use crate::error::{Error, Kind};
use crate::exchange::Exchange;
use crate::guard::StreamGuard;
use crate::inspect;
use crate::respond::error_body::told;
use crate::telemetry::AttemptClass;

use super::StreamRelay;

/// How long the end of an upstream's body is awaited after its last event, so that the connection can be used again.
pub(super) const TAIL: std::time::Duration = std::time::Duration::from_millis(500);

/// The last bytes of a stream: its record comes before them.
pub(super) struct Last {
    bytes: Bytes,
    /// Whether no more is read then.
    ends: bool,
}

/// What the trailer tells; null is what is not known.
#[derive(Serialize)]
struct Trailer<'e> {
    request_id: &'e str,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    /// Whether tokens were counted here.
    estimated: bool,
    /// US dollars, exact.
    cost_usd: Option<Box<RawValue>>,
    flags: &'e [String],
}

impl StreamRelay {
    /// The stream is complete, save its last bytes.
    pub(super) fn whole(&mut self, last: Bytes, exchange: &mut Exchange) {
        self.seen.done = true;
        exchange.served(AttemptClass::Ok);
        exchange.counting.is_final = true;
        self.finish(Last { bytes: last, ends: false }, exchange);
        // From here only the end of the body is awaited, and not for long.
        self.last = now();
        self.timer.as_mut().reset(self.last + TAIL);
    }

    /// Lets the last bytes go, or holds them back while tokens are counted that nobody reported.
    fn finish(&mut self, last: Last, exchange: &mut Exchange) {
        match estimate::begin(exchange) {
            None => self.put(last, exchange),
            Some(count) => self.held_back = Some((count, last)),
        }
    }

    fn put(&mut self, last: Last, exchange: &mut Exchange) {
        if self.seen.done && !exchange.settled {
            self.trailer(exchange);
        }
        self.out.extend_from_slice(&last.bytes);
        self.ended |= last.ends;
        self.conclude(exchange);
    }

    /// Waits for what is counted, and lets the last bytes go.
    pub(super) fn poll_last(&mut self, cx: &mut Context<'_>, exchange: &mut Exchange) -> Poll<()> {
        let Some((count, _)) = &mut self.held_back else { return Poll::Ready(()) };
        if let Ok(counted) = ready!(Pin::new(count).poll(cx)) {
            exchange.estimated(counted);
        }
        if let Some((_, last)) = self.held_back.take() {
            self.put(last, exchange);
        }
        Poll::Ready(())
    }

    /// Lets the guardrail release what it held back; `false` if it refuses.
    pub(super) fn release(&mut self, exchange: &mut Exchange) -> bool {
        let Some(guard) = &mut self.source.guard else { return true };
        match guard.done(&mut self.out) {
            Ok(()) => true,
            Err(refusal) => {
                self.refuse(&inspect::refusal(&refusal), exchange);
                false
            }
        }
    }

    fn trailer(&mut self, exchange: &Exchange) {
        if !self.source.way.trailer {
            return;
        }
        let usage = account::used(exchange);
        let cost = account::cost(exchange).and_then(|cost| RawValue::from_string(Dollars(cost.nano).to_string()).ok());
        let trailer = Trailer {
            request_id: exchange.id.as_str(),
            input_tokens: usage.as_ref().and_then(Usage::all_input),
            output_tokens: usage.as_ref().and_then(Usage::all_output),
            estimated: exchange.counting.estimate.is_some(),
            cost_usd: cost,
            flags: self.source.guard.as_ref().map_or(&[], StreamGuard::flags),
        };
        let told = serde_json::to_string(&trailer).unwrap_or_default();
        encoder::comment(format!("tollway {told}").as_bytes(), &mut self.out);
    }

    /// The upstream's body has ended.
    pub(super) fn close(&mut self, exchange: &mut Exchange, broken: bool) {
        // An event whose last line ended in a CR is whole only now that no LF can follow.
        if let Some(event) = self.source.opened.decoder.finish().filter(|_| !broken) {
            self.event(event, exchange);
        }
        if self.seen.done || self.seen.failed {
            self.end(exchange);
        } else if broken && self.source.opened.deadline <= now() {
            self.too_late(exchange);
        } else if let Some(course) = self.course.take().filter(|_| !broken && self.source.opened.decoder.pending() == 0)
        {
            self.travel(course, None, exchange);
            match self.seen.done || self.ended || self.seen.failed {
                true => self.end(exchange),
                false => self.fail(exchange, AttemptClass::Broken, "The upstream's stream broke off."),
            }
        } else if self.seen.finish && !broken && self.source.opened.decoder.pending() == 0 {
            // Some servers leave [DONE] out; their stream was whole all the same.
            if self.release(exchange) {
                self.whole(Bytes::from_static(encoder::DONE), exchange);
                self.end(exchange);
            }
        } else {
            self.fail(exchange, AttemptClass::Broken, "The upstream's stream broke off.");
        }
    }

    pub(super) fn too_late(&mut self, exchange: &mut Exchange) {
        if self.seen.done || self.seen.failed {
            return self.end(exchange);
        }
        if exchange.deadline.is_some_and(|deadline| deadline <= now()) {
            exchange.served(AttemptClass::Timeout);
            let message = "The request's deadline has passed in the middle of its answer.";
            return self.refuse(&Error::new(Kind::DeadlineExceeded, message), exchange);
        }
        let message = if self.source.opened.deadline <= now() {
            "The upstream's stream took longer than the target's timeout."
        } else {
            "The upstream's stream stood still for longer than the target's idle timeout."
        };
        self.fail(exchange, AttemptClass::Timeout, message);
    }

    /// Ends the stream with an error event; what a guardrail still holds is not released.
    pub(super) fn fail(&mut self, exchange: &mut Exchange, class: AttemptClass, message: &str) {
        exchange.served(class);
        let kind = if class == AttemptClass::Timeout { Kind::UpstreamTimeout } else { Kind::UpstreamError };
        self.refuse(&Error::new(kind, message.to_owned()), exchange);
    }

    pub(super) fn refuse(&mut self, error: &Error, exchange: &mut Exchange) {
        exchange.error = Some(error.code());
        self.seen.failed = true;
        let mut last = BytesMut::new();
        exchange.dialect.error_event(&told(error, exchange.id.as_str()), self.next_number(), &mut last);
        self.finish(Last { bytes: last.freeze(), ends: true }, exchange);
    }

    /// Nothing more is read. What is held back still goes out.
    fn end(&mut self, exchange: &mut Exchange) {
        match &mut self.held_back {
            Some((_, last)) => last.ends = true,
            None => self.finish(Last { bytes: Bytes::new(), ends: true }, exchange),
        }
    }

    /// Accounts for the stream, before the bytes that tell the caller that it is over.
    fn conclude(&mut self, exchange: &mut Exchange) {
        if exchange.settled {
            return;
        }
        if let Some(guard) = &self.source.guard {
            exchange.flags.extend_from_slice(guard.flags());
        }
        self.frame(true);
        exchange.sent(&self.out);
        account::settle(exchange);
    }

    /// Passes on an error in the middle of a stream, made whole where a field of the dialect's form is missing.
    pub(super) fn upstream_error(
        &mut self,
        event: Option<(&Event, &[u8])>,
        said: &UpstreamError,
        exchange: &mut Exchange,
    ) {
        const FAILED: &str = "The upstream failed in the middle of its stream.";
        self.seen.failed = true;
        exchange.served(AttemptClass::ServerError);
        exchange.error = Some(Kind::UpstreamError.row().2.into());
        let provider = exchange.target().map(|target| &target.provider);
        let quotes_us = event.is_some_and(|(_, data)| provider.is_some_and(|provider| provider.leaks_in(data)));
        // Its own words may quote our credentials or, under a guardrail, what was masked.
        let withheld = quotes_us || self.source.guard.is_some();
        let dialect = exchange.dialect;
        if let Some((event, data)) = event.filter(|_| !withheld && self.source.opened.dialect == dialect)
            && dialect.is_whole_error(data)
        {
            self.out.extend_from_slice(&event.raw);
            return;
        }
        let (status, kind, code) = Kind::UpstreamError.row();
        let told = ErrorTold {
            status: said.status.unwrap_or(status.as_u16()),
            message: if withheld || said.message.trim().is_empty() { FAILED } else { &said.message },
            kind: said.kind.as_deref().filter(|_| !withheld).unwrap_or(kind),
            param: None,
            code: Some(said.code.as_deref().filter(|_| !withheld).unwrap_or(code)),
            request_id: exchange.id.as_str(),
        };
        dialect.error_event(&told, self.next_number(), &mut self.out);
    }

    pub(super) fn next_number(&self) -> Option<u64> {
        self.course.as_ref().and_then(|course| course.next_number())
    }
}
