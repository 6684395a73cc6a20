//! Changes of an object, field by field, and the three-way comparison of what was, what is asked and what is now.

use super::Data;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// One field that is to change, or has. `null` stands for nothing, which an absent field says too.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FieldChange {
    /// Which.
    pub field: String,
    /// What it said before.
    #[serde(default)]
    pub old: Json,
    /// What it says after.
    #[serde(default)]
    pub new: Json,
}

impl FieldChange {
    /// The way back.
    pub fn reversed(&self) -> Self {
        Self { field: self.field.clone(), old: self.new.clone(), new: self.old.clone() }
    }
}

/// What a field says; `null` where it is absent.
pub fn value<'a>(data: &'a Data, field: &str) -> &'a Json {
    data.get(field).unwrap_or(&Json::Null)
}

/// What changes when `new` is laid over `data`: the fields of `new` that say something else.
pub fn diff(data: &Data, new: &Data) -> Vec<FieldChange> {
    let differs = |(field, new): &(&String, &Json)| value(data, field) != *new;
    let change = |(field, new): (&String, &Json)| FieldChange {
        field: field.clone(),
        old: value(data, field).clone(),
        new: new.clone(),
    };
    new.iter().filter(differs).map(change).collect()
}

/// Lays changes over an object, whatever it said before.
pub fn lay(data: &mut Data, changes: &[FieldChange]) {
    for change in changes {
        data.insert(change.field.clone(), change.new.clone());
    }
}

/// How wanted changes stand to what an object says by now.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Merge {
    /// These find what they were based on.
    pub clean: Vec<FieldChange>,
    /// The fields of these say something else by now, and not what is wanted either.
    pub conflicts: Vec<FieldChange>,
}

/// Compares each wanted change with what its field says by now. One that is there already is neither clean nor in
/// conflict: there is nothing left to do.
pub fn merge(data: &Data, wanted: &[FieldChange]) -> Merge {
    let mut merge = Merge::default();
    for change in wanted {
        let now = value(data, &change.field);
        if *now == change.old {
            merge.clean.push(change.clone());
        } else if *now != change.new {
            merge.conflicts.push(change.clone());
        }
    }
    merge
}
