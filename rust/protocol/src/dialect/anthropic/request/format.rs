//! What the answer must look like: `output_config.format`
//! (<https://platform.claude.com/docs/en/build-with-claude/structured-outputs>).

use super::super::OWN;
use super::model::Model;
use crate::canonical::{Format, Losses};
use crate::json::{Json, Members};

pub(super) fn write<'r>(format: &'r Format<'_>, own: bool, model: Model, losses: &mut Losses) -> Option<Json<'r>> {
    match format {
        Format::Text => None,
        Format::Foreign(OWN, json) => Some(json.lend()),
        Format::JsonSchema { schema, .. } if own || model.schemas => {
            let mut schema = schema.lend();
            if !own {
                close(&mut schema);
            }
            Some(Members::new().with("type", "json_schema").with("schema", schema).into())
        }
        Format::JsonObject | Format::JsonSchema { .. } | Format::Foreign(..) => {
            losses.note("response_format");
            None
        }
    }
}

/// Says of every object of a schema that it has no other members: the API refuses one that does not say so.
pub(in crate::dialect) fn close(schema: &mut Json<'_>) {
    match schema {
        Json::Array(items) => items.iter_mut().for_each(close),
        Json::Object(members) => {
            for (name, value) in &mut members.0 {
                match name.as_ref() {
                    "properties" | "$defs" | "definitions" => {
                        if let Json::Object(inner) = value {
                            inner.0.iter_mut().for_each(|(_, schema)| close(schema));
                        }
                    }
                    "items" | "anyOf" | "allOf" | "oneOf" => close(value),
                    _ => {}
                }
            }
            // Google's own: the order of the members says the same.
            members.0.retain(|(name, _)| name != "propertyOrdering");
            let object = members.get("type").and_then(Json::as_str) == Some("object");
            if object && members.get("additionalProperties").is_none() {
                members.push("additionalProperties", false);
            }
        }
        _ => {}
    }
}
