//! The controls of a form with their values, as programs and as people read them.

use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;
use zhupi_engine::Directory;
use zhupi_engine::form::{Field, FieldKind, FieldState, Form, FormData, field_states, readable, to_plain};
use zhupi_engine::ids::FieldId;

/// A control with its value.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldView {
    #[schema(value_type = String)]
    pub id: FieldId,
    pub title: String,
    #[schema(value_type = String, example = "money")]
    pub kind: FieldKind,
    /// As a submission takes it; `null` where nothing was filled in.
    #[schema(value_type = Object)]
    pub value: Json,
    /// The value with names in place of ids.
    pub text: String,
    /// As the values are now, people see it.
    pub shown: bool,
    /// As the values are now, a submission without a value is refused.
    pub required: bool,
    /// The form reckons it; nobody fills it in.
    pub computed: bool,
}

/// Every control of the form in its order, with its value. `today` is the day in the workspace's time zone.
pub fn form_fields(form: &Form, data: &FormData, directory: &Directory, today: Date) -> Vec<FieldView> {
    let mut plain = to_plain(data);
    let mut view = |(field, state): (&Field, FieldState)| FieldView {
        id: field.id.clone(),
        title: field.title.clone(),
        kind: field.kind,
        value: plain.remove(field.id.as_str()).unwrap_or(Json::Null),
        text: data.get(&field.id).map_or_else(String::new, |value| readable(field, value, directory)),
        shown: state.shown,
        required: state.required,
        computed: state.computed,
    };
    form.fields.iter().zip(field_states(form, data, today)).map(&mut view).collect()
}
