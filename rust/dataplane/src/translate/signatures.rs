//! Signed thoughts, kept for callers whose dialect has no place for them.
//!
//! Anthropic and Gemini refuse the next turn of a conversation with tools unless what the model thought before its calls
//! comes back, signed (https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking,
//! https://ai.google.dev/gemini-api/docs/thought-signatures). A caller of another dialect gets them in fields of ours, and
//! many clients drop such fields. So they are kept here under the names of the calls, and put back where they lack.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tollway_protocol::canonical::{
    Answer, Body, Delta, Event, Message, Opening, Part, Reasoning, Request, Role, Signature,
};
use tollway_protocol::dialect::Dialect;

/// As much as is kept, in bytes: the thoughts before some ten thousand calls. The least used go first.
const MOST: u64 = 64 << 20;
/// What one entry takes besides its texts.
const ENTRY: u64 = 256;

/// What models thought before their calls.
pub(crate) struct Signatures(Cache<Name, Arc<Thought>, Weight>);

/// A call, by the key of whoever made the request and the id that it was told.
type Name = (Arc<str>, String);

/// What belongs to one call.
#[derive(Default, Debug, Clone, PartialEq)]
struct Thought {
    /// Signed reasoning between the call before, or the turn's beginning, and this call.
    before: Vec<Part<'static>>,
    /// The call's own signature.
    own: Option<Signature<'static>>,
}

#[derive(Clone)]
struct Weight;

impl Weighter<Name, Arc<Thought>> for Weight {
    fn weight(&self, (_, call): &Name, thought: &Arc<Thought>) -> u64 {
        let of_part = |part: &Part<'_>| {
            let text = match &part.body {
                Body::Reasoning(reasoning) => {
                    reasoning.text.len() + reasoning.summary.iter().map(|text| text.len()).sum::<usize>()
                }
                _ => 0,
            };
            text + part.signature.as_ref().map_or(0, |signature| signature.value.len())
        };
        let texts: usize = thought.before.iter().map(of_part).sum();
        let own = thought.own.as_ref().map_or(0, |signature| signature.value.len());
        ENTRY + (call.len() + texts + own) as u64
    }
}

impl Default for Signatures {
    fn default() -> Self {
        Self(Cache::with_weighter(10_000, MOST, Weight))
    }
}

impl Signatures {
    fn keep(&self, key: &Arc<str>, call: &str, thought: Thought) {
        if thought != Thought::default() {
            self.0.insert((Arc::clone(key), call.to_owned()), Arc::new(thought));
        }
    }

