//! An approval in this surface's words: its values, its nodes with the people asked, and what happened, in order.

use super::super::numbers::{Numbering, People};
use super::super::wire::{Detail, Record, control_number, whole_number};
use super::render::render_flow;
use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::{Value as Json, json};
use zhupi_engine::directory::Directory;
use zhupi_engine::form::{Access, Field, FieldAccess, FormData, Value, to_plain, visible_values};
use zhupi_engine::ids::{NodeId, UserId};
use zhupi_engine::instance::{Instance, Slot, SlotState, Status, Visit, VisitState};
use zhupi_engine::template::Template;

/// An approval, without the values that this `access` hides.
pub fn detail(
    instance: &Instance,
    template: &Template,
    template_code: &str,
    directory: &Directory,
    people: &People,
    access: &FieldAccess,
) -> Detail {
    let numbering = Numbering::of(template);
    let form = &visible_values(&template.form, access, &instance.form);
    let telling = Telling { instance, form, template, numbering: &numbering, directory, people };
    let mut flow_data = render_flow(template, &numbering, people);
    telling.add_visits(&mut flow_data);
    Detail {
        approval_id: instance.id.to_string(),
        approval_code: instance.id.to_string(),
        template_code: template_code.to_owned(),
        name: instance.title.clone(),
        status: status_word(instance.status),
        initiator: people.user_number(instance.initiator),
        current_approver: telling.current_approvers(),
        content: seen_fields(template, access).map(|field| telling.content(field)).collect(),
        attachments: telling.attachments(),
        flow_data,
        records: telling.records(),
        create_time: instance.submitted_at.map_or(0, Timestamp::as_second),
        end_time: instance.ended_at.map_or(0, Timestamp::as_second),
    }
}

/// The word for where an approval stands. Suspended is still under way for those who wait.
pub fn status_word(status: Status) -> &'static str {
    match status {
        Status::Draft => "draft",
        Status::Running | Status::Suspended => "auditing",
        Status::Returned => "returned",
        Status::Approved | Status::Revoking => "approved",
        Status::Rejected => "refused",
        Status::Withdrawn | Status::Revoked => "revoked",
        Status::Terminated => "terminated",
    }
}

/// The status a word asks for; absent where there is no such word.
pub fn status_of(word: &str) -> Option<Status> {
    [
        Status::Running,
        Status::Approved,
        Status::Rejected,
        Status::Withdrawn,
        Status::Returned,
        Status::Terminated,
    ]
    .into_iter()
    .find(|status| status_word(*status) == word)
}

fn visit_word(state: VisitState) -> &'static str {
    match state {
        VisitState::Open => "pending",
        VisitState::Passed | VisitState::AutoApproved | VisitState::Skipped => "approved",
        VisitState::Rejected | VisitState::AutoRejected => "rejected",
        VisitState::Returned => "returned",
        VisitState::Cancelled => "cancelled",
    }
}

fn seen_fields<'a>(template: &'a Template, access: &FieldAccess) -> impl Iterator<Item = &'a Field> {
    template.form.fields.iter().filter(|field| access.of(&field.id) != Access::Hide)
}

struct Telling<'a> {
    instance: &'a Instance,
    /// Its values, as far as the reader sees them.
    form: &'a FormData,
    template: &'a Template,
    numbering: &'a Numbering,
    directory: &'a Directory,
    people: &'a People,
}

