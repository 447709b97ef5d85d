//! A checked expression: what is evaluated.

use regex::Regex;

use crate::{Type, Variable};

/// A part of an expression. Its parts have the types that it needs: `check` has seen to it.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Box<str>),
    Variable(Variable),
    /// The item that a quantifier is at; 0 is the innermost one's.
    Local(usize),
    List(Box<[Node]>),
    /// Of a map, the text of a name.
    Entry(Box<[Node; 2]>),
    /// Of a list, the item at an index.
    Item(Box<[Node; 2]>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    Choose(Box<[Node; 3]>),
    Compare(Comparison, Box<[Node; 2]>),
    Arithmetic(Arithmetic, Box<[Node; 2]>),
    /// Whether the first is in the second, a list or the names of a map.
    In(Box<[Node; 2]>),
    /// Whether a text is one of these, which are sorted.
    Among(Box<Node>, Box<[Box<str>]>),
    Quantified(Quantifier, Box<[Node; 2]>),
    Affix(Affix, Box<[Node; 2]>),
    Matches(Box<Node>, Box<Regex>),
    Size(Box<Node>),
    Convert(Kind, Box<Node>),
}

impl Node {
    /// Whether it is a literal.
    pub(crate) fn constant(&self) -> bool {
        matches!(self, Self::Bool(_) | Self::Int(_) | Self::Double(_) | Self::Text(_))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantifier {
    Exists,
    All,
    ExistsOne,
}

/// Where a text is sought in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Affix {
    Start,
    End,
    Anywhere,
}

/// The type of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int,
    Double,
    Text,
    Pairs,
    List(Item),
}

/// The type of a list's items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    Bool,
    Int,
    Double,
    Text,
}

impl Kind {
    /// With its article, for messages.
    pub(crate) fn named(self) -> &'static str {
        match self {
            Self::Bool => "a bool",
            Self::Int => "an int",
            Self::Double => "a double",
            Self::Text => "a string",
            Self::Pairs => "a map",
            Self::List(_) => "a list",
        }
    }

    /// As items of a list; `None` for what no list may hold.
    pub(crate) fn item(self) -> Option<Item> {
        match self {
            Self::Bool => Some(Item::Bool),
            Self::Int => Some(Item::Int),
            Self::Double => Some(Item::Double),
            Self::Text => Some(Item::Text),
            Self::Pairs | Self::List(_) => None,
        }
    }

    /// Whether the two can be equal, and have an order.
    pub(crate) fn compares_with(self, other: Self) -> bool {
        let number = |kind| matches!(kind, Self::Int | Self::Double);
        (self == other && self.item().is_some()) || (number(self) && number(other))
    }
}

impl From<Item> for Kind {
    fn from(item: Item) -> Self {
        match item {
            Item::Bool => Self::Bool,
            Item::Int => Self::Int,
            Item::Double => Self::Double,
            Item::Text => Self::Text,
        }
    }
}

impl From<Type> for Kind {
    fn from(kind: Type) -> Self {
        match kind {
            Type::Bool => Self::Bool,
            Type::Int => Self::Int,
            Type::Double => Self::Double,
            Type::Text => Self::Text,
            Type::Texts => Self::List(Item::Text),
            Type::Pairs => Self::Pairs,
        }
    }
}
