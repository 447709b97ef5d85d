//! Translate: from the caller's dialect to the target's, and back.
//!
//! Where both speak the same, the bytes pass as they are, with the model's name replaced and, in a chat stream, our own
//! usage asked for. Else, and where they hold another dialect's signatures, they go through the canonical form; what the
//! target cannot say is named.

pub(crate) mod carried;
pub(crate) mod count;
pub(crate) mod fixed;
pub(crate) mod rerank;
mod signatures;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use tollway_protocol::canonical::{Answer, Body, Losses, Request, StopReason};
use tollway_protocol::dialect::{Dialect, Head, Told as Saying, Wanted, bedrock, cohere, gemini, openai, signature};
use tollway_protocol::json::{Invalid, Json};
use tollway_protocol::quirks::Quirks;
use tollway_protocol::splice::{Segments, for_upstream};

use crate::accept::Call;
use crate::accept::endpoint::Operation;
use crate::accept::upload::Upload;
use crate::error::{Error, Kind};
use crate::exchange::{Exchange, Told};
use crate::snapshot::Target;
use crate::snapshot::spec::OnLossy;

use carried::Carried;
pub(crate) use signatures::{Listener, Signatures};

/// What goes to a target for a call.
pub(crate) struct Outbound<'c> {
    /// What the caller speaks.
    pub(crate) from: Dialect,
    /// What the target is spoken to in.
    pub(crate) to: Dialect,
    pub(crate) operation: Operation,
    pub(crate) body: Segments,
    pub(crate) stream: bool,
    /// Whether embeddings are wanted in base64.
    pub(crate) base64: bool,
    /// Whether the model embeds by Vertex AI's `predict`.
    pub(crate) predict: bool,
    /// What of the request the target cannot be told, as flags.
    pub(crate) losses: Vec<String>,
    /// The request, where its answer is to repeat it.
    pub(crate) asked: Option<Bytes>,
    /// Headers of the caller's that the target understands.
    pub(crate) forward: &'c [(HeaderName, HeaderValue)],
    /// What one has that only passes.
    pub(crate) carried: Option<Box<Carried>>,
}

impl Outbound<'_> {
    /// The same with `body`, which an adapter made of it. Its headers are the adapter's.
    pub(crate) fn instead(&self, body: Bytes) -> Self {
        let Self { from, to, operation, stream, base64, predict, .. } = *self;
        let (losses, asked) = (Vec::new(), self.asked.clone());
        Self {
            from,
            to,
            operation,
            stream,
            base64,
            predict,
            losses,
            asked,
            body: Segments::from(body),
            forward: &[],
            carried: None,
        }
    }

    /// What follows the body that is held.
    pub(crate) fn upload(&self) -> Option<&Upload> {
        self.carried.as_ref()?.upload.as_ref()
    }

    /// Whether the answer passes as it is.
    pub(crate) fn is_passed_on(&self) -> bool {
        self.from == self.to && !self.predict
    }
}

/// What goes to `target` for `call`, and what of it is lost on the way.
///
/// # Errors
/// `InvalidRequest`: the body is not the caller's dialect, or holds what the target cannot say and must not be left
/// out; also where anything is lost, if the route is to refuse that.
pub(crate) fn request<'c>(exchange: &Exchange, call: &'c Call, target: &Target) -> Result<Outbound<'c>, Error> {
    if call.head.endpoint.operation().is_carried() {
        return carried::request(exchange, call, target);
    }
    let (from, operation, stream) = (call.dialect(), call.head.endpoint.operation(), call.stream());
    if !target.provider.serves(operation) {
        return Err(not_served(target, operation));
    }
    let to = match operation {
        Operation::Generate | Operation::Count => target.provider.speaks(from),
        Operation::Embed { .. } => target.provider.embeds(from).unwrap_or(from),
        Operation::Rerank | Operation::Moderate | Operation::Media(_) | Operation::Through => from,
    };
    let mut outbound = Outbound {
        from,
        to,
        operation,
        body: Segments::default(),
        stream,
        base64: false,
        predict: matches!(operation, Operation::Embed { .. }) && target.provider.predicts(&target.model),
        losses: Vec::new(),
        asked: None,
        forward: &[],
        carried: None,
    };
    if from == to {
        outbound.forward = &call.head.forward;
    }
    let mut losses = Losses::default();
    // A count may hold a whole request, and in it the model's name.
    let holds_more = operation == Operation::Count && to == Dialect::Gemini;
    let changed = exchange.most_tokens.is_some() && operation == Operation::Generate;
    if operation == Operation::Rerank {
        rerank::request(call, target, &mut outbound, &mut losses).map_err(|invalid| refused(&invalid))?;
    } else if outbound.is_passed_on() && !holds_more && !changed && !signature::is_marked(&call.body, to) {
        let usage = matches!(from, Dialect::Chat | Dialect::Completions) && target.provider.ask_usage;
        outbound.body = for_upstream(&call.body, &call.peek, &target.labels.model_json, usage);
    } else {
        let body = match operation {
            Operation::Generate
            | Operation::Rerank
            | Operation::Moderate
            | Operation::Media(_)
            | Operation::Through => translated(exchange, call, target, to, &mut losses),
            Operation::Count => count::request(call, target, &mut losses),
            Operation::Embed { .. } => embedding(call, target, &mut outbound, &mut losses),
        };
        outbound.body = Segments::from(Bytes::from(body.map_err(|invalid| refused(&invalid))?));
        outbound.asked = (from == Dialect::Responses && from != to).then(|| call.body.clone());
    }
    if let Some(quirks) = target.provider.quirks(to, operation) {
        apply(quirks, &mut outbound, &mut losses);
    }
    outbound.losses = lost(exchange, target, &losses)?;
    Ok(outbound)
}

