//! From the library's tree to ours: every name is found, every type is known, or there is a mistake with its place.

mod call;
mod name;

use cel::common::ast::{ComprehensionExpr, Expr, LiteralValue, SourceInfo};
use cel::parser::Expression;

use crate::node::{Kind, Node, Quantifier};
use crate::parse::{DEEPEST, parse};
use crate::{Mistake, Phase};

/// `text` as a tree that gives a bool.
pub(crate) fn check(text: &str, phase: Phase) -> Result<Node, Mistake> {
    let (expression, places) = parse(text)?;
    let mut check = Check { text, places, phase, locals: Vec::new(), depth: 0 };
    let (node, kind) = check.part(&expression)?;
    if kind != Kind::Bool {
        let at = text.len() - text.trim_start().len();
        let message = format!("a condition is true or false, and this is {}", kind.named());
        return Err(Mistake::new(at, message).hint("compare it with something"));
    }
    Ok(node)
}

type Typed = (Node, Kind);

struct Check<'t> {
    text: &'t str,
    places: SourceInfo,
    phase: Phase,
    /// The names that quantifiers have introduced, the innermost last.
    locals: Vec<(String, Kind)>,
    depth: usize,
}

impl Check<'_> {
    fn part(&mut self, part: &Expression) -> Result<Typed, Mistake> {
        self.depth += 1;
        if self.depth > 2 * DEEPEST {
            return Err(self.mistake(part, "the expression is nested too deeply").hint("split it"));
        }
        let typed = match &part.expr {
            Expr::Literal(literal) => self.literal(part, literal),
            Expr::Ident(name) => self.name(part, name),
            Expr::Select(select) => self.select(part, select),
            Expr::Call(call) => self.call(part, call),
            Expr::List(list) => self.list(part, &list.elements),
            Expr::Comprehension(comprehension) => self.quantified(part, comprehension),
            Expr::Map(_) => Err(self.mistake(part, "maps cannot be written in a condition")),
            Expr::Struct(_) => Err(self.mistake(part, "structures cannot be written in a condition")),
            Expr::Unspecified => Err(self.mistake(part, "the expression cannot be read")),
        };
        self.depth -= 1;
        typed
    }

    fn literal(&self, part: &Expression, literal: &LiteralValue) -> Result<Typed, Mistake> {
        match literal {
            LiteralValue::Boolean(truth) => Ok((Node::Bool(*truth.inner()), Kind::Bool)),
            LiteralValue::Int(number) => Ok((Node::Int(*number.inner()), Kind::Int)),
            LiteralValue::Double(number) => Ok((Node::Double(*number.inner()), Kind::Double)),
            LiteralValue::String(text) => Ok((Node::Text(text.inner().into()), Kind::Text)),
            LiteralValue::UInt(_) => Err(self.mistake(part, "no variable is unsigned").hint("leave out the `u`")),
            LiteralValue::Bytes(_) => Err(self.mistake(part, "no variable is of bytes").hint("leave out the `b`")),
            LiteralValue::Null => {
                let hint = "what is not known is \"\" or 0; `has(metadata.x)` tells whether there is such a key";
                Err(self.mistake(part, "no variable is null").hint(hint))
            }
        }
    }

    fn list(&mut self, part: &Expression, elements: &[Expression]) -> Result<Typed, Mistake> {
        let mut of: Option<Kind> = None;
        let mut nodes = Vec::with_capacity(elements.len());
        for element in elements {
            let (node, kind) = self.part(element)?;
            let first = *of.get_or_insert(kind);
            if first != kind {
                let message = format!("a list of one type, but this is {} after {}", kind.named(), first.named());
                return Err(Mistake::new(self.start(element), message));
            }
            nodes.push(node);
        }
        let of = of.ok_or_else(|| self.mistake(part, "the list is empty"))?;
        let item = of.item().ok_or_else(|| self.mistake(part, format!("a list cannot hold {}", of.named())))?;
        Ok((Node::List(nodes.into()), Kind::List(item)))
    }

    /// A quantifier, which the library has made into a loop: what the loop begins with tells which it was.
    fn quantified(&mut self, part: &Expression, of: &ComprehensionExpr) -> Result<Typed, Mistake> {
        let which = match &of.accu_init.expr {
            Expr::Literal(LiteralValue::Boolean(truth)) if *truth.inner() => Quantifier::All,
            Expr::Literal(LiteralValue::Boolean(_)) => Quantifier::Exists,
            Expr::Literal(LiteralValue::Int(_)) => Quantifier::ExistsOne,
            _ => {
                let hint = "there are `exists`, `all` and `exists_one`";
                return Err(self.mistake(part, "`map` and `filter` cannot be used in a condition").hint(hint));
            }
        };
        let body = match &of.loop_step.expr {
            Expr::Call(call) => call.args.get(usize::from(which != Quantifier::ExistsOne)),
            _ => None,
        };
        let body = body.ok_or_else(|| self.mistake(part, "the expression cannot be read"))?;
        let (range, kind) = self.part(&of.iter_range)?;
        let item = match kind {
            Kind::List(item) => Kind::from(item),
            Kind::Pairs => Kind::Text,
            _ => return Err(Mistake::new(self.start(&of.iter_range), format!("{} has no items", kind.named()))),
        };
        self.locals.push((of.iter_var.clone(), item));
        let body = self.needs(body, Kind::Bool);
        self.locals.pop();
        Ok((Node::Quantified(which, Box::new([range, body?])), Kind::Bool))
    }

    /// A part that must be of one type.
    fn needs(&mut self, part: &Expression, needed: Kind) -> Result<Node, Mistake> {
        let (node, kind) = self.part(part)?;
        if kind == needed {
            return Ok(node);
        }
        let message = format!("{} is needed here, and this is {}", needed.named(), kind.named());
        Err(Mistake::new(self.start(part), message))
    }

    /// A mistake at the word or sign that makes `part` what it is.
    fn mistake(&self, part: &Expression, message: impl Into<String>) -> Mistake {
        Mistake::new(self.place(part), message)
    }

    fn place(&self, part: &Expression) -> usize {
        let start = self.places.offset_for(part.id).map_or(0, |(start, _)| start as usize);
        self.text.floor_char_boundary(start)
    }

    /// Where `part` begins: its own place may be that of an operator within.
    fn start(&self, part: &Expression) -> usize {
        let first = match &part.expr {
            Expr::Call(call) => call.target.as_deref().or(call.args.first()),
            Expr::Select(select) => Some(&*select.operand),
            Expr::Comprehension(of) => Some(&of.iter_range),
            _ => None,
        };
        first.map_or(self.place(part), |first| self.start(first).min(self.place(part)))
    }

    /// Where `word` stands right before `at`, as a function's name before its parenthesis; else `at`.
    fn before(&self, at: usize, word: &str) -> usize {
        let upto = self.text.get(..at).unwrap_or_default().trim_end();
        upto.strip_suffix(word).map_or(at, str::len)
    }

    /// Where `word` stands next after `at`, as a field's name after its dot; else `at`.
    fn after(&self, at: usize, word: &str) -> usize {
        self.text.get(at..).and_then(|rest| rest.find(word)).map_or(at, |gap| at + gap)
    }
}
