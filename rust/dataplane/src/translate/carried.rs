//! What passes without being read as a dialect: images, audio, files, and whatever else a provider has.

use bytes::Bytes;
use http::Method;
use tollway_protocol::json::Json;
use tollway_protocol::splice::{Segments, for_upstream};

use crate::accept::carried::write_fields;
use crate::accept::endpoint::Endpoint;
use crate::accept::upload::Upload;
use crate::accept::{Call, media};
use crate::error::{Error, Kind};
use crate::exchange::Exchange;
use crate::snapshot::Target;

use super::{Outbound, refused};

/// What a request has besides the body that is held.
pub(crate) struct Carried {
    pub(crate) method: Method,
    /// Where it goes below the provider's base, where the caller says so.
    pub(crate) path: Option<String>,
    /// What follows the body that is held.
    pub(crate) upload: Option<Upload>,
}

/// What goes to `target` for `call`, with the model that the target knows.
///
/// # Errors
/// `InvalidRequest`: a guardrail or a hook has made of a form what is none.
pub(super) fn request<'c>(exchange: &Exchange, call: &'c Call, target: &Target) -> Result<Outbound<'c>, Error> {
    let mut carried = Carried { method: Method::POST, path: None, upload: exchange.upload.clone() };
    let body = match &call.head.endpoint {
        Endpoint::Through(through) => {
            carried.method = through.method.clone();
            carried.path = Some(through.path.clone());
            Segments::default()
        }
        _ if carried.upload.is_some() => Segments::from(fields(call, target)?),
        _ => for_upstream(&call.body, &call.peek, &target.labels.model_json, false),
    };
    Ok(Outbound {
        from: exchange.dialect,
        to: exchange.dialect,
        operation: call.head.endpoint.operation(),
        body,
        stream: false,
        base64: false,
        predict: false,
        losses: Vec::new(),
        asked: None,
        forward: &call.head.forward,
        carried: Some(Box::new(carried)),
    })
}

/// The fields of a form, as they begin it.
fn fields(call: &Call, target: &Target) -> Result<Bytes, Error> {
    let json = Json::parse(&call.body).map_err(|fault| refused(&fault.into()))?;
    let boundary = media::boundary_in(&call.head.forward);
    let mut body = Vec::with_capacity(call.body.len() + 1024);
    let fields = write_fields(&json, &boundary, &target.model, &mut body);
    if memchr::memmem::find_iter(&body, &format!("--{boundary}")).count() != fields {
        // Of what the caller sent none does: it was put there by a guardrail or a hook.
        return Err(Error::new(Kind::InvalidRequest, "A field of the form holds the form's boundary.").at("body"));
    }
    Ok(body.into())
}
