//! The rows of a detail table. Each has a number of its own that it keeps whatever happens to the others, so that edits
//! and decisions can name it.

use super::{FormData, Value};
use crate::ids::FieldId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The number of a row, unique in its table and never used again while the table holds a higher one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowId(pub u32);

impl RowId {
    /// The member of a row's JSON that holds its number.
    pub const MEMBER: &str = "_row";
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One row.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// Its number.
    pub id: RowId,
    /// Its values by column.
    pub cells: FormData,
}

impl Row {
    /// The value in a column; `None` where nothing was filled in.
    pub fn get(&self, column: &FieldId) -> Option<&Value> {
        self.cells.get(column)
    }
}

/// A number that no row has yet.
pub(super) fn next_id<'a>(rows: impl IntoIterator<Item = &'a RowId>) -> RowId {
    RowId(rows.into_iter().map(|id| id.0).max().unwrap_or(0).saturating_add(1))
}

/// How rows are written: the values by column, and the number among them.
#[derive(Serialize, Deserialize)]
struct Written<T> {
    /// Rows that were written before rows had numbers have none.
    #[serde(rename = "_row", default)]
    id: Option<RowId>,
    #[serde(flatten)]
    cells: T,
}

pub(super) fn serialize<S: Serializer>(rows: &[Row], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(rows.iter().map(|row| Written { id: Some(row.id), cells: &row.cells }))
}

/// A row without a number gets that of its place.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Row>, D::Error> {
    let written = Vec::<Written<FormData>>::deserialize(deserializer)?;
    let row = |(number, row): (u32, Written<FormData>)| Row {
        id: row.id.unwrap_or(RowId(number)),
        cells: row.cells,
    };
    Ok((1..).zip(written).map(row).collect())
}
