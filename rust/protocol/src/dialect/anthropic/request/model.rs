//! What the models differ in, by their names.

/// How a model is told to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dialect) enum Thinks {
    /// Not at all.
    Never,
    /// With a budget of tokens (`enabled`).
    Budget,
    /// With a budget, or as it finds right (`adaptive`).
    Either,
    /// As it finds right; a budget is refused.
    Adaptive,
    /// The same, and it cannot be told not to.
    Always,
}

/// What is known of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dialect) struct Model {
    pub(super) thinks: Thinks,
    /// Takes `output_config.format`, and `strict` tools.
    pub(in crate::dialect) schemas: bool,
    /// Takes `temperature` or `top_p`, not both.
    pub(super) one_sampler: bool,
    /// Takes instructions in the middle of a conversation.
    pub(super) late_system: bool,
    /// Refuses `temperature`, `top_p` and `top_k`.
    pub(super) no_sampling: bool,
    /// Its version; None where its name has none, as those of other makers who speak this dialect.
    pub(super) version: Option<(u32, u32)>,
}

impl Model {
    /// By the guides on extended and adaptive thinking, effort and structured outputs
    /// (<https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking>), November 2026: adaptive thinking came
    /// with 4.6, budgets and sampling went with 4.7, schemas came with 4.5 and Opus 4.1, where also one of `temperature`
    /// and `top_p` began to exclude the other; instructions in mid-conversation came with Opus 4.8
    /// (<https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages>). A name without a version is taken for one that allows all.
    pub(in crate::dialect) fn of(name: &str) -> Self {
        let version = version(name);
        let has = |family: &str| name.contains(family);
        let Some(known) = version else {
            let always = has("mythos") || has("fable");
            let thinks = if always { Thinks::Always } else { Thinks::Budget };
            return Self {
                thinks,
                schemas: true,
                one_sampler: always,
                late_system: false,
                no_sampling: always,
                version,
            };
        };
        let thinks = match known {
            (..=2, _) | (3, ..=6) => Thinks::Never,
            (3, _) | (4, ..=5) => Thinks::Budget,
            _ if has("mythos") || has("fable") => Thinks::Always,
            (4, 6) => Thinks::Either,
            _ => Thinks::Adaptive,
        };
        let (one, none) = (known >= (4, 1), known >= (4, 7));
        let late = (has("opus") && known >= (4, 8))
            || (has("sonnet") && known >= (5, 5))
            || ((has("fable") || has("mythos")) && known >= (5, 0));
        // Bedrock and Vertex AI, which name models in their own ways, do not have it.
        let late_system = late && name.starts_with("claude-") && !name.contains('@');
        Self { thinks, schemas: one, one_sampler: one, late_system, no_sampling: none, version }
    }

    /// The effort that the model knows nearest below `effort`; None for a word that nobody knows.
    pub(super) fn effort(self, effort: &str) -> Option<&'static str> {
        match effort {
            "minimal" | "low" => Some("low"),
            "medium" => Some("medium"),
            "xhigh" if self.version.is_none_or(|version| version >= (4, 7)) => Some("xhigh"),
            "high" | "xhigh" => Some("high"),
            "max" => Some("max"),
            _ => None,
        }
    }
}

/// `claude-3-7-sonnet-20250219`, `claude-opus-4-1`, `us.anthropic.claude-sonnet-4-5-20250929-v1:0`, `claude-4.6-opus`: the
/// first one or two short numbers in a row.
fn version(name: &str) -> Option<(u32, u32)> {
    let (_, tail) = name.split_once("claude")?;
    let number = |word: &str| (word.len() <= 2).then(|| word.parse().ok()).flatten();
    let mut words = tail.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let major = words.find_map(number)?;
    Some((major, words.next().and_then(number).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_versions() {
        for (name, expected) in [
            ("claude-3-7-sonnet-20250219", Some((3, 7))),
            ("claude-3-opus-20240229", Some((3, 0))),
            ("claude-opus-4-20250514", Some((4, 0))),
            ("claude-sonnet-4-5@20250929", Some((4, 5))),
            ("us.anthropic.claude-haiku-4-5-20251001-v1:0", Some((4, 5))),
            ("anthropic/claude-4.6-opus", Some((4, 6))),
            ("claude-sonnet-5", Some((5, 0))),
            ("claude-fable-5-1", Some((5, 1))),
            ("claude-2.1", Some((2, 1))),
            ("claude-mythos-preview", None),
            ("kimi-k2-thinking", None),
        ] {
            assert_eq!(version(name), expected, "{name}");
        }
    }

    #[test]
    fn what_the_versions_mean() {
        for (name, thinks, schemas, no_sampling) in [
            ("claude-3-5-sonnet-20240620", Thinks::Never, false, false),
            ("claude-3-7-sonnet-20250219", Thinks::Budget, false, false),
            ("claude-opus-4-1-20250805", Thinks::Budget, true, false),
            ("claude-haiku-4-5", Thinks::Budget, true, false),
            ("claude-opus-4-6", Thinks::Either, true, false),
            ("claude-opus-4-7", Thinks::Adaptive, true, true),
            ("claude-sonnet-5", Thinks::Adaptive, true, true),
            ("claude-fable-5", Thinks::Always, true, true),
            ("claude-mythos-preview", Thinks::Always, true, true),
            ("kimi-k2", Thinks::Budget, true, false),
        ] {
            let model = Model::of(name);
            assert_eq!((model.thinks, model.schemas, model.no_sampling), (thinks, schemas, no_sampling), "{name}");
        }
        for (name, late) in [
            ("claude-opus-4-7", false),
            ("claude-opus-4-8-20260528", true),
            ("us.anthropic.claude-opus-4-8-v1:0", false),
            ("claude-opus-5@20260801", false),
            ("claude-opus-5-5", true),
            ("claude-sonnet-5", false),
            ("claude-sonnet-5-5", true),
            ("claude-haiku-5", false),
            ("claude-fable-5-1", true),
            ("kimi-k2", false),
        ] {
            assert_eq!(Model::of(name).late_system, late, "{name}");
        }
    }
}
