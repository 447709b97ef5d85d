//! Recorded provider traffic, where it is at hand: `TOLLWAY_WIRE`, or `shared/wire` beside the project.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use flate2::read::GzDecoder;
use serde_json::Value;

/// The exchanges.
pub(crate) const EXCHANGES: &str = "recordings.jsonl.gz";
/// Answers that a judge serves.
pub(crate) const JUDGED: &str = "wire_response.dev.jsonl.gz";

/// The cases of a file of which `keep` takes the line; none, with a message, where the file is absent.
pub(crate) fn cases(name: &str, keep: impl Fn(&str) -> bool) -> Vec<Value> {
    let folder = std::env::var_os("TOLLWAY_WIRE")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/wire"), PathBuf::from);
    let path = folder.join(name);
    let Ok(file) = File::open(&path) else {
        eprintln!("skipped: no recorded traffic at {}", path.display());
        return Vec::new();
    };
    let lines = BufReader::new(GzDecoder::new(file)).lines().map(|line| line.expect("text"));
    lines.filter(|line| keep(line)).map(|line| serde_json::from_str(&line).expect("JSON")).collect()
}

/// Whether `line` has one of `values` as its member `name`.
pub(crate) fn has(line: &str, name: &str, values: &[&str]) -> bool {
    values.iter().any(|value| line.contains(&format!("\"{name}\": \"{value}\"")))
}
