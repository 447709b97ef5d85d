//! Gemini: `generateContent`, `streamGenerateContent`, `countTokens`, `embedContent` and `batchEmbedContents`, of the
//! Gemini API and of Vertex AI (<https://ai.google.dev/api>, <https://cloud.google.com/vertex-ai/docs/reference/rest>).
//!
//! Members are read in either spelling, camelCase or snake_case, and enumerations also as the numbers of their protocol
//! buffers; both are written in camelCase and words. A document comes back as it was, but for these:
//!
//! - a single object where a list belongs becomes a list of one; absent roles, indices, `args` and `response` are written,
//!   empty settings are not;
//! - a turn without parts is left out, and an empty text without a signature beside other parts of a model's turn;
//! - functions that stand in several tools come together, and each other tool stands alone;
//! - a schema in the OpenAPI form has its types in capitals, and counts as numbers;
//! - inline data is in the standard base64 alphabet; a media type that is missing is guessed where it can be;
//! - one function that must be called, or several of which one may, are written in the mode that Google has for that;
//!   a mode is left out where there are tools, but no function;
//! - a turn of calls without any signature gets the one that Google has for that, where the model is Gemini 3 or later.
//!
//! What belongs to a candidate or to the whole answer, and not to a part of it, has no event of its own in a canonical
//! stream: it travels as a foreign part `{"candidate": {…}}` or `{"response": {…}}`.

pub mod answer;
mod citations;
pub mod count;
pub mod embeddings;
pub mod error;
mod logprobs;
mod media;
mod model;
mod names;
mod part;
pub mod predict;
pub mod request;
mod schema;
mod stop;
pub mod stream;
pub mod usage;

use super::Dialect;

const GEMINI: Dialect = Dialect::Gemini;
