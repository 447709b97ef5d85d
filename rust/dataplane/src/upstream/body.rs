//! Bodies of the upstream side: what we send, and what comes back.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use tokio::task::AbortHandle;
use tollway_protocol::splice::Segments;

use crate::clock::Instant;

use super::mock::MockBody;
use super::pool::Lease;

/// A request's body: the caller's bytes, spliced. Its length is known, so it is never chunked.
pub(crate) struct Outgoing {
    segments: <Segments as IntoIterator>::IntoIter,
    left: u64,
}

impl Outgoing {
    /// A body of these bytes; a clone of the segments costs no copy, so a retry sends the same.
    pub(crate) fn new(segments: &Segments) -> Self {
        Self { left: segments.len() as u64, segments: segments.clone().into_iter() }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.segments.next();
        self.left -= next.as_ref().map_or(0, |data| data.len() as u64);
        Poll::Ready(next.map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Why an answer's body ended early.
#[derive(Debug)]
pub(crate) struct Broken;

/// An answer's body as it arrives.
pub(crate) enum UpstreamBody {
    /// From a connection, which goes back to its pool once all of it was read.
    Http(Incoming, Option<(http1::SendRequest<Outgoing>, Lease)>),
    /// From the mock.
    Mock(Box<MockBody>),
}

impl UpstreamBody {
    /// The next piece; `None` at the proper end.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        let (incoming, lease) = match self {
            Self::Mock(body) => return body.poll_data(cx),
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
                Some(Err(_)) => return Poll::Ready(Some(Err(Broken))),
                None => {
                    give_back(lease);
                    return Poll::Ready(None);
                }
            }
        }
    }

    /// The next piece, awaited.
    pub(crate) async fn data(&mut self) -> Option<Result<Bytes, Broken>> {
        std::future::poll_fn(|cx| self.poll_data(cx)).await
    }

    /// How many bytes it will have, where the upstream said.
    pub(crate) fn declared(&self) -> Option<u64> {
        match self {
            Self::Http(incoming, _) => incoming.size_hint().exact(),
            Self::Mock(_) => None,
        }
    }
}

/// A body that is let go of at a deadline, also while nobody polls it because its caller does not read.
pub(crate) struct Bounded {
    body: Rc<RefCell<Option<UpstreamBody>>>,
    watchdog: AbortHandle,
}

impl Bounded {
    /// Bounds `body`.
    pub(crate) fn new(body: UpstreamBody, deadline: Instant) -> Self {
        let body = Rc::new(RefCell::new(Some(body)));
        let watched = Rc::clone(&body);
        let watchdog = tokio::task::spawn_local(async move {
            tokio::time::sleep_until(deadline).await;
            watched.borrow_mut().take();
        });
        Self { body, watchdog: watchdog.abort_handle() }
    }

    /// The next piece; `None` at the proper end; broken once the deadline has passed.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        match &mut *self.body.borrow_mut() {
            Some(body) => body.poll_data(cx),
            None => Poll::Ready(Some(Err(Broken))),
        }
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
