//! `OpenAI`'s vocabularies, and which model has which.

use std::sync::atomic::{AtomicBool, Ordering};

use bpe_openai::{Tokenizer, cl100k_base, o200k_base};

/// A byte-pair vocabulary. Its tables are decoded when it is used for the first time, which takes about 0.1 s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vocabulary {
    O200k,
    Cl100k,
}

/// Which names begin how, the longer ones first where both fit. Of a name with a `/` its last part counts.
///
/// Source: `tiktoken/model.py` of PyPI's tiktoken 0.14. What came before cl100k is left out. `gpt-oss` has o200k's text
/// tokens; only its special ones differ, and text never holds those.
const MODELS: [(&str, Vocabulary); 18] = [
    ("o1", Vocabulary::O200k),
    ("o3", Vocabulary::O200k),
    ("o4-mini", Vocabulary::O200k),
    ("gpt-5", Vocabulary::O200k),
    ("gpt-4.5", Vocabulary::O200k),
    ("gpt-4.1", Vocabulary::O200k),
    ("gpt-4o", Vocabulary::O200k),
    ("chatgpt-4o", Vocabulary::O200k),
    ("gpt-oss", Vocabulary::O200k),
    ("gpt-4", Vocabulary::Cl100k),
    ("gpt-3.5", Vocabulary::Cl100k),
    ("gpt-35-turbo", Vocabulary::Cl100k),
    ("davinci-002", Vocabulary::Cl100k),
    ("babbage-002", Vocabulary::Cl100k),
    ("text-embedding-ada-002", Vocabulary::Cl100k),
    ("text-embedding-3", Vocabulary::Cl100k),
    ("gpt-realtime", Vocabulary::O200k),
    ("gpt-audio", Vocabulary::O200k),
];

impl Vocabulary {
    /// The one of `model`, if it is one of `OpenAI`'s that is known.
    pub(crate) fn of_model(model: &str) -> Option<Self> {
        let name = model.rsplit('/').next().unwrap_or(model);
        let name = name.strip_prefix("ft:").unwrap_or(name);
        MODELS.iter().find(|(prefix, _)| has_prefix(name, prefix)).map(|(_, vocabulary)| *vocabulary)
    }

    /// How many tokens `text` is. What looks like a special token is text.
    pub(crate) fn count(self, text: &str) -> u64 {
        if text.is_empty() {
            return 0;
        }
        u64::try_from(self.tokenizer().count(text)).unwrap_or(u64::MAX)
    }

    fn tokenizer(self) -> &'static Tokenizer {
        let tokenizer = match self {
            Self::O200k => o200k_base(),
            Self::Cl100k => cl100k_base(),
        };
        self.decoded().store(true, Ordering::Relaxed);
        tokenizer
    }

    /// Whether its tables have been decoded.
    pub(crate) fn is_loaded(self) -> bool {
        self.decoded().load(Ordering::Relaxed)
    }

    fn decoded(self) -> &'static AtomicBool {
        static DECODED: [AtomicBool; 2] = [AtomicBool::new(false), AtomicBool::new(false)];
        let [o200k, cl100k] = &DECODED;
        match self {
            Self::O200k => o200k,
            Self::Cl100k => cl100k,
        }
    }
}

/// Whether `name` is `prefix` or goes on from it with anything but a digit or a letter: `o1-mini`, not `o10`.
fn has_prefix(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        && name.get(prefix.len()..).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models() {
        for (model, vocabulary) in [
            ("gpt-4o", Some(Vocabulary::O200k)),
            ("GPT-4o-mini-2024-07-18", Some(Vocabulary::O200k)),
            ("openai/gpt-4.1", Some(Vocabulary::O200k)),
            ("gpt-5.4-mini", Some(Vocabulary::O200k)),
            ("ft:gpt-4o:my-org::id", Some(Vocabulary::O200k)),
            ("o1", Some(Vocabulary::O200k)),
            ("o3-mini", Some(Vocabulary::O200k)),
            ("openai/gpt-oss-120b", Some(Vocabulary::O200k)),
            ("gpt-4", Some(Vocabulary::Cl100k)),
            ("gpt-4-turbo", Some(Vocabulary::Cl100k)),
            ("gpt-3.5-turbo-0613", Some(Vocabulary::Cl100k)),
            ("ft:gpt-3.5-turbo:my-org::id", Some(Vocabulary::Cl100k)),
            ("text-embedding-3-large", Some(Vocabulary::Cl100k)),
            ("o10", None),
            ("gpt-40", None),
            ("claude-sonnet-4-5", None),
            ("gpt-4/", None),
            ("", None),
        ] {
            assert_eq!(Vocabulary::of_model(model), vocabulary, "{model}");
        }
    }
}
