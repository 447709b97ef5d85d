//! Upstream: origins, connections to them, and one send.

pub(crate) mod adapted;
pub(crate) mod body;
pub(crate) mod check;
pub(crate) mod credential;
mod framed;
pub(crate) mod global;
pub(crate) mod mock;
pub(crate) mod origin;
pub(crate) mod paths;
pub(crate) mod pool;
pub(crate) mod provider;
pub(crate) mod resolve;
pub(crate) mod send;
mod sign;
pub(crate) mod slot;
