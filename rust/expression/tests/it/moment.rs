//! Facts for tests: a value for every variable, drawn from a seed, or set one by one.

use std::collections::BTreeMap;

use tollway_expression::{Facts, Type, VARIABLES, Value, Variable};

/// A value that is owned.
#[derive(Debug, Clone)]
pub(crate) enum Owned {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    Texts(Vec<String>),
    Pairs(BTreeMap<String, String>),
}

/// Facts that are held in a table.
#[derive(Debug, Clone)]
pub(crate) struct Moment(Vec<Owned>);

const TEXTS: [&str; 8] = ["", "a", "classification", "gpt-4o", "gpt-4o-mini", "7", "ä😀", "x y"];
const INTS: [i64; 9] = [0, 1, 2, 7, 100, -1, 4096, i64::MAX, i64::MIN];
const DOUBLES: [f64; 7] = [0.0, 0.05, 0.5, 1.0, 2.0, -1.5, 1e300];

impl Moment {
    /// A value for each variable, the same for the same seed.
    pub(crate) fn drawn(seed: u64) -> Self {
        let mut state = seed;
        let mut next = move |below: usize| {
            // splitmix64, <https://prng.di.unimi.it/splitmix64.c>
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ (mixed >> 31)) as usize % below
        };
        Self(VARIABLES.iter().map(|one| draw(one.kind, &mut next)).collect())
    }

    /// The same with another value for the variable of that name.
    pub(crate) fn with(mut self, name: &str, value: Owned) -> Self {
        let at = VARIABLES.iter().position(|one| one.name == name).expect("a variable");
        self.0[at] = value;
        self
    }

    /// Each name with its value.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, &Owned)> {
        VARIABLES.iter().map(|one| one.name).zip(&self.0)
    }
}

fn draw(kind: Type, next: &mut impl FnMut(usize) -> usize) -> Owned {
    match kind {
        Type::Bool => Owned::Bool(next(2) == 1),
        Type::Int => Owned::Int(INTS[next(INTS.len())]),
        Type::Double => Owned::Double(DOUBLES[next(DOUBLES.len())]),
        Type::Text => Owned::Text(TEXTS[next(TEXTS.len())].into()),
        Type::Texts => Owned::Texts((0..next(4)).map(|_| TEXTS[next(TEXTS.len())].into()).collect()),
        Type::Pairs => {
            let pairs = (0..next(4)).map(|_| (["a", "b", "level", "x y"][next(4)], TEXTS[next(TEXTS.len())]));
            Owned::Pairs(pairs.map(|(name, text)| (name.into(), text.into())).collect())
        }
    }
}

impl Facts for Moment {
    fn get(&self, variable: Variable) -> Value<'_> {
        match &self.0[variable as usize] {
            Owned::Bool(truth) => Value::Bool(*truth),
            Owned::Int(number) => Value::Int(*number),
            Owned::Double(number) => Value::Double(*number),
            Owned::Text(text) => Value::Text(text),
            Owned::Texts(texts) => Value::Texts(texts),
            Owned::Pairs(pairs) => Value::Pairs(pairs),
        }
    }
}
