//! A start: values matched with controls, people picked for nodes, files attached.

use super::super::numbers::{Numbering, People};
use super::super::wire::{Numbered, Object, Problems, control_number, number_of, whole_number};
use super::{Reading, numbers_in};
use jiff::civil::Date;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use zhupi_engine::Problem;
use zhupi_engine::command::Submit;
use zhupi_engine::form::{Field, FieldKind, read_values, with_defaults};
use zhupi_engine::ids::{FieldId, NodeId, UserId};
use zhupi_engine::template::{Approval, Approvers, Block, Cc, EmptyRule, PersonRule, Template};

/// Which template a start is about.
pub fn read_template_code(json: &Json) -> Result<String, Vec<Problem>> {
    let problems = Problems::default();
    let code = Object::root(json, &problems).map(|root| {
        let code = root.text("template_code").to_owned();
        if code.is_empty() {
            root.problem("template_code", "required", "`template_code` is required");
        }
        code
    });
    problems.or(code)
}

/// What is submitted to the template.
pub fn start_submission(
    json: &Json,
    template: &Template,
    numbering: &Numbering,
    people: &People,
    today: Date,
) -> Result<Submit, Vec<Problem>> {
    let problems = Problems::default();
    let submit = Object::root(json, &problems).map(|root| {
        let reading = Reading { people, form: &template.form, problems: &problems };
        let mut picked = Picked::default();
        read_nodes(&root.objects("flow_data"), template, numbering, &reading, &mut picked);
        read_current_approver(&root, template, &reading, &mut picked);
        Submit {
            title: root.text("name").trim().to_owned(),
            department: root
                .int("dept_id")
                .and_then(|number| reading.department(Numbered { number, path: root.path_of("dept_id") })),
            form: read_form(&root, numbering, &reading, today),
            picks: picked.picks,
            cc: picked.cc,
            serial: None,
            copied_from: None,
        }
    });
    problems.or(submit)
}

fn read_form(
    root: &Object<'_>,
    numbering: &Numbering,
    reading: &Reading<'_>,
    today: Date,
) -> zhupi_engine::form::FormData {
    let mut values = Map::new();
    let mut used = BTreeSet::new();
    for entry in root.objects("content") {
        let Some(field) = match_field(&entry, numbering, reading, &used) else {
            entry.problem("title", "control_unknown", "no control of the template fits");
            continue;
        };
        used.insert(field.id.clone());
        if let Some(value) = read_value(&entry, field, numbering, reading) {
            values.insert(field.id.0.clone(), value);
        }
    }
    read_attachments(root, reading, &mut values);
    match read_values(reading.form, &with_defaults(reading.form, &values, today)) {
        Ok(form) => form,
        Err(found) => {
            for problem in found {
                let path = problem.path.strip_prefix("form.").unwrap_or(&problem.path);
                reading.problems.add(format!("content.{path}"), &problem.code, problem.message);
            }
            Default::default()
        }
    }
}

/// A value names its control by `id`; the documented body has no ids, so then the first free one of its type and title.
fn match_field<'a>(
    entry: &Object<'_>,
    numbering: &Numbering,
    reading: &Reading<'a>,
    used: &BTreeSet<FieldId>,
) -> Option<&'a Field> {
    if let Some(id) = entry.int("id") {
        return reading.form.field(numbering.field_of(id)?);
    }
    let (kind, title) = (entry.int("type"), entry.text("title"));
    reading.form.fields.iter().find(|field| {
        !used.contains(&field.id)
            && field.title == title
            && kind.is_none_or(|kind| kind == control_number(field.kind))
    })
}

/// The value as `read_values` takes it; `None` where nothing was filled in.
fn read_value(
    entry: &Object<'_>,
    field: &Field,
    numbering: &Numbering,
    reading: &Reading<'_>,
) -> Option<Json> {
    let text = entry.get("text").or_else(|| entry.get("value"))?;
    if text.as_str().is_some_and(|text| text.trim().is_empty()) {
        return None;
    }
    if field.kind == FieldKind::Table {
        return Some(read_rows(text, field, entry, (numbering, reading)));
    }
    value_of(text, field, entry, (numbering, reading))
}

