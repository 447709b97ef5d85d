//! Names to addresses, asked again after a while: an upstream that moves is found without a restart.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::clock::{Instant, now};

/// How long an answer is waited for while an older one is at hand.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long an older answer is used before the next try, where the system gives no new one.
const RETRY: Duration = Duration::from_secs(5);
/// How many names are kept; those of the configuration, and of configurations before it.
const MAX_NAMES: usize = 1024;

/// The addresses of a name, and until when they are used. Whoever holds it is asking; the others wait.
type Name = Rc<Mutex<Option<(Vec<SocketAddr>, Instant)>>>;

/// One worker's resolver.
#[derive(Default)]
pub(crate) struct Resolver {
    names: RefCell<HashMap<(String, u16), Name>>,
}

impl Resolver {
    /// The addresses of `host`, the system's preference first, used for `ttl`. The last ones known serve on
    /// while the system's resolver fails: an outage of DNS is none of the upstream.
    ///
    /// # Errors
    /// What the system's resolver said of a name that it never had an address for.
    pub(crate) async fn resolve(&self, host: &str, port: u16, ttl: Duration) -> Result<Vec<SocketAddr>, String> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let name = self.name(host, port);
        let mut known = name.lock().await;
        let Some((addresses, until)) = &mut *known else {
            let found = look_up(host, port).await?;
            *known = Some((found.clone(), now() + ttl));
            return Ok(found);
        };
        if *until <= now() {
            match tokio::time::timeout(PATIENCE, look_up(host, port)).await {
                Ok(Ok(found)) => (*addresses, *until) = (found, now() + ttl),
                Ok(Err(_)) | Err(_) => *until = now() + ttl.min(RETRY),
            }
        }
        Ok(addresses.clone())
    }

    fn name(&self, host: &str, port: u16) -> Name {
        let mut names = self.names.borrow_mut();
        if names.len() >= MAX_NAMES {
            names.clear();
        }
        Rc::clone(names.entry((host.to_owned(), port)).or_default())
    }
}

/// Asks the system's resolver.
///
/// # Errors
/// What it said.
pub(crate) async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let found: Vec<SocketAddr> =
        tokio::net::lookup_host((host, port)).await.map_err(|error| format!("DNS: {error}"))?.collect();
    if found.is_empty() { Err(format!("DNS: {host} has no address")) } else { Ok(found) }
}
