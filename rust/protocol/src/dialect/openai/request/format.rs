//! What the answer must look like: `response_format`.

use std::borrow::Cow;

use super::super::marks::CHAT;
use crate::canonical::{Format, Losses};
use crate::json::{At, Fields, Invalid, Json, Members};

pub(super) fn read<'a>(json: Json<'a>, at: At<'_>) -> Result<Format<'a>, Invalid> {
    let members = json.as_object().ok_or_else(|| at.invalid("must be an object"))?;
    let kind = members.get("type").and_then(Json::as_str);
    let alone = members.0.len() == 1;
    match kind {
        Some("text") if alone => Ok(Format::Text),
        Some("json_object") if alone => Ok(Format::JsonObject),
        Some("json_schema") if only_known(&json) => schema(json, at),
        Some(_) => Ok(Format::Foreign(CHAT, json)),
        None => Err(at.member("type").invalid("must be a string")),
    }
}

/// Whether there is nothing but what [`schema`] takes, so that it can be written again.
fn only_known(json: &Json<'_>) -> bool {
    let names = |json: &Json<'_>, known: &[&str]| {
        json.as_object().is_some_and(|members| members.0.iter().all(|(name, _)| known.contains(&name.as_ref())))
    };
    let inner = json.get("json_schema");
    names(json, &["type", "json_schema"])
        && inner.is_none_or(|inner| {
            inner.as_object().is_none()
                || (names(inner, &["name", "description", "schema", "strict"]) && inner.get("schema").is_some())
        })
}

fn schema<'a>(json: Json<'a>, at: At<'_>) -> Result<Format<'a>, Invalid> {
    let mut outer = Fields::of(json, at)?;
    let at = at.member("json_schema");
    let mut fields = Fields::of(outer.take("json_schema").ok_or_else(|| at.invalid("is missing"))?, at)?;
    Ok(Format::JsonSchema {
        name: fields.text("name")?,
        description: fields.text("description")?,
        strict: fields.flag("strict")?,
        schema: fields.take("schema").ok_or_else(|| fields.missing("schema"))?,
    })
}

/// Writes it; None if it cannot be said. A schema that has no name elsewhere must have one here.
pub(super) fn write<'a>(format: &Format<'a>, own: bool, losses: &mut Losses) -> Option<Json<'a>> {
    let of_type = |kind: &'static str| Members::new().with("type", kind);
    match format {
        Format::Text => Some(of_type("text").into()),
        Format::JsonObject => Some(of_type("json_object").into()),
        Format::JsonSchema { name, description, schema, strict } => {
            let named = name.clone().or_else(|| (!own).then_some(Cow::Borrowed("answer")));
            let inner = Members::new()
                .with_some("name", named)
                .with_some("description", description.clone())
                .with("schema", schema.clone())
                .with_some("strict", *strict);
            Some(of_type("json_schema").with("json_schema", inner).into())
        }
        Format::Foreign(CHAT, json) => Some(json.clone()),
        Format::Foreign(..) => {
            losses.note("response_format");
            None
        }
    }
}
