//! Numbers (RFC 8259, section 6), by their grammar alone: any magnitude is well-formed.

use super::{Fault, Rule};

/// The offset after the number that begins at `from` with `-` or a digit.
pub(super) fn end(body: &[u8], from: usize) -> Result<usize, Fault> {
    let mut at = from;
    if body.get(at) == Some(&b'-') {
        at += 1;
    }
    at = match body.get(at) {
        Some(b'0') => at + 1,
        Some(b'1'..=b'9') => digits(body, at)?,
        _ => return Err(Rule::Number.at(from)),
    };
    if body.get(at) == Some(&b'.') {
        at = digits(body, at + 1)?;
    }
    if matches!(body.get(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(body.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        at = digits(body, at)?;
    }
    // Else `01` would be reported as a missing comma.
    if matches!(body.get(at), Some(b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) {
        return Err(Rule::Number.at(at));
    }
    Ok(at)
}

/// One digit or more.
fn digits(body: &[u8], from: usize) -> Result<usize, Fault> {
    let count = body.get(from..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 { Err(Rule::Number.at(from)) } else { Ok(from + count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar() {
        for good in
            ["0", "-0", "7", "10", "-12", "0.5", "1.25e10", "1E+5", "2e-3", "0e0", "1e999", "123456789012345678901"]
        {
            assert_eq!(end(good.as_bytes(), 0), Ok(good.len()), "{good}");
            let followed = format!("{good},");
            assert_eq!(end(followed.as_bytes(), 0), Ok(good.len()), "{good}");
        }
        for bad in ["-", "+1", ".5", "1.", "1.e5", "01", "-01", "1e", "1e+", "0x10", "1.2.3", "--1", "1e5e5", "1-2"] {
            let refused = end(bad.as_bytes(), 0);
            assert!(refused.is_err() || bad == "0x10" && refused == Ok(1), "{bad}");
        }
    }
}
