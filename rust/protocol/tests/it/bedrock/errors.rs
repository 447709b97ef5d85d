//! Exceptions, by their names in a header, in a stream's frames and in bodies.

use tollway_protocol::dialect::ErrorClass::{
    self, ContentPolicy, ContextWindow, Credentials, Invalid, Overload, Permission, Quota, RateLimit, Server, Timeout,
};
use tollway_protocol::dialect::{Dialect, UpstreamError, classify, error_of_answer, parse_error};

/// The class of an answer that names the exception `name` in its header.
fn class_of(status: u16, name: &str, message: &str) -> ErrorClass {
    let header = format!("{name}:http://internal.amazon.com/coral/com.amazon.bedrock/");
    let body = serde_json::json!({ "message": message }).to_string();
    let said = error_of_answer(&|name| (name == "x-amzn-errortype").then_some(&*header), body.as_bytes());
    let said = said.expect("an error");
    assert_eq!((said.kind.as_deref(), said.message.as_str()), (Some(name), message));
    classify(Some(status), Some(&said))
}

/// The class of an exception of a stream.
fn streamed(name: &str, message: &str) -> ErrorClass {
    classify(
        None,
        Some(&UpstreamError { kind: Some(name.into()), message: message.into(), ..UpstreamError::default() }),
    )
}

#[test]
fn exceptions_have_a_class() {
    for (class, status, name, message) in [
        (RateLimit, 429, "ThrottlingException", "Too many requests, please wait before trying again."),
        (RateLimit, 429, "ThrottlingException", "Too many tokens, please wait before trying again."),
        (Quota, 429, "ThrottlingException", "Too many tokens per day, please wait before trying again."),
        (Quota, 400, "ServiceQuotaExceededException", "Your request exceeds the service quota for your account."),
        (Overload, 429, "ModelNotReadyException", "The model is not ready to serve inference requests."),
        (Overload, 503, "ServiceUnavailableException", "Bedrock is unable to process your request."),
        (Timeout, 408, "ModelTimeoutException", "Model has timed out in processing the request."),
        (Server, 500, "InternalServerException", "The system encountered an unexpected error."),
        (Server, 424, "ModelErrorException", "The request failed due to an error while processing the model."),
        (Permission, 403, "AccessDeniedException", "You don't have access to the model with the specified model ID."),
        (Credentials, 403, "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid."),
        (Credentials, 403, "UnrecognizedClientException", "The security token included in the request is invalid."),
        (Credentials, 403, "ExpiredTokenException", "The security token included in the request is expired"),
        (
            Credentials,
            403,
            "InvalidSignatureException",
            "Signature expired: 20261121T100000Z is now earlier than 20261121T101000Z",
        ),
        (
            Credentials,
            403,
            "InvalidSignatureException",
            "Signature not yet current: 20261121T120000Z is still later than 20261121T110500Z",
        ),
        (Credentials, 403, "MissingAuthenticationTokenException", "Missing Authentication Token"),
        (ContextWindow, 400, "ValidationException", "Input is too long for requested model."),
        (
            ContextWindow,
            400,
            "ValidationException",
            "The model returned the following errors: Input Tokens Exceeded: Number of input tokens exceeds maximum length.",
        ),
        (
            ContextWindow,
            400,
            "ValidationException",
            "The model returned the following errors: prompt is too long: 200049 tokens > 200000 maximum",
        ),
        (ContentPolicy, 400, "ValidationException", "This request has been blocked by our content filters."),
        (Invalid, 400, "ValidationException", "The provided model identifier is invalid."),
        (
            Invalid,
            404,
            "ResourceNotFoundException",
            "Could not resolve the foundation model from the provided model identifier.",
        ),
    ] {
        assert_eq!(class_of(status, name, message), class, "{name} {message}");
    }
}

#[test]
fn exceptions_of_a_stream_have_no_status() {
    for (class, name, message) in [
        (RateLimit, "throttlingException", "Too many tokens, please wait before trying again."),
        (Server, "modelStreamErrorException", "It failed."),
        (Server, "internalServerException", ""),
        (Overload, "serviceUnavailableException", ""),
        (Timeout, "modelTimeoutException", ""),
        (Invalid, "validationException", "Malformed."),
        (ContextWindow, "validationException", "Input is too long for requested model."),
        (Server, "novelException", ""),
    ] {
        assert_eq!(streamed(name, message), class, "{name}");
    }
}

#[test]
fn names_are_found_in_bodies_too() {
    let body = br#"{"__type":"com.amazon.coral.service#ExpiredTokenException","Message":"m"}"#;
    let said = parse_error(body).expect("an error");
    assert_eq!((said.kind.as_deref(), said.message.as_str()), (Some("ExpiredTokenException"), "m"));
    let bare = error_of_answer(&|_| Some("ThrottlingException"), b"").expect("an error");
    assert_eq!((bare.kind.as_deref(), bare.message.as_str()), (Some("ThrottlingException"), ""));
    assert_eq!(error_of_answer(&|_| Some(" "), b"<html>"), None);
    assert_eq!(error_of_answer(&|_| None, b"{}"), None);
    let own = error_of_answer(&|_| Some("B"), br#"{"error":{"type":"A","message":"m"}}"#).expect("an error");
    assert_eq!(own.kind.as_deref(), Some("A"), "the body is more exact");
}

#[test]
fn no_caller_speaks_it() {
    let request = tollway_protocol::json::Json::parse(b"{}").expect("JSON");
    let refused = Dialect::Bedrock.read_request(request, Default::default(), &mut Default::default());
    assert!(refused.expect_err("refused").message.contains("spoken to models alone"));
    assert!(!Dialect::Bedrock.shares_errors(Dialect::Chat));
    assert_eq!(Dialect::of_name("bedrock"), Some(Dialect::Bedrock));
}
