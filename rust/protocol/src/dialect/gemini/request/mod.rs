//! Requests: `generateContent` and `streamGenerateContent`.

mod choice;
mod config;
mod ids;
mod read;
mod tools;
mod turns;
mod write;

pub use read::read;
pub(in crate::dialect::gemini) use read::read_fields;
pub use write::write;

/// The marks under which members of `generationConfig` and `toolConfig` lie in a request's rest, so that each is named
/// when it is lost.
const CONFIG: &str = "generationConfig.";
const TOOL_CONFIG: &str = "toolConfig.";
/// Stands in a rest with null, which is no loss, where a schema came in Google's own form.
const OPEN_API: &str = "responseSchema";
