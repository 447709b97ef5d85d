//! Google's documents in the one form that the dialect writes, made by rules of the tests' own; and streams, folded.

use serde_json::{Map, Value, json};

/// A request as it is written.
pub(super) fn request(document: &Value) -> Value {
    let mut out = camel(document);
    for content in list(&mut out, "contents") {
        self::content(content, Some("user"));
    }
    if let Some(contents) = out.get_mut("contents").and_then(Value::as_array_mut) {
        contents.retain(|content| content["parts"] != json!([]));
    }
    if let Some(system) = out.get_mut("systemInstruction") {
        self::content(system, None);
    }
    if out.get("tools").is_some() {
        let (mut functions, mut tools, mut place) = (Vec::new(), Vec::new(), None);
        for tool in list(&mut out, "tools") {
            let tool = camel(tool);
            if let Some(declared) = tool.get("functionDeclarations") {
                place = place.or(Some(tools.len()));
                functions.extend(declared.as_array().expect("a list").iter().map(function));
            }
            let others =
                tool.as_object().expect("an object").iter().filter(|(name, _)| *name != "functionDeclarations");
            tools.extend(others.map(|(name, value)| json!({ name: value })));
        }
        if let Some(place) = place.filter(|_| !functions.is_empty()) {
            tools.insert(place, json!({"functionDeclarations": functions}));
        }
        out["tools"] = tools.into();
    }
    if let Some(config) = out.get_mut("generationConfig") {
        *config = camel(config);
        if let Some(thinking) = config.get_mut("thinkingConfig") {
            *thinking = camel(thinking);
            if let Some(level) = thinking.get("thinkingLevel") {
                thinking["thinkingLevel"] = level.as_str().expect("a word").to_uppercase().into();
            }
        }
        if let Some(google) = config.get("responseSchema") {
            config["responseSchema"] = schema(google);
            let members = config.as_object_mut().expect("an object");
            members.entry("responseMimeType").or_insert("application/json".into());
        }
    }
    if let Some(config) = out.get_mut("toolConfig") {
        *config = camel(config);
        if let Some(calling) = config.get_mut("functionCallingConfig") {
            *calling = camel(calling);
            calling["mode"] = calling["mode"].as_str().expect("a word").to_uppercase().into();
        }
    }
    let settings = ["generationConfig", "toolConfig", "tools"];
    let members = out.as_object_mut().expect("an object");
    members.retain(|name, value| !settings.contains(&name.as_str()) || (*value != json!({}) && *value != json!([])));
    out
}

/// An answer as it is written.
pub(super) fn answer(document: &Value) -> Value {
    const REASONS: [&str; 4] = ["FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY"];
    let mut out = camel(document);
    for (place, candidate) in list(&mut out, "candidates").into_iter().enumerate() {
        let candidate = candidate.as_object_mut().expect("an object");
        let content = candidate.entry("content").or_insert_with(|| json!({}));
        self::content(content, Some("model"));
        content["role"] = "model".into();
        if content["parts"] == json!([]) {
            content.as_object_mut().expect("an object").remove("parts");
        }
        candidate.entry("index").or_insert(place.into());
        if let Some(number) = candidate.get("finishReason").and_then(Value::as_u64) {
            candidate.insert("finishReason".into(), REASONS[usize::try_from(number).expect("small")].into());
        }
    }
    let members = out.as_object_mut().expect("an object");
    members.entry("modelVersion").or_insert("told-model".into());
    members.entry("responseId").or_insert("told-id".into());
    out
}

/// All chunks of a stream as one answer.
pub(super) fn fold(chunks: &[Value]) -> Value {
    let mut whole = Map::new();
    let mut candidates: Vec<Value> = Vec::new();
    for chunk in chunks.iter().map(answer) {
        for (name, value) in chunk.as_object().expect("an object") {
            if name != "candidates" {
                whole.insert(name.clone(), value.clone());
            }
        }
        for candidate in chunk["candidates"].as_array().into_iter().flatten() {
            let known = candidates.iter().position(|known| known["index"] == candidate["index"]);
            let known = known.unwrap_or_else(|| {
                candidates.push(json!({"index": candidate["index"], "parts": []}));
                candidates.len() - 1
            });
            let known = &mut candidates[known];
            for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
                add(known["parts"].as_array_mut().expect("a list"), part);
            }
            for (name, value) in candidate.as_object().expect("an object") {
                if name != "content" {
                    known[name] = value.clone();
                }
            }
        }
    }
    candidates.sort_by_key(|candidate| candidate["index"].as_u64());
    whole.insert("candidates".into(), candidates.into());
    whole.into()
}

