//! Our own wire cases, `tests/wire`; its README says how they are laid out.
//!
//! Every translation of every case is compared with what the case says is right. A file that a case lacks is written
//! from what comes out, as a draft to be read against the API's documentation; the test still fails then.

mod answers;
mod compare;
mod pretty;
mod requests;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tollway_protocol::dialect::Dialect;

/// The dialects: the word that the cases have for each, and the model that is asked for where a case names none.
const DIALECTS: [(&str, Dialect, &str); 4] = [
    ("chat", Dialect::Chat, "gpt-5.2"),
    ("responses", Dialect::Responses, "gpt-5.2"),
    ("anthropic", Dialect::Anthropic, "claude-sonnet-4-5"),
    ("gemini", Dialect::Gemini, "gemini-2.5-flash"),
];

/// The dialects that upstreams alone speak. Requests toward them are judged where a case says what must reach them (an empty
/// file is drafted), and so many do; answers all, of which there are so many.
const UPSTREAMS: [(&str, Dialect, &str); 2] = [
    ("bedrock", Dialect::Bedrock, "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ("cohere", Dialect::Cohere, "command-a-03-2025"),
];
const LEAST_OF_UPSTREAMS: usize = 12;

/// So many cases each dialect has at least, of requests and of answers.
const LEAST: usize = 25;

/// A folder of files.
struct Case {
    /// `chat/requests/seed`.
    name: String,
    folder: PathBuf,
    /// What `case.json` says.
    told: Value,
}

impl Case {
    /// The file's bytes, if it is there.
    fn file(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.folder.join(name)).ok()
    }

    /// What `case.json` says under `member` of `dialect`.
    fn said(&self, member: &str, dialect: &str) -> Option<&Value> {
        self.told.get(member)?.get(dialect)
    }
}

/// The cases of a dialect, `requests` or `answers`, by name.
fn cases(dialect: &str, kind: &str) -> Vec<Case> {
    let wire = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/wire");
    let mut cases: Vec<Case> = fs::read_dir(wire.join(dialect).join(kind))
        .expect("cases")
        .map(|entry| {
            let folder = entry.expect("a folder").path();
            let name = format!("{dialect}/{kind}/{}", folder.file_name().expect("a name").to_string_lossy());
            let told = fs::read(folder.join("case.json")).unwrap_or_else(|error| panic!("{name}: case.json: {error}"));
            let told: Value = serde_json::from_slice(&told).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(told["about"].is_string(), "{name}: case.json says what it is about");
            Case { name, folder, told }
        })
        .collect();
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    let least = if DIALECTS.iter().any(|(name, ..)| *name == dialect) { LEAST } else { LEAST_OF_UPSTREAMS };
    assert!(cases.len() >= least, "{dialect} has {} {kind}", cases.len());
    cases
}

/// Fails with all that is wrong.
fn judge(wrong: &[String], judged: usize) {
    assert!(wrong.is_empty(), "{} of {judged} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
