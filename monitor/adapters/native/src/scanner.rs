//! Messages of many models, one after the other: envelopes are read here, features by the plan of their model.

use std::collections::HashMap;

use foldhash::quality::RandomState;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::cursor::{Cursor, Scalar};
use crate::instant;
use crate::key_order::KeyOrder;
use crate::plan::{Outputs, Plan};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    EventId,
    Model,
    Version,
    Time,
    Features,
    Type,
    Prediction,
    Score,
    Scores,
    Latency,
    Label,
    Other,
}

const FIELDS: [(&str, Field); 11] = [
    ("event_id", Field::EventId),
    ("model", Field::Model),
    ("model_version", Field::Version),
    ("event_time", Field::Time),
    ("features", Field::Features),
    ("type", Field::Type),
    ("prediction", Field::Prediction),
    ("score", Field::Score),
    ("scores", Field::Scores),
    ("latency_ms", Field::Latency),
    ("label", Field::Label),
];

/// More labels than this in `scores` are left to the safe path.
const MOST_LABELS: usize = 32;

const TAKEN: u8 = 0;
const DECLINED: u8 = 1;

/// Finds the columns of messages that are as agreed. Keeps what it learned about the order of keys.
#[pyclass(module = "monitor.adapters.native._scanner")]
pub struct Scanner {
    fields: KeyOrder<Field>,
    text_of: Py<PyAny>,
    /// Features came before the model, and not of the model of the record before: guessing is no use in this call.
    guessed_wrong: bool,
}

/// What the members of a record said so far.
struct Envelope<'a> {
    seen: u16,
    event_id: Option<&'a [u8]>,
    model: Option<&'a [u8]>,
    version: Option<&'a [u8]>,
    time_ms: Option<i64>,
    features: Option<Cursor<'a>>,
    /// The plan that has read the features already.
    read_by: Option<usize>,
    prediction: Scalar<'a>,
    score: f64,
    scores: Option<Cursor<'a>>,
    latency_ms: f64,
}

/// The plans of one call by model and version.
struct Plans<'a, 'py> {
    lookup: &'a Bound<'py, PyAny>,
    slots: HashMap<Vec<u8>, Option<usize>, RandomState>,
    plans: Vec<(Bound<'py, Plan>, PyRefMut<'py, Plan>)>,
    last_key: Vec<u8>,
    last: Option<usize>,
    key: Vec<u8>,
}

#[pymethods]
impl Scanner {
    /// `text_of` gives the text of a category that is a float.
    #[new]
    fn new(text_of: Py<PyAny>) -> Self {
        Self { fields: KeyOrder::new(FIELDS, Field::Other), text_of, guessed_wrong: false }
    }

    /// Read messages, a list of bytes (or None) of which those beyond `longest` bytes are not ours. `plan_of(model, version)` is asked once for each, and may say None.
    /// `mixed`: a record with a label is not ours. Returns a status byte for each message (0: taken), and for each
    /// plan with rows (plan, columns).
    fn scan<'py>(
        &mut self,
        py: Python<'py>,
        values: &Bound<'py, PyList>,
        longest: usize,
        mixed: bool,
        plan_of: &Bound<'py, PyAny>,
    ) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyList>)> {
        let text_of = self.text_of.bind(py).clone();
        let mut plans = Plans::new(plan_of);
        self.guessed_wrong = false;
        let mut status = vec![DECLINED; values.len()];
        for (row, value) in values.iter().enumerate() {
            let Ok(message) = value.cast::<PyBytes>() else { continue };
            let (Ok(number), true) = (i64::try_from(row), message.as_bytes().len() <= longest) else { continue };
            if self.row(message.as_bytes(), number, mixed, &mut plans, &text_of)?.is_some() {
                status[row] = TAKEN;
            }
        }
        let found = PyList::empty(py);
        for (plan, mut held) in plans.plans {
            if !held.is_empty() {
                found.append((plan, held.finish(py)?))?;
            }
        }
        Ok((PyBytes::new(py, &status), found))
    }
}

