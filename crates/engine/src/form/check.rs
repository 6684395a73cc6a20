//! Values as people send them, checked against the controls; and back to what people sent.
//!
//! Plain JSON by control: text for texts; a number or its decimal text for numbers and money (or
//! `{"amount", "currency"}`); `2026-01-31` or `2026-01-31T09:30` for dates; `{"start", "end"}` for periods; an option id
//! for choices; `{"region", "detail"}` for addresses; `{"id"}` for a linked instance; lists for everything that can hold
//! several. A row of a table may carry its number as `_row`. `null`, empty text and empty lists mean that nothing was
//! filled in. What the form reckons itself is passed over.

use super::rows::{Row, RowId, next_id};
use super::{
    Address, DateRange, Field, FieldKind, FieldOption, FileRef, Form, FormData, Linked, Money, Value,
};
use crate::ids::{FieldId, OptionId};
use crate::problem::Problem;
use jiff::civil::{DateTime, Time};
use jiff::fmt::temporal::Pieces;
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// Longest text of one control, in characters.
pub const TEXT_LIMIT: usize = 20_000;
/// Most rows of a detail table, files of a file control, people of a contact control.
pub const LIST_LIMIT: usize = 500;
/// Highest number of a row.
const ROW_ID_LIMIT: u32 = 1_000_000;
/// Most parts of the region of an address.
const REGION_LIMIT: usize = 5;
/// Most characters of one part of an address.
const ADDRESS_LIMIT: usize = 200;
/// How many digits a telephone number has.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 3..=20;
/// Most characters of an option's id and label that come from another system.
const OPTION_LIMIT: usize = 200;
/// Currency of a money control that names none.
pub const DEFAULT_CURRENCY: &str = "CNY";

/// Reads the values of a form from plain JSON, keyed by control id. All problems, not the first. Whether a control that
/// has a rule is required is not known before its rules were looked at: `check_values`.
pub fn read_values(form: &Form, raw: &Map<String, Json>) -> Result<FormData, Vec<Problem>> {
    let mut problems = Vec::new();
    let data = read_fields(&form.fields, raw, At { path: "form", may_lack: false }, &mut problems);
    if problems.is_empty() { Ok(data) } else { Err(problems) }
}

/// Like `read_values`, for a form that is still being filled in: nothing is required yet.
pub fn read_partial(form: &Form, raw: &Map<String, Json>) -> Result<FormData, Vec<Problem>> {
    let mut problems = Vec::new();
    let data = read_fields(&form.fields, raw, At { path: "form", may_lack: true }, &mut problems);
    if problems.is_empty() { Ok(data) } else { Err(problems) }
}

/// Where values stand.
#[derive(Clone, Copy)]
struct At<'a> {
    path: &'a str,
    /// Required ones may be missing.
    may_lack: bool,
}

fn read_fields(
    fields: &[Field],
    raw: &Map<String, Json>,
    at: At<'_>,
    problems: &mut Vec<Problem>,
) -> FormData {
    let mut values = BTreeMap::new();
    for field in fields.iter().filter(|field| field.formula.is_none()) {
        let path = format!("{}.{}", at.path, field.id);
        let may_lack = at.may_lack || field.show_if.is_some();
        let raw = raw.get(field.id.as_str()).unwrap_or(&Json::Null);
        match read(field, raw, At { path: &path, may_lack }, problems) {
            Some(value) => {
                values.insert(field.id.clone(), value);
            }
            None if field.required && !may_lack && !has_problem(problems, &path) => {
                problems.push(required(path, field));
            }
            None => {}
        }
    }
    // Looking for unknown ones takes a look at every pair, so it is done only where there are any.
    let known = |id: &&String| fields.iter().any(|field| field.id.as_str() == id.as_str());
    let is_whole = fields.iter().filter(|field| raw.contains_key(field.id.as_str())).count() == raw.len();
    for id in raw.keys().filter(|id| !is_whole && !known(id)) {
        problems.push(unknown(at.path, id));
    }
    FormData(values)
}

/// The one finding for a value that is missing.
pub(super) fn required(path: String, field: &Field) -> Problem {
    Problem::error(path, "required", format!("`{}` is required", field.title))
}

/// The one finding for a value of no control.
pub(super) fn unknown(path: &str, id: &str) -> Problem {
    Problem::error(format!("{path}.{id}"), "field_unknown", format!("the form has no field `{id}`"))
}

pub(super) fn has_problem(problems: &[Problem], path: &str) -> bool {
    let at_or_below = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
    problems.iter().any(|problem| problem.path.strip_prefix(path).is_some_and(at_or_below))
}

