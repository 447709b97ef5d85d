//! An upstream's stream, read.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::super::{answer, envelope, usage};
use super::take::{Item, missing, output_index};
use crate::canonical::{Event, Usage};
use crate::dialect::{ReadStream, UpstreamError, parse_error};
use crate::json::{At, Invalid, Json, Members};

pub(super) type Each<'e> = &'e mut dyn FnMut(Event<'_>);

/// Reads a stream. Servers that leave events out are borne with: what the events of an item did not say, its last event
/// or the whole answer at the end does. An answer without its end is never complete: the end says how it ended.
#[derive(Debug, Default)]
pub struct Reader {
    started: bool,
    ended: bool,
    /// By `output_index`.
    pub(super) items: BTreeMap<u64, Item>,
    /// How many parts there are.
    pub(super) parts: usize,
    /// Whether the caller's tools are called.
    pub(super) calls: bool,
    pub(super) searches: u64,
}

impl ReadStream for Reader {
    fn read(&mut self, data: &[u8], each: Each<'_>) -> Result<(), Invalid> {
        let data = data.trim_ascii();
        if self.ended || data.is_empty() || data == b"[DONE]" {
            return Ok(());
        }
        let json = Json::parse(data).map_err(|fault| At::ROOT.invalid(&format!("is not JSON: {fault}")))?;
        let Some(kind) = json.get("type").and_then(Json::as_str) else {
            let error = parse_error(data).ok_or_else(|| At::ROOT.member("type").invalid("is missing"))?;
            self.fail(error, each);
            return Ok(());
        };
        self.event(kind, &json, data, each)
    }

    fn end(&mut self, each: Each<'_>) {
        if !self.ended {
            self.close_all(each);
        }
        self.ended = true;
    }
}

impl Reader {
    fn event(&mut self, kind: &str, json: &Json<'_>, data: &[u8], each: Each<'_>) -> Result<(), Invalid> {
        match kind {
            "error" => {
                let error = parse_error(data).unwrap_or_default();
                let kind = error.kind.filter(|kind| kind != "error");
                self.fail(UpstreamError { kind, ..error }, each);
                return Ok(());
            }
            "response.created" if self.started => return Err(At::ROOT.member("type").invalid("occurs twice")),
            "response.created" | "response.in_progress" | "response.queued" => {
                self.start(json.get("response"), each);
                return Ok(());
            }
            "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" => {
                return self.complete(kind, json, each);
            }
            _ => {}
        }
        let delta = || json.get("delta").and_then(Json::as_str);
        let full = |name: &str| json.get(name).and_then(Json::as_str).unwrap_or_default();
        match kind {
            "response.output_text.delta" | "response.refusal.delta" => {
                self.say(json, delta().ok_or_else(|| missing("delta"))?, kind.contains("refusal"), each)
            }
            "response.output_text.done" => self.say_rest(json, full("text"), false, each),
            "response.refusal.done" => self.say_rest(json, full("refusal"), true, each),
            "response.output_text.annotation.added" | "response.output_text_annotation.added" => self.cite(json, each),
            "response.content_part.added" => self.piece_of(json, each).map(drop),
            "response.content_part.done" => self.piece_done(json, each),
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                self.call_with(json, delta().ok_or_else(|| missing("delta"))?, false, each)
            }
            "response.function_call_arguments.done" => self.call_with(json, full("arguments"), true, each),
            "response.custom_tool_call_input.done" => self.call_with(json, full("input"), true, each),
            "response.reasoning_text.delta" => self.think(json, delta().unwrap_or_default(), each),
            "response.reasoning_summary_text.delta" => self.summarise(json, delta().unwrap_or_default(), each),
            "response.output_item.added" => self.open(json, each),
            "response.output_item.done" => {
                let index = output_index(json)?;
                let item = json.get("item").ok_or_else(|| missing("item"))?;
                self.finish(index, item, each)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn start(&mut self, response: Option<&Json<'_>>, each: Each<'_>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let text = |name| response?.get(name)?.as_str().map(Cow::Borrowed);
        let created = response.and_then(|response| answer::seconds(response.get("created_at")?));
        each(Event::Start { id: text("id"), model: text("model"), created });
    }

    fn fail(&mut self, error: UpstreamError, each: Each<'_>) {
        self.start(None, each);
        self.ended = true;
        each(Event::Error(error));
    }

    /// The last event, with the whole answer.
    fn complete(&mut self, kind: &str, json: &Json<'_>, each: Each<'_>) -> Result<(), Invalid> {
        let response = json.get("response").ok_or_else(|| missing("response"))?;
        self.start(Some(response), each);
        if let Some(error) = response.get("error").or((kind == "response.failed").then_some(&Json::Null)) {
            let error = parse_error(&Json::Object(Members::new().with("error", error.clone())).to_bytes());
            self.fail(error.unwrap_or_default(), each);
            return Ok(());
        }
        let output = response.get("output").and_then(Json::as_array).unwrap_or_default();
        let all_known = self.items.len() >= output.len();
        for (index, item) in (0..).zip(output) {
            // Where all have been seen, those left open are closed below, whatever their numbers.
            if !all_known || self.items.get(&index).is_some_and(|item| !matches!(item, Item::Done)) {
                self.finish(index, item, each)?;
            }
        }
        self.close_all(each);
        let text = |json: Option<&Json<'_>>| Some(Cow::Owned(json?.as_str()?.to_owned()));
        let status =
            text(response.get("status")).unwrap_or_else(|| kind.trim_start_matches("response.").to_owned().into());
        let reason = text(response.get("incomplete_details").and_then(|details| details.get("reason")));
        if let Some(stop) = envelope::read_stop(Some(status), reason, self.calls) {
            each(Event::Stop { choice: 0, stop });
        }
        let usage = response.get("usage").and_then(usage::read);
        if let Some(usage) = usage {
            let web_searches = usage.web_searches.or_else(|| self.searches(response));
            let tier = usage::tier(response.get("service_tier"));
            each(Event::Usage(Usage { web_searches, tier, ..usage }));
        }
        self.ended = true;
        each(Event::End);
        Ok(())
    }

    fn searches(&self, response: &Json<'_>) -> Option<u64> {
        let reported =
            response.get("tool_usage").and_then(|tools| tools.get("web_search")?.get("num_requests")?.as_u64());
        reported.or((self.searches > 0).then_some(self.searches))
    }
}