    /// Keeps what is signed in `answer`, which goes to a caller with the key `key`.
    pub(crate) fn keep_answer(&self, key: &Arc<str>, answer: &Answer<'_>) {
        for choice in &answer.choices {
            let mut thought = Thought::default();
            for part in &choice.parts {
                match &part.body {
                    Body::Reasoning(reasoning) if part.signature.is_some() => thought.before.push(Part {
                        signature: part.signature.as_ref().map(owned),
                        ..Part::new(Body::Reasoning(owned_reasoning(reasoning)))
                    }),
                    Body::ToolCall(call) => {
                        let mut thought = std::mem::take(&mut thought);
                        thought.own = part.signature.as_ref().map(owned);
                        self.keep(key, call.id.as_deref().unwrap_or_default(), thought);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Puts back into `request`, which goes to a model of the dialect `to`, what it lacks. A caller's copy of a thought
    /// that comes back, without its signature, goes.
    pub(crate) fn restore(&self, key: &Arc<str>, request: &mut Request<'_>, to: Dialect) {
        let mut restored: Vec<String> = Vec::new();
        for message in request.messages.iter_mut().filter(|message| message.role == Role::Assistant) {
            let is_own = |signature: &Option<Signature<'_>>| {
                signature.as_ref().is_some_and(|one| to.takes_signatures_of(one.origin))
            };
            let mut at = 0;
            while at < message.parts.len() {
                let known = match message.parts.get(at).map(|part| &part.body) {
                    Some(Body::ToolCall(call)) => {
                        self.0.get(&(Arc::clone(key), call.id.as_deref().unwrap_or_default().to_owned()))
                    }
                    _ => None,
                };
                let Some(thought) = known else {
                    at += 1;
                    continue;
                };
                if let Some(part) = message.parts.get_mut(at)
                    && !is_own(&part.signature)
                    && is_own(&thought.own)
                {
                    part.signature.clone_from(&thought.own);
                }
                fill(&mut message.parts, &thought.before);
                let lacks = !message
                    .parts
                    .iter()
                    .any(|part| matches!(part.body, Body::Reasoning(_)) && is_own(&part.signature));
                let back: Vec<Part<'static>> =
                    thought.before.iter().filter(|part| lacks && is_own(&part.signature)).cloned().collect();
                at += back.len() + 1;
                restored.extend(back.iter().filter_map(words));
                // Before all else of the turn, as they were: text may lie between them and the call.
                let place = message.parts.iter().position(|part| !matches!(part.body, Body::Reasoning(_))).unwrap_or(0);
                message.parts.splice(place..place, back);
            }
        }
        if !restored.is_empty() {
            leave_out_copies(&mut request.messages, &restored);
        }
    }
}

/// Gives back their words to the thoughts of which a caller kept nothing but the signature.
fn fill(parts: &mut [Part<'_>], kept: &[Part<'static>]) {
    for part in parts.iter_mut().filter(|part| part.signature.is_some()) {
        if words(part).is_some_and(|text| text.is_empty())
            && let Some(whole) = kept.iter().find(|whole| whole.signature == part.signature)
        {
            part.body = whole.body.clone();
        }
    }
}

/// Takes out the unsigned thoughts that say what one of `restored` says, or a piece of it, as some clients keep what came in
/// a stream; and the messages that held nothing else.
fn leave_out_copies(messages: &mut Vec<Message<'_>>, restored: &[String]) {
    let is_copy = |part: &Part<'_>| {
        part.signature.is_none()
            && words(part).is_some_and(|copy| restored.iter().any(|thought| thought.contains(&copy)))
    };
    messages.retain_mut(|message| {
        let was_empty = message.parts.is_empty();
        message.parts.retain(|part| message.role != Role::Assistant || !is_copy(part));
        was_empty || !message.parts.is_empty()
    });
}

/// What a thought says, in whichever of its two places: dialects differ in where they have one.
fn words(part: &Part<'_>) -> Option<String> {
    let Body::Reasoning(thought) = &part.body else { return None };
    Some(if thought.text.is_empty() { thought.summary.concat() } else { thought.text.to_string() })
}

fn owned(signature: &Signature<'_>) -> Signature<'static> {
    Signature { origin: signature.origin, value: signature.value.clone().into_owned().into() }
}

fn owned_reasoning(reasoning: &Reasoning<'_>) -> Reasoning<'static> {
    Reasoning {
        id: reasoning.id.as_ref().map(|id| id.clone().into_owned().into()),
        text: reasoning.text.clone().into_owned().into(),
        summary: reasoning.summary.iter().map(|text| text.clone().into_owned().into()).collect(),
        redacted: reasoning.redacted,
    }
}

/// What is signed in a stream, as it goes by.
#[derive(Default)]
pub(crate) struct Listener {
    /// The part that is open, if it is reasoning or a call, by choice and part.
    open: Vec<((u64, usize), Part<'static>)>,
    thought: Thought,
    calls: Vec<(String, Thought)>,
}

impl Listener {
    /// Notes `event`.
    pub(crate) fn hear(&mut self, event: &Event<'_>) {
        match event {
            Event::Open { choice: 0, part, opening } => {
                let body = match opening {
                    Opening::Reasoning { id, redacted } => {
                        let id = id.as_ref().map(|id| id.clone().into_owned().into());
                        Body::Reasoning(Reasoning { id, redacted: *redacted, ..Reasoning::default() })
                    }
                    Opening::ToolCall { id, .. } => {
                        let call = id.as_deref().unwrap_or_default().to_owned();
                        self.calls.push((call.clone(), std::mem::take(&mut self.thought)));
                        Body::Refusal(call.into())
                    }
                    _ => return,
                };
                self.open.push(((0, *part), Part::new(body)));
            }
            Event::Delta { choice, part, delta } => self.more((*choice, *part), delta),
            Event::Close { choice, part } => self.close((*choice, *part)),
            _ => {}
        }
    }

    fn more(&mut self, at: (u64, usize), delta: &Delta<'_>) {
        let Some((_, part)) = self.open.iter_mut().find(|(open, _)| *open == at) else { return };
        match (delta, &mut part.body) {
            (Delta::Text(text), Body::Reasoning(reasoning)) => reasoning.text.to_mut().push_str(text),
            (Delta::Summary(index, text), Body::Reasoning(reasoning)) => {
                while reasoning.summary.len() <= (*index).min(64) {
                    reasoning.summary.push(String::new().into());
                }
                if let Some(summary) = reasoning.summary.get_mut(*index) {
                    summary.to_mut().push_str(text);
                }
            }
            (Delta::Signature(signature), _) => part.signature = Some(owned(signature)),
            _ => {}
        }
    }

    fn close(&mut self, at: (u64, usize)) {
        let Some(index) = self.open.iter().position(|(open, _)| *open == at) else { return };
        let (_, part) = self.open.swap_remove(index);
        match part.body {
            Body::Reasoning(_) if part.signature.is_some() => self.thought.before.push(part),
            Body::Refusal(call) => {
                if let Some((_, thought)) = self.calls.iter_mut().find(|(id, _)| **id == *call) {
                    thought.own = part.signature;
                }
            }
            _ => {}
        }
    }

    /// Keeps in `signatures` what was heard, which went to a caller with the key `key`.
    pub(crate) fn end(&mut self, key: &Arc<str>, signatures: &Signatures) {
        while let Some((at, _)) = self.open.first() {
            self.close(*at);
        }
        for (call, thought) in self.calls.drain(..) {
            signatures.keep(key, &call, thought);
        }
    }
}

#[cfg(test)]
mod tests {
    use tollway_protocol::canonical::{Arguments, CallKind, Choice, Rest, ToolCall};

    use super::*;

    fn signed(text: &'static str) -> Part<'static> {
        let reasoning = Reasoning { text: text.into(), ..Reasoning::default() };
        let signature = Some(Signature { origin: Dialect::Anthropic, value: "sig".into() });
        Part { signature, ..Part::new(Body::Reasoning(reasoning)) }
    }

    fn call(id: &'static str) -> Part<'static> {
        Part::new(Body::ToolCall(ToolCall {
            id: Some(id.into()),
            name: "look".into(),
            arguments: Arguments::Text("{}".into()),
            kind: CallKind::Function,
            item: None,
        }))
    }

    fn answer(parts: Vec<Part<'static>>) -> Answer<'static> {
        let choice = Choice { index: 0, parts, stop: None, logprobs: None, rest: Rest::none() };
        Answer { id: None, model: None, created: None, choices: vec![choice], usage: None, rest: Rest::none() }
    }

    fn request(parts: Vec<Part<'static>>) -> Request<'static> {
        Request::new("m", vec![Message::new(Role::Assistant, parts)])
    }

    #[test]
    fn thoughts_come_back_before_the_call_that_they_led_to() {
        let (signatures, key) = (Signatures::default(), Arc::from("k"));
        signatures.keep_answer(&key, &answer(vec![signed("hm"), Part::text("I look."), call("a"), call("b")]));
        let mut next = request(vec![Part::text("I look."), call("a"), call("b")]);
        signatures.restore(&key, &mut next, Dialect::Anthropic);
        assert_eq!(next.messages[0].parts, [signed("hm"), Part::text("I look."), call("a"), call("b")]);
        let before = next.clone();
        signatures.restore(&key, &mut next, Dialect::Anthropic);
        assert_eq!(next, before, "what is there is not put there again");
    }

    #[test]
    fn a_thought_of_which_the_signature_is_left_gets_its_words_back() {
        let (signatures, key) = (Signatures::default(), Arc::from("k"));
        signatures.keep_answer(&key, &answer(vec![signed("hm"), call("a")]));
        let mut next = request(vec![signed(""), call("a")]);
        signatures.restore(&key, &mut next, Dialect::Anthropic);
        assert_eq!(next.messages[0].parts, [signed("hm"), call("a")]);
    }

    #[test]
    fn a_callers_copy_of_a_thought_gives_way_to_the_signed_one() {
        let (signatures, key) = (Signatures::default(), Arc::from("k"));
        signatures.keep_answer(&key, &answer(vec![signed("well, hm"), call("a")]));
        let copy = |text| Part { signature: None, ..signed(text) };
        let mut next = request(vec![copy("well,"), copy(" hm"), copy("else"), call("a")]);
        // As Responses has it: each thought in an item of its own.
        next.messages.insert(0, Message::new(Role::Assistant, vec![copy("well, hm")]));
        signatures.restore(&key, &mut next, Dialect::Anthropic);
        assert_eq!(next.messages.len(), 1);
        assert_eq!(next.messages[0].parts, [copy("else"), signed("well, hm"), call("a")]);
    }

    #[test]
    fn another_key_and_another_model_get_nothing() {
        let (signatures, key) = (Signatures::default(), Arc::from("k"));
        signatures.keep_answer(&key, &answer(vec![signed("hm"), call("a")]));
        for (key, to) in [(Arc::from("other"), Dialect::Anthropic), (key, Dialect::Gemini)] {
            let mut next = request(vec![call("a")]);
            signatures.restore(&key, &mut next, to);
            assert_eq!(next.messages[0].parts, [call("a")]);
        }
    }

    #[test]
    fn a_stream_is_kept_as_a_whole_answer_is() {
        let (signatures, key) = (Signatures::default(), Arc::from("k"));
        let mut listener = Listener::default();
        let signature = || Signature { origin: Dialect::Gemini, value: "own".into() };
        let thinks = Opening::Reasoning { id: None, redacted: false };
        let calls =
            Opening::ToolCall { id: Some("a".into()), name: "look".into(), kind: CallKind::Function, item: None };
        for event in [
            Event::Open { choice: 0, part: 0, opening: thinks },
            Event::Delta { choice: 0, part: 0, delta: Delta::Text("h".into()) },
            Event::Delta { choice: 0, part: 0, delta: Delta::Text("m".into()) },
            Event::Delta { choice: 0, part: 0, delta: Delta::Signature(signature()) },
            Event::Close { choice: 0, part: 0 },
            Event::Open { choice: 0, part: 1, opening: calls },
            Event::Delta { choice: 0, part: 1, delta: Delta::Signature(signature()) },
        ] {
            listener.hear(&event);
        }
        listener.end(&key, &signatures);
        let mut next = request(vec![call("a")]);
        signatures.restore(&key, &mut next, Dialect::Gemini);
        let thought = Part { signature: Some(signature()), ..signed("hm") };
        assert_eq!(next.messages[0].parts, [thought, Part { signature: Some(signature()), ..call("a") }]);
    }
}
