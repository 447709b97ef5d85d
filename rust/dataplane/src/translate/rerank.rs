//! Rerankings, between the shape of callers and those of servers.

use bytes::Bytes;
use tollway_protocol::canonical::Losses;
use tollway_protocol::dialect::Wanted;
use tollway_protocol::dialect::rerank::{self, Shape};
use tollway_protocol::json::{Invalid, Json};
use tollway_protocol::splice::for_upstream;

use super::{Outbound, Read};
use crate::accept::Call;
use crate::exchange::{Exchange, Told};
use crate::snapshot::Target;

/// Puts what goes to `target` for `call` into `outbound`: the bytes, where its server takes them as they are. Else the
/// request is kept, as its answer may have to repeat the documents.
///
/// # Errors
/// [`Invalid`]: the body is no request for a reranking, or holds a document that the server cannot be given.
pub(super) fn request(
    call: &Call,
    target: &Target,
    outbound: &mut Outbound<'_>,
    losses: &mut Losses,
) -> Result<(), Invalid> {
    let shape = target.provider.rerank;
    if shape != Shape::Standard {
        let request = rerank::read_request(Json::parse(&call.body)?)?;
        if !shape.takes(&request) {
            let body = rerank::write_request(&request, shape, &Wanted::new(&target.model), losses)?;
            outbound.body = Bytes::from(body.to_bytes()).into();
            outbound.asked = Some(call.body.clone());
            return Ok(());
        }
    }
    outbound.body = for_upstream(&call.body, &call.peek, &target.labels.model_json, false);
    Ok(())
}

/// Reads an answer, and writes it as callers know it where it does not pass.
///
/// # Errors
/// [`Invalid`]: it is no reranking.
pub(crate) fn answer(exchange: &Exchange, body: &[u8], outbound: &Outbound<'_>) -> Result<Read, Invalid> {
    let answer = rerank::read(Json::parse(body)?)?;
    let told = Told { usage: answer.usage, model: answer.model.as_deref().map(str::to_owned), finish: None };
    let body = match &outbound.asked {
        None => None,
        Some(asked) => {
            let asked = rerank::read_request(Json::parse(asked)?)?;
            Some(rerank::write(&answer, &asked, &exchange.saying()).to_bytes().into())
        }
    };
    Ok(Read { told, body })
}
