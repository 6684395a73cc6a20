//! Setting controls to what formulas say, outside the form's own rules: what a trigger node does.

use super::rules::{checked_formula, scope, value_of};
use super::{Form, FormData};
use crate::expression::evaluate;
use crate::ids::FieldId;
use crate::problem::Problem;
use jiff::civil::Date;

/// The values after each control was set to what its formula says of the values before; what has no answer is cleared.
/// Controls there are not, formulas that make no sense and controls with a formula of their own are passed over.
/// `today` is the day in the workspace's time zone. What the form reckons from it follows by `compute`.
pub fn assign<'a>(
    form: &Form,
    before: &FormData,
    sets: impl IntoIterator<Item = (&'a FieldId, &'a str)>,
    today: Date,
) -> FormData {
    let mut after = before.clone();
    for (id, formula) in sets {
        let Some(field) = form.field(id).filter(|field| field.formula.is_none()) else { continue };
        let Ok(checked) = checked_formula(form, field, formula) else { continue };
        let scope = scope(before, None, today);
        match evaluate(&checked.code, &scope).and_then(value_of) {
            Some(value) => after.0.insert(id.clone(), value),
            None => after.0.remove(id),
        };
    }
    after
}

/// What is wrong with setting this control to this formula, if anything.
pub(crate) fn check_assignment(form: &Form, id: &FieldId, formula: &str, path: &str) -> Option<Problem> {
    let Some(field) = form.field(id) else {
        return Some(Problem::error(path, "field_unknown", format!("the form has no field `{id}`")));
    };
    if field.formula.is_some() {
        let message = format!("`{}` is reckoned by the form and cannot be set", field.title);
        return Some(Problem::error(path, "field_computed", message));
    }
    checked_formula(form, field, formula).err().map(|fault| fault.at_path(path))
}
