//! Between this surface's JSON and ours, purely: no lookups, no clock. Whom a number means comes in as `People`.
//! A template: here and in `flow.rs`, `conditions.rs`; back again: `render.rs`. A start: `start.rs`. An approval: `detail.rs`.

mod act;
mod conditions;
mod detail;
mod flow;
mod render;
mod start;
#[cfg(test)]
mod tests;

pub use act::{Action, Matter, read_action};
pub use detail::{detail, status_of, status_word};
pub use render::render_template;
pub use start::{read_template_code, start_submission};

use super::numbers::{Mentioned, People};
use super::wire::{Numbered, Object, Problems, control_kind, number_of, whole_number};
use serde_json::Value as Json;
use zhupi_engine::Problem;
use zhupi_engine::condition::{DurationUnit, Scope};
use zhupi_engine::form::{Field, FieldKind, FieldOption, Form};
use zhupi_engine::ids::{DepartmentId, FieldId, OptionId, UserId};
use zhupi_engine::template::{Settings, Template};

/// What reading a template needs to know of the world.
#[derive(Clone, Copy, Debug)]
struct Reading<'a> {
    people: &'a People,
    form: &'a Form,
    problems: &'a Problems,
}

/// Reads a template. `base` holds the settings this surface cannot express, which a replacement leaves as they are.
pub fn read_template(json: &Json, people: &People, base: &Settings) -> Result<Template, Vec<Problem>> {
    let problems = Problems::default();
    let template = Object::root(json, &problems).map(|root| {
        let form = Form { fields: root.objects("content").iter().map(read_control).collect() };
        let reading = Reading { people, form: &form, problems: &problems };
        let flow = flow::read_blocks(&root.objects("flow_data"), &reading);
        let settings = read_settings(&root, &reading, base);
        Template { name: read_name(&root), form, flow, settings }
    });
    problems.or(template)
}

fn read_name(root: &Object<'_>) -> String {
    let name = root.text("name").trim();
    if name.is_empty() {
        root.problem("name", "required", "`name` is required");
    }
    name.to_owned()
}

fn read_settings(root: &Object<'_>, reading: &Reading<'_>, base: &Settings) -> Settings {
    Settings {
        managers: read_managers(root, reading),
        visible_to: read_scope(root, reading),
        other: root.kept(&["name", "visible_scopes", "managers", "content", "flow_data"]),
        ..base.clone()
    }
}

fn read_managers(root: &Object<'_>, reading: &Reading<'_>) -> Vec<UserId> {
    root.objects("managers")
        .iter()
        .filter_map(|manager| {
            let number = manager.required_int("userid");
            reading.user(Numbered { number, path: manager.path_of("userid") })
        })
        .collect()
}

/// An entry with neither a department nor a person opens the template to the whole company, whatever else is listed.
fn read_scope(root: &Object<'_>, reading: &Reading<'_>) -> Scope {
    let mut scope = Scope::default();
    let mut everybody = false;
    for entry in root.objects("visible_scopes") {
        match (entry.int("partid"), entry.int("userid")) {
            (None, None) => everybody = true,
            (part, user) => {
                let department = part.map(|number| Numbered { number, path: entry.path_of("partid") });
                scope.departments.extend(department.and_then(|it| reading.department(it)));
                let user = user.map(|number| Numbered { number, path: entry.path_of("userid") });
                scope.users.extend(user.and_then(|it| reading.user(it)));
            }
        }
    }
    if everybody { Scope::default() } else { scope }
}

fn read_control(control: &Object<'_>) -> Field {
    let number = control.required_int("type");
    let kind = control_kind(number).unwrap_or_else(|| {
        control.problem("type", "control_unknown", format!("no control of type `{number}`"));
        FieldKind::Info
    });
    let id = FieldId(control.required_int("id").to_string());
    Field {
        required: control.flag("required"),
        not_print: control.flag("not_print"),
        placeholder: control.text("placeholder").to_owned(),
        options: control.objects("options").iter().map(read_option).collect(),
        columns: read_columns(control, kind),
        best: read_best(control, kind),
        duration_unit: read_unit(control, kind),
        extra: control.get("extra").map(|_| control.text("extra").to_owned()),
        other: control.kept(&[
            "id",
            "type",
            "title",
            "required",
            "not_print",
            "placeholder",
            "options",
            "extra",
            "columns",
            "best",
            "duration_unit",
        ]),
        ..Field::new(id, control.text("title"), kind)
    }
}

