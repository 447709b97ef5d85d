//! What the command line asks without a gateway.

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use tollway_dataplane::books::offline::Offline;

#[pyclass(name = "Offline", module = "tollway._dataplane", frozen)]
pub(crate) struct PyOffline(Offline);

#[pymethods]
impl PyOffline {
    #[new]
    fn new(py: Python<'_>, snapshot: &[u8]) -> PyResult<Self> {
        py.detach(|| Offline::open(snapshot)).map(Self).map_err(PyOSError::new_err)
    }

    fn call(&self, py: Python<'_>, name: &str, with_json: &[u8], actor: &str) -> PyResult<Vec<u8>> {
        let with = serde_json::from_slice(with_json).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(py.detach(|| self.0.call(name, with, actor)).to_string().into_bytes())
    }
}

/// What would happen to a request.
#[pyfunction]
#[pyo3(signature = (snapshot, key, model, body))]
pub(crate) fn explain(snapshot: &[u8], key: Option<&str>, model: &str, body: Option<&[u8]>) -> PyResult<Vec<u8>> {
    let told = tollway_dataplane::explain::explain(snapshot, key, model, body).map_err(PyValueError::new_err)?;
    Ok(told.to_string().into_bytes())
}
