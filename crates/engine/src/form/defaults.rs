//! What a control holds where a submission leaves it out: a value, or what a formula yields then.

use super::check::read_partial;
use super::rules::{check_rules, compute};
use super::{Field, FieldKind, Form, to_plain};
use crate::problem::Problem;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// The value of a control that a submission does not name. One that is named as `null` stays empty.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldDefault {
    /// This value, as a submission gives it.
    Value(Json),
    /// What this expression yields over the values that were given; not for columns.
    Formula(String),
}

/// The values of a submission with the defaults of what it leaves out, in rows of tables too. Whether they fit, whoever
/// reads them finds out. `today` is the day in the workspace's time zone.
pub fn with_defaults(form: &Form, raw: &Map<String, Json>, today: Date) -> Map<String, Json> {
    let mut filled = raw.clone();
    for field in &form.fields {
        fill(field, &mut filled);
    }
    let mut reckoning = form.clone();
    let mut reckoned = Vec::new();
    for field in &mut reckoning.fields {
        if let Some(FieldDefault::Formula(text)) = &field.default
            && !raw.contains_key(field.id.as_str())
        {
            field.formula = Some(text.clone());
            reckoned.push(field.id.clone());
        }
    }
    if reckoned.is_empty() {
        return filled;
    }
    if let Ok(data) = read_partial(&reckoning, &filled) {
        let mut plain = to_plain(&compute(&reckoning, data, today));
        let values = reckoned.into_iter().filter_map(|id| Some((plain.remove(id.as_str())?, id)));
        filled.extend(values.map(|(value, id)| (id.0, value)));
    }
    filled
}

fn fill(field: &Field, values: &mut Map<String, Json>) {
    if let Some(FieldDefault::Value(value)) = &field.default
        && !values.contains_key(field.id.as_str())
    {
        values.insert(field.id.0.clone(), value.clone());
    }
    let rows = values.get_mut(field.id.as_str()).and_then(Json::as_array_mut);
    for row in rows.into_iter().flatten().filter_map(Json::as_object_mut) {
        for column in &field.columns {
            fill(column, row);
        }
    }
}

/// What is wrong with the defaults of a form: codes `default_idle`, `default_unfit`, and those of formulas, with paths such
/// as `form[2].default`.
pub(crate) fn check_defaults(form: &Form) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (number, field) in form.fields.iter().enumerate() {
        let path = format!("form[{number}]");
        match &field.default {
            None => {}
            Some(FieldDefault::Formula(text)) if can_have_one(field) => {
                problems.extend(check_formula(form, number, text));
            }
            Some(_) => problems.extend(check_value(field, &path)),
        }
        for (column, field) in field.columns.iter().enumerate() {
            problems.extend(check_value(field, &format!("{path}.columns[{column}]")));
        }
    }
    problems
}

fn can_have_one(field: &Field) -> bool {
    field.formula.is_none() && field.kind != FieldKind::Info
}

fn check_value(field: &Field, path: &str) -> Option<Problem> {
    let path = format!("{path}.default");
    let default = field.default.as_ref()?;
    if !can_have_one(field) {
        let message = format!("nobody fills `{}` in, so its default is never used", field.title);
        return Some(Problem::error(path, "default_idle", message));
    }
    let FieldDefault::Value(value) = default else {
        let message = format!("`{}` is a column: its default must be a value", field.title);
        return Some(Problem::error(path, "default_unfit", message));
    };
    let alone = Form { fields: vec![Field { show_if: None, required_if: None, ..field.clone() }] };
    let values = Map::from_iter([(field.id.0.clone(), value.clone())]);
    let first = read_partial(&alone, &values).err()?.into_iter().next()?;
    Some(Problem::error(path, "default_unfit", first.message))
}

/// Checked in the place of a formula of the control; what was wrong before is told elsewhere.
fn check_formula(form: &Form, number: usize, text: &str) -> Vec<Problem> {
    let mut reckoning = form.clone();
    if let Some(field) = reckoning.fields.get_mut(number) {
        field.formula = Some(text.to_owned());
    }
    let known = check_rules(form);
    let mut found = check_rules(&reckoning);
    found.retain(|problem| !known.contains(problem));
    found.truncate(1);
    let at_default = |problem: Problem| Problem { path: format!("form[{number}].default"), ..problem };
    found.into_iter().map(at_default).collect()
}
