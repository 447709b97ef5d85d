//! The steps that are measured, each defined once for criterion (`cargo bench -p tollway-bench-micro`) and for the
//! count of instructions (`instructions.py`).

mod conditions;
mod dialects;
mod payload;
mod signing;
mod step;
mod steps;

pub use step::Step;
pub use steps::steps;
