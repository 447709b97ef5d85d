//! A streamed answer of another dialect than chat completions, in the canonical form: events in, events out, and nothing of
//! a match in between. What only one dialect can say (blocks of a provider's own tools, citations, signatures) stays.
//!
//! - Texts, refusals, thoughts, summaries and arguments go on from event to event, each behind its own [`super::window`].
//! - A text may go on in the next part of its kind, as where Anthropic cites in the middle of a sentence: what is held when
//!   a part ends waits for what the next begins with, and each part gets what was its own. What matches across both is
//!   replaced in the first.
//! - All other strings are inspected by themselves, as they are in a whole answer.
//! - Probabilities of tokens are left out where a match may not go out: they are pieces of text.

use std::collections::VecDeque;

use tollway_protocol::canonical::{CallKind, Delta, Event, Opening};

use super::contract::{Reason, Refusal};
use super::strings::Strings;
use super::window::{Form, Treatment, Window, refusal};

/// More texts at once than any answer has.
const MAX_LANES: usize = 1024;

type Emit<'e> = &'e mut dyn FnMut(Event<'_>);

/// The texts that go on, and where.
#[derive(Default)]
pub(super) struct Lanes(Vec<Lane>);

/// A text that goes on. Of its parts, the first that is not closed has been opened for the caller, and no other.
struct Lane {
    choice: u64,
    kind: Kind,
    window: Window,
    /// The parts that have ended while something was held, in order, and how many bytes of that are theirs.
    owed: VecDeque<(usize, usize)>,
    /// The part that it goes on in.
    open: Option<usize>,
}

/// What goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Refusal,
    Reasoning,
    Summary(usize),
    Arguments,
}

impl Lanes {
    /// Hands on what may go out of `event`, and of what was held before it.
    ///
    /// # Errors
    /// [`Refusal`]: the stream is to be ended.
    pub(super) fn pass(
        &mut self,
        mut event: Event<'_>,
        treatment: &mut Treatment<'_>,
        emit: Emit<'_>,
    ) -> Result<(), Refusal> {
        Strings { treatment: &mut *treatment }.event(&mut event)?;
        match event {
            Event::Open { choice, part, opening } => self.open((choice, part), opening, treatment, emit),
            Event::Delta { choice, part, delta } => self.delta((choice, part), delta, treatment, emit),
            Event::Close { choice, part } => self.close(choice, part, treatment, emit),
            Event::Logprobs { .. } if treatment.checks.withholds() => Ok(()),
            Event::Stop { choice, stop } => {
                self.finish(|lane| lane.choice == choice, treatment, emit)?;
                emit(Event::Stop { choice, stop });
                Ok(())
            }
            Event::End => {
                self.finish(|_| true, treatment, emit)?;
                emit(Event::End);
                Ok(())
            }
            event => {
                emit(event);
                Ok(())
            }
        }
    }

    fn open(
        &mut self,
        (choice, part): (u64, usize),
        opening: Opening<'_>,
        treatment: &mut Treatment<'_>,
        emit: Emit<'_>,
    ) -> Result<(), Refusal> {
        let kind = match &opening {
            Opening::Text => Some(Kind::Text),
            Opening::Refusal => Some(Kind::Refusal),
            Opening::Reasoning { .. } => Some(Kind::Reasoning),
            _ => None,
        };
        // Only of these is nothing said that would have to be kept until then.
        let waits = matches!(opening, Opening::Text | Opening::Refusal);
        let goes_on = |lane: &Lane| lane.choice == choice && Some(lane.kind) == kind;
        self.finish(
            |lane| lane.choice == choice && !lane.owed.is_empty() && !(waits && goes_on(lane)),
            treatment,
            emit,
        )?;
        if let Some(lane) = self.0.iter_mut().find(|lane| goes_on(lane) && lane.open.is_none()) {
            lane.open = Some(part);
            if !lane.owed.is_empty() {
                return if lane.owed.len() < MAX_LANES { Ok(()) } else { Err(refusal(Reason::NotInspectable)) };
            }
        } else {
            let form = match &opening {
                Opening::ToolCall { kind: CallKind::Function, .. } => Some((Kind::Arguments, Form::Json)),
                Opening::ToolCall { .. } => Some((Kind::Arguments, Form::Plain)),
                _ => kind.map(|kind| (kind, Form::Plain)),
            };
            if let Some((kind, form)) = form {
                self.begin(choice, part, kind, form)?;
            }
        }
        emit(Event::Open { choice, part, opening });
        Ok(())
    }

    fn begin(&mut self, choice: u64, part: usize, kind: Kind, form: Form) -> Result<usize, Refusal> {
        if self.0.len() == MAX_LANES {
            return Err(refusal(Reason::NotInspectable));
        }
        self.0.push(Lane { choice, kind, window: Window::new(form), owed: VecDeque::new(), open: Some(part) });
        Ok(self.0.len() - 1)
    }

