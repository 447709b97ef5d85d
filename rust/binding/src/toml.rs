//! TOML to Python values, with the place of every key and value, which `tomllib` does not keep.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use toml_edit::{Document, Item, TableLike, Value};

pyo3::create_exception!(
    _dataplane,
    TomlError,
    PyValueError,
    "A TOML syntax error: args are (message, offset in characters)."
);

/// Parses `text` (TOML 1.1). Returns the values, and for each path of keys and indexes the offsets
/// `(key start, key end, value start, value end)` in characters of `text`. Raises `TomlError`.
#[pyfunction]
pub(crate) fn parse_toml<'py>(py: Python<'py>, text: &str) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyDict>)> {
    let chars = Chars::of(text);
    let document = Document::parse(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| chars.at(span.start));
        TomlError::new_err((error.message().to_owned(), offset))
    })?;
    let mut walk = Walk { py, chars, spans: PyDict::new(py), path: Vec::new() };
    let values = walk.table(document.as_table())?;
    Ok((values, walk.spans))
}

/// Byte offsets to character offsets, made once: a count at each lookup would make large files quadratic.
struct Chars {
    /// Where each character of more than one byte ends, in bytes, and how many bytes all up to it have too many.
    wide: Vec<(usize, usize)>,
}

impl Chars {
    fn of(text: &str) -> Self {
        let mut surplus = 0;
        let wide = text
            .char_indices()
            .filter(|(_, character)| !character.is_ascii())
            .map(|(start, character)| {
                surplus += character.len_utf8() - 1;
                (start + character.len_utf8(), surplus)
            })
            .collect();
        Self { wide }
    }

    fn at(&self, byte: usize) -> usize {
        let before = self.wide.partition_point(|(end, _)| *end <= byte);
        byte - before.checked_sub(1).and_then(|last| self.wide.get(last)).map_or(0, |(_, surplus)| *surplus)
    }
}

struct Walk<'py> {
    py: Python<'py>,
    chars: Chars,
    spans: Bound<'py, PyDict>,
    path: Vec<Py<PyAny>>,
}

type Span = Option<std::ops::Range<usize>>;

impl<'py> Walk<'py> {
    fn table(&mut self, table: &dyn TableLike) -> PyResult<Bound<'py, PyDict>> {
        let values = PyDict::new(self.py);
        for (name, item) in table.iter() {
            let key = table.key(name).and_then(|key| key.span());
            self.path.push(name.into_pyobject(self.py)?.into_any().unbind());
            self.note(key, item.span())?;
            values.set_item(name, self.item(item)?)?;
            self.path.pop();
        }
        Ok(values)
    }

    fn item(&mut self, item: &Item) -> PyResult<Bound<'py, PyAny>> {
        match item {
            Item::None => Ok(self.py.None().into_bound(self.py)),
            Item::Value(value) => self.value(value),
            Item::Table(table) => Ok(self.table(table)?.into_any()),
            Item::ArrayOfTables(tables) => {
                let list = PyList::empty(self.py);
                for (index, table) in tables.iter().enumerate() {
                    self.path.push(index.into_pyobject(self.py)?.into_any().unbind());
                    self.note(table.span(), table.span())?;
                    list.append(self.table(table)?)?;
                    self.path.pop();
                }
                Ok(list.into_any())
            }
        }
    }

    fn value(&mut self, value: &Value) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        Ok(match value {
            Value::String(text) => text.value().into_pyobject(py)?.into_any(),
            Value::Integer(number) => number.value().into_pyobject(py)?.into_any(),
            Value::Float(number) => number.value().into_pyobject(py)?.into_any(),
            Value::Boolean(truth) => truth.value().into_pyobject(py)?.to_owned().into_any(),
            Value::Datetime(time) => time.value().to_string().into_pyobject(py)?.into_any(),
            Value::InlineTable(table) => self.table(table)?.into_any(),
            Value::Array(array) => {
                let list = PyList::empty(py);
                for (index, value) in array.iter().enumerate() {
                    self.path.push(index.into_pyobject(py)?.into_any().unbind());
                    self.note(value.span(), value.span())?;
                    list.append(self.value(value)?)?;
                    self.path.pop();
                }
                list.into_any()
            }
        })
    }

    fn note(&self, key: Span, value: Span) -> PyResult<()> {
        let key = key.or_else(|| value.clone()).unwrap_or(0..0);
        let value = value.unwrap_or_else(|| key.clone());
        let places = [key.start, key.end, value.start, value.end].map(|byte| self.chars.at(byte));
        self.spans.set_item(PyTuple::new(self.py, &self.path)?, PyTuple::new(self.py, places)?)
    }
}
