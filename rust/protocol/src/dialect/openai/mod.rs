//! OpenAI chat completions, as OpenAI writes them, and as the many providers do that follow it more or less closely; with
//! embeddings and the older text completions. From the API reference and the type definitions of openai-python; what
//! other servers add is named where it is read.
//!
//! What passes from a chat caller to a chat server is only looked at ([`classify`], [`quick`], [`usage_of_answer`]); what
//! is translated is read and written by [`request`], [`answer`] and [`stream`].
//!
//! A document that is read and written again is the same as JSON, except that: null is absent, and so are `stream: false`,
//! empty lists of tools, calls, stops and annotations, and an assistant's empty text beside anything else; a call's
//! arguments are text; a call without a type is a function, without an id it gets one; `any` is `required`; `max_tokens`
//! has the name that the server wants; a file's data is a data URL where its type is known; usage is always asked for in a
//! stream; an answer has a role, and ends for a reason. A stream that is written anew adds up to the same; what its chunks
//! say beside the choices is not in the canonical form, save the `service_tier`, which goes with the usage.

pub mod answer;
mod calls;
mod chunk;
pub mod completions;
mod content;
pub mod embeddings;
pub mod error;
mod marks;
mod media;
mod reasoning;
pub mod request;
mod spoken;
mod stop;
pub mod stream;
pub mod usage;

pub use chunk::{Chunk, classify, quick};
pub use error::{error_body, is_canonical_error};
pub use spoken::{Spoken, spoken};
pub use usage::{Answer, usage_of_answer};
