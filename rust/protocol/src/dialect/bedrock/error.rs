//! Errors: exceptions, named in the header `x-amzn-errortype` of an answer that is no 2xx, and by the frames of a stream
//! (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors>,
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html>).

use crate::dialect::class::At::{Any, Of, Unstated};
use crate::dialect::class::ErrorClass::{
    ContentPolicy, ContextWindow, Credentials, Invalid, Overload, Permission, Quota, RateLimit, Server, Timeout,
};
use crate::dialect::class::Row;

/// The header that names the exception.
pub const NAMED_BY: &str = "x-amzn-errortype";

pub(in crate::dialect) const ROWS: &[Row] = &[
    // A day's allowance, a `ThrottlingException` but for its words.
    Row::worded(Quota, Any, &["too many tokens per day"]),
    Row::named(Quota, Any, &["ServiceQuotaExceededException"]),
    // A `ValidationException` (Nova, Titan and Llama, Claude); the first also comes in a stream.
    Row::worded(
        ContextWindow,
        Of(&[400, 413]),
        &[
            "input is too long for requested model",
            "input tokens exceeded",
            "number of input tokens exceeds maximum length",
            "too many input tokens",
            "exceeds the maximum number of input tokens",
            "this model's maximum context length is",
        ],
    ),
    Row::worded(ContentPolicy, Of(&[400]), &["blocked by our content filters", "aws responsible ai policy"]),
    // API keys are refused as what may not be accessed. A signature whose time is off (the clock is wrong) is as bad as one
    // that is wrong: "Signature expired", "Signature not yet current".
    Row::worded(
        Credentials,
        Of(&[401, 403]),
        &["make sure your api key is valid", "bearer token has expired", "security token included in the request is"],
    ),
    Row::named(
        Credentials,
        Any,
        &[
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "ExpiredTokenException",
            "ExpiredToken",
            "RequestExpired",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "RequestTimeTooSkewed",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
        ],
    ),
    Row::named(Permission, Any, &["AccessDeniedException", "OptInRequired", "NotAuthorized"]),
    // SDKs repeat both; the second is a model that is being loaded, with status 429.
    Row::named(RateLimit, Any, &["ThrottlingException", "Throttling", "TooManyRequestsException"]),
    Row::named(Overload, Any, &["ModelNotReadyException", "ServiceUnavailableException", "ServiceUnavailable"]),
    Row::named(Timeout, Any, &["ModelTimeoutException"]),
    Row::named(
        Server,
        Any,
        &["InternalServerException", "InternalFailure", "ModelErrorException", "ModelStreamErrorException"],
    ),
    Row::named(Invalid, Unstated, &["ValidationException", "ResourceNotFoundException", "ConflictException"]),
];
