//! Takes an object apart, member by member: what is read has the type that it must have, and what is left over is told.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::tree::{Json, Members};
use crate::malformed::Malformed;

/// A document that is JSON, but not what its dialect says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The path of what is wrong, as `messages[3].content`; `body` at the root.
    pub param: String,
    /// Complete sentences.
    pub message: String,
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Invalid {}

impl From<Malformed> for Invalid {
    fn from(fault: Malformed) -> Self {
        Self { param: fault.param, message: fault.message }
    }
}

/// Where in a document a value lies. Costs nothing until it must be told.
#[derive(Debug, Clone, Copy)]
pub struct At<'p> {
    parent: Option<&'p At<'p>>,
    step: Step<'p>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'p> {
    Root,
    Member(&'p str),
    Item(usize),
}

impl<'p> At<'p> {
    /// The document itself.
    pub const ROOT: Self = Self { parent: None, step: Step::Root };

    /// The member `name` of what lies here.
    #[must_use]
    pub const fn member(&'p self, name: &'p str) -> Self {
        Self { parent: Some(self), step: Step::Member(name) }
    }

    /// The item `index` of what lies here.
    #[must_use]
    pub const fn item(&'p self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Item(index) }
    }

    /// What is wrong here: `says` follows the path, as in "must be a string".
    #[must_use]
    pub fn invalid(&self, says: &str) -> Invalid {
        let param = self.to_string();
        let message = format!("{param} {says}.");
        Invalid { param, message }
    }
}

impl std::fmt::Display for At<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parent = match self.parent {
            Some(parent) if !matches!(parent.step, Step::Root) => parent.to_string(),
            _ => String::new(),
        };
        f.write_str(&parent)?;
        match self.step {
            Step::Root => f.write_str("body"),
            Step::Item(index) => write!(f, "[{index}]"),
            Step::Member(name) => {
                if !parent.is_empty() {
                    f.write_char('.')?;
                }
                // A name of the caller's may be of any length.
                f.write_str(&name[..name.floor_char_boundary(64)])
            }
        }
    }
}

/// An object of which one member after another is taken. Null counts as absent.
#[derive(Debug)]
pub struct Fields<'a, 'p> {
    members: Vec<(Cow<'a, str>, Json<'a>)>,
    /// Which of the first 64 members were taken. They stay in their places, as null, up to the end: to close each gap at
    /// once would move all behind it.
    taken: u64,
    at: At<'p>,
}

impl<'a, 'p> Fields<'a, 'p> {
    /// The object `json`, which lies at `at`.
    ///
    /// # Errors
    /// [`Invalid`] if it is not an object, or has a member twice: parsers differ in which of the two they obey.
    pub fn of(json: Json<'a>, at: At<'p>) -> Result<Self, Invalid> {
        let Json::Object(Members(members)) = json else { return Err(at.invalid("must be an object")) };
        if let Some(name) = twice(&members) {
            return Err(at.member(name).invalid("occurs twice"));
        }
        Ok(Self { members, taken: 0, at })
    }

