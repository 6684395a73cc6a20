//! Values as people read them: names and labels in place of ids.

use super::{Field, FormData, Value};
use crate::directory::Directory;
use crate::ids::OptionId;
use jiff::civil::{DateTime, Time};

/// A value in words.
pub fn readable(field: &Field, value: &Value, directory: &Directory) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Money(money) => format!("{} {}", money.amount, money.currency),
        Value::Date(at) => moment(*at),
        Value::DateRange(range) => format!("{} – {}", moment(range.start), moment(range.end)),
        Value::Choice(option) => label(field, option),
        Value::Choices(options) => joined(options.iter().map(|option| label(field, option))),
        Value::Sourced(options) => joined(options.iter().map(|option| option.label.clone())),
        Value::People(people) => joined(people.iter().map(|id| directory.name(*id))),
        Value::Departments(ids) => joined(
            ids.iter()
                .map(|id| directory.department(*id).map_or_else(|| id.to_string(), |it| it.name.clone())),
        ),
        Value::Files(files) => joined(files.iter().map(|file| file.name.clone())),
        Value::Rows(rows) => joined(rows.iter().map(|row| readable_row(field, &row.cells, directory))),
        Value::Address(address) => address.words(),
        Value::Linked(linked) => linked.title.clone(),
    }
}

/// A day, with the time of day where there is one.
fn moment(at: DateTime) -> String {
    if at.time() == Time::midnight() {
        at.date().to_string()
    } else {
        at.strftime("%Y-%m-%d %H:%M").to_string()
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
