//! A provider that an adapter written in Python translates for: what it is sent, and its answer's body in the dialect that
//! the adapter speaks. The calls of one attempt are made one after another, so order is kept, and while one is under way
//! nothing more is read, so back-pressure is too.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{BufMut, Bytes, BytesMut};
use tollway_protocol::sse::decoder::{Decoder, Event};

use crate::exchange::Exchange;
use crate::hook::{HookBridge, HookFailure, Kept};
use crate::snapshot::{Hook, Target};

use super::body::{Broken, UpstreamBody};
use super::provider::Provider;

/// The most bytes of a whole answer, or of one event.
const MOST: usize = 32 * 1024 * 1024;
/// As much of a stream as one call is given.
const BATCH: usize = 64 * 1024;
/// Keeps the caller's connection alive, as the upstream's own comments do.
const ALIVE: &[u8] = b":\n\n";

/// What went wrong, in words for the caller: the adapter's name, never its traceback.
pub(crate) type Fault = Box<str>;

/// The use of an adapter for one attempt.
#[derive(Clone)]
pub(crate) struct Adapting {
    provider: Arc<Provider>,
    bridge: Arc<HookBridge>,
    kept: Kept,
}

impl Adapting {
    /// Begins one, where `target` has an adapter.
    pub(crate) fn begin(exchange: &Exchange, target: &Target) -> Option<Self> {
        target.provider.adapter.as_ref()?;
        let bridge = Arc::clone(&exchange.worker.shared.hooks);
        Some(Self { provider: Arc::clone(&target.provider), bridge, kept: Kept::default() })
    }

    /// What the provider takes for `body`, which is in the adapter's dialect.
    ///
    /// # Errors
    /// The adapter's fault.
    pub(crate) async fn request(&self, body: Bytes) -> Result<Bytes, Fault> {
        self.ask("request", body).await
    }

    /// `body`, which is the answer of the provider, in the adapter's dialect: the events of a stream, or the whole.
    pub(crate) fn answer(self, body: UpstreamBody, stream: bool, is_events: bool) -> UpstreamBody {
        let reading = match (stream, is_events) {
            (false, _) => Reading::Whole(BytesMut::new()),
            (true, true) => Reading::Events(Decoder::new(MOST)),
            (true, false) => Reading::Lines(BytesMut::new()),
        };
        UpstreamBody::Adapted(Box::new(AdaptedBody { body, adapting: self, reading, asked: None, stage: Stage::Open }))
    }

    async fn ask(&self, method: &str, body: Bytes) -> Result<Bytes, Fault> {
        let Some(adapter) = &self.provider.adapter else { return Ok(body) };
        let adapted = self.bridge.adapt(adapter, method, body, &self.kept).await;
        adapted.map_err(|failure| fault(adapter, &failure))
    }
}

fn fault(adapter: &Hook, failure: &HookFailure) -> Fault {
    let name = &adapter.call;
    match failure {
        HookFailure::NoSlot => format!("The adapter {name:?} was not called: too many calls of adapters wait."),
        HookFailure::TooLarge => format!("The adapter {name:?} was not called: the answer is too large."),
        HookFailure::TimedOut => format!("The adapter {name:?} took longer than its timeout of {:?}.", adapter.timeout),
        // Raised by the runtime itself, before the adapter is called.
        HookFailure::Raised(exception) if exception == "NotJsonError" => {
            format!("It sent the adapter {name:?} what is not a JSON object.")
        }
        HookFailure::Raised(exception) => format!("The adapter {name:?} raised {exception}."),
    }
    .into()
}

type Asked = Pin<Box<dyn Future<Output = Result<Bytes, Fault>>>>;

/// An answer's body on its way through an adapter.
pub(crate) struct AdaptedBody {
    body: UpstreamBody,
    adapting: Adapting,
    reading: Reading,
    /// The call that is under way.
    asked: Option<Asked>,
    stage: Stage,
}

/// What has been read and not given to the adapter.
enum Reading {
    Whole(BytesMut),
    Events(Decoder),
    /// JSON, an object a line.
    Lines(BytesMut),
}

enum Stage {
    /// More may come.
    Open,
    /// The provider has told the end, and the adapter has not been told.
    Told,
    /// It broke off.
    Cut,
    /// All has been said.
    Over,
}

