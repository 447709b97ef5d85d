//! Limit: what may be spent, reserved before and settled after.
//!
//! Not built yet: every request is admitted, and the reservation holds nothing. The stage stands in its place so that
//! budgets and rates come in without moving another.

use crate::authenticate::Caller;
use crate::error::Error;

/// An estimate that is held until the request is settled.
pub(crate) struct Reservation;

impl Reservation {
    /// Settles at what the request came to.
    pub(crate) fn settle(self) {}
}

/// Reserves what a request may cost in every scope of its caller.
///
/// # Errors
/// None yet.
pub(crate) fn reserve(_caller: &Caller) -> Result<Reservation, Error> {
    Ok(Reservation)
}
