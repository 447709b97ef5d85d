//! What an answer refers to: `groundingMetadata` and `citationMetadata`. Google counts a text's bytes, the canonical form
//! its characters (<https://ai.google.dev/api/generate-content#GroundingMetadata>).

use std::borrow::Cow;

use super::GEMINI;
use crate::canonical::{Annotation, Text};
use crate::json::{Json, Members};

/// The annotations of `text`, the one part, or the `part`th, of a candidate, from what the candidate says besides.
pub(super) fn read(candidate: &Members<'_>, text: &str, part: u64) -> Vec<Annotation<'static>> {
    let mut out = Vec::new();
    if let Some(grounding) = candidate.get("groundingMetadata") {
        let chunks = list(grounding, "groundingChunks");
        for support in list(grounding, "groundingSupports") {
            let Some(segment) = support.get("segment") else { continue };
            let Some(span) = span(segment, text, part) else { continue };
            for index in list(support, "groundingChunkIndices") {
                let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
                out.extend(index.and_then(|index| chunks.get(index)).map(|chunk| of_chunk(chunk, span)));
            }
        }
    }
    if let Some(citations) = candidate.get("citationMetadata") {
        // The Gemini API and Vertex AI differ in the name.
        for name in ["citationSources", "citations"] {
            out.extend(list(citations, name).iter().map(|citation| of_citation(citation, text)));
        }
    }
    out
}

fn list<'j, 'a>(json: &'j Json<'a>, name: &str) -> &'j [Json<'a>] {
    json.get(name).and_then(Json::as_array).unwrap_or_default()
}

fn own(json: &Json<'_>, name: &str) -> Option<Text<'static>> {
    json.get(name)?.as_str().map(|text| Cow::Owned(text.to_owned()))
}

fn of_chunk(chunk: &Json<'_>, span: (u64, u64)) -> Annotation<'static> {
    let source = ["web", "retrievedContext", "maps"].iter().find_map(|kind| chunk.get(kind)).unwrap_or(chunk);
    Annotation {
        url: own(source, "uri"),
        title: own(source, "title"),
        cited: own(source, "text"),
        span: Some(span),
        origin: (GEMINI, chunk.clone().into_owned()),
    }
}

fn of_citation(citation: &Json<'_>, text: &str) -> Annotation<'static> {
    let at = |name: &str| citation.get(name).and_then(Json::as_u64);
    let span = at("endIndex").and_then(|end| in_characters(text, at("startIndex").unwrap_or(0), end));
    Annotation {
        url: own(citation, "uri"),
        title: own(citation, "title"),
        cited: None,
        span,
        origin: (GEMINI, citation.clone().into_owned()),
    }
}

/// Where a segment lies in `text`. Its own text is trusted more than its numbers, which Google counts from varying places.
fn span(segment: &Json<'_>, text: &str, part: u64) -> Option<(u64, u64)> {
    let at = |name: &str| segment.get(name).and_then(Json::as_u64);
    let (start, end) = (at("startIndex").unwrap_or(0), at("endIndex").unwrap_or(0));
    let Some(said) = segment.get("text").and_then(Json::as_str).filter(|said| !said.is_empty()) else {
        return (at("partIndex").unwrap_or(0) == part).then(|| in_characters(text, start, end)).flatten();
    };
    let byte = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    if text.get(byte(start)..byte(end)) == Some(said) {
        return in_characters(text, start, end);
    }
    let found = text.find(said)?;
    in_characters(text, found as u64, (found + said.len()) as u64)
}

fn in_characters(text: &str, start: u64, end: u64) -> Option<(u64, u64)> {
    let count = |at: u64| Some(text.get(..usize::try_from(at).ok()?)?.chars().count() as u64);
    Some((count(start)?, count(end)?)).filter(|(start, end)| start <= end)
}

/// `groundingMetadata` for what other dialects cite in the texts of a candidate; None if they cite nothing.
pub(super) fn write<'a>(texts: &[(u64, &str, &[Annotation<'a>])]) -> Option<Members<'a>> {
    let mut chunks = Vec::new();
    let mut supports = Vec::new();
    for (part, text, annotations) in texts {
        for annotation in *annotations {
            let web = Members::new().with_some("uri", annotation.url.clone());
            let web = web.with_some("title", annotation.title.clone());
            let index = Json::integer(chunks.len() as u64);
            chunks.push(Members::new().with("web", web).into());
            let Some((start, end)) = annotation.span else { continue };
            let (Some(start), Some(end)) = (in_bytes(text, start), in_bytes(text, end)) else { continue };
            let segment = Members::new().with("partIndex", *part).with("startIndex", start as u64);
            let segment = segment.with("endIndex", end as u64);
            let said = text.get(start..end).map(|said| Json::String(said.to_owned().into()));
            let support = Members::new().with("segment", segment.with_some("text", said));
            supports.push(support.with("groundingChunkIndices", vec![index]).into());
        }
    }
    let metadata = || Members::new().with("groundingChunks", Json::Array(chunks.clone()));
    (!chunks.is_empty()).then(|| metadata().with("groundingSupports", Json::Array(supports)))
}

fn in_bytes(text: &str, characters: u64) -> Option<usize> {
    let characters = usize::try_from(characters).ok()?;
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(characters)
}
