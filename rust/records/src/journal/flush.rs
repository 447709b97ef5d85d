//! Forcing what was appended to the disk, for all lanes together.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::*;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::event::Event;
use super::shared::{Segment, Shared, held};

impl Shared {
    pub(super) fn flush(&self) -> io::Result<()> {
        let _one_at_a_time = held(&self.flushing);
        let lanes: Vec<_> = held(&self.lanes).values().cloned().collect();
        let mut failed = None;
        for written in lanes {
            let segments = held(&written.segments).clone();
            for segment in segments {
                if let Err(error) = self.flush_segment(&segment) {
                    failed.get_or_insert((written.name(segment.number).file(), error));
                }
            }
        }
        if self.folder_dirty.swap(false, AcqRel)
            && let Err(error) = self.disk.sync_folder(&self.folder)
        {
            self.folder_dirty.store(true, Release);
            failed.get_or_insert((String::from("."), error));
        }
        let before = self.gauges.sync_failing.swap(failed.is_some(), Relaxed);
        let Some((file, error)) = failed else { return Ok(()) };
        self.gauges.failed(&error);
        if !before {
            self.report(&Event::SyncFailing { file, error: error.to_string() });
        }
        Err(error)
    }

    fn flush_segment(&self, segment: &Segment) -> io::Result<()> {
        let Some(file) = held(&segment.file).clone() else { return Ok(()) };
        let sealed = segment.sealed.load(Acquire);
        let (synced, end) = (segment.synced.load(Acquire), segment.end.load(Acquire));
        if synced < end {
            // After a sync that failed, the system holds its pages for written and would not write them again.
            if segment.suspect.load(Relaxed) {
                self.rewrite(&file, synced, end)?;
            }
            segment.suspect.store(true, Relaxed);
            self.disk.sync(&file)?;
            segment.suspect.store(false, Relaxed);
            segment.synced.store(end, Release);
        }
        if sealed {
            *held(&segment.file) = None;
        }
        Ok(())
    }

    /// Writes what a file holds to where it stands. Nobody else writes there: lanes write behind `end`.
    fn rewrite(&self, file: &File, mut at: u64, end: u64) -> io::Result<()> {
        let mut buffer = vec![0; (end - at).min(1 << 20) as usize];
        while at < end {
            let wanted = (end - at).min(buffer.len() as u64) as usize;
            let read = self.disk.read_at(file, &mut buffer[..wanted], at)?;
            if read == 0 {
                break;
            }
            self.disk.write_all_at(file, &buffer[..read], at)?;
            at += read as u64;
        }
        Ok(())
    }
}

/// The thread that flushes. When it is dropped, it flushes once more and ends.
pub struct Flusher {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Flusher {
    pub(super) fn start(shared: Arc<Shared>, every: Duration) -> io::Result<Self> {
        let (stop, stopped) = sync_channel(0);
        let thread = std::thread::Builder::new().name("journal-flush".into()).spawn(move || {
            loop {
                let waited = stopped.recv_timeout(every);
                // What fails is in the journal's state, was reported, and is tried again.
                let _ = shared.flush();
                if waited != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
