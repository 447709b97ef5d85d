//! What a record must be like.

use memchr::memmem;
use serde_json::{Map, Value};
use tollway_records::Record;

use super::field::{Held, find, names};
use crate::error::Error;

/// Conditions that all hold, made once and asked of many records.
#[derive(Clone, Debug, Default)]
pub struct Filter(Vec<Condition>);

#[derive(Clone, Debug)]
struct Condition {
    field: String,
    read: fn(&Record) -> Held<'_>,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Absent,
    Text(String),
    Truth(bool),
    /// Both ends are in it.
    Range(i128, i128),
}

impl Filter {
    /// No condition.
    pub const NONE: Self = Self(Vec::new());

    /// Reads `{field: value}`: a text, a number or a truth that the field must be (or hold, if it holds several), null
    /// for a field that must be absent, `{"gte": n, "lte": n}` for a range.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the field.
    pub fn parse(filter: &Map<String, Value>) -> Result<Self, Error> {
        let condition = |(field, value): (&String, &Value)| {
            let read = find(field).ok_or_else(|| {
                let known: Vec<&str> = names().collect();
                Error::Invalid(format!("a record has no field {field:?}; its fields are {}", known.join(", ")))
            })?;
            let test = Test::parse(value).ok_or_else(|| {
                let text = "a text, a whole number, true, false, null or {\"gte\": n, \"lte\": n}";
                Error::Invalid(format!("the value of {field:?} in a filter is {text}"))
            })?;
            let fits = match (read(&Record::default()), &test) {
                (Held::Truth(_), Test::Truth(_)) => true,
                (Held::Truth(_), _) | (_, Test::Truth(_)) => false,
                (Held::Text(_) | Held::Texts(_), Test::Range(..)) => false,
                (Held::Number(_) | Held::Numbers(_), Test::Text(_)) => false,
                _ => true,
            };
            if !fits {
                return Err(Error::Invalid(format!("{field:?} in a filter has a value of the wrong type")));
            }
            Ok(Condition { field: field.clone(), read, test })
        };
        filter.iter().map(condition).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a record is as asked.
    #[must_use]
    pub fn matches(&self, record: &Record) -> bool {
        self.0.iter().all(|condition| condition.test.holds(&(condition.read)(record)))
    }

    /// Whether an encoded record may match. Texts stand in it as they are, so most of those that do not match need no
    /// decoding.
    pub(crate) fn may_match(&self, raw: &[u8]) -> bool {
        self.0.iter().all(|condition| match &condition.test {
            Test::Text(text) => memmem::find(raw, text.as_bytes()).is_some(),
            _ => true,
        })
    }

    /// Whether only failures can match; they have an index.
    pub(crate) fn only_failures(&self) -> bool {
        self.0.iter().any(|condition| {
            condition.field == "status" && matches!(condition.test, Test::Range(least, _) if least >= 400)
        })
    }
}

impl Test {
    fn parse(value: &Value) -> Option<Self> {
        let whole = |value: &Value| value.as_i64().map(i128::from).or(value.as_u64().map(i128::from));
        match value {
            Value::Null => Some(Self::Absent),
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Bool(truth) => Some(Self::Truth(*truth)),
            Value::Number(_) => whole(value).map(|number| Self::Range(number, number)),
            Value::Object(ends) => {
                let (mut least, mut most) = (i128::MIN, i128::MAX);
                for (end, value) in ends {
                    match end.as_str() {
                        "gte" => least = whole(value)?,
                        "lte" => most = whole(value)?,
                        _ => return None,
                    }
                }
                (!ends.is_empty()).then_some(Self::Range(least, most))
            }
            Value::Array(_) => None,
        }
    }

    fn holds(&self, held: &Held<'_>) -> bool {
        match (self, held) {
            (Self::Absent, Held::Text(text)) => text.is_none_or(str::is_empty),
            (Self::Absent, Held::Texts(texts)) => texts.is_empty(),
            (Self::Absent, Held::Number(number)) => number.is_none(),
            (Self::Absent, Held::Numbers(numbers)) => numbers.is_empty(),
            (Self::Text(wanted), Held::Text(text)) => *text == Some(wanted),
            (Self::Text(wanted), Held::Texts(texts)) => texts.contains(&wanted.as_str()),
            (Self::Truth(wanted), Held::Truth(truth)) => wanted == truth,
            (Self::Range(least, most), Held::Number(number)) => {
                number.is_some_and(|number| (*least..=*most).contains(&number))
            }
            (Self::Range(least, most), Held::Numbers(numbers)) => {
                numbers.iter().any(|number| (*least..=*most).contains(number))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filter(value: Value) -> Result<Filter, Error> {
        Filter::parse(value.as_object().unwrap())
    }

    #[test]
    fn every_field_of_a_record_can_be_asked_for() {
        let known: Vec<&str> = names().collect();
        let parts = (Some(Default::default()), Some(Default::default()));
        let record = Record { tokens: parts.0, units: parts.1, ..Record::default() };
        let record = serde_json::to_value(record).unwrap();
        for (name, value) in record.as_object().unwrap() {
            if name == "tokens" || name == "units" {
                for bucket in value.as_object().unwrap().keys() {
                    assert!(known.contains(&format!("{name}.{bucket}").as_str()), "{bucket}");
                }
            } else {
                assert!(known.contains(&name.as_str()), "{name}");
            }
        }
    }

    #[test]
    fn conditions_are_all_asked() {
        let record = Record {
            status: 429,
            team: Some("a".into()),
            tags: vec!["x".into(), "y".into()],
            cost_nano: Some(-5),
            stream: true,
            ..Record::default()
        };
        let yes = [
            json!({}),
            json!({"status": 429, "team": "a", "tags": "y", "stream": true}),
            json!({"status": {"gte": 400, "lte": 499}, "cost_nano": {"lte": -1}}),
            json!({"user": null, "attempts.class": null, "error": null}),
        ];
        let no = [
            json!({"status": 430}),
            json!({"team": "b"}),
            json!({"team": null}),
            json!({"tags": "z"}),
            json!({"stream": false}),
            json!({"status": 429, "cost_nano": 0}),
            json!({"user": ""}),
        ];
        for asked in yes {
            assert!(filter(asked.clone()).unwrap().matches(&record), "{asked}");
        }
        for asked in no {
            assert!(!filter(asked.clone()).unwrap().matches(&record), "{asked}");
        }
    }

    #[test]
    fn what_cannot_be_asked_is_refused_by_name() {
        for wrong in [
            json!({"colour": "red"}),
            json!({"status": "429"}),
            json!({"team": 4}),
            json!({"stream": "true"}),
            json!({"team": true}),
            json!({"status": {"gt": 4}}),
            json!({"status": {}}),
            json!({"status": 1.5}),
            json!({"tags": ["a"]}),
        ] {
            let name = wrong.as_object().unwrap().keys().next().unwrap().clone();
            let error = filter(wrong).unwrap_err().to_string();
            assert!(error.contains(&name), "{error}");
        }
        assert!(filter(json!({"status": {"gte": 400}})).unwrap().only_failures());
        assert!(!filter(json!({"status": {"lte": 400}})).unwrap().only_failures());
    }
}
