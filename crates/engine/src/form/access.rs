//! What people may do with the controls of a form at one node, per control and per column of a table.

use crate::ids::FieldId;
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;

/// What people at a node may do with a control.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// They see it.
    #[default]
    Read,
    /// They may change it.
    Edit,
    /// They may change it, and nobody there approves while it is empty.
    Require,
    /// They do not see it.
    Hide,
}

/// A control, or a column of a table: `amount`, `items.price`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldKey(pub String);

impl FieldKey {
    /// A column of a table.
    pub fn column(table: &FieldId, column: &FieldId) -> Self {
        Self(format!("{table}.{column}"))
    }
}

impl From<&FieldId> for FieldKey {
    fn from(field: &FieldId) -> Self {
        Self(field.0.clone())
    }
}

impl From<&str> for FieldKey {
    fn from(key: &str) -> Self {
        Self(key.to_owned())
    }
}

impl Borrow<str> for FieldKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What people may do at one node. What is not named may be read; a column that is not named is as its table.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldAccess(pub BTreeMap<FieldKey, Access>);

impl FieldAccess {
    /// Everything may be read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Of a control.
    pub fn of(&self, field: &FieldId) -> Access {
        self.0.get(field.0.as_str()).copied().unwrap_or_default()
    }

    /// Of a column of a table. A hidden table has no column to see.
    pub fn of_column(&self, table: &FieldId, column: &FieldId) -> Access {
        let own = self.0.get(&FieldKey::column(table, column)).copied();
        match (self.of(table), own) {
            (Access::Hide, _) => Access::Hide,
            (whole, own) => own.unwrap_or(whole),
        }
    }
}
