//! How the model chooses its words, and how many, in the ranges that the API takes.

use crate::canonical::{Losses, Sampling, Text};
use crate::json::{Json, Members};

/// As many stop sequences as the API takes.
const MOST_STOPS: usize = 5;

pub(super) fn write<'r>(body: Members<'r>, said: &'r Sampling<'_>, losses: &mut Losses) -> Members<'r> {
    let plain = |digits: &'r Option<Text<'_>>| digits.as_deref().map(|digits| Json::Number(digits.into()));
    losses.note_if(said.choices.is_some_and(|number| number > 1), "n");
    losses.note_if(said.top_logprobs.is_some_and(|number| number > 0), "top_logprobs");
    losses.note_if(said.stop.len() > MOST_STOPS, "stop");
    let stops: Vec<Json<'r>> = said.stop.iter().take(MOST_STOPS).map(|stop| Json::from(stop.as_ref())).collect();
    let top_k = said.top_k.as_deref().and_then(|digits| within(digits, 0.0, 500.0));
    losses.note_if(top_k.is_none() && said.top_k.is_some(), "top_k");
    let frequency = penalty(said.frequency_penalty.as_deref(), "frequency_penalty", losses);
    let presence = penalty(said.presence_penalty.as_deref(), "presence_penalty", losses);
    // The API refuses the two together.
    let both = frequency.is_some() && presence.is_some();
    losses.note_if(both, "presence_penalty");
    body.with_some("max_tokens", said.max_tokens)
        .with_some("temperature", plain(&said.temperature))
        .with_some("p", said.top_p.as_deref().map(|digits| nucleus(digits, losses)))
        .with_some("k", top_k)
        .with_some("seed", plain(&said.seed))
        .with_some("frequency_penalty", frequency)
        .with_some("presence_penalty", presence.filter(|_| !both))
        .with_some("stop_sequences", (!stops.is_empty()).then_some(stops))
        .with_some("logprobs", said.logprobs.filter(|wanted| *wanted))
}

fn within<'r>(digits: &'r str, least: f64, most: f64) -> Option<Json<'r>> {
    let fits = digits.parse::<f64>().is_ok_and(|value| (least..=most).contains(&value));
    fits.then(|| Json::Number(digits.into()))
}

/// A penalty from 0 to 1; one of nothing is not said at all, and one out of this range is lost.
fn penalty<'r>(digits: Option<&'r str>, name: &str, losses: &mut Losses) -> Option<Json<'r>> {
    let digits = digits.filter(|digits| !digits.parse::<f64>().is_ok_and(|value| value.abs() < f64::EPSILON))?;
    let written = within(digits, 0.0, 1.0);
    losses.note_if(written.is_none(), name);
    written
}

/// `p`, which is from 0.01 to 0.99. All words, which other dialects' clients say with 1, is as near as no loss to its most.
fn nucleus<'r>(digits: &'r str, losses: &mut Losses) -> Json<'r> {
    let value: f64 = digits.parse().unwrap_or(1.0);
    losses.note_if(!(0.01..=1.0).contains(&value), "top_p");
    let near = if value > 0.99 { "0.99" } else { "0.01" };
    within(digits, 0.01, 0.99).unwrap_or(Json::Number(near.into()))
}
