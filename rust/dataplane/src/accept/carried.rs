//! Requests whose bodies are not read whole: forms with files, and what passes to one provider.
//!
//! Of a form the fields are read, and stand as a JSON object where other requests have their body, so that every stage reads
//! them as it reads those. What follows the fields goes on as it comes, from the first file on; it is kept first, and all
//! fields are read, where the form is short, where its model comes behind a file, or where something has to see all of it.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, header};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tollway_protocol::json::{Json, Members};
use tollway_protocol::multipart::{self, BadForm, Form, Part, Step};
use tollway_protocol::peek::Peek;

use crate::authenticate::Caller;
use crate::error::{Error, Kind};
use crate::exchange::Exchange;
use crate::snapshot::Server;
use crate::upstream::provider::Provider;

use super::endpoint::Endpoint;
use super::media::Media;
use super::through::{Area, Through};
use super::upload::{Coming, HELD, Keeping, Upload, too_large};
use super::{Call, CallHead, Head, body, dialect_of_list, examine, media};

/// The most bytes that the fields of a form may have, besides its files.
const MAX_FIELDS: usize = 1024 * 1024;

/// Headers of a caller's that pass to a provider with what passes to it.
const PASSING: [&str; 12] = [
    "accept",
    "content-type",
    "range",
    "idempotency-key",
    "anthropic-version",
    "anthropic-beta",
    "openai-beta",
    // https://ai.google.dev/api/files
    "x-goog-upload-protocol",
    "x-goog-upload-command",
    "x-goog-upload-offset",
    "x-goog-upload-header-content-length",
    "x-goog-upload-header-content-type",
];

impl Head {
    /// Whether the body is not to be read whole.
    pub(crate) fn is_carried(&self) -> bool {
        match &self.endpoint {
            Endpoint::Media(_) => media::is_form(&self.headers),
            Endpoint::Through(_) => true,
            _ => false,
        }
    }

    /// Whether it can be a job: its body is held, and its answer is JSON.
    pub(crate) fn may_wait(&self) -> bool {
        !self.is_carried() && self.endpoint != Endpoint::Media(Media::Speech)
    }
}

/// Reads as much of `body` as decides the way of the request, and leaves the rest to `exchange`.
///
/// # Errors
/// `InvalidRequest`, `RequestTooLarge`, `RequestTimeout`; for what passes to a provider also `ModelNotAllowed`.
pub(crate) async fn read(
    exchange: &mut Exchange,
    head: Head,
    body: Option<Incoming>,
    caller: &Caller,
) -> Result<Call, Error> {
    let snapshot = exchange.snapshot.clone();
    let Some(body) = body else { return Err(Error::new(Kind::Internal, "The request has no body.")) };
    if let Endpoint::Through(through) = &head.endpoint {
        if through.area != Area::MessageBatches {
            exchange.dialect = dialect_of_list(&head.headers);
        }
        let provider = provider(&snapshot.providers, through, &head, caller)?;
        exchange.dialect = provider.speaks(exchange.dialect);
        exchange.through = Some(provider.name.clone());
        exchange.upload = whole_or_coming(body, &snapshot.server).await?;
        exchange.request_bytes = exchange.upload.as_ref().and_then(Upload::length).unwrap_or_default();
        let forward = passing(&head);
        return Ok(Call::new(
            CallHead { endpoint: head.endpoint, model: String::new(), trailer: false, forward },
            Bytes::new(),
            Peek::default(),
        ));
    }
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let boundary = multipart::boundary(kind).map_err(bad_form)?;
    let mut reading = Reading::new(body, &boundary, &snapshot.server);
    let whole = |fields: &[(String, String)]| {
        let named = fields.iter().find(|(name, _)| name == "model");
        named.is_none_or(|(_, model)| must_be_seen(exchange, caller, model))
    };
    let (fields, upload) = reading.read(whole).await?;
    exchange.request_bytes = upload.length().unwrap_or_default();
    let json = Bytes::from(to_json(fields).to_bytes());
    let (model, peek) = examine(&json, &head.endpoint)?;
    exchange.upload = Some(upload);
    let content_type = HeaderValue::from_str(&format!("multipart/form-data; boundary=\"{boundary}\""));
    let forward = content_type.map(|kind| vec![(header::CONTENT_TYPE, kind)]).unwrap_or_default();
    Ok(Call::new(CallHead { endpoint: head.endpoint, model, trailer: false, forward }, json, peek))
}

