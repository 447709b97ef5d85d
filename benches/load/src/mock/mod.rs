//! The mock upstream: answers in the manner of OpenAI's API, from bytes that were made beforehand.

mod answer;
mod serve;
mod settings;

pub use self::{serve::serve, settings::Settings};