    /// Where the object lies.
    #[must_use]
    pub const fn at(&self) -> &At<'p> {
        &self.at
    }

    /// Whether the member is there, and not null.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(known, value)| known == name && *value != Json::Null)
    }

    /// The member `name`; nothing is taken. Null is absent.
    #[must_use]
    pub fn peek(&self, name: &str) -> Option<&Json<'a>> {
        self.members
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
            .filter(|value| **value != Json::Null)
    }

    /// The member `name`, if it is a string; nothing is taken.
    #[must_use]
    pub fn peek_text(&self, name: &str) -> Option<&str> {
        self.peek(name)?.as_str()
    }

    /// Takes the member `name`.
    pub fn take(&mut self, name: &str) -> Option<Json<'a>> {
        let index = self.members.iter().position(|(known, _)| known == name)?;
        let value = if index < 64 {
            self.taken |= 1 << index;
            std::mem::replace(&mut self.members.get_mut(index)?.1, Json::Null)
        } else {
            self.members.remove(index).1
        };
        (!matches!(value, Json::Null)).then_some(value)
    }

    /// Takes a string.
    ///
    /// # Errors
    /// [`Invalid`] if it is of another type.
    pub fn text(&mut self, name: &str) -> Result<Option<Cow<'a, str>>, Invalid> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.at.member(name).invalid("must be a string")),
        }
    }

    /// Takes a string that must be there.
    ///
    /// # Errors
    /// [`Invalid`] if it is absent, or of another type.
    pub fn need_text(&mut self, name: &str) -> Result<Cow<'a, str>, Invalid> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    /// Takes a number, as it was written.
    ///
    /// # Errors
    /// [`Invalid`] if it is of another type.
    pub fn number(&mut self, name: &str) -> Result<Option<Cow<'a, str>>, Invalid> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Number(digits)) => Ok(Some(digits)),
            Some(_) => Err(self.at.member(name).invalid("must be a number")),
        }
    }

    /// Takes a whole number, not negative; also one that is written as `12.0`.
    ///
    /// # Errors
    /// [`Invalid`] if it is anything else.
    pub fn integer(&mut self, name: &str) -> Result<Option<u64>, Invalid> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => {
                let number = value.as_u64();
                number
                    .map(Some)
                    .ok_or_else(|| self.at.member(name).invalid("must be a whole number that is not negative"))
            }
        }
    }

    /// Takes a boolean.
    ///
    /// # Errors
    /// [`Invalid`] if it is of another type.
    pub fn flag(&mut self, name: &str) -> Result<Option<bool>, Invalid> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(self.at.member(name).invalid("must be true or false")),
        }
    }

    /// Takes an array.
    ///
    /// # Errors
    /// [`Invalid`] if it is of another type.
    pub fn list(&mut self, name: &str) -> Result<Option<Vec<Json<'a>>>, Invalid> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Array(items)) => Ok(Some(items)),
            Some(_) => Err(self.at.member(name).invalid("must be an array")),
        }
    }

    /// Takes an object whole.
    ///
    /// # Errors
    /// [`Invalid`] if it is of another type.
    pub fn members(&mut self, name: &str) -> Result<Option<Members<'a>>, Invalid> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Object(members)) => Ok(Some(members)),
            Some(_) => Err(self.at.member(name).invalid("must be an object")),
        }
    }

    /// Takes an array and reads each of its items with `read`, which is told where the item lies.
    ///
    /// # Errors
    /// [`Invalid`] if it is of another type, and what `read` finds.
    pub fn each<T>(
        &mut self,
        name: &str,
        mut read: impl FnMut(Json<'a>, At<'_>) -> Result<T, Invalid>,
    ) -> Result<Vec<T>, Invalid> {
        let items = self.list(name)?.unwrap_or_default();
        let list = self.at.member(name);
        items.into_iter().enumerate().map(|(index, item)| read(item, list.item(index))).collect()
    }

    /// That the member `name` is not there.
    #[must_use]
    pub fn missing(&self, name: &str) -> Invalid {
        self.at.member(name).invalid("is missing")
    }

    /// Whether all was taken.
    #[must_use]
    pub const fn are_spent(&self) -> bool {
        self.taken.count_ones() as usize == self.members.len()
    }

    /// What nobody took, nulls too.
    #[must_use]
    pub fn rest(mut self) -> Members<'a> {
        if self.are_spent() {
            return Members::new();
        }
        let mut taken = self.taken;
        self.members.retain(|_| {
            let keep = taken & 1 == 0;
            taken >>= 1;
            keep
        });
        Members(self.members)
    }
}

/// A name that occurs twice.
fn twice<'m>(members: &'m [(Cow<'_, str>, Json<'_>)]) -> Option<&'m str> {
    /// Beyond, a set keeps a hostile body from costing quadratic time.
    const FEW: usize = 32;
    if members.len() > FEW {
        let mut met = std::collections::HashSet::with_capacity(members.len());
        return members.iter().map(|(name, _)| name.as_ref()).find(|name| !met.insert(*name));
    }
    let mut rest = members;
    while let Some(((name, _), behind)) = rest.split_first() {
        if behind.iter().any(|(other, _)| other == name) {
            return Some(name);
        }
        rest = behind;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(document: &str) -> Result<Fields<'_, 'static>, Invalid> {
        Fields::of(Json::parse(document.as_bytes()).expect("JSON"), At::ROOT)
    }

    #[test]
    fn takes_what_is_asked_for_and_leaves_the_rest() -> Result<(), Invalid> {
        let mut object = fields(r#"{"a":"x","n":12.0,"f":true,"l":[1],"z":null,"more":{"k":1}}"#)?;
        assert_eq!(object.need_text("a")?, "x");
        assert_eq!(object.integer("n")?, Some(12));
        assert_eq!(object.flag("f")?, Some(true));
        assert_eq!(object.list("l")?.map(|list| list.len()), Some(1));
        assert_eq!(object.take("z"), None);
        assert_eq!(Json::Object(object.rest()).to_text(), r#"{"more":{"k":1}}"#);
        Ok(())
    }

    #[test]
    fn says_where_and_what() {
        let says = |document: &str| {
            let mut object = fields(document)?;
            object.each("m", |item, at| Fields::of(item, at)?.need_text("role").map(drop)).map(drop)
        };
        let told = |document: &str| says(document).map_err(|invalid| (invalid.param, invalid.message));
        assert_eq!(told(r#"{"m":[{"role":"a"},{"role":1}]}"#), wrong("m[1].role", "m[1].role must be a string."));
        assert_eq!(told(r#"{"m":[{}]}"#), wrong("m[0].role", "m[0].role is missing."));
        assert_eq!(told(r#"{"m":4}"#), wrong("m", "m must be an array."));
        assert_eq!(told(r#"[]"#), wrong("body", "body must be an object."));
        assert_eq!(told(r#"{"m":[],"m":[]}"#), wrong("m", "m occurs twice."));
    }

    fn wrong(param: &str, message: &str) -> Result<(), (String, String)> {
        Err((param.to_owned(), message.to_owned()))
    }
}
