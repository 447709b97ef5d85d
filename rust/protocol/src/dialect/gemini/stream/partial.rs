//! A call whose arguments come in pieces (`partialArgs`), which Vertex AI does where it is asked to: each piece is a value, or
//! more of a string, at a JSON path (<https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference>,
//! `FunctionCall` and `PartialArg`; paths by RFC 9535). Written as the text of one JSON object, as far as it is known.

use std::collections::HashSet;

use crate::json::{Json, write_string};

/// As deep as any document may be.
const MAX_DEPTH: usize = 64;
/// What a piece says that comes where it cannot.
const MISPLACED: &str = "comes after what follows it, so that the arguments cannot be told as they are made";

/// The arguments of one call, as far as they are written.
#[derive(Debug, Default)]
pub(super) struct Partial {
    /// The objects and arrays that are open, the arguments themselves first.
    open: Vec<Container>,
    /// Where they lie: each but the first in the one before it.
    path: Vec<Step>,
    /// The path of the string that is open.
    string: Option<Vec<Step>>,
}

#[derive(Debug)]
enum Container {
    /// With the names that it has got.
    Object(HashSet<String>),
    /// With so many items.
    Array(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
}

impl Partial {
    /// Appends to `out` what `value`, at `path`, adds. More of a string that is open goes on with it.
    ///
    /// # Errors
    /// What is wrong with the path.
    pub(super) fn add(&mut self, path: &str, value: &Json<'_>, out: &mut Vec<u8>) -> Result<(), &'static str> {
        let path = steps(path).ok_or("is no path of names and places")?;
        if let (Json::String(text), true) = (value, self.string.as_ref() == Some(&path)) {
            inside_of(text, out);
            return Ok(());
        }
        let Some((last, around)) = path.split_last() else { return Err("must lead into the arguments") };
        if path.len() >= MAX_DEPTH {
            return Err("is too deep");
        }
        self.begin(out);
        let common = self.path.iter().zip(around).take_while(|(one, other)| one == other).count();
        self.leave(common, out);
        for (step, next) in path.iter().zip(path.get(1..).unwrap_or_default()).skip(common) {
            self.step(step, out)?;
            self.path.push(step.clone());
            self.open.push(match next {
                Step::Name(_) => Container::Object(HashSet::new()),
                Step::Index(_) => Container::Array(0),
            });
            out.push(if matches!(next, Step::Name(_)) { b'{' } else { b'[' });
        }
        self.step(last, out)?;
        if let Json::String(text) = value {
            out.push(b'"');
            inside_of(text, out);
            self.string = Some(path);
        } else {
            value.write(out);
        }
        Ok(())
    }

    /// Whether the arguments have got the member `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        matches!(self.open.first(), Some(Container::Object(names)) if names.contains(name))
    }

    /// Appends the end of the arguments to `out`.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        self.begin(out);
        self.leave(0, out);
        out.push(b'}');
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.open.is_empty() {
            self.open.push(Container::Object(HashSet::new()));
            out.push(b'{');
        }
    }

    /// Ends the open string, and all containers below the first `depth` steps.
    fn leave(&mut self, depth: usize, out: &mut Vec<u8>) {
        if self.string.take().is_some() {
            out.push(b'"');
        }
        for container in self.open.drain(depth + 1..).rev() {
            out.push(if matches!(container, Container::Object(_)) { b'}' } else { b']' });
        }
        self.path.truncate(depth);
    }

    /// What stands before a value in the innermost container.
    fn step(&mut self, step: &Step, out: &mut Vec<u8>) -> Result<(), &'static str> {
        let first = match (self.open.last_mut(), step) {
            (Some(Container::Object(names)), Step::Name(name)) => {
                let first = names.is_empty();
                if !names.insert(name.clone()) {
                    return Err(MISPLACED);
                }
                first
            }
            (Some(Container::Array(items)), Step::Index(index)) if index == items => {
                *items += 1;
                *index == 0
            }
            _ => return Err(MISPLACED),
        };
        if !first {
            out.push(b',');
        }
        if let Step::Name(name) = step {
            write_string(name, out);
            out.push(b':');
        }
        Ok(())
    }
}

