//! Errors as the caller's dialect says them.

use bytes::Bytes;
use tollway_protocol::dialect::openai;

use crate::error::Error;

/// The JSON body of `error` in OpenAI's form, all four fields present.
pub(crate) fn body(error: &Error) -> Bytes {
    let (_, kind, code) = error.kind.row();
    match &error.upstream {
        Some(answer) => match &answer.body {
            Some(body) => body.clone(),
            None => openai::error_body(
                &error.message,
                answer.kind.as_deref().unwrap_or(kind),
                error.param.as_deref(),
                answer.code.as_deref().or(Some(code)),
            )
            .into(),
        },
        None => openai::error_body(&error.message, kind, error.param.as_deref(), Some(code)).into(),
    }
}
