//! The size of a picture, from the head of its file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// As much base64 as is looked at: the size of a JPEG stands behind its metadata. A multiple of four.
const LOOKED_AT: usize = 256 * 1024;

/// Width and height in pixels of the PNG, GIF, WebP or JPEG that is `data` in base64.
pub(crate) fn of_base64(data: &str) -> Option<(u32, u32)> {
    let bytes = head(data, LOOKED_AT)?;
    png(&bytes).or_else(|| gif(&bytes)).or_else(|| webp(&bytes)).or_else(|| jpeg(&bytes))
}

/// The first bytes of what is `data` in base64, of which at most `most` characters are decoded.
pub(crate) fn head(data: &str, most: usize) -> Option<Vec<u8>> {
    let head = data.get(..most.min(data.len()))?;
    STANDARD.decode(head).ok()
}

/// <https://www.w3.org/TR/png-3/#11IHDR>.
fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    bytes.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    let side = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    Some((side(16)?, side(20)?))
}

/// GIF89a, section 18.
fn gif(bytes: &[u8]) -> Option<(u32, u32)> {
    bytes.strip_prefix(b"GIF8")?;
    Some((little(bytes, 6)?, little(bytes, 8)?))
}

/// <https://developers.google.com/speed/webp/docs/riff_container>; lossy files as in RFC 6386, section 9.1.
fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    bytes.strip_prefix(b"RIFF").filter(|_| bytes.get(8..12) == Some(b"WEBP"))?;
    let byte = |at: usize| bytes.get(at).copied().map(u32::from);
    match bytes.get(12..16)? {
        b"VP8X" => {
            let side = |at| Some(1 + (little(bytes, at)? | byte(at + 2)? << 16));
            Some((side(24)?, side(27)?))
        }
        b"VP8L" => {
            let bits = little(bytes, 21)? | little(bytes, 23)? << 16;
            Some((1 + (bits & 0x3fff), 1 + (bits >> 14 & 0x3fff)))
        }
        b"VP8 " => Some((little(bytes, 26)? & 0x3fff, little(bytes, 28)? & 0x3fff)),
        _ => None,
    }
}

/// ITU-T T.81, Annex B: segments up to the first start of a frame.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut rest = bytes.strip_prefix(b"\xff\xd8")?;
    loop {
        let [0xff, marker, high, low, ..] = *rest else { return None };
        match marker {
            0xff => rest = rest.get(1..)?,
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let side = |at: usize| rest.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes).map(u32::from);
                return Some((side(7)?, side(5)?));
            }
            _ => rest = rest.get(2 + usize::from(u16::from_be_bytes([high, low]))..)?,
        }
    }
}

fn little(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes).map(u32::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(bytes: &[u8]) -> Option<(u32, u32)> {
        of_base64(&STANDARD.encode(bytes))
    }

    #[test]
    fn sizes() {
        assert_eq!(size(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x01\0\0\0\x02\x03\x08"), Some((256, 515)));
        assert_eq!(size(b"GIF89a\x10\0\x01\x01"), Some((16, 257)));
        assert_eq!(size(b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc2\0\x0b\x08\0\x10\x01\x02\x03"), Some((258, 16)));
        assert_eq!(size(b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x20\0\x30\0"), Some((32, 48)));
        assert_eq!(size(b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x1f\xc0\x0b\0"), Some((32, 48)));
        assert_eq!(size(b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x1f\0\0\x2f\0\0"), Some((32, 48)));
    }

    #[test]
    fn no_size() {
        for bytes in
            [&b""[..], b"\x89PNG\r\n\x1a\n\0\0", b"GIF89a", b"\xff\xd8\xff\xe0\0\0", b"RIFF\0\0\0\0WEBP", b"%PDF-1.7"]
        {
            assert_eq!(size(bytes), None);
        }
        assert_eq!(of_base64("no base64!"), None);
        assert_eq!(of_base64(&"ä".repeat(LOOKED_AT)), None);
    }
}
