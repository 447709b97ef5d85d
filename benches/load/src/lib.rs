//! What the load benches are made of: `tollway-load`, which sends requests and times the answers, and
//! `tollway-mock-upstream`, which plays the model. Both are kept cheap, since they share a core with one another: what
//! they spend is not left for the gateway to show what it can do. See `benches/README.md` for the method.
//!
//! Not production code: neither binds anything but what its command line names, and neither speaks TLS.

pub mod clock;
pub mod cores;
pub mod load;
pub mod mock;
pub mod payload;
pub mod quantity;
