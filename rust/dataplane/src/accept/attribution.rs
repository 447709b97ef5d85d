//! What a caller says of itself: for whom, by which agent, in which conversation, what for. In headers, or as
//! `metadata` of the body; the header wins. None of it is trusted: a key's own settings win over all of it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::HeaderMap;
use serde_json::Value;

use crate::error::{Error, Kind};

/// The longest of these texts, in bytes; what is longer is cut.
const LONGEST: usize = 128;
/// As many tags as are kept.
const MOST_TAGS: usize = 16;

/// Who goes first when requests wait.
pub(crate) const PRIORITIES: [&str; 3] = ["interactive", "standard", "batch"];

/// What was said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Attribution {
    pub(crate) user: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) task_type: Option<String>,
    pub(crate) priority: Option<&'static str>,
    pub(crate) tags: Vec<String>,
}

impl Attribution {
    /// What `headers` say; `None` if nothing.
    ///
    /// # Errors
    /// `InvalidRequest` for a priority that does not exist.
    pub(crate) fn of_headers(headers: &HeaderMap) -> Result<Option<Box<Self>>, Error> {
        let mut said: Option<Box<Self>> = None;
        for (name, value) in headers {
            let Some(name) = name.as_str().strip_prefix("x-tollway-") else { continue };
            if matches!(name, "user" | "agent" | "session" | "task-type" | "priority" | "tags") {
                let text = String::from_utf8_lossy(value.as_bytes());
                said.get_or_insert_default().note(name, &text, &format!("x-tollway-{name}"))?;
            }
        }
        Ok(said)
    }

    /// Adds what the body's `metadata` and `user` say, where no header has.
    ///
    /// # Errors
    /// `InvalidRequest` for a priority that does not exist.
    pub(crate) fn add_body(
        said: &mut Option<Box<Self>>,
        metadata: Option<&[u8]>,
        user: Option<&[u8]>,
    ) -> Result<(), Error> {
        let mut body = Self::default();
        if let Some(user) = user.and_then(|json| serde_json::from_slice::<String>(json).ok()) {
            body.note("user", &user, "user")?;
        }
        let metadata = metadata.and_then(|json| serde_json::from_slice::<BTreeMap<Cow<'_, str>, Value>>(json).ok());
        for (name, value) in metadata.iter().flatten() {
            let name = name.strip_prefix("tollway_").unwrap_or(name);
            let name = match name {
                "task_type" => "task-type",
                "session_id" => "session",
                "user_id" => "user",
                name => name,
            };
            match value {
                Value::String(text) => body.note(name, text, &format!("metadata.{name}"))?,
                Value::Array(tags) if name == "tags" => {
                    for tag in tags.iter().filter_map(Value::as_str) {
                        body.note(name, tag, "metadata.tags")?;
                    }
                }
                _ => {}
            }
        }
        if body == Self::default() {
            return Ok(());
        }
        let said = said.get_or_insert_default();
        said.user = said.user.take().or(body.user);
        said.agent = said.agent.take().or(body.agent);
        said.session = said.session.take().or(body.session);
        said.task_type = said.task_type.take().or(body.task_type);
        said.priority = said.priority.or(body.priority);
        if said.tags.is_empty() {
            said.tags = body.tags;
        }
        Ok(())
    }

    fn note(&mut self, name: &str, text: &str, param: &str) -> Result<(), Error> {
        let place = match name {
            "user" => &mut self.user,
            "agent" => &mut self.agent,
            "session" => &mut self.session,
            "task-type" => &mut self.task_type,
            "tags" => {
                let room = MOST_TAGS.saturating_sub(self.tags.len());
                self.tags.extend(text.split(',').filter_map(cleaned).take(room));
                return Ok(());
            }
            "priority" => {
                let known = PRIORITIES.iter().find(|known| text.trim() == **known);
                let Some(known) = known else {
                    let message = format!("There is no such priority. Say one of {}.", PRIORITIES.join(", "));
                    return Err(Error::new(Kind::InvalidRequest, message).at(param));
                };
                self.priority = Some(known);
                return Ok(());
            }
            _ => return Ok(()),
        };
        *place = cleaned(text);
        Ok(())
    }
}

/// `text` without control characters, trimmed and cut; `None` if nothing is left.
fn cleaned(text: &str) -> Option<String> {
    let text: String = text.trim().chars().filter(|character| !character.is_control()).collect();
    let end = text.floor_char_boundary(LONGEST);
    (!text.is_empty()).then(|| text[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn headers_win_over_metadata_and_metadata_over_user() {
        let headers = headers(&[("x-tollway-user", "ann"), ("x-tollway-tags", "a, b,,")]);
        let mut said = Attribution::of_headers(&headers).unwrap();
        let metadata = br#"{"user_id":"bob","tollway_agent":"planner","session_id":"s1","tags":["c"],"n":1}"#;
        Attribution::add_body(&mut said, Some(metadata), Some(br#""carl""#)).unwrap();
        let said = said.unwrap();
        assert_eq!((said.user.as_deref(), said.agent.as_deref()), (Some("ann"), Some("planner")));
        assert_eq!((said.session.as_deref(), said.tags), (Some("s1"), vec!["a".to_owned(), "b".to_owned()]));
        let mut said = None;
        Attribution::add_body(&mut said, None, Some(br#""carl""#)).unwrap();
        assert_eq!(said.unwrap().user.as_deref(), Some("carl"));
    }

    #[test]
    fn bounds_and_cleans_what_it_takes() {
        let long = "é".repeat(LONGEST);
        assert_eq!(cleaned(&long).unwrap().len(), LONGEST);
        assert_eq!(cleaned(" \u{1b}[31mred\n "), Some("[31mred".to_owned()));
        let mut said = Attribution::default();
        said.note("tags", &"t,".repeat(100), "tags").unwrap();
        assert_eq!(said.tags.len(), MOST_TAGS);
        assert!(said.note("priority", "urgent", "priority").is_err());
        assert!(Attribution::of_headers(&HeaderMap::new()).unwrap().is_none());
    }
}