/// Rows as a list, or as its text. Their cells go by the number, the id or the title of their column.
fn read_rows(
    text: &Json,
    table: &Field,
    entry: &Object<'_>,
    (numbering, reading): (&Numbering, &Reading<'_>),
) -> Json {
    let parsed = text.as_str().and_then(|text| serde_json::from_str(text).ok());
    let list = parsed.unwrap_or_else(|| text.clone());
    let Json::Array(rows) = list else { return list };
    let columns = numbering.columns(table);
    let row = |row: Json| match row {
        Json::Object(cells) => {
            let cell = |(name, value): (String, Json)| {
                let by_number = name.parse().ok().and_then(|number| columns.field_of(number));
                let named =
                    |it: &&Field| Some(&it.id) == by_number || it.id.as_str() == name || it.title == name;
                match table.columns.iter().find(named) {
                    None => (name, value),
                    Some(column) => {
                        let read = value_of(&value, column, entry, (&columns, reading));
                        (column.id.0.clone(), read.unwrap_or(value))
                    }
                }
            };
            Json::Object(cells.into_iter().map(cell).collect())
        }
        other => other,
    };
    rows.into_iter().map(row).collect()
}

fn value_of(
    text: &Json,
    field: &Field,
    entry: &Object<'_>,
    (numbering, reading): (&Numbering, &Reading<'_>),
) -> Option<Json> {
    match field.kind {
        FieldKind::Info | FieldKind::File | FieldKind::Image => None,
        FieldKind::Text | FieldKind::TextArea | FieldKind::RichText | FieldKind::Phone => Some(match text {
            Json::Number(number) => json!(number.to_string()),
            other => other.clone(),
        }),
        FieldKind::Number
        | FieldKind::Money
        | FieldKind::Date
        | FieldKind::Table
        | FieldKind::Rating
        | FieldKind::LinkedInstance => Some(text.clone()),
        FieldKind::DateRange => Some(match text.as_str().and_then(|text| text.split_once('~')) {
            Some((start, end)) => json!({ "start": start.trim(), "end": end.trim() }),
            None => text.clone(),
        }),
        FieldKind::Address => Some(match text.as_str() {
            Some(detail) => json!({ "detail": detail }),
            None => text.clone(),
        }),
        FieldKind::Select => parts(text).first().map(|part| json!(option(part, field, numbering))),
        FieldKind::MultiSelect => {
            Some(parts(text).iter().map(|part| json!(option(part, field, numbering))).collect())
        }
        FieldKind::Contact => {
            let number = |number| Numbered { number, path: entry.path_of("text") };
            let numbers = numbers_in(text);
            if numbers.is_empty() {
                return Some(text.clone());
            }
            let users = numbers.into_iter().filter_map(|it| reading.user(number(it)));
            Some(users.map(|user| json!(user)).collect())
        }
        FieldKind::Department => {
            let number = |number| Numbered { number, path: entry.path_of("text") };
            let numbers = numbers_in(text);
            if numbers.is_empty() {
                return Some(text.clone());
            }
            let found = numbers.into_iter().filter_map(|it| reading.department(number(it)));
            Some(found.map(|department| json!(department)).collect())
        }
    }
}

fn parts(value: &Json) -> Vec<String> {
    match value {
        Json::Array(list) => list.iter().flat_map(parts).collect(),
        Json::String(text) => match serde_json::from_str::<Vec<Json>>(text) {
            Ok(list) => list.iter().flat_map(parts).collect(),
            Err(_) => text.split([',', '，', '、']).map(|part| part.trim().to_owned()).collect(),
        },
        Json::Object(map) => map.get("command").or_else(|| map.get("txt")).map_or_else(Vec::new, parts),
        other => whole_number(other).map(|number| number.to_string()).into_iter().collect(),
    }
}

/// The option a text names, by number, else by label. One that does not exist stays, for the form check to name.
fn option(part: &str, field: &Field, numbering: &Numbering) -> String {
    let by_number = part.parse().ok().and_then(|number| numbering.option_of(&field.id, number));
    let by_label = || field.options.iter().find(|option| option.label == part).map(|option| &option.id);
    by_number.or_else(by_label).map_or_else(|| part.to_owned(), |option| option.0.clone())
}

/// Files of type 1 go into the first file control, pictures of type 3 into the first picture control.
fn read_attachments(root: &Object<'_>, reading: &Reading<'_>, values: &mut Map<String, Json>) {
    for attachment in root.objects("attachments") {
        let kind = match attachment.int("type").unwrap_or(1) {
            1 => FieldKind::File,
            3 => FieldKind::Image,
            other => {
                attachment.problem(
                    "type",
                    "attachment_type_unknown",
                    format!("no attachment of type `{other}` at a start"),
                );
                continue;
            }
        };
        let Some(field) = reading.form.fields.iter().find(|field| field.kind == kind) else {
            attachment.problem("type", "control_unknown", "the template has no control for it");
            continue;
        };
        let file = json!({"name": attachment.text("name"), "other": attachment.map});
        let list = values.entry(field.id.0.clone()).or_insert_with(|| json!([]));
        if let Json::Array(list) = list {
            list.push(file);
        }
    }
}

/// People named at nodes.
#[derive(Debug, Default)]
struct Picked {
    picks: BTreeMap<NodeId, Vec<UserId>>,
    cc: Vec<UserId>,
}

/// Only nodes that let the initiator pick are read; others repeat what the template says anyway.
fn read_nodes(
    nodes: &[Object<'_>],
    template: &Template,
    numbering: &Numbering,
    reading: &Reading<'_>,
    picked: &mut Picked,
) {
    for node in nodes {
        let block = node.int("id").and_then(|id| numbering.node_of(id)).and_then(|id| template.block(id));
        match block {
            Some(Block::Approval(approval)) if picks_approvers(approval) => {
                pick(node, &approval.id, reading, picked);
            }
            Some(Block::Cc(cc)) if picks(&cc.people) => pick(node, &cc.id, reading, picked),
            Some(Block::Cc(cc)) if cc.allow_more => {
                let more = read_users(node, reading).into_iter().filter(|user| !names(cc, *user));
                picked.cc.extend(more);
            }
            Some(_) => {}
            None if node.int("node_type") == Some(super::flow::CONDITION) => {}
            None => node.problem("id", "node_unknown", "the template has no such node"),
        }
        for line in node.objects("lines") {
            read_nodes(&line.objects("flows"), template, numbering, reading, picked);
        }
    }
}

fn pick(node: &Object<'_>, id: &NodeId, reading: &Reading<'_>, picked: &mut Picked) {
    let users = read_users(node, reading);
    if !users.is_empty() {
        picked.picks.insert(id.clone(), users);
    }
}

fn read_users(node: &Object<'_>, reading: &Reading<'_>) -> Vec<UserId> {
    let mut users = Vec::new();
    for entry in [node.numbers("members"), node.numbers("approvers")].concat() {
        users.extend(reading.user(entry).filter(|user| !users.contains(user)));
    }
    users
}

fn picks_approvers(node: &Approval) -> bool {
    let by_rule = match &node.approvers {
        Approvers::People(rules) => picks(rules),
        Approvers::Chain(_) => false,
    };
    by_rule || node.empty == EmptyRule::InitiatorPicks
}

fn picks(rules: &[PersonRule]) -> bool {
    rules.iter().any(|rule| matches!(rule, PersonRule::InitiatorPick { .. }))
}

fn names(cc: &Cc, user: UserId) -> bool {
    cc.people.iter().any(|rule| matches!(rule, PersonRule::Members(users) if users.contains(&user)))
}

/// `current_approver` is the pick for the first node, where that node lets the initiator pick and names nobody itself.
fn read_current_approver(root: &Object<'_>, template: &Template, reading: &Reading<'_>, picked: &mut Picked) {
    let Some(number) = root.get("current_approver").and_then(first_number).filter(|number| *number != 0)
    else {
        return;
    };
    let path = root.path_of("current_approver");
    let Some(user) = reading.user(Numbered { number, path }) else { return };
    if let Some(Block::Approval(first)) = template.flow.first()
        && picks_approvers(first)
    {
        picked.picks.entry(first.id.clone()).or_insert_with(|| vec![user]);
    }
}

fn first_number(json: &Json) -> Option<i64> {
    match json {
        Json::Array(list) => list.first().and_then(number_of),
        other => number_of(other),
    }
}
