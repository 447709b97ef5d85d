//! What bytes are, by how they begin, and what of a declared media type agrees with it.

use std::borrow::Cow;

/// How files begin, at which byte, and what they are. Of those that fit the first counts.
///
/// Sources: the formats' specifications, as <https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern> and
/// <https://www.rfc-editor.org/rfc/rfc9559#section-8> (Matroska) collect them.
const BEGINNINGS: [(usize, &[u8], &str); 22] = [
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AIFF", "audio/aiff"),
    (4, b"ftyphei", "image/heic"),
    (4, b"ftypmif1", "image/heic"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyp", "video/mp4"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
];

/// Other names for one, and the name that counts.
const SAME: [(&str, &str); 18] = [
    ("image/jpg", "image/jpeg"),
    ("image/pjpeg", "image/jpeg"),
    ("image/x-png", "image/png"),
    ("image/heif", "image/heic"),
    ("audio/mp3", "audio/mpeg"),
    ("audio/mpga", "audio/mpeg"),
    ("audio/x-wav", "audio/wav"),
    ("audio/wave", "audio/wav"),
    ("audio/vnd.wave", "audio/wav"),
    ("audio/x-flac", "audio/flac"),
    ("audio/x-aiff", "audio/aiff"),
    ("audio/m4a", "audio/mp4"),
    ("audio/x-m4a", "audio/mp4"),
    ("audio/opus", "audio/ogg"),
    ("video/mov", "video/quicktime"),
    ("application/x-pdf", "application/pdf"),
    ("application/x-zip-compressed", "application/zip"),
    ("video/x-matroska", "video/webm"),
];

/// Types that are told by their own beginning, but not one from the other.
const ALIKE: [&[&str]; 3] = [
    &["audio/ogg", "video/ogg", "application/ogg"],
    &["video/webm", "audio/webm"],
    &["video/mp4", "audio/mp4", "video/quicktime", "video/3gpp", "audio/aac"],
];

/// What a file is that begins with these bytes; none if that is not known.
#[must_use]
pub fn of_bytes(bytes: &[u8]) -> Option<&'static str> {
    let fits = |at: usize, sign: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(sign));
    if let Some((.., kind)) = BEGINNINGS.iter().find(|(at, sign, _)| fits(*at, sign)) {
        let is_container = !matches!(*kind, "image/webp" | "audio/wav") || bytes.starts_with(b"RIFF");
        return Some(*kind).filter(|_| is_container);
    }
    // A frame of MPEG audio (ISO/IEC 11172-3, 2.4.1.3): eleven ones, and a layer; ADTS has the layer 0.
    match *bytes {
        [0xff, second, ..] if second & 0xe0 == 0xe0 && second & 0x06 != 0 => Some("audio/mpeg"),
        [0xff, second, ..] if second & 0xf6 == 0xf0 => Some("audio/aac"),
        _ => None,
    }
}

/// A media type without parameters, in lower case, by the name that counts.
#[must_use]
pub fn normal(declared: &str) -> Cow<'_, str> {
    let bare = declared.split(';').next().unwrap_or_default().trim();
    if let Some((_, counts)) = SAME.iter().find(|(other, _)| bare.eq_ignore_ascii_case(other)) {
        return Cow::Borrowed(counts);
    }
    if bare.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(bare.to_ascii_lowercase());
    }
    Cow::Borrowed(bare)
}

/// Whether what is `declared` (by its normal name) may be what its bytes say it is; `real` is none where they say nothing.
#[must_use]
pub fn agrees(declared: &str, real: Option<&str>) -> bool {
    let alike = |one: &str, other: &str| {
        one == other || ALIKE.iter().any(|group| group.contains(&one) && group.contains(&other))
    };
    match real {
        Some("application/zip") => {
            let packed = ["application/vnd.openxmlformats", "application/vnd.oasis", "application/epub+zip"];
            declared == "application/zip" || packed.iter().any(|kind| declared.starts_with(kind))
        }
        Some("application/x-ole-storage") => {
            declared == "application/msword" || declared.starts_with("application/vnd.ms-")
        }
        Some(real) => alike(declared, real),
        None => !is_told(declared),
    }
}

/// Whether the bytes of a file of this type always say so.
fn is_told(declared: &str) -> bool {
    let by_zip =
        declared.starts_with("application/vnd.openxmlformats") || declared.starts_with("application/vnd.oasis");
    by_zip
        || BEGINNINGS.iter().any(|(.., kind)| *kind == declared)
        || ALIKE.iter().any(|group| group.contains(&declared))
}

/// Whether `pattern` (`image/png`, `image/*`, `*/*`) takes a media type, by its normal name.
#[must_use]
pub fn takes(pattern: &str, kind: &str) -> bool {
    match pattern.strip_suffix("/*") {
        Some("*") => true,
        Some(family) => kind.split_once('/').is_some_and(|(of, _)| of.eq_ignore_ascii_case(family)),
        None => normal(pattern) == kind,
    }
}
