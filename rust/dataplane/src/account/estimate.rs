//! What a request took where its provider did not report it: its tokens, counted here.
//!
//! Some servers report nothing, and a stream that was cut, or that its caller left, ends before the report. What of a
//! stream is text is kept as it passes; the tokenizer runs only if the report is missing in the end. More than
//! [`HERE`] bytes, or a vocabulary that is not loaded, is work for another thread: a stream's last bytes, and a whole
//! answer, wait for it, since their record comes before them; where the caller has left, the record alone waits.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinHandle;
use tollway_protocol::canonical::{Body, Delta, Event, Losses, Opening, Part, Usage};
use tollway_protocol::dialect::openai::{Spoken, spoken};
use tollway_protocol::dialect::{Dialect, Head, gemini, openai};
use tollway_protocol::json::Json;

use crate::accept::Call;
use crate::accept::endpoint::Operation;
use crate::exchange::Exchange;

/// The most bytes whose tokens are counted on a thread that serves connections: some 0.15 ms.
const HERE: usize = 8 * 1024;
/// The longest request that is kept until its tokens are reported. Of a longer one that nobody reports the input stays
/// unknown: most of it is media, which bytes say nothing of.
const MAX_KEPT: usize = 1024 * 1024;
/// As much text of an answer as is kept; what is longer is counted in proportion.
const MAX_HEARD: usize = 64 * 1024;

/// Whether so many `bytes` for `model` may be counted on a thread that serves connections.
pub(crate) fn is_short(bytes: usize, model: &str) -> bool {
    bytes <= HERE && tollway_tokens::is_loaded(model)
}

/// What of a request is kept until it is known what of it is reported, and what was counted of it.
#[derive(Default)]
pub(crate) struct Counting {
    /// What came of the answer.
    pub(crate) heard: Heard,
    /// Whether what was reported of a stream is the last word.
    pub(crate) is_final: bool,
    /// What was counted.
    pub(crate) estimate: Option<Usage>,
    asked: Option<Asked>,
    /// A whole answer.
    answer: Option<Bytes>,
    /// Kept while it is done: who awaits the count may be gone before.
    work: Option<Arc<Work>>,
}

/// The request as it was sent on.
struct Asked {
    operation: Operation,
    /// None of one that is too long to be kept.
    body: Option<Bytes>,
}

impl Counting {
    /// Keeps what of `call` may have to be counted.
    pub(crate) fn keep(&mut self, call: &Call) {
        let body = Some(call.body.clone()).filter(|body| body.len() <= MAX_KEPT);
        self.asked = Some(Asked { operation: call.head.endpoint.operation(), body });
    }

    /// Whether anything that costs is not in `reported`. Embeddings have no output, and counting tokens costs nothing.
    fn lacks(&self, reported: &Usage, stream: bool) -> bool {
        let lacks_input = reported.all_input().is_none();
        match self.asked.as_ref().map(|asked| asked.operation) {
            Some(Operation::Generate) => lacks_input || reported.all_output().is_none() || (stream && !self.is_final),
            Some(Operation::Embed { .. }) => lacks_input,
            // What these took without a report is not known: the one is billed by the query, the other by nobody.
            Some(
                Operation::Count | Operation::Rerank | Operation::Moderate | Operation::Media(_) | Operation::Through,
            )
            | None => false,
        }
    }

    fn work(&mut self, model: &str, dialect: Dialect, reported: &Usage) -> Option<Arc<Work>> {
        let Asked { operation, body } = self.asked.take()?;
        let work = Work {
            model: model.to_owned(),
            dialect,
            operation,
            request: body.filter(|_| reported.all_input().is_none()),
            heard: std::mem::take(&mut self.heard),
            answer: self.answer.take().filter(|_| operation == Operation::Generate),
        };
        Some(Arc::clone(self.work.insert(Arc::new(work))))
    }
}

/// A text of which as much is kept as is counted.
#[derive(Default)]
struct Text {
    kept: String,
    bytes: usize,
}

impl Text {
    fn push(&mut self, piece: &str) {
        self.bytes += piece.len();
        let room = MAX_HEARD.saturating_sub(self.kept.len());
        self.kept.push_str(&piece[..piece.floor_char_boundary(room)]);
    }

    fn tokens(&self, model: &str) -> u64 {
        let tokens = tollway_tokens::count_text(model, &self.kept);
        let (all, kept) = (self.bytes as u128, self.kept.len() as u128);
        let in_proportion = (u128::from(tokens) * all).checked_div(kept).unwrap_or(0);
        u64::try_from(in_proportion).unwrap_or(u64::MAX)
    }
}

/// What came of an answer, as far as it is text.
#[derive(Default)]
pub(crate) struct Heard {
    said: Text,
    thought: Text,
    /// The part of a stream that is thought, by its choice and number.
    thinking: Option<(u64, usize)>,
    /// Whether there was content at all.
    any: bool,
}

impl Heard {
    /// Hears an event of a chat stream that has content.
    pub(crate) fn chat(&mut self, data: &[u8]) {
        self.any = true;
        spoken(data, &mut |kind, piece| match kind {
            Spoken::Said => self.said.push(piece),
            Spoken::Thought => self.thought.push(piece),
        });
    }

