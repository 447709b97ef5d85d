//! Cohere's own chat API, `POST /v2/chat` (<https://docs.cohere.com/reference/chat>; names and types as in cohere-python),
//! with its embeddings. It is spoken to upstreams alone: no caller is read or answered in it.
//!
//! | here | in the canonical form |
//! |---|---|
//! | `tool_plan`, what the model says before it calls | text of the answer, before the calls |
//! | `thinking` of the content | reasoning, without a signature |
//! | a citation, of a part of the text | an annotation for each of its sources |
//! | `documents` beside the conversation | documents of the user's that are text |
//! | `billed_units` | the tokens: what is billed, and not what Cohere's own prompts take |

pub mod answer;
mod citation;
pub mod embeddings;
pub mod error;
mod logprobs;
pub mod request;
mod stop;
pub mod stream;
pub mod usage;

use super::Dialect;

const OWN: Dialect = Dialect::Cohere;

/// What a caller of another dialect may say in Cohere's words, as `OpenAI`'s clients do with their `extra_body`: it passes.
const PASSED: [&str; 6] = ["documents", "citation_options", "safety_mode", "strict_tools", "priority", "raw_prompting"];
