//! The evaluation of a checked expression.

use std::borrow::Cow;
use std::cell::Cell;
use std::cmp::Ordering;

use crate::condition::{MOST_STEPS, Reason};
use crate::node::{Affix, Arithmetic, Comparison, Kind, Node, Quantifier};
use crate::{Facts, Pairs, Texts, Value};

/// Whether `node`, which gives a bool, is true of `facts`.
pub(crate) fn evaluate(node: &Node, facts: &dyn Facts) -> Result<bool, Reason> {
    Run { facts, steps: Cell::new(MOST_STEPS) }.truth(node, None)
}

/// The value of a part.
#[derive(Clone)]
enum Datum<'a> {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Cow<'a, str>),
    Texts(&'a dyn Texts),
    Pairs(&'a dyn Pairs),
    /// A list that is written with literals alone.
    Written(&'a [Node]),
    Items(Vec<Datum<'a>>),
}

impl<'a> From<Value<'a>> for Datum<'a> {
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Bool(truth) => Self::Bool(truth),
            Value::Int(number) => Self::Int(number),
            Value::Double(number) => Self::Double(number),
            Value::Text(text) => Self::Text(text.into()),
            Value::Texts(texts) => Self::Texts(texts),
            Value::Pairs(pairs) => Self::Pairs(pairs),
        }
    }
}

/// The item that a quantifier is at, and those of the quantifiers around it.
struct Local<'s, 'a> {
    item: Datum<'a>,
    outer: Option<&'s Local<'s, 'a>>,
}

type Locals<'s, 'a> = Option<&'s Local<'s, 'a>>;

struct Run<'a> {
    facts: &'a dyn Facts,
    steps: Cell<u32>,
}

impl<'a> Run<'a> {
    /// Takes so many steps more.
    fn step(&self, count: usize) -> Result<(), Reason> {
        let left = u32::try_from(count).ok().and_then(|count| self.steps.get().checked_sub(count));
        self.steps.set(left.unwrap_or(0));
        left.map(drop).ok_or(Reason::Steps)
    }

