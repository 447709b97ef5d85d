//! Writes what the targets begin with to `corpus/`: `cargo run --example seeds`.

use std::io::Result;
use std::path::Path;

use tollway_protocol::dialect::Dialect;

#[path = "../../tests/it/seeds.rs"]
mod seeds;

use seeds::{ASIDE, BODIES, CHUNKS, DIALECTS, FORMS, FRAMES, STREAMS};

fn main() -> Result<()> {
    let bytes = |all: &[&str]| all.iter().map(|seed| seed.as_bytes().to_vec()).collect::<Vec<_>>();
    // The first byte chooses the pair of dialects.
    let pairs = |seed: &str| {
        let all = Dialect::ALL.len() as u8;
        (0..all * all).map(move |pair| [&[pair % all | pair / all << 4], seed.as_bytes()].concat()).collect::<Vec<_>>()
    };
    let arrays = DIALECTS.iter().map(|seed| format!("[{seed},\r\n{seed}]").into_bytes()).collect();
    write("peek", bytes(&BODIES))?;
    write("text", bytes(&BODIES))?;
    write("sse", bytes(&STREAMS))?;
    write("form", bytes(&FORMS))?;
    write("openai", bytes(&CHUNKS))?;
    write("errors", bytes(&CHUNKS))?;
    write("eventstream", bytes(&FRAMES))?;
    write("aside", bytes(&ASIDE))?;
    write("tree", bytes(&DIALECTS))?;
    write("array", arrays)?;
    write("dialects", DIALECTS.into_iter().flat_map(pairs).collect())
}

fn write(target: &str, seeds: Vec<Vec<u8>>) -> Result<()> {
    let folder = Path::new("corpus").join(target);
    std::fs::create_dir_all(&folder)?;
    seeds.iter().enumerate().try_for_each(|(number, seed)| std::fs::write(folder.join(format!("seed{number}")), seed))
}
