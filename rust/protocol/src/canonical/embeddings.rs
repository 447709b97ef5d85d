//! Embeddings.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::content::{Part, Text};
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
    /// Several pieces as one, or what is no text: pictures, recordings (Gemini).
    Parts(Vec<Part<'a>>),
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

impl<'a> Vector<'a> {
    /// The same as numbers: of floats, the shortest that read back as they are. None if it is not base64 of whole,
    /// finite floats.
    #[must_use]
    pub fn to_numbers(&self) -> Option<Vec<Text<'a>>> {
        let data = match self {
            Self::Numbers(numbers) => return Some(numbers.clone()),
            Self::Base64(data) => STANDARD.decode(data.as_bytes()).ok()?,
        };
        let (floats, rest) = data.as_chunks::<4>();
        let number = |bytes: &[u8; 4]| {
            let float = f32::from_le_bytes(*bytes);
            // Without a fraction, `{}` writes none; JSON wants none either.
            float.is_finite().then(|| Cow::Owned(float.to_string()))
        };
        rest.is_empty().then(|| floats.iter().map(number).collect())?
    }

    /// The same in base64 of little-endian 32-bit floats. None if a number is none that such a float can come near.
    #[must_use]
    pub fn to_base64(&self) -> Option<Text<'a>> {
        let numbers = match self {
            Self::Base64(data) => return Some(data.clone()),
            Self::Numbers(numbers) => numbers,
        };
        let mut bytes = Vec::with_capacity(numbers.len() * 4);
        for number in numbers {
            let float: f32 = number.parse().ok()?;
            bytes.extend(float.is_finite().then(|| float.to_le_bytes())?);
        }
        Some(Cow::Owned(STANDARD.encode(bytes)))
    }
}
