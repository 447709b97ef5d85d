//! The hold-back window: text goes out as soon as nothing in it can still become an entity.
//!
//! Held is only the trailing run that may still grow into an entity, or into a placeholder to be restored; a run that
//! became too long for one is decided, so at most a few hundred bytes are ever held. A whole text is a window that is filled
//! and finished at once: one algorithm, so that a stream and its whole text give the same.

use std::borrow::Cow;

use super::contract::{Action, Checks, Entity, Reason, Refusal};
use super::entities::{Found, LOOK_BACK, Scanner, Wanted, What};
use super::escape::{Plain, json_escaped};
use super::memory::Memory;

/// What is done with finds, and what was done.
pub(super) struct Treatment<'m> {
    pub(super) checks: Checks,
    /// Whether placeholders become originals.
    pub(super) restore: bool,
    /// Whether what is masked of a kind may be restored later.
    pub(super) restorable: [bool; Entity::COUNT],
    pub(super) memory: &'m mut Memory,
    pub(super) flags: &'m mut Flags,
}

impl Treatment<'_> {
    fn wanted(&self) -> Wanted {
        Wanted { entities: Entity::ALL.map(|entity| self.checks.action(entity).is_some()) }
    }

    /// Whether a find that begins in text which went out undecided may stand. What ends there was treated when it went out.
    fn allow_seam(&self, what: What, crosses: bool) -> Result<(), Refusal> {
        match what {
            What::Entity(entity) if crosses && self.checks.action(entity) > Some(Action::Flag) => {
                Err(refusal(Reason::NotInspectable))
            }
            _ => Ok(()),
        }
    }

    /// Notes a find without replacing it; whether it is to be masked.
    fn note(&mut self, what: What) -> Result<bool, Refusal> {
        match what {
            What::Placeholder(entity, number) => self.memory.reserve(entity, number),
            What::Entity(entity) => match self.checks.action(entity) {
                Some(Action::Reject) => return Err(refusal(Reason::Matched(entity))),
                Some(Action::Mask) => return Ok(true),
                Some(Action::Flag) => self.flags.add(entity, "flagged"),
                None => {}
            },
        }
        Ok(false)
    }

    /// What is written in place of `value`; `None`: it stays.
    fn replace(&mut self, what: What, value: &str) -> Result<Option<String>, Refusal> {
        match what {
            What::Placeholder(entity, number) => {
                let original = self.memory.original(entity, number).map(str::to_owned);
                if original.is_none() {
                    self.memory.reserve(entity, number);
                }
                Ok(original.filter(|_| self.restore))
            }
            What::Entity(entity) => match self.checks.action(entity) {
                Some(Action::Reject) => Err(refusal(Reason::Matched(entity))),
                Some(Action::Mask) => {
                    self.flags.add(entity, "masked");
                    Ok(Some(self.memory.mask(entity, value, self.restorable[entity.index()])))
                }
                Some(Action::Flag) => {
                    self.flags.add(entity, "flagged");
                    Ok(None)
                }
                None => Ok(None),
            },
        }
    }
}

pub(super) fn refusal(reason: Reason) -> Refusal {
    Refusal { guardrail: "pii".to_owned(), reason }
}

/// What was done, each said once.
#[derive(Clone, Debug, Default)]
pub(super) struct Flags {
    pub(super) list: Vec<String>,
    /// How often something was masked.
    pub(super) masked: usize,
}

impl Flags {
    fn add(&mut self, entity: Entity, done: &str) {
        self.masked += usize::from(done == "masked");
        let name = entity.name();
        let known = |flag: &String| {
            flag.strip_prefix("pii:").and_then(|flag| flag.strip_prefix(name)).and_then(|flag| flag.strip_prefix(':'))
                == Some(done)
        };
        if !self.list.iter().any(known) {
            self.list.push(format!("pii:{name}:{done}"));
        }
    }

    pub(super) fn add_plain(&mut self, flag: &str) {
        if !self.list.iter().any(|known| known == flag) {
            self.list.push(flag.to_owned());
        }
    }
}

/// The form of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Text.
    Plain,
    /// A JSON document as text: the arguments of a tool call. What is put in is escaped for it, and quoted where it replaces a
    /// number, so that the document stays one.
    Json,
}

/// One text as it arrives, and what of it is not yet decided.
pub(super) struct Window {
    form: Form,
    /// Context that went out (escapes undone), then source that is held.
    buffer: String,
    /// Where the held part begins.
    held: usize,
    /// Where in the context text begins that went out undecided, because the text was said to be finished.
    seam: Option<usize>,
    /// Whether the held part begins within a string of the inner JSON.
    quoted: bool,
}

impl Window {
    pub(super) fn new(form: Form) -> Self {
        Self { form, buffer: String::new(), held: 0, seam: None, quoted: false }
    }

