//! Categories as small numbers: each distinct text becomes one Python object, however many records have it.

use std::collections::HashMap;

use foldhash::quality::RandomState;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use crate::cursor::Scalar;

/// Code of a missing value.
pub const MISSING: i32 = -1;
/// A dictionary that has grown beyond this is begun anew with the next call.
const MOST_CATEGORIES: usize = 4_096;

/// The texts of one column with their codes; `names` only ever grows, so that earlier columns may share it.
pub struct Dictionary {
    /// Texts that fit a key of 16 bytes: most do, and a look-up needs no second look at the text.
    short: HashMap<u128, i32, RandomState>,
    long: HashMap<Box<[u8]>, i32, RandomState>,
    /// Floats by how they were written: what text they stand for is asked of Python, once.
    floats: HashMap<Box<[u8]>, i32, RandomState>,
    names: Py<PyList>,
}

impl Dictionary {
    pub fn new(py: Python<'_>) -> Self {
        let names = PyList::empty(py).unbind();
        Self { short: HashMap::default(), long: HashMap::default(), floats: HashMap::default(), names }
    }

    pub fn names<'py>(&self, py: Python<'py>) -> Bound<'py, PyList> {
        self.names.bind(py).clone()
    }

    /// Begin anew if there are too many texts. Codes that were handed out stay right for the list they came with.
    pub fn shrink(&mut self, py: Python<'_>) {
        if self.len() > MOST_CATEGORIES || self.floats.len() > MOST_CATEGORIES {
            *self = Self::new(py);
        }
    }

    fn len(&self) -> usize {
        self.short.len() + self.long.len()
    }

    /// The code of a value, None for what has no text.
    #[inline]
    pub fn code(&mut self, value: &Scalar, text_of: &Bound<'_, PyAny>) -> PyResult<Option<i32>> {
        match value {
            Scalar::Null => Ok(Some(MISSING)),
            Scalar::Text(text) => self.code_of(text_of.py(), text),
            Scalar::Boolean(true) => self.code_of(text_of.py(), b"true"),
            Scalar::Boolean(false) => self.code_of(text_of.py(), b"false"),
            Scalar::Number(number, written) if number.is_integer => self.code_of(text_of.py(), written),
            Scalar::Number(number, written) => self.code_of_float(number.value, written, text_of),
        }
    }

    #[inline]
    fn code_of(&mut self, py: Python<'_>, text: &[u8]) -> PyResult<Option<i32>> {
        let known = match packed(text) {
            Some(key) => self.short.get(&key),
            None => self.long.get(text),
        };
        match known {
            Some(&code) => Ok(Some(code)),
            None => self.learn(py, text),
        }
    }

    #[cold]
    fn learn(&mut self, py: Python<'_>, text: &[u8]) -> PyResult<Option<i32>> {
        let (Ok(name), Ok(code)) = (std::str::from_utf8(text), i32::try_from(self.len())) else {
            return Ok(None);
        };
        self.names.bind(py).append(PyString::new(py, name))?;
        match packed(text) {
            Some(key) => self.short.insert(key, code),
            None => self.long.insert(text.into(), code),
        };
        Ok(Some(code))
    }

    fn code_of_float(&mut self, value: f64, written: &[u8], text_of: &Bound<'_, PyAny>) -> PyResult<Option<i32>> {
        if let Some(&code) = self.floats.get(written) {
            return Ok(Some(code));
        }
        let text: String = text_of.call1((value,))?.extract()?;
        let code = self.code_of(text_of.py(), text.as_bytes())?;
        if let Some(code) = code {
            self.floats.insert(written.into(), code);
        }
        Ok(code)
    }
}

/// A text of at most 15 bytes with its length as one number.
#[inline]
fn packed(text: &[u8]) -> Option<u128> {
    let mut bytes = [0u8; 16];
    bytes.get_mut(..15)?.get_mut(..text.len())?.copy_from_slice(text);
    bytes[15] = u8::try_from(text.len()).ok()?;
    Some(u128::from_ne_bytes(bytes))
}
