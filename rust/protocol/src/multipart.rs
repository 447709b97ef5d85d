//! `multipart/form-data` (RFC 7578, RFC 2046 §5.1), read as it comes and written.
//!
//! Only fields without a file name are read as values; what a file holds goes by in pieces and is kept nowhere. What two
//! readers could take for two things is refused: two names of one part, a name in the extended notation (`name*`), a boundary
//! that something else follows.

use bytes::{Bytes, BytesMut};

/// The longest head of a part, in bytes.
const MAX_HEAD: usize = 8 * 1024;
/// As much as may stand between a boundary and its line's end (RFC 2046 §5.1.1, transport padding).
const MAX_PADDING: usize = 256;

/// Why a form is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadForm {
    /// The name of the part at fault, where it is known.
    pub part: Option<String>,
    /// Complete sentences for the caller.
    pub message: String,
}

impl BadForm {
    fn new(message: impl Into<String>) -> Self {
        Self { part: None, message: message.into() }
    }

    fn at(mut self, part: &str) -> Self {
        self.part = Some(part.to_owned());
        self
    }
}

/// The beginning of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its `name`.
    pub name: String,
    /// Whether it has a file name.
    pub is_file: bool,
    /// Its head, as it came, without the blank line.
    pub head: Bytes,
    /// Where the boundary before it begins, in bytes from the body's start.
    pub from: u64,
}

/// What comes next in a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A part begins, and the one before it has ended.
    Part(Part),
    /// A piece of what the part holds.
    Data(Bytes),
    /// The last part has ended.
    End,
    /// More bytes are needed.
    More,
}

enum State {
    /// Before the first boundary.
    Before,
    /// Behind a boundary, which begins at this place.
    Boundary(u64),
    Head(u64),
    Data,
    End,
}

/// The boundary that a `content-type` names.
///
/// # Errors
/// [`BadForm`]: it names none, or none that RFC 2046 allows.
pub fn boundary(content_type: &str) -> Result<String, BadForm> {
    let (_, parameters) = content_type.split_once(';').unwrap_or_default();
    let mut found = None;
    for (name, value) in parameters_of(parameters)? {
        if name == "boundary" && found.replace(value).is_some() {
            return Err(BadForm::new("The content-type names two boundaries."));
        }
    }
    let found = found.ok_or_else(|| BadForm::new("The content-type multipart/form-data names no boundary."))?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    if found.is_empty() || found.len() > 70 || found.ends_with(' ') || !found.bytes().all(allowed) {
        return Err(BadForm::new("The content-type's boundary is not one that RFC 2046 allows."));
    }
    Ok(found)
}

/// A form, read as its bytes come.
pub struct Form {
    /// A line's end, two dashes and the boundary.
    delimiter: Vec<u8>,
    unread: BytesMut,
    /// How many bytes were read, with the line's end that is thought before the first boundary.
    read: u64,
    state: State,
}

impl Form {
    /// A form whose parts `boundary` separates.
    #[must_use]
    pub fn new(boundary: &str) -> Self {
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        Self { delimiter, unread: BytesMut::from(&b"\r\n"[..]), read: 0, state: State::Before }
    }

    /// Adds what has come.
    pub fn push(&mut self, data: &[u8]) {
        if !matches!(self.state, State::End) {
            self.unread.extend_from_slice(data);
        }
    }

    /// What comes next.
    ///
    /// # Errors
    /// [`BadForm`]; nothing after it means anything.
    pub fn step(&mut self) -> Result<Step, BadForm> {
        loop {
            match self.state {
                State::Before => match self.before_delimiter() {
                    Some(_) => {}
                    None => return Ok(Step::More),
                },
                State::Boundary(from) => match self.behind_boundary(from)? {
                    true => {}
                    false => return Ok(Step::More),
                },
                State::Head(from) => return self.head(from),
                State::Data => match self.before_delimiter() {
                    None => return Ok(Step::More),
                    Some(data) if data.is_empty() => {}
                    Some(data) => return Ok(Step::Data(data)),
                },
                State::End => return Ok(Step::End),
            }
        }
    }

    /// That the body has ended.
    ///
    /// # Errors
    /// [`BadForm`]: its last boundary has not come.
    pub fn finish(&self) -> Result<(), BadForm> {
        match self.state {
            State::End => Ok(()),
            _ => Err(BadForm::new("The form ends before its last boundary: it was cut short.")),
        }
    }

    /// What stands before the next delimiter, or may: then the state stays. None: nothing that can be told yet.
    fn before_delimiter(&mut self) -> Option<Bytes> {
        let found = memchr::memmem::find(&self.unread, &self.delimiter);
        let length = match found {
            Some(at) => at,
            // The last bytes may be the beginning of a delimiter.
            None => self.unread.len().saturating_sub(self.delimiter.len() - 1),
        };
        let data = self.take(length);
        if found.is_some() {
            // The thought line's end is not in the body: this is where the dashes begin there.
            let from = self.read;
            self.take(self.delimiter.len());
            self.state = State::Boundary(from);
        } else if length == 0 || matches!(self.state, State::Before) {
            return None;
        }
        Some(data)
    }

    /// Whether it is known what follows the boundary.
    fn behind_boundary(&mut self, from: u64) -> Result<bool, BadForm> {
        if self.unread.starts_with(b"--") {
            self.unread.clear();
            self.state = State::End;
            return Ok(true);
        }
        let padding = self.unread.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let rest = self.unread.get(padding..).unwrap_or_default();
        if rest.starts_with(b"\r\n") {
            self.take(padding + 2);
            self.state = State::Head(from);
            return Ok(true);
        }
        let may_follow = rest.is_empty() || rest == b"\r" || (padding == 0 && rest == b"-");
        if may_follow && padding <= MAX_PADDING {
            return Ok(false);
        }
        Err(BadForm::new("The form's boundary is followed by something else than a line's end."))
    }

