//! The chunks of a stream that is written, as bytes: all but the choice of each is the same.

use bytes::BytesMut;

use super::super::answer::id;
use super::super::error::error_body;
use super::super::usage;
use crate::canonical::{Text, Usage};
use crate::dialect::{Told, UpstreamError};
use crate::json::{Json, write_string};
use crate::sse::encoder::{DONE, data_event};

/// What tells a stream of chat from one of text completions.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Form {
    /// The prefix of its name.
    pub(in super::super) prefix: &'static str,
    /// Its `object`.
    pub(in super::super) object: &'static str,
}

/// What every chunk of a stream begins with, what it ends with, and what was counted.
#[derive(Debug)]
pub(in super::super) struct Frame {
    form: Form,
    id: String,
    model: String,
    created: u64,
    tell_usage: bool,
    /// Up to `"choices":[`; empty before the stream has begun.
    head: Vec<u8>,
    scratch: Vec<u8>,
    usage: Option<Usage>,
}

impl Frame {
    pub(in super::super) fn new(form: Form, told: &Told<'_>) -> Self {
        Self {
            form,
            id: told.id.to_owned(),
            model: told.model.to_owned(),
            created: told.created,
            tell_usage: told.usage,
            head: Vec::new(),
            scratch: Vec::new(),
            usage: None,
        }
    }

    /// What the gateway says of the answer.
    pub(in super::super) fn told(&self) -> Told<'_> {
        Told { id: &self.id, model: &self.model, created: self.created, usage: self.tell_usage, request: None }
    }

    /// The stream begins, with what the upstream says of the answer.
    pub(in super::super) fn begin(&mut self, name: Option<&Text<'_>>, model: Option<&str>, created: Option<u64>) {
        let mut head = Vec::with_capacity(192);
        head.extend_from_slice(b"data: {\"id\":");
        write_string(&id(self.form.prefix, name, false, &self.told()), &mut head);
        head.extend_from_slice(b",\"object\":");
        write_string(self.form.object, &mut head);
        head.extend_from_slice(b",\"created\":");
        Json::integer(created.unwrap_or(self.created)).write(&mut head);
        head.extend_from_slice(b",\"model\":");
        write_string(model.unwrap_or(&self.model), &mut head);
        head.extend_from_slice(b",\"choices\":[");
        self.head = head;
    }

    fn ensure_begun(&mut self) {
        if self.head.is_empty() {
            self.begin(None, None, None);
        }
    }

    /// A chunk of one choice, which `body` writes whole.
    pub(in super::super) fn choice(&mut self, out: &mut BytesMut, body: impl FnOnce(&mut Vec<u8>)) {
        self.ensure_begun();
        self.scratch.clear();
        body(&mut self.scratch);
        out.reserve(self.head.len() + self.scratch.len() + 4);
        out.extend_from_slice(&self.head);
        out.extend_from_slice(&self.scratch);
        out.extend_from_slice(b"]}\n\n");
    }

    /// Notes what the stream has taken so far.
    pub(in super::super) fn count(&mut self, usage: Usage) {
        self.usage = Some(self.usage.unwrap_or_default().updated(usage));
    }

    pub(in super::super) const fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// The last of a stream: the usage, if the caller asked for it, and the mark of the end.
    pub(in super::super) fn end(&mut self, out: &mut BytesMut) {
        if let Some(usage) = self.usage.filter(|_| self.tell_usage) {
            self.ensure_begun();
            self.scratch.clear();
            usage::write(&usage).write(&mut self.scratch);
            out.extend_from_slice(&self.head);
            out.extend_from_slice(b"],\"usage\":");
            out.extend_from_slice(&self.scratch);
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(DONE);
    }

    /// The stream breaks off.
    pub(in super::super) fn fail(error: &UpstreamError, out: &mut BytesMut) {
        let kind = error.kind.as_deref().unwrap_or("upstream_error");
        data_event(&error_body(&error.message, kind, error.param.as_deref(), error.code.as_deref()), out);
    }
}
