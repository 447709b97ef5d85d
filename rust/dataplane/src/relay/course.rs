//! What a stream goes through that is more than passed on: read in the upstream's dialect, written in the caller's.
//!
//! Guardrails inspect chat completions. Under one, a stream of another dialect is written as chat, inspected, and read
//! again: what cannot be said there is not inspected, and so not forwarded.

use bytes::{Bytes, BytesMut};
use tollway_protocol::canonical::{Delta, Event, Opening};
use tollway_protocol::dialect::{Dialect, ReadStream, Told as Saying, UpstreamError, WriteStream};
use tollway_protocol::json::Invalid;
use tollway_protocol::sse::Decoder;

use crate::account::estimate::Heard;
use crate::attempt::MAX_EVENT;
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
    hop: Option<Hop>,
}

/// The way through a guardrail: chat events from what was read, and what is read of them for the caller.
struct Hop {
    /// What was written, and its events.
    chat: BytesMut,
    decoder: Decoder,
    /// Turns chat events into the caller's; `None` for a caller of chat.
    back: Option<Back>,
}

struct Back {
    decoder: Decoder,
    reader: Box<dyn ReadStream>,
    writer: Box<dyn WriteStream>,
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
        let back =
            || Back { decoder: Decoder::new(MAX_EVENT), reader: Dialect::Chat.reader(), writer: from.writer(saying) };
        let hop = guarded.then(|| Hop {
            chat: BytesMut::new(),
            decoder: Decoder::new(MAX_EVENT),
            back: (from != Dialect::Chat).then(back),
        });
        let written = match (&hop, from == to) {
            (Some(_), _) => Some(Dialect::Chat.writer(saying)),
            (None, true) => None,
            (None, false) => Some(from.writer(saying)),
        };
        Self {
            reader: to.reader(),
            calls: 0,
            id: saying.id.to_owned(),
            listener: (from != to).then(Listener::default),
            writer: written,
            hop,
        }
    }

    /// Whether the upstream's own bytes go out.
    pub(crate) fn passes_on(&self) -> bool {
        self.writer.is_none()
    }

    /// The number of the caller's next event, in a dialect that numbers them.
    pub(crate) fn next_number(&self) -> Option<u64> {
        let back = self.hop.as_ref().and_then(|hop| hop.back.as_ref());
        back.map(|back| &back.writer).or(self.writer.as_ref())?.next_number()
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
        let Self { reader, calls, id, listener, writer, hop, .. } = self;
        let mut seen = Seen::default();
        let to: &mut BytesMut = match hop {
            Some(hop) => &mut hop.chat,
            None => out,
        };
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
            if let (Some(writer), false) = (writer.as_mut(), matches!(event, Event::Error(_))) {
                writer.write(event, to);
            }
        };
        let read = match data {
            Some(data) => reader.read(data, &mut each),
            None => {
                reader.end(&mut each);
                Ok(())
            }
        };
        let passed = match (read, &mut self.hop, guard) {
            (Err(invalid), ..) => Err(Halt::Invalid(invalid)),
            (Ok(()), Some(hop), Some(guard)) => hop.pass(guard, out),
            (Ok(()), ..) => Ok(()),
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

impl Hop {
    /// Lets `guard` see the chat events that were written, and appends what it lets go.
    fn pass(&mut self, guard: &mut StreamGuard, out: &mut BytesMut) -> Result<(), Halt> {
        self.decoder.push(self.chat.split().freeze());
        let mut passed = BytesMut::new();
        while let Ok(Some(event)) = self.decoder.next_event() {
            let Some(data) = event.data() else { continue };
            if data.as_ref() == b"[DONE]" {
                guard.done(&mut passed).map_err(Halt::Refused)?;
                passed.extend_from_slice(&event.raw);
            } else {
                guard.event(&event.raw, &data, &mut passed).map_err(Halt::Refused)?;
            }
        }
        let Some(Back { decoder, reader, writer }) = &mut self.back else {
            out.extend_from_slice(&passed);
            return Ok(());
        };
        decoder.push(Bytes::from(passed));
        while let Ok(Some(event)) = decoder.next_event() {
            let Some(data) = event.data() else { continue };
            reader.read(&data, &mut |event| writer.write(event, out)).map_err(Halt::Invalid)?;
        }
        Ok(())
    }
}
