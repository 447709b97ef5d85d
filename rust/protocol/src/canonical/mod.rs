//! The canonical form: what every dialect's requests, answers and streams are read into, and written from. N dialects
//! around one form, never N×M.
//!
//! It holds the union of what the dialects can say, in the words of none. What a dialect says that no other knows stays
//! with it, whole, in a `rest` or a foreign part, so that reading and writing one dialect loses nothing; what another
//! cannot say is named in [`Losses`].

mod answer;
mod content;
mod embeddings;
mod loss;
mod request;
mod rerank;
mod stream;
mod tier;
mod usage;

pub use answer::{Answer, Choice, Stop, StopReason};
pub use content::{
    Annotation, Arguments, Body, CacheControl, CallKind, Media, Part, Reasoning, Signature, Source, Text, ToolCall,
    ToolResult,
};
pub use embeddings::{Embedding, Embeddings, EmbeddingsRequest, Input, Vector};
pub use loss::Losses;
pub(crate) use request::is_idle;
pub use request::{
    Builtin, BuiltinKind, Format, FunctionTool, Message, Request, Rest, Role, Sampling, Thinking, Tool, ToolChoice,
    ToolKind,
};
pub use rerank::{RankedDocument, RerankRequest, Reranked};
pub use stream::{Delta, Event, Opening};
pub use tier::Tier;
pub use usage::{Share, Usage};
