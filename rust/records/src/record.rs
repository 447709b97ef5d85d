//! The record of one request.
//!
//! On disk it is a Protocol Buffers message (<https://protobuf.dev/programming-guides/encoding/>): a reader skips
//! fields that it does not know, and a newer gateway reads what an older one wrote. [`Record`] is what is read;
//! [`Writer`] writes the same fields straight from where the data plane holds them.

use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};
use serde::Serialize;

/// The numbers of the fields of [`Record`] on the wire. A number is never used for anything else again.
#[expect(missing_docs, reason = "each is the field of that name, documented at Record, Attempt, Tokens or Units")]
pub mod field {
    pub const ID: u32 = 1;
    pub const ACCEPTED_US: u32 = 2;
    pub const ENDPOINT: u32 = 3;
    pub const STATUS: u32 = 4;
    pub const ERROR: u32 = 5;
    pub const FINISH: u32 = 6;
    pub const STREAM: u32 = 7;

    pub const ORGANISATION: u32 = 10;
    pub const TENANT: u32 = 11;
    pub const TEAM: u32 = 12;
    pub const PROJECT: u32 = 13;
    pub const ENVIRONMENT: u32 = 14;
    pub const KEY: u32 = 15;
    pub const USER: u32 = 16;
    pub const AGENT: u32 = 17;
    pub const SESSION: u32 = 18;
    pub const TASK_TYPE: u32 = 19;
    pub const TAGS: u32 = 20;
    pub const PRIORITY: u32 = 21;
    pub const REGION: u32 = 22;

    pub const ROUTE: u32 = 30;
    pub const DECISION: u32 = 31;
    pub const PROVIDER: u32 = 32;
    pub const MODEL: u32 = 33;
    pub const REQUESTED_MODEL: u32 = 34;
    pub const SERVED_MODEL: u32 = 35;
    pub const ATTEMPTS: u32 = 36;
    pub const UPSTREAM_ID: u32 = 37;

    pub const ADMITTED_US: u32 = 40;
    pub const SENT_US: u32 = 41;
    pub const FIRST_TOKEN_US: u32 = 42;
    pub const TOTAL_US: u32 = 43;
    pub const OVERHEAD_US: u32 = 44;
    pub const CONNECT_US: u32 = 45;
    pub const UPSTREAM_US: u32 = 46;

    pub const TOKENS: u32 = 50;
    pub const ESTIMATED: u32 = 51;
    pub const COST_NANO: u32 = 52;
    pub const PRICE_VERSION: u32 = 53;
    pub const SERVICE_TIER: u32 = 54;
    pub const UNITS: u32 = 55;

    pub const CACHE: u32 = 60;
    pub const FLAGS: u32 = 61;
    pub const TRACE_ID: u32 = 62;
    pub const SPAN_ID: u32 = 63;
    pub const PARENT_SPAN_ID: u32 = 64;
    pub const REQUEST_BYTES: u32 = 65;
    pub const RESPONSE_BYTES: u32 = 66;
    pub const PAYLOAD: u32 = 67;
    pub const TRACE_FLAGS: u32 = 68;

    pub const ATTEMPT_PROVIDER: u32 = 1;
    pub const ATTEMPT_MODEL: u32 = 2;
    pub const ATTEMPT_CLASS: u32 = 3;
    pub const ATTEMPT_STATUS: u32 = 4;
    pub const ATTEMPT_AT_US: u32 = 5;
    pub const ATTEMPT_TOOK_US: u32 = 6;
    pub const ATTEMPT_COST_NANO: u32 = 7;

    pub const TOKENS_INPUT: u32 = 1;
    pub const TOKENS_CACHE_READ: u32 = 2;
    pub const TOKENS_CACHE_WRITE: u32 = 3;
    pub const TOKENS_OUTPUT: u32 = 4;
    pub const TOKENS_REASONING: u32 = 5;
    pub const TOKENS_AUDIO_INPUT: u32 = 6;
    pub const TOKENS_AUDIO_OUTPUT: u32 = 7;
    pub const TOKENS_IMAGE_INPUT: u32 = 8;
    pub const TOKENS_IMAGE_OUTPUT: u32 = 9;
    pub const TOKENS_VIDEO_INPUT: u32 = 10;
    pub const TOKENS_VIDEO_OUTPUT: u32 = 11;
    pub const TOKENS_DOCUMENT_INPUT: u32 = 12;

