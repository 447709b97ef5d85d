//! Base64 of callers, checked and measured without keeping what it holds.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Some clients leave the padding out; Google takes either alphabet (Protocol Buffers' JSON).
const CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const ENGINES: [GeneralPurpose; 2] = [GeneralPurpose::new(&STANDARD, CONFIG), GeneralPurpose::new(&URL_SAFE, CONFIG)];

/// As many characters are decoded at a time: a multiple of four.
const PIECE: usize = 4096;

/// A text is not base64 (RFC 4648).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotBase64;

/// How many bytes `text` holds, if it is base64.
#[must_use]
pub fn length(text: &str) -> usize {
    let padding = text.bytes().rev().take(2).filter(|byte| *byte == b'=').count();
    (text.len() - padding) / 4 * 3 + [0, 0, 1, 2].get((text.len() - padding) % 4).copied().unwrap_or_default()
}

/// The first bytes of what `text` holds, all of which is looked at.
///
/// # Errors
/// [`NotBase64`], wherever the fault is.
pub fn head(text: &str) -> Result<Vec<u8>, NotBase64> {
    let pieces = text.as_bytes().chunks(PIECE);
    let last = pieces.len().saturating_sub(1);
    let mut head = Vec::new();
    let mut bytes = [0; PIECE];
    let engine = engine(text);
    for (number, piece) in pieces.enumerate() {
        let length = engine.decode_slice(piece, &mut bytes).map_err(|_| NotBase64)?;
        if number < last && length != PIECE / 4 * 3 {
            return Err(NotBase64);
        }
        if number == 0 {
            head = bytes.get(..length).unwrap_or_default().to_vec();
        }
    }
    Ok(head)
}

/// All of what `text` holds.
///
/// # Errors
/// [`NotBase64`].
pub fn bytes(text: &str) -> Result<Vec<u8>, NotBase64> {
    engine(text).decode(text).map_err(|_| NotBase64)
}

fn engine(text: &str) -> &'static GeneralPurpose {
    static CHOICE: [GeneralPurpose; 2] = ENGINES;
    let [standard, url_safe] = &CHOICE;
    if memchr::memchr2(b'-', b'_', text.as_bytes()).is_some() { url_safe } else { standard }
}