impl Scanner {
    fn row(
        &mut self,
        message: &[u8],
        row: i64,
        mixed: bool,
        plans: &mut Plans,
        text_of: &Bound<'_, PyAny>,
    ) -> PyResult<Option<()>> {
        let Some(mut cursor) = Cursor::of(message) else { return Ok(None) };
        let Some(envelope) = self.envelope(&mut cursor, mixed, plans, text_of)? else { return Ok(None) };
        if cursor.end().is_none() {
            return Ok(None);
        }
        let (Some(model), Some(version), Some(features)) = (envelope.model, envelope.version, envelope.features) else {
            return Ok(None);
        };
        let Some(slot) = plans.find(model, version)? else { return Ok(None) };
        let plan = &mut plans.plans[slot].1;
        if envelope.read_by != Some(slot) {
            self.guessed_wrong |= envelope.read_by.is_some();
            if plan.read(&mut features.clone(), text_of)?.is_none() {
                return Ok(None);
            }
        }
        match envelope.outputs(plan.positive_label.as_deref()) {
            None => Ok(None),
            Some(outputs) => plan.keep(row, &outputs, text_of),
        }
    }

    fn envelope<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        mixed: bool,
        plans: &mut Plans,
        text_of: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Envelope<'a>>> {
        let mut envelope = Envelope::new();
        if cursor.expect(b'{').is_none() {
            return Ok(None);
        }
        cursor.spaces();
        let mut place = 0;
        loop {
            let Some(field) = self.fields.next(cursor, &mut place) else { return Ok(None) };
            if cursor.colon().is_none() || envelope.see(field).is_none() || (mixed && field == Field::Label) {
                return Ok(None);
            }
            let read = match field {
                Field::Features => self.features(cursor, &mut envelope, plans, text_of)?,
                _ => envelope.read(field, cursor),
            };
            match read.and_then(|()| cursor.another(b'}')) {
                None => return Ok(None),
                Some(false) => return Ok(Some(envelope)),
                Some(true) => {}
            }
        }
    }

    /// Read the features at once if it is known (or likely) what plan they need, else pass over them.
    fn features<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        envelope: &mut Envelope<'a>,
        plans: &mut Plans,
        text_of: &Bound<'_, PyAny>,
    ) -> PyResult<Option<()>> {
        envelope.features = Some(*cursor);
        let slot = match (envelope.model, envelope.version) {
            (Some(model), Some(version)) => match plans.find(model, version)? {
                None => return Ok(None),
                slot => slot,
            },
            _ if self.guessed_wrong => None,
            _ => plans.last,
        };
        if let Some(slot) = slot {
            if plans.plans[slot].1.read(cursor, text_of)?.is_some() {
                envelope.read_by = Some(slot);
                return Ok(Some(()));
            }
        }
        let Some(start) = envelope.features else { return Ok(None) };
        *cursor = start;
        Ok(cursor.skip())
    }
}

impl<'a> Envelope<'a> {
    fn new() -> Self {
        Self {
            seen: 0,
            event_id: None,
            model: None,
            version: None,
            time_ms: None,
            features: None,
            read_by: None,
            prediction: Scalar::Null,
            score: f64::NAN,
            scores: None,
            latency_ms: f64::NAN,
        }
    }

    /// None when the field came before.
    #[inline]
    fn see(&mut self, field: Field) -> Option<()> {
        if field == Field::Other {
            return Some(());
        }
        let bit = 1 << field as u16;
        let is_new = self.seen & bit == 0;
        self.seen |= bit;
        is_new.then_some(())
    }

    fn read(&mut self, field: Field, cursor: &mut Cursor<'a>) -> Option<()> {
        match field {
            Field::EventId => self.event_id = Some(filled(cursor.text()?)?),
            Field::Model => self.model = Some(filled(cursor.text()?)?),
            Field::Version => self.version = Some(version(cursor)?),
            Field::Time => self.time_ms = Some(event_time(cursor)?),
            Field::Prediction => self.prediction = cursor.scalar()?,
            Field::Score => self.score = cursor.number_or_null()?,
            Field::Latency => self.latency_ms = cursor.number_or_null()?,
            Field::Type => is_inference(cursor)?,
            Field::Scores if cursor.peek() == b'n' => cursor.null()?,
            Field::Scores => {
                self.scores = Some(*cursor);
                cursor.skip()?;
            }
            Field::Label | Field::Other | Field::Features => cursor.skip()?,
        }
        Some(())
    }

