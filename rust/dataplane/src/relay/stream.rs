//! A stream on its way: events relayed byte for byte, gathered, watched, and ended properly whatever happens.

mod ending;

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::task::JoinHandle;
use tokio::time::Sleep;
use tollway_protocol::canonical::Usage;
use tollway_protocol::dialect::gemini::stream::ToArray;
use tollway_protocol::dialect::openai::{Chunk, quick, usage_of_answer};
use tollway_protocol::dialect::{Dialect, Told as Saying};
use tollway_protocol::sse::decoder::Event;
use tollway_protocol::sse::encoder;

use crate::attempt::Opened;
use crate::clock::{Instant, now};
use crate::error::{Error, Kind};
use crate::exchange::Exchange;
use crate::guard::StreamGuard;
use crate::inspect;
use crate::telemetry::AttemptClass;
use crate::translate;
use crate::upstream::body::Broken;

use super::Way;
use super::course::{Course, Halt};
use ending::{Last, TAIL};

/// As much as is gathered into one write.
const MAX_GATHERED: usize = 64 * 1024;
/// As much of a stream as is collected for a hook that must see it whole.
pub(crate) const MAX_COLLECTED: usize = 8 * 1024 * 1024;
/// How often in a row a poll finds nothing, and gives way, before it emits. hyper hands over one frame a poll: after
/// giving way twice, whatever has already arrived is here, and many chunks become one write. Measured: it cuts a burst's cost to a third and delays
/// nothing, since both turns come before the runtime waits again.
const TURNS: u8 = 2;
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

/// What of a stream has been seen.
#[derive(Default)]
struct Seen {
    finish: bool,
    done: bool,
    failed: bool,
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
}
