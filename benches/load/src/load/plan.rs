//! What is sent where, and what must come back: all made before the first request, so that sending costs nothing more.

use std::{cell::Cell, fs, net::SocketAddr, path::PathBuf, rc::Rc};

use http::Uri;

use crate::{
    load::{
        check::Expected,
        request::{self, Parts, Request},
    },
    payload::{self, Text},
};

/// How closely answers are checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Verify {
    /// Byte for byte the answer of the mock with the same settings.
    #[default]
    Exact,
    /// A stream with the mock's text, in whatever chunks: for gateways that hold text back to look at it.
    Text,
    /// Complete, with the right number of chunks: for upstreams other than the mock.
    Complete,
}

/// The request, its target and its answer.
#[derive(Clone, Debug, clap::Args)]
pub struct Target {
    /// Where to send, as `http://127.0.0.1:8080/v1/chat/completions`
    #[arg(long)]
    pub url: Uri,
    /// Virtual key, sent as a bearer token; `{n}` becomes the request's number, in five digits
    #[arg(long, default_value = "")]
    pub key: String,
    /// Model asked for; `{n}` becomes the request's number, in five digits
    #[arg(long, default_value = "bench")]
    pub model: String,
    /// Different requests, numbered from 0 and used in a scattered order
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub variants: u32,
    /// A file to send instead of a body of our own
    #[arg(long, value_name = "FILE", conflicts_with_all = ["bytes", "text"])]
    pub body: Option<PathBuf>,
    /// Bytes of the request's body
    #[arg(long, default_value_t = 1024)]
    pub bytes: usize,
    /// What the body consists of
    #[arg(long, value_enum, default_value_t)]
    pub text: Text,
    /// Ask for a stream
    #[arg(long)]
    pub stream: bool,
    /// Ask for the usage at a stream's end
    #[arg(long, requires = "stream")]
    pub include_usage: bool,
    /// How closely answers are checked
    #[arg(long, value_enum, default_value_t)]
    pub verify: Verify,
    /// Bytes of the answer, as the mock's `--size`
    #[arg(long, default_value_t = 1024, value_name = "BYTES")]
    pub answer: usize,
    /// Chunks of the stream, as the mock's `--chunks`
    #[arg(long, default_value_t = 64)]
    pub chunks: usize,
    /// Content of a chunk, as the mock's `--chunk-size`
    #[arg(long, default_value_t = 16, value_name = "BYTES")]
    pub chunk_size: usize,
    /// Speak HTTP/2 with prior knowledge, with at most this many requests at a time on each connection
    #[arg(long, value_name = "STREAMS", value_parser = clap::value_parser!(u32).range(1..))]
    pub http2: Option<u32>,
}

/// All that a run sends and expects.
pub struct Plan {
    pub(crate) address: SocketAddr,
    pub(crate) uri: Uri,
    pub(crate) http2: Option<u32>,
    pub(crate) expected: Expected,
    pub(crate) stream: bool,
    pub(crate) chunks: usize,
    /// Bytes of answers' bodies that have come so far, those of answers that are not complete yet too.
    pub(crate) received: Cell<u64>,
    variants: u64,
    request: Rc<Request>,
}

impl Plan {
    /// Makes every request of the run.
    ///
    /// # Errors
    /// A text that says what is wrong with the target.
    pub fn new(target: &Target) -> Result<Self, String> {
        let authority = target.url.authority().ok_or("the URL names no host")?;
        if target.url.scheme_str() != Some("http") {
            return Err("only http:// is spoken".into());
        }
        let port = authority.port_u16().unwrap_or(80);
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let host = host.parse().map_err(|_| format!("{host:?} is not an IP address"))?;
        Ok(Self {
            address: SocketAddr::new(host, port),
            uri: target.url.clone(),
            http2: target.http2,
            expected: expected(target),
            stream: target.stream,
            chunks: target.chunks.max(2),
            received: Cell::new(0),
            variants: u64::from(target.variants),
            request: Rc::new(request(target)?),
        })
    }

    /// The `n`th request. Its number is not the next after that of the request before, so that no cache of the gateway
    /// is flattered by the order. `last` is any request of this plan; it is made into the wanted one if it can be.
    pub(crate) fn request(&self, n: u64, last: Option<Rc<Request>>) -> Rc<Request> {
        let mut request = last.unwrap_or_else(|| self.request.clone());
        if self.variants > 1 {
            let scattered = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
            Rc::make_mut(&mut request).number(usize::try_from(scattered % self.variants).unwrap_or_default());
        }
        request
    }
}

fn request(target: &Target) -> Result<Request, String> {
    let body = match &target.body {
        Some(file) => fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?,
        None => {
            let model = request::marked(&target.model);
            payload::request(&model, target.text, target.bytes, target.stream, target.include_usage).into()
        }
    };
    let path = target.url.path_and_query().map_or("/", |path| path.as_str());
    let host = target.url.authority().map_or("", |authority| authority.as_str());
    Ok(Request::new(&Parts { path, host, key: &target.key, body: body.into() }))
}

fn expected(target: &Target) -> Expected {
    match (target.verify, target.stream) {
        (Verify::Exact, false) => Expected::Exact(payload::answer(target.answer)),
        (Verify::Exact, true) => {
            Expected::Exact(payload::stream(target.chunks, target.chunk_size).text(target.include_usage))
        }
        (Verify::Text, true) => Expected::Text(payload::stream_text(target.chunks, target.chunk_size)),
        (Verify::Text | Verify::Complete, false) => Expected::Object,
        (Verify::Complete, true) => Expected::Chunks(target.chunks + usize::from(target.include_usage)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        target: Target,
    }

    fn plan(arguments: &[&str]) -> Result<Plan, String> {
        Plan::new(&Cli::try_parse_from([&["load"], arguments].concat()).unwrap().target)
    }

    #[test]
    fn variants_are_all_used() {
        let plan = plan(&["--url", "http://127.0.0.1:9/", "--variants", "10", "--key", "{n}"]).unwrap();
        let mut last = None;
        let mut seen = std::collections::HashSet::new();
        for n in 0..1000 {
            let request = plan.request(n, last);
            seen.insert(request.authorization().to_vec());
            last = Some(request);
        }
        let expected: std::collections::HashSet<_> = (0..10).map(|n| format!("Bearer {n:05}").into_bytes()).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_single_request_is_shared() {
        let plan = plan(&["--url", "http://127.0.0.1:9/"]).unwrap();
        assert!(Rc::ptr_eq(&plan.request(1, None), &plan.request(2, None)));
    }

    #[test]
    fn targets_that_cannot_be_used_are_named() {
        for url in ["https://127.0.0.1/", "/v1", "http://example.org/"] {
            assert!(plan(&["--url", url]).is_err(), "{url} was accepted");
        }
    }
}
