//! The mock upstream: answers in the manner of four APIs, from bytes that were made beforehand.

mod answer;
mod dialect;
mod serve;
mod settings;

use self::dialect::Dialect;
pub use self::{serve::serve, settings::Settings};
