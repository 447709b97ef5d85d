//! What the bytes of each provider dialect mean. One module a dialect, each with the same parts:
//!
//! | module | holds |
//! |---|---|
//! | `request` | `read` a caller's request into the canonical form, `write` it for an upstream |
//! | `answer` | `read` an upstream's whole answer, `write` it for a caller |
//! | `stream` | a [`ReadStream`] of an upstream's events, a [`WriteStream`] for a caller |
//! | `usage` | tokens, both ways |
//! | `error` | `write` the error that a caller gets, and which class an upstream's is of ([`classify`]); [`parse_error`] reads those of all |

pub mod anthropic;
mod any;
pub mod bedrock;
mod class;
pub mod cohere;
mod contract;
mod error;
pub mod gemini;
mod observed;
pub mod openai;
pub mod rerank;
pub mod responses;
pub mod signature;
mod wait;

pub use class::{ErrorClass, classify};
pub use contract::{Dialect, ErrorTold, Head, ReadStream, Told, Wanted, WriteStream};
pub use error::{UpstreamError, error_of_answer, parse_error};
pub use observed::{observed, spoken_characters};
pub use wait::wait;
