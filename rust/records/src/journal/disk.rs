//! Every operation on segment files, in one place, so that a test can make each of them fail.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Mutex;

use super::shared::held;

/// What is about to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A segment's file is made.
    Create,
    /// A file is opened for reading.
    Open,
    /// One pwrite(2).
    Write,
    /// One pread(2).
    Read,
    /// fdatasync(2) of a segment.
    Sync,
    /// fsync(2) of the folder.
    SyncFolder,
    /// A file is cut to a length.
    Cut,
    /// A file gets another name.
    Rename,
    /// A file is deleted.
    Remove,
    /// The folder is listed.
    List,
}

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// With this error number.
    Error(i32),
    /// A write that takes only so many bytes.
    Short(usize),
}

/// Asked before each operation; for tests.
pub type Faults = Box<dyn FnMut(Operation) -> Option<Failure> + Send>;

#[derive(Default)]
pub(super) struct Disk {
    faults: Option<Mutex<Faults>>,
}

impl Disk {
    pub(super) fn failing(faults: Faults) -> Self {
        Self { faults: Some(Mutex::new(faults)) }
    }

    /// `Some`: only so many bytes are to be written.
    fn ask(&self, operation: Operation) -> io::Result<Option<usize>> {
        let Some(faults) = &self.faults else { return Ok(None) };
        match held(faults)(operation) {
            Some(Failure::Error(number)) => Err(io::Error::from_raw_os_error(number)),
            Some(Failure::Short(bytes)) => Ok(Some(bytes)),
            None => Ok(None),
        }
    }

    /// For reading and writing, by nobody else: payloads are confidential.
    pub(super) fn create(&self, path: &Path) -> io::Result<File> {
        self.ask(Operation::Create)?;
        OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)
    }

    pub(super) fn open(&self, path: &Path) -> io::Result<File> {
        self.ask(Operation::Open)?;
        File::open(path)
    }

    /// One write, unless the system takes only a part.
    pub(super) fn write_all_at(&self, file: &File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            let limit = self.ask(Operation::Write)?.unwrap_or(bytes.len()).min(bytes.len());
            match file.write_at(&bytes[..limit], at) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = &bytes[written..];
                    at += written as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Fills `bytes` as far as the file goes; how many were read.
    pub(super) fn read_at(&self, file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < bytes.len() {
            self.ask(Operation::Read)?;
            match file.read_at(&mut bytes[filled..], at + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    pub(super) fn sync(&self, file: &File) -> io::Result<()> {
        self.ask(Operation::Sync)?;
        file.sync_data()
    }

    pub(super) fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.ask(Operation::SyncFolder)?;
        File::open(folder)?.sync_all()
    }

    pub(super) fn cut(&self, file: &File, length: u64) -> io::Result<()> {
        self.ask(Operation::Cut)?;
        file.set_len(length)
    }

    pub(super) fn cut_path(&self, path: &Path, length: u64) -> io::Result<()> {
        self.cut(&OpenOptions::new().write(true).open(path)?, length)
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.ask(Operation::Rename)?;
        std::fs::rename(from, to)
    }

    /// A file that is gone already is no error.
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        self.ask(Operation::Remove)?;
        match std::fs::remove_file(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    pub(super) fn list(&self, folder: &Path) -> io::Result<std::fs::ReadDir> {
        self.ask(Operation::List)?;
        std::fs::read_dir(folder)
    }
}
