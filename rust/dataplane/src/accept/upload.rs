//! What of a request's body is not held in memory: it goes on as it comes, or is kept on the disk until it is known where to.
//!
//! What goes on as it comes can be sent once: only while nothing of it has been taken from the caller may another target be
//! tried. What is kept can be sent again.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Incoming};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::task::JoinHandle;
use tokio::time::Sleep;
use tollway_protocol::multipart::{Form, Step};

use crate::clock::now;
use crate::error::{Error, Kind};

use super::body::{broken, discard, stalled};

/// As much of an upload as is held in memory.
pub(crate) const HELD: usize = 256 * 1024;

/// The rest of a request's body. Clones are the same body.
#[derive(Clone)]
pub(crate) struct Upload(Rc<RefCell<Inner>>);

struct Inner {
    rest: Rest,
    /// How long the rest is, where that is known.
    length: Option<u64>,
    /// What is wrong with it, which is found as it passes.
    fault: Option<Error>,
    /// How much of it has gone on.
    passed: u64,
}

enum Rest {
    Coming(Box<Coming>),
    Kept(Arc<Kept>),
}

/// A body on its way from the caller.
pub(crate) struct Coming {
    /// What of it was read before.
    pub(crate) held: Bytes,
    /// None once it has ended.
    pub(crate) body: Option<Incoming>,
    /// Looks at a form as it passes.
    pub(crate) form: Option<Form>,
    /// The most bytes that may still come.
    pub(crate) left: u64,
    /// How long the caller may take between two pieces.
    pub(crate) patience: Duration,
    begun: bool,
    stopped: bool,
}

impl Coming {
    /// A body of which nothing has gone on.
    pub(crate) fn new(held: Bytes, body: Incoming, form: Option<Form>, (left, patience): (u64, Duration)) -> Self {
        Self { held, body: Some(body), form, left, patience, begun: false, stopped: false }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        self.begun = true;
        if self.stopped {
            return Poll::Ready(Some(Err(broken())));
        }
        if !self.held.is_empty() {
            let held = std::mem::take(&mut self.held);
            return Poll::Ready(Some(self.checked().map(|()| held)));
        }
        loop {
            let Some(body) = &mut self.body else { return Poll::Ready(None) };
            let (data, over) = match ready!(Pin::new(&mut *body).poll_frame(cx)) {
                Some(Ok(frame)) => (frame.into_data().ok(), body.is_end_stream()),
                Some(Err(_)) => return Poll::Ready(Some(Err(broken()))),
                None => (None, true),
            };
            if let Some(data) = &data {
                if let Some(form) = &mut self.form {
                    form.push(data);
                }
                let Some(left) = self.left.checked_sub(data.len() as u64) else {
                    return Poll::Ready(Some(Err(too_large())));
                };
                self.left = left;
            }
            // The last piece is held back if the whole turns out to be cut short: nobody takes it for whole.
            let checked = self.checked().and_then(|()| match &self.form {
                Some(form) if over => form.finish().map_err(super::carried::bad_form),
                _ => Ok(()),
            });
            if over {
                self.body = None;
            }
            match (checked, data) {
                (Err(error), _) => return Poll::Ready(Some(Err(error))),
                (Ok(()), Some(data)) if !data.is_empty() => return Poll::Ready(Some(Ok(data))),
                (Ok(()), _) => {}
            }
        }
    }

    /// Looks at what has come.
    fn checked(&mut self) -> Result<(), Error> {
        let Some(form) = &mut self.form else { return Ok(()) };
        loop {
            match form.step().map_err(super::carried::bad_form)? {
                Step::Part(part) if part.name == "model" => return Err(super::carried::two_models()),
                Step::Part(_) | Step::Data(_) => {}
                Step::End | Step::More => return Ok(()),
            }
        }
    }
}

impl Upload {
    /// A body on its way, with its length where that is known.
    pub(crate) fn coming(coming: Coming, length: Option<u64>) -> Self {
        Self::new(Rest::Coming(Box::new(coming)), length)
    }

    /// A body that was kept.
    pub(crate) fn kept(kept: Kept) -> Self {
        let length = Some(kept.length());
        Self::new(Rest::Kept(Arc::new(kept)), length)
    }

    fn new(rest: Rest, length: Option<u64>) -> Self {
        Self(Rc::new(RefCell::new(Inner { rest, length, fault: None, passed: 0 })))
    }

    /// How long it is, where that is known.
    pub(crate) fn length(&self) -> Option<u64> {
        self.0.borrow().length
    }

    /// Whether it cannot be sent again.
    pub(crate) fn is_spent(&self) -> bool {
        matches!(&self.0.borrow().rest, Rest::Coming(coming) if coming.begun)
    }

    /// Whether the last send has taken all of it.
    pub(crate) fn is_over(&self) -> bool {
        let inner = self.0.borrow();
        match &inner.rest {
            Rest::Coming(coming) => coming.body.is_none() && coming.held.is_empty() && !coming.stopped,
            Rest::Kept(kept) => inner.passed == kept.length(),
        }
    }

    /// Lets go of what is on its way: whoever is still sent it gets no more, and no end.
    pub(crate) fn stop(&self) {
        if let Rest::Coming(coming) = &mut self.0.borrow_mut().rest
            && let Some(body) = coming.body.take()
        {
            coming.stopped = true;
            discard(body);
        }
    }

    /// How much of it has gone on.
    pub(crate) fn passed(&self) -> u64 {
        self.0.borrow().passed
    }

    /// What was found to be wrong with it.
    pub(crate) fn take_fault(&self) -> Option<Error> {
        self.0.borrow_mut().fault.take()
    }

