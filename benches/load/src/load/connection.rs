//! One HTTP/1.1 connection, written and read by hand: a general client costs several times what the gateway does for a
//! request of ours, on the core that the mock needs too.

use std::{io::ErrorKind, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    clock::now,
    load::{Failure, check::Check, link::Outcome, plan::Plan, request::Request, response},
};

const BUFFER: usize = 64 * 1024;

/// A connection with one request at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await.map_err(|_| Failure::Connect)?;
        stream.set_nodelay(true).map_err(|_| Failure::Connect)?;
        Ok(Self { stream, buffer: vec![0; BUFFER], start: 0, end: 0 })
    }

    /// Whether nothing has come that nobody asked for, nor the end.
    pub(crate) fn is_open(&self) -> bool {
        self.stream.try_read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Sends a request and reads its whole answer. After a failure the connection is of no more use.
    pub(crate) async fn exchange(&mut self, plan: &Plan, request: &Request) -> Result<Outcome, Failure> {
        let head = self.ask(request).await?;
        let mut framing = head.framing;
        let mut check = Check::new(plan);
        let mut first = None;
        loop {
            let held = &self.buffer[self.start..self.end];
            self.start += framing.take(held, |data| check.push(data))?;
            if check.begun() && first.is_none() {
                first = Some(now());
            }
            if framing.ended() {
                break;
            }
            self.fill().await?;
        }
        let done = now();
        check.finish()?;
        // Bytes behind the answer belong to no request: the framing of either side is wrong.
        if self.start != self.end {
            return Err(Failure::Framing);
        }
        Ok(Outcome { first: first.unwrap_or(done), done, reusable: head.keep_alive })
    }

    /// Sends a request and reads its answer up to the body's first byte.
    pub(crate) async fn ask(&mut self, request: &Request) -> Result<response::Head, Failure> {
        self.stream.write_all(request.text()).await.map_err(|_| Failure::Write)?;
        loop {
            self.fill().await?;
            if let Some(head) = response::head(&self.buffer[self.start..self.end])? {
                self.start += head.length;
                return if head.status == 200 { Ok(head) } else { Err(Failure::Status(head.status)) };
            }
        }
    }

    /// Waits until the body has begun.
    pub(crate) async fn body_begins(&mut self) -> Result<(), Failure> {
        if self.start == self.end { self.fill().await } else { Ok(()) }
    }

    /// Reads and drops what comes, until the other end closes the connection or breaks it.
    pub(crate) async fn until_cut(&mut self) {
        self.end = 0;
        self.start = 0;
        while self.fill().await.is_ok() {
            self.start = self.end;
        }
    }

    /// Gives back the memory that a connection which is only kept open does not need.
    pub(crate) fn shrink(&mut self) {
        self.buffer = vec![0; 512];
        (self.start, self.end) = (0, 0);
    }

    async fn fill(&mut self) -> Result<(), Failure> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() {
            // What is left is part of one line or of the head: it must not fill the buffer alone.
            if self.start == 0 {
                return Err(Failure::Framing);
            }
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        match self.stream.read(&mut self.buffer[self.end..]).await {
            Ok(0) => Err(Failure::Cut),
            Ok(count) => {
                self.end += count;
                Ok(())
            }
            Err(_) => Err(Failure::Read),
        }
    }
}
