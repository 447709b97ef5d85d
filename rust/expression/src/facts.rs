//! What a condition is asked about.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use crate::Variable;

/// One request and its moment. A value is asked for when the evaluation needs it, which may be never or more than once.
pub trait Facts {
    /// The value of `variable`, of the type that [`crate::VARIABLES`] gives it; another fails the condition.
    fn get(&self, variable: Variable) -> Value<'_>;
}

/// A value of a variable, borrowed from the facts.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// A truth.
    Bool(bool),
    /// A count, a size in bytes, a time in milliseconds.
    Int(i64),
    /// A share.
    Double(f64),
    /// A text; empty where nothing is known.
    Text(&'a str),
    /// Texts in order, as tags.
    Texts(&'a dyn Texts),
    /// Texts by name, as metadata.
    Pairs(&'a dyn Pairs),
}

/// A list of texts.
pub trait Texts {
    /// How many there are.
    fn count(&self) -> usize;
    /// The one at `index`, from 0.
    fn at(&self, index: usize) -> Option<&str>;
}

impl<T: AsRef<str>> Texts for Vec<T> {
    fn count(&self) -> usize {
        self.len()
    }

    fn at(&self, index: usize) -> Option<&str> {
        self.get(index).map(AsRef::as_ref)
    }
}

/// Texts by name.
pub trait Pairs {
    /// How many there are.
    fn count(&self) -> usize;
    /// The text of that name.
    fn find(&self, name: &str) -> Option<&str>;
    /// Every name.
    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_>;
}

impl<K: Borrow<str> + Ord, V: AsRef<str>> Pairs for BTreeMap<K, V> {
    fn count(&self) -> usize {
        self.len()
    }

    fn find(&self, name: &str) -> Option<&str> {
        self.get(name).map(AsRef::as_ref)
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.keys().map(Borrow::borrow))
    }
}

impl<K: Borrow<str> + Eq + Hash, V: AsRef<str>, S: BuildHasher> Pairs for HashMap<K, V, S> {
    fn count(&self) -> usize {
        self.len()
    }

    fn find(&self, name: &str) -> Option<&str> {
        self.get(name).map(AsRef::as_ref)
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.keys().map(Borrow::borrow))
    }
}
