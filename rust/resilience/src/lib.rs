//! Which target next, when, and whether at all: pure decisions over what was seen of each deployment.
//!
//! Nothing here reads a clock, draws a random number, waits or does I/O. Callers hand in the [`Moment`] and random words
//! (`draw: u64`, all 64 bits used), so every rule can be tested and simulated alone. What is shared by the data plane's
//! threads is `Sync` through atomics; a lock is taken only where a breaker is not closed or a request failed.
//!
//! | module | decides |
//! |---|---|
//! | [`breaker`] | whether a deployment may be asked now |
//! | [`latency`] | how long it takes, how often it succeeds |
//! | [`budget`], [`backoff`] | whether one more send is affordable, and after which wait |
//! | [`balance`], [`outlier`] | in which order the targets are tried |
//! | [`policy`] | what an attempt does next: hedge, give a stall up, retry, stop |
//! | [`health`], [`key`], [`state`] | what is remembered of a deployment and of a credential, and where |

pub mod backoff;
pub mod balance;
pub mod breaker;
pub mod budget;
pub mod clock;
pub mod health;
pub mod key;
pub mod latency;
pub mod outlier;
pub mod policy;
pub mod state;
mod window;

pub use clock::Moment;

/// A draw as a number in `[0, 1)`: the upper 53 bits, which is what an `f64` holds.
pub(crate) fn unit(draw: u64) -> f64 {
    (draw >> 11) as f64 / (1_u64 << 53) as f64
}
