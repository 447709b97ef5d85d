//! Reading a request's body: bounded in bytes and in time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::error::{Error, Kind};

/// The whole of `body`, at most `limit` bytes, within `timeout`.
///
/// # Errors
/// `RequestTooLarge`, `RequestTimeout`, or `InvalidRequest` where the body breaks off or is badly framed.
pub(crate) async fn read(body: Incoming, limit: usize, timeout: Duration) -> Result<Bytes, Error> {
    let declared = body.size_hint().lower();
    if declared > limit as u64 {
        return Err(too_large(limit));
    }
    match tokio::time::timeout(timeout, collect(body, limit)).await {
        Ok(read) => read,
        Err(_) => {
            Err(Error::new(Kind::RequestTimeout, format!("The request's body did not arrive within {timeout:?}.")))
        }
    }
}

async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, Error> {
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(limit);
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            Error::new(Kind::InvalidRequest, "The request's body broke off or is badly framed.").at("body")
        })?;
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

fn too_large(limit: usize) -> Error {
    Error::new(
        Kind::RequestTooLarge,
        format!("The request's body is larger than server.max_body, which is {limit} bytes."),
    )
    .at("body")
}