    pub const UNITS_IMAGES: u32 = 1;
    pub const UNITS_AUDIO_INPUT_MS: u32 = 2;
    pub const UNITS_CHARACTERS: u32 = 3;
    pub const UNITS_SEARCH_UNITS: u32 = 4;
    pub const UNITS_WEB_SEARCHES: u32 = 5;
}

/// Everything that is remembered of one request. Times are in microseconds; those that end in `_us` count from
/// `accepted_us`, save durations, as each says.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct Record {
    /// `req_` and 32 hexadecimal digits, of which the first 12 are the milliseconds since 1970: ids sort by time.
    #[prost(string, tag = "1")]
    pub id: String,
    /// When the request's head had arrived, since 1970 (UTC).
    #[prost(uint64, tag = "2")]
    pub accepted_us: u64,
    /// What was asked for, such as `chat/completions`.
    #[prost(string, tag = "3")]
    pub endpoint: String,
    /// The HTTP status that the caller got; 499 if it left before.
    #[prost(uint32, tag = "4")]
    pub status: u32,
    /// The code of the error that the caller got.
    #[prost(string, optional, tag = "5")]
    pub error: Option<String>,
    /// Why the model stopped, in its own dialect's word.
    #[prost(string, optional, tag = "6")]
    pub finish: Option<String>,
    /// Whether a stream was asked for.
    #[prost(bool, tag = "7")]
    pub stream: bool,

    /// Scopes: who is counted.
    #[prost(string, optional, tag = "10")]
    pub organisation: Option<String>,
    /// Scope.
    #[prost(string, optional, tag = "11")]
    pub tenant: Option<String>,
    /// Scope.
    #[prost(string, optional, tag = "12")]
    pub team: Option<String>,
    /// Scope.
    #[prost(string, optional, tag = "13")]
    pub project: Option<String>,
    /// Scope.
    #[prost(string, optional, tag = "14")]
    pub environment: Option<String>,
    /// The virtual key's public id.
    #[prost(string, optional, tag = "15")]
    pub key: Option<String>,
    /// Scope: the caller's own user, as the caller names it.
    #[prost(string, optional, tag = "16")]
    pub user: Option<String>,
    /// Scope: the agent, as the caller names it.
    #[prost(string, optional, tag = "17")]
    pub agent: Option<String>,
    /// The conversation, as the caller names it.
    #[prost(string, optional, tag = "18")]
    pub session: Option<String>,
    /// The kind of work, as the caller names it.
    #[prost(string, optional, tag = "19")]
    pub task_type: Option<String>,
    /// Scopes, as the caller names them.
    #[prost(string, repeated, tag = "20")]
    pub tags: Vec<String>,
    /// `interactive`, `standard` or `batch`.
    #[prost(string, optional, tag = "21")]
    pub priority: Option<String>,
    /// The region of the provider that served it.
    #[prost(string, optional, tag = "22")]
    pub region: Option<String>,

    /// The route.
    #[prost(string, optional, tag = "30")]
    pub route: Option<String>,
    /// Why it went where it went, in short form.
    #[prost(string, optional, tag = "31")]
    pub decision: Option<String>,
    /// The provider that served it, or was tried last.
    #[prost(string, optional, tag = "32")]
    pub provider: Option<String>,
    /// The model that was asked of the provider.
    #[prost(string, optional, tag = "33")]
    pub model: Option<String>,
    /// The model that the caller asked for: at most 128 bytes of it.
    #[prost(string, optional, tag = "34")]
    pub requested_model: Option<String>,
    /// The model that the provider says has answered.
    #[prost(string, optional, tag = "35")]
    pub served_model: Option<String>,
    /// Every send, in order.
    #[prost(message, repeated, tag = "36")]
    pub attempts: Vec<Attempt>,
    /// The provider's own id of the request.
    #[prost(string, optional, tag = "37")]
    pub upstream_id: Option<String>,

    /// When the request had been read, authenticated and admitted.
    #[prost(uint64, optional, tag = "40")]
    pub admitted_us: Option<u64>,
    /// When the send that served it, or the last, began.
    #[prost(uint64, optional, tag = "41")]
    pub sent_us: Option<u64>,
    /// When the first content had come.
    #[prost(uint64, optional, tag = "42")]
    pub first_token_us: Option<u64>,
    /// When the last byte was handed over.
    #[prost(uint64, tag = "43")]
    pub total_us: u64,
    /// A duration: the gateway's own share of the time until the answer's head.
    #[prost(uint64, tag = "44")]
    pub overhead_us: u64,
    /// A duration: how long connections took to be made, where one was made.
    #[prost(uint64, optional, tag = "45")]
    pub connect_us: Option<u64>,
    /// A duration: spent waiting for upstreams until their answers' heads.
    #[prost(uint64, tag = "46")]
    pub upstream_us: u64,

    /// Tokens by bucket, where known.
    #[prost(message, optional, tag = "50")]
    pub tokens: Option<Tokens>,
    /// Whether `tokens` are our estimate, not the provider's report.
    #[prost(bool, tag = "51")]
    pub estimated: bool,
    /// The price in billionths of a US dollar; none if it is not known.
    #[prost(int64, optional, tag = "52")]
    pub cost_nano: Option<i64>,
    /// The version of the price table behind `cost_nano`.
    #[prost(string, optional, tag = "53")]
    pub price_version: Option<String>,
    /// The tier that the provider says it was served on: `standard`, `flex`, `priority`, `batch`, `fast`, `scale`,
    /// `provisioned` or `other`.
    #[prost(string, optional, tag = "54")]
    pub service_tier: Option<String>,
    /// What was used and is not counted in tokens; none if there was nothing of it.
    #[prost(message, optional, tag = "55")]
    pub units: Option<Units>,

    /// `hit-exact`, `hit-semantic`, `miss` or `bypass`.
    #[prost(string, tag = "60")]
    pub cache: String,
    /// Compliance flags.
    #[prost(string, repeated, tag = "61")]
    pub flags: Vec<String>,
    /// W3C trace id: 32 hexadecimal digits.
    #[prost(string, optional, tag = "62")]
    pub trace_id: Option<String>,
    /// The id of the span of this request: 16 hexadecimal digits.
    #[prost(string, optional, tag = "63")]
    pub span_id: Option<String>,
    /// The caller's span.
    #[prost(string, optional, tag = "64")]
    pub parent_span_id: Option<String>,
    /// The size of the request's body.
    #[prost(uint64, tag = "65")]
    pub request_bytes: u64,
    /// The size of what the caller was sent.
    #[prost(uint64, tag = "66")]
    pub response_bytes: u64,
    /// Whether the payload was sampled: it is stored apart, under the same id.
    #[prost(bool, tag = "67")]
    pub payload: bool,
    /// The flags of the caller's trace, where it has one: 1 is `sampled`.
    #[prost(uint32, optional, tag = "68")]
    pub trace_flags: Option<u32>,
}

