//! What pictures, recordings, films and files count, by the providers' published rules.
//!
//! | | `OpenAI` | Anthropic | Gemini |
//! |---|---|---|---|
//! | picture | tiles of 512 or patches of 32 pixels, by model | a token for 750 pixels, at most 1,600 | 258 for each tile of 768 pixels; once if both sides are up to 384 |
//! | picture of unknown size | 1024 by 1024 | 1,600 | 258 |
//! | recording, for a second | 10 | – | 32 |
//! | film, for a second | – | – | 263 |
//! | file, for a page | 1,500 | 2,250 | 258 |
//!
//! A recording says how long it is (WAV, MP3, FLAC, Ogg), and most PDF files how many pages they have: see `length`. One
//! that does not counts as 16,000 bytes a second (128 kbit/s), a film as 250,000 bytes, a file as 50,000 bytes a page; what
//! is not here at all (a URL, a file kept by the provider) as a minute, or as ten pages. What the providers do not say is
//! an assumption: pages of `OpenAI` and Anthropic (whose guide names 1,500 to 3,000 tokens), and every size in bytes.
//!
//! Sources: <https://platform.openai.com/docs/guides/images-vision>,
//! <https://docs.claude.com/en/docs/build-with-claude/vision>,
//! <https://docs.claude.com/en/docs/build-with-claude/pdf-support>, <https://ai.google.dev/gemini-api/docs/tokens>.

use tollway_protocol::canonical::{Media, Source};

use crate::family::Media as Rule;
use crate::tally::Kind;
use crate::{length, size};

/// Tokens of all of `media` for `model`, by `rule`.
pub(crate) fn count(media: &[(Kind, &Media<'_>)], rule: Rule, model: &str) -> u64 {
    media.iter().map(|(kind, media)| one(*kind, media, rule, model)).fold(0, u64::saturating_add)
}

fn one(kind: Kind, media: &Media<'_>, rule: Rule, model: &str) -> u64 {
    match kind {
        Kind::Image => {
            let size = if let Source::Base64(data) = &media.source { size::of_base64(data) } else { None };
            match rule {
                Rule::OpenAi => openai_image(size.unwrap_or((1024, 1024)), media.detail.as_deref(), model),
                Rule::Anthropic => size.map_or(1600, anthropic_image),
                Rule::Gemini => size.map_or(258, gemini_image),
            }
        }
        Kind::Audio => match rule {
            Rule::OpenAi | Rule::Anthropic => seconds(media, 16_000).saturating_mul(10),
            Rule::Gemini => seconds(media, 16_000).saturating_mul(32),
        },
        Kind::Video => units(media, 250_000, 60, |_| None) * 263,
        Kind::Document => {
            units(media, 50_000, 10, length::pages)
                * match rule {
                    Rule::OpenAi => 1500,
                    Rule::Anthropic => 2250,
                    Rule::Gemini => 258,
                }
        }
    }
}

/// Seconds: as the recording says, else at `each` bytes, begun ones counted; a minute for what is not here.
fn seconds(media: &Media<'_>, each: u64) -> u64 {
    units(media, each, 60, length::seconds)
}

/// What `told` tells of data, else one for `each` bytes; `absent` for what is not here.
fn units(media: &Media<'_>, each: u64, absent: u64, told: fn(&str) -> Option<u64>) -> u64 {
    let Source::Base64(data) = &media.source else { return absent };
    let bytes = u64::try_from(data.len()).unwrap_or(u64::MAX) / 4 * 3;
    told(data).unwrap_or_else(|| bytes.div_ceil(each))
}

/// What models make of a picture.
enum Look {
    /// So many tokens, and so many for each tile of 512 pixels.
    Tiles(u64, u64),
    /// So many hundredths of a token for each patch of 32 pixels.
    Patches(u64),
}

fn look(model: &str) -> Look {
    let model = model.rsplit('/').next().unwrap_or(model);
    let starts = |names: &[&str]| names.iter().any(|name| model.starts_with(name));
    if starts(&["gpt-5-mini", "gpt-4.1-mini"]) {
        Look::Patches(162)
    } else if starts(&["gpt-5-nano", "gpt-4.1-nano"]) {
        Look::Patches(246)
    } else if starts(&["o4-mini"]) {
        Look::Patches(172)
    } else if starts(&["gpt-5"]) {
        Look::Tiles(70, 140)
    } else if starts(&["gpt-4o-mini"]) {
        Look::Tiles(2833, 5667)
    } else if starts(&["o1", "o3"]) {
        Look::Tiles(75, 150)
    } else {
        Look::Tiles(85, 170)
    }
}

fn openai_image((width, height): (u32, u32), detail: Option<&str>, model: &str) -> u64 {
    let (width, height) = (f64::from(width.max(1)), f64::from(height.max(1)));
    match look(model) {
        Look::Tiles(base, _) if detail == Some("low") => base,
        Look::Tiles(base, tile) => {
            let fit = (2048.0 / width.max(height)).min(1.0);
            let scale = fit * (768.0 / (width.min(height) * fit)).min(1.0);
            base + tile * cells(width * scale, 512.0) * cells(height * scale, 512.0)
        }
        Look::Patches(hundredths) => {
            let patches = cells(width, 32.0) * cells(height, 32.0);
            (patches.min(1536) * hundredths).div_ceil(100)
        }
    }
}

fn anthropic_image((width, height): (u32, u32)) -> u64 {
    let (width, height) = (f64::from(width), f64::from(height));
    let scale = (1568.0 / width.max(height).max(1.0)).min(1.0);
    cells(width * scale * height * scale, 750.0).min(1600)
}

fn gemini_image((width, height): (u32, u32)) -> u64 {
    if width.max(height) <= 384 {
        return 258;
    }
    let unit = (f64::from(width.min(height)) / 1.5).floor().clamp(256.0, 768.0);
    258 * cells(f64::from(width), unit) * cells(f64::from(height), unit)
}

/// How many cells of `each` cover `length`. Both are positive and far below 2^53, so nothing is lost.
fn cells(length: f64, each: f64) -> u64 {
    (length / each - 1e-9).ceil().max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the providers' guides.
    #[test]
    fn published_examples() {
        assert_eq!(openai_image((1024, 1024), Some("high"), "gpt-4o"), 765);
        assert_eq!(openai_image((2048, 4096), Some("high"), "gpt-4o"), 1105);
        assert_eq!(openai_image((4096, 8192), Some("low"), "gpt-4o"), 85);
        assert_eq!(openai_image((1024, 1024), None, "gpt-4.1-mini"), 1659);
        assert_eq!(anthropic_image((200, 200)), 54);
        assert_eq!(anthropic_image((1000, 1000)), 1334);
        assert_eq!(anthropic_image((1092, 1092)), 1590);
        assert_eq!(gemini_image((384, 384)), 258);
        assert_eq!(gemini_image((960, 540)), 6 * 258);
    }

    #[test]
    fn extremes() {
        for size in [(0, 0), (1, u32::MAX), (u32::MAX, u32::MAX)] {
            for model in ["gpt-4o", "gpt-5-nano"] {
                assert!(openai_image(size, None, model) < 60_000);
            }
            assert!(anthropic_image(size) <= 1600);
            gemini_image(size);
        }
    }
}
