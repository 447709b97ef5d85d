//! Bedrock's Converse: what the wire cases do not hold.

mod errors;
mod recorded;
mod requests;
mod streams;
