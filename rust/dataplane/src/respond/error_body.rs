//! Errors as the caller's dialect says them.

use bytes::Bytes;
use tollway_protocol::dialect::{Dialect, ErrorTold};

use crate::error::Error;

/// `error`, as it is told to the caller of the request `id`.
pub(crate) fn told<'e>(error: &'e Error, id: &'e str) -> ErrorTold<'e> {
    let (_, kind, code) = error.kind.row();
    let upstream = error.upstream.as_deref();
    ErrorTold {
        status: error.status().as_u16(),
        message: &error.message,
        kind: upstream.and_then(|answer| answer.kind.as_deref()).unwrap_or(kind),
        param: error.param.as_deref(),
        code: Some(upstream.and_then(|answer| answer.code.as_deref()).unwrap_or(code)),
        request_id: id,
    }
}

/// The JSON body of `error` in `dialect`.
pub(crate) fn body(error: &Error, dialect: Dialect, id: &str) -> Bytes {
    let own = error.upstream.as_ref().filter(|answer| answer.dialect.shares_errors(dialect));
    match own.and_then(|answer| answer.body.clone()) {
        Some(body) => body,
        None => dialect.error_body(&told(error, id)).into(),
    }
}
