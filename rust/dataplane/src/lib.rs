//! The data plane. The modules, in the order in which a request meets them; [`pipeline`] tells the story.

// The stages.
pub(crate) mod accept;
pub(crate) mod account;
pub(crate) mod attempt;
pub mod authenticate;
pub(crate) mod cache;
pub mod guard;
pub(crate) mod inspect;
pub(crate) mod jobs;
pub(crate) mod limit;
pub(crate) mod pipeline;
pub(crate) mod relay;
pub(crate) mod respond;
pub(crate) mod route;
pub(crate) mod translate;
pub(crate) mod upstream;

// The ground that they stand on.
pub(crate) mod alert;
pub mod books;
pub(crate) mod clock;
pub mod error;
pub(crate) mod exchange;
pub mod explain;
pub mod gateway;
pub mod hook;
pub(crate) mod log;
pub(crate) mod snapshot;
pub(crate) mod telemetry;
pub(crate) mod trace;
pub(crate) mod worker;