/// Whether all fields of a form for `model` have to be read before it goes on: something inspects them.
fn must_be_seen(exchange: &Exchange, caller: &Caller, model: &str) -> bool {
    let route = exchange.snapshot.routes.get(model);
    caller.key.guards.inspects_input()
        || route.is_some_and(|route| route.guards.inspects_input() || !route.request_hooks.is_empty())
}

/// A short body as one that can be sent again, any other as it comes; none where there is none.
async fn whole_or_coming(mut body: Incoming, server: &Server) -> Result<Option<Upload>, Error> {
    let declared = body.size_hint().exact();
    if body.is_end_stream() {
        return Ok(None);
    }
    let most = server.max_upload;
    if declared.is_some_and(|declared| declared > most) {
        return Err(too_large());
    }
    if declared.is_some_and(|declared| declared <= HELD as u64) {
        let mut keeping = Keeping::default();
        keeping.push(&body::read(&mut body, HELD, server.body_timeout).await?).await?;
        return Ok(Some(Upload::kept(keeping.end().await?)));
    }
    let coming = Coming::new(Bytes::new(), body, None, (most, server.body_timeout));
    Ok(Some(Upload::coming(coming, declared)))
}

/// The provider that `through` is for: named, or the only one that the key may use so.
fn provider<'p>(
    providers: &'p [std::sync::Arc<Provider>],
    through: &Through,
    head: &Head,
    caller: &Caller,
) -> Result<&'p Provider, Error> {
    const HEADER: &str = "x-tollway-provider";
    let any = through.area == Area::Any;
    let allowed = |provider: &&std::sync::Arc<Provider>| caller.key.passes_to(&provider.name, any);
    let said = head.headers.get(HEADER).and_then(|name| name.to_str().ok()).filter(|_| !any);
    if let Some(name) = through.provider.as_deref().or(said) {
        let found = providers.iter().find(|provider| &*provider.name == name).filter(allowed);
        // The same answer where there is none of that name: what providers there are is not told.
        return found.map(std::sync::Arc::as_ref).ok_or_else(|| {
            let setting = if any { "passthrough" } else { "files" };
            let message =
                format!("The key {:?} may not use this provider so: its `{setting}` does not name it.", caller.key.id);
            Error::new(Kind::ProviderNotAllowed, message).at(if any { "path" } else { HEADER })
        });
    }
    let mut able = providers.iter().filter(allowed);
    match (able.next(), able.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => {
            let message = format!("The key {:?} may use the files and batches of no provider.", caller.key.id);
            Err(Error::new(Kind::ProviderNotAllowed, message))
        }
        (Some(_), Some(_)) => {
            let message = "The key may use several providers so: name one in the header x-tollway-provider.";
            Err(Error::new(Kind::InvalidRequest, message).at(HEADER))
        }
    }
}

/// The caller's headers that pass.
fn passing(head: &Head) -> Vec<(HeaderName, HeaderValue)> {
    let value = |name: &'static str| Some((HeaderName::from_static(name), head.headers.get(name)?.clone()));
    PASSING.into_iter().filter_map(value).collect()
}

/// A form as it is read.
struct Reading<'s> {
    body: Option<Incoming>,
    form: Form,
    boundary: String,
    server: &'s Server,
    declared: Option<u64>,
    /// All that was read, until it is decided what becomes of the files.
    raw: Option<BytesMut>,
    came: u64,
    fields: Vec<(String, String)>,
    fields_size: usize,
}

