//! Server-Sent Events (WHATWG HTML, section 9.2, "Server-sent events").

pub mod decoder;
pub mod encoder;
mod lines;

pub use decoder::{Decoder, Event, TooLarge};