impl Telling<'_> {
    fn number(&self, user: UserId) -> i64 {
        self.people.user_number(user)
    }

    fn current_approvers(&self) -> Vec<i64> {
        let mut found = Vec::new();
        for (_, slot) in self.instance.pending() {
            let number = self.number(slot.assignee);
            if !found.contains(&number) {
                found.push(number);
            }
        }
        found
    }

    fn content(&self, field: &Field) -> Json {
        let value = self.form.get(&field.id);
        json!({
            "id": self.numbering.field(&field.id),
            "type": control_number(field.kind),
            "title": field.title,
            "text": value.map_or_else(String::new, |value| self.text(field, value)),
            "not_print": field.not_print,
            "required": field.required,
            "extra": field.extra,
        })
    }

    fn text(&self, field: &Field, value: &Value) -> String {
        let label = |id: &zhupi_engine::ids::OptionId| {
            let found = field.options.iter().find(|option| &option.id == id);
            found.map_or_else(|| id.to_string(), |option| option.label.clone())
        };
        match value {
            Value::Text(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Money(money) => money.amount.to_string(),
            Value::Date(date) => date_text(*date),
            Value::DateRange(range) => format!("{} ~ {}", date_text(range.start), date_text(range.end)),
            Value::Choice(option) => label(option),
            Value::Choices(options) => options.iter().map(label).collect::<Vec<_>>().join("、"),
            Value::People(users) => {
                users.iter().map(|user| self.directory.name(*user)).collect::<Vec<_>>().join("、")
            }
            Value::Departments(all) => {
                let name = |id| self.directory.department(id).map_or_else(String::new, |it| it.name.clone());
                all.iter().map(|id| name(*id)).collect::<Vec<_>>().join("、")
            }
            Value::Files(files) => files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join("、"),
            // As a start takes them.
            Value::Rows(_) => {
                let alone = FormData([(field.id.clone(), value.clone())].into());
                to_plain(&alone).get(field.id.as_str()).map(Json::to_string).unwrap_or_default()
            }
            Value::Sourced(options) => {
                options.iter().map(|option| option.label.as_str()).collect::<Vec<_>>().join("、")
            }
            Value::Address(address) => address.words(),
            Value::Linked(linked) => linked.title.clone(),
        }
    }

    /// Files as they came, or with our id where they lie with us.
    fn attachments(&self) -> Vec<Json> {
        let mut files = Vec::new();
        for value in self.form.0.values() {
            if let Value::Files(more) = value {
                files.extend(more);
            }
        }
        let file = |file: &zhupi_engine::form::FileRef| {
            let mut told = file.other.clone();
            told.insert("name".into(), json!(file.name));
            if let Some(id) = file.id {
                told.insert("store_key".into(), json!(id));
            }
            Json::Object(told)
        };
        files.into_iter().map(file).collect()
    }

    /// Who is asked at each node and how it stands, written into the drawn nodes.
    fn add_visits(&self, nodes: &mut [Json]) {
        for node in nodes.iter_mut().filter_map(Json::as_object_mut) {
            let id = node.get("id").and_then(whole_number).and_then(|number| self.numbering.node_of(number));
            let visits: Vec<&Visit> = match id {
                Some(id) => self.instance.visits.iter().filter(|visit| &visit.node == id).collect(),
                None => Vec::new(),
            };
            if let Some(last) = visits.last() {
                let asked = visits.iter().flat_map(|visit| &visit.slots);
                let numbers: Vec<i64> = asked.map(|slot| self.number(slot.assignee)).collect();
                node.insert("members".into(), json!(numbers));
                node.insert("approvers".into(), json!(numbers));
                node.insert("status".into(), json!(visit_word(last.state)));
            }
            for line in node.get_mut("lines").and_then(Json::as_array_mut).into_iter().flatten() {
                if let Some(flows) = line.get_mut("flows").and_then(Json::as_array_mut) {
                    self.add_visits(flows);
                }
            }
        }
    }

    fn records(&self) -> Vec<Record> {
        let mut told = Vec::new();
        if let Some(at) = self.instance.submitted_at {
            told.push(self.record("approval_created", self.instance.initiator, at));
        }
        for visit in &self.instance.visits {
            told.extend(self.visit_records(visit));
        }
        told.extend(self.cc_records());
        for comment in &self.instance.comments {
            let record = self.record("comment", comment.by, comment.at);
            told.push(Record { comment: comment.text.clone(), ..record });
        }
        if let (Status::Withdrawn, Some(at)) = (self.instance.status, self.instance.ended_at) {
            told.push(self.record("revoke", self.instance.initiator, at));
        }
        told.sort_by_key(|record| record.ctime);
        for (id, record) in (1..).zip(&mut told) {
            record.id = id;
        }
        told
    }

    fn record(&self, kind: &'static str, operator: UserId, at: Timestamp) -> Record {
        Record {
            id: 0,
            kind,
            operator: self.number(operator),
            node_id: 0,
            node_name: String::new(),
            comment: String::new(),
            ctime: at.as_second(),
            user_list: Vec::new(),
        }
    }

    fn visit_records(&self, visit: &Visit) -> Vec<Record> {
        let mut told: Vec<Record> =
            visit.slots.iter().filter_map(|slot| self.slot_record(visit, slot)).collect();
        let without_people = match visit.state {
            VisitState::AutoApproved => Some("auto_passed"),
            VisitState::AutoRejected => Some("auto_rejected"),
            VisitState::Open
            | VisitState::Passed
            | VisitState::Rejected
            | VisitState::Returned
            | VisitState::Skipped
            | VisitState::Cancelled => None,
        };
        if let (true, Some(kind)) = (told.is_empty(), without_people) {
            let record =
                self.at_node(&visit.node, self.record(kind, self.instance.initiator, visit.opened_at));
            told.push(Record { operator: 0, ..record });
        }
        told
    }

    fn slot_record(&self, visit: &Visit, slot: &Slot) -> Option<Record> {
        let kind = match slot.state {
            SlotState::Approved => "passed",
            SlotState::Rejected => "reject",
            SlotState::Abstained => "abstained",
            SlotState::Returned => "returned",
            SlotState::Auto(_) => "auto_approval",
            SlotState::AutoRejected(_) => "auto_rejected",
            SlotState::Queued
            | SlotState::Pending
            | SlotState::Offered
            | SlotState::Taken
            | SlotState::Waiting
            | SlotState::NotNeeded
            | SlotState::Removed
            | SlotState::Cancelled => return None,
        };
        let record = match &slot.decided {
            Some(decided) => {
                Record { comment: decided.comment.clone(), ..self.record(kind, decided.by, decided.at) }
            }
            None => self.record(kind, slot.assignee, slot.pending_at.unwrap_or(visit.opened_at)),
        };
        Some(self.at_node(&visit.node, record))
    }

    fn at_node(&self, node: &NodeId, record: Record) -> Record {
        let node_name = self.template.block(node).map_or("", |block| block.title()).to_owned();
        Record { node_id: self.numbering.node(node), node_name, ..record }
    }

    /// One record for everybody told at the same node at the same time.
    fn cc_records(&self) -> Vec<Record> {
        let mut told: Vec<Record> = Vec::new();
        for entry in &self.instance.cc {
            let mut record = Record { operator: 0, ..self.record("cc", entry.user, entry.at) };
            if let Some(node) = &entry.node {
                record = self.at_node(node, record);
            }
            match told.iter_mut().find(|known| known.node_id == record.node_id && known.ctime == record.ctime)
            {
                Some(known) => known.user_list.push(self.number(entry.user)),
                None => told.push(Record { user_list: vec![self.number(entry.user)], ..record }),
            }
        }
        told
    }
}

fn date_text(at: DateTime) -> String {
    if at.time() == jiff::civil::Time::midnight() { at.date().to_string() } else { at.to_string() }
}
