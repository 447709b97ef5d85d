//! Strings, written.

use super::scan;

/// Appends `text` as a JSON string. What need not be escaped is not.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.reserve(text.len() + 2);
    out.push(b'"');
    let (text, mut copied) = (text.as_bytes(), 0);
    if scan::is_plain(text) {
        out.extend_from_slice(text);
        out.push(b'"');
        return;
    }
    loop {
        let at = scan::stop::<false>(text, copied);
        out.extend_from_slice(text.get(copied..at).unwrap_or_default());
        let Some(&byte) = text.get(at) else { break };
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            _ => {
                out.extend(b"\\u00");
                out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
        copied = at + 1;
    }
    out.push(b'"');
}
