//! The journal's folder: its lock, its id, and the names in it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::disk::Disk;
use super::error::Error;
use super::frame::Class;

/// What the name of a segment that is being made ends with: until it has its header and its lock, nobody reads it.
pub(super) const UNFINISHED: &str = ".new";
/// What the name of a damaged segment ends with.
pub(super) const QUARANTINED: &str = ".quarantined";
const ID: &str = "journal.id";

/// A segment's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) class: Class,
    pub(super) lane: u64,
    pub(super) number: u32,
}

impl Name {
    pub(super) fn file(self) -> String {
        let extension = match self.class {
            Class::Records => "seg",
            Class::Payloads => "payload",
        };
        format!("{:016x}-{:010}.{extension}", self.lane, self.number)
    }

    fn parse(file: &str) -> Option<Self> {
        let (stem, extension) = file.split_once('.')?;
        let class = match extension {
            "seg" => Class::Records,
            "payload" => Class::Payloads,
            _ => return None,
        };
        let (lane, number) = stem.split_once('-')?;
        let name = Self { class, lane: u64::from_str_radix(lane, 16).ok()?, number: number.parse().ok()? };
        (name.file() == file).then_some(name)
    }
}

/// What is in the folder.
#[derive(Default)]
pub(super) struct Listing {
    /// Segments and their bytes, by class, lane and number.
    pub(super) segments: Vec<(Name, u64)>,
    pub(super) quarantined: u64,
    pub(super) unfinished: Vec<String>,
}

pub(super) fn list(disk: &Disk, folder: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    for entry in disk.list(folder)? {
        let entry = entry?;
        let Ok(file) = entry.file_name().into_string() else { continue };
        if file.ends_with(QUARANTINED) {
            listing.quarantined += 1;
        } else if file.ends_with(UNFINISHED) {
            listing.unfinished.push(file);
        } else if let Some(name) = Name::parse(&file) {
            match entry.metadata() {
                Ok(metadata) => listing.segments.push((name, metadata.len())),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    listing.segments.sort_unstable();
    Ok(listing)
}

/// Makes the folder where it is missing: it and its files are for this user only, since payloads are confidential.
pub(super) fn make(folder: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(Error::io("make the folder", folder))
}

/// The lock, held as long as the file is open; `None` if another process holds it.
pub(super) fn lock(folder: &Path) -> Result<Option<File>, Error> {
    let path = folder.join("lock");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(&path).map_err(Error::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => {
            // Only for the message to a second process: without it, on a full disk, the lock holds too.
            let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
            Ok(Some(file))
        }
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", path)(error)),
    }
}

pub(super) fn owner(folder: &Path) -> Option<u32> {
    std::fs::read_to_string(folder.join("lock")).ok()?.trim().parse().ok()
}

/// The journal's id, made where there is none. `true`: there was something else, which was replaced.
pub(super) fn identity(disk: &Disk, folder: &Path) -> Result<(String, bool), Error> {
    let path = folder.join(ID);
    let mut replaced = false;
    // Two processes that open a new journal at once must agree: the first to link its own wins.
    loop {
        match std::fs::read(&path).map(String::from_utf8) {
            Ok(Ok(text)) if is_id(text.trim()) => return Ok((text.trim().to_owned(), replaced)),
            Ok(_) => {
                replaced = true;
                std::fs::remove_file(&path).map_err(Error::io("replace", &path))?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("read", path)(error)),
        }
        make_identity(disk, folder, &path).map_err(Error::io("make", &path))?;
    }
}

fn make_identity(disk: &Disk, folder: &Path, path: &Path) -> io::Result<()> {
    let draft = folder.join(format!("{ID}-{}{UNFINISHED}", std::process::id()));
    let id: [u8; 16] = random()?;
    let text: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file = disk.create(&draft)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    disk.remove(&draft)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => disk.sync_folder(folder),
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// From the system's generator.
pub(super) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}