impl AdaptedBody {
    /// The next piece; `None` at the proper end.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        loop {
            if let Some(asked) = &mut self.asked {
                let answered = ready!(asked.as_mut().poll(cx));
                self.asked = None;
                match answered {
                    Ok(data) if data.is_empty() => {}
                    Ok(data) => return Poll::Ready(Some(Ok(data))),
                    Err(fault) => {
                        self.stage = Stage::Cut;
                        return Poll::Ready(Some(Err(Broken(Some(fault)))));
                    }
                }
            }
            match self.stage {
                Stage::Open => {}
                Stage::Told => {
                    self.stage = Stage::Over;
                    self.ask("end", Bytes::new());
                    continue;
                }
                Stage::Cut => return Poll::Ready(Some(Err(Broken(None)))),
                Stage::Over => return self.poll_rest(cx),
            }
            match ready!(self.gather(cx)) {
                Gathered::Batch("", alive) => return Poll::Ready(Some(Ok(alive))),
                Gathered::Batch(method, batch) => self.ask(method, batch),
                Gathered::Nothing => {}
                Gathered::TooLong => {
                    self.stage = Stage::Cut;
                    let said = format!("It sent more at once than the {MOST} bytes that an adapter is given.");
                    return Poll::Ready(Some(Err(Broken(Some(said.into())))));
                }
            }
        }
    }

    /// The end of the provider's body, after which its connection can be used again.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        while let Some(Ok(_)) = ready!(self.body.poll_data(cx)) {}
        Poll::Ready(None)
    }

    fn ask(&mut self, method: &'static str, body: Bytes) {
        let adapting = self.adapting.clone();
        self.asked = Some(Box::pin(async move { adapting.ask(method, body).await }));
    }

    /// What the next call is given: all that has come, up to a bound.
    fn gather(&mut self, cx: &mut Context<'_>) -> Poll<Gathered> {
        let mut batch = Batch::default();
        let mut alive = false;
        while batch.0.len() < BATCH {
            match self.reading.next() {
                Ok(Some(Read::Event(name, data))) if &*data != b"[DONE]" => batch.add(name.as_deref(), &data),
                Ok(Some(Read::Event(..))) => {
                    self.stage = Stage::Told;
                    break;
                }
                Ok(Some(Read::Comment)) => alive = true,
                Err(TooLong) => return Poll::Ready(Gathered::TooLong),
                Ok(None) => match self.body.poll_data(cx) {
                    Poll::Ready(Some(Ok(data))) => self.reading.push(data),
                    Poll::Ready(Some(Err(_))) => {
                        self.stage = Stage::Cut;
                        break;
                    }
                    Poll::Ready(None) => return Poll::Ready(self.at_end(batch)),
                    Poll::Pending if batch.0.is_empty() && !alive => return Poll::Pending,
                    Poll::Pending => break,
                },
            }
        }
        Poll::Ready(match batch.done() {
            Some(events) => Gathered::Batch("events", events),
            None if alive => Gathered::Batch("", Bytes::from_static(ALIVE)),
            None => Gathered::Nothing,
        })
    }

    /// What the end of the provider's body makes whole.
    fn at_end(&mut self, mut batch: Batch) -> Gathered {
        self.stage = Stage::Told;
        match &mut self.reading {
            Reading::Whole(all) => {
                self.stage = Stage::Over;
                return Gathered::Batch("response", all.split().freeze());
            }
            // An event whose last line ended in a CR is whole only now that no LF can follow.
            Reading::Events(decoder) => {
                let last = decoder.finish().and_then(|event| Some((event.name().map(str::to_owned), event.data()?)));
                last.into_iter().for_each(|(name, data)| batch.add(name.as_deref(), &data));
            }
            Reading::Lines(rest) => {
                let last = rest.split().freeze();
                if !last.trim_ascii().is_empty() {
                    batch.add(None, &last);
                }
            }
        }
        batch.done().map_or(Gathered::Nothing, |events| Gathered::Batch("events", events))
    }
}

enum Gathered {
    /// A method and what it is given; no method for what goes to the caller as it is.
    Batch(&'static str, Bytes),
    Nothing,
    TooLong,
}

enum Read {
    /// Its name, if it has one, and its data.
    Event(Option<String>, Bytes),
    Comment,
}

struct TooLong;

impl Reading {
    fn push(&mut self, data: Bytes) {
        match self {
            Self::Whole(all) | Self::Lines(all) => all.extend_from_slice(&data),
            Self::Events(decoder) => decoder.push(data),
        }
    }

    /// The next event that is whole.
    fn next(&mut self) -> Result<Option<Read>, TooLong> {
        match self {
            Self::Whole(all) if all.len() > MOST => Err(TooLong),
            Self::Whole(_) => Ok(None),
            Self::Events(decoder) => Ok(decoder.next_event().map_err(|_| TooLong)?.map(|event| read(&event))),
            Self::Lines(all) => loop {
                let Some(end) = memchr::memchr(b'\n', all) else {
                    return if all.len() > MOST { Err(TooLong) } else { Ok(None) };
                };
                let line = all.split_to(end + 1).freeze();
                if !line.trim_ascii().is_empty() {
                    return Ok(Some(Read::Event(None, line)));
                }
            },
        }
    }
}

fn read(event: &Event) -> Read {
    event.data().map_or(Read::Comment, |data| Read::Event(event.name().map(str::to_owned), data))
}

/// Events as one JSON array of pairs of a name, or null, and data. What of it is not JSON, the runtime finds out.
#[derive(Default)]
struct Batch(BytesMut);

impl Batch {
    fn add(&mut self, name: Option<&str>, data: &[u8]) {
        let name = serde_json::Value::from(name).to_string();
        self.0.put_u8(if self.0.is_empty() { b'[' } else { b',' });
        self.0.put_u8(b'[');
        self.0.put_slice(name.as_bytes());
        self.0.put_u8(b',');
        self.0.put_slice(data);
        self.0.put_u8(b']');
    }

    fn done(mut self) -> Option<Bytes> {
        if self.0.is_empty() {
            return None;
        }
        self.0.put_u8(b']');
        Some(self.0.freeze())
    }
}
