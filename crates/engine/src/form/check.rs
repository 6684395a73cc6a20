//! Values as people send them, checked against the controls; and back to what people sent.
//!
//! Plain JSON by control: text for texts; a number or its decimal text for numbers and money (or
//! `{"amount", "currency"}`); `2026-01-31` or `2026-01-31T09:30` for dates; `{"start", "end"}` for periods; an option id
//! for choices; lists for everything that can hold several. `null`, empty text and empty lists mean that nothing was
//! filled in.

use super::{DateRange, Field, FieldKind, FileRef, Form, FormData, Money, Value};
use crate::ids::{FieldId, OptionId};
use crate::problem::Problem;
use jiff::civil::{DateTime, Time};
use jiff::fmt::temporal::Pieces;
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::str::FromStr;

/// Longest text of one control, in characters.
pub const TEXT_LIMIT: usize = 20_000;
/// Most rows of a detail table, files of a file control, people of a contact control.
pub const LIST_LIMIT: usize = 500;
/// Currency of a money control that names none.
pub const DEFAULT_CURRENCY: &str = "CNY";

/// Reads the values of a form from plain JSON, keyed by control id. All problems, not the first.
pub fn read_values(form: &Form, raw: &Map<String, Json>) -> Result<FormData, Vec<Problem>> {
    let mut problems = Vec::new();
    let data = read_fields(&form.fields, raw, "form", &mut problems);
    if problems.is_empty() { Ok(data) } else { Err(problems) }
}

/// Like `read_values`, for a form that is still being filled in: nothing is required yet.
pub fn read_partial(form: &Form, raw: &Map<String, Json>) -> Result<FormData, Vec<Problem>> {
    let mut problems = Vec::new();
    let data = read_fields(&form.fields, raw, "form", &mut problems);
    problems.retain(|problem| problem.code != "required");
    if problems.is_empty() { Ok(data) } else { Err(problems) }
}

/// Whether values that were read before fit a form: known controls, the right kinds, nothing required missing.
pub fn check_values(form: &Form, data: &FormData) -> Vec<Problem> {
    read_values(form, &to_plain(data)).err().unwrap_or_default()
}

fn read_fields(
    fields: &[Field],
    raw: &Map<String, Json>,
    path: &str,
    problems: &mut Vec<Problem>,
) -> FormData {
    let mut values = BTreeMap::new();
    for field in fields {
        let path = format!("{path}.{}", field.id);
        match read(field, raw.get(field.id.as_str()).unwrap_or(&Json::Null), &path, problems) {
            Some(value) => {
                values.insert(field.id.clone(), value);
            }
            None if field.required && !has_problem(problems, &path) => {
                problems.push(Problem::error(path, "required", format!("`{}` is required", field.title)));
            }
            None => {}
        }
    }
    // Looking for unknown ones takes a look at every pair, so it is done only where there are any.
    let known = |id: &&String| fields.iter().any(|field| field.id.as_str() == id.as_str());
    let is_whole = fields.iter().filter(|field| raw.contains_key(field.id.as_str())).count() == raw.len();
    for id in raw.keys().filter(|id| !is_whole && !known(id)) {
        problems.push(Problem::error(
            format!("{path}.{id}"),
            "field_unknown",
            format!("the form has no field `{id}`"),
        ));
    }
    FormData(values)
}

fn has_problem(problems: &[Problem], path: &str) -> bool {
    let at_or_below = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
    problems.iter().any(|problem| problem.path.strip_prefix(path).is_some_and(at_or_below))
}

/// `None`: nothing was filled in, or a problem was noted.
fn read(field: &Field, raw: &Json, path: &str, problems: &mut Vec<Problem>) -> Option<Value> {
    if is_empty(raw) {
        return None;
    }
    let result = match field.kind {
        FieldKind::Text | FieldKind::TextArea | FieldKind::RichText => read_text(raw).map(Value::Text),
        FieldKind::Number => read_decimal(raw).map(Value::Number),
        FieldKind::Money => read_money(field, raw).map(Value::Money),
        FieldKind::Date => read_date(raw).map(Value::Date),
        FieldKind::DateRange => read_range(raw).map(Value::DateRange),
        FieldKind::Select => read_choice(field, raw).map(Value::Choice),
        FieldKind::MultiSelect => list(raw)
            .and_then(|all| all.iter().map(|it| read_choice(field, it)).collect())
            .map(Value::Choices),
        FieldKind::Contact => read_ids(raw).map(Value::People),
        FieldKind::Department => read_ids(raw).map(Value::Departments),
        FieldKind::File | FieldKind::Image => {
            list(raw).and_then(|all| all.iter().map(read_file).collect()).map(Value::Files)
        }
        FieldKind::Table => return read_rows(field, raw, path, problems),
        FieldKind::Info => Err("takes no value".to_owned()),
    };
    result
        .map_err(|why| {
            problems.push(Problem::error(path, "value_invalid", format!("`{}` {why}", field.title)))
        })
        .ok()
}

fn is_empty(raw: &Json) -> bool {
    match raw {
        Json::Null => true,
        Json::String(text) => text.trim().is_empty(),
        Json::Array(all) => all.is_empty(),
        Json::Bool(_) | Json::Number(_) | Json::Object(_) => false,
    }
}

fn read_text(raw: &Json) -> Result<String, String> {
    let text = raw.as_str().ok_or("must be a text")?;
    if text.chars().count() > TEXT_LIMIT {
        return Err(format!("may have at most {TEXT_LIMIT} characters"));
    }
    Ok(text.to_owned())
}

