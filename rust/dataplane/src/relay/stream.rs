//! A stream on its way: events relayed byte for byte, gathered, watched, and ended properly whatever happens.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::task::JoinHandle;
use tokio::time::Sleep;
use tollway_protocol::canonical::Usage;
use tollway_protocol::dialect::gemini::stream::ToArray;
use tollway_protocol::dialect::openai::{Chunk, quick, usage_of_answer};
use tollway_protocol::dialect::{Dialect, ErrorTold, Told as Saying, UpstreamError};
use tollway_protocol::sse::decoder::Event;
use tollway_protocol::sse::encoder;

use crate::account;
use crate::account::estimate;
use crate::account::price::Dollars;
use crate::attempt::Opened;
use crate::clock::{Instant, now};
use crate::error::{Error, Kind};
use crate::exchange::Exchange;
use crate::guard::StreamGuard;
use crate::inspect;
use crate::respond::error_body::told;
use crate::telemetry::AttemptClass;
use crate::translate;
use crate::upstream::body::Broken;

use super::Way;
use super::course::{Course, Halt};

/// As much as is gathered into one write.
const MAX_GATHERED: usize = 64 * 1024;
/// As much of a stream as is collected for a hook that must see it whole.
pub(crate) const MAX_COLLECTED: usize = 8 * 1024 * 1024;
/// How often in a row a poll finds nothing, and gives way, before it emits. hyper hands over one frame a poll: after
/// giving way twice, whatever has already arrived is here, and many chunks become one write. Measured: it cuts a burst's cost to a third and delays
/// nothing, since both turns come before the runtime waits again.
const TURNS: u8 = 2;
/// How long the end of an upstream's body is awaited after its last event, so that the connection can be used again.
const TAIL: std::time::Duration = std::time::Duration::from_millis(500);

/// A stream that has begun, and how the caller wants it.
pub(crate) struct Source {
    pub(crate) opened: Box<Opened>,
    pub(crate) way: Way,
    pub(crate) guard: Option<StreamGuard>,
}

/// A stream on its way to the caller.
pub(crate) struct StreamRelay {
    source: Source,
    /// What it goes through, unless it is chat completions from end to end.
    course: Option<Box<Course>>,
    out: BytesMut,
    /// Makes an array of the events, for a caller who wants one, and how much of `out` it has made.
    array: Option<(ToArray, usize)>,
    turns: u8,
    timer: Pin<Box<Sleep>>,
    last: Instant,
    seen: Seen,
    /// The end of the stream, while tokens are counted.
    held_back: Option<(JoinHandle<Usage>, Last)>,
    ended: bool,
}

/// The last bytes of a stream: its record comes before them.
struct Last {
    bytes: Bytes,
    /// Whether no more is read then.
    ends: bool,
}

/// What of a stream has been seen.
#[derive(Default)]
struct Seen {
    finish: bool,
    done: bool,
    failed: bool,
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
    /// Begins with what the attempt held back.
    pub(crate) fn new(source: Source, exchange: &mut Exchange) -> Self {
        let last = now();
        let until = (last + source.opened.idle).min(source.opened.deadline);
        let (to, from) = (source.opened.dialect, exchange.dialect);
        let chat = to == from && matches!(from, Dialect::Chat | Dialect::Completions);
        let asked = translate::asked(exchange.asked.as_ref(), from);
        let usage = source.way.usage || from != Dialect::Chat;
        let saying = Saying { usage, request: asked.as_ref(), ..exchange.saying() };
        let course = (!chat).then(|| Box::new(Course::new(to, from, &saying, source.guard.is_some())));
        let mut relay = Self {
            source,
            course,
            out: BytesMut::new(),
            array: exchange.array.then(Default::default),
            turns: 0,
            timer: Box::pin(tokio::time::sleep_until(until)),
            last,
            seen: Seen::default(),
            held_back: None,
            ended: false,
        };
        for event in std::mem::take(&mut relay.source.opened.held) {
            if !relay.ended {
                relay.event(event, exchange);
            }
        }
        relay.decode(exchange);
        relay
    }

