//! The local copy of the run-time keys: traffic goes on from it while the store is away, also over a restart.
//!
//! It is signed under `server.secret`, so that nobody who can write the folder, but does not know the secret, can make a
//! key. It holds hashes, never a key.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::authenticate::registry::Row;

/// The file, in the journal's folder.
const FILE: &str = "keys.local";
/// Keeps this signature from being any other that is made under the same secret.
const PURPOSE: &[u8] = b"tollway local keys 1\0";

#[derive(Serialize, Deserialize)]
struct Copy {
    as_of_us: u64,
    rows: Vec<Row>,
}

/// Why there is no copy to go by.
#[derive(Debug)]
pub(crate) enum LocalError {
    /// None was ever made.
    Absent,
    /// It cannot be read.
    Io(io::Error),
    /// It was changed, or made under another secret.
    Signature,
}

/// Writes the copy, whole or not at all.
///
/// # Errors
/// What the file system says.
pub(crate) fn write(folder: &Path, secret: &[u8], rows: &[Row], as_of: Duration) -> io::Result<()> {
    let copy = Copy { as_of_us: crate::clock::micros(as_of), rows: rows.to_vec() };
    let body = serde_json::to_vec(&copy).map_err(io::Error::other)?;
    let temporary = folder.join("keys.local.new");
    // A file that was left behind may have another's rights.
    let _gone = fs::remove_file(&temporary);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(&sign(secret, &body))?;
    file.write_all(&body)?;
    file.sync_data()?;
    fs::rename(&temporary, folder.join(FILE))
}

/// The rows of the copy, and when they were the truth.
///
/// # Errors
/// [`LocalError`].
pub(crate) fn read(folder: &Path, secret: &[u8]) -> Result<(Vec<Row>, Duration), LocalError> {
    let text = fs::read(folder.join(FILE)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => LocalError::Absent,
        _ => LocalError::Io(error),
    })?;
    let (signature, body) = text.split_at_checked(32).ok_or(LocalError::Signature)?;
    mac(secret, body).verify_slice(signature).map_err(|_| LocalError::Signature)?;
    let copy: Copy = serde_json::from_slice(body).map_err(|error| LocalError::Io(error.into()))?;
    Ok((copy.rows, Duration::from_micros(copy.as_of_us)))
}

fn mac(secret: &[u8], body: &[u8]) -> Hmac<Sha256> {
    use sha2::Digest;
    // Any secret fits once it is hashed.
    let mut mac = Hmac::<Sha256>::new(&{
        let mut block = [0; 64];
        block[..32].copy_from_slice(&Sha256::digest(secret));
        block.into()
    });
    mac.update(PURPOSE);
    mac.update(body);
    mac
}

fn sign(secret: &[u8], body: &[u8]) -> [u8; 32] {
    mac(secret, body).finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("tollway-local-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn reads_what_it_wrote_and_nothing_that_anyone_else_did() {
        let folder = folder("copy");
        let row = Row {
            id: "a".into(),
            hash: "00".repeat(32),
            previous: Some(("11".repeat(32), 5)),
            settings: serde_json::json!({"team": "t"}),
            revoked: false,
        };
        assert!(matches!(read(&folder, b"s"), Err(LocalError::Absent)));
        write(&folder, b"s", std::slice::from_ref(&row), Duration::from_micros(7)).unwrap();
        assert_eq!(read(&folder, b"s").unwrap(), (vec![row], Duration::from_micros(7)));
        assert!(matches!(read(&folder, b"other"), Err(LocalError::Signature)));
        let file = folder.join(FILE);
        let text = fs::read(&file).unwrap();
        for at in 0..text.len() {
            let mut changed = text.clone();
            changed[at] ^= 1;
            fs::write(&file, &changed).unwrap();
            assert!(matches!(read(&folder, b"s"), Err(LocalError::Signature)), "byte {at}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