    /// Hears a step of any other stream.
    pub(crate) fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Open { choice, part, opening } => match opening {
                Opening::Reasoning { .. } => self.thinking = Some((*choice, *part)),
                Opening::ToolCall { name, .. } => self.said.push(name),
                Opening::Image(_) | Opening::Audio(_) => self.any = true,
                Opening::Text | Opening::Refusal | Opening::Foreign(..) => {}
            },
            Event::Delta { choice, part, delta } => {
                self.any = true;
                let is_thought = self.thinking == Some((*choice, *part));
                match delta {
                    Delta::Text(piece) if is_thought => self.thought.push(piece),
                    Delta::Text(piece) | Delta::Arguments(piece) => self.said.push(piece),
                    Delta::Summary(_, piece) => self.thought.push(piece),
                    Delta::Annotation(_) | Delta::Signature(_) | Delta::Rest(_) => {}
                }
            }
            _ => {}
        }
    }

    /// Hears a whole answer in `dialect`.
    fn answer(&mut self, body: &[u8], dialect: Dialect) {
        let Some(answer) = Json::parse(body).ok().and_then(|json| dialect.read_answer(json).ok()) else { return };
        answer.choices.iter().flat_map(|choice| &choice.parts).for_each(|part| self.part(part));
    }

    fn part(&mut self, part: &Part<'_>) {
        match &part.body {
            Body::Text(text, _) | Body::Refusal(text) => self.said.push(text),
            Body::Reasoning(thought) => {
                self.thought.push(&thought.text);
                thought.summary.iter().for_each(|text| self.thought.push(text));
            }
            Body::ToolCall(call) => {
                self.said.push(&call.name);
                self.said.push(&call.arguments.to_text());
            }
            _ => {}
        }
    }
}

/// What is to be counted.
struct Work {
    model: String,
    dialect: Dialect,
    operation: Operation,
    /// None where the input was reported, or is too long.
    request: Option<Bytes>,
    heard: Heard,
    /// A whole answer.
    answer: Option<Bytes>,
}

impl Work {
    fn is_short(&self) -> bool {
        let bodies = [&self.request, &self.answer].into_iter().flatten().map(Bytes::len).sum::<usize>();
        is_short(bodies + self.heard.said.kept.len() + self.heard.thought.kept.len(), &self.model)
    }

    fn count(&self) -> Usage {
        let mut whole = Heard::default();
        if let Some(answer) = &self.answer {
            whole.answer(answer, self.dialect);
        }
        let heard = if self.answer.is_some() { &whole } else { &self.heard };
        let reasoning = Some(heard.thought.tokens(&self.model)).filter(|tokens| *tokens > 0);
        let input = self.request.as_ref().and_then(|body| self.input(body));
        Usage { input, output: Some(heard.said.tokens(&self.model)), reasoning, ..Usage::default() }
    }

    fn input(&self, body: &[u8]) -> Option<u64> {
        let json = Json::parse(body).ok()?;
        let head = Head { model: Some(&self.model), stream: false };
        if let Operation::Embed { .. } = self.operation {
            let request = match self.dialect {
                Dialect::Gemini => gemini::embeddings::read(json, head),
                _ => openai::embeddings::read_request(json, head),
            };
            return Some(tollway_tokens::count_embeddings(&self.model, &request.ok()?));
        }
        let request = self.dialect.read_request(json, head, &mut Losses::default()).ok()?;
        Some(tollway_tokens::count_request(&self.model, &request).tokens)
    }
}

/// Begins to count what `exchange` has no report of. None where nothing is missing, or it is counted now; else the count,
/// which is to be awaited and given to [`Exchange::estimated`].
pub(crate) fn begin(exchange: &mut Exchange) -> Option<JoinHandle<Usage>> {
    let work = work(exchange)?;
    if work.is_short() {
        exchange.estimated(work.count());
        return None;
    }
    Some(tokio::task::spawn_blocking(move || work.count()))
}

/// Counts what `exchange` has no report of, on this thread: the last resort, where nothing can be awaited any more.
pub(crate) fn at_once(exchange: &mut Exchange) {
    if let Some(work) = work(exchange) {
        exchange.estimated(work.count());
    }
}

/// Counts what of a whole answer was not reported.
pub(crate) async fn whole(exchange: &mut Exchange, body: &Bytes) {
    exchange.counting.heard.any = true;
    exchange.counting.answer = Some(body.clone());
    if let Some(count) = begin(exchange)
        && let Ok(usage) = count.await
    {
        exchange.estimated(usage);
    }
}

fn work(exchange: &mut Exchange) -> Option<Arc<Work>> {
    if exchange.settled || exchange.counting.estimate.is_some() {
        return None;
    }
    if let Some(work) = &exchange.counting.work {
        return Some(Arc::clone(work));
    }
    let reported = exchange.told.usage.unwrap_or_default();
    if !exchange.counting.heard.any || !exchange.counting.lacks(&reported, exchange.stream) {
        return None;
    }
    let target = exchange.route.as_ref()?.targets.get(exchange.target?)?;
    exchange.counting.work(&target.model, exchange.dialect, &reported)
}

/// What is known: the report, and where it lacks something or came too early, the count.
pub(super) fn fill(reported: Usage, counted: Usage) -> Usage {
    let mut known = reported;
    if reported.all_input().is_none() {
        known.input = counted.input;
    }
    if reported.all_output() < counted.all_output() {
        known = Usage { output: counted.output, reasoning: counted.reasoning, ..known };
        (known.audio_output, known.image_output) = (None, None);
    }
    known
}
