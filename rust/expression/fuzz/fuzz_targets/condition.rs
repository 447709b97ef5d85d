#![no_main]
#[path = "../../tests/it/invariants.rs"]
mod invariants;
#[path = "../../tests/it/moment.rs"]
#[allow(dead_code)]
mod moment;

// Eight bytes of seed for the facts, then the text.
libfuzzer_sys::fuzz_target!(|input: (u64, &str)| {
    invariants::agrees(input.1, &moment::Moment::drawn(input.0));
});
