//! Embeddings.

use super::content::Text;
use super::request::Rest;
use super::usage::Usage;

/// A request for embeddings.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingsRequest<'a> {
    /// The model, as the caller names it.
    pub model: Text<'a>,
    /// What is to be embedded.
    pub inputs: Vec<Input<'a>>,
    /// How long each vector is to be.
    pub dimensions: Option<u64>,
    /// Whether the vectors are wanted in base64 of little-endian 32-bit floats.
    pub base64: bool,
    /// What they are for, as `RETRIEVAL_QUERY` (Gemini).
    pub task: Option<Text<'a>>,
    /// The title of the document that is embedded (Gemini).
    pub title: Option<Text<'a>>,
    /// The caller's name for its own user.
    pub user: Option<Text<'a>>,
    /// What else its dialect said.
    pub rest: Rest<'a>,
}

/// One thing to be embedded.
#[derive(Debug, Clone, PartialEq)]
pub enum Input<'a> {
    /// A text.
    Text(Text<'a>),
    /// A text as the tokens of the model's own vocabulary.
    Tokens(Vec<u64>),
}

/// Embeddings.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings<'a> {
    /// The model that made them. None where the dialect does not say.
    pub model: Option<Text<'a>>,
    /// One for each input, in order.
    pub data: Vec<Embedding<'a>>,
    /// What it took, where reported.
    pub usage: Option<Usage>,
    /// What else its dialect said.
    pub rest: Rest<'a>,
}

/// One embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding<'a> {
    /// Which input's, from 0.
    pub index: u64,
    /// The vector.
    pub vector: Vector<'a>,
}

/// A vector, as it came.
#[derive(Debug, Clone, PartialEq)]
pub enum Vector<'a> {
    /// Numbers, as they were written.
    Numbers(Vec<Text<'a>>),
    /// Base64 of little-endian 32-bit floats.
    Base64(Text<'a>),
}
