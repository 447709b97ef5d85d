//! An upstream's stream, read.

use super::partial::Partial;
use crate::canonical::{Body, CallKind, Delta, Event, Opening, Part, Signature, Stop, StopReason, Text, ToolCall};
use crate::dialect::gemini::answer::{Candidate, blocked_stop, read_candidate, searches};
use crate::dialect::gemini::names::{each as each_item, object};
use crate::dialect::gemini::{GEMINI, citations, logprobs, part, stop, usage};
use crate::dialect::{ReadStream, parse_error};
use crate::json::{At, Invalid, Json, Members};

/// Reads a stream, also one whose data is an array of chunks.
#[derive(Debug, Default)]
pub struct Reader {
    started: bool,
    failed: bool,
    candidates: Vec<State>,
    /// What has been told of the answer.
    told: Members<'static>,
}

/// A candidate, as far as it is read.
#[derive(Debug, Default)]
struct State {
    index: u64,
    /// How many parts have begun.
    parts: usize,
    open: Option<Open>,
    /// The call whose arguments come in pieces.
    calling: Option<Calling>,
    called: bool,
    /// The last reason given, for it may stand in every chunk.
    stop: Option<Stop<'static>>,
    /// What has been told of the candidate.
    told: Members<'static>,
}

/// The text, or the thoughts, that the next chunk may go on with.
#[derive(Debug)]
struct Open {
    part: usize,
    thought: bool,
    /// It has its signature: what follows is another part.
    signed: bool,
    said: String,
}

/// A call whose arguments come in pieces.
#[derive(Debug)]
struct Calling {
    part: usize,
    arguments: Partial,
    signature: Option<Signature<'static>>,
}

