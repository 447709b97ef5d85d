//! OpenAI chat completions: the events of a stream, the answer, the error; as OpenAI writes them, and as the many
//! providers do that follow it more or less closely.

mod chunk;
mod error;
mod usage;

pub use chunk::{Chunk, classify, quick};
pub use error::{error_body, is_canonical_error};
pub use usage::{Answer, Usage, usage_of_answer};
