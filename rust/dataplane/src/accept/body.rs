//! Reading a request's body: bounded in bytes and in time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::error::{Error, Kind};

/// How long, and how much of, the rest of a refused body is taken in. A connection that closes on bytes which nobody has
/// read is reset, and the caller, who is still sending, would never read why.
const LINGER: Duration = Duration::from_secs(5);
pub(crate) const MAX_DISCARDED: usize = 256 * 1024 * 1024;

/// Takes in and forgets what is left of a body that is not wanted.
pub(crate) fn discard(mut body: Incoming) {
    if body.is_end_stream() {
        return;
    }
    tokio::task::spawn_local(tokio::time::timeout(LINGER, async move {
        let mut left = MAX_DISCARDED;
        while let Some(Ok(frame)) = body.frame().await {
            let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
            left = rest;
        }
    }));
}

/// The whole of `body`, at most `limit` bytes, within `timeout`.
///
/// # Errors
/// `RequestTooLarge`, `RequestTimeout`, or `InvalidRequest` where the body breaks off or is badly framed.
pub(crate) async fn read(body: &mut Incoming, limit: usize, timeout: Duration) -> Result<Bytes, Error> {
    let declared = body.size_hint().lower();
    if declared > limit as u64 {
        return Err(too_large(limit));
    }
    match tokio::time::timeout(timeout, collect(body, limit)).await {
        Ok(read) => read,
        Err(_) => Err(stalled(timeout)),
    }
}

async fn collect(body: &mut Incoming, limit: usize) -> Result<Bytes, Error> {
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(limit);
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| broken())?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + all.len() + data.len() > limit {
            return Err(too_large(limit));
        }
        // Most bodies come in one piece, which is then not copied.
        if all.is_empty() && first.is_empty() {
            first = data;
            continue;
        }
        if all.is_empty() {
            all.reserve(expected.max(first.len() + data.len()));
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&data);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// What a body gets that broke off.
pub(crate) fn broken() -> Error {
    Error::new(Kind::InvalidRequest, "The request's body broke off or is badly framed.").at("body")
}

/// What a body gets of which too little came in `time`.
pub(crate) fn stalled(time: Duration) -> Error {
    Error::new(Kind::RequestTimeout, format!("The request's body did not arrive within {time:?}."))
}

fn too_large(limit: usize) -> Error {
    Error::new(
        Kind::RequestTooLarge,
        format!("The request's body is larger than server.max_body, which is {limit} bytes."),
    )
    .at("body")
}