    /// The whole stream, for a hook that must see it before the caller does.
    ///
    /// # Errors
    /// Where it is too long to be collected.
    pub(crate) async fn collect(source: Source, exchange: &mut Exchange) -> Result<Bytes, Error> {
        let mut relay = Self::new(source, exchange);
        // Hooks see events, whatever the caller wants; what has come so far stays such too.
        relay.array = None;
        let mut all = BytesMut::new();
        while let Some(data) = std::future::poll_fn(|cx| relay.poll_data(cx, exchange)).await {
            all.extend_from_slice(&data);
            if all.len() > MAX_COLLECTED {
                let message =
                    format!("The stream is longer than the {MAX_COLLECTED} bytes that a response hook can see.");
                return Err(Error::new(Kind::HookFailed, message));
            }
        }
        Ok(all.freeze())
    }

    /// The next bytes for the caller; `None` at the end.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>, exchange: &mut Exchange) -> Poll<Option<Bytes>> {
        loop {
            if self.out.len() >= MAX_GATHERED || (self.ended && !self.out.is_empty()) {
                return self.emit(exchange);
            }
            if self.held_back.is_some() {
                if !self.out.is_empty() {
                    return self.emit(exchange);
                }
                ready!(self.poll_last(cx, exchange));
                continue;
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match self.source.opened.body.poll_data(cx) {
                Poll::Ready(Some(Ok(data))) => {
                    self.last = now();
                    self.turns = 0;
                    self.source.opened.push(data);
                    self.decode(exchange);
                }
                Poll::Ready(Some(Err(Broken(Some(fault))))) if !self.seen.done && !self.seen.failed => {
                    self.fail(exchange, AttemptClass::Malformed, &fault);
                }
                Poll::Ready(Some(Err(_))) => self.close(exchange, true),
                Poll::Ready(None) => self.close(exchange, false),
                Poll::Pending => return self.wait(cx, exchange),
            }
        }
    }

