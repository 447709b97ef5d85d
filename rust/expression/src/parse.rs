//! From a text to the library's tree, within bounds, with its complaints in our words.

use cel::common::ast::SourceInfo;
use cel::parser::{Expression, ParseError, Parser};

use crate::Mistake;
use crate::condition::LONGEST;

/// How deep parts may be nested, and how many operators may stand in a row without `&&`, `||` or a comma. The parser, and
/// what goes through its tree, are recursive.
pub(crate) const DEEPEST: usize = 50;

/// The tree of `text`, and where in it each node is.
pub(crate) fn parse(text: &str) -> Result<(Expression, SourceInfo), Mistake> {
    if let Some((at, _)) = text.char_indices().nth(LONGEST) {
        return Err(Mistake::new(at, format!("the expression is longer than {LONGEST} characters")));
    }
    if let Some(at) = too_deep(text) {
        return Err(Mistake::new(at, "the expression is nested too deeply").hint("split it"));
    }
    let parser = Parser::new().max_recursion_depth(DEEPEST as u16 + 1);
    parser.parse_with_source_info(text).map_err(|found| {
        let first = found.errors.iter().find(|one| one.pos.0 > 0);
        first.map_or_else(|| Mistake::new(0, "the expression cannot be read"), |error| mistake(text, error))
    })
}

/// Where brackets are nested, or operators chained, deeper than [`DEEPEST`]. Counts what could be too much for the
/// parser's stack, and lets pass whatever else is wrong.
fn too_deep(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut chains = vec![0_usize];
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let chain = chains.last_mut()?;
        match byte {
            b'"' | b'\'' => {
                at = end_of_text(bytes, at);
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += bytes.get(at..)?.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len() - at);
                continue;
            }
            b'&' | b'|' | b',' | b'?' | b':' => *chain = 0,
            b'.' | b'+' | b'-' | b'*' | b'/' | b'%' | b'<' | b'>' | b'=' => *chain += 1,
            b'i' if bytes.get(at..at + 2) == Some(b"in") => *chain += 1,
            b'(' | b'[' | b'{' => {
                *chain += 1;
                chains.push(0);
            }
            b')' | b']' | b'}' if chains.len() > 1 => drop(chains.pop()),
            _ => {}
        }
        // An operator of two characters counts twice.
        if chains.len() > DEEPEST || chains.last().is_some_and(|chain| *chain > 2 * DEEPEST) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Where the text that opens at `start` ends: past its closing quotes, or at the end of everything.
fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let quote = bytes.get(start..start + 1).unwrap_or_default();
    let before = start.checked_sub(1).and_then(|at| bytes.get(at));
    let raw = matches!(before, Some(b'r' | b'R'));
    let triple = bytes.get(start..start + 3).is_some_and(|three| three.iter().all(|byte| quote.contains(byte)));
    let length = if triple { 3 } else { 1 };
    let mut at = start + length;
    while let Some(byte) = bytes.get(at) {
        if *byte == b'\\' && !raw {
            at += 2;
        } else if bytes.get(at..at + length).is_some_and(|end| end.iter().all(|byte| quote.contains(byte))) {
            return at + length;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

fn mistake(text: &str, error: &ParseError) -> Mistake {
    let at = offset(text, error);
    let Some(said) = error.msg.strip_prefix("Syntax error: ") else {
        return Mistake::new(at, semantic(&error.msg));
    };
    if said.contains("Recursion limit") {
        return Mistake::new(at, "the expression is nested too deeply").hint("split it");
    }
    if text.trim().is_empty() {
        return Mistake::new(at, "the expression is empty");
    }
    let rest = text.get(at..).unwrap_or_default();
    if let Some(token) = said.strip_prefix("token recognition error at: '") {
        return unread(at, rest, token);
    }
    if let Some((missing, _)) = said.strip_prefix("missing ").and_then(|rest| rest.split_once(" at ")) {
        return Mistake::new(at, format!("{} is missing here", missing.replace('\'', "`")));
    }
    if rest.trim().is_empty() {
        return Mistake::new(at, "the expression ends too early");
    }
    misplaced(at, rest)
}

/// The library's own complaints about what can be read but means nothing.
fn semantic(said: &str) -> String {
    match said {
        "invalid int literal" | "invalid uint literal" => "an integer takes at most 64 bits".to_owned(),
        "invalid argument to has() macro" => "`has` takes a field, as in `has(metadata.x)`".to_owned(),
        "argument must be a simple name" => "the first argument must be a name of your own".to_owned(),
        _ => {
            let end = said.find(": Invalid").unwrap_or(said.len());
            said.get(..end).unwrap_or(said).to_owned()
        }
    }
}

/// Characters that form no word of the language.
fn unread(at: usize, rest: &str, token: &str) -> Mistake {
    let first = rest.chars().next().unwrap_or(' ');
    match first {
        '=' => Mistake::new(at, "a single `=` means nothing").hint("write `==` to compare"),
        '&' => Mistake::new(at, "a single `&` means nothing").hint("write `&&`"),
        '|' => Mistake::new(at, "a single `|` means nothing").hint("write `||`"),
        '"' | '\'' if token.contains('\\') => {
            Mistake::new(at, "the text is not closed, or has an unknown escape").hint("write `\\\\` for a backslash")
        }
        '"' | '\'' => Mistake::new(at, "the text is not closed"),
        _ => Mistake::new(at, format!("the character {first:?} means nothing here")),
    }
}

/// A word where another kind of word must stand.
fn misplaced(at: usize, rest: &str) -> Mistake {
    let word = |character: char| character.is_alphanumeric() || character == '_';
    let end = rest.find(|character| !word(character)).filter(|end| *end > 0);
    let shown = end.map_or_else(
        || rest.chars().take(if end.is_none() && rest.starts_with(word) { 40 } else { 1 }).collect(),
        |end| rest.get(..end).unwrap_or_default().to_owned(),
    );
    let found = Mistake::new(at, format!("`{shown}` cannot stand here"));
    match shown.to_ascii_lowercase().as_str() {
        "and" => found.hint("write `&&`"),
        "or" => found.hint("write `||`"),
        "not" => found.hint("write `!`"),
        "is" | "equals" | "eq" => found.hint("write `==`"),
        _ => found,
    }
}

/// An error's place. The library counts lines and columns from 1; columns are characters, but bytes in the errors of its
/// macros, which are told by having no node and not coming from the grammar.
fn offset(text: &str, error: &ParseError) -> usize {
    let (line, column) = (error.pos.0.max(1) as usize, error.pos.1.max(1) as usize);
    let start = text.split_inclusive('\n').take(line - 1).map(str::len).sum::<usize>();
    let rest = text.get(start..).unwrap_or_default();
    let within = if error.expr_id == 0 && !error.msg.starts_with("Syntax error") {
        column - 1
    } else {
        rest.char_indices().nth(column - 1).map_or(rest.len(), |(at, _)| at)
    };
    text.floor_char_boundary(start + within)
}