type Each<'e> = &'e mut dyn FnMut(Event<'_>);

impl ReadStream for Reader {
    fn read(&mut self, data: &[u8], each: Each<'_>) -> Result<(), Invalid> {
        let data = data.trim_ascii();
        // Servers in between may add what OpenAI's streams end with.
        if self.failed || data.is_empty() || data == b"[DONE]" {
            return Ok(());
        }
        let parsed = Json::parse(data).map_err(|fault| Invalid {
            param: fault.param,
            message: format!("The event is not JSON: {}", fault.message),
        })?;
        match parsed {
            Json::Array(chunks) => chunks.into_iter().try_for_each(|chunk| self.chunk(chunk, each)),
            chunk => self.chunk(chunk, each),
        }
    }

    fn end(&mut self, each: Each<'_>) {
        if self.failed {
            return;
        }
        self.failed = true;
        for state in &mut self.candidates {
            state.close(each);
        }
        let complete = !self.candidates.is_empty() && self.candidates.iter().all(|state| state.stop.is_some());
        for state in &mut self.candidates {
            let Some(mut stop) = state.stop.take() else { continue };
            if state.called && stop.reason == StopReason::End {
                stop.reason = StopReason::ToolUse;
            }
            each(Event::Stop { choice: state.index, stop });
        }
        if complete {
            each(Event::End);
        }
    }
}

impl Reader {
    fn chunk(&mut self, chunk: Json<'_>, each: Each<'_>) -> Result<(), Invalid> {
        if self.failed {
            return Ok(());
        }
        if chunk.get("error").is_some() {
            self.failed = true;
            each(Event::Error(parse_error(&chunk.to_bytes()).unwrap_or_default()));
            return Ok(());
        }
        let mut fields = object(chunk, At::ROOT)?;
        let (id, model) = (fields.text("responseId")?, fields.text("modelVersion")?);
        if !std::mem::replace(&mut self.started, true) {
            each(Event::Start { id, model, created: None });
        }
        let candidates = each_item(&mut fields, "candidates", read_candidate)?;
        let counted = fields.members("usageMetadata")?.map(Json::Object);
        let mut tokens = counted.as_ref().and_then(usage::read);
        if let Some(tokens) = &mut tokens {
            let searched = candidates.iter().filter_map(|candidate| searches(&candidate.rest));
            tokens.web_searches = searched.reduce(u64::saturating_add);
        }
        let mut rest = fields.rest();
        news(&mut rest, &mut self.told);
        if candidates.is_empty() {
            let stop = rest.get("promptFeedback").and_then(blocked_stop);
            let fresh = self.candidates.is_empty();
            if let Some(stop) = stop.filter(|_| fresh) {
                self.state(0).stop = Some(stop);
            }
        }
        let finishes = candidates.iter().any(|candidate| candidate.word.is_some());
        for (place, candidate) in candidates.into_iter().enumerate() {
            let index = candidate.index.unwrap_or(place as u64);
            self.state(index).candidate(candidate, each)?;
        }
        // Every chunk counts anew: only the last count is worth its details.
        if let Some(counted) = counted.filter(|_| finishes) {
            rest.push("usageMetadata", counted);
        }
        if let Some(state) = self.candidates.first_mut().filter(|_| !rest.is_empty()) {
            state.whole(Opening::Foreign(GEMINI, Members::new().with("response", rest).into()), each);
        }
        tokens.into_iter().for_each(|tokens| each(Event::Usage(tokens)));
        Ok(())
    }

    fn state(&mut self, index: u64) -> &mut State {
        let place = self.candidates.iter().position(|state| state.index == index).unwrap_or_else(|| {
            self.candidates.push(State { index, ..State::default() });
            self.candidates.len() - 1
        });
        &mut self.candidates[place]
    }
}

impl State {
    fn candidate(&mut self, candidate: Candidate<'_>, each: Each<'_>) -> Result<(), Invalid> {
        let Candidate { parts, word, detail, mut rest, .. } = candidate;
        for part in parts {
            match &part.body {
                Body::Foreign(GEMINI, json) if json.get("functionCall").is_some() => self.piece(json, each)?,
                _ => self.part(part, each),
            }
        }
        news(&mut rest, &mut self.told);
        if let Some(open) = self.open.as_ref().filter(|open| !open.thought && !rest.is_empty()) {
            for annotation in citations::read(&rest, &open.said, 0) {
                each(Event::Delta { choice: self.index, part: open.part, delta: Delta::Annotation(annotation) });
            }
        }
        if let Some(result) = rest.get("logprobsResult") {
            each(Event::Logprobs { choice: self.index, json: logprobs::read(result) });
            rest.0.retain(|(name, _)| name != "logprobsResult");
        }
        if !rest.is_empty() {
            self.whole(Opening::Foreign(GEMINI, Members::new().with("candidate", rest).into()), each);
        }
        if let Some(word) = word {
            let own = |text: Text<'_>| text.into_owned().into();
            self.stop = Some(stop::read(own(word), detail.map(own), false));
        }
        Ok(())
    }

    /// A piece of a call. The first has its name; the last says nothing, or that no other follows.
    fn piece(&mut self, json: &Json<'_>, each: Each<'_>) -> Result<(), Invalid> {
        let at = At::ROOT.member("functionCall");
        let Some(call) = json.get("functionCall") else { return Ok(()) };
        let text = |json: &Json<'_>, name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
        if let Some(name) = text(call, "name") {
            self.called = true;
            let id = text(call, "id").map(Text::from);
            let opening = Opening::ToolCall { id, name: name.into(), kind: CallKind::Function, item: None };
            let part = self.begin(opening, each);
            self.calling = Some(Calling { part, arguments: Partial::default(), signature: None });
        }
        let pieces = call.get("partialArgs").and_then(Json::as_array).unwrap_or_default();
        let Some(calling) = &mut self.calling else {
            return if pieces.is_empty() { Ok(()) } else { Err(at.invalid("is a piece of a call that has not begun")) };
        };
        if let Some(signature) = text(json, "thoughtSignature") {
            calling.signature = Some(Signature { origin: GEMINI, value: signature.into() });
        }
        let mut out = Vec::new();
        let whole = call.get("args").and_then(Json::as_object).into_iter().flat_map(|members| &members.0);
        // What came in pieces before may be said again as a whole.
        let whole: Vec<_> = whole
            .filter(|(name, _)| !calling.arguments.has(name))
            .map(|(name, value)| (format!("$['{}']", name.replace('\\', "\\\\").replace('\'', "\\'")), value))
            .collect();
        let pieces = pieces.iter().filter_map(|piece| Some((text(piece, "jsonPath")?, value_of(piece)?)));
        for (path, value) in whole.into_iter().chain(pieces) {
            let added = calling.arguments.add(&path, value, &mut out);
            added.map_err(|wrong| at.member("partialArgs").invalid(&format!("{wrong}: {path:.80}")))?;
        }
        if !out.is_empty() {
            let text = String::from_utf8(out).unwrap_or_default();
            each(Event::Delta { choice: self.index, part: calling.part, delta: Delta::Arguments(text.into()) });
        }
        let last = call.get("willContinue") == Some(&Json::Bool(false));
        if last || call.as_object().is_some_and(Members::is_empty) {
            self.close(each);
        }
        Ok(())
    }

    fn part(&mut self, part: Part<'_>, each: Each<'_>) {
        let choice = self.index;
        match part.body {
            Body::Text(text, _) => self.text(&text, false, part.signature, each),
            Body::Reasoning(reasoning) => self.text(&reasoning.text, true, part.signature, each),
            Body::ToolCall(ToolCall { id, name, arguments, .. }) => {
                self.called = true;
                let opening = Opening::ToolCall { id, name, kind: CallKind::Function, item: None };
                let part_number = self.begin(opening, each);
                let arguments = Delta::Arguments(arguments.to_text());
                each(Event::Delta { choice, part: part_number, delta: arguments });
                self.sign_and_close(part_number, part.signature, each);
            }
            Body::Image(media) => {
                let number = self.begin(Opening::Image(media), each);
                self.sign_and_close(number, part.signature, each);
            }
            Body::Audio(media) => {
                let number = self.begin(Opening::Audio(media), each);
                self.sign_and_close(number, part.signature, each);
            }
            body => {
                let part = Part { body, ..part };
                let signature = part.signature.as_ref().map(|signature| signature.value.clone());
                if let Ok(members) = part::write(&part) {
                    let json = members.with_some("thoughtSignature", signature).into();
                    self.close(each);
                    self.whole(Opening::Foreign(GEMINI, json), each);
                }
            }
        }
    }

    fn text(&mut self, text: &str, thought: bool, signature: Option<Signature<'_>>, each: Each<'_>) {
        if text.is_empty() && signature.is_none() {
            return;
        }
        let choice = self.index;
        if self.open.as_ref().is_none_or(|open| open.thought != thought || open.signed) {
            let opening = if thought { Opening::Reasoning { id: None, redacted: false } } else { Opening::Text };
            let part = self.begin(opening, each);
            self.open = Some(Open { part, thought, signed: false, said: String::new() });
        }
        let Some(open) = &mut self.open else { return };
        if !text.is_empty() {
            open.said.push_str(text);
            each(Event::Delta { choice, part: open.part, delta: Delta::Text(text.into()) });
        }
        if let Some(signature) = signature {
            open.signed = true;
            each(Event::Delta { choice, part: open.part, delta: Delta::Signature(signature) });
        }
    }

    /// Closes what is open, and begins a part; its number.
    fn begin(&mut self, opening: Opening<'_>, each: Each<'_>) -> usize {
        self.close(each);
        let part = self.parts;
        self.parts += 1;
        each(Event::Open { choice: self.index, part, opening });
        part
    }

    fn sign_and_close(&self, part: usize, signature: Option<Signature<'_>>, each: Each<'_>) {
        let choice = self.index;
        signature.into_iter().for_each(|signature| {
            each(Event::Delta { choice, part, delta: Delta::Signature(signature) });
        });
        each(Event::Close { choice, part });
    }

    /// A part that comes whole, also while another is open.
    fn whole(&mut self, opening: Opening<'_>, each: Each<'_>) {
        let (choice, part) = (self.index, self.parts);
        self.parts += 1;
        each(Event::Open { choice, part, opening });
        each(Event::Close { choice, part });
    }

    fn close(&mut self, each: Each<'_>) {
        if let Some(Calling { part, mut arguments, signature }) = self.calling.take() {
            let mut out = Vec::new();
            arguments.end(&mut out);
            let text = String::from_utf8(out).unwrap_or_default();
            each(Event::Delta { choice: self.index, part, delta: Delta::Arguments(text.into()) });
            self.sign_and_close(part, signature, each);
        }
        if let Some(open) = self.open.take() {
            each(Event::Close { choice: self.index, part: open.part });
        }
    }
}

/// What a piece of arguments says. Null may be said as the word of its enumeration; a piece may say nothing yet.
fn value_of<'j>(piece: &'j Json<'_>) -> Option<&'j Json<'j>> {
    let said = |(name, _): &&(Text<'_>, Json<'_>)| {
        matches!(name.as_ref(), "stringValue" | "numberValue" | "boolValue" | "nullValue")
    };
    let (name, value) = piece.as_object()?.0.iter().find(said)?;
    Some(if name == "nullValue" { &Json::Null } else { value })
}

/// Keeps of `members` what is not known yet: much of it stands in every chunk.
fn news(members: &mut Members<'_>, known: &mut Members<'static>) {
    members.0.retain(|(name, value)| {
        let new = *value != Json::Null && known.get(name) != Some(value);
        if new {
            known.0.retain(|(known, _)| known != name);
            known.push(name.clone().into_owned(), value.clone().into_owned());
        }
        new
    });
}
