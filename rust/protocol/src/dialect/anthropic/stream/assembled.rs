//! Blocks that only this dialect knows, put together from their deltas.

use crate::json::{Json, Members};

/// A block whose deltas are gathered, as what stands in it cannot be told before it is whole.
#[derive(Debug)]
pub(super) struct Assembled {
    block: Members<'static>,
    /// Its input, which comes as JSON text in pieces.
    input: String,
}

impl Assembled {
    pub(super) const fn new(block: Members<'static>) -> Self {
        Self { block, input: String::new() }
    }

    /// Adds a delta: `input_json_delta`, `citations_delta`, or another whose texts go on with those of the block.
    pub(super) fn add(&mut self, delta: &Json<'_>) {
        let Some(members) = delta.as_object() else { return };
        for (name, value) in members.0.iter().filter(|(name, _)| name != "type") {
            match (name.as_ref(), value) {
                ("partial_json", Json::String(more)) => self.input.push_str(more),
                ("citation", citation) => self.append("citations", citation),
                _ => self.go_on(name, value),
            }
        }
    }

    pub(super) fn finish(mut self) -> Json<'static> {
        if let Ok(input) = Json::parse(self.input.as_bytes()) {
            self.set("input", input.into_owned());
        }
        self.block.into()
    }

    fn append(&mut self, list: &'static str, item: &Json<'_>) {
        let item = item.clone().into_owned();
        match self.member(list) {
            Some(Json::Array(items)) => items.push(item),
            _ => self.set(list, vec![item].into()),
        }
    }

    fn go_on(&mut self, name: &str, value: &Json<'_>) {
        if let (Some(Json::String(text)), Json::String(more)) = (self.member(name), value) {
            text.to_mut().push_str(more);
        } else {
            self.set(name, value.clone().into_owned());
        }
    }

    fn member(&mut self, name: &str) -> Option<&mut Json<'static>> {
        self.block.0.iter_mut().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    fn set(&mut self, name: &str, value: Json<'static>) {
        match self.member(name) {
            Some(known) => *known = value,
            None => self.block.push(name.to_owned(), value),
        }
    }
}
