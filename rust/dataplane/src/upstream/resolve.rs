//! Names to addresses, asked again after a while: an upstream that moves is found without a restart.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::clock::{Instant, now};

/// How long an answer is used. getaddrinfo does not tell a record's own time to live.
const FRESH: Duration = Duration::from_secs(30);
/// How many names are kept; those of the configuration, and of configurations before it.
const MAX_NAMES: usize = 1024;

/// The addresses of a name, and until when they are used.
type Known = (Vec<SocketAddr>, Instant);

/// One worker's resolver.
#[derive(Default)]
pub(crate) struct Resolver {
    known: RefCell<HashMap<(String, u16), Known>>,
}

impl Resolver {
    /// The addresses of `host`, the system's preference first.
    ///
    /// # Errors
    /// What the system's resolver said.
    pub(crate) async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let name = (host.to_owned(), port);
        if let Some((addresses, until)) = self.known.borrow().get(&name)
            && *until > now()
        {
            return Ok(addresses.clone());
        }
        let found: Vec<SocketAddr> =
            tokio::net::lookup_host((host, port)).await.map_err(|error| format!("DNS: {error}"))?.collect();
        if found.is_empty() {
            return Err(format!("DNS: {host} has no address"));
        }
        let mut known = self.known.borrow_mut();
        if known.len() >= MAX_NAMES {
            known.clear();
        }
        known.insert(name, (found.clone(), now() + FRESH));
        Ok(found)
    }
}
