//! What a caller says of itself: for whom, by which agent, in which conversation, what for; and what it asks of the
//! gateway: how long, how dear, where. In headers, or as `metadata` of the body; the header wins. None of it is trusted: a
//! key's own settings win over all of it, and what is asked for can only make a request's way narrower.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use serde_json::Value;
use tollway_protocol::peek::Span;

use crate::accept::Call;
use crate::error::{Error, Kind};

/// The longest of these texts, in bytes; what is longer is cut.
const LONGEST: usize = 128;
/// As many tags as are kept.
const MOST_TAGS: usize = 16;

/// Who goes first when requests wait.
pub(crate) const PRIORITIES: [&str; 3] = ["interactive", "standard", "batch"];

/// What can be said, as the headers spell it after `x-tollway-`.
const NAMES: [&str; 9] =
    ["user", "agent", "session", "task-type", "priority", "tags", "timeout", "max-cost-usd", "residency"];

/// What was said.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Attribution {
    pub(crate) user: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) task_type: Option<String>,
    pub(crate) priority: Option<&'static str>,
    pub(crate) tags: Vec<String>,
    /// How long the caller waits for all of the answer.
    pub(crate) timeout: Option<Duration>,
    /// What it may cost at most, in nano-dollars.
    pub(crate) max_cost_nano: Option<u64>,
    /// The region that it may not leave.
    pub(crate) residency: Option<String>,
    /// Where its answer is posted, for a caller who does not wait: only in a header.
    pub(crate) callback: Option<HeaderValue>,
}

impl Attribution {
    /// What `headers` say; `None` if nothing.
    ///
    /// # Errors
    /// `InvalidRequest` for a priority that does not exist, a time or a sum that is none.
    pub(crate) fn of_headers(headers: &HeaderMap) -> Result<Option<Box<Self>>, Error> {
        let mut said: Option<Box<Self>> = None;
        for (name, value) in headers {
            let Some(name) = name.as_str().strip_prefix("x-tollway-") else { continue };
            if NAMES.contains(&name) {
                let text = String::from_utf8_lossy(value.as_bytes());
                said.get_or_insert_default().note(name, &text, &format!("x-tollway-{name}"))?;
            } else if name == "callback" {
                said.get_or_insert_default().callback = Some(value.clone());
            }
        }
        Ok(said)
    }

    /// Adds what the body's `metadata` and `user` say, where no header has.
    ///
    /// # Errors
    /// As [`Attribution::of_headers`].
    fn add_body(said: &mut Option<Box<Self>>, metadata: Option<&[u8]>, user: Option<&[u8]>) -> Result<(), Error> {
        let mut body = Self::default();
        if let Some(user) = user.and_then(|json| serde_json::from_slice::<String>(json).ok()) {
            body.note("user", &user, "user")?;
        }
        let metadata = metadata.and_then(|json| serde_json::from_slice::<BTreeMap<Cow<'_, str>, Value>>(json).ok());
        for (name, value) in metadata.iter().flatten() {
            let ours = name.strip_prefix("tollway_");
            let name = ours.unwrap_or(name);
            let name = match name {
                "task_type" => "task-type",
                "session_id" => "session",
                "user_id" => "user",
                "max_cost_usd" => "max-cost-usd",
                name => name,
            };
            match value {
                Value::String(_) | Value::Number(_) => {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    let noted = body.note(name, &text, &format!("metadata.{name}"));
                    // Metadata is the caller's own: what only happens to have such a name is not held against it.
                    if ours.is_some() || name == "priority" {
                        noted?;
                    }
                }
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
        said.timeout = said.timeout.or(body.timeout);
        said.max_cost_nano = said.max_cost_nano.or(body.max_cost_nano);
        said.residency = said.residency.take().or(body.residency);
        if said.tags.is_empty() {
            said.tags = body.tags;
        }
        Ok(())
    }

    /// Adds what the body of `call` says, where no header has.
    ///
    /// # Errors
    /// As [`Attribution::of_headers`].
    pub(crate) fn add_call(said: &mut Option<Box<Self>>, call: &Call) -> Result<(), Error> {
        let part = |span: &Option<Span>| span.clone().and_then(|span| call.body.get(span));
        if call.peek.metadata.is_none() && call.peek.user.is_none() {
            return Ok(());
        }
        Self::add_body(said, part(&call.peek.metadata), part(&call.peek.user))
    }

    fn note(&mut self, name: &str, text: &str, param: &str) -> Result<(), Error> {
        let place = match name {
            "user" => &mut self.user,
            "agent" => &mut self.agent,
            "session" => &mut self.session,
            "task-type" => &mut self.task_type,
            "residency" => &mut self.residency,
            "timeout" => {
                let time = duration(text).ok_or_else(|| no(param, "a time", "`250ms`, `30s`, `5m`, or seconds"))?;
                self.timeout = Some(time);
                return Ok(());
            }
            "max-cost-usd" => {
                let nano = nano_dollars(text).ok_or_else(|| no(param, "a sum", "dollars, as `0.05`"))?;
                self.max_cost_nano = Some(nano);
                return Ok(());
            }
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

fn no(param: &str, what: &str, instead: &str) -> Error {
    Error::new(Kind::InvalidRequest, format!("`{param}` is not {what}. Say {instead}.")).at(param)
}

/// A time as the configuration spells it: `250ms`, `30s`, `5m`, `1h`; a bare number is seconds. Never zero.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let time = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
    (time >= Duration::from_millis(1)).then_some(time)
}

/// A sum in dollars, in nano-dollars; what is more than could ever be spent is no sum.
fn nano_dollars(text: &str) -> Option<u64> {
    const MOST: f64 = 1e9;
    let dollars: f64 = text.trim().parse().ok()?;
    (0.0..=MOST).contains(&dollars).then_some((dollars * 1e9).round() as u64)
}

/// `text` without control characters, trimmed and cut; `None` if nothing is left.
fn cleaned(text: &str) -> Option<String> {
    let text: String = text.trim().chars().filter(|character| !character.is_control()).collect();
    let end = text.floor_char_boundary(LONGEST);
    (!text.is_empty()).then(|| text[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

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

    #[test]
    fn reads_times_and_sums_and_no_nonsense() {
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration(" 1.5 "), Some(Duration::from_millis(1500)));
        assert_eq!(duration("5m"), Some(Duration::from_secs(300)));
        for text in ["", "0", "-1", "soon", "1d", "1e400", "NaN", "."] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(nano_dollars("0.000000001"), Some(1));
        for text in ["", "-1", "NaN", "inf", "1e10", "a lot"] {
            assert_eq!(nano_dollars(text), None, "{text}");
        }
        let said = Attribution::of_headers(&headers(&[("x-tollway-timeout", "2s"), ("x-tollway-residency", "eu")]));
        let said = said.unwrap().unwrap();
        assert_eq!((said.timeout, said.residency.as_deref()), (Some(Duration::from_secs(2)), Some("eu")));
        assert!(Attribution::of_headers(&headers(&[("x-tollway-timeout", "soon")])).is_err());
    }
}