/// Appends what stands between the quotes of `text` as JSON.
fn inside_of(text: &str, out: &mut Vec<u8>) {
    let start = out.len();
    write_string(text, out);
    out.pop();
    out.remove(start);
}

/// The steps of a path such as `$.a[0]['b c']`.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(named) = rest.strip_prefix('.') {
            let end = named.find(['.', '[']).unwrap_or(named.len());
            let (name, behind) = named.split_at(end);
            steps.push(Step::Name((!name.is_empty()).then(|| name.to_owned())?));
            rest = behind;
            continue;
        }
        let inside = rest.strip_prefix('[')?;
        let quote = inside.chars().next().filter(|first| matches!(first, '\'' | '"'));
        rest = match quote {
            Some(quote) => {
                let (name, behind) = quoted(inside.get(1..)?, quote)?;
                steps.push(Step::Name(name));
                behind
            }
            None => {
                let (index, behind) = inside.split_once(']')?;
                steps.push(Step::Index(index.parse().ok()?));
                behind
            }
        };
    }
    Some(steps)
}

/// A quoted name, and what follows its bracket.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => name.push(chars.next()?.1),
            _ if char == quote => return Some((name, text.get(at + 1..)?.strip_prefix(']')?)),
            _ => name.push(char),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pieces: &[(&str, &str)]) -> Result<(String, Vec<String>), &'static str> {
        let (mut partial, mut all) = (Partial::default(), Vec::new());
        for (path, value) in pieces {
            let mut out = Vec::new();
            partial.add(path, &Json::parse(value.as_bytes()).expect("JSON"), &mut out)?;
            all.push(String::from_utf8(out).expect("text"));
        }
        let mut out = Vec::new();
        partial.end(&mut out);
        all.push(String::from_utf8(out).expect("text"));
        Ok((all.concat(), all))
    }

    #[test]
    fn pieces_become_the_text_of_an_object() {
        let pieces = [
            ("$.city", r#""Zü""#),
            ("$.city", r#""rich\n\"""#),
            ("$.days", "3.50"),
            ("$.a.b[0].c", "true"),
            ("$.a.b[0]['d e']", r#""x""#),
            ("$.a.b[1]", "null"),
            ("$.a.f", r#""""#),
            ("$['it\\'s']", r#""y""#),
        ];
        let (whole, each) = told(&pieces).expect("in order");
        let object = r#"{"city":"Zürich\n\"","days":3.50,"a":{"b":[{"c":true,"d e":"x"},null],"f":""},"it's":"y"}"#;
        assert_eq!(whole, object);
        assert_eq!(each[..3], [r#"{"city":"Zü"#, r#"rich\n\""#, r#"","days":3.50"#]);
        assert_eq!(told(&[]).map(|(whole, _)| whole), Ok("{}".to_owned()));
    }

    #[test]
    fn what_cannot_be_told_in_order_is_refused() {
        for wrong in [
            &[("$.a", "1"), ("$.a", "2")][..],
            &[("$.a", r#""x""#), ("$.b", "1"), ("$.a", r#""y""#)],
            &[("$.a[1]", "1")],
            &[("$.a.b", "1"), ("$.a[0]", "1")],
            &[("$.a.b", "1"), ("$.c", "1"), ("$.a.d", "1")],
            &[("$", "1")],
            &[("a", "1")],
            &[("$..a", "1")],
            &[("$[*]", "1")],
            &[("$['a", "1")],
        ] {
            assert!(told(wrong).is_err(), "{wrong:?}");
        }
        let deep = format!("${}", ".a".repeat(MAX_DEPTH));
        assert!(told(&[(&deep, "1")]).is_err());
    }
}
