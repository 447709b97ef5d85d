//! Amazon Bedrock's Converse, `POST /model/{model}/converse` and `…/converse-stream`
//! (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>; names and types as in the service's
//! own model, `bedrock-runtime` 2023-09-30). Upstreams alone speak it, so requests are written, answers and streams read.
//!
//! The model, and whether the answer is a stream, are in the path. A stream's frames come as events
//! ([`crate::eventstream::Reframe`]), each `{"TYPE":payload}`.
//!
//! What models have in common stands in members of the API; what Claude, Nova or gpt-oss have alone goes into
//! `additionalModelRequestFields`, by the model's name. Of a profile's ARN the name cannot be told: nothing is put there then
//! but what the caller put there.

pub mod answer;
mod block;
mod citation;
pub mod embeddings;
pub mod error;
mod family;
pub mod request;
mod stop;
pub mod stream;
pub mod usage;

use super::Dialect;

const OWN: Dialect = Dialect::Bedrock;
