//! The columns of one model version, and the rows that one call found of it.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::cursor::{Cursor, Scalar};
use crate::dictionary::{Dictionary, MISSING};
use crate::key_order::KeyOrder;
use crate::wide::{Texts, Vectors};

#[derive(Clone, Copy)]
enum Slot {
    Number(usize),
    Text(usize),
    LongText(usize),
    Vector(usize),
    Other,
}

/// How predictions are kept: as numbers, or as texts with codes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Predictions {
    Numbers,
    Texts,
}

/// Longer integers are not floats exactly.
const MOST_EXACT_DIGITS: usize = 15;
/// Numbers of a row behind those of its features.
const OUTPUTS: usize = 3;

/// What to take out of the records of one model version. Numbers of a row: features, score, latency, prediction;
/// texts of a row: features, prediction.
#[pyclass(module = "monitor.adapters.native._scanner")]
pub struct Plan {
    keys: KeyOrder<Slot>,
    numeric: usize,
    predictions: Predictions,
    pub positive_label: Option<Vec<u8>>,
    dictionaries: Vec<Dictionary>,
    /// The row at hand, and which of its slots were filled (by the number of the attempt): no key may come twice.
    numbers: Vec<f64>,
    codes: Vec<i32>,
    filled: Vec<u64>,
    attempt: u64,
    /// Columns whose value in the row at hand has another type: it counts as invalid, and the rest of the row counts.
    invalid: Vec<usize>,
    long_texts: Vec<Texts>,
    vectors: Vec<Vectors>,
    found: Found,
}

/// Finished rows, one after the other.
#[derive(Default)]
struct Found {
    rows: Vec<i64>,
    times: Vec<i64>,
    numbers: Vec<f64>,
    codes: Vec<i32>,
    ids: Vec<u8>,
    id_ends: Vec<i64>,
    /// (column, row) of invalid values.
    invalid: Vec<(usize, usize)>,
}

/// What a record says beside its features.
pub struct Outputs<'a> {
    pub event_id: &'a [u8],
    pub time_ms: i64,
    pub prediction: Scalar<'a>,
    pub score: f64,
    pub latency_ms: f64,
}

#[pymethods]
impl Plan {
    /// Columns by name; `positive_label` picks the score where a record has one for each label. `vectors` have a name
    /// and a number of dimensions.
    #[new]
    fn new(
        py: Python<'_>,
        numeric: Vec<String>,
        categorical: Vec<String>,
        numeric_predictions: bool,
        positive_label: Option<String>,
        long_texts: Vec<String>,
        vectors: Vec<(String, usize)>,
    ) -> Self {
        let numbers = numeric.iter().enumerate().map(|(at, name)| (name.as_str(), Slot::Number(at)));
        let texts = categorical.iter().enumerate().map(|(at, name)| (name.as_str(), Slot::Text(at)));
        let long = long_texts.iter().enumerate().map(|(at, name)| (name.as_str(), Slot::LongText(at)));
        let lists = vectors.iter().enumerate().map(|(at, (name, _))| (name.as_str(), Slot::Vector(at)));
        let slots = numeric.len() + categorical.len() + long_texts.len() + vectors.len();
        Self {
            keys: KeyOrder::new(numbers.chain(texts).chain(long).chain(lists), Slot::Other),
            numeric: numeric.len(),
            predictions: if numeric_predictions { Predictions::Numbers } else { Predictions::Texts },
            positive_label: positive_label.map(String::into_bytes),
            dictionaries: (0..=categorical.len()).map(|_| Dictionary::new(py)).collect(),
            numbers: vec![f64::NAN; numeric.len() + OUTPUTS],
            codes: vec![MISSING; categorical.len() + 1],
            filled: vec![0; slots],
            attempt: 0,
            invalid: Vec::new(),
            long_texts: long_texts.iter().map(|_| Texts::default()).collect(),
            vectors: vectors.iter().map(|&(_, dimensions)| Vectors::new(dimensions)).collect(),
            found: Found::default(),
        }
    }
}