/// Columns are controls themselves. Of other kinds a member of this name means nothing here.
fn read_columns(control: &Object<'_>, kind: FieldKind) -> Vec<Field> {
    if kind != FieldKind::Table {
        return Vec::new();
    }
    control.objects("columns").iter().map(read_control).collect()
}

fn read_best(control: &Object<'_>, kind: FieldKind) -> Option<u8> {
    let best = control.int("best").filter(|_| kind == FieldKind::Rating)?;
    // Whether it fits, the check of the template says.
    Some(u8::try_from(best).unwrap_or(0))
}

fn read_unit(control: &Object<'_>, kind: FieldKind) -> Option<DurationUnit> {
    let unit = control.get("duration_unit").filter(|_| kind == FieldKind::DateRange)?;
    let read = serde_json::from_value(unit.clone());
    if read.is_err() {
        control.problem("duration_unit", "duration_unit_unknown", format!("no unit {unit}"));
    }
    read.ok()
}

fn read_option(option: &Object<'_>) -> FieldOption {
    FieldOption {
        id: OptionId(option.required_int("command").to_string()),
        label: option.text("txt").to_owned(),
    }
}

impl Reading<'_> {
    fn user(&self, it: Numbered) -> Option<UserId> {
        let found = self.people.user(it.number);
        if found.is_none() {
            self.problems.add(it.path, "user_unknown", format!("no user `{}`", it.number));
        }
        found
    }

    fn department(&self, it: Numbered) -> Option<DepartmentId> {
        let found = self.people.department(it.number);
        if found.is_none() {
            self.problems.add(it.path, "department_unknown", format!("no department `{}`", it.number));
        }
        found
    }
}

/// Every number in a body that may stand for somebody, so that all can be looked up at once. Rather one too many.
pub fn mentioned(json: &Json) -> Mentioned {
    let mut found = Mentioned::default();
    collect(json, &mut found);
    found
}

fn collect(json: &Json, found: &mut Mentioned) {
    match json {
        Json::Array(list) => list.iter().for_each(|item| collect(item, found)),
        Json::Object(map) => {
            for (name, value) in map {
                match name.to_ascii_lowercase().as_str() {
                    "userid" | "users" | "current_approver" | "transfer_user_id" | "add_sign_user_ids" => {
                        found.users.extend(numbers_in(value));
                    }
                    "members" | "approvers" => {
                        found.users.extend(numbers_in(value));
                        found.groups.extend(numbers_in(value));
                    }
                    "value" | "text" => {
                        let numbers = numbers_anywhere(value);
                        found.users.extend(&numbers);
                        found.departments.extend(numbers);
                    }
                    "partid" | "depts" | "dept_id" => found.departments.extend(numbers_in(value)),
                    _ => {}
                }
                collect(value, found);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// The same of everything inside, such as the rows of a table, as a list or as its text.
fn numbers_anywhere(value: &Json) -> Vec<i64> {
    match value {
        Json::Array(list) => list.iter().flat_map(numbers_anywhere).collect(),
        Json::Object(map) => map.values().flat_map(numbers_anywhere).collect(),
        Json::String(text) => match serde_json::from_str::<Vec<Json>>(text) {
            Ok(list) => list.iter().flat_map(numbers_anywhere).collect(),
            Err(_) => numbers_in(value),
        },
        Json::Null | Json::Bool(_) | Json::Number(_) => numbers_in(value),
    }
}

/// The numbers of a value that is one, a list of them, or a text with commas between them.
fn numbers_in(value: &Json) -> Vec<i64> {
    match value {
        Json::Array(list) => list.iter().filter_map(number_of).collect(),
        Json::String(text) => text
            .trim_matches(['[', ']'])
            .split([',', '，', '、', ';'])
            .filter_map(|part| part.trim().parse().ok())
            .collect(),
        other => whole_number(other).into_iter().collect(),
    }
}
