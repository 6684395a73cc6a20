//! The controls of a form with their values, as programs and as people read them.

use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;
use zhupi_engine::Directory;
use zhupi_engine::form::{Field, FieldKind, Form, FormData, Value, to_plain};
use zhupi_engine::ids::{FieldId, OptionId};

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
}

/// Every control of the form in its order, with its value.
pub fn form_fields(form: &Form, data: &FormData, directory: &Directory) -> Vec<FieldView> {
    let mut plain = to_plain(data);
    let mut view = |field: &Field| FieldView {
        id: field.id.clone(),
        title: field.title.clone(),
        kind: field.kind,
        value: plain.remove(field.id.as_str()).unwrap_or(Json::Null),
        text: data.get(&field.id).map_or_else(String::new, |value| readable(field, value, directory)),
    };
    form.fields.iter().map(&mut view).collect()
}

fn readable(field: &Field, value: &Value, directory: &Directory) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Money(money) => format!("{} {}", money.amount, money.currency),
        Value::Date(at) => at.to_string(),
        Value::DateRange(range) => format!("{} – {}", range.start, range.end),
        Value::Choice(option) => label(field, option),
        Value::Choices(options) => joined(options.iter().map(|option| label(field, option))),
        Value::People(people) => joined(people.iter().map(|id| directory.name(*id))),
        Value::Departments(ids) => joined(
            ids.iter()
                .map(|id| directory.department(*id).map_or_else(|| id.to_string(), |it| it.name.clone())),
        ),
        Value::Files(files) => joined(files.iter().map(|file| file.name.clone())),
        Value::Rows(rows) => joined(rows.iter().map(|row| readable_row(field, row, directory))),
    }
}

fn readable_row(table: &Field, row: &FormData, directory: &Directory) -> String {
    let cells = table.columns.iter().filter_map(|column| {
        row.get(&column.id).map(|value| format!("{}: {}", column.title, readable(column, value, directory)))
    });
    cells.collect::<Vec<_>>().join(", ")
}

fn label(field: &Field, option: &OptionId) -> String {
    let known = field.options.iter().find(|it| &it.id == option);
    known.map_or_else(|| option.to_string(), |it| it.label.clone())
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join("; ")
}