    fn head(&mut self, from: u64) -> Result<Step, BadForm> {
        const END: &[u8] = b"\r\n\r\n";
        let found = memchr::memmem::find(&self.unread, END);
        if found.unwrap_or_else(|| self.unread.len().saturating_sub(END.len() - 1)) > MAX_HEAD {
            return Err(BadForm::new("The head of a part of the form is longer than 8 KiB."));
        }
        let Some(length) = found else { return Ok(Step::More) };
        let head = self.take(length);
        self.take(END.len());
        self.state = State::Data;
        let (name, is_file) = read_head(&head)?;
        Ok(Step::Part(Part { name, is_file, head, from }))
    }

    fn take(&mut self, length: usize) -> Bytes {
        let taken = self.unread.split_to(length.min(self.unread.len())).freeze();
        self.read += taken.len() as u64;
        taken
    }
}

/// The name in a part's head, and whether it has a file name.
fn read_head(head: &[u8]) -> Result<(String, bool), BadForm> {
    let text = std::str::from_utf8(head).map_err(|_| BadForm::new("The head of a part of the form is not UTF-8."))?;
    let mut disposition = None;
    let mut coding = None;
    for line in text.split("\r\n") {
        if line.contains(['\r', '\n', '\0']) || line.starts_with([' ', '\t']) {
            return Err(BadForm::new("The head of a part of the form holds a line that is no header."));
        }
        let Some((name, value)) = line.split_once(':') else {
            return Err(BadForm::new("The head of a part of the form holds a line that is no header."));
        };
        let kept = match name.to_ascii_lowercase().as_str() {
            "content-disposition" => &mut disposition,
            "content-transfer-encoding" => &mut coding,
            _ => continue,
        };
        if kept.replace(value.trim()).is_some() {
            return Err(BadForm::new("The head of a part of the form holds a header twice."));
        }
    }
    let disposition = disposition.ok_or_else(|| BadForm::new("A part of the form has no content-disposition."))?;
    let (kind, parameters) = disposition.split_once(';').unwrap_or((disposition, ""));
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Err(BadForm::new("A part of the form is not form-data."));
    }
    let (name, is_file) = named(parameters)?;
    // RFC 7578 §4.7: deprecated; a value would have to be decoded.
    if coding.is_some_and(|coding| !["7bit", "8bit", "binary"].iter().any(|plain| coding.eq_ignore_ascii_case(plain))) {
        return Err(BadForm::new("The part is in a transfer encoding. Send it as it is.").at(&name));
    }
    Ok((name, is_file))
}

fn named(parameters: &str) -> Result<(String, bool), BadForm> {
    let (mut name, mut file, mut extended) = (None, false, false);
    for (parameter, value) in parameters_of(parameters)? {
        let again = match parameter.as_str() {
            "name" => name.replace(value).is_some(),
            "name*" => true,
            "filename" => std::mem::replace(&mut file, true),
            "filename*" => std::mem::replace(&mut extended, true),
            _ => false,
        };
        if again {
            return Err(BadForm::new("A part of the form is named twice, or in the extended notation."));
        }
    }
    let name = name.filter(|name| !name.is_empty()).ok_or_else(|| BadForm::new("A part of the form has no name."))?;
    Ok((name, file || extended))
}

/// The parameters of a header (RFC 9110 §5.6.6), with their names in lower case.
fn parameters_of(text: &str) -> Result<Vec<(String, String)>, BadForm> {
    let malformed = || BadForm::new("A parameter of the form's heads is malformed.");
    let mut found = Vec::new();
    let mut rest = text.trim_matches([' ', '\t', ';']);
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or_else(malformed)?;
        let value;
        (value, rest) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted).ok_or_else(malformed)?,
            None => {
                let (token, after) = after.split_at(after.find(';').unwrap_or(after.len()));
                (token.trim().to_owned(), after)
            }
        };
        found.push((name.trim().to_ascii_lowercase(), value));
        let next = rest.trim_start_matches([' ', '\t']);
        rest = match next.strip_prefix(';') {
            Some(next) => next.trim_start_matches([' ', '\t', ';']),
            None if next.is_empty() => next,
            None => return Err(malformed()),
        };
    }
    Ok(found)
}

/// A quoted string, of which the first quote is gone, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, text.get(at + 1..)?)),
            // Browsers and most clients write a backslash as it is: only before these two is it an escape.
            '\\' if text.get(at + 1..)?.starts_with(['"', '\\']) => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}

/// Writes a field (RFC 7578 §4.2; the escapes of the name are those of HTML's forms).
pub fn write_field(boundary: &str, name: &str, value: &str, out: &mut Vec<u8>) {
    let name = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
    for piece in ["--", boundary, "\r\ncontent-disposition: form-data; name=\"", &name, "\"\r\n\r\n", value, "\r\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
}

/// Writes what begins a part that has this head.
pub fn write_head(boundary: &str, head: &[u8], out: &mut Vec<u8>) {
    for piece in [b"--", boundary.as_bytes(), b"\r\n", head, b"\r\n\r\n"] {
        out.extend_from_slice(piece);
    }
}

/// Writes the last boundary.
pub fn write_end(boundary: &str, out: &mut Vec<u8>) {
    for piece in ["--", boundary, "--\r\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
}
