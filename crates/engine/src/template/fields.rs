//! Whether what nodes say about the form fits it: what their people may do with it, and what triggers set.

use super::{SetField, Trigger, TriggerAction};
use crate::form::{Access, Field, FieldAccess, FieldKey, FieldKind, Form, check_assignment};
use crate::ids::FieldId;
use crate::problem::Problem;

/// Most fields that one trigger sets.
const SET_LIMIT: usize = 50;

/// What people at a node may do at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Most {
    Read,
    Edit,
}

/// Codes `field_unknown` and `access_unfit`, at `path.fields.key`.
pub(super) fn check_access(form: &Form, access: &FieldAccess, most: Most, path: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (key, access) in &access.0 {
        let path = format!("{path}.fields.{key}");
        let Some(field) = find(form, key) else {
            problems.push(Problem::error(path, "field_unknown", format!("the form has no field `{key}`")));
            continue;
        };
        let wrong = match access {
            Access::Read | Access::Hide => None,
            Access::Edit | Access::Require if most == Most::Read => Some("nobody changes anything here"),
            Access::Edit | Access::Require if field.formula.is_some() => Some("the form reckons it"),
            Access::Edit | Access::Require if field.kind == FieldKind::Info => Some("it takes no value"),
            Access::Edit | Access::Require => None,
        };
        if let Some(why) = wrong {
            let message = format!("`{}` cannot be edited: {why}", field.title);
            problems.push(Problem::error(path, "access_unfit", message));
        }
    }
    problems
}

/// What is wrong with the fields that a trigger sets itself or lets an answer set.
pub(super) fn check_trigger(form: &Form, node: &Trigger, path: &str) -> Vec<Problem> {
    let path = format!("{path}.action");
    match &node.action {
        TriggerAction::Call { .. } => Vec::new(),
        TriggerAction::CallAndWait { sets, .. } => {
            let check = |id: &FieldId| match form.field(id) {
                Some(field) if field.formula.is_none() && field.kind != FieldKind::Info => None,
                Some(field) => {
                    let message = format!("`{}` cannot be set by an answer", field.title);
                    Some(Problem::error(&path, "field_unfit", message))
                }
                None => Some(Problem::error(&path, "field_unknown", format!("the form has no field `{id}`"))),
            };
            sets.iter().filter_map(check).collect()
        }
        TriggerAction::SetFields(sets) if sets.len() > SET_LIMIT => {
            let message = format!("a trigger sets at most {SET_LIMIT} fields");
            vec![Problem::error(path, "too_many", message)]
        }
        TriggerAction::SetFields(sets) => {
            let check = |(number, set): (usize, &SetField)| {
                check_assignment(form, &set.field, &set.formula, &format!("{path}[{number}]"))
            };
            sets.iter().enumerate().filter_map(check).collect()
        }
    }
}

fn find<'f>(form: &'f Form, key: &FieldKey) -> Option<&'f Field> {
    let of_table = |table: &'f Field| {
        table.columns.iter().find(|column| &FieldKey::column(&table.id, &column.id) == key)
    };
    let whole = form.fields.iter().find(|field| &FieldKey::from(&field.id) == key);
    whole.or_else(|| form.fields.iter().find_map(of_table))
}
