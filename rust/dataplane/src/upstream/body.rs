//! Bodies of the upstream side: what we send, and what comes back.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use tokio::task::AbortHandle;
use tollway_protocol::eventstream::Inner;
use tollway_protocol::splice::Segments;

use crate::accept::upload::{Sent, Upload};
use crate::clock::Instant;

use super::adapted::AdaptedBody;
use super::framed::FramedBody;
use super::mock::MockBody;
use super::pool::Lease;

/// A request's body: the caller's bytes, spliced. Its length is known, so it is never chunked, save where the caller's was.
pub(crate) struct Outgoing {
    segments: <Segments as IntoIterator>::IntoIter,
    left: u64,
    /// What follows the segments, where that is not held.
    rest: Option<Box<Sent>>,
}

impl Outgoing {
    /// A body of these bytes; a clone of the segments costs no copy, so a retry sends the same.
    pub(crate) fn new(segments: &Segments, rest: Option<&Upload>) -> Self {
        let rest = rest.map(|rest| Box::new(rest.send()));
        Self { left: segments.len() as u64, segments: segments.clone().into_iter(), rest }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(data) = self.segments.next() {
            self.left -= data.len() as u64;
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
        let data = ready!(rest.poll_data(cx));
        if data.is_none() {
            self.rest = None;
        }
        Poll::Ready(data.map(|data| data.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 && self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.rest {
            None => SizeHint::with_exact(self.left),
            Some(rest) => rest.left().map_or_else(SizeHint::default, |rest| SizeHint::with_exact(self.left + rest)),
        }
    }
}

/// Why an answer's body ended early: what is to be said of it, where that is not that it broke off.
#[derive(Debug)]
pub(crate) struct Broken(pub(crate) Option<Box<str>>);

/// An answer's body as it arrives.
pub(crate) enum UpstreamBody {
    /// From a connection, which goes back to its pool once all of it was read.
    Http(Incoming, Option<(http1::SendRequest<Outgoing>, Lease)>),
    /// From the mock.
    Mock(Box<MockBody>),
    /// Of another, by way of an adapter.
    Adapted(Box<AdaptedBody>),
    /// Of another, in frames.
    Framed(Box<FramedBody>),
}

impl UpstreamBody {
    /// The next piece; `None` at the proper end.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        let (incoming, lease) = match self {
            Self::Mock(body) => return body.poll_data(cx),
            Self::Adapted(body) => return body.poll_data(cx),
            Self::Framed(body) => return body.poll_data(cx),
            Self::Http(incoming, lease) => (incoming, lease),
        };
        loop {
            match ready!(Pin::new(&mut *incoming).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    // Trailers carry nothing that a model's answer needs.
                    let Ok(data) = frame.into_data() else { continue };
                    if incoming.is_end_stream() {
                        give_back(lease);
                    }
                    return Poll::Ready(Some(Ok(data)));
                }
                Some(Err(_)) => return Poll::Ready(Some(Err(Broken(None)))),
                None => {
                    give_back(lease);
                    return Poll::Ready(None);
                }
            }
        }
    }

    /// The same as Server-Sent Events, where it is in frames that carry what `inner` says.
    pub(crate) fn reframed(self, inner: Inner) -> Self {
        Self::Framed(Box::new(FramedBody::new(self, inner)))
    }

    /// The next piece, awaited.
    pub(crate) async fn data(&mut self) -> Option<Result<Bytes, Broken>> {
        std::future::poll_fn(|cx| self.poll_data(cx)).await
    }

    /// How many bytes it will have, where the upstream said.
    pub(crate) fn declared(&self) -> Option<u64> {
        match self {
            Self::Http(incoming, _) => incoming.size_hint().exact(),
            Self::Mock(_) | Self::Adapted(_) | Self::Framed(_) => None,
        }
    }
}

/// A body that is let go of at a deadline, also while nobody polls it because its caller does not read.
pub(crate) struct Bounded {
    watched: Rc<RefCell<Watched>>,
    watchdog: AbortHandle,
}

struct Watched {
    body: Option<UpstreamBody>,
    /// Who waits for the next piece.
    waiting: Option<Waker>,
}

impl Bounded {
    /// Bounds `body`.
    pub(crate) fn new(body: UpstreamBody, deadline: Instant) -> Self {
        let watched = Rc::new(RefCell::new(Watched { body: Some(body), waiting: None }));
        let watchdog = tokio::task::spawn_local({
            let watched = Rc::clone(&watched);
            async move {
                tokio::time::sleep_until(deadline).await;
                let mut watched = watched.borrow_mut();
                watched.body = None;
                if let Some(waiting) = watched.waiting.take() {
                    waiting.wake();
                }
            }
        });
        Self { watched, watchdog: watchdog.abort_handle() }
    }

    /// The next piece; `None` at the proper end; broken once the deadline has passed.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        let mut watched = self.watched.borrow_mut();
        let Some(body) = &mut watched.body else { return Poll::Ready(Some(Err(Broken(None)))) };
        let polled = body.poll_data(cx);
        if polled.is_pending() && !watched.waiting.as_ref().is_some_and(|waiting| waiting.will_wake(cx.waker())) {
            watched.waiting = Some(cx.waker().clone());
        }
        polled
    }
}

impl Drop for Bounded {
    fn drop(&mut self) {
        self.watchdog.abort();
    }
}

fn give_back(lease: &mut Option<(http1::SendRequest<Outgoing>, Lease)>) {
    if let Some((sender, lease)) = lease.take() {
        lease.give_back(sender);
    }
}
