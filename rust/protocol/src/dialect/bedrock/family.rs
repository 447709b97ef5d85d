//! What the models on Bedrock differ in, by their names.

/// Whose model it is, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Anthropic's.
    Claude,
    /// Amazon's, of the first generation.
    Nova,
    /// Amazon's, which can reason and search.
    Nova2,
    /// `OpenAI`'s open models.
    GptOss,
    /// Mistral's.
    Mistral,
    /// Llama, Titan, Cohere, AI21, `DeepSeek` R1: as Amazon's, they know no answers by a schema
    /// (<https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html>).
    Plain,
    /// Another's, which does.
    Other,
    /// An inference profile, a prompt or an imported model by its ARN: any of these.
    Unknown,
}

impl Family {
    /// `us.anthropic.claude-sonnet-4-5-20250929-v1:0`, `amazon.nova-2-lite-v1:0`, `arn:aws:bedrock:…`.
    pub(super) fn of(model: &str) -> Self {
        const KNOWN: [(&str, Family); 12] = [
            ("claude", Family::Claude),
            ("nova-2", Family::Nova2),
            ("nova", Family::Nova),
            ("gpt-oss", Family::GptOss),
            ("mistral", Family::Mistral),
            ("llama", Family::Plain),
            ("titan", Family::Plain),
            ("cohere", Family::Plain),
            ("ai21", Family::Plain),
            ("jamba", Family::Plain),
            ("deepseek.r1", Family::Plain),
            ("arn:", Family::Unknown),
        ];
        KNOWN.into_iter().find(|(word, _)| model.contains(word)).map_or(Self::Other, |(_, family)| family)
    }

    /// Takes `outputConfig.textFormat`, and `strict` tools, in all its versions.
    pub(super) const fn knows_schemas(self) -> bool {
        !matches!(self, Self::Plain | Self::Nova | Self::Nova2)
    }

    /// Takes `cachePoint` blocks (<https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html>).
    pub(super) const fn caches(self) -> bool {
        matches!(self, Self::Claude | Self::Nova | Self::Nova2 | Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_name() {
        for (name, expected) in [
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", Family::Claude),
            ("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0", Family::Claude),
            ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc", Family::Unknown),
            ("eu.amazon.nova-2-lite-v1:0", Family::Nova2),
            ("amazon.nova-micro-v1:0", Family::Nova),
            ("openai.gpt-oss-120b-1:0", Family::GptOss),
            ("mistral.pixtral-large-2502-v1:0", Family::Mistral),
            ("us.deepseek.r1-v1:0", Family::Plain),
            ("deepseek.v3-v1:0", Family::Other),
        ] {
            assert_eq!(Family::of(name), expected, "{name}");
        }
    }
}
