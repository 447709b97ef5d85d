//! The response object around the output: what the SDKs' types demand of it, and what it repeats of the request.

use super::request::echo;
use crate::canonical::{Stop, StopReason, Text};
use crate::dialect::Told;
use crate::json::{Json, Members};

const PREFIX: &str = "resp_";

/// The name of an answer: what the upstream calls it, in this dialect's form, or what the gateway does.
pub(super) fn name<'a>(id: Option<&Text<'a>>, ours: &str) -> Text<'a> {
    match id {
        Some(id) if id.starts_with(PREFIX) => id.clone(),
        _ => format!("{PREFIX}{ours}").into(),
    }
}

/// How an answer has ended.
pub(super) struct Ended<'a> {
    pub(super) status: Text<'a>,
    /// Why it is not complete.
    incomplete: Option<Text<'a>>,
}

impl<'a> Ended<'a> {
    /// It has not yet.
    pub(super) const fn not_yet() -> Self {
        Self { status: Text::Borrowed("in_progress"), incomplete: None }
    }

    pub(super) fn of(stop: Option<&Stop<'a>>) -> Self {
        let complete = Self { status: "completed".into(), incomplete: None };
        let Some(stop) = stop else { return complete };
        let word = |known| Self { status: "incomplete".into(), incomplete: Some(known) };
        match stop.reason {
            StopReason::End | StopReason::StopSequence | StopReason::ToolUse => complete,
            StopReason::Length | StopReason::ContextWindow => word("max_output_tokens".into()),
            StopReason::Filter | StopReason::Refusal => word("content_filter".into()),
            StopReason::Pause => word("pause_turn".into()),
            StopReason::MalformedCall => word("malformed_function_call".into()),
            StopReason::Other => match &stop.word {
                Some(status) if matches!(status.as_ref(), "queued" | "in_progress" | "cancelled") => {
                    Self { status: status.clone(), incomplete: None }
                }
                _ => complete,
            },
        }
    }

    /// Whether it says all that it was to say.
    pub(super) const fn is_complete(&self) -> bool {
        self.incomplete.is_none()
    }

    /// What an item says of itself that was being written as the answer ended.
    pub(super) fn item(&self) -> &'static str {
        if self.is_complete() { "completed" } else { "incomplete" }
    }

    /// The members that say so.
    pub(super) fn members(&self) -> Members<'a> {
        let details = self.incomplete.clone().map(|reason| Members::new().with("reason", reason));
        Members::new()
            .with("status", self.status.clone())
            .with("error", Json::Null)
            .with("incomplete_details", details.map_or(Json::Null, Json::Object))
    }
}

/// Reads why an answer has ended. `calls`: whether it calls the caller's tools.
pub(super) fn read_stop<'a>(status: Option<Text<'a>>, reason: Option<Text<'a>>, calls: bool) -> Option<Stop<'a>> {
    let status = status?;
    let complete = if calls { StopReason::ToolUse } else { StopReason::End };
    let (reason, word) = match (status.as_ref(), reason.as_deref()) {
        ("completed", _) => (complete, None),
        ("incomplete", Some("content_filter")) => (StopReason::Filter, reason),
        ("incomplete", Some("pause_turn")) => (StopReason::Pause, reason),
        ("incomplete", Some("malformed_function_call")) => (StopReason::MalformedCall, reason),
        ("incomplete", _) => (StopReason::Length, reason),
        _ => (StopReason::Other, Some(status)),
    };
    Some(Stop { word, ..Stop::new(reason) })
}

/// What the answer repeats of the caller's request, and the defaults of what neither says.
pub(super) fn settings(told: &Told<'_>) -> Members<'static> {
    let said = told.request.map(|request| echo(request).into_owned()).unwrap_or_default();
    said.with_all(defaults())
}

/// What a response object must have, and has if nobody said otherwise.
pub(super) fn defaults() -> Members<'static> {
    let format = Members::new().with("format", Members::new().with("type", "text"));
    let null = || Json::Null;
    Members::new()
        .with("background", false)
        .with("instructions", null())
        .with("max_output_tokens", null())
        .with("metadata", Members::new())
        .with("parallel_tool_calls", true)
        .with("previous_response_id", null())
        .with("reasoning", Members::new().with("effort", null()).with("summary", null()))
        .with("store", false)
        .with("temperature", Json::Number("1.0".into()))
        .with("text", format)
        .with("tool_choice", "auto")
        .with("tools", Vec::new())
        .with("top_p", Json::Number("1.0".into()))
        .with("truncation", "disabled")
        .with("user", null())
}
