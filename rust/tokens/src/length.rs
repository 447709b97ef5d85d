//! How long a recording is, and how many pages a file has, from its bytes: nothing is decoded but base64.

use crate::size::head;

/// As much of a recording's base64 as is looked at: its head, behind tags and a cover.
const HEAD: usize = 256 * 1024;
/// The longest file of which pages are counted.
const FILE: usize = 16 * 1024 * 1024;

/// Seconds of the recording that is `data` in base64, begun ones counted: WAV, MP3, FLAC, Ogg. None if it does not say.
pub(crate) fn seconds(data: &str) -> Option<u64> {
    let bytes = head(data, HEAD)?;
    let all = u64::try_from(data.trim_end_matches('=').len()).ok()?.checked_mul(3)? / 4;
    wav(&bytes, all).or_else(|| flac(&bytes)).or_else(|| mpeg(&bytes, all)).or_else(|| ogg(data, &bytes))
}

/// Pages of the PDF that is `data` in base64, as far as they are told in the open: since PDF 1.5 they may lie in compressed
/// streams, and then this is none (ISO 32000-1, 7.7.3.3 and 7.5.7).
pub(crate) fn pages(data: &str) -> Option<u64> {
    let bytes = head(data, FILE).filter(|_| data.len() <= FILE)?;
    bytes.starts_with(b"%PDF-").then_some(())?;
    let mut rest = bytes.as_slice();
    let mut pages = 0;
    while let Some(at) = rest.windows(5).position(|window| window == b"/Type") {
        rest = rest.get(at + 5..).unwrap_or_default();
        let name = rest.trim_ascii_start();
        let is_page =
            name.strip_prefix(b"/Page").is_some_and(|after| !after.first().is_some_and(u8::is_ascii_alphanumeric));
        pages += u64::from(is_page);
    }
    (pages > 0).then_some(pages)
}

/// RIFF WAVE (Multimedia Programming Interface 1.0, August 1991): the average bytes a second.
fn wav(bytes: &[u8], all: u64) -> Option<u64> {
    bytes.strip_prefix(b"RIFF").filter(|_| bytes.get(8..16) == Some(b"WAVEfmt "))?;
    let rate = u32::from_le_bytes(bytes.get(28..32)?.try_into().ok()?);
    (rate > 0).then(|| all.div_ceil(u64::from(rate)))
}

/// RFC 9639, section 8.2: the sample rate in 20 bits, and the samples in 36.
fn flac(bytes: &[u8]) -> Option<u64> {
    bytes.strip_prefix(b"fLaC")?;
    let fields = u64::from_be_bytes(bytes.get(18..26)?.try_into().ok()?);
    let (rate, samples) = (fields >> 44, fields & 0xf_ffff_ffff);
    (rate > 0 && samples > 0).then(|| samples.div_ceil(rate))
}

/// MPEG audio, layer III (ISO/IEC 11172-3, 2.4.1.3, and 13818-3): by the bit rate of its first frame, as if all were like it.
fn mpeg(bytes: &[u8], all: u64) -> Option<u64> {
    const KBIT_1: [u64; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const KBIT_2: [u64; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    let tag = match bytes.strip_prefix(b"ID3") {
        // ID3v2, section 3.1: seven bits of each byte.
        Some(tag) => 10 + tag.get(3..7)?.iter().fold(0, |sum, byte| sum << 7 | usize::from(byte & 0x7f)),
        None => 0,
    };
    let [0xff, version, rate, ..] = *bytes.get(tag..)? else { return None };
    let rates = match version & 0xfe {
        0xfa => KBIT_1,
        0xf2 | 0xe2 => KBIT_2,
        _ => return None,
    };
    let kbit = *rates.get(usize::from(rate >> 4)).filter(|kbit| **kbit > 0)?;
    Some(all.saturating_sub(u64::try_from(tag).ok()?).div_ceil(kbit * 125))
}

/// RFC 3533, section 6: the last page's position, in samples of Vorbis's rate, or in 48,000 a second of Opus's (RFC 7845).
fn ogg(data: &str, bytes: &[u8]) -> Option<u64> {
    bytes.strip_prefix(b"OggS")?;
    let rate = match bytes.get(28..)? {
        [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', ..] => 48_000,
        [1, b'v', b'o', b'r', b'b', b'i', b's', ..] => u32::from_le_bytes(bytes.get(40..44)?.try_into().ok()?),
        _ => return None,
    };
    // A page is at most 65,307 bytes: the last one begins in the end that is looked at.
    let end = head(data.get(data.len().saturating_sub(128 * 1024) / 4 * 4..)?, 128 * 1024 + 4)?;
    let last = end.windows(4).rposition(|window| window == b"OggS")?;
    let position = u64::from_le_bytes(end.get(last + 6..last + 14)?.try_into().ok()?);
    (rate > 0 && position < u64::MAX).then(|| position.div_ceil(u64::from(rate)))
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn of(bytes: &[u8]) -> Option<u64> {
        seconds(&STANDARD.encode(bytes))
    }

    fn padded(head: &[u8], length: usize) -> Vec<u8> {
        let mut bytes = head.to_vec();
        bytes.resize(length, 0);
        bytes
    }

    #[test]
    fn recordings() {
        let wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0";
        assert_eq!(of(&padded(wav, 16_000 * 3)), Some(3), "16,000 bytes a second");
        // 128 kbit/s, MPEG-1; and the same behind a tag of 300 bytes.
        assert_eq!(of(&padded(b"\xff\xfb\x90\x00", 16_000 * 5)), Some(5));
        let tagged = [padded(b"ID3\x04\0\0\0\0\x02\x2c", 310), padded(b"\xff\xfb\x90\x00", 16_000 * 2)].concat();
        assert_eq!(of(&tagged), Some(2));
        assert_eq!(of(&padded(b"\xff\xf3\x80\x00", 8_000)), Some(1), "MPEG-2, 64 kbit/s");
        // 44,100 a second, 441,000 of them.
        let flac = [b"fLaC\0\0\0\x22".as_slice(), &[0; 10], &((44_100_u64 << 44) | 441_000).to_be_bytes()].concat();
        assert_eq!(of(&flac), Some(10));
        let page = |position: u64, body: &[u8]| {
            [b"OggS\0\0".as_slice(), &position.to_le_bytes(), &[0; 12], &[1, u8::try_from(body.len()).unwrap()], body]
                .concat()
        };
        let opus = [page(0, b"OpusHead\x01\x01\0\0\x80\xbb\0\0\0\0\0"), page(48_000 * 7 + 1, b"abc")].concat();
        assert_eq!(of(&opus), Some(8));
    }

    #[test]
    fn what_does_not_say() {
        for bytes in
            [&b""[..], b"fLaC", b"OggS", b"\xff\xfb\xf0\x00", b"ID3\x04\0\0\x7f\x7f\x7f\x7f", b"RIFF", b"hello"]
        {
            assert_eq!(of(bytes), None, "{bytes:?}");
        }
        assert_eq!((seconds("no base64!"), pages("no base64!")), (None, None));
    }

    #[test]
    fn files() {
        let of = |text: &str| pages(&STANDARD.encode(text));
        assert_eq!(of("%PDF-1.4 <</Type /Pages /Count 2>> <</Type/Page>> <</Type\n/Page/Parent 1 0 R>>"), Some(2));
        assert_eq!(of("%PDF-1.7 <</Type /ObjStm>>"), None, "its pages are compressed");
        assert_eq!(of("/Type /Page"), None, "no PDF");
    }
}
