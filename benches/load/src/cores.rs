//! Where threads run: each gets a core of its own and a runtime of its own.

use std::io;

use rustix::thread::{CpuSet, sched_setaffinity};
use tokio::runtime::{Builder, Runtime};

/// Keeps the calling thread, and those that it starts later, on one core.
///
/// # Errors
/// The system's own, as for a core that does not exist or that this process may not use.
pub fn pin(core: usize) -> io::Result<()> {
    if core >= CpuSet::MAX_CPU {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("there is no core {core}")));
    }
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).map_err(Into::into)
}

/// A runtime that works on the calling thread only.
///
/// # Errors
/// The system's own, if it gives no event queue.
pub fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_io().enable_time().build()
}
