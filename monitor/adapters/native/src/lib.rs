//! The fast path of the JSON decoder: messages as agreed become columns; every other one is left to the safe path.
//!
//! The rule of every function here: when in doubt, decline. A declined message costs time, a wrong one costs trust.

mod cursor;
mod dictionary;
mod instant;
mod key_order;
mod number;
mod plan;
mod scanner;
mod wide;

use pyo3::prelude::*;

/// Raised with every change that the Python side must know of; it ignores a module built for another one.
const INTERFACE: u32 = 2;

#[pymodule]
fn _scanner(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("INTERFACE", INTERFACE)?;
    module.add_class::<plan::Plan>()?;
    module.add_class::<scanner::Scanner>()
}
