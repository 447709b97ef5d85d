#![no_main]

// By families of each kind of vocabulary, and one that is only estimated.
const MODELS: [&str; 4] = ["gpt-4o", "gpt-4", "claude-sonnet-4-5", "gemini-2.5-pro"];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, text)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let counted = tollway_tokens::count_text(MODELS[usize::from(choice) % MODELS.len()], &text);
    // No token is of no byte, and none of the estimates gives one more than that.
    assert!(counted <= text.len() as u64, "{counted}");
    assert_eq!(counted == 0, text.is_empty());
});
