//! What a model's name tells of what it takes.

/// How a model is told to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Generation {
    /// By a number of tokens (2.5 and before).
    Budget,
    /// By a level (3 and later).
    Level,
}

/// That of the model `name`. One without a number, as `gemini-flash-latest`, is the newest.
pub(super) fn generation(name: &str) -> Generation {
    let name = base(name);
    let digits = name.strip_prefix("gemini-").unwrap_or(name);
    match digits.as_bytes().first() {
        Some(b'0'..=b'2') => Generation::Budget,
        _ => Generation::Level,
    }
}

/// The model's own name, of `models/…` and `projects/…/models/…`.
pub(super) fn base(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, base)| base)
}

/// The least budget that switches off what can be switched off: 2.5 Pro always thinks
/// (<https://ai.google.dev/gemini-api/docs/thinking>).
pub(super) fn least_budget(name: &str) -> u64 {
    if base(name).starts_with("gemini-2.5-pro") { 128 } else { 0 }
}

/// The level for an effort. Pro knows fewer than Flash does.
pub(super) fn level(name: &str, effort: &str) -> &'static str {
    let pro = base(name).contains("-pro");
    match effort {
        "none" | "minimal" if pro => "LOW",
        "none" | "minimal" => "MINIMAL",
        "low" => "LOW",
        "medium" if base(name).starts_with("gemini-3-pro") => "HIGH",
        "medium" => "MEDIUM",
        _ => "HIGH",
    }
}

/// The budget for an effort, in tokens.
pub(super) fn budget(name: &str, effort: &str) -> u64 {
    match effort {
        "none" => least_budget(name),
        "minimal" | "low" => 1024,
        "medium" => 4096,
        "high" => 16_384,
        // The most that they take.
        _ if base(name).starts_with("gemini-2.5-pro") => 32_768,
        _ => 24_576,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_name() {
        for (name, expected) in [
            ("gemini-2.5-flash", Generation::Budget),
            ("gemini-1.5-pro", Generation::Budget),
            ("projects/p/locations/l/publishers/google/models/gemini-2.5-pro", Generation::Budget),
            ("gemini-3-pro-preview", Generation::Level),
            ("models/gemini-3.5-flash", Generation::Level),
            ("gemini-flash-latest", Generation::Level),
        ] {
            assert_eq!(generation(name), expected, "{name}");
        }
        assert_eq!((budget("gemini-2.5-pro", "none"), budget("gemini-2.5-flash", "none")), (128, 0));
        assert_eq!(
            (level("gemini-3-pro-preview", "medium"), level("gemini-3.5-flash", "minimal")),
            ("HIGH", "MINIMAL")
        );
    }
}
