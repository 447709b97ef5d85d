//! The body of an answer: bytes made once for each set of settings, handed out again and again.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::{
    clock::{Clock, Sleep},
    mock::{Dialect, Settings},
    payload::Stream,
};

/// Both answers that one set of settings gives in one dialect.
pub(crate) struct Answers {
    pub(crate) settings: Settings,
    whole: Bytes,
    stream: Stream,
}

impl Answers {
    pub(crate) fn new(dialect: Dialect, settings: Settings) -> Rc<Self> {
        let whole = dialect.answer(settings.size);
        let stream = dialect.stream(settings.chunks, settings.chunk_size);
        Rc::new(Self { settings, whole, stream })
    }

    pub(crate) fn whole(&self) -> Answer {
        Answer::Whole(Some(self.whole.clone()))
    }

    /// A stream whose first chunk is due now, and each further one a gap later, however late the reader is.
    pub(crate) fn stream(self: &Rc<Self>, clock: &Clock, include_usage: bool) -> Answer {
        let usage = include_usage.then(|| self.stream.usage.clone());
        let end = usage.into_iter().chain([self.stream.done.clone()]).filter(|event| !event.is_empty()).collect();
        let pace = Pace { clock: clock.clone(), gap: nanos(&self.settings), due: crate::clock::now(), sleep: None };
        Answer::Stream { answers: self.clone(), next: 0, end, pace }
    }
}

fn nanos(settings: &Settings) -> u64 {
    u64::try_from(settings.gap.as_nanos()).unwrap_or(u64::MAX)
}

/// An answer's body.
pub(crate) enum Answer {
    Whole(Option<Bytes>),
    Stream { answers: Rc<Answers>, next: usize, end: VecDeque<Bytes>, pace: Pace },
}

/// When the next chunk is due.
pub(crate) struct Pace {
    clock: Clock,
    gap: u64,
    due: u64,
    sleep: Option<Sleep>,
}

impl Pace {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(sleep) = &mut self.sleep else { return Poll::Ready(()) };
        let ready = Pin::new(sleep).poll(context);
        if ready.is_ready() {
            self.sleep = None;
        }
        ready
    }

    fn advance(&mut self) {
        if self.gap > 0 {
            self.due = self.due.saturating_add(self.gap);
            self.sleep = Some(self.clock.sleep_until(self.due));
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match &mut *self {
            Self::Whole(bytes) => bytes.take(),
            Self::Stream { answers, next, end, pace } => {
                if let Some(chunk) = answers.stream.chunks.get(*next) {
                    std::task::ready!(pace.poll(context));
                    *next += 1;
                    // What ends a stream follows its last chunk at once.
                    if *next < answers.stream.chunks.len() {
                        pace.advance();
                    }
                    Some(chunk.clone())
                } else {
                    end.pop_front()
                }
            }
        };
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Stream { answers, next, end, .. } => *next >= answers.stream.chunks.len() && end.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Stream { .. } => SizeHint::default(),
        }
    }
}