    fn value(&self, node: &'a Node, locals: Locals<'_, 'a>) -> Result<Datum<'a>, Reason> {
        self.step(1)?;
        Ok(match node {
            Node::Bool(truth) => Datum::Bool(*truth),
            Node::Int(number) => Datum::Int(*number),
            Node::Double(number) => Datum::Double(*number),
            Node::Text(text) => Datum::Text(Cow::Borrowed(text)),
            Node::Variable(variable) => self.facts.get(*variable).into(),
            Node::Local(outwards) => local(*outwards, locals)?.clone(),
            Node::List(items) => self.list(items, locals)?,
            Node::Entry(of) => Datum::Text(self.entry(of, locals)?),
            Node::Item(of) => self.item(of, locals)?,
            Node::Negate(of) => negate(&self.value(of, locals)?)?,
            Node::Choose(of) => {
                let [condition, yes, no] = &**of;
                self.value(if self.truth(condition, locals)? { yes } else { no }, locals)?
            }
            Node::Arithmetic(how, sides) => self.arithmetic(*how, sides, locals)?,
            Node::Size(of) => self.size(of, locals)?,
            Node::Convert(to, of) => convert(*to, self.value(of, locals)?)?,
            _ => Datum::Bool(self.decide(node, locals)?),
        })
    }

    fn truth(&self, node: &'a Node, locals: Locals<'_, 'a>) -> Result<bool, Reason> {
        match self.value(node, locals)? {
            Datum::Bool(truth) => Ok(truth),
            _ => Err(Reason::Type),
        }
    }

    /// The parts that give a bool.
    fn decide(&self, node: &'a Node, locals: Locals<'_, 'a>) -> Result<bool, Reason> {
        match node {
            Node::Not(of) => Ok(!self.truth(of, locals)?),
            Node::And(sides) => self.either(false, sides, locals),
            Node::Or(sides) => self.either(true, sides, locals),
            Node::Compare(how, sides) => {
                let [left, right] = &**sides;
                compare(*how, &self.value(left, locals)?, &self.value(right, locals)?)
            }
            Node::In(sides) => self.within(sides, locals),
            Node::Among(what, texts) => {
                let what = self.text(what, locals)?;
                Ok(texts.binary_search_by(|text| (**text).cmp(&what)).is_ok())
            }
            Node::Quantified(which, of) => self.quantified(*which, of, locals),
            Node::Affix(which, sides) => {
                let [of, what] = &**sides;
                let (of, what) = (self.text(of, locals)?, self.text(what, locals)?);
                self.step(of.len() / 64)?;
                Ok(match which {
                    Affix::Start => of.starts_with(&*what),
                    Affix::End => of.ends_with(&*what),
                    Affix::Anywhere => of.contains(&*what),
                })
            }
            Node::Matches(of, regex) => {
                let of = self.text(of, locals)?;
                self.step(of.len() / 8)?;
                Ok(regex.is_match(&of))
            }
            _ => Err(Reason::Type),
        }
    }

    /// `settles` if one side is; else what went wrong, if something did. The order of the sides makes no difference, but
    /// for time: a side that fails does not keep the other from settling it.
    fn either(&self, settles: bool, sides: &'a [Node; 2], locals: Locals<'_, 'a>) -> Result<bool, Reason> {
        let [left, right] = sides;
        let left = self.truth(left, locals);
        if left == Ok(settles) {
            return Ok(settles);
        }
        let right = self.truth(right, locals)?;
        if right == settles { Ok(settles) } else { left }
    }

    fn text(&self, node: &'a Node, locals: Locals<'_, 'a>) -> Result<Cow<'a, str>, Reason> {
        match self.value(node, locals)? {
            Datum::Text(text) => Ok(text),
            _ => Err(Reason::Type),
        }
    }

    fn list(&self, items: &'a [Node], locals: Locals<'_, 'a>) -> Result<Datum<'a>, Reason> {
        if items.iter().all(Node::constant) {
            return Ok(Datum::Written(items));
        }
        items.iter().map(|item| self.value(item, locals)).collect::<Result<_, _>>().map(Datum::Items)
    }

    fn entry(&self, of: &'a [Node; 2], locals: Locals<'_, 'a>) -> Result<Cow<'a, str>, Reason> {
        let [of, name] = of;
        let Datum::Pairs(pairs) = self.value(of, locals)? else { return Err(Reason::Type) };
        Ok(pairs.find(&self.text(name, locals)?).unwrap_or_default().into())
    }

    fn item(&self, of: &'a [Node; 2], locals: Locals<'_, 'a>) -> Result<Datum<'a>, Reason> {
        let [of, index] = of;
        let list = self.value(of, locals)?;
        let Datum::Int(index) = self.value(index, locals)? else { return Err(Reason::Type) };
        let index = usize::try_from(index).map_err(|_| Reason::Index)?;
        match list {
            Datum::Texts(texts) => texts.at(index).map(|text| Datum::Text(text.into())).ok_or(Reason::Index),
            Datum::Written(items) => self.value(items.get(index).ok_or(Reason::Index)?, locals),
            Datum::Items(items) => items.into_iter().nth(index).ok_or(Reason::Index),
            _ => Err(Reason::Type),
        }
    }

    fn arithmetic(&self, how: Arithmetic, sides: &'a [Node; 2], locals: Locals<'_, 'a>) -> Result<Datum<'a>, Reason> {
        let [left, right] = sides;
        match (self.value(left, locals)?, self.value(right, locals)?) {
            (Datum::Int(left), Datum::Int(right)) => whole(how, left, right).map(Datum::Int),
            (Datum::Double(left), Datum::Double(right)) => Ok(Datum::Double(match how {
                Arithmetic::Add => left + right,
                Arithmetic::Subtract => left - right,
                Arithmetic::Multiply => left * right,
                Arithmetic::Divide => left / right,
                Arithmetic::Remainder => return Err(Reason::Type),
            })),
            (Datum::Text(left), Datum::Text(right)) => {
                self.step((left.len() + right.len()) / 64)?;
                Ok(Datum::Text(left + right))
            }
            _ => Err(Reason::Type),
        }
    }

    fn within(&self, sides: &'a [Node; 2], locals: Locals<'_, 'a>) -> Result<bool, Reason> {
        let [what, of] = sides;
        let what = self.value(what, locals)?;
        match (self.value(of, locals)?, &what) {
            (Datum::Pairs(pairs), Datum::Text(name)) => Ok(pairs.find(name).is_some()),
            (Datum::Pairs(_), _) => Err(Reason::Type),
            (list, _) => self.any(list, |item| compare(Comparison::Equal, &what, &item)),
        }
    }

    /// Whether `test` is true of an item, in their order; what is right of it is not looked at.
    fn any(&self, list: Datum<'a>, mut test: impl FnMut(Datum<'a>) -> Result<bool, Reason>) -> Result<bool, Reason> {
        let mut each = |item: Datum<'a>| self.step(1).and_then(|()| test(item));
        match list {
            Datum::Texts(texts) => {
                first((0..texts.count()).map_while(|at| texts.at(at)).map(|text| each(Datum::Text(text.into()))))
            }
            Datum::Pairs(pairs) => first(pairs.names().map(|name| each(Datum::Text(name.into())))),
            Datum::Written(items) => first(items.iter().map(|item| each(self.value(item, None)?))),
            Datum::Items(items) => first(items.into_iter().map(each)),
            _ => Err(Reason::Type),
        }
    }

    /// `exists` and `all` are `||` and `&&` over the items, so an item that fails matters only if no other settles it;
    /// `exists_one` must know of every item.
    fn quantified(&self, which: Quantifier, of: &'a [Node; 2], outer: Locals<'_, 'a>) -> Result<bool, Reason> {
        let [list, body] = of;
        let list = self.value(list, outer)?;
        let test = |item| self.truth(body, Some(&Local { item, outer }));
        if which == Quantifier::ExistsOne {
            let mut count = 0_usize;
            self.any(list, |item| test(item).map(|truth| count += usize::from(truth)).map(|()| false))?;
            return Ok(count == 1);
        }
        let settles = which == Quantifier::Exists;
        let mut failed = None;
        let settled = self.any(list, |item| match test(item) {
            Ok(truth) => Ok(truth == settles),
            Err(Reason::Steps) => Err(Reason::Steps),
            Err(reason) => {
                failed = Some(reason);
                Ok(false)
            }
        })?;
        match failed {
            Some(reason) if !settled => Err(reason),
            _ => Ok(settled == settles),
        }
    }

    fn size(&self, of: &'a Node, locals: Locals<'_, 'a>) -> Result<Datum<'a>, Reason> {
        let count = match self.value(of, locals)? {
            Datum::Text(text) => {
                self.step(text.len() / 64)?;
                text.chars().count()
            }
            Datum::Texts(texts) => texts.count(),
            Datum::Pairs(pairs) => pairs.count(),
            Datum::Written(items) => items.len(),
            Datum::Items(items) => items.len(),
            _ => return Err(Reason::Type),
        };
        i64::try_from(count).map(Datum::Int).map_err(|_| Reason::Overflow)
    }
}

fn local<'s, 'a>(outwards: usize, locals: Locals<'s, 'a>) -> Result<&'s Datum<'a>, Reason> {
    let mut at = locals;
    for _ in 0..outwards {
        at = at.and_then(|local| local.outer);
    }
    at.map(|local| &local.item).ok_or(Reason::Type)
}

/// Whether one is true, up to which, or up to the first that fails, all are asked.
fn first(mut truths: impl Iterator<Item = Result<bool, Reason>>) -> Result<bool, Reason> {
    truths.find(|truth| *truth != Ok(false)).unwrap_or(Ok(false))
}

fn compare(how: Comparison, left: &Datum<'_>, right: &Datum<'_>) -> Result<bool, Reason> {
    let order = match (left, right) {
        (Datum::Text(left), Datum::Text(right)) if how == Comparison::Equal => return Ok(left == right),
        (Datum::Text(left), Datum::Text(right)) => Some(left.cmp(right)),
        (Datum::Int(left), Datum::Int(right)) => Some(left.cmp(right)),
        (Datum::Double(left), Datum::Double(right)) => left.partial_cmp(right),
        (Datum::Int(left), Datum::Double(right)) => mixed(*left, *right),
        (Datum::Double(left), Datum::Int(right)) => mixed(*right, *left).map(Ordering::reverse),
        (Datum::Bool(left), Datum::Bool(right)) => Some(left.cmp(right)),
        _ => return Err(Reason::Type),
    };
    Ok(match how {
        Comparison::Equal => order == Some(Ordering::Equal),
        Comparison::Unequal => order != Some(Ordering::Equal),
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::AtMost => order.is_some_and(Ordering::is_le),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::AtLeast => order.is_some_and(Ordering::is_ge),
    })
}

/// 2^63, the first double that is larger than every `i64`.
const BEYOND: f64 = 9_223_372_036_854_775_808.0;

/// As the numbers are, not as one of them rounds to the other's type. `None` if `double` is no number.
fn mixed(int: i64, double: f64) -> Option<Ordering> {
    if double >= BEYOND {
        Some(Ordering::Less)
    } else if double < -BEYOND {
        Some(Ordering::Greater)
    } else {
        let part = 0.0_f64.partial_cmp(&double.fract())?;
        Some(int.cmp(&(double as i64)).then(part))
    }
}

fn whole(how: Arithmetic, left: i64, right: i64) -> Result<i64, Reason> {
    let result = match how {
        Arithmetic::Add => left.checked_add(right),
        Arithmetic::Subtract => left.checked_sub(right),
        Arithmetic::Multiply => left.checked_mul(right),
        Arithmetic::Divide | Arithmetic::Remainder if right == 0 => return Err(Reason::DivisionByZero),
        Arithmetic::Divide => left.checked_div(right),
        Arithmetic::Remainder => left.checked_rem(right),
    };
    result.ok_or(Reason::Overflow)
}

fn negate<'a>(of: &Datum<'_>) -> Result<Datum<'a>, Reason> {
    match of {
        Datum::Int(number) => number.checked_neg().map(Datum::Int).ok_or(Reason::Overflow),
        Datum::Double(number) => Ok(Datum::Double(-number)),
        _ => Err(Reason::Type),
    }
}

fn convert(to: Kind, of: Datum<'_>) -> Result<Datum<'_>, Reason> {
    Ok(match (to, of) {
        (Kind::Int, Datum::Double(number)) if number > -BEYOND && number < BEYOND => Datum::Int(number as i64),
        (Kind::Int, Datum::Double(_)) => return Err(Reason::Overflow),
        (Kind::Int, Datum::Text(text)) => Datum::Int(text.parse().map_err(|_| Reason::Conversion)?),
        (Kind::Double, Datum::Int(number)) => Datum::Double(number as f64),
        (Kind::Double, Datum::Text(text)) => Datum::Double(text.parse().map_err(|_| Reason::Conversion)?),
        (Kind::Text, Datum::Int(number)) => Datum::Text(number.to_string().into()),
        (Kind::Text, Datum::Bool(truth)) => Datum::Text(truth.to_string().into()),
        (Kind::Int, same @ Datum::Int(_))
        | (Kind::Double, same @ Datum::Double(_))
        | (Kind::Text, same @ Datum::Text(_)) => same,
        _ => return Err(Reason::Type),
    })
}
