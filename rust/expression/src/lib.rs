//! Conditions of routes and task types, in CEL (<https://github.com/google/cel-spec>).
//!
//! A [`Condition`] is compiled once, when the configuration is loaded: there every name, type and regular expression is
//! checked, and a [`Mistake`] says where in the text it is. [`Condition::holds`] then asks [`Facts`] for the variables that
//! the condition names, and for no other, and only as far as the answer depends on them.
//!
//! The crate `cel` parses. It does not evaluate: it binds every variable before it knows which are asked for, which costs
//! more than the whole decision may. What is evaluated instead is a tree whose types are known.
//!
//! # What it costs
//! A decision by twenty rules as operators write them, of which the last holds: 3.4 µs, 11,400 instructions, no allocation.
//! Compiling takes 60 µs a rule. The program is 2.7 MB larger, regular expressions included (2 busy virtual cores, November
//! 2026; the steps `expression_20` and `expression_compile_20` of `benches/micro`).
//!
//! # What differs from CEL
//! - A key that `metadata` lacks reads as `""`; `has(metadata.x)` and `"x" in metadata` tell whether it is there.
//! - Types are checked when the text is compiled, and there is no `dyn`. Integers and doubles may be compared.
//! - There are no bytes, unsigned integers, maps or structures in the text, no timestamps and durations, and no `map` and
//!   `filter`: whatever is not evaluated is a mistake when it is loaded.
//! - The pattern of `matches` is a literal.
//! - An evaluation takes at most [`MOST_STEPS`] steps.

mod check;
mod condition;
mod evaluate;
mod facts;
mod mistake;
mod node;
mod parse;
mod variable;

pub use condition::{Condition, Failed, LONGEST, MOST_STEPS, Reason};
pub use facts::{Facts, Pairs, Texts, Value};
pub use mistake::Mistake;
pub use variable::{Described, Phase, Type, VARIABLES, Variable};