    fn outputs(self, positive_label: Option<&[u8]>) -> Option<Outputs<'a>> {
        let by_label = match self.scores {
            None => f64::NAN,
            Some(mut scores) => score_of(&mut scores, positive_label)?,
        };
        Some(Outputs {
            event_id: self.event_id?,
            time_ms: self.time_ms?,
            prediction: self.prediction,
            score: if self.score.is_nan() { by_label } else { self.score },
            latency_ms: self.latency_ms,
        })
    }
}

impl<'a, 'py> Plans<'a, 'py> {
    fn new(lookup: &'a Bound<'py, PyAny>) -> Self {
        Self { lookup, slots: HashMap::default(), plans: Vec::new(), last_key: Vec::new(), last: None, key: Vec::new() }
    }

    /// Which of the plans; None where there is none. NUL separates: no plain message contains it.
    fn find(&mut self, model: &[u8], version: &[u8]) -> PyResult<Option<usize>> {
        self.key.clear();
        self.key.extend_from_slice(model);
        self.key.push(0);
        self.key.extend_from_slice(version);
        if self.last.is_some() && self.key == self.last_key {
            return Ok(self.last);
        }
        let slot = match self.slots.get(&self.key) {
            Some(&slot) => slot,
            None => self.ask(model, version)?,
        };
        if slot.is_some() {
            self.last = slot;
            std::mem::swap(&mut self.key, &mut self.last_key);
        }
        Ok(slot)
    }

    fn ask(&mut self, model: &[u8], version: &[u8]) -> PyResult<Option<usize>> {
        let (Ok(name), Ok(version)) = (std::str::from_utf8(model), std::str::from_utf8(version)) else {
            return Ok(None);
        };
        let answer = self.lookup.call1((name, version))?;
        let mut slot = None;
        if !answer.is_none() {
            let plan = answer.cast_into::<Plan>()?;
            let mut held = plan.try_borrow_mut()?;
            held.begin(plan.py());
            slot = Some(self.plans.len());
            self.plans.push((plan, held));
        }
        self.slots.insert(self.key.clone(), slot);
        Ok(slot)
    }
}

fn filled(text: &[u8]) -> Option<&[u8]> {
    (!text.is_empty()).then_some(text)
}

/// Text, or a whole number as it was written.
fn version<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    match cursor.scalar()? {
        Scalar::Text(text) => filled(text),
        Scalar::Number(number, written) if number.is_integer => Some(written),
        _ => None,
    }
}

fn event_time(cursor: &mut Cursor) -> Option<i64> {
    match cursor.scalar()? {
        Scalar::Text(text) => instant::of_text(text),
        Scalar::Number(number, _) => instant::of_number(number.value),
        _ => None,
    }
}

fn is_inference(cursor: &mut Cursor) -> Option<()> {
    match cursor.scalar()? {
        Scalar::Null | Scalar::Text(b"inference") => Some(()),
        _ => None,
    }
}

/// The score of the positive label (NaN when it has none); without such a label the largest.
fn score_of(cursor: &mut Cursor, positive_label: Option<&[u8]>) -> Option<f64> {
    cursor.expect(b'{')?;
    cursor.spaces();
    if cursor.expect(b'}').is_some() {
        return Some(f64::NAN);
    }
    let mut labels: Vec<&[u8]> = Vec::new();
    let mut chosen = f64::NAN;
    loop {
        let label = cursor.text()?;
        if labels.contains(&label) || labels.len() == MOST_LABELS {
            return None;
        }
        labels.push(label);
        cursor.colon()?;
        let value = cursor.number_or_null()?;
        let is_chosen = match positive_label {
            Some(positive) => label == positive,
            None => !value.is_nan() && (chosen.is_nan() || value > chosen),
        };
        if is_chosen {
            chosen = value;
        }
        if !cursor.another(b'}')? {
            return Some(chosen);
        }
    }
}