/// Texts of one kind go on until one is signed; an empty one says nothing.
fn add(parts: &mut Vec<Value>, part: &Value) {
    let Some(text) = part.get("text").and_then(Value::as_str) else { return parts.push(part.clone()) };
    if text.is_empty() && part.get("thoughtSignature").is_none() {
        return;
    }
    if let Some(last) =
        parts.last_mut().filter(|last| last["text"].is_string() && last.get("thoughtSignature").is_none())
        && last["thought"] == part["thought"]
    {
        last["text"] = format!("{}{text}", last["text"].as_str().expect("text")).into();
        if let Some(signature) = part.get("thoughtSignature") {
            last["thoughtSignature"] = signature.clone();
        }
        return;
    }
    parts.push(part.clone());
}

/// Names in camelCase, nulls left out.
fn camel(value: &Value) -> Value {
    let members = value.as_object().unwrap_or_else(|| panic!("an object: {value}"));
    let rename = |name: &String| {
        let mut words = name.split('_').filter(|word| !word.is_empty());
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
    };
    members.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (rename(name), value.clone())).collect()
}

fn list<'v>(value: &'v mut Value, name: &str) -> Vec<&'v mut Value> {
    match value.get_mut(name) {
        None => Vec::new(),
        Some(slot) => {
            if slot.is_object() {
                *slot = json!([slot.clone()]);
            }
            slot.as_array_mut().expect("a list").iter_mut().collect()
        }
    }
}

fn content(content: &mut Value, role: Option<&str>) {
    *content = camel(content);
    for part in list(content, "parts") {
        self::part(part);
    }
    let members = content.as_object_mut().expect("an object");
    members.entry("parts").or_insert(json!([]));
    if let Some(role) = role {
        members.entry("role").or_insert(role.into());
    }
    if members.get("role") == Some(&"model".into()) && role == Some("user") {
        let parts = members["parts"].as_array_mut().expect("a list");
        if parts.len() > 1 {
            parts.retain(|part| *part != json!({"text": ""}));
        }
    }
}

fn part(part: &mut Value) {
    *part = camel(part);
    if part.get("thought") == Some(&Value::Bool(false)) {
        part.as_object_mut().expect("an object").remove("thought");
    }
    for name in ["inlineData", "fileData", "functionCall", "functionResponse"] {
        let Some(inner) = part.get_mut(name) else { continue };
        *inner = camel(inner);
        if let Some(data) = inner.get("data").and_then(Value::as_str) {
            inner["data"] = data.replace('-', "+").replace('_', "/").into();
        }
        let members = inner.as_object_mut().expect("an object");
        match name {
            "functionCall" if !members.contains_key("willContinue") => drop(members.entry("args").or_insert(json!({}))),
            "functionResponse" => drop(members.entry("response").or_insert(json!({}))),
            _ => {}
        }
        list(inner, "parts").into_iter().for_each(self::part);
    }
}

fn function(value: &Value) -> Value {
    let mut out = camel(value);
    if let Some(google) = out.get("parameters") {
        out["parameters"] = schema(google);
    }
    out
}

fn schema(value: &Value) -> Value {
    const TYPES: [&str; 8] = ["", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"];
    let mut out = camel(value);
    for (name, value) in out.as_object_mut().expect("an object") {
        match (name.as_str(), &*value) {
            ("type", Value::Number(number)) => {
                let index = usize::try_from(number.as_u64().expect("a number")).expect("small");
                *value = TYPES[index].into();
            }
            ("type", Value::String(word)) => *value = word.to_uppercase().into(),
            ("properties", Value::Object(properties)) => {
                *value = properties.iter().map(|(name, value)| (name.clone(), schema(value))).collect();
            }
            ("items" | "additionalProperties", Value::Object(_)) => *value = schema(value),
            ("anyOf", Value::Array(items)) => *value = items.iter().map(schema).collect(),
            _ => {}
        }
    }
    if out.get("nullable") == Some(&Value::Bool(false)) {
        out.as_object_mut().expect("an object").remove("nullable");
    }
    out
}
