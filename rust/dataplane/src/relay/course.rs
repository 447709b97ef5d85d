//! What a stream goes through that is more than passed on: read in the upstream's dialect, inspected by the guardrails,
//! written in the caller's.

use bytes::BytesMut;
use tollway_protocol::canonical::{Delta, Event, Opening};
use tollway_protocol::dialect::{Dialect, ReadStream, Told as Saying, UpstreamError, WriteStream};
use tollway_protocol::json::Invalid;

use crate::account::estimate::Heard;
use crate::exchange::Told;
use crate::guard::{Refusal, StreamGuard};
use crate::translate::{self, Listener};

/// The way of one stream.
pub(crate) struct Course {
    reader: Box<dyn ReadStream>,
    /// For calls that have no name.
    id: String,
    calls: usize,
    /// Hears what is signed, where the caller's dialect may have no place for it.
    pub(crate) listener: Option<Listener>,
    /// Writes what was read; `None` where the upstream's own bytes go out.
    writer: Option<Box<dyn WriteStream>>,
}

/// Why a stream cannot go on.
#[derive(Debug)]
pub(crate) enum Halt {
    /// What came is not the dialect.
    Invalid(Invalid),
    /// A guardrail refused.
    Refused(Refusal),
}

impl Course {
    /// From an upstream that speaks `to` to a caller who speaks `from`, through a guardrail if `guarded`.
    pub(crate) fn new(to: Dialect, from: Dialect, saying: &Saying<'_>, guarded: bool) -> Self {
        Self {
            reader: to.reader(),
            calls: 0,
            id: saying.id.to_owned(),
            listener: (from != to).then(Listener::default),
            writer: (guarded || from != to).then(|| from.writer(saying)),
        }
    }

    /// Whether the upstream's own bytes go out.
    pub(crate) fn passes_on(&self) -> bool {
        self.writer.is_none()
    }

    /// The number of the caller's next event, in a dialect that numbers them.
    pub(crate) fn next_number(&self) -> Option<u64> {
        self.writer.as_ref()?.next_number()
    }

    /// Takes the data of an event, or, with `None`, the end of the bytes; appends to `out` what goes to the caller, and lets
    /// `heard` have what may have to be counted. Gives
    /// what was seen, and why the stream cannot go on, if it cannot.
    pub(crate) fn take(
        &mut self,
        data: Option<&[u8]>,
        guard: &mut Option<StreamGuard>,
        (out, heard): (&mut BytesMut, &mut Heard),
    ) -> (Seen, Result<(), Halt>) {
        let Self { reader, calls, id, listener, writer } = self;
        let mut seen = Seen::default();
        let mut refused = None;
        let mut each = |mut event: Event<'_>| {
            seen.note(&event);
            heard.event(&event);
            if let Event::Open { opening: Opening::ToolCall { id: name, .. }, .. } = &mut event {
                name.get_or_insert_with(|| translate::call_name(id, *calls).into());
                *calls += 1;
            }
            if let Some(listener) = listener {
                listener.hear(&event);
            }
            let Some(writer) = writer.as_mut().filter(|_| !matches!(event, Event::Error(_)) && refused.is_none())
            else {
                return;
            };
            match guard {
                Some(guard) => refused = guard.pass(event, &mut |event| writer.write(event, out)).err(),
                None => writer.write(event, out),
            }
        };
        let read = match data {
            Some(data) => reader.read(data, &mut each),
            None => {
                reader.end(&mut each);
                Ok(())
            }
        };
        let passed = match (read, refused) {
            (Err(invalid), _) => Err(Halt::Invalid(invalid)),
            (Ok(()), Some(refusal)) => Err(Halt::Refused(refusal)),
            (Ok(()), None) => Ok(()),
        };
        (seen, passed)
    }
}

/// What one step of a stream told.
#[derive(Default)]
pub(crate) struct Seen {
    /// What it tells of the answer.
    pub(crate) told: Told,
    /// Whether the stream is complete.
    pub(crate) done: bool,
    /// The error that it ends with.
    pub(crate) failed: Option<UpstreamError>,
}

impl Seen {
    fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Start { model, .. } => self.told.model = model.as_deref().map(str::to_owned),
            Event::Stop { stop, .. } => {
                let word = stop.word.as_deref().unwrap_or(translate::word(stop.reason));
                self.told.finish.get_or_insert_with(|| word.to_owned());
            }
            Event::Usage(usage) => self.told.usage = Some(self.told.usage.unwrap_or_default().updated(*usage)),
            Event::Error(error) => self.failed = Some(error.clone()),
            Event::End => self.done = true,
            Event::Open { .. }
            | Event::Delta { .. }
            | Event::Close { .. }
            | Event::Logprobs { .. }
            | Event::Rest(_) => {}
        }
    }
}

/// Whether `event` shows that an answer has truly begun.
pub(crate) fn is_content(event: &Event<'_>) -> bool {
    match event {
        Event::Open { opening, .. } => {
            !matches!(opening, Opening::Text | Opening::Refusal | Opening::Reasoning { redacted: false, .. })
        }
        Event::Delta { delta: Delta::Text(text) | Delta::Summary(_, text) | Delta::Arguments(text), .. } => {
            !text.is_empty()
        }
        Event::Delta { delta: Delta::Rest(_), .. } => false,
        Event::Delta { .. } | Event::Stop { .. } | Event::End => true,
        Event::Start { .. }
        | Event::Close { .. }
        | Event::Logprobs { .. }
        | Event::Usage(_)
        | Event::Rest(_)
        | Event::Error(_) => false,
    }
}