impl Plan {
    /// Forget the rows of the last call.
    pub fn begin(&mut self, py: Python<'_>) {
        self.found = Found::default();
        self.long_texts.iter_mut().for_each(|texts| *texts = Texts::default());
        self.vectors.iter_mut().for_each(Vectors::forget);
        self.dictionaries.iter_mut().for_each(|dictionary| dictionary.shrink(py));
    }

    /// Read the features of a record, an object, into the row at hand. None leaves nothing behind.
    pub fn read(&mut self, cursor: &mut Cursor, text_of: &Bound<'_, PyAny>) -> PyResult<Option<()>> {
        self.attempt += 1;
        self.numbers.fill(f64::NAN);
        self.codes.fill(MISSING);
        self.invalid.clear();
        self.long_texts.iter_mut().for_each(Texts::clear);
        self.vectors.iter_mut().for_each(Vectors::clear);
        if cursor.expect(b'{').is_none() {
            return Ok(None);
        }
        cursor.spaces();
        if cursor.expect(b'}').is_some() {
            return Ok(Some(()));
        }
        let mut place = 0;
        loop {
            if self.member(cursor, &mut place, text_of)?.is_none() {
                return Ok(None);
            }
            match cursor.another(b'}') {
                None => return Ok(None),
                Some(false) => return Ok(Some(())),
                Some(true) => {}
            }
        }
    }

    #[inline]
    fn member(&mut self, cursor: &mut Cursor, place: &mut usize, text_of: &Bound<'_, PyAny>) -> PyResult<Option<()>> {
        let Some(slot) = self.keys.next(cursor, place) else { return Ok(None) };
        if cursor.colon().is_none() {
            return Ok(None);
        }
        match slot {
            Slot::Number(at) => Ok(self.number(cursor, at)),
            Slot::Text(at) => self.text(cursor, at, text_of),
            Slot::LongText(at) => Ok(self.long_text(cursor, at)),
            Slot::Vector(at) => Ok(self.vector(cursor, at)),
            Slot::Other => Ok(cursor.skip()),
        }
    }

    #[inline]
    fn number(&mut self, cursor: &mut Cursor, at: usize) -> Option<()> {
        self.fill(at)?;
        match cursor.peek() {
            b'-' | b'0'..=b'9' => self.numbers[at] = cursor.number()?.value,
            b'n' => cursor.null()?,
            b'N' => cursor.nan()?,
            _ => {
                cursor.skip()?;
                self.invalid.push(at);
            }
        }
        Some(())
    }

    #[inline]
    fn text(&mut self, cursor: &mut Cursor, at: usize, text_of: &Bound<'_, PyAny>) -> PyResult<Option<()>> {
        if self.fill(self.numeric + at).is_none() {
            return Ok(None);
        }
        match cursor.peek() {
            b'N' => return Ok(cursor.nan()),
            b'[' | b'{' => {
                self.invalid.push(self.numeric + at);
                return Ok(cursor.skip());
            }
            _ => {}
        }
        let Some(value) = cursor.scalar() else { return Ok(None) };
        let code = self.dictionaries[at].code(&value, text_of)?;
        Ok(code.map(|code| self.codes[at] = code))
    }

    fn long_text(&mut self, cursor: &mut Cursor, at: usize) -> Option<()> {
        self.fill(self.numeric + self.codes.len() - 1 + at)?;
        self.long_texts[at].read(cursor)
    }

    fn vector(&mut self, cursor: &mut Cursor, at: usize) -> Option<()> {
        self.fill(self.numeric + self.codes.len() - 1 + self.long_texts.len() + at)?;
        self.vectors[at].read(cursor)
    }

    #[inline]
    fn fill(&mut self, slot: usize) -> Option<()> {
        let before = std::mem::replace(&mut self.filled[slot], self.attempt);
        (before != self.attempt).then_some(())
    }