/// Makes of the body what the server takes, and of headers that it knows in the body alone members of that.
fn apply(quirks: &Quirks, outbound: &mut Outbound<'_>, losses: &mut Losses) {
    let header = |name: &str| {
        let (_, value) = outbound.forward.iter().find(|(known, _)| known == name)?;
        value.to_str().ok()
    };
    let moved = quirks.moved(&header);
    if (quirks.may_mind(outbound.body.as_slice()) || !moved.is_empty())
        && let Some(body) = quirks.apply(&outbound.body.to_bytes(), moved, losses)
    {
        outbound.body = Segments::from(Bytes::from(body));
    }
    if quirks.moves_headers() {
        outbound.forward = &[];
    }
}

/// What is lost, as flags.
///
/// # Errors
/// `InvalidRequest`, if the route is to refuse that.
fn lost(exchange: &Exchange, target: &Target, losses: &Losses) -> Result<Vec<String>, Error> {
    let reject = exchange.route.as_ref().is_some_and(|route| route.on_lossy == OnLossy::Reject);
    if reject && let Some(first) = losses.names().first() {
        let message = format!(
            "The provider {:?} cannot be told {}, and the route refuses to leave it out (on_lossy = \"reject\").",
            target.provider.name,
            losses.names().join(", ")
        );
        return Err(Error::new(Kind::InvalidRequest, message).at(first.clone()));
    }
    Ok(losses.names().iter().map(|name| format!("lossy:{name}")).collect())
}

fn translated(
    exchange: &Exchange,
    call: &Call,
    target: &Target,
    to: Dialect,
    losses: &mut Losses,
) -> Result<Vec<u8>, Invalid> {
    // It was found to be JSON when it came.
    let json = Json::parse(&call.body)?;
    let mut request = call.dialect().read_request(json, call.path(), losses)?;
    request.stream = call.stream();
    if let Some(most) = exchange.most_tokens {
        request.sampling.max_tokens = Some(request.sampling.max_tokens.map_or(most, |asked| asked.min(most)));
    }
    if let Some(key) = &exchange.key {
        exchange.worker.shared.signatures.restore(&key.id, &mut request, to);
    }
    let wanted = Wanted { max_tokens: &target.provider.max_tokens, ..Wanted::new(&target.model) };
    Ok(to.write_request(&request, &wanted, losses)?.to_bytes())
}

/// A request for embeddings, between the dialects that have them.
fn embedding(
    call: &Call,
    target: &Target,
    outbound: &mut Outbound<'_>,
    losses: &mut Losses,
) -> Result<Vec<u8>, Invalid> {
    let json = Json::parse(&call.body)?;
    let request = match outbound.from {
        Dialect::Gemini => gemini::embeddings::read(json, call.path())?,
        _ => openai::embeddings::read_request(json, call.path())?,
    };
    let wanted = Wanted::new(&target.model);
    outbound.operation = Operation::Embed { batch: gemini::embeddings::is_batch(&request) };
    outbound.base64 = request.base64;
    let body = match outbound.to {
        _ if outbound.predict => gemini::predict::write(&request, losses)?,
        Dialect::Gemini => gemini::embeddings::write(&request, &wanted, losses)?,
        Dialect::Bedrock => bedrock::embeddings::write(&request, &wanted, losses)?,
        Dialect::Cohere => cohere::embeddings::write(&request, &wanted, losses)?,
        _ => openai::embeddings::write_request(&request, &wanted, losses),
    };
    Ok(body.to_bytes())
}

