//! Names: variables, their fields, and what quantifiers introduce.

use cel::common::ast::{Expr, SelectExpr};
use cel::parser::Expression;

use super::{Check, Typed};
use crate::mistake::meant;
use crate::node::{Kind, Node};
use crate::{Described, Mistake, Phase, VARIABLES};

impl Check<'_> {
    pub(super) fn name(&self, part: &Expression, name: &str) -> Result<Typed, Mistake> {
        let name = name.trim_start_matches('.');
        let local = self.locals.iter().rev().enumerate().find(|(_, (known, _))| known == name);
        if let Some((outwards, (_, kind))) = local {
            return Ok((Node::Local(outwards), *kind));
        }
        if let Some(found) = described(name) {
            return self.variable(part, found);
        }
        if group(name) {
            let message = format!("`{name}` is no value by itself");
            return Err(self.mistake(part, message).hint(format!("it has {}", fields(name))));
        }
        let locals = self.locals.iter().map(|(known, _)| known.as_str());
        let names = VARIABLES.iter().map(|one| one.name).chain(locals);
        let hint = meant(name, names).map_or_else(
            || format!("a text is written in quotes, as '{name}'"),
            |near| format!("did you mean `{near}`?"),
        );
        Err(self.mistake(part, format!("there is no variable `{name}`")).hint(hint))
    }

    pub(super) fn select(&mut self, part: &Expression, select: &SelectExpr) -> Result<Typed, Mistake> {
        let field = select.field.as_str();
        if let Expr::Ident(of) = &select.operand.expr {
            let of = of.trim_start_matches('.');
            if group(of) && !self.locals.iter().any(|(known, _)| known == of) {
                return self.field(part, of, select);
            }
        }
        let (of, kind) = self.part(&select.operand)?;
        let name = Node::Text(field.into());
        match kind {
            Kind::Pairs if select.test => Ok((Node::In(Box::new([name, of])), Kind::Bool)),
            Kind::Pairs => Ok((Node::Entry(Box::new([of, name])), Kind::Text)),
            _ => {
                let at = self.after(self.place(part), field);
                Err(Mistake::new(at, format!("{} has no fields", kind.named())))
            }
        }
    }

    /// `of.field`, where `of` is the first word of variables' names.
    fn field(&self, part: &Expression, of: &str, select: &SelectExpr) -> Result<Typed, Mistake> {
        let field = select.field.as_str();
        let Some(found) = described(&format!("{of}.{field}")) else {
            let near = meant(field, names(of));
            let hint =
                near.map_or_else(|| format!("it has {}", fields(of)), |near| format!("did you mean `{of}.{near}`?"));
            let at = self.after(self.place(part), field);
            return Err(Mistake::new(at, format!("`{of}` has no field `{field}`")).hint(hint));
        };
        if select.test {
            let message = format!("`{}` is always there", found.name);
            return Err(self.mistake(part, message).hint("compare its value"));
        }
        self.variable(part, found)
    }

    fn variable(&self, part: &Expression, found: &Described) -> Result<Typed, Mistake> {
        if self.phase == Phase::TaskType && !found.before_task_type {
            let message = format!("`{}` is not known yet: this rule decides it", found.name);
            return Err(self.mistake(part, message));
        }
        Ok((Node::Variable(found.variable), found.kind.into()))
    }
}

fn described(name: &str) -> Option<&'static Described> {
    VARIABLES.iter().find(|one| one.name == name)
}

/// The second words of the variables whose first is `group`.
fn names(group: &str) -> impl Iterator<Item = &'static str> {
    VARIABLES.iter().filter_map(move |one| one.name.strip_prefix(group)?.strip_prefix('.'))
}

fn group(name: &str) -> bool {
    names(name).next().is_some()
}

fn fields(group: &str) -> String {
    names(group).map(|name| format!("`{group}.{name}`")).collect::<Vec<_>>().join(", ")
}
