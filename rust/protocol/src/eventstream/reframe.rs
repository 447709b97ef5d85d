//! Frames as Server-Sent Events.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut, Bytes, BytesMut};

use super::decoder::{Decoder, MAX_FRAME};
use super::fault::Fault;
use super::frame::Frame;
use crate::json::{Json, Members};
use crate::sse::encoder::data_event;

/// What the frames of an answer carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inner {
    /// `ConverseStream`: an event is `event: TYPE` and `data: {"TYPE":payload}`, the union of the service's model
    /// (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html>).
    Converse,
    /// `InvokeModelWithResponseStream`: the model's own events, in base64
    /// (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html>).
    /// One that has a `type`, as Anthropic's have, is named by it.
    Invoke,
}

/// Turns a stream of frames into Server-Sent Events. An exception becomes an event named `error`, which holds an error
/// as the reader of the stream's dialect knows it.
#[derive(Debug)]
pub struct Reframe {
    inner: Inner,
    decoder: Decoder,
}

impl Reframe {
    /// For one stream.
    #[must_use]
    pub fn new(inner: Inner) -> Self {
        Self { inner, decoder: Decoder::new(MAX_FRAME) }
    }

    /// Appends to `out` what the frames in `bytes`, which may be cut anywhere, are as events.
    ///
    /// # Errors
    /// The first [`Fault`], then and ever after. The events of the frames before it are in `out`.
    pub fn push(&mut self, bytes: Bytes, out: &mut BytesMut) -> Result<(), Fault> {
        self.decoder.push(bytes);
        while let Some(frame) = self.decoder.next_frame()? {
            self.write(&frame, out).map_err(|fault| self.decoder.fail(fault))?;
        }
        Ok(())
    }

    /// That the stream may end here.
    ///
    /// # Errors
    /// [`Fault::Cut`] within a frame, or the fault that ended the stream before.
    pub fn end(&self) -> Result<(), Fault> {
        self.decoder.end()
    }

    /// Frames of kinds that may come to be are passed over.
    fn write(&self, frame: &Frame, out: &mut BytesMut) -> Result<(), Fault> {
        match (frame.text(":message-type"), self.inner) {
            (Some("exception"), _) => {
                self.error(frame.text(":exception-type").unwrap_or_default(), &told(&frame.payload), out);
            }
            (Some("error"), _) => {
                let message = frame.text(":error-message").unwrap_or_default();
                self.error(frame.text(":error-code").unwrap_or_default(), message, out);
            }
            (Some("event"), Inner::Converse) => union(frame, out),
            (Some("event"), Inner::Invoke) if frame.text(":event-type") == Some("chunk") => chunk(frame, out)?,
            _ => {}
        }
        Ok(())
    }

    /// An error of this name. Behind [`Inner::Invoke`] Anthropic's clients read it, in words that they know.
    fn error(&self, name: &str, message: &str, out: &mut BytesMut) {
        let kind = if self.inner == Inner::Invoke { anthropic_kind(name) } else { name };
        let error = Members::new().with("type", kind).with("message", message);
        let body = Json::from(Members::new().with("type", "error").with("error", error));
        event("error", &body.to_bytes(), out);
    }
}

fn event(name: &str, data: &[u8], out: &mut BytesMut) {
    out.reserve(name.len() + data.len() + 24);
    out.put_slice(b"event: ");
    out.put_slice(name.as_bytes());
    out.put_u8(b'\n');
    data_event(data, out);
}

/// A name that cannot break the line it stands in.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// `{"TYPE":payload}`.
fn union(frame: &Frame, out: &mut BytesMut) {
    let Some(name) = frame.text(":event-type").filter(|name| is_name(name)) else { return };
    let payload: &[u8] = if frame.payload.is_empty() { b"{}" } else { &frame.payload };
    event(name, &[b"{\"", name.as_bytes(), b"\":", payload, b"}"].concat(), out);
}

/// The event in a `chunk`, `{"bytes":base64}`.
fn chunk(frame: &Frame, out: &mut BytesMut) -> Result<(), Fault> {
    let payload = Json::parse(&frame.payload).map_err(|_| Fault::Payload)?;
    let encoded = payload.get("bytes").and_then(Json::as_str).ok_or(Fault::Payload)?;
    let data = STANDARD.decode(encoded).map_err(|_| Fault::Payload)?;
    let document = Json::parse(&data).map_err(|_| Fault::Payload)?;
    match document.get("type").and_then(Json::as_str).filter(|name| is_name(name)) {
        Some(name) => event(name, &data, out),
        None => data_event(&data, out),
    }
    Ok(())
}

/// What an exception says, with what the model's own server said of it.
fn told(payload: &[u8]) -> String {
    let Ok(document) = Json::parse(payload) else { return String::from_utf8_lossy(payload).into_owned() };
    let text = |name: &str| document.get(name).and_then(Json::as_str);
    let message = text("message").or_else(|| text("Message")).unwrap_or_default();
    match text("originalMessage").filter(|original| !message.contains(*original)) {
        Some(original) => format!("{message} ({original})"),
        None => message.to_owned(),
    }
}

/// Anthropic's word (<https://platform.claude.com/docs/en/api/errors>) for an exception of Bedrock's.
fn anthropic_kind(name: &str) -> &'static str {
    match name.to_ascii_lowercase().trim_end_matches("exception") {
        "throttling" | "servicequotaexceeded" => "rate_limit_error",
        "serviceunavailable" | "modelnotready" => "overloaded_error",
        "modeltimeout" => "timeout_error",
        "validation" => "invalid_request_error",
        "accessdenied" => "permission_error",
        "resourcenotfound" => "not_found_error",
        _ => "api_error",
    }
}
