//! JSON in a text column: lists we keep whole and never look into with SQL.

use crate::error::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The text to store.
pub(crate) fn write<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::corrupt(format!("cannot be written as JSON: {error}")))
}

/// What was stored in `column`.
pub(crate) fn read<T: DeserializeOwned>(text: &str, column: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::corrupt(format!("{column}: {error}")))
}
