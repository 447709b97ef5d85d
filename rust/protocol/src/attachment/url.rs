//! What a text is that may be a URL.

use std::borrow::Cow;

use super::Held;

/// The media type that `text` says, and what it holds. Where no scheme is said, it is base64 if that may stand there
/// (`bare`), else the name of something that the provider keeps.
pub(super) fn read(text: &str, bare: bool) -> (Option<Cow<'_, str>>, Held<'_>) {
    let has_scheme = |scheme: &str| text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    if has_scheme("data:") {
        return data(text.get(5..).unwrap_or_default());
    }
    if has_scheme("https:") || has_scheme("http:") || text.contains("://") {
        return (None, Held::Url(text));
    }
    (None, if bare { Held::Base64(text) } else { Held::Kept })
}

/// What follows `data:` (RFC 2397).
fn data(rest: &str) -> (Option<Cow<'_, str>>, Held<'_>) {
    let Some((described, data)) = rest.split_once(',') else { return (None, Held::Quoted) };
    let mime = described.split(';').next().filter(|mime| !mime.is_empty()).map(Cow::Borrowed);
    let is_base64 = described.rsplit(';').next().is_some_and(|last| last.eq_ignore_ascii_case("base64"));
    (mime, if is_base64 { Held::Base64(data) } else { Held::Quoted })
}
