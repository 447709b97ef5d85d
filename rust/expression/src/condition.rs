//! A condition: a text that was checked, and what it takes to ask it.

use std::fmt;
use std::sync::Arc;
use std::thread::Builder;

use crate::check::check;
use crate::evaluate::evaluate;
use crate::node::Node;
use crate::{Facts, Mistake, Phase};

/// The longest text, in characters.
pub const LONGEST: usize = 10_000;

/// The most steps of one evaluation; a step is a part of the text, or an item of a list that is gone through.
pub const MOST_STEPS: u32 = 20_000;

/// The stack of the thread that reads a text, in bytes: twice what the most deeply nested one was seen to take.
const STACK: usize = 16 << 20;

/// A checked expression that is true or false.
#[derive(Debug, Clone)]
pub struct Condition {
    text: Arc<str>,
    root: Node,
}

impl Condition {
    /// Checks and compiles `text`, for a decision of `phase`. Takes 10 to 100 µs; the process's first takes 1 ms.
    ///
    /// # Errors
    /// The first mistake of the text: syntax, an unknown name, a type that cannot be, a bound.
    pub fn compile(text: &str, phase: Phase) -> Result<Self, Mistake> {
        // The parser takes up to 150 KB of stack for each nested part where it is not optimised, and the caller's thread may
        // have little.
        let root = std::thread::scope(|scope| {
            let thread = Builder::new().stack_size(STACK).spawn_scoped(scope, || check(text, phase));
            thread.ok()?.join().ok()
        });
        let root = root.unwrap_or_else(|| Err(Mistake::new(0, "the expression cannot be read")))?;
        Ok(Self { text: text.into(), root })
    }

    /// Whether it is true of `facts`. Takes no lock, does no I/O, and allocates nothing unless it joins texts.
    ///
    /// # Errors
    /// What could only be seen with the values: see [`Reason`]. The caller decides; a rule that fails does not match.
    pub fn holds(&self, facts: &dyn Facts) -> Result<bool, Failed> {
        evaluate(&self.root, facts).map_err(|reason| Failed { expression: self.text.clone(), reason })
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// An evaluation that came to no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The whole expression.
    pub expression: Arc<str>,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.expression, self.reason)
    }
}

impl std::error::Error for Failed {}

/// Why an evaluation came to no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A result is no 64-bit integer.
    Overflow,
    /// An integer was divided by 0.
    DivisionByZero,
    /// A list has no such index.
    Index,
    /// A text is no number, or no bool.
    Conversion,
    /// It took more than [`MOST_STEPS`].
    Steps,
    /// The facts gave a value of another type than the table says.
    Type,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overflow => "a number is too large",
            Self::DivisionByZero => "a division by 0",
            Self::Index => "a list has no such index",
            Self::Conversion => "a text cannot be converted",
            Self::Steps => "it takes too many steps",
            Self::Type => "a variable has a value of another type",
        })
    }
}