/// `None`: nothing was filled in, or a problem was noted.
fn read(field: &Field, raw: &Json, at: At<'_>, problems: &mut Vec<Problem>) -> Option<Value> {
    if is_empty(raw) {
        return None;
    }
    if field.kind == FieldKind::Table {
        return read_rows(field, raw, at, problems);
    }
    read_one(field, raw).map_err(|why| problems.push(invalid(at.path, field, &why))).ok()
}

pub(super) fn invalid(path: &str, field: &Field, why: &str) -> Problem {
    Problem::error(path, "value_invalid", format!("`{}` {why}", field.title))
}

/// One value that is not empty and no table.
pub(super) fn read_value(field: &Field, raw: &Json, path: &str) -> Result<Option<Value>, Problem> {
    if is_empty(raw) {
        return Ok(None);
    }
    read_one(field, raw).map(Some).map_err(|why| invalid(path, field, &why))
}

fn read_one(field: &Field, raw: &Json) -> Result<Value, String> {
    match field.kind {
        FieldKind::Text | FieldKind::TextArea | FieldKind::RichText => read_text(raw).map(Value::Text),
        FieldKind::Phone => read_phone(raw).map(Value::Text),
        FieldKind::Rating => read_mark(field, raw).map(Value::Number),
        FieldKind::Address => read_address(raw).map(Value::Address),
        FieldKind::LinkedInstance => read_linked(raw).map(Value::Linked),
        FieldKind::Number => read_decimal(raw).map(Value::Number),
        FieldKind::Money => read_money(field, raw).map(Value::Money),
        FieldKind::Date => read_date(raw).map(Value::Date),
        FieldKind::DateRange => read_range(raw).map(Value::DateRange),
        FieldKind::Select | FieldKind::MultiSelect if field.options_source.is_some() => {
            read_sourced(field, raw).map(Value::Sourced)
        }
        FieldKind::Select => read_choice(field, raw).map(Value::Choice),
        FieldKind::MultiSelect => list(raw)
            .and_then(|all| all.iter().map(|it| read_choice(field, it)).collect())
            .map(Value::Choices),
        FieldKind::Contact => read_ids(raw).map(Value::People),
        FieldKind::Department => read_ids(raw).map(Value::Departments),
        FieldKind::File | FieldKind::Image => {
            list(raw).and_then(|all| all.iter().map(read_file).collect()).map(Value::Files)
        }
        FieldKind::Info | FieldKind::Table => Err("takes no value".to_owned()),
    }
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

/// Options of another system, by id or as `{"id", "label"}`. Whether they exist is that system's to say.
fn read_sourced(field: &Field, raw: &Json) -> Result<Vec<FieldOption>, String> {
    let all = if raw.is_array() { list(raw)? } else { std::slice::from_ref(raw) };
    if field.kind == FieldKind::Select && all.len() > 1 {
        return Err("takes one option".to_owned());
    }
    let mut options: Vec<FieldOption> = Vec::with_capacity(all.len());
    for option in all.iter().map(read_option) {
        let option = option?;
        if options.iter().all(|it| it.id != option.id) {
            options.push(option);
        }
    }
    Ok(options)
}

fn read_option(raw: &Json) -> Result<FieldOption, String> {
    let text = |raw: &Json| match raw {
        Json::String(text) => Some(text.trim().to_owned()),
        Json::Number(number) => Some(number.to_string()),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    };
    let fits = |text: &String| (1..=OPTION_LIMIT).contains(&text.chars().count());
    let id = text(raw.get("id").unwrap_or(raw)).filter(fits).ok_or("must be an option id")?;
    let label = raw.get("label").and_then(text).filter(fits).unwrap_or_else(|| id.clone());
    Ok(FieldOption { id: OptionId(id), label })
}

/// Digits with an optional `+` before them; blanks, hyphens and brackets between them are kept as they are.
fn read_phone(raw: &Json) -> Result<String, String> {
    let text = raw.as_str().unwrap_or_default().trim();
    let (digits, rest): (Vec<char>, Vec<char>) =
        text.strip_prefix('+').unwrap_or(text).chars().partition(char::is_ascii_digit);
    let is_fit = PHONE_DIGITS.contains(&digits.len()) && rest.len() <= digits.len();
    if is_fit && rest.iter().all(|char| matches!(char, ' ' | '-' | '(' | ')')) {
        return Ok(text.to_owned());
    }
    Err("must be a telephone number such as +86 10 1234 5678".to_owned())
}

fn read_mark(field: &Field, raw: &Json) -> Result<Decimal, String> {
    let best = field.best_mark();
    let mark = read_decimal(raw)?;
    let is_fit = mark.is_integer() && mark >= Decimal::ONE && mark <= Decimal::from(best);
    if is_fit { Ok(mark) } else { Err(format!("must be a whole mark from 1 to {best}")) }
}

/// A text alone is the detail.
fn read_address(raw: &Json) -> Result<Address, String> {
    let address: Address = match raw {
        Json::String(detail) => Address { region: Vec::new(), detail: detail.trim().to_owned() },
        other => serde_json::from_value(other.clone())
            .map_err(|_| "must be an address with `region` and `detail`".to_owned())?,
    };
    let too_long = |text: &String| text.chars().count() > ADDRESS_LIMIT;
    if address.words().trim().is_empty() {
        return Err("must be an address with `region` and `detail`".to_owned());
    }
    if address.region.len() > REGION_LIMIT || address.region.iter().chain([&address.detail]).any(too_long) {
        return Err(format!("may have {REGION_LIMIT} parts of a region, of {ADDRESS_LIMIT} characters each"));
    }
    Ok(address)
}

/// By its id, or as `{"id", "title"}`.
fn read_linked(raw: &Json) -> Result<Linked, String> {
    let id = raw.get("id").unwrap_or(raw).as_str().and_then(|text| text.parse().ok());
    let title = raw.get("title").and_then(Json::as_str).unwrap_or_default();
    let title = title.chars().take(OPTION_LIMIT).collect();
    id.map(|id| Linked { id, title }).ok_or_else(|| "must be the id of an instance".to_owned())
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

fn read_rows(field: &Field, raw: &Json, at: At<'_>, problems: &mut Vec<Problem>) -> Option<Value> {
    let rows = match list(raw) {
        Ok(rows) => rows,
        Err(why) => {
            problems.push(invalid(at.path, field, &why));
            return None;
        }
    };
    let ids = match read_row_ids(rows) {
        Ok(ids) => ids,
        Err(why) => {
            problems.push(invalid(at.path, field, &why));
            return None;
        }
    };
    let mut read = Vec::with_capacity(rows.len());
    for (number, (row, id)) in rows.iter().zip(ids).enumerate() {
        let path = format!("{}[{number}]", at.path);
        match row.as_object() {
            Some(row) => {
                let mut row = row.clone();
                row.remove(RowId::MEMBER);
                let at = At { path: &path, ..at };
                read.push(Row { id, cells: read_fields(&field.columns, &row, at, problems) });
            }
            None => problems.push(Problem::error(path, "value_invalid", "a row must be an object")),
        }
    }
    Some(Value::Rows(read))
}

/// The numbers of rows; those that carry none get the next free ones.
fn read_row_ids(rows: &[Json]) -> Result<Vec<RowId>, String> {
    let mut known = BTreeSet::new();
    let mut ids = Vec::with_capacity(rows.len());
    for row in rows {
        let id = read_row_id(row)?;
        if id.is_some_and(|id| !known.insert(id)) {
            return Err("has two rows of one number".to_owned());
        }
        ids.push(id);
    }
    let mut next = next_id(&known);
    let number = |id: Option<RowId>| {
        id.unwrap_or_else(|| {
            let free = next;
            next = RowId(free.0.saturating_add(1));
            free
        })
    };
    Ok(ids.into_iter().map(number).collect())
}

/// The number a row carries, if any.
pub(super) fn read_row_id(row: &Json) -> Result<Option<RowId>, String> {
    match row.get(RowId::MEMBER) {
        None | Some(Json::Null) => Ok(None),
        Some(number) => {
            let number = number.as_u64().and_then(|number| u32::try_from(number).ok());
            let number = number.filter(|number| (1..=ROW_ID_LIMIT).contains(number));
            number.map(RowId).map(Some).ok_or_else(|| "has a row without a proper number".to_owned())
        }
    }
}

pub(super) fn list(raw: &Json) -> Result<&[Json], String> {
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
        Value::Rows(rows) => rows.iter().map(plain_row).collect(),
        Value::Sourced(options) => options.iter().map(|it| json!({"id": it.id, "label": it.label})).collect(),
        Value::Address(address) => json!({"region": address.region, "detail": address.detail}),
        Value::Linked(linked) => json!({"id": linked.id, "title": linked.title}),
    }
}

fn plain_row(row: &Row) -> Json {
    let mut plain = to_plain(&row.cells);
    plain.insert(RowId::MEMBER.to_owned(), json!(row.id));
    Json::Object(plain)
}

/// As `read_values` reads it.
pub(crate) fn plain_date(date: DateTime) -> String {
    if date.time() == Time::midnight() { date.date().to_string() } else { date.to_string() }
}