/// What was asked and answered, of a request that was sampled.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Payload {
    /// The request's id.
    #[prost(string, tag = "1")]
    pub id: String,
    /// The request's body, as it was sent on: what a guardrail masked is masked here.
    #[prost(bytes = "vec", tag = "2")]
    pub request: Vec<u8>,
    /// What the caller was sent; empty if something was put back into it that a guardrail had masked.
    #[prost(bytes = "vec", tag = "3")]
    pub response: Vec<u8>,
}

/// One send to one target.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct Attempt {
    /// The provider.
    #[prost(string, tag = "1")]
    pub provider: String,
    /// The model that was asked of it.
    #[prost(string, tag = "2")]
    pub model: String,
    /// How it ended: `ok`, or the class of the error.
    #[prost(string, tag = "3")]
    pub class: String,
    /// The HTTP status that it answered, if it did.
    #[prost(uint32, optional, tag = "4")]
    pub status: Option<u32>,
    /// When it began.
    #[prost(uint64, tag = "5")]
    pub at_us: u64,
    /// A duration: how long until its answer was judged.
    #[prost(uint64, tag = "6")]
    pub took_us: u64,
    /// About what its input has cost in nano-dollars, where it was dropped before it was answered. No part of the request's
    /// own `cost_nano`.
    #[prost(uint64, optional, tag = "7")]
    pub cost_nano: Option<u64>,
}

