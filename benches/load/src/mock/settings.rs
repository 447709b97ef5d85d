//! How the mock answers: from its command line, and for one request from its query or its `x-mock` header.

use std::time::Duration;

use crate::quantity;

/// How to answer. Requests are told apart by what they ask for: a stream or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, clap::Args)]
pub struct Settings {
    /// Time from the whole request to the answer's first byte
    #[arg(long, default_value = "0", value_parser = quantity::duration)]
    pub latency: Duration,
    /// Bytes of an answer that is not streamed
    #[arg(long, default_value_t = 1024, value_name = "BYTES")]
    pub size: usize,
    /// Chunks of a stream, before `[DONE]`; at least two
    #[arg(long, default_value_t = 64)]
    pub chunks: usize,
    /// Bytes of content in each chunk
    #[arg(long, default_value_t = 16, value_name = "BYTES")]
    pub chunk_size: usize,
    /// Time between the starts of two chunks; 0 sends all at once
    #[arg(long, default_value = "0", value_parser = quantity::duration)]
    pub gap: Duration,
}

impl Settings {
    /// The settings with changes written as `latency=50ms&chunks=8` (commas do as well as `&`).
    ///
    /// # Errors
    /// A text that names what is wrong.
    pub fn with(mut self, changes: &str) -> Result<Self, String> {
        for change in changes.split(['&', ',']).map(str::trim).filter(|change| !change.is_empty()) {
            let (name, value) = change.split_once('=').ok_or_else(|| format!("{change:?} is not NAME=VALUE"))?;
            let number = || value.parse::<usize>().map_err(|_| format!("{name}: {value:?} is not a number"));
            match name {
                "latency" => self.latency = quantity::duration(value)?,
                "gap" => self.gap = quantity::duration(value)?,
                "size" => self.size = number()?.min(LARGEST),
                "chunks" => self.chunks = number()?.min(LARGEST),
                "chunk_size" | "chunk-size" => self.chunk_size = number()?.min(LARGEST),
                _ => return Err(format!("{name:?} is not a setting")),
            }
        }
        Ok(self)
    }
}

/// No request may make the mock build more than this many bytes, or chunks.
const LARGEST: usize = 1 << 24;

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings { latency: Duration::ZERO, size: 1024, chunks: 64, chunk_size: 16, gap: Duration::ZERO }
    }

    #[test]
    fn a_request_may_change_any_of_them() {
        let changed = settings().with("latency=50ms&size=10,chunks=3, gap=10ms,chunk_size=8").unwrap();
        let gap = Duration::from_millis(10);
        assert_eq!(changed, Settings { latency: gap * 5, size: 10, chunks: 3, chunk_size: 8, gap });
        assert_eq!(settings().with("").unwrap(), settings());
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for changes in ["latency", "latncy=5ms", "chunks=many", "gap=5 ms"] {
            assert!(settings().with(changes).is_err(), "{changes:?} was accepted");
        }
    }
}
