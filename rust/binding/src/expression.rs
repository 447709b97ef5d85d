//! Conditions, checked without being asked.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tollway_expression::{Condition, Phase};

/// `None` if `text` is a condition for a decision of `phase`, `route` or `task-type`; else `(offset in characters,
/// message, hint)`. Raises `ValueError` for another phase.
#[pyfunction]
pub(crate) fn check_expression(text: &str, phase: &str) -> PyResult<Option<(usize, String, Option<String>)>> {
    let phase = Phase::named(phase).ok_or_else(|| PyValueError::new_err(format!("no phase: {phase}")))?;
    Ok(Condition::compile(text, phase).err().map(|mistake| {
        let before = text.get(..mistake.at).unwrap_or(text);
        (before.chars().count(), mistake.message, mistake.hint)
    }))
}
