//! Sorts of objects, as data: their fields with kinds, which of them is the stage, who may change them.

use super::Data;
use crate::condition::Scope;
use crate::form::{Field, FieldKind, Form, FormData, read_partial};
use crate::ids::FieldId;
use crate::problem::Problem;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// A sort of objects.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EntityType {
    /// Its word for programs, such as `Contract`.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// Its fields.
    #[serde(default)]
    pub fields: Form,
    /// The field people know an object by; `name` or `title` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title_field: Option<FieldId>,
    /// The field that says at which stage an object is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage_field: Option<FieldId>,
    /// Objects have no other fields, and no values that do not fit. Otherwise the system that keeps the objects knows
    /// better: everything is kept, and what does not fit counts as empty in conditions.
    #[serde(default)]
    pub strict: bool,
    /// Who may make, change and delete objects; empty: everybody.
    #[serde(default)]
    pub editors: Scope,
}

impl EntityType {
    /// What people call a field.
    pub fn label<'a>(&'a self, field: &'a str) -> &'a str {
        self.fields.fields.iter().find(|it| it.id.as_str() == field).map_or(field, |it| &it.title)
    }

    /// The text people know an object by; empty where it has none.
    pub fn title_of(&self, data: &Data) -> String {
        let named = self.title_field.as_ref().map(FieldId::as_str);
        let text = |field: &str| data.get(field).map(plain).filter(|text| !text.trim().is_empty());
        named.into_iter().chain(["name", "title"]).find_map(text).unwrap_or_default()
    }
}

/// Most fields of a sort.
const FIELDS_LIMIT: usize = 300;

/// Everything wrong with a sort of objects.
pub fn check_type(sort: &EntityType) -> Vec<Problem> {
    let mut problems = Vec::new();
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if sort.key.is_empty() || sort.key.len() > 64 || !sort.key.bytes().all(sound) {
        let message = "a key has 1 to 64 letters, digits, `-`, `_` or `.`";
        problems.push(Problem::error("key", "key_unfit", message));
    }
    if sort.name.trim().is_empty() || sort.name.chars().count() > 64 {
        problems.push(Problem::error("name", "name_length", "a name has 1 to 64 characters"));
    }
    if sort.fields.fields.len() > FIELDS_LIMIT {
        problems.push(Problem::error("fields", "too_many", format!("at most {FIELDS_LIMIT} fields")));
    }
    let mut seen = BTreeSet::new();
    for (number, field) in sort.fields.fields.iter().enumerate() {
        let path = format!("fields[{number}]");
        if field.id.as_str().is_empty() || !seen.insert(&field.id) {
            problems.push(Problem::error(&path, "field_twice", "a field needs an id of its own"));
        }
        if matches!(field.kind, FieldKind::Select | FieldKind::MultiSelect) && field.options.is_empty() {
            problems.push(Problem::error(&path, "options_missing", "a choice needs options"));
        }
    }
    for (member, named) in [("title_field", &sort.title_field), ("stage_field", &sort.stage_field)] {
        if let Some(field) = named.as_ref().filter(|id| sort.fields.field(id).is_none()) {
            let message = format!("there is no field `{field}`");
            problems.push(Problem::error(member, "field_unknown", message));
        }
    }
    problems
}

/// Everything in which an object does not fit its sort; nothing where the sort is not strict.
pub fn check_data(sort: &EntityType, data: &Data) -> Vec<Problem> {
    if sort.strict { read_partial(&sort.fields, data).err().unwrap_or_default() } else { Vec::new() }
}

/// What conditions see of an object: the values of these fields that fit their kinds.
pub fn facts_of(fields: &[&Field], data: &Data) -> FormData {
    let read = |field: &&Field| {
        let id = field.id.clone();
        let raw = Data::from_iter([(id.0.clone(), fitted(field, data.get(id.as_str())?))]);
        let form = Form { fields: vec![(*field).clone()] };
        read_partial(&form, &raw).ok()?.0.remove(&id).map(|value| (id, value))
    };
    FormData(fields.iter().filter_map(read).collect())
}

/// Whatever the other system sends for a text is looked at as a text.
fn fitted(field: &Field, raw: &Json) -> Json {
    match field.kind {
        FieldKind::Text | FieldKind::TextArea | FieldKind::RichText => plain(raw).into(),
        FieldKind::File
        | FieldKind::Date
        | FieldKind::Select
        | FieldKind::Info
        | FieldKind::Contact
        | FieldKind::MultiSelect
        | FieldKind::Number
        | FieldKind::Money
        | FieldKind::Image
        | FieldKind::DateRange
        | FieldKind::Department
        | FieldKind::Table
        | FieldKind::Address
        | FieldKind::Phone
        | FieldKind::Rating
        | FieldKind::LinkedInstance => raw.clone(),
    }
}

/// A value as a text, without quotation marks. An object goes by its name.
pub fn plain(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Object(members) => match members.get("name").or_else(|| members.get("title")) {
            Some(name) => plain(name),
            None if members.is_empty() => String::new(),
            None => value.to_string(),
        },
        Json::Array(items) if items.is_empty() => String::new(),
        Json::Bool(_) | Json::Number(_) | Json::Array(_) => value.to_string(),
    }
}