/// Embeddings, read in the target's dialect and written in the caller's.
///
/// # Errors
/// [`Invalid`]: they are not the dialect.
pub(crate) fn embeddings(exchange: &Exchange, body: &[u8], outbound: &Outbound<'_>) -> Result<Read, Invalid> {
    let json = Json::parse(body)?;
    let answer = match outbound.to {
        _ if outbound.predict => gemini::predict::read_answer(json)?,
        Dialect::Gemini => gemini::embeddings::read_answer(json)?,
        Dialect::Bedrock => bedrock::embeddings::read_answer(json)?,
        Dialect::Cohere => cohere::embeddings::read(json)?,
        _ => openai::embeddings::read(json)?,
    };
    let told = Told { usage: answer.usage, model: answer.model.as_deref().map(str::to_owned), finish: None };
    let body = match (outbound.is_passed_on(), outbound.from) {
        (true, _) => None,
        (false, Dialect::Gemini) => {
            let batch = outbound.operation == Operation::Embed { batch: true };
            Some(gemini::embeddings::write_answer(&answer, batch).to_bytes().into())
        }
        (false, _) => Some(openai::embeddings::write(&answer, outbound.base64, &exchange.saying())?.to_bytes().into()),
    };
    Ok(Read { told, body })
}

fn not_served(target: &Target, operation: Operation) -> Error {
    let lacks = match operation {
        Operation::Generate | Operation::Count => "models that answer",
        Operation::Embed { .. } => "embeddings",
        Operation::Rerank => "rerankings",
        Operation::Moderate => "moderations",
        Operation::Media(media) => media.name(),
        Operation::Through => "paths that pass",
    };
    let message = format!("The provider {:?} has no {lacks}.", target.provider.name);
    Error::new(Kind::InvalidRequest, message).at("model")
}

fn refused(invalid: &Invalid) -> Error {
    Error::new(Kind::InvalidRequest, invalid.message.clone()).at(invalid.param.clone())
}

/// The caller's request, where an answer in its dialect is to repeat it.
pub(crate) fn asked(asked: Option<&Bytes>, dialect: Dialect) -> Option<Request<'_>> {
    let json = Json::parse(asked?).ok()?;
    dialect.read_request(json, Head::default(), &mut Losses::default()).ok()
}

/// A whole answer, read: what it tells of itself, and the same for the caller, where that is another dialect.
pub(crate) struct Read {
    pub(crate) told: Told,
    pub(crate) body: Option<Bytes>,
}

/// Reads a whole answer to `outbound`, and writes it in its caller's dialect.
///
/// # Errors
/// [`Invalid`]: it is not the dialect.
pub(crate) fn answer(exchange: &Exchange, body: &[u8], outbound: &Outbound<'_>) -> Result<Read, Invalid> {
    let (from, to) = (outbound.from, outbound.to);
    let json = Json::parse(body)?;
    let mut answer = to.read_answer(json)?;
    let stop = answer.choices.first().and_then(|choice| choice.stop.as_ref());
    let told = Told {
        usage: answer.usage,
        model: answer.model.as_deref().map(str::to_owned),
        finish: stop.map(|stop| stop.word.as_deref().map_or_else(|| word(stop.reason).to_owned(), str::to_owned)),
    };
    let body = (from != to).then(|| {
        name_calls(exchange, &mut answer);
        if let Some(key) = &exchange.key {
            exchange.worker.shared.signatures.keep_answer(&key.id, &answer);
        }
        let asked = asked(outbound.asked.as_ref(), from);
        from.write_answer(&answer, &Saying { request: asked.as_ref(), ..exchange.saying() }).to_bytes().into()
    });
    Ok(Read { told, body })
}

/// Gives each call that has none (Gemini's need none) a name, by which its result can be told.
fn name_calls(exchange: &Exchange, answer: &mut Answer<'_>) {
    let parts = answer.choices.iter_mut().flat_map(|choice| &mut choice.parts);
    let calls = parts.filter_map(|part| if let Body::ToolCall(call) = &mut part.body { Some(call) } else { None });
    for (number, call) in calls.enumerate().filter(|(_, call)| call.id.is_none()) {
        call.id = Some(call_name(exchange.id.digits_str(), number).into());
    }
}

/// The name of the `number`th call of the request `id`.
pub(crate) fn call_name(id: &str, number: usize) -> String {
    // Of the id, what is random: some clients keep names within 40 bytes.
    format!("call_{}{number}", id.get(12..).unwrap_or_default())
}

/// What a record says of an end for which the upstream has no word.
pub(crate) fn word(reason: StopReason) -> &'static str {
    match reason {
        StopReason::End => "stop",
        StopReason::StopSequence => "stop_sequence",
        StopReason::Length | StopReason::ContextWindow => "length",
        StopReason::ToolUse => "tool_calls",
        StopReason::Filter => "content_filter",
        StopReason::Refusal => "refusal",
        StopReason::Pause => "pause",
        StopReason::MalformedCall | StopReason::Other => "other",
    }
}
