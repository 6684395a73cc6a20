//! How each control of a form stands while values are being filled in.

use super::rules::{Rules, scope};
use super::{Form, FormData};
use crate::expression::Place;
use jiff::civil::Date;

/// How a control stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FieldState {
    /// People see it. What has a value is shown, whatever its rule says by now.
    pub shown: bool,
    /// A submission without a value is refused.
    pub required: bool,
    /// The form reckons it; nobody fills it in.
    pub computed: bool,
}

/// Of every control, in the order of the form. The values are those `compute` gave; `today` as there.
pub fn field_states(form: &Form, data: &FormData, today: Date) -> Vec<FieldState> {
    let (rules, _) = Rules::of(form);
    let here = scope(data, None, today);
    let state = |(number, field): (usize, &super::Field)| {
        let place = Place::Field(number);
        let shown = data.get(&field.id).is_some() || rules.is_shown(place, &here);
        FieldState {
            shown,
            required: shown && rules.is_required(place, field, &here),
            computed: field.formula.is_some(),
        }
    };
    form.fields.iter().enumerate().map(state).collect()
}
