//! How the model chooses its words.

use std::borrow::Cow;

use super::losses::is_number;
use super::model::Model;
use crate::canonical::{Losses, Sampling};
use crate::json::{Json, Members};

/// Adds `temperature`, `top_p`, `top_k` and `stop_sequences`, as far as the model takes them, in its range.
pub(in crate::dialect) fn write<'r>(
    mut out: Members<'r>,
    sampling: &'r Sampling<'_>,
    (own, thinks): (bool, bool),
    model: Model,
    losses: &mut Losses,
) -> Members<'r> {
    let lend = |digits: &'r Option<Cow<'_, str>>| digits.as_deref();
    let (mut temperature, mut top_p, mut top_k) =
        (lend(&sampling.temperature), lend(&sampling.top_p), lend(&sampling.top_k));
    if !own {
        let fixed = model.no_sampling || thinks;
        let mut drop_if = |drop: bool, value: &mut Option<&str>, name| {
            let lost = drop && value.is_some();
            // What is the default anyway is no loss.
            losses.note_if(lost && !value.is_some_and(|digits| name != "top_k" && is_number(digits, 1.0)), name);
            if lost {
                *value = None;
            }
        };
        drop_if(fixed, &mut temperature, "temperature");
        drop_if(fixed, &mut top_p, "top_p");
        drop_if(fixed, &mut top_k, "top_k");
        drop_if(model.one_sampler && temperature.is_some(), &mut top_p, "top_p");
        if temperature.is_some_and(|digits| digits.parse().is_ok_and(|value: f64| value > 1.0)) {
            losses.note("temperature");
            temperature = Some("1");
        }
    }
    for (name, digits) in [("temperature", temperature), ("top_p", top_p), ("top_k", top_k)] {
        if let Some(digits) = digits {
            out.push(name, Json::Number(digits.into()));
        }
    }
    let said = sampling.stop.iter().filter(|stop| own || !stop.trim().is_empty());
    let stops: Vec<Json<'r>> = said.map(|stop| Json::from(stop.as_ref())).collect();
    losses.note_if(stops.len() < sampling.stop.len(), "stop");
    out.with_some("stop_sequences", (!stops.is_empty()).then_some(stops))
}