impl<'s> Reading<'s> {
    fn new(body: Incoming, boundary: &str, server: &'s Server) -> Self {
        Self {
            declared: body.size_hint().exact(),
            body: Some(body),
            form: Form::new(boundary),
            boundary: boundary.to_owned(),
            server,
            raw: Some(BytesMut::new()),
            came: 0,
            fields: Vec::new(),
            fields_size: 0,
        }
    }

    /// The fields, and what goes on behind them: all that is not a field where `whole` says, of the fields before the first
    /// file, that the rest has to be read too.
    async fn read(
        &mut self,
        whole: impl FnOnce(&[(String, String)]) -> bool,
    ) -> Result<(Vec<(String, String)>, Upload), Error> {
        if self.declared.is_some_and(|declared| declared > self.server.max_upload) {
            return Err(too_large());
        }
        let mut file = self.fields(None).await?;
        let short = self.declared.is_some_and(|declared| declared <= HELD as u64);
        if let Some(part) = &file
            && !short
            && !whole(&self.fields)
        {
            return self.stream(part);
        }
        self.raw = None;
        let mut keeping = Keeping::default();
        while let Some(part) = file {
            file = self.keep(&part, &mut keeping).await?;
        }
        let mut end = Vec::new();
        multipart::write_end(&self.boundary, &mut end);
        keeping.push(&end).await?;
        Ok((std::mem::take(&mut self.fields), Upload::kept(keeping.end().await?)))
    }

    /// What has come from `part` on, and what will.
    fn stream(&mut self, part: &Part) -> Result<(Vec<(String, String)>, Upload), Error> {
        let raw = self.raw.take().unwrap_or_default().freeze();
        let from = usize::try_from(part.from).unwrap_or(usize::MAX);
        let held = raw.slice(from.min(raw.len())..);
        let length = self.declared.map(|declared| declared.saturating_sub(part.from));
        let form = std::mem::replace(&mut self.form, Form::new(""));
        let body = self.body.take().ok_or_else(body::broken)?;
        let left = self.server.max_upload.saturating_sub(self.came);
        let coming = Coming::new(held, body, Some(form), (left, self.server.body_timeout));
        Ok((std::mem::take(&mut self.fields), Upload::coming(coming, length)))
    }

    /// Reads the field that is `open`, and others up to the next file, which it gives.
    async fn fields(&mut self, mut open: Option<(String, Vec<u8>)>) -> Result<Option<Part>, Error> {
        loop {
            match self.step().await? {
                Step::Data(data) => {
                    let Some((name, value)) = &mut open else { continue };
                    self.fields_size += data.len();
                    if self.fields_size > MAX_FIELDS {
                        return Err(large_field(name));
                    }
                    value.extend_from_slice(&data);
                }
                Step::Part(part) => {
                    self.close(open.take())?;
                    if part.is_file {
                        return if part.name == "model" { Err(no_text("model")) } else { Ok(Some(part)) };
                    }
                    self.fields_size += part.name.len();
                    open = Some((part.name, Vec::new()));
                }
                Step::End | Step::More => {
                    self.close(open.take())?;
                    return Ok(None);
                }
            }
        }
    }

    fn close(&mut self, open: Option<(String, Vec<u8>)>) -> Result<(), Error> {
        let Some((name, value)) = open else { return Ok(()) };
        if name == "model" && self.fields.iter().any(|(known, _)| known == "model") {
            return Err(two_models());
        }
        let value = String::from_utf8(value).map_err(|_| no_text(&name))?;
        self.fields.push((name, value));
        Ok(())
    }

