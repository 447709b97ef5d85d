//! Bytes to meaning and back, without sockets, a runtime or Python.
//!
//! | module | what it does |
//! |---|---|
//! | [`peek`] | one validating pass over a JSON request body that notes what the gateway must know of it |
//! | [`splice`] | the smallest edits that make a client's body the upstream's, everything else byte-identical |
//! | [`quirks`] | how a server departs from its dialect in what it takes |
//! | [`sigv4`] | AWS Signature Version 4 |
//! | [`text`] | visits, and rewrites, the string values of a JSON document |
//! | [`multipart`] | forms with files: an incremental reader, and a writer |
//! | [`eventstream`] | AWS event streams, turned into Server-Sent Events |
//! | [`sse`] | Server-Sent Events: an incremental decoder and an encoder |
//! | [`attachment`] | what a request holds besides text, in the caller's own body |
//! | [`dialect`] | what the bytes of each provider dialect mean |

pub mod attachment;
pub mod canonical;
pub mod dialect;
pub mod eventstream;
pub mod json;
mod malformed;
pub mod multipart;
pub mod peek;
pub mod quirks;
pub mod sigv4;
pub mod splice;
pub mod sse;
pub mod text;

pub use malformed::{Malformed, MalformedKind};