/// Tokens in disjoint buckets: each token is counted once. None is not known, 0 is none.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message, Serialize)]
pub struct Tokens {
    /// Input that came from no cache.
    #[prost(uint64, optional, tag = "1")]
    pub input: Option<u64>,
    /// Input read from the provider's cache.
    #[prost(uint64, optional, tag = "2")]
    pub cache_read: Option<u64>,
    /// Input written to the provider's cache.
    #[prost(uint64, optional, tag = "3")]
    pub cache_write: Option<u64>,
    /// Output that the caller could read.
    #[prost(uint64, optional, tag = "4")]
    pub output: Option<u64>,
    /// Output spent on reasoning.
    #[prost(uint64, optional, tag = "5")]
    pub reasoning: Option<u64>,
    /// Audio in.
    #[prost(uint64, optional, tag = "6")]
    pub audio_input: Option<u64>,
    /// Audio out.
    #[prost(uint64, optional, tag = "7")]
    pub audio_output: Option<u64>,
    /// Images in.
    #[prost(uint64, optional, tag = "8")]
    pub image_input: Option<u64>,
    /// Images out.
    #[prost(uint64, optional, tag = "9")]
    pub image_output: Option<u64>,
    /// Films in.
    #[prost(uint64, optional, tag = "10")]
    pub video_input: Option<u64>,
    /// Films out.
    #[prost(uint64, optional, tag = "11")]
    pub video_output: Option<u64>,
    /// Files in, where they are told apart from text and images.
    #[prost(uint64, optional, tag = "12")]
    pub document_input: Option<u64>,
}

/// What is billed in place of tokens, or beside them. None is not known, 0 is none.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message, Serialize)]
pub struct Units {
    /// Pictures that were made.
    #[prost(uint64, optional, tag = "1")]
    pub images: Option<u64>,
    /// The length of recordings that were heard, in milliseconds.
    #[prost(uint64, optional, tag = "2")]
    pub audio_input_ms: Option<u64>,
    /// Characters that were spoken.
    #[prost(uint64, optional, tag = "3")]
    pub characters: Option<u64>,
    /// Search units of a reranker.
    #[prost(uint64, optional, tag = "4")]
    pub search_units: Option<u64>,
    /// Searches of the web by a built-in tool.
    #[prost(uint64, optional, tag = "5")]
    pub web_searches: Option<u64>,
}

