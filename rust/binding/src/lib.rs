//! `tollway._dataplane`: what Python may ask of the data plane. No decisions here.

mod books;
mod expression;
mod gateway;
mod hook;
mod toml;

use pyo3::prelude::*;
use tollway_dataplane::authenticate::virtual_key::{KeyHasher, to_hex};

/// The HMAC-SHA-256 of a virtual key under the server's secret, as 64 hexadecimal digits.
#[pyfunction]
fn hash_key(secret: &[u8], key: &[u8]) -> String {
    to_hex(&KeyHasher::new(secret).hash(key))
}

#[pymodule]
fn _dataplane(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<gateway::PyGateway>()?;
    module.add_class::<hook::PyHookCall>()?;
    module.add_class::<books::PyOffline>()?;
    module.add_function(wrap_pyfunction!(books::explain, module)?)?;
    module.add_function(wrap_pyfunction!(expression::check_expression, module)?)?;
    module.add_function(wrap_pyfunction!(hash_key, module)?)?;
    module.add_function(wrap_pyfunction!(toml::parse_toml, module)?)?;
    module.add("TomlError", module.py().get_type::<toml::TomlError>())?;
    Ok(())
}