    /// Keep the row at hand as that of the message with this number. None leaves nothing behind.
    pub fn keep(&mut self, row: i64, outputs: &Outputs, text_of: &Bound<'_, PyAny>) -> PyResult<Option<()>> {
        if self.predict(&outputs.prediction, text_of)?.is_none() {
            return Ok(None);
        }
        self.numbers[self.numeric] = outputs.score;
        self.numbers[self.numeric + 1] = outputs.latency_ms;
        let found = &mut self.found;
        found.ids.extend_from_slice(outputs.event_id);
        let Ok(end) = i64::try_from(found.ids.len()) else { return Ok(None) };
        found.invalid.extend(self.invalid.iter().map(|&column| (column, found.rows.len())));
        found.id_ends.push(end);
        found.rows.push(row);
        found.times.push(outputs.time_ms);
        found.numbers.extend_from_slice(&self.numbers);
        found.codes.extend_from_slice(&self.codes);
        self.long_texts.iter_mut().for_each(Texts::keep);
        self.vectors.iter_mut().for_each(Vectors::keep);
        Ok(Some(()))
    }

    fn predict(&mut self, prediction: &Scalar, text_of: &Bound<'_, PyAny>) -> PyResult<Option<()>> {
        if self.predictions == Predictions::Texts {
            let last = self.codes.len() - 1;
            let code = self.dictionaries[last].code(prediction, text_of)?;
            return Ok(code.map(|code| self.codes[last] = code));
        }
        let value = match prediction {
            Scalar::Null => f64::NAN,
            Scalar::Number(number, written) if !number.is_integer || written.len() <= MOST_EXACT_DIGITS => number.value,
            _ => return Ok(None),
        };
        self.numbers[self.numeric + 2] = value;
        Ok(Some(()))
    }

    /// The rows of this call, by column: (row numbers, times, numbers, codes, ids, ends of ids, categories,
    /// (column, row) of invalid values, long texts, (rows, numbers) of vectors).
    pub fn finish<'py>(&mut self, py: Python<'py>) -> PyResult<Columns<'py>> {
        let found = std::mem::take(&mut self.found);
        let names = PyList::new(py, self.dictionaries.iter().map(|dictionary| dictionary.names(py)))?;
        Ok((
            integers(py, &found.rows)?,
            integers(py, &found.times)?,
            transposed(py, &found.numbers, self.numbers.len(), f64::to_ne_bytes)?,
            transposed(py, &found.codes, self.codes.len(), i32::to_ne_bytes)?,
            PyBytes::new(py, &found.ids),
            integers(py, &found.id_ends)?,
            names,
            found.invalid,
            self.long_texts.iter_mut().map(|texts| texts.finish(py)).collect::<PyResult<_>>()?,
            self.vectors.iter_mut().map(|vectors| vectors.finish(py)).collect(),
        ))
    }

    pub fn is_empty(&self) -> bool {
        self.found.rows.is_empty()
    }
}

type Columns<'py> = (
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    Bound<'py, PyList>,
    Vec<(usize, usize)>,
    Vec<Bound<'py, PyList>>,
    Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)>,
);

fn integers<'py>(py: Python<'py>, values: &[i64]) -> PyResult<Bound<'py, PyBytes>> {
    transposed(py, values, 1, i64::to_ne_bytes)
}

/// Rows of so many cells as bytes, column by column.
fn transposed<'py, T: Copy, const N: usize>(
    py: Python<'py>,
    cells: &[T],
    width: usize,
    bytes_of: fn(T) -> [u8; N],
) -> PyResult<Bound<'py, PyBytes>> {
    let rows = cells.len() / width;
    PyBytes::new_with(py, cells.len() * N, |buffer| {
        for (column, part) in buffer.chunks_exact_mut((rows * N).max(1)).enumerate() {
            for (cell, row) in part.chunks_exact_mut(N).zip(cells.chunks_exact(width)) {
                cell.copy_from_slice(&bytes_of(row[column]));
            }
        }
        Ok(())
    })
}
