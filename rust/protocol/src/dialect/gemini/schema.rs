//! Google's schemas, a choice from OpenAPI 3.0, and JSON Schema
//! (<https://ai.google.dev/api/caching#Schema>, <https://json-schema.org/draft/2020-12>).

use std::borrow::Cow;

use super::names::in_camel_case;
use crate::json::{Json, Members};

const TYPES: [&str; 8] = ["", "string", "number", "integer", "boolean", "array", "object", "null"];

/// Plain JSON Schema for one of Google's.
pub(super) fn to_json_schema(schema: Json<'_>) -> Json<'_> {
    let Json::Object(Members(members)) = in_camel_case(schema) else { return Json::Null };
    let mut out = Members::new();
    let mut nullable = false;
    for (name, value) in members {
        match (name.as_ref(), value) {
            ("nullable", Json::Bool(flag)) => nullable = flag,
            ("type", value) => {
                if let Some(value) = lower_type(value) {
                    out.push("type", value);
                }
            }
            ("properties", Json::Object(Members(properties))) => {
                let each = properties.into_iter().map(|(name, schema)| (name, to_json_schema(schema)));
                out.push("properties", Members(each.collect()));
            }
            ("defs", Json::Object(Members(defs))) => {
                out.push("$defs", Members(defs.into_iter().map(|(name, def)| (name, to_json_schema(def))).collect()));
            }
            ("items" | "additionalProperties", schema @ Json::Object(_)) => out.push(name, to_json_schema(schema)),
            ("anyOf", Json::Array(items)) => {
                out.push("anyOf", items.into_iter().map(to_json_schema).collect::<Vec<_>>());
            }
            ("example", value) => out.push("examples", vec![value]),
            ("ref", Json::String(to)) => out.push("$ref", to.replacen("#/defs/", "#/$defs/", 1)),
            (count, Json::String(digits)) if is_count(count) => out.push(name, Json::Number(digits)),
            (_, value) => out.push(name, value),
        }
    }
    if nullable { with_null(out).into() } else { out.into() }
}

/// Google's form of a schema that [`to_json_schema`] made.
pub(super) fn to_open_api<'a>(schema: &Json<'a>) -> Json<'a> {
    let Json::Object(Members(members)) = schema else { return schema.clone() };
    let mut out = Members::new();
    let mut nullable = false;
    for (name, value) in members {
        match (name.as_ref(), value) {
            ("type", Json::Array(types)) => {
                nullable = types.iter().any(is_null_word);
                for one in types.iter().filter(|one| !is_null_word(one)) {
                    out.push("type", upper_type(one));
                }
            }
            ("type", one) => out.push("type", upper_type(one)),
            ("enum", Json::Array(values)) => {
                out.push("enum", values.iter().filter(|value| **value != Json::Null).cloned().collect::<Vec<_>>());
            }
            ("properties", Json::Object(properties)) => out.push("properties", each(properties)),
            ("$defs", Json::Object(defs)) => out.push("defs", each(defs)),
            ("items" | "additionalProperties", schema @ Json::Object(_)) => {
                out.push(name.clone(), to_open_api(schema));
            }
            ("anyOf", Json::Array(items)) => {
                nullable = nullable || items.iter().any(is_null_schema);
                let others = items.iter().filter(|item| !is_null_schema(item)).map(to_open_api);
                out.push("anyOf", others.collect::<Vec<_>>());
            }
            ("examples", Json::Array(examples)) if examples.len() == 1 => {
                out.0.extend(examples.first().map(|example| (Cow::Borrowed("example"), example.clone())));
            }
            ("$ref", Json::String(to)) => out.push("ref", to.replacen("#/$defs/", "#/defs/", 1)),
            _ => out.push(name.clone(), value.clone()),
        }
    }
    if nullable { out.with("nullable", true).into() } else { out.into() }
}

fn each<'a>(schemas: &Members<'a>) -> Members<'a> {
    Members(schemas.0.iter().map(|(name, schema)| (name.clone(), to_open_api(schema))).collect())
}

/// With null allowed. Without a type or alternatives it is allowed already.
fn with_null(Members(mut members): Members<'_>) -> Members<'_> {
    let mut said = false;
    for (name, value) in &mut members {
        match (name.as_ref(), value) {
            ("type", value @ Json::String(_)) => {
                let one = std::mem::replace(value, Json::Null);
                *value = Json::Array(vec![one, "null".into()]);
                said = true;
            }
            ("anyOf", Json::Array(items)) => {
                items.push(Members::new().with("type", "null").into());
                said = true;
            }
            ("enum", Json::Array(values)) => values.push(Json::Null),
            _ => {}
        }
    }
    let members = Members(members);
    if said { members } else { members.with("nullable", true) }
}

fn lower_type(value: Json<'_>) -> Option<Json<'_>> {
    match value {
        Json::String(word) if word == "TYPE_UNSPECIFIED" => None,
        Json::String(word) if word.bytes().any(|byte| byte.is_ascii_uppercase()) => {
            Some(word.to_ascii_lowercase().into())
        }
        Json::Number(_) => {
            let index = value.as_u64().and_then(|number| usize::try_from(number).ok());
            index.and_then(|index| TYPES.get(index)).filter(|word| !word.is_empty()).map(|word| (*word).into())
        }
        other => Some(other),
    }
}

fn upper_type<'a>(value: &Json<'a>) -> Json<'a> {
    value.as_str().map_or_else(|| value.clone(), |word| word.to_ascii_uppercase().into())
}

fn is_null_word(value: &Json<'_>) -> bool {
    value.as_str() == Some("null")
}

fn is_null_schema(schema: &Json<'_>) -> bool {
    schema.as_object().is_some_and(|members| members.0.len() == 1) && schema.get("type").is_some_and(is_null_word)
}

fn is_count(name: &str) -> bool {
    matches!(name, "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties" | "maxProperties")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(google: &str, plain: &str) {
        let schema = to_json_schema(Json::parse(google.as_bytes()).expect("JSON"));
        assert_eq!(schema.to_text(), plain);
        assert_eq!(to_open_api(&schema).to_text(), google);
    }

    #[test]
    fn there_and_back() {
        both(
            r#"{"type":"OBJECT","properties":{"min_items":{"type":"STRING","enum":["a"],"nullable":true}},"required":["min_items"]}"#,
            r#"{"type":"object","properties":{"min_items":{"type":["string","null"],"enum":["a",null]}},"required":["min_items"]}"#,
        );
        both(
            r#"{"anyOf":[{"type":"STRING"},{"type":"NUMBER"}],"nullable":true}"#,
            r#"{"anyOf":[{"type":"string"},{"type":"number"},{"type":"null"}]}"#,
        );
        both(
            r##"{"type":"ARRAY","items":{"ref":"#/defs/A"},"defs":{"A":{"type":"INTEGER","example":4}}}"##,
            r##"{"type":"array","items":{"$ref":"#/$defs/A"},"$defs":{"A":{"type":"integer","examples":[4]}}}"##,
        );
        both(r#"{"nullable":true}"#, r#"{"nullable":true}"#);
    }

    #[test]
    fn other_spellings() {
        let loose = r#"{"type":6,"any_of":[{"type":0}],"min_items":"3","property_ordering":["b"],"nullable":false}"#;
        let schema = to_json_schema(Json::parse(loose.as_bytes()).expect("JSON"));
        let expected = r#"{"type":"object","anyOf":[{}],"minItems":3,"propertyOrdering":["b"]}"#;
        assert_eq!(schema.to_text(), expected);
    }
}
