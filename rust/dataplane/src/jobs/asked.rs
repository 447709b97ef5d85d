//! What callers ask of their jobs. Another key's job is as one that does not exist.

use bytes::Bytes;
use http::{StatusCode, Uri};
use tollway_store::Error as StoreError;
use tollway_store::jobs::Whole;

use crate::accept::endpoint::Endpoint;
use crate::clock::{micros, unix_time};
use crate::error::{Error, Kind};
use crate::exchange::Exchange;
use crate::respond::Outcome;
use crate::snapshot::Key;

use super::shown;

/// How many jobs a list has if nothing is said, and at most.
const PAGE: usize = 20;
const MOST: usize = 100;

/// Answers what is asked at `endpoint` for `key`.
///
/// # Errors
/// `JobNotFound`, `InvalidRequest`, `StoreUnavailable`.
pub(crate) async fn answer(
    exchange: &Exchange,
    (endpoint, uri): (&Endpoint, &Uri),
    key: &Key,
) -> Result<Outcome, Error> {
    let unknown = || Error::new(Kind::JobNotFound, "This gateway runs without a store, and keeps no jobs.");
    let jobs = exchange.worker.shared.jobs.as_ref().ok_or_else(unknown)?;
    let key = key.id.to_string();
    let body = match endpoint {
        Endpoint::Job { id, cancel: false } => {
            let id = id.clone();
            shown::job(&jobs.ask(move |store| store.job(&id, Some(&key))).await?)
        }
        Endpoint::Job { id, cancel: true } => {
            let id = id.clone();
            let now = micros(unix_time());
            let expires = now.saturating_add(micros(exchange.snapshot.jobs.retain));
            let times = (i64::try_from(now).unwrap_or(i64::MAX), i64::try_from(expires).unwrap_or(i64::MAX));
            // Where it runs, here or elsewhere, it ends when its taker sees that it is no longer its own.
            let cancelled = jobs.ask(move |store| store.cancel_job(&id, &key, times)).await?;
            jobs.stop(&cancelled.job.id);
            shown::job(&cancelled)
        }
        _ => {
            let (limit, after) = page(uri.query())?;
            let listed = jobs.ask(move |store| {
                let mut found = store.jobs(Some(&key), None, (after.as_deref(), limit + 1))?;
                let more = found.len() > limit;
                found.truncate(limit);
                let whole: Vec<Whole> = found.into_iter().map(|job| Whole { job, body: Vec::new() }).collect();
                Ok::<_, StoreError>(shown::list(&whole, more))
            });
            listed.await?
        }
    };
    Ok(Outcome::Own(StatusCode::OK, Bytes::from(body)))
}

/// `limit` and `after` of a query.
fn page(query: Option<&str>) -> Result<(usize, Option<String>), Error> {
    let (mut limit, mut after) = (PAGE, None);
    for pair in query.into_iter().flat_map(|query| query.split('&')) {
        match pair.split_once('=') {
            Some(("limit", text)) => {
                let wrong = || {
                    Error::new(Kind::InvalidRequest, format!("`limit` is not a number from 1 to {MOST}.")).at("limit")
                };
                limit = text.parse().ok().filter(|limit| (1..=MOST).contains(limit)).ok_or_else(wrong)?;
            }
            Some(("after", id)) => after = Some(id.to_owned()),
            _ => {}
        }
    }
    Ok((limit, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_bounded() {
        assert_eq!(page(None).unwrap(), (PAGE, None));
        assert_eq!(page(Some("limit=100&after=job_1&key=x")).unwrap(), (100, Some("job_1".to_owned())));
        for query in ["limit=0", "limit=101", "limit=-1", "limit=all"] {
            assert_eq!(page(Some(query)).unwrap_err().param.as_deref(), Some("limit"), "{query}");
        }
    }
}