/// Exact. A JSON number with a fraction has gone through a float before we see it: up to 15 digits that loses nothing,
/// longer ones have to come as a text.
fn read_decimal(raw: &Json) -> Result<Decimal, String> {
    let text = match raw {
        Json::String(text) => text.trim().to_owned(),
        Json::Number(number) if number.as_f64().is_some_and(|it| number.is_f64() && !float_is_exact(it)) => {
            return Err(format!("must be given as a text, since it has more than {FLOAT_DIGITS} digits"));
        }
        Json::Number(number) => number.to_string(),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => {
            return Err("must be a number".to_owned());
        }
    };
    Decimal::from_str_exact(&text)
        .or_else(|_| Decimal::from_scientific(&text))
        .map(|number| number.normalize())
        .map_err(|_| "must be a number of at most 28 digits".to_owned())
}

/// Every decimal number of at most so many digits comes back from a float as it was.
const FLOAT_DIGITS: usize = 15;

fn float_is_exact(number: f64) -> bool {
    let digits =
        format!("{:e}", number.abs()).bytes().take_while(|it| *it != b'e').filter(u8::is_ascii_digit).count();
    number.abs() < 1e15 && digits <= FLOAT_DIGITS
}

fn read_money(field: &Field, raw: &Json) -> Result<Money, String> {
    let own = field.own_currency();
    let Json::Object(members) = raw else {
        return Ok(Money { amount: read_decimal(raw)?, currency: own.to_owned() });
    };
    let amount = read_decimal(members.get("amount").unwrap_or(&Json::Null))?;
    let currency = members.get("currency").and_then(Json::as_str).unwrap_or(own);
    if !is_currency(currency) {
        return Err(format!("has an unknown currency `{currency}`"));
    }
    Ok(Money { amount, currency: currency.to_owned() })
}

/// Written like an ISO 4217 code.
pub(crate) fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// A date and time of the workspace's time zone. One with an offset is refused: dropping the offset could move the day.
fn read_date(raw: &Json) -> Result<DateTime, String> {
    let text = raw.as_str().map(str::trim);
    let without_offset =
        |pieces: &Pieces<'_>| pieces.offset().is_none() && pieces.time_zone_annotation().is_none();
    text.and_then(|text| Pieces::parse(text).ok())
        .filter(without_offset)
        .map(|pieces| pieces.date().to_datetime(pieces.time().unwrap_or(Time::midnight())))
        .ok_or_else(|| "must be a date like 2026-01-31 or 2026-01-31T09:30, without an offset".to_owned())
}

fn read_range(raw: &Json) -> Result<DateRange, String> {
    let part =
        |name: &str| read_date(raw.get(name).unwrap_or(&Json::Null)).map_err(|why| format!("`{name}` {why}"));
    let range = DateRange { start: part("start")?, end: part("end")? };
    if range.end < range.start {
        return Err("ends before it starts".to_owned());
    }
    Ok(range)
}

/// An option by its id; a whole number stands for its text, since some systems number their options.
fn read_choice(field: &Field, raw: &Json) -> Result<OptionId, String> {
    let id = match raw {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => {
            return Err("must be an option id".to_owned());
        }
    };
    match field.options.iter().find(|option| option.id.as_str() == id) {
        Some(option) => Ok(option.id.clone()),
        None => Err(format!("has no option `{id}`")),
    }
}

fn read_ids<T: FromStr>(raw: &Json) -> Result<Vec<T>, String> {
    let read = |id: &Json| {
        id.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| format!("has a bad id {id}"))
    };
    list(raw)?.iter().map(read).collect()
}

fn read_file(raw: &Json) -> Result<FileRef, String> {
    serde_json::from_value(raw.clone()).map_err(|error| format!("has a bad file: {error}"))
}

fn read_rows(field: &Field, raw: &Json, path: &str, problems: &mut Vec<Problem>) -> Option<Value> {
    let rows = match list(raw) {
        Ok(rows) => rows,
        Err(why) => {
            problems.push(Problem::error(path, "value_invalid", format!("`{}` {why}", field.title)));
            return None;
        }
    };
    let mut read = Vec::with_capacity(rows.len());
    for (number, row) in rows.iter().enumerate() {
        let path = format!("{path}[{number}]");
        match row.as_object() {
            Some(row) => read.push(read_fields(&field.columns, row, &path, problems)),
            None => problems.push(Problem::error(path, "value_invalid", "a row must be an object")),
        }
    }
    Some(Value::Rows(read))
}

fn list(raw: &Json) -> Result<&[Json], String> {
    let all = raw.as_array().ok_or("must be a list")?;
    if all.len() > LIST_LIMIT {
        return Err(format!("may have at most {LIST_LIMIT} entries"));
    }
    Ok(all)
}

/// The values as plain JSON again, keyed by control id: what `read_values` takes.
pub fn to_plain(data: &FormData) -> Map<String, Json> {
    data.0.iter().map(|(id, value): (&FieldId, &Value)| (id.0.clone(), plain(value))).collect()
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Text(text) => json!(text),
        Value::Number(number) => json!(number.to_string()),
        Value::Money(money) => json!({"amount": money.amount.to_string(), "currency": money.currency}),
        Value::Date(date) => json!(plain_date(*date)),
        Value::DateRange(range) => json!({"start": plain_date(range.start), "end": plain_date(range.end)}),
        Value::Choice(option) => json!(option),
        Value::Choices(options) => json!(options),
        Value::People(users) => json!(users),
        Value::Departments(departments) => json!(departments),
        Value::Files(files) => json!(files),
        Value::Rows(rows) => rows.iter().map(|row| Json::Object(to_plain(row))).collect(),
    }
}

fn plain_date(date: DateTime) -> String {
    if date.time() == Time::midnight() { date.date().to_string() } else { date.to_string() }
}
