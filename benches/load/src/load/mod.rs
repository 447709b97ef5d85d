//! The load generator. Read in this order: what is sent (`plan`, `request`), over what (`link`, `connection`, `http2`), how an answer
//! is read and checked (`response`, `check`), how it is counted (`tally`), and the three ways to send: `closed`, where each
//! connection waits for its answer before it asks again; `open`, where requests start at their time whatever the answers
//! do; `hold`, where streams are opened and kept.

mod check;
mod closed;
mod connection;
mod failure;
mod hold;
mod http2;
mod link;
mod open;
mod plan;
mod request;
mod response;
mod tally;

pub use self::{
    closed::{Closed, closed},
    failure::Failure,
    hold::{Held, Hold, hold},
    open::{Arrivals, Open, open},
    plan::{Plan, Target, Verify},
    tally::{Quantiles, Report},
};
