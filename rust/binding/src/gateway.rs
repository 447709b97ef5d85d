//! The gateway as Python sees it.

use std::net::TcpListener;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::PathBuf;
use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use tollway_dataplane::gateway::{Gateway, Start, StartError};

use crate::hook::PyHookCall;

#[pyclass(name = "Gateway", module = "tollway._dataplane", frozen)]
pub(crate) struct PyGateway {
    gateway: Gateway,
}

#[pymethods]
impl PyGateway {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "Python's own handle is not an argument of the caller's")]
    fn new(
        py: Python<'_>,
        listen_fds: Vec<i32>,
        control_path: PathBuf,
        workers: usize,
        hook_threads: usize,
        snapshot: &[u8],
        successor: bool,
    ) -> PyResult<Self> {
        let listeners = listen_fds.into_iter().map(duplicate).collect::<PyResult<Vec<_>>>()?;
        let (listeners, control) = (&*listeners, &*control_path);
        py.detach(|| Gateway::start(&Start { listeners, control, workers, hook_threads, snapshot, successor }))
            .map(|gateway| Self { gateway })
            .map_err(|error| match error {
                StartError::Snapshot(what) | StartError::Books(what) => PyValueError::new_err(what),
                StartError::Io(error) => PyOSError::new_err(error.to_string()),
            })
    }

    fn reload(&self, py: Python<'_>, snapshot: &[u8], cause: &str) -> PyResult<()> {
        py.detach(|| self.gateway.reload(snapshot, cause)).map_err(PyValueError::new_err)
    }

    fn drain(&self, py: Python<'_>, timeout: f64) -> PyResult<bool> {
        let patience = duration(timeout)?;
        Ok(py.detach(|| self.gateway.drain(patience)))
    }

    fn next_command(&self, py: Python<'_>, timeout: f64) -> PyResult<Option<(u64, &'static str)>> {
        let patience = duration(timeout)?;
        Ok(py.detach(|| self.gateway.next_command(patience)).map(|command| (command.id, command.name)))
    }

    fn finish_command(&self, number: u64, error: Option<String>) {
        self.gateway.finish_command(number, error);
    }

    fn next_hook(&self, py: Python<'_>) -> Option<PyHookCall> {
        py.detach(|| self.gateway.hooks().next()).map(PyHookCall)
    }

    fn next_adapter(&self, py: Python<'_>) -> Option<PyHookCall> {
        py.detach(|| self.gateway.hooks().next_adapter()).map(PyHookCall)
    }

    fn hook_fd(&self) -> i32 {
        self.gateway.hooks().descriptor().as_raw_fd()
    }

    fn take_async_hooks(&self) -> Vec<PyHookCall> {
        self.gateway.hooks().take_async().into_iter().map(PyHookCall).collect()
    }

    fn connections(&self) -> (usize, usize) {
        self.gateway.connections()
    }

    fn metrics(&self, py: Python<'_>) -> String {
        py.detach(|| self.gateway.metrics())
    }
}

fn duration(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| PyValueError::new_err("a time is a number of seconds, not below 0"))
}

/// A listener of our own on Python's socket, which Python may close or hand on as it likes.
fn duplicate(fd: i32) -> PyResult<TcpListener> {
    if fd < 0 {
        return Err(PyValueError::new_err("a file descriptor is not below 0"));
    }
    // SAFETY: the caller passes the descriptor of a socket that it holds open during this call; it is only borrowed
    // to be duplicated, and a descriptor that is not open makes the duplication fail.
    #[allow(unsafe_code)]
    let theirs = unsafe { BorrowedFd::borrow_raw(fd) };
    Ok(TcpListener::from(theirs.try_clone_to_owned()?))
}
