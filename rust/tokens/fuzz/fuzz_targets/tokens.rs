#![no_main]

use tollway_protocol::canonical::Losses;
use tollway_protocol::dialect::{Dialect, Head};
use tollway_protocol::json::Json;
use tollway_tokens::{count_request, count_text};

// Of each vocabulary one that is counted exactly, and two that are estimated.
const MODELS: [&str; 4] = ["gpt-4o", "gpt-4", "claude-sonnet-4-5", "gemini-2.5-pro"];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for (place, model) in MODELS.into_iter().enumerate() {
        let counted = count_text(model, &text);
        // No token is of no byte.
        assert!(place > 1 || (counted <= text.len() as u64 && (counted == 0) == text.is_empty()), "{model}: {counted}");
    }
    for dialect in Dialect::ALL {
        if let Ok(json) = Json::parse(bytes)
            && let Ok(request) =
                dialect.read_request(json, Head { model: Some("m"), stream: false }, &mut Losses::default())
        {
            MODELS.into_iter().for_each(|model| drop(count_request(model, &request).tokens.to_string()));
        }
    }
});
