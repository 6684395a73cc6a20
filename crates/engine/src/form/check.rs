//! Values as people send them, checked against the controls.
use super::{Form, FormData};
use crate::problem::Problem;
use serde_json::{Map, Value as Json};

/// Reads the values of a form from plain JSON, keyed by control id. All problems, not the first.
pub fn read_values(_form: &Form, _raw: &Map<String, Json>) -> Result<FormData, Vec<Problem>> {
    unimplemented!()
}

/// The values as plain JSON again, keyed by control id: what `read_values` takes.
pub fn to_plain(_data: &FormData) -> Map<String, Json> {
    unimplemented!()
}
