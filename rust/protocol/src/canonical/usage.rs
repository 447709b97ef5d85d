//! What a request took, in buckets that do not overlap.

use super::tier::Tier;

/// Tokens by bucket. No token is in two; absent is not zero.
///
/// The dialects disagree in what includes what: `OpenAI`'s `prompt_tokens` include the cached ones, Anthropic's
/// `input_tokens` do not, Gemini's `candidatesTokenCount` excludes the thoughts. Here each is apart, so that a bill is a
/// sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Input that is in no other bucket.
    pub input: Option<u64>,
    /// Input read from the provider's cache.
    pub cache_read: Option<u64>,
    /// Input written to it, for the shorter or the only lifetime.
    pub cache_write: Option<u64>,
    /// Input written to it for an hour.
    pub cache_write_1h: Option<u64>,
    /// Recordings, as input.
    pub audio_input: Option<u64>,
    /// Pictures, as input.
    pub image_input: Option<u64>,
    /// What built-in tools brought in (Gemini).
    pub tool_input: Option<u64>,
    /// Output that is in no other bucket.
    pub output: Option<u64>,
    /// Thoughts, where they are reported.
    pub reasoning: Option<u64>,
    /// Recordings, as output.
    pub audio_output: Option<u64>,
    /// Pictures, as output.
    pub image_output: Option<u64>,
    /// Searches of the web by a built-in tool, a number of requests.
    pub web_searches: Option<u64>,
    /// Pictures that were made, a number of them.
    pub images: Option<u64>,
    /// The length of a recording that was read, in milliseconds.
    pub audio_ms: Option<u64>,
    /// Characters that were read out.
    pub characters: Option<u64>,
    /// What the provider reports as the whole, where that is not the sum.
    pub total: Option<u64>,
    /// On what terms it was served, where the provider says so.
    pub tier: Option<Tier>,
}

impl Usage {
    /// All input, cached or not; None if nothing of it was reported.
    #[must_use]
    pub fn all_input(&self) -> Option<u64> {
        let Self { input, cache_read, cache_write, cache_write_1h, audio_input, image_input, tool_input, .. } = *self;
        sum([input, cache_read, cache_write, cache_write_1h, audio_input, image_input, tool_input])
    }

    /// All output, thoughts included; None if nothing of it was reported.
    #[must_use]
    pub fn all_output(&self) -> Option<u64> {
        sum([self.output, self.reasoning, self.audio_output, self.image_output])
    }

    /// Input written to the provider's cache, for whatever lifetime.
    #[must_use]
    pub fn all_cache_write(&self) -> Option<u64> {
        sum([self.cache_write, self.cache_write_1h])
    }

    /// What is known now, from what was known and what is `newer`: streams report some buckets first and others last,
    /// and counts that grow.
    #[must_use]
    pub fn updated(self, newer: Self) -> Self {
        Self {
            input: newer.input.or(self.input),
            cache_read: newer.cache_read.or(self.cache_read),
            cache_write: newer.cache_write.or(self.cache_write),
            cache_write_1h: newer.cache_write_1h.or(self.cache_write_1h),
            audio_input: newer.audio_input.or(self.audio_input),
            image_input: newer.image_input.or(self.image_input),
            tool_input: newer.tool_input.or(self.tool_input),
            output: newer.output.or(self.output),
            reasoning: newer.reasoning.or(self.reasoning),
            audio_output: newer.audio_output.or(self.audio_output),
            image_output: newer.image_output.or(self.image_output),
            web_searches: newer.web_searches.or(self.web_searches),
            images: newer.images.or(self.images),
            audio_ms: newer.audio_ms.or(self.audio_ms),
            characters: newer.characters.or(self.characters),
            total: newer.total.or(self.total),
            tier: newer.tier.or(self.tier),
        }
    }

    /// `whole` less the buckets that it includes: what is in no other. Never below zero, whatever a provider reports.
    #[must_use]
    pub fn apart<const N: usize>(whole: Option<u64>, included: [Option<u64>; N]) -> Option<u64> {
        Some(whole?.saturating_sub(sum(included).unwrap_or(0)))
    }
}

fn sum<const N: usize>(buckets: [Option<u64>; N]) -> Option<u64> {
    buckets.into_iter().flatten().fold(None, |sum: Option<u64>, tokens| Some(sum.unwrap_or(0).saturating_add(tokens)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_is_not_zero() {
        assert_eq!(Usage::default().all_input(), None);
        assert_eq!(Usage { cache_read: Some(0), ..Usage::default() }.all_input(), Some(0));
        assert_eq!(Usage::apart(None, [Some(3)]), None);
        assert_eq!(Usage::apart(Some(10), [Some(3), None]), Some(7));
        assert_eq!(Usage::apart(Some(2), [Some(3)]), Some(0));
    }

    #[test]
    fn what_is_newer_counts() {
        let first = Usage { input: Some(5), output: Some(1), ..Usage::default() };
        let last = Usage { output: Some(9), ..Usage::default() };
        assert_eq!(first.updated(last), Usage { input: Some(5), output: Some(9), ..Usage::default() });
    }
}
