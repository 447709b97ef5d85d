//! Rerankings: which of some documents answer a query best.

use super::content::Text;
use super::usage::Usage;
use crate::json::{Json, Members};

/// A request for a reranking.
#[derive(Debug, Clone, PartialEq)]
pub struct RerankRequest<'a> {
    /// The model, as the caller names it.
    pub model: Text<'a>,
    /// What is looked for.
    pub query: Text<'a>,
    /// What is ranked: texts, or objects.
    pub documents: Vec<Json<'a>>,
    /// At most so many of them, the best.
    pub top: Option<u64>,
    /// Whether the documents themselves are to come back.
    pub return_documents: Option<bool>,
    /// Of a longer document only so many tokens count.
    pub max_tokens_per_doc: Option<u64>,
    /// What else was said.
    pub rest: Members<'a>,
}

/// A reranking.
#[derive(Debug, Clone, PartialEq)]
pub struct Reranked<'a> {
    /// The provider's name for it.
    pub id: Option<Text<'a>>,
    /// The model that made it. None where the provider does not say.
    pub model: Option<Text<'a>>,
    /// The documents, the best first.
    pub results: Vec<RankedDocument<'a>>,
    /// What it took, where reported.
    pub usage: Option<Usage>,
}

/// A document of a reranking.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedDocument<'a> {
    /// Which of the request's documents, from 0.
    pub index: u64,
    /// How well it answers the query, as it was written.
    pub score: Text<'a>,
    /// The document itself, where it came back.
    pub document: Option<Json<'a>>,
}
