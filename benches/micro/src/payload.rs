//! Bodies and streams of fixed size and content, so that runs can be compared.

use std::fmt::Write;

const WORDS: [&str; 16] = [
    "gateway", "the", "request", "of", "every", "model", "answers", "in", "turn", "and", "a", "budget", "holds", "for",
    "all", "tokens",
];

/// Text such as `write` makes of a number, at least `len` bytes of it.
fn text(len: usize, write: impl Fn(usize, &mut String)) -> String {
    let mut text = String::with_capacity(len + 64);
    for number in 0.. {
        if text.len() >= len {
            break;
        }
        write(number, &mut text);
    }
    text
}

fn word(number: usize) -> &'static str {
    WORDS.get(number * 7 % WORDS.len()).copied().unwrap_or_default()
}

/// Prose of words and full stops.
pub(crate) fn plain(len: usize) -> String {
    text(len, |number, text| {
        text.push_str(word(number));
        text.push_str(if number % 12 == 11 { ". " } else { " " });
    })
}

/// Pasted code: an escaped quote or line end about every seven bytes.
pub(crate) fn escapes(len: usize) -> String {
    text(len, |number, text| {
        let _ = write!(text, r#"\t{{\"{}\": \"{}\"}},\n"#, word(number), word(number + 3));
    })
}

/// Prose of two and three bytes a character.
pub(crate) fn wide(len: usize) -> String {
    text(len, |number, text| {
        text.push_str(if number % 3 == 0 { "шлюз отвечает " } else { "網關回答每個請求。" })
    })
}

/// A request whose last message is `prompt`, already escaped.
pub(crate) fn chat(prompt: &str, stream: bool) -> String {
    format!(
        r#"{{"model":"support","messages":[{{"role":"system","content":"You are a helpful assistant."}},{{"role":"user","content":"What is a gateway?"}},{{"role":"assistant","content":"It stands between the two."}},{{"role":"user","content":"{prompt}"}}],"temperature":0.7,"max_tokens":512,"stream":{stream},"user":"user-1234","metadata":{{"task":"question"}}}}"#
    )
}

/// A conversation of a thousand messages, some 70 KB: as many small objects as a body of that size can well hold.
pub(crate) fn turns() -> String {
    let turn = |number: usize| {
        let role = if number.is_multiple_of(2) { "user" } else { "assistant" };
        format!(r#"{{"role":"{role}","content":"{}"}}"#, plain(20 + number * 7 % 40))
    };
    format!(r#"{{"model":"support","messages":[{}]}}"#, (0..1000).map(turn).collect::<Vec<_>>().join(","))
}

/// The same with calls of tools: 250 times a question in a list of parts, a call, its result and an answer.
pub(crate) fn tool_turns() -> String {
    let turn = |number: usize| {
        format!(
            r#"{{"role":"user","content":[{{"type":"text","text":"{}"}}]}},{{"role":"assistant","content":null,"tool_calls":[{{"id":"call_{number}","type":"function","function":{{"name":"look_up","arguments":"{{\"city\": \"Oslo\", \"day\": {number}}}"}}}}]}},{{"role":"tool","tool_call_id":"call_{number}","content":"{{\"temp\": {number}, \"sky\": \"clear\"}}"}},{{"role":"assistant","content":"It is clear."}}"#,
            plain(40)
        )
    };
    format!(r#"{{"model":"support","messages":[{}]}}"#, (0..250).map(turn).collect::<Vec<_>>().join(","))
}

/// The data of one chunk, as OpenAI writes it when asked for the usage; always as long as any other.
pub(crate) fn chunk(number: usize) -> String {
    format!(
        r#"{{"id":"chatcmpl-BI1oIjhsGvd8OEG991YIGiNmZ2YXl","object":"chat.completion.chunk","created":1743636562,"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_6dd05565ef","choices":[{{"index":0,"delta":{{"content":" {:<8}"}},"logprobs":null,"finish_reason":null}}],"usage":null}}"#,
        word(number)
    )
}

/// A stream of 64 chunks.
pub(crate) fn stream() -> String {
    (0..64).map(|number| format!("data: {}\n\n", chunk(number))).collect()
}

/// A whole answer of about 1 KB.
pub(crate) fn answer() -> String {
    format!(
        r#"{{"id":"chatcmpl-BI1oIjhsGvd8OEG991YIGiNmZ2YXl","object":"chat.completion","created":1743636562,"model":"gpt-4o-2024-08-06","choices":[{{"index":0,"message":{{"role":"assistant","content":"{}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":25,"completion_tokens":2,"total_tokens":27,"prompt_tokens_details":{{"cached_tokens":0,"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0,"audio_tokens":0}}}},"system_fingerprint":"fp_6dd05565ef"}}"#,
        plain(500)
    )
}
