//! An HTTP/1 connection that is watched under hyper, so that heads which hyper refuses by itself end as our errors do.
//!
//! hyper answers a head that it cannot read with a bare status of its own, which no service sees, and ends the
//! connection. Here, between it and the socket, is the one place that such an answer passes: it is known by its turn,
//! since no request has been handed to us that it could belong to, and is held back. The listener then says it properly.
//! An ordinary request pays for a look at the lines of its head and for a few flags; nothing is copied, or read twice.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::heads::Heads;
use crate::error::{Error, Kind};

/// Whose turn it is to write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Nobody's: every request that was handed over has its whole answer on the wire.
    None,
    /// A request's, which was handed over.
    Answer,
    /// Still its: hyper has the whole answer, but may not have written all of it.
    Rest,
}

/// What is known of one connection.
pub(crate) struct Watch {
    heads: RefCell<Heads>,
    turn: Cell<Turn>,
    /// Requests that were handed over.
    served: Cell<u64>,
    /// The status of the answer that was held back.
    refused: Cell<Option<[u8; 3]>>,
}

impl Watch {
    /// Of a new connection.
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            heads: RefCell::new(Heads::new()),
            turn: Cell::new(Turn::None),
            served: Cell::new(0),
            refused: Cell::new(None),
        })
    }

    /// Notes that hyper hands over a request.
    ///
    /// # Errors
    /// `InvalidRequest` where its head says in two ways where its body ends.
    pub(crate) fn begin(&self) -> Result<(), Error> {
        self.turn.set(Turn::Answer);
        self.served.set(self.served.get() + 1);
        if !self.heads.borrow().ambiguous(self.served.get()) {
            return Ok(());
        }
        let message = "The request has both Content-Length and Transfer-Encoding: send only one.";
        Err(Error::new(Kind::InvalidRequest, message).at("transfer-encoding"))
    }

    /// Why the connection ended, if for a head that its caller has still to be told of.
    pub(crate) fn refusal(&self, ended: &hyper::Error) -> Option<Error> {
        if ended.is_timeout() && self.turn.get() == Turn::None && self.heads.borrow().begun() {
            let message = "The request's head did not arrive within server.head_timeout.";
            return Some(Error::new(Kind::RequestTimeout, message));
        }
        Some(match &self.refused.get()? {
            b"414" => Error::new(Kind::UrlTooLong, "The request's URL is too long."),
            b"431" => Error::new(
                Kind::HeadTooLarge,
                "The request's head is larger than server.max_head, or has too many headers.",
            ),
            _ => Error::new(Kind::InvalidRequest, format!("The request's head cannot be read: {ended}.")),
        })
    }

    /// Whether `data` is an answer of hyper's own, which then is held back.
    fn holds_back(&self, data: &[u8]) -> bool {
        if self.turn.get() == Turn::None
            && let Some([status @ .., b' ']) = data.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.first_chunk::<4>())
        {
            self.refused.set(Some(*status));
        }
        self.refused.get().is_some()
    }
}

/// `Io` under a [`Watch`].
pub(crate) struct Watched<Io> {
    io: Io,
    watch: Rc<Watch>,
}

impl<Io> Watched<Io> {
    /// Watches `io`.
    pub(crate) fn new(io: Io, watch: Rc<Watch>) -> Self {
        Self { io, watch }
    }

    /// What was watched.
    pub(crate) fn into_inner(self) -> Io {
        self.io
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Watched<Io> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buffer);
        if let Some(bytes) = buffer.filled().get(before..) {
            self.watch.heads.borrow_mut().see(bytes);
        }
        read
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Watched<Io> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if self.watch.holds_back(data) {
            return Poll::Ready(Ok(data.len()));
        }
        Pin::new(&mut self.io).poll_write(cx, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if data.first().is_some_and(|first| self.watch.holds_back(first)) {
            return Poll::Ready(Ok(data.iter().map(|part| part.len()).sum()));
        }
        Pin::new(&mut self.io).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes what is below it only when it has written all that it has.
        if self.watch.turn.get() == Turn::Rest {
            self.watch.turn.set(Turn::None);
        }
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.watch.refused.get().is_some() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// An answer's body, whose end the watch is told.
pub(crate) struct WatchedBody<B> {
    body: B,
    watch: Rc<Watch>,
}

impl<B> WatchedBody<B> {
    /// Watches `body`.
    pub(crate) fn new(body: B, watch: Rc<Watch>) -> Self {
        Self { body, watch }
    }
}

impl<B> Drop for WatchedBody<B> {
    fn drop(&mut self) {
        self.watch.turn.set(Turn::Rest);
    }
}

impl<B: Body + Unpin> Body for WatchedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