    fn delta(
        &mut self,
        (choice, part): (u64, usize),
        delta: Delta<'_>,
        treatment: &mut Treatment<'_>,
        emit: Emit<'_>,
    ) -> Result<(), Refusal> {
        let of_part = |lane: &Lane| lane.choice == choice && lane.open == Some(part);
        let (text, summary) = match &delta {
            Delta::Text(text) | Delta::Arguments(text) => (text, None),
            Delta::Summary(index, text) => (text, Some(Kind::Summary(*index))),
            Delta::Signature(_) | Delta::Annotation(_) | Delta::Rest(_) => {
                // A signature ends what it signs; and what is said of a part cannot come before the part.
                let signed = matches!(delta, Delta::Signature(_));
                self.finish(|lane| of_part(lane) && (signed || !lane.owed.is_empty()), treatment, emit)?;
                emit(Event::Delta { choice, part, delta });
                return Ok(());
            }
        };
        if let Some(kind) = summary {
            // The one before is complete.
            let other = |lane: &Lane| matches!(lane.kind, Kind::Summary(_)) && lane.kind != kind;
            self.finish(|lane| of_part(lane) && other(lane), treatment, emit)?;
        }
        let is_it = |lane: &Lane| {
            of_part(lane) && summary.map_or(!matches!(lane.kind, Kind::Summary(_)), |kind| lane.kind == kind)
        };
        let known = self.0.iter().position(is_it);
        let index = match (known, summary) {
            (Some(index), _) => index,
            (None, Some(kind)) => self.begin(choice, part, kind, Form::Plain)?,
            // Of a part that is no text, as what is said in a recording.
            (None, None) => self.begin(choice, part, Kind::Text, Form::Plain)?,
        };
        match self.0.get_mut(index) {
            Some(lane) => lane.push(text, treatment, emit),
            None => Ok(()),
        }
    }

    fn close(
        &mut self,
        choice: u64,
        part: usize,
        treatment: &mut Treatment<'_>,
        emit: Emit<'_>,
    ) -> Result<(), Refusal> {
        let of_part = |lane: &Lane| lane.choice == choice && lane.open == Some(part);
        let waits = |lane: &Lane| matches!(lane.kind, Kind::Text | Kind::Refusal);
        self.finish(|lane| of_part(lane) && !waits(lane), treatment, emit)?;
        let mut owed = false;
        for lane in self.0.iter_mut().filter(|lane| of_part(lane)) {
            owed |= lane.end(part);
        }
        self.0.retain(|lane| !(lane.choice == choice && lane.is_over()));
        if !owed {
            emit(Event::Close { choice, part });
        }
        Ok(())
    }

    /// Lets go of what is held of the lanes that `which` picks.
    fn finish(
        &mut self,
        which: impl Fn(&Lane) -> bool,
        treatment: &mut Treatment<'_>,
        emit: Emit<'_>,
    ) -> Result<(), Refusal> {
        self.0.iter_mut().filter(|lane| which(lane)).try_for_each(|lane| lane.finish(treatment, emit))
    }
}

impl Lane {
    /// Whether nothing can follow.
    const fn is_over(&self) -> bool {
        matches!((self.kind, self.open), (Kind::Summary(_) | Kind::Arguments, None))
    }

    /// Its part ends; whether that has to wait.
    fn end(&mut self, part: usize) -> bool {
        self.open = None;
        let waits = self.window.is_holding() || !self.owed.is_empty();
        if waits {
            let others: usize = self.owed.iter().map(|(_, bytes)| bytes).sum();
            self.owed.push_back((part, self.window.held().len().saturating_sub(others)));
        }
        waits
    }

    fn push(&mut self, text: &str, treatment: &mut Treatment<'_>, emit: Emit<'_>) -> Result<(), Refusal> {
        let source = (!self.owed.is_empty()).then(|| [self.window.held(), text].concat());
        let mut out = String::with_capacity(text.len());
        self.window.push(text, treatment, &mut out)?;
        self.let_go(source.as_deref(), &out, emit);
        Ok(())
    }

    fn finish(&mut self, treatment: &mut Treatment<'_>, emit: Emit<'_>) -> Result<(), Refusal> {
        let source = (!self.owed.is_empty()).then(|| self.window.held().to_owned());
        let mut out = String::new();
        self.window.finish(treatment, &mut out)?;
        self.let_go(source.as_deref(), &out, emit);
        Ok(())
    }

    /// Hands on `out`, which came of `source` but for what the window still holds of that: to each part what is its own.
    fn let_go(&mut self, source: Option<&str>, mut out: &str, emit: Emit<'_>) {
        let mut source = source.unwrap_or_default();
        let mut decided = source.len().saturating_sub(self.window.held().len());
        while let Some((part, bytes)) = self.owed.front_mut() {
            let part = *part;
            if decided < *bytes {
                *bytes -= decided;
                return self.emit(part, out, emit);
            }
            decided -= *bytes;
            let (own, behind) = source.split_at_checked(*bytes).unwrap_or((source, ""));
            // What was replaced within it, or across it and the next, is all its own.
            let (first, rest) = out.strip_prefix(own).map_or((out, ""), |rest| (own, rest));
            self.emit(part, first, emit);
            emit(Event::Close { choice: self.choice, part });
            (source, out) = (behind, rest);
            self.owed.pop_front();
            if let Some(next) = self.owed.front().map(|(part, _)| *part).or(self.open) {
                let opening = if self.kind == Kind::Refusal { Opening::Refusal } else { Opening::Text };
                emit(Event::Open { choice: self.choice, part: next, opening });
            }
        }
        if let Some(part) = self.open {
            self.emit(part, out, emit);
        }
    }

    fn emit(&self, part: usize, text: &str, emit: Emit<'_>) {
        if text.is_empty() {
            return;
        }
        let delta = match self.kind {
            Kind::Text | Kind::Refusal | Kind::Reasoning => Delta::Text(text.into()),
            Kind::Summary(index) => Delta::Summary(index, text.into()),
            Kind::Arguments => Delta::Arguments(text.into()),
        };
        emit(Event::Delta { choice: self.choice, part, delta });
    }
}
