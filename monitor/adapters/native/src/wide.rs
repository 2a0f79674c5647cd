//! Features that are no cell of a row: long texts, and vectors of a known length.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::cursor::Cursor;

/// The texts of one feature: that of the row at hand, and those of finished rows.
#[derive(Default)]
pub struct Texts {
    at_hand: Option<String>,
    found: Vec<Option<String>>,
}

impl Texts {
    pub fn clear(&mut self) {
        self.at_hand = None;
    }

    /// A text or null. None for anything else.
    pub fn read(&mut self, cursor: &mut Cursor) -> Option<()> {
        match cursor.peek() {
            b'n' => cursor.null(),
            _ => cursor.long_text().map(|text| self.at_hand = Some(text.into_owned())),
        }
    }

    pub fn keep(&mut self) {
        self.found.push(self.at_hand.take());
    }

    /// One a row, None where there is none.
    pub fn finish<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, std::mem::take(&mut self.found))
    }
}

/// The vectors of one feature, the same way; those of finished rows lie one after the other.
pub struct Vectors {
    dimensions: usize,
    at_hand: Vec<f64>,
    rows: i64,
    found: Vec<f64>,
    /// Rows that have one.
    places: Vec<i64>,
}

impl Vectors {
    pub fn new(dimensions: usize) -> Self {
        Self { dimensions, at_hand: Vec::new(), rows: 0, found: Vec::new(), places: Vec::new() }
    }

    pub fn clear(&mut self) {
        self.at_hand.clear();
    }

    /// A list of as many numbers as there are dimensions, or null. None for anything else.
    pub fn read(&mut self, cursor: &mut Cursor) -> Option<()> {
        if cursor.peek() == b'n' {
            return cursor.null();
        }
        cursor.expect(b'[')?;
        cursor.spaces();
        loop {
            self.at_hand.push(cursor.number()?.value);
            if !cursor.another(b']')? {
                return (self.at_hand.len() == self.dimensions).then_some(());
            }
            if self.at_hand.len() == self.dimensions {
                return None;
            }
        }
    }

    /// Forget everything of the last call.
    pub fn forget(&mut self) {
        *self = Self::new(self.dimensions);
    }

    pub fn keep(&mut self) {
        if !self.at_hand.is_empty() {
            self.places.push(self.rows);
            self.found.append(&mut self.at_hand);
        }
        self.rows += 1;
    }

    /// (rows that have one, their numbers row by row).
    pub fn finish<'py>(&mut self, py: Python<'py>) -> (Bound<'py, PyBytes>, Bound<'py, PyBytes>) {
        let numbers: Vec<u8> = std::mem::take(&mut self.found).into_iter().flat_map(f64::to_ne_bytes).collect();
        let places: Vec<u8> = std::mem::take(&mut self.places).into_iter().flat_map(i64::to_ne_bytes).collect();
        self.rows = 0;
        (PyBytes::new(py, &places), PyBytes::new(py, &numbers))
    }
}
