//! What a request took, in buckets that do not overlap, and in units that are billed in place of tokens.

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
    /// Input read from the provider's cache, save recordings.
    pub cache_read: Option<u64>,
    /// Recordings read from the provider's cache, where they are told apart (Gemini).
    pub audio_cache_read: Option<u64>,
    /// Input written to it, for the shorter or the only lifetime.
    pub cache_write: Option<u64>,
    /// Input written to it for an hour.
    pub cache_write_1h: Option<u64>,
    /// Recordings, as input.
    pub audio_input: Option<u64>,
    /// Pictures, as input.
    pub image_input: Option<u64>,
    /// Films, as input.
    pub video_input: Option<u64>,
    /// Files, as input, where they are told apart from text and pictures (Gemini).
    pub document_input: Option<u64>,
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
    /// Films, as output.
    pub video_output: Option<u64>,
    /// Searches of the web by a built-in tool, a number of requests.
    pub web_searches: Option<u64>,
    /// Pictures that were made, a number of them.
    pub images: Option<u64>,
    /// How long the recordings are that were heard, in milliseconds.
    pub audio_input_ms: Option<u64>,
    /// Characters of the text that was spoken.
    pub characters: Option<u64>,
    /// What rerankers bill: a query with so many documents (Cohere).
    pub search_units: Option<u64>,
    /// What the provider reports as the whole, where that is not the sum.
    pub total: Option<u64>,
    /// On what terms it was served, where the provider says so.
    pub tier: Option<Tier>,
}

impl Usage {
    /// All input, cached or not; None if nothing of it was reported.
    #[must_use]
    pub fn all_input(&self) -> Option<u64> {
        let cached = sum([self.all_cache_read(), self.all_cache_write()]);
        let media = sum([self.audio_input, self.image_input, self.video_input, self.document_input]);
        sum([self.input, cached, media, self.tool_input])
    }

    /// All output, thoughts included; None if nothing of it was reported.
    #[must_use]
    pub fn all_output(&self) -> Option<u64> {
        sum([self.output, self.reasoning, self.audio_output, self.image_output, self.video_output])
    }

    /// Input read from the provider's cache, of whatever kind.
    #[must_use]
    pub fn all_cache_read(&self) -> Option<u64> {
        sum([self.cache_read, self.audio_cache_read])
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
            audio_cache_read: newer.audio_cache_read.or(self.audio_cache_read),
            cache_write: newer.cache_write.or(self.cache_write),
            cache_write_1h: newer.cache_write_1h.or(self.cache_write_1h),
            audio_input: newer.audio_input.or(self.audio_input),
            image_input: newer.image_input.or(self.image_input),
            video_input: newer.video_input.or(self.video_input),
            document_input: newer.document_input.or(self.document_input),
            tool_input: newer.tool_input.or(self.tool_input),
            output: newer.output.or(self.output),
            reasoning: newer.reasoning.or(self.reasoning),
            audio_output: newer.audio_output.or(self.audio_output),
            image_output: newer.image_output.or(self.image_output),
            video_output: newer.video_output.or(self.video_output),
            web_searches: newer.web_searches.or(self.web_searches),
            images: newer.images.or(self.images),
            audio_input_ms: newer.audio_input_ms.or(self.audio_input_ms),
            characters: newer.characters.or(self.characters),
            search_units: newer.search_units.or(self.search_units),
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

/// What is left of a whole whose parts are taken out one by one. The parts may overlap (cached recordings): then each
/// gets at most what is left, so that together they are the whole.
#[derive(Debug)]
pub struct Share(pub Option<u64>);

impl Share {
    /// Takes `part` out of what is left.
    pub fn of(&mut self, part: Option<u64>) -> Option<u64> {
        let Some(left) = self.0 else { return part };
        let part = part?.min(left);
        self.0 = Some(left - part);
        Some(part)
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