/// Writes a record's fields one after the other, in any order; of two texts of one field, the later is read.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// A text; an empty one is left out.
    pub fn text(&mut self, field: u32, text: &str) {
        if !text.is_empty() {
            self.bytes(field, text.as_bytes());
        }
    }

    /// A text that may be absent.
    pub fn text_if(&mut self, field: u32, text: Option<&str>) {
        if let Some(text) = text {
            self.bytes(field, text.as_bytes());
        }
    }

    /// A text of ASCII characters, such as digits; anything else is left out.
    pub fn ascii(&mut self, field: u32, text: &[u8]) {
        if text.is_ascii() {
            self.bytes(field, text);
        }
    }

    /// A number or a truth (0, 1).
    pub fn number(&mut self, field: u32, number: u64) {
        encode_key(field, WireType::Varint, self.out);
        encode_varint(number, self.out);
    }

    /// A number that may be absent.
    pub fn number_if(&mut self, field: u32, number: Option<u64>) {
        if let Some(number) = number {
            self.number(field, number);
        }
    }

    /// A message within the message, of at most 127 bytes or more: `fill` writes its fields.
    pub fn message(&mut self, field: u32, fill: impl FnOnce(&mut Writer<'_>)) {
        encode_key(field, WireType::LengthDelimited, self.out);
        let at = self.out.len();
        fill(&mut Writer { out: &mut *self.out });
        let length = (self.out.len() - at) as u64;
        // Its length comes before it and is known after it; most lengths take one byte.
        let mut prefix = Vec::with_capacity(encoded_len_varint(length));
        encode_varint(length, &mut prefix);
        self.out.splice(at..at, prefix);
    }

    /// Fields that were written before, as they are: what does not change from request to request.
    pub fn written(&mut self, fields: &[u8]) {
        self.out.extend_from_slice(fields);
    }

    fn bytes(&mut self, field: u32, bytes: &[u8]) {
        encode_key(field, WireType::LengthDelimited, self.out);
        encode_varint(bytes.len() as u64, self.out);
        self.out.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn what_the_writer_writes_is_what_the_record_reads() {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out);
        writer.text(field::ID, "req_1");
        writer.number(field::ACCEPTED_US, 1 << 60);
        writer.text(field::ENDPOINT, "chat/completions");
        writer.number(field::STATUS, 200);
        writer.text_if(field::ERROR, None);
        writer.text_if(field::FINISH, Some("stop"));
        writer.number(field::STREAM, 1);
        let scopes = [
            field::ORGANISATION,
            field::TENANT,
            field::TEAM,
            field::PROJECT,
            field::ENVIRONMENT,
            field::KEY,
            field::USER,
            field::AGENT,
            field::SESSION,
            field::TASK_TYPE,
        ];
        for scope in scopes {
            writer.text(scope, &format!("scope-{scope}"));
        }
        writer.text(field::TAGS, "a");
        writer.text(field::TAGS, "b");
        let long = "m".repeat(200);
        writer.message(field::ATTEMPTS, |attempt| {
            attempt.text(field::ATTEMPT_PROVIDER, "openai");
            attempt.text(field::ATTEMPT_MODEL, &long);
            attempt.text(field::ATTEMPT_CLASS, "ok");
            attempt.number_if(field::ATTEMPT_STATUS, Some(200));
            attempt.number(field::ATTEMPT_AT_US, 5);
            attempt.number(field::ATTEMPT_TOOK_US, 6);
            attempt.number_if(field::ATTEMPT_COST_NANO, Some(7));
        });
        writer.message(field::TOKENS, |tokens| {
            tokens.number_if(field::TOKENS_INPUT, Some(0));
            tokens.number_if(field::TOKENS_OUTPUT, None);
        });
        let record = Record::decode(&*out).unwrap_or_default();
        let text = |number: u32| Some(format!("scope-{number}"));
        let attempt = Attempt {
            provider: "openai".into(),
            model: long,
            class: "ok".into(),
            status: Some(200),
            at_us: 5,
            took_us: 6,
            cost_nano: Some(7),
        };
        let expected = Record {
            id: "req_1".into(),
            accepted_us: 1 << 60,
            endpoint: "chat/completions".into(),
            status: 200,
            finish: Some("stop".into()),
            stream: true,
            organisation: text(field::ORGANISATION),
            tenant: text(field::TENANT),
            team: text(field::TEAM),
            project: text(field::PROJECT),
            environment: text(field::ENVIRONMENT),
            key: text(field::KEY),
            user: text(field::USER),
            agent: text(field::AGENT),
            session: text(field::SESSION),
            task_type: text(field::TASK_TYPE),
            tags: vec!["a".into(), "b".into()],
            attempts: vec![attempt],
            tokens: Some(Tokens { input: Some(0), ..Tokens::default() }),
            ..Record::default()
        };
        assert_eq!(record, expected);
    }
}
