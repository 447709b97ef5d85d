//! Operators and functions.

use cel::common::ast::{CallExpr, operators};
use cel::parser::Expression;
use regex::RegexBuilder;

use super::{Check, Typed};
use crate::Mistake;
use crate::mistake::meant;
use crate::node::{Affix, Arithmetic, Comparison, Item, Kind, Node};

/// The most memory that a compiled regular expression may take, in bytes.
const LARGEST_PATTERN: usize = 1 << 20;

/// Every function, as its mistakes say how to call it.
const FUNCTIONS: &[(&str, &str)] = &[
    ("startsWith", "model.startsWith(\"gpt-\")"),
    ("endsWith", "model.endsWith(\"-mini\")"),
    ("contains", "model.contains(\"mini\")"),
    ("matches", "model.matches(\"^gpt-[0-9]\")"),
    ("size", "size(tags) or tags.size()"),
    ("int", "int(metadata.level)"),
    ("double", "double(request.bytes)"),
    ("string", "string(request.bytes)"),
    ("has", "has(metadata.x)"),
    ("exists", "tags.exists(tag, tag == \"a\")"),
    ("all", "tags.all(tag, tag != \"a\")"),
    ("exists_one", "tags.exists_one(tag, tag == \"a\")"),
];

impl Check<'_> {
    pub(super) fn call(&mut self, part: &Expression, call: &CallExpr) -> Result<Typed, Mistake> {
        match (call.target.as_deref(), call.args.as_slice()) {
            (None, [one]) => match call.func_name.as_str() {
                operators::LOGICAL_NOT => Ok((Node::Not(Box::new(self.needs(one, Kind::Bool)?)), Kind::Bool)),
                operators::NEGATE => self.negate(part, one),
                _ => self.function(part, call, &[one]),
            },
            (None, [left, right]) => self.binary(part, call, [left, right]),
            (None, [condition, yes, no]) if call.func_name == operators::CONDITIONAL => {
                self.choose(part, [condition, yes, no])
            }
            (target, rest) => {
                let all: Vec<&Expression> = target.into_iter().chain(rest).collect();
                self.function(part, call, &all)
            }
        }
    }

    fn binary(&mut self, part: &Expression, call: &CallExpr, sides: [&Expression; 2]) -> Result<Typed, Mistake> {
        match call.func_name.as_str() {
            operators::LOGICAL_AND => Ok((Node::And(self.bools(sides)?), Kind::Bool)),
            operators::LOGICAL_OR => Ok((Node::Or(self.bools(sides)?), Kind::Bool)),
            operators::EQUALS => self.compare(part, Comparison::Equal, sides),
            operators::NOT_EQUALS => self.compare(part, Comparison::Unequal, sides),
            operators::LESS => self.compare(part, Comparison::Less, sides),
            operators::LESS_EQUALS => self.compare(part, Comparison::AtMost, sides),
            operators::GREATER => self.compare(part, Comparison::Greater, sides),
            operators::GREATER_EQUALS => self.compare(part, Comparison::AtLeast, sides),
            operators::ADD => self.arithmetic(part, Arithmetic::Add, sides),
            operators::SUBSTRACT => self.arithmetic(part, Arithmetic::Subtract, sides),
            operators::MULTIPLY => self.arithmetic(part, Arithmetic::Multiply, sides),
            operators::DIVIDE => self.arithmetic(part, Arithmetic::Divide, sides),
            operators::MODULO => self.arithmetic(part, Arithmetic::Remainder, sides),
            operators::IN => self.within(part, sides),
            operators::INDEX => self.index(part, sides),
            _ => self.function(part, call, &sides),
        }
    }

    fn bools(&mut self, [left, right]: [&Expression; 2]) -> Result<Box<[Node; 2]>, Mistake> {
        Ok(Box::new([self.needs(left, Kind::Bool)?, self.needs(right, Kind::Bool)?]))
    }

    fn negate(&mut self, part: &Expression, of: &Expression) -> Result<Typed, Mistake> {
        let (node, kind) = self.part(of)?;
        match kind {
            Kind::Int | Kind::Double => Ok((Node::Negate(Box::new(node)), kind)),
            _ => Err(self.mistake(part, format!("`-` takes a number, and this is {}", kind.named()))),
        }
    }

    fn choose(&mut self, part: &Expression, [condition, yes, no]: [&Expression; 3]) -> Result<Typed, Mistake> {
        let condition = self.needs(condition, Kind::Bool)?;
        let ((yes, kind), (no, other)) = (self.part(yes)?, self.part(no)?);
        if kind != other {
            let message = format!("`? :` must give one type, not {} or {}", kind.named(), other.named());
            return Err(self.mistake(part, message));
        }
        Ok((Node::Choose(Box::new([condition, yes, no])), kind))
    }

    fn compare(&mut self, part: &Expression, how: Comparison, sides: [&Expression; 2]) -> Result<Typed, Mistake> {
        let ((left, kind), (right, other)) = (self.part(sides[0])?, self.part(sides[1])?);
        if kind.compares_with(other) {
            return Ok((Node::Compare(how, Box::new([left, right])), Kind::Bool));
        }
        let found = self.mistake(part, format!("{} cannot be compared with {}", kind.named(), other.named()));
        Err(match (kind, other) {
            (Kind::Text, Kind::List(Item::Text)) => found.hint("write `in`"),
            (Kind::List(Item::Text), _) => found.hint("ask whether a text is `in` it, or for its `size()`"),
            (Kind::Int | Kind::Double, Kind::Text) if matches!(right, Node::Text(_)) => {
                found.hint("write the number without quotes")
            }
            (Kind::Text, Kind::Int) if !left.constant() => {
                found.hint("write the number in quotes, or convert with `int(…)`")
            }
            (Kind::Bool, Kind::Text) => found.hint("write `true` or `false` without quotes"),
            _ => found,
        })
    }

    fn arithmetic(&mut self, part: &Expression, how: Arithmetic, sides: [&Expression; 2]) -> Result<Typed, Mistake> {
        let ((left, kind), (right, other)) = (self.part(sides[0])?, self.part(sides[1])?);
        let takes = match how {
            Arithmetic::Add => matches!(kind, Kind::Int | Kind::Double | Kind::Text),
            Arithmetic::Remainder => kind == Kind::Int,
            _ => matches!(kind, Kind::Int | Kind::Double),
        };
        if takes && kind == other {
            return Ok((Node::Arithmetic(how, Box::new([left, right])), kind));
        }
        let found = self.mistake(part, format!("cannot calculate with {} and {}", kind.named(), other.named()));
        Err(match (kind, other) {
            (Kind::Int, Kind::Double) | (Kind::Double, Kind::Int) => found.hint("convert the int with `double(…)`"),
            (Kind::Text, Kind::Int | Kind::Bool) => found.hint("convert it with `string(…)`"),
            _ => found,
        })
    }

    fn within(&mut self, part: &Expression, sides: [&Expression; 2]) -> Result<Typed, Mistake> {
        let ((what, kind), (of, other)) = (self.part(sides[0])?, self.part(sides[1])?);
        let fits = match other {
            Kind::List(item) => kind.compares_with(item.into()),
            Kind::Pairs => kind == Kind::Text,
            _ => {
                let found = self.mistake(part, format!("`in` takes a list or a map, and this is {}", other.named()));
                let text = kind == Kind::Text && other == Kind::Text;
                return Err(if text { found.hint("use `contains`, as in model.contains(\"mini\")") } else { found });
            }
        };
        if !fits {
            return Err(self.mistake(part, format!("{} cannot be in this list or map", kind.named())));
        }
        Ok((among(what, of), Kind::Bool))
    }

    fn index(&mut self, part: &Expression, sides: [&Expression; 2]) -> Result<Typed, Mistake> {
        let (of, kind) = self.part(sides[0])?;
        match kind {
            Kind::Pairs => Ok((Node::Entry(Box::new([of, self.needs(sides[1], Kind::Text)?])), Kind::Text)),
            Kind::List(item) => Ok((Node::Item(Box::new([of, self.needs(sides[1], Kind::Int)?])), item.into())),
            _ => Err(self.mistake(part, format!("{} has no items", kind.named()))),
        }
    }

    /// A function, called on its first argument or with all in parentheses.
    fn function(&mut self, part: &Expression, call: &CallExpr, args: &[&Expression]) -> Result<Typed, Mistake> {
        let (name, member) = (call.func_name.as_str(), call.target.is_some());
        match (name, args) {
            ("startsWith", [of, what]) if member => self.affix(Affix::Start, [*of, *what]),
            ("endsWith", [of, what]) if member => self.affix(Affix::End, [*of, *what]),
            ("contains", [of, what]) if member => self.affix(Affix::Anywhere, [*of, *what]),
            ("matches", [of, pattern]) => self.matches(of, pattern),
            ("size", [of]) => self.size(of),
            ("int" | "double" | "string", [of]) if !member => self.convert(part, name, of),
            _ => Err(self.no_function(part, name)),
        }
    }

    fn no_function(&self, part: &Expression, name: &str) -> Mistake {
        let at = self.before(self.place(part), name);
        if let Some((_, example)) = FUNCTIONS.iter().find(|(known, _)| *known == name) {
            return Mistake::new(at, format!("`{name}` is not called so")).hint(format!("as in {example}"));
        }
        if !name.starts_with(|first: char| first.is_alphabetic() || first == '_') {
            return Mistake::new(at, "this operator cannot be used in a condition");
        }
        let names = || FUNCTIONS.iter().map(|(known, _)| *known);
        let hint = meant(name, names()).map_or_else(
            || format!("there are {}", names().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        Mistake::new(at, format!("there is no function `{name}`")).hint(hint)
    }

    fn affix(&mut self, which: Affix, [of, what]: [&Expression; 2]) -> Result<Typed, Mistake> {
        let (text, kind) = self.part(of)?;
        if which == Affix::Anywhere && kind == Kind::List(Item::Text) {
            return Err(Mistake::new(self.start(of), "a list is asked with `in`").hint("as in \"a\" in tags"));
        }
        if kind != Kind::Text {
            let message = format!("a string is needed here, and this is {}", kind.named());
            return Err(Mistake::new(self.start(of), message));
        }
        Ok((Node::Affix(which, Box::new([text, self.needs(what, Kind::Text)?])), Kind::Bool))
    }

    fn matches(&mut self, of: &Expression, pattern: &Expression) -> Result<Typed, Mistake> {
        let text = self.needs(of, Kind::Text)?;
        let Node::Text(written) = self.needs(pattern, Kind::Text)? else {
            return Err(Mistake::new(self.start(pattern), "a pattern is a literal: it is compiled once"));
        };
        let built = RegexBuilder::new(&written).size_limit(LARGEST_PATTERN).build();
        let regex = built.map_err(|error| {
            let said = error.to_string();
            let why = said.lines().last().unwrap_or_default().trim_start_matches("error: ");
            Mistake::new(self.place(pattern), format!("the pattern is no regular expression: {why}"))
        })?;
        Ok((Node::Matches(Box::new(text), Box::new(regex)), Kind::Bool))
    }

    fn size(&mut self, of: &Expression) -> Result<Typed, Mistake> {
        let (node, kind) = self.part(of)?;
        match kind {
            Kind::Text | Kind::List(_) | Kind::Pairs => Ok((Node::Size(Box::new(node)), Kind::Int)),
            _ => Err(Mistake::new(self.start(of), format!("{} has no size", kind.named()))),
        }
    }

    fn convert(&mut self, part: &Expression, name: &str, of: &Expression) -> Result<Typed, Mistake> {
        let (node, from) = self.part(of)?;
        let to = match name {
            "int" => Kind::Int,
            "double" => Kind::Double,
            _ => Kind::Text,
        };
        let possible = match to {
            Kind::Text => matches!(from, Kind::Int | Kind::Bool | Kind::Text),
            _ => matches!(from, Kind::Int | Kind::Double | Kind::Text),
        };
        if !possible {
            let at = self.before(self.place(part), name);
            return Err(Mistake::new(at, format!("`{name}` does not take {}", from.named())));
        }
        Ok((Node::Convert(to, Box::new(node)), to))
    }
}

/// Whether `what` is in `of`; a list of texts that are all literals is sorted, and then searched by halves.
fn among(what: Node, of: Node) -> Node {
    let Node::List(items) = of else { return Node::In(Box::new([what, of])) };
    let texts: Option<Vec<Box<str>>> = items
        .iter()
        .map(|item| match item {
            Node::Text(text) => Some(text.clone()),
            _ => None,
        })
        .collect();
    match texts {
        Some(mut texts) => {
            texts.sort_unstable();
            Node::Among(Box::new(what), texts.into())
        }
        None => Node::In(Box::new([what, Node::List(items)])),
    }
}