    /// Keeps `part`, a file, and what other files follow it at once; then reads fields, up to the next file.
    async fn keep(&mut self, part: &Part, keeping: &mut Keeping) -> Result<Option<Part>, Error> {
        let mut head = Vec::new();
        multipart::write_head(&self.boundary, &part.head, &mut head);
        keeping.push(&head).await?;
        loop {
            match self.step().await? {
                Step::Data(data) => keeping.push(&data).await?,
                Step::Part(next) if next.is_file => {
                    keeping.push(b"\r\n").await?;
                    return if next.name == "model" { Err(no_text("model")) } else { Ok(Some(next)) };
                }
                Step::Part(next) => {
                    keeping.push(b"\r\n").await?;
                    return self.fields(Some((next.name, Vec::new()))).await;
                }
                Step::End | Step::More => {
                    keeping.push(b"\r\n").await?;
                    return Ok(None);
                }
            }
        }
    }

    /// What comes next; the end where the last boundary has come.
    async fn step(&mut self) -> Result<Step, Error> {
        loop {
            match self.form.step().map_err(bad_form)? {
                Step::More => {}
                step => return Ok(step),
            }
            let Some(body) = &mut self.body else { return Err(body::broken()) };
            let frame = tokio::time::timeout(self.server.body_timeout, body.frame());
            let frame = frame.await.map_err(|_| body::stalled(self.server.body_timeout))?;
            let Some(frame) = frame else {
                self.form.finish().map_err(bad_form)?;
                return Ok(Step::End);
            };
            let Ok(data) = frame.map_err(|_| body::broken())?.into_data() else { continue };
            self.came += data.len() as u64;
            if self.came > self.server.max_upload {
                return Err(too_large());
            }
            self.form.push(&data);
            if let Some(raw) = &mut self.raw {
                raw.extend_from_slice(&data);
            }
        }
    }
}

/// The fields of a form as an object: what occurs several times is an array, `stream` is what JSON says for it.
fn to_json(fields: Vec<(String, String)>) -> Json<'static> {
    let mut members: Vec<(Cow<'static, str>, Json<'static>)> = Vec::new();
    for (name, value) in fields {
        let value = match (name.as_str(), value.as_str()) {
            ("stream", "true") => Json::Bool(true),
            ("stream", "false") => Json::Bool(false),
            _ => Json::text(value),
        };
        match members.iter_mut().find(|(known, _)| *known == name) {
            Some((_, Json::Array(values))) => values.push(value),
            Some((_, known)) => *known = Json::Array(vec![std::mem::replace(known, Json::Null), value]),
            None => members.push((name.into(), value)),
        }
    }
    Json::Object(Members(members))
}

/// Writes the fields of a form, which `json` holds, for a target that knows its model as `model`; how many.
pub(crate) fn write_fields(json: &Json<'_>, boundary: &str, model: &str, out: &mut Vec<u8>) -> usize {
    let mut count = 0;
    let mut write = |name: &str, value: &Json<'_>| {
        count += 1;
        let text = value.as_str().map_or_else(|| value.to_text(), str::to_owned);
        multipart::write_field(boundary, name, if name == "model" { model } else { &text }, out);
    };
    for (name, value) in json.as_object().map(|members| members.0.as_slice()).unwrap_or_default() {
        match value {
            Json::Array(values) => values.iter().for_each(|value| write(name, value)),
            Json::Null => {}
            value => write(name, value),
        }
    }
    count
}

/// What a form gets that cannot be read.
pub(super) fn bad_form(fault: BadForm) -> Error {
    Error::new(Kind::InvalidRequest, fault.message).at(fault.part.unwrap_or_else(|| "body".to_owned()))
}

/// What a form gets that names two models.
pub(super) fn two_models() -> Error {
    Error::new(Kind::InvalidRequest, "The form holds `model` twice, or as a file: give it once, as text.").at("model")
}

fn no_text(name: &str) -> Error {
    Error::new(Kind::InvalidRequest, "The part is not UTF-8 text: what is a file needs a file name.").at(bounded(name))
}

fn large_field(name: &str) -> Error {
    let message = "The fields of the form have more than 1 MiB: what is a file needs a file name.";
    Error::new(Kind::RequestTooLarge, message).at(bounded(name))
}

/// As much of a name that a caller made up as is told.
fn bounded(name: &str) -> String {
    name[..name.floor_char_boundary(64)].to_owned()
}
