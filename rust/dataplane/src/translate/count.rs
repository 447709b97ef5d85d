//! How many tokens a request would be: asked of the provider, where it speaks the caller's dialect, else counted here.

use bytes::Bytes;
use http::StatusCode;
use tollway_protocol::canonical::{Losses, Request, Usage};
use tollway_protocol::dialect::{Dialect, Head, Wanted, anthropic, gemini};
use tollway_protocol::json::{Invalid, Json};

use crate::accept::Call;
use crate::account::estimate::is_short;
use crate::error::{Error, Kind};
use crate::exchange::Exchange;
use crate::respond::Outcome;
use crate::snapshot::Target;

use super::refused;

/// Answers `call` with how many tokens it would be for `target`'s model. A count that is an approximation is flagged
/// `tokens:estimated`.
///
/// # Errors
/// `InvalidRequest`: the body is not the caller's dialect.
pub(crate) async fn answer(exchange: &mut Exchange, call: &Call, target: &Target) -> Result<Outcome, Error> {
    let (dialect, body, model) = (call.dialect(), call.body.clone(), target.model.clone());
    let is_short = is_short(body.len(), &model);
    let path = call.path().model.map(str::to_owned);
    let count = move || counted(&body, dialect, path.as_deref(), &model);
    let counted = if is_short {
        count()
    } else {
        let lost = |_| Error::new(Kind::Internal, "The count of the request's tokens was lost.");
        tokio::task::spawn_blocking(count).await.map_err(lost)?
    };
    let (tokens, exact) = counted.map_err(|invalid| refused(&invalid))?;
    if !exact {
        exchange.flags.push("tokens:estimated".to_owned());
    }
    let json = match dialect {
        Dialect::Gemini => gemini::count::write_answer(&Usage { input: Some(tokens), ..Usage::default() }),
        _ => anthropic::count::write(tokens),
    };
    Ok(Outcome::Own(StatusCode::OK, Bytes::from(json.to_bytes())))
}

fn counted(body: &[u8], dialect: Dialect, path: Option<&str>, model: &str) -> Result<(u64, bool), Invalid> {
    let request = read(body, dialect, Head { model: path, stream: false })?;
    let counted = tollway_tokens::count_request(model, &request);
    Ok((counted.tokens, counted.exact))
}

/// What goes to `target` for `call`, in the caller's own dialect: only who speaks it is asked for a count.
///
/// # Errors
/// [`Invalid`]: the body is not the caller's dialect, or cannot be said of this model.
pub(super) fn request(call: &Call, target: &Target, losses: &mut Losses) -> Result<Vec<u8>, Invalid> {
    let request = read(&call.body, call.dialect(), call.path())?;
    let wanted = Wanted::new(&target.model);
    let body = match call.dialect() {
        Dialect::Gemini => gemini::count::write(&request, &wanted, losses)?,
        _ => anthropic::request::write_count(&request, &wanted, losses)?,
    };
    Ok(body.to_bytes())
}

fn read<'a>(body: &'a [u8], dialect: Dialect, head: Head<'_>) -> Result<Request<'a>, Invalid> {
    let json = Json::parse(body)?;
    match dialect {
        Dialect::Gemini => gemini::count::read(json, head),
        _ => anthropic::request::read_count(json, head),
    }
}