    fn wait(&mut self, cx: &mut Context<'_>, exchange: &mut Exchange) -> Poll<Option<Bytes>> {
        if !self.out.is_empty() {
            if self.turns < TURNS {
                self.turns += 1;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            return self.emit(exchange);
        }
        // The timer is moved when it fires, not at each chunk: a chunk then costs no timer at all.
        while self.timer.as_mut().poll(cx).is_ready() {
            let idle = if self.seen.done { TAIL } else { self.source.opened.idle };
            let until = (self.last + idle).min(self.source.opened.deadline);
            if until <= now() {
                self.too_late(exchange);
                return self.poll_data(cx, exchange);
            }
            self.timer.as_mut().reset(until);
        }
        Poll::Pending
    }

    fn emit(&mut self, exchange: &mut Exchange) -> Poll<Option<Bytes>> {
        self.turns = 0;
        self.frame(false);
        if !exchange.settled {
            exchange.sent(&self.out);
        }
        if let Some((_, made)) = &mut self.array {
            *made = 0;
        }
        Poll::Ready(Some(self.out.split().freeze()))
    }

    /// Makes items of the events that are to go out; `last`: no more will come.
    fn frame(&mut self, last: bool) {
        let Some((array, made)) = &mut self.array else { return };
        let events = self.out.split_off(*made);
        array.push(events.freeze(), &mut self.out);
        if last {
            array.end(&mut self.out);
        }
        *made = self.out.len();
    }

    fn decode(&mut self, exchange: &mut Exchange) {
        while !self.ended && self.held_back.is_none() {
            match self.source.opened.decoder.next_event() {
                Ok(Some(event)) => self.event(event, exchange),
                Ok(None) => return,
                Err(_) => self.fail(
                    exchange,
                    AttemptClass::Malformed,
                    "The upstream's stream holds an event of more than 16 MiB.",
                ),
            }
        }
    }

    fn event(&mut self, event: Event, exchange: &mut Exchange) {
        if self.seen.done || self.seen.failed {
            // Nothing belongs after [DONE].
            return;
        }
        let Some(data) = event.data() else {
            // A comment keeps the connection alive; under a guardrail its text is not passed on uninspected.
            match self.source.guard {
                None => self.out.extend_from_slice(&event.raw),
                Some(_) => encoder::comment(b"", &mut self.out),
            }
            return;
        };
        if let Some(course) = self.course.take() {
            return self.travel(course, Some((&event, &data[..])), exchange);
        }
        match quick(&data) {
            Chunk::Done => self.done(&event, exchange),
            Chunk::Error(said) => {
                self.upstream_error(Some((&event, &data)), &said, exchange);
            }
            Chunk::Malformed => {
                self.fail(exchange, AttemptClass::Malformed, "The upstream's stream holds an event that is not JSON.");
            }
            Chunk::UsageOnly(usage) => {
                exchange.told.usage = Some(*usage);
                exchange.counting.is_final = self.seen.finish;
                if self.source.way.usage {
                    self.out.extend_from_slice(&event.raw);
                }
            }
            Chunk::Content { finish, usage } => {
                self.seen.finish |= finish;
                exchange.counting.heard.chat(&data);
                if let Some(usage) = usage {
                    exchange.told.usage = Some(*usage);
                    exchange.counting.is_final = self.seen.finish;
                }
                if finish || exchange.told.model.is_none() {
                    // Once or twice a stream: what the event tells of itself in full.
                    let told = usage_of_answer(&data).unwrap_or_default();
                    exchange.told.finish = told.finish.or(exchange.told.finish.take());
                    exchange.told.model = told.model.or(exchange.told.model.take()).or_else(|| Some(String::new()));
                }
                self.pass(&event, &data, exchange);
            }
            Chunk::Preamble => self.pass(&event, &data, exchange),
        }
    }

    /// Lets the stream go on its course: with an event, or, with none, to the end of its bytes.
    fn travel(&mut self, mut course: Box<Course>, event: Option<(&Event, &[u8])>, exchange: &mut Exchange) {
        let before = self.out.len();
        let (seen, taken) = course.take(
            event.map(|(_, data)| data),
            &mut self.source.guard,
            (&mut self.out, &mut exchange.counting.heard),
        );
        if let Some((event, _)) = event.filter(|_| course.passes_on() && seen.failed.is_none()) {
            self.out.extend_from_slice(&event.raw);
        }
        let counted = seen.told.usage.is_some();
        exchange.told.add(seen.told);
        // What is counted with the end, or after it, is the last word.
        exchange.counting.is_final |= counted && exchange.told.finish.is_some();
        self.course = Some(course);
        match (taken, seen.failed) {
            (Err(Halt::Refused(refusal)), _) => self.refuse(&inspect::refusal(&refusal), exchange),
            (Err(Halt::Invalid(invalid)), _) => {
                let message = format!("The upstream's stream is not what its API says: {}", invalid.message);
                self.fail(exchange, AttemptClass::Malformed, &message);
            }
            (Ok(()), Some(said)) => self.upstream_error(event, &said, exchange),
            (Ok(()), None) if seen.done => {
                let listener = self.course.as_mut().and_then(|course| course.listener.as_mut());
                if let (Some(listener), Some(key)) = (listener, &exchange.key) {
                    listener.end(&key.id, &exchange.worker.shared.signatures);
                }
                let last = self.out.split_off(before);
                self.whole(last.freeze(), exchange);
            }
            (Ok(()), None) => {}
        }
    }

    /// Passes on an error in the middle of a stream, made whole where a field of the dialect's form is missing.
    fn upstream_error(&mut self, event: Option<(&Event, &[u8])>, said: &UpstreamError, exchange: &mut Exchange) {
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

    fn next_number(&self) -> Option<u64> {
        self.course.as_ref().and_then(|course| course.next_number())
    }

    fn pass(&mut self, event: &Event, data: &[u8], exchange: &mut Exchange) {
        match &mut self.source.guard {
            None => self.out.extend_from_slice(&event.raw),
            Some(guard) => {
                if let Err(refusal) = guard.event(&event.raw, data, &mut self.out) {
                    self.refuse(&inspect::refusal(&refusal), exchange);
                }
            }
        }
    }

    fn done(&mut self, event: &Event, exchange: &mut Exchange) {
        if !self.release(exchange) {
            return;
        }
        self.whole(event.raw.clone(), exchange);
    }

    /// The stream is complete, save its last bytes.
    fn whole(&mut self, last: Bytes, exchange: &mut Exchange) {
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
    fn poll_last(&mut self, cx: &mut Context<'_>, exchange: &mut Exchange) -> Poll<()> {
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
    fn release(&mut self, exchange: &mut Exchange) -> bool {
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
    fn close(&mut self, exchange: &mut Exchange, broken: bool) {
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

    fn too_late(&mut self, exchange: &mut Exchange) {
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
    fn fail(&mut self, exchange: &mut Exchange, class: AttemptClass, message: &str) {
        exchange.served(class);
        let kind = if class == AttemptClass::Timeout { Kind::UpstreamTimeout } else { Kind::UpstreamError };
        self.refuse(&Error::new(kind, message.to_owned()), exchange);
    }

    fn refuse(&mut self, error: &Error, exchange: &mut Exchange) {
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
}
