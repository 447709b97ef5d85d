//! The mock's listener, and what it answers to which request.

use std::{cell::RefCell, convert::Infallible, future::Future, io, net::TcpListener as StdListener, rc::Rc};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{CONTENT_TYPE, HeaderName},
};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::{
    body::Incoming,
    rt::Executor,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use memchr::memmem::Finder;
use rustc_hash::FxHashMap;
use tokio::{
    net::{TcpListener, TcpStream},
    task::spawn_local,
};

use crate::{
    clock::{Clock, now},
    mock::{
        Dialect, Settings,
        answer::{Answer, Answers},
    },
};

const OVERRIDE: HeaderName = HeaderName::from_static("x-mock");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");
const MODELS: &[u8] =
    br#"{"object":"list","data":[{"id":"bench-upstream","object":"model","created":1760000000,"owned_by":"bench"}]}"#;
/// No more sets of settings are kept than this; further ones are made anew for each request.
const KEPT: usize = 64;

/// Serves for ever on the calling thread. Must be called inside a `LocalSet`. `http2` says that clients speak HTTP/2 from
/// their first byte on; else they speak HTTP/1.1.
///
/// # Errors
/// The system's own, if the listener cannot be used.
pub async fn serve(listener: StdListener, settings: Settings, http2: bool) -> io::Result<Infallible> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let mock = Rc::new(Mock::new(settings)?);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                spawn_local(connection(stream, mock.clone(), http2));
            }
            // Out of files, or a client that gave up already: neither may end the mock, nor keep it spinning.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(1)).await,
        }
    }
}

async fn connection(stream: TcpStream, mock: Rc<Mock>, http2: bool) {
    let service = service_fn(move |request| {
        let mock = mock.clone();
        async move { Ok::<_, Infallible>(mock.answer(request).await) }
    });
    let io = TokioIo::new(stream);
    // A client that leaves early is none of the mock's concern.
    if http2 {
        let mut builder = http2::Builder::new(Local);
        builder.max_concurrent_streams(100_000);
        let _ = builder.serve_connection(io, service).await;
    } else {
        // Flattened, a burst of chunks is one write, as it is from an upstream that has them all at hand.
        let _ = http1::Builder::new().writev(false).serve_connection(io, service).await;
    }
}

#[derive(Clone, Copy)]
struct Local;

impl<F: Future<Output = ()> + 'static> Executor<F> for Local {
    fn execute(&self, work: F) {
        spawn_local(work);
    }
}

struct Mock {
    settings: Settings,
    /// To chat completions.
    default: Rc<Answers>,
    kept: RefCell<FxHashMap<(Dialect, Settings), Rc<Answers>>>,
    clock: Clock,
    stream: Wish,
    usage: Wish,
}

impl Mock {
    fn new(settings: Settings) -> io::Result<Self> {
        Ok(Self {
            default: Answers::new(Dialect::Chat, settings.clone()),
            settings,
            kept: RefCell::default(),
            clock: Clock::start()?,
            stream: Wish::new(r#""stream":true"#, r#""stream": true"#),
            usage: Wish::new(r#""include_usage":true"#, r#""include_usage": true"#),
        })
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Answer> {
        let path = request.uri().path();
        if request.method() == Method::GET && path.ends_with("/models") {
            return respond(StatusCode::OK, JSON, text(MODELS));
        }
        let Some((dialect, streams)) = Dialect::of(path).filter(|_| request.method() == Method::POST) else {
            return error(StatusCode::NOT_FOUND, "the mock answers what models are asked, and the list of models");
        };
        let answers = match self.answers(dialect, &request) {
            Ok(answers) => answers,
            Err(problem) => return error(StatusCode::BAD_REQUEST, &problem),
        };
        // A body that breaks off leaves nobody to answer.
        let Ok(body) = collect(request.into_body()).await else {
            return error(StatusCode::BAD_REQUEST, "the request's body broke off");
        };
        if !answers.settings.latency.is_zero() {
            let latency = u64::try_from(answers.settings.latency.as_nanos()).unwrap_or(u64::MAX);
            self.clock.sleep_until(now().saturating_add(latency)).await;
        }
        if streams || self.stream.is_in(&body) {
            respond(StatusCode::OK, EVENTS, answers.stream(&self.clock, self.usage.is_in(&body)))
        } else {
            respond(StatusCode::OK, JSON, answers.whole())
        }
    }

    fn answers(&self, dialect: Dialect, request: &Request<Incoming>) -> Result<Rc<Answers>, String> {
        let query = request.uri().query().filter(|query| *query != "alt=sse");
        let header = request.headers().get(OVERRIDE);
        if query.is_none() && header.is_none() && dialect == Dialect::Chat {
            return Ok(self.default.clone());
        }
        let header = header.map_or(Ok(""), HeaderValue::to_str).map_err(|_| "x-mock is not text".to_owned())?;
        let settings = self.settings.clone().with(query.unwrap_or_default())?.with(header)?;
        let wanted = (dialect, settings);
        if let Some(answers) = self.kept.borrow().get(&wanted) {
            return Ok(answers.clone());
        }
        let answers = Answers::new(dialect, wanted.1.clone());
        let mut kept = self.kept.borrow_mut();
        if kept.len() < KEPT {
            kept.insert(wanted, answers.clone());
        }
        Ok(answers)
    }
}

/// The body in one piece; most arrive in one, and are not copied.
async fn collect(mut body: Incoming) -> Result<Bytes, hyper::Error> {
    let mut first = Bytes::new();
    let mut rest = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if first.is_empty() {
            first = data;
            continue;
        }
        if rest.is_empty() {
            let expected = usize::try_from(body.size_hint().lower()).unwrap_or_default();
            rest.reserve(first.len() + data.len() + expected);
            rest.extend_from_slice(&first);
        }
        rest.extend_from_slice(&data);
    }
    Ok(if rest.is_empty() { first } else { rest.into() })
}

/// What a request may ask for: `"NAME":true`, with or without a space. In a JSON string the quotes would be escaped.
struct Wish([Finder<'static>; 2]);

impl Wish {
    fn new(close: &'static str, spaced: &'static str) -> Self {
        Self([close, spaced].map(Finder::new))
    }

    fn is_in(&self, body: &[u8]) -> bool {
        self.0.iter().any(|finder| finder.find(body).is_some())
    }
}

fn respond(status: StatusCode, kind: HeaderValue, body: Answer) -> Response<Answer> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn error(status: StatusCode, message: &str) -> Response<Answer> {
    let error = serde_json::json!({
        "error": { "message": message, "type": "invalid_request_error", "param": null, "code": "mock" },
    });
    respond(status, JSON, text(error.to_string()))
}

fn text(body: impl AsRef<[u8]>) -> Answer {
    Answer::Whole(Some(Bytes::copy_from_slice(body.as_ref())))
}
