//! On what terms a provider served a request.

/// The service tier that a provider says a request was served on; what it costs depends on it.
///
/// Each provider has words of its own: `OpenAI` says `default`, `flex`, `priority`, `scale` or `fast` beside the choices
/// (<https://platform.openai.com/docs/api-reference/chat/object>, `service_tier`), Anthropic `standard`, `priority` or `batch`
/// in its usage, with `speed` beside it (<https://platform.claude.com/docs/en/api/service-tiers>), Google a `serviceTier`
/// (Gemini API) or a `trafficType` (Vertex AI, <https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/GenerateContentResponse#TrafficType>),
/// Bedrock a `serviceTier` (<https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// The usual one.
    Standard,
    /// Cheaper, and served when there is room.
    Flex,
    /// Served before others.
    Priority,
    /// Answered within a day.
    Batch,
    /// Made faster for a higher price.
    Fast,
    /// Units bought ahead (`OpenAI`).
    Scale,
    /// Throughput bought ahead (Vertex AI, Bedrock).
    Provisioned,
    /// A word that is not known.
    Other,
}

impl Tier {
    /// The tier of that word. None for what only says that the provider was to choose.
    #[must_use]
    pub fn read(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "" | "auto" | "traffic_type_unspecified" | "unspecified" => return None,
            "default" | "standard" | "on_demand" => Self::Standard,
            "flex" | "on_demand_flex" => Self::Flex,
            "priority" | "on_demand_priority" => Self::Priority,
            "batch" => Self::Batch,
            "fast" => Self::Fast,
            "scale" => Self::Scale,
            "provisioned_throughput" | "reserved" => Self::Provisioned,
            _ => Self::Other,
        })
    }

    /// Its name, whoever's word it was.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Flex => "flex",
            Self::Priority => "priority",
            Self::Batch => "batch",
            Self::Fast => "fast",
            Self::Scale => "scale",
            Self::Provisioned => "provisioned",
            Self::Other => "other",
        }
    }
}
