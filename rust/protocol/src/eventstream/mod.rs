//! AWS event streams, `application/vnd.amazon.eventstream` (<https://smithy.io/2.0/aws/amazon-eventstream.html>): frames
//! with two checksums, read, and turned into the Server-Sent Events that all behind them reads.

mod decoder;
mod fault;
mod frame;
mod reframe;

pub use decoder::{Decoder, MAX_FRAME};
pub use fault::Fault;
pub use frame::{Frame, Value};
pub use reframe::{Inner, Reframe};
