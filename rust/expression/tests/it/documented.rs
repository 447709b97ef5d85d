//! The table of variables in the documentation is the table of the program.

use std::path::Path;

use tollway_expression::VARIABLES;

#[test]
fn the_documentation_has_every_variable_and_no_other() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = std::fs::read_to_string(file).expect("the documentation");
    let (_, section) = text.split_once("### Conditions\n").expect("the section");
    let rows = section.lines().skip_while(|line| !line.starts_with("| `")).take_while(|line| line.starts_with("| `"));
    let written: Vec<&str> = rows.collect();
    let known = VARIABLES.iter().map(|one| format!("| `{}` | {} | {} |", one.name, one.kind, one.meaning));
    assert_eq!(written, known.collect::<Vec<_>>());
}