    /// It as the body of one send.
    pub(crate) fn send(&self) -> Sent {
        Sent { upload: self.clone(), at: 0, reading: None, timer: None }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Rest::Coming(coming) = &mut self.rest
            && let Some(body) = coming.body.take()
        {
            discard(body);
        }
    }
}

/// An upload on its way to an upstream.
pub(crate) struct Sent {
    upload: Upload,
    at: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Sent {
    /// How much of it is left, where that is known.
    pub(crate) fn left(&self) -> Option<u64> {
        Some(self.upload.length()?.saturating_sub(self.at))
    }

    /// The next piece; none at the end. An error cuts the request: what is wrong is then known to the [`Upload`].
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let inner = Rc::clone(&self.upload.0);
        let Inner { rest, fault, passed, .. } = &mut *inner.borrow_mut();
        let coming = match rest {
            Rest::Kept(kept) => {
                let polled = self.poll_kept(cx, kept);
                *passed = self.at;
                return polled;
            }
            Rest::Coming(coming) => coming,
        };
        let error = match coming.poll(cx) {
            Poll::Ready(Some(Err(error))) => error,
            Poll::Ready(data) => {
                self.timer = None;
                if let Some(Ok(data)) = &data {
                    self.at += data.len() as u64;
                    *passed = self.at;
                }
                return Poll::Ready(data.map(|data| data.map_err(|_| cut())));
            }
            Poll::Pending => {
                let until = now() + coming.patience;
                let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
                ready!(timer.as_mut().poll(cx));
                stalled(coming.patience)
            }
        };
        *fault = Some(error);
        Poll::Ready(Some(Err(cut())))
    }

    fn poll_kept(&mut self, cx: &mut Context<'_>, kept: &Arc<Kept>) -> Poll<Option<io::Result<Bytes>>> {
        if self.reading.is_none() {
            if let Some(held) =
                usize::try_from(self.at).ok().and_then(|at| kept.memory.get(at..)).filter(|held| !held.is_empty())
            {
                let held = kept.memory.slice_ref(held);
                self.at += held.len() as u64;
                return Poll::Ready(Some(Ok(held)));
            }
            if self.at >= kept.length() {
                return Poll::Ready(None);
            }
            let (kept, at) = (Arc::clone(kept), self.at);
            self.reading = Some(tokio::task::spawn_blocking(move || kept.read(at)));
        }
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let read = ready!(Pin::new(reading).poll(cx)).map_err(io::Error::other).flatten();
        self.reading = None;
        if let Ok(read) = &read {
            self.at += read.len() as u64;
        }
        Poll::Ready(Some(read))
    }
}

fn cut() -> io::Error {
    io::Error::other("the upload cannot go on")
}

/// An upload that was kept: its beginning in memory, the rest in a file that has no name.
#[derive(Default)]
pub(crate) struct Kept {
    memory: Bytes,
    file: Option<File>,
    in_file: u64,
}

impl Kept {
    fn length(&self) -> u64 {
        self.memory.len() as u64 + self.in_file
    }

    /// A piece from the place `at`, which is in the file.
    fn read(&self, at: u64) -> io::Result<Bytes> {
        let from = at.saturating_sub(self.memory.len() as u64);
        let size = usize::try_from(self.in_file.saturating_sub(from)).unwrap_or(usize::MAX).min(HELD);
        let mut piece = vec![0; size];
        let file = self.file.as_ref().ok_or_else(|| io::Error::other("there is no file"))?;
        file.read_exact_at(&mut piece, from)?;
        Ok(piece.into())
    }

    /// Adds to the file.
    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(nameless()?);
        }
        if let Some(file) = &self.file {
            file.write_all_at(data, self.in_file)?;
        }
        self.in_file += data.len() as u64;
        Ok(())
    }
}

/// A file in the folder for temporary ones that nobody else can open, and that is gone with its last user.
fn nameless() -> io::Result<File> {
    let mut random = [0; 16];
    SystemRandom::new().fill(&mut random).map_err(|_| io::Error::other("no random bytes"))?;
    let path = std::env::temp_dir().join(format!("tollway-upload-{:032x}", u128::from_be_bytes(random)));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// Keeps an upload, piece by piece.
#[derive(Default)]
pub(crate) struct Keeping {
    kept: Kept,
    pending: BytesMut,
}

impl Keeping {
    /// Adds a piece.
    ///
    /// # Errors
    /// `Internal`: the disk takes no more.
    pub(crate) async fn push(&mut self, data: &[u8]) -> Result<(), Error> {
        self.pending.extend_from_slice(data);
        if self.pending.len() > HELD { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), Error> {
        let data = self.pending.split().freeze();
        if self.kept.memory.is_empty() && self.kept.in_file == 0 && data.len() <= HELD {
            self.kept.memory = data;
            return Ok(());
        }
        let mut kept = std::mem::take(&mut self.kept);
        let written = tokio::task::spawn_blocking(move || kept.write(&data).map(|()| kept)).await;
        self.kept = written.map_err(io::Error::other).flatten().map_err(|error| {
            crate::log::error("upload.not-kept", &serde_json::json!({"error": error.to_string()}));
            Error::new(Kind::Internal, "The gateway could not keep the upload on its disk. Its log says why.")
        })?;
        Ok(())
    }

    /// All of it.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub(crate) async fn end(mut self) -> Result<Kept, Error> {
        self.flush().await?;
        Ok(self.kept)
    }
}

/// What an upload gets that is longer than what may come.
pub(crate) fn too_large() -> Error {
    Error::new(Kind::RequestTooLarge, "The request's body is larger than server.max_upload.").at("body")
}
