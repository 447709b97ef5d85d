//! The models whose vocabularies are not public: how far their counts are from o200k's.

/// Models that count alike. Tokens are `text` thousandths of o200k's, and so on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Family {
    /// What is in the names of its models.
    marks: &'static [&'static str],
    /// Tokens of a text, in thousandths of o200k's.
    pub(crate) text: u64,
    /// Tokens of a request, whatever it holds.
    pub(crate) request: u64,
    /// Tokens of each message besides its text.
    pub(crate) message: u64,
    /// Tokens that come with thinking.
    pub(crate) thinking: u64,
    /// Tokens that come with a schema of the answer, besides those of the schema; none where neither is counted.
    pub(crate) format: Option<u64>,
    /// Characters of a signature, which is given back with calls of tools, to a token; none where it is not counted.
    pub(crate) signature: Option<u64>,
    /// Tokens that come with tools, however many.
    pub(crate) tools: u64,
    /// Tokens of each tool besides its name, description and schema.
    pub(crate) tool: u64,
    /// Tokens of a tool's name, description and schema as JSON, in thousandths of o200k's.
    pub(crate) schema: u64,
    /// What its pictures and recordings count.
    pub(crate) media: Media,
}

/// By whose rule pictures and recordings are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    OpenAi,
    Anthropic,
    Gemini,
}

/// Of whom nothing is known.
const OTHER: Family = Family {
    marks: &[],
    text: 1100,
    request: 4,
    message: 4,
    thinking: 0,
    format: Some(10),
    signature: None,
    tools: 100,
    tool: 20,
    schema: 1000,
    media: Media::OpenAi,
};

const CLAUDE: Family = Family {
    marks: &["claude"],
    text: 1130,
    request: 5,
    message: 1,
    thinking: 29,
    format: Some(120),
    tools: 500,
    tool: 15,
    schema: 1350,
    media: Media::Anthropic,
    ..OTHER
};

/// Claude's newer vocabulary, since Opus 4.7.
const CLAUDE_5: Family = Family {
    marks: &["sonnet-5", "opus-5", "haiku-5", "opus-4-7", "opus-4.7", "opus-4-8", "opus-4.8"],
    text: 1280,
    request: 6,
    message: 2,
    thinking: 0,
    tools: 400,
    tool: 20,
    schema: 1800,
    ..CLAUDE
};

const CLAUDE_3: Family = Family {
    marks: &["claude-3", "claude-2"],
    text: 1160,
    request: 7,
    message: 0,
    tools: 400,
    tool: 14,
    schema: 1000,
    ..CLAUDE
};

const GEMINI: Family = Family {
    marks: &["gemini", "gemma"],
    text: 1083,
    request: 0,
    message: 0,
    format: None,
    signature: Some(6),
    tools: 0,
    tool: 8,
    schema: 600,
    media: Media::Gemini,
    ..OTHER
};

const MISTRAL: Family = Family {
    marks: &["mistral", "mixtral", "magistral", "codestral", "devstral", "pixtral", "voxtral", "mathstral"],
    text: 1140,
    request: 3,
    message: 2,
    format: None,
    tools: 0,
    schema: 1430,
    ..OTHER
};

/// The template of the newer ones opens with instructions of its own.
const LLAMA_3_1: Family = Family {
    marks: &["llama-3.1", "llama-3.2", "llama-3.3", "llama3.1", "llama3.2", "llama3.3", "llama-4"],
    request: 30,
    ..LLAMA
};

const LLAMA: Family = Family { marks: &["llama"], text: 1000, message: 5, ..OTHER };

const DEEPSEEK: Family =
    Family { marks: &["deepseek"], text: 1050, request: 3, message: 1, tools: 215, schema: 1290, ..OTHER };

const GROK: Family =
    Family { marks: &["grok"], text: 960, request: 0, format: Some(30), tools: 130, tool: 25, schema: 950, ..OTHER };

/// In the order in which they are tried. Their numbers were fitted to the requests of the test `recorded`, by the smallest
/// relative error.
static FAMILIES: [Family; 9] = [CLAUDE_5, CLAUDE_3, CLAUDE, GEMINI, MISTRAL, LLAMA_3_1, LLAMA, DEEPSEEK, GROK];

impl Family {
    /// The family of `model`.
    pub(crate) fn of_model(model: &str) -> &'static Self {
        let model = model.to_ascii_lowercase();
        let is_marked = |family: &&Self| family.marks.iter().any(|mark| model.contains(mark));
        FAMILIES.iter().find(is_marked).unwrap_or(&OTHER)
    }

    /// `count` tokens of o200k as this family's.
    pub(crate) fn scaled(count: u64, thousandths: u64) -> u64 {
        count.saturating_mul(thousandths).div_ceil(1000)
    }
}