    /// Whether something is held.
    pub(super) fn is_holding(&self) -> bool {
        self.held < self.buffer.len()
    }

    /// What is held, as it came.
    pub(super) fn held(&self) -> &str {
        self.buffer.get(self.held..).unwrap_or_default()
    }

    /// Adds `text` and appends to `out` what may go out.
    pub(super) fn push(&mut self, text: &str, treatment: &mut Treatment<'_>, out: &mut String) -> Result<(), Refusal> {
        self.buffer.push_str(text);
        self.advance(false, treatment, out)
    }

    /// Appends to `out` what is held: nothing follows.
    ///
    /// If something follows nevertheless, and makes an entity together with what went out, that is a refusal.
    pub(super) fn finish(&mut self, treatment: &mut Treatment<'_>, out: &mut String) -> Result<(), Refusal> {
        if self.is_holding() { self.advance(true, treatment, out) } else { Ok(()) }
    }

    fn advance(&mut self, last: bool, treatment: &mut Treatment<'_>, out: &mut String) -> Result<(), Refusal> {
        let base = self.held;
        let source = &self.buffer[base..];
        let plain = Plain::new(source, last);
        // Without escapes context and source already are one text.
        let joined = match &plain.text {
            Cow::Borrowed(_) => None,
            Cow::Owned(text) => Some([&self.buffer[..base], text].concat()),
        };
        let scanned = joined.as_deref().unwrap_or(&self.buffer);
        let from = self.seam.unwrap_or(base);
        let mut scanner = Scanner::new(scanned, from, last, treatment.wanted());
        let mut written = 0;
        let mut quotes = Quotes { inside: self.quoted };
        while let Some(Found { start, end, what }) = scanner.next() {
            if start < base {
                treatment.allow_seam(what, end > base)?;
                continue;
            }
            let Some(value) = treatment.replace(what, &scanned[start..end])? else { continue };
            let (first, after) = (plain.source_index(start - base), plain.source_index(end - base));
            out.push_str(&source[written..first]);
            quotes.pass(self.form, &source[written..first]);
            quotes.put(self.form, &value, out);
            written = after;
        }
        let hold = scanner.hold();
        let next = hold.checked_sub(base).map_or(0, |decided| plain.source_index(decided));
        out.push_str(&source[written..next]);
        quotes.pass(self.form, &source[written..next]);
        let gone = hold.max(base);
        let seam = if last { Some(from) } else { (hold < base).then_some(hold) };
        let keep = floor_boundary(scanned, seam.unwrap_or(gone).saturating_sub(LOOK_BACK));
        if let Some(joined) = &joined {
            self.buffer = [&joined[keep..gone], &source[next..]].concat();
        } else {
            self.buffer.drain(..keep);
        }
        self.held = gone - keep;
        self.seam = seam.map(|seam| seam - keep);
        self.quoted = quotes.inside;
        Ok(())
    }
}

/// The last character boundary at or before `index`.
fn floor_boundary(text: &str, index: usize) -> usize {
    (0..=index).rev().find(|index| text.is_char_boundary(*index)).unwrap_or(0)
}

/// Looks through a whole text: notes its placeholders and flags, and says whether something in it is to be masked.
pub(super) fn survey(text: &str, treatment: &mut Treatment<'_>) -> Result<bool, Refusal> {
    let plain = Plain::new(text, true);
    let mut scanner = Scanner::new(&plain.text, 0, true, treatment.wanted());
    let mut masks = false;
    while let Some(found) = scanner.next() {
        masks |= treatment.note(found.what)?;
    }
    Ok(masks)
}

/// The treatment of a whole text; `None`: it stays as it is.
pub(super) fn treat_whole(text: &str, form: Form, treatment: &mut Treatment<'_>) -> Result<Option<String>, Refusal> {
    let plain = Plain::new(text, true);
    if Scanner::new(&plain.text, 0, true, treatment.wanted()).next().is_none() {
        return Ok(None);
    }
    let mut window = Window::new(form);
    window.buffer.push_str(text);
    let mut out = String::with_capacity(text.len());
    window.advance(true, treatment, &mut out)?;
    Ok((out != text).then_some(out))
}

/// Follows the strings of JSON that is passed over.
struct Quotes {
    inside: bool,
}

impl Quotes {
    fn pass(&mut self, form: Form, json: &str) {
        if form == Form::Plain {
            return;
        }
        let mut bytes = json.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'\\' => drop(bytes.next()),
                b'"' => self.inside = !self.inside,
                _ => {}
            }
        }
    }

    fn put(&self, form: Form, value: &str, out: &mut String) {
        if form == Form::Plain {
            out.push_str(value);
            return;
        }
        let quote = if self.inside { "" } else { "\"" };
        out.push_str(quote);
        out.push_str(&json_escaped(value));
        out.push_str(quote);
    }
}
