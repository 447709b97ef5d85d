//! How long a deployment takes until its first token, and how often it succeeds.

mod cell;
mod ewma;
mod quantiles;
mod success;

pub(crate) use cell::Cell;
pub use ewma::PeakEwma;
pub use quantiles::{MIN_SAMPLES, Quantiles};
pub use success::SuccessRate;
