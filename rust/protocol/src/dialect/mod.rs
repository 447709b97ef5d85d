//! What the bytes of each provider dialect mean.

pub mod openai;
