//! Writes requests.

use super::models::{self, Told};
use super::parts::Parts;
use super::{tools, turns};
use crate::canonical::{Format, Losses, Request};
use crate::dialect::Wanted;
use crate::dialect::anthropic::emulated;
use crate::dialect::anthropic::request::format::close;
use crate::dialect::anthropic::request::losses::{note_foreign, note_sampling, refuse_kept_elsewhere};
use crate::dialect::bedrock::OWN;
use crate::dialect::bedrock::family::Family;
use crate::dialect::bedrock::stop::SEQUENCE;
use crate::json::{Invalid, Json, Members};

const MORE: &str = "additionalModelRequestFields";
const TIER: &str = "serviceTier";
/// Members of Converse that no other dialect has. A caller of any dialect may say them, by their names here.
const PASSED: [&str; 6] = [
    "guardrailConfig",
    "performanceConfig",
    "requestMetadata",
    "promptVariables",
    TIER,
    "additionalModelResponseFieldPaths",
];

/// Writes a request's body; the model and whether it streams are in the path. Notes what is lost.
///
/// # Errors
/// [`Invalid`] for what the dialect cannot say and must not leave out: media at a URL, another provider's files and state.
pub fn write<'r>(request: &'r Request<'_>, wanted: &Wanted<'_>, losses: &mut Losses) -> Result<Json<'r>, Invalid> {
    refuse_kept_elsewhere(OWN, request)?;
    let family = Family::of(wanted.model);
    let mut parts = Parts::new(family, &mut *losses);
    let conversation = turns::write(&request.messages, &mut parts)?;
    let history = parts.history();
    let mut told = models::tell(request, family, wanted, losses);
    let format = format(request, &told, losses);
    let stands_for_it = matches!(format, Some(Formatted::Tool)).then_some(emulated::TOOL);
    let tools = tools::write(request, (family, told.schemas), &history, stands_for_it, losses);
    note_sampling(&request.sampling, losses);
    losses.note_if(request.user.is_some(), "user");
    losses.note_if(request.parallel_tools == Some(false) && tools.is_some(), "parallel_tool_calls");
    let tier = tier(request);
    let taken = if tier.is_some() { "service_tier" } else { TIER };
    note_foreign(OWN, &request.rest, ("", &[&PASSED[..], &[MORE, taken, "cache_control"]].concat()), losses);

    let text_format = if let Some(Formatted::Schema(schema)) = format { Some(schema) } else { None };
    let output = Members::new().with_some("effort", told.effort).with_some("textFormat", text_format);
    let filled = |members: Members<'r>| (!members.is_empty()).then_some(members);
    let said = |name: &str| request.rest.members.get(name);
    if let Some(Json::Object(own)) = said(MORE) {
        told.fields = own.lend().with_all(told.fields);
    }
    let sequences = family == Family::Claude && told.inference.get("stopSequences").is_some();
    let mut out = Members::new()
        .with_some("system", (!conversation.system.is_empty()).then_some(conversation.system))
        .with("messages", conversation.messages)
        .with_some("inferenceConfig", filled(told.inference))
        .with_some("toolConfig", tools)
        .with_some("outputConfig", filled(output))
        .with_some(MORE, filled(told.fields));
    for name in PASSED {
        out = out.with_some(name, said(name).map(Json::lend));
    }
    if sequences {
        // Claude says which it met only if it is asked.
        let asked = Json::from(vec![Json::from(format!("/{SEQUENCE}"))]);
        out = out.with_all(Members::of([("additionalModelResponseFieldPaths", asked)]));
    }
    let tier = tier.map(|tier| Members::of([("type", tier.into())]));
    Ok(out.with_all(Members::new().with_some(TIER, tier)).into())
}

/// The tier that the caller asks for in `OpenAI`'s or Anthropic's words, if there is such a one here.
fn tier(request: &Request<'_>) -> Option<&'static str> {
    match request.rest.members.get("service_tier")?.as_str()? {
        "default" | "standard" | "standard_only" => Some("default"),
        "flex" => Some("flex"),
        "priority" => Some("priority"),
        _ => None,
    }
}

/// What the answer must look like.
enum Formatted<'r> {
    /// `outputConfig.textFormat`.
    Schema(Members<'r>),
    /// What a tool is called with, for models that know no schemas.
    Tool,
}

fn format<'r>(request: &'r Request<'_>, told: &Told<'_>, losses: &mut Losses) -> Option<Formatted<'r>> {
    let (name, description, schema) = match request.format.as_ref()? {
        Format::Text => return None,
        Format::JsonSchema { name, description, schema, .. } => (name.as_deref(), description.as_deref(), schema),
        Format::JsonObject | Format::Foreign(..) => {
            losses.note("response_format");
            return None;
        }
    };
    if !told.schemas {
        let stands = emulated::write(request, told.thinks, losses).is_some();
        losses.note_if(!stands, "response_format");
        return stands.then_some(Formatted::Tool);
    }
    let mut schema = schema.lend();
    close(&mut schema);
    let definition = Members::of([("schema", schema.to_text().into())])
        .with_some("name", name)
        .with_some("description", description.filter(|text| !text.is_empty()));
    let structure = Members::of([("jsonSchema", definition.into())]);
    Some(Formatted::Schema(Members::of([("type", "json_schema".into()), ("structure", structure.into())])))
}
