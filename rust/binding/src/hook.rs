//! One call of a policy hook or an adapter, as Python sees it.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tollway_dataplane::hook::{Decision, HookAnswer, HookCall};

#[pyclass(name = "HookCall", module = "tollway._dataplane", frozen)]
pub(crate) struct PyHookCall(pub(crate) Arc<HookCall>);

#[pymethods]
impl PyHookCall {
    #[getter]
    fn hook(&self) -> u64 {
        self.0.hook
    }

    #[getter]
    fn context<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.context)
    }

    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.body)
    }

    #[getter]
    fn kept(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.0.kept.get()?.downcast_ref::<Py<PyAny>>().map(|instance| instance.clone_ref(py))
    }

    /// What is kept already stays.
    fn keep(&self, instance: Py<PyAny>) {
        let _ = self.0.kept.set(Box::new(instance));
    }

    #[getter]
    fn cancelled(&self) -> bool {
        self.0.abandoned()
    }

    fn finish(&self, action: &str, message: Option<String>, body: Option<Vec<u8>>, flags: Vec<String>) -> PyResult<()> {
        let decision = match (action, body) {
            ("allow", _) => Decision::Allow,
            ("reject", _) => Decision::Reject(message.unwrap_or_else(|| "A policy refused this request.".to_owned())),
            ("replace", Some(body)) => Decision::Replace(body.into()),
            ("replace", None) => return Err(PyValueError::new_err("replace needs a body")),
            _ => return Err(PyValueError::new_err("the action is allow, reject or replace")),
        };
        self.0.finish(Ok(HookAnswer { decision, flags }));
        Ok(())
    }

    fn fail(&self, error: String) {
        self.0.finish(Err(error));
    }
}
