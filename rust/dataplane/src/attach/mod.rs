//! Attach: pictures, recordings, films and files of a request, on routes that bound them.
//!
//! What a request holds is checked where it stands in the caller's own body, before anything is sent: that it is base64,
//! that its bytes are what they are said to be, and that number, size and type are within the route's limits. What stands at
//! a URL is left to the provider, refused, or fetched and put in the URL's place. A route without limits looks at nothing.

mod check;
mod fetch;
mod place;

use std::time::Duration;

use bytes::Bytes;
use tollway_protocol::attachment::{Held, Inline, visit};
use tollway_protocol::json::Json;

use crate::accept::{Call, examine};
use crate::clock::now;
use crate::error::{Error, Kind};
use crate::exchange::Exchange;
use crate::snapshot::spec::{AttachmentsSpec, Urls};

use check::{Found, Sought};
use fetch::Fetcher;

/// What a route allows.
pub(crate) struct Attachments {
    /// Of each, in bytes.
    max_bytes: usize,
    max_count: usize,
    /// As `image/*`; empty for all.
    types: Vec<String>,
    urls: Urls,
    /// Origins that may be fetched from wherever they are, and by http: `http://127.0.0.1:9000`.
    origins: Vec<String>,
    /// For all that a request asks to be fetched.
    timeout: Duration,
}

impl From<AttachmentsSpec> for Attachments {
    fn from(spec: AttachmentsSpec) -> Self {
        let AttachmentsSpec { max_bytes, max_count, types, urls, fetch_origins, fetch_timeout_ms } = spec;
        Self {
            max_bytes: max_bytes.unwrap_or(usize::MAX),
            max_count: max_count.unwrap_or(usize::MAX),
            types,
            urls,
            origins: fetch_origins,
            timeout: Duration::from_millis(fetch_timeout_ms),
        }
    }
}

/// Lets `call` on if what it holds is within `limits`; what is to be fetched is, and stands in its body then.
///
/// # Errors
/// `InvalidRequest`, `RequestTooLarge`, with the place; `DeadlineExceeded`.
pub(crate) async fn admit(exchange: &mut Exchange, call: &mut Call, limits: &Attachments) -> Result<(), Error> {
    let found = check::check(call, limits)?;
    if found.is_empty() {
        return Ok(());
    }
    let started = now();
    let left = exchange.deadline.map_or(limits.timeout, |deadline| deadline.saturating_duration_since(started));
    let most = exchange.snapshot.server.max_body;
    let fetched = tokio::time::timeout(left.min(limits.timeout), fetch_all(&found, limits, most)).await;
    exchange.upstream += started.elapsed();
    let fetched = match fetched {
        Ok(fetched) => fetched?,
        Err(_) if left <= limits.timeout && exchange.deadline.is_some() => {
            let message = "The request's deadline has passed while what it holds was fetched.";
            return Err(Error::new(Kind::DeadlineExceeded, message));
        }
        Err(_) => return Err(fetch::Fault::TooLate(limits.timeout).told(found.first().map_or("", |first| &first.at))),
    };
    exchange.flags.push(format!("fetched:{}", fetched.len()));
    let body = inlined(call, &fetched)?;
    let (_, peek) = examine(&body, &call.head.endpoint)?;
    call.replace(body, peek);
    Ok(())
}

/// The first URL of `call` that a provider would have to fetch, by its place.
pub(crate) fn first_url(call: &Call) -> Option<String> {
    // Most requests hold none; this finds it out in one pass over the bytes.
    memchr::memmem::find(&call.body, b"\"http")?;
    let mut first = None;
    let mut tree = Json::parse(&call.body).ok()?;
    visit(call.dialect(), &mut tree, &mut |one| {
        if first.is_none()
            && matches!(one.held, Held::Url(url) if url.get(..4).is_some_and(|web| web.eq_ignore_ascii_case("http")))
        {
            first = Some(one.at.to_owned());
        }
        None
    });
    first
}

/// Fetches each of `found` once; together at most `most` bytes.
async fn fetch_all(found: &[Found], limits: &Attachments, most: usize) -> Result<Vec<(String, Inline)>, Error> {
    let fetcher = Fetcher { origins: &limits.origins, max_bytes: limits.max_bytes.min(most) };
    let mut fetched: Vec<(String, Inline)> = Vec::new();
    let mut left = most;
    for Found { at, url, declared } in found {
        if fetched.iter().any(|(known, _)| known == url) {
            continue;
        }
        let bytes = fetcher.fetch(url, fetch::look_up).await.map_err(|fault| fault.told(at))?;
        left = left.checked_sub(bytes.len()).ok_or_else(|| fetch::Fault::TooLarge(most).told(at))?;
        let sought = Sought { at, declared: declared.as_deref(), limits };
        fetched.push((url.clone(), Inline { mime: sought.kind_of(&bytes)?, data: fetch::to_base64(&bytes) }));
    }
    Ok(fetched)
}

fn inlined(call: &Call, fetched: &[(String, Inline)]) -> Result<Bytes, Error> {
    let mut tree = parsed(call)?;
    visit(call.dialect(), &mut tree, &mut |one| {
        let Held::Url(url) = one.held else { return None };
        fetched.iter().find(|(known, _)| known == url).map(|(_, inline)| inline.clone())
    });
    Ok(tree.to_bytes().into())
}

fn parsed(call: &Call) -> Result<Json<'_>, Error> {
    Json::parse(&call.body).map_err(|fault| Error::new(Kind::InvalidRequest, fault.message).at(fault.param))
}
