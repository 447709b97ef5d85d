//! `[jobs]`.

use std::time::Duration;

use serde::Deserialize;

use crate::jobs::callback::Settings;

/// `[jobs]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobsSpec {
    concurrency: usize,
    queue: u64,
    max_bytes: u64,
    retain_ms: u64,
    callback_timeout_ms: u64,
    callback_attempts: u32,
    callback_pause_ms: u64,
    private_hosts: Vec<String>,
    callback_secret: Option<String>,
    ca: Option<String>,
}

impl JobsSpec {
    /// The same, compiled.
    pub(crate) fn compile(self) -> Settings {
        Settings {
            concurrency: self.concurrency,
            queue: self.queue,
            max_bytes: self.max_bytes,
            retain: Duration::from_millis(self.retain_ms),
            timeout: Duration::from_millis(self.callback_timeout_ms),
            attempts: self.callback_attempts,
            pause: Duration::from_millis(self.callback_pause_ms),
            private_hosts: self.private_hosts,
            secret: self.callback_secret,
            ca: self.ca,
        }
    }
}

impl Default for JobsSpec {
    fn default() -> Self {
        Self {
            concurrency: 16,
            queue: 1_000,
            max_bytes: 1 << 30,
            retain_ms: 86_400_000,
            callback_timeout_ms: 10_000,
            callback_attempts: 8,
            callback_pause_ms: 3_000,
            private_hosts: Vec::new(),
            callback_secret: None,
            ca: None,
        }
    }
}
