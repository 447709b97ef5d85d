//! The names by which results refer to calls. Here both must have one, of letters, digits, `_` and `-`.

use crate::canonical::{Text, ToolCall, ToolResult};

/// The names given in one request.
#[derive(Debug, Default)]
pub(in crate::dialect) struct Ids<'r> {
    /// The calls that came without a name and have no result yet: the tool, and the name given.
    waiting: Vec<(&'r str, String)>,
    made: usize,
}

impl<'r> Ids<'r> {
    pub(in crate::dialect) fn of_call(&mut self, call: &'r ToolCall<'_>) -> Text<'r> {
        if let Some(id) = given(call.id.as_deref()) {
            return id;
        }
        let made = self.make();
        self.waiting.push((&call.name, made.clone()));
        made.into()
    }

    /// A result without a name answers the first call of its tool that has none.
    pub(in crate::dialect) fn of_result(&mut self, result: &'r ToolResult<'_>) -> Text<'r> {
        if let Some(id) = given(result.call.as_deref()) {
            return id;
        }
        let name = result.name.as_deref();
        let found = self.waiting.iter().position(|(tool, _)| name.is_none_or(|name| name == *tool));
        match found {
            Some(index) => self.waiting.remove(index).1.into(),
            None => self.make().into(),
        }
    }

    fn make(&mut self) -> String {
        self.made += 1;
        format!("call_{}", self.made)
    }
}

fn given(id: Option<&str>) -> Option<Text<'_>> {
    let id = id.filter(|id| !id.is_empty())?;
    let allowed = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-');
    if id.chars().all(allowed) {
        return Some(id.into());
    }
    Some(id.chars().map(|char| if allowed(char) { char } else { '_' }).collect::<String>().into())
}
