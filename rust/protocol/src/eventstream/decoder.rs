//! Cuts a byte stream into frames.

use bytes::{Bytes, BytesMut};

use super::fault::Fault;
use super::frame::{Frame, PRELUDE, Prelude};

/// No frame is longer, in bytes: AWS allows 16 MiB of payload and 128 KiB of headers.
pub const MAX_FRAME: usize = 16 * 1024 * 1024 + 128 * 1024 + 16;

/// Cuts a byte stream into frames, however it was cut itself.
///
/// Push a chunk, then take frames until there are none. A frame that lies in one chunk is a slice of it; one that spans
/// chunks is copied. What is kept is no longer than what arrived.
#[derive(Debug)]
pub struct Decoder {
    /// The beginning of a frame that was not whole in the chunks read.
    carry: BytesMut,
    /// What has not been read, of the last chunk.
    unread: Bytes,
    max_frame: usize,
    fault: Option<Fault>,
}

impl Decoder {
    /// A decoder that refuses frames over `max_frame` bytes.
    #[must_use]
    pub fn new(max_frame: usize) -> Self {
        Self { carry: BytesMut::new(), unread: Bytes::new(), max_frame, fault: None }
    }

    /// Adds the next bytes of the stream. Take all frames of the chunk before, or both are copied together.
    pub fn push(&mut self, chunk: Bytes) {
        if self.unread.is_empty() {
            self.unread = chunk;
        } else {
            self.unread = Bytes::from([&self.unread[..], &chunk].concat());
        }
    }

    /// The next whole frame; None until more is pushed.
    ///
    /// # Errors
    /// The first [`Fault`], then and ever after: where the next frame begins is then unknown.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Fault> {
        match self.fault {
            Some(fault) => Err(fault),
            None => self.read().inspect_err(|fault| self.fault = Some(*fault)),
        }
    }

    /// That the stream may end here.
    ///
    /// # Errors
    /// [`Fault::Cut`] within a frame, or the fault that ended the stream before.
    pub fn end(&self) -> Result<(), Fault> {
        match self.fault {
            Some(fault) => Err(fault),
            None if self.carry.is_empty() && self.unread.is_empty() => Ok(()),
            None => Err(Fault::Cut),
        }
    }

    /// Notes that what a frame carries ended the stream.
    pub(super) const fn fail(&mut self, fault: Fault) -> Fault {
        self.fault = Some(fault);
        fault
    }

    fn read(&mut self) -> Result<Option<Frame>, Fault> {
        if self.carry.is_empty()
            && let Some(prelude) = Prelude::of(&self.unread, self.max_frame)?
            && self.unread.len() >= prelude.total
        {
            return Frame::checked(self.unread.split_to(prelude.total), prelude).map(Some);
        }
        self.fill(PRELUDE);
        let Some(prelude) = Prelude::of(&self.carry, self.max_frame)? else { return Ok(None) };
        self.fill(prelude.total);
        if self.carry.len() < prelude.total {
            return Ok(None);
        }
        Frame::checked(self.carry.split().freeze(), prelude).map(Some)
    }

    /// Takes over what lacks of `length` bytes, as far as it is there.
    fn fill(&mut self, length: usize) {
        let lacks = length.saturating_sub(self.carry.len()).min(self.unread.len());
        self.carry.extend_from_slice(&self.unread.split_to(lacks));
    }
}
