//! The controls of a form with their values, as programs and as people read them, as far as their reader sees them.

use crate::app::access::may_manage;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;
use zhupi_engine::decide::access_at;
use zhupi_engine::form::{
    Access, Field, FieldAccess, FieldKey, FieldKind, FieldState, Form, FormData, field_states, readable,
    to_plain, visible_values,
};
use zhupi_engine::ids::{FieldId, UserId};
use zhupi_engine::instance::{CcEntry, SlotState};
use zhupi_engine::template::Block;
use zhupi_engine::{Directory, Instance, Template};

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
    /// What the reader may do with it now: `read`, `edit`, or `require`, which is to edit and not to leave empty.
    #[schema(value_type = String, example = "read")]
    pub access: Access,
    /// Of a table: what he may do with its columns, where that is something else.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub columns: BTreeMap<FieldId, Access>,
}

/// Every control of the form that `access` does not hide, in its order, with its value. `today` is the day in the
/// workspace's time zone.
pub fn form_fields(
    form: &Form,
    data: &FormData,
    access: &FieldAccess,
    directory: &Directory,
    today: Date,
) -> Vec<FieldView> {
    let seen = visible_values(form, access, data);
    let mut plain = to_plain(&seen);
    let mut view = |(field, state): (&Field, FieldState)| FieldView {
        id: field.id.clone(),
        title: field.title.clone(),
        kind: field.kind,
        value: plain.remove(field.id.as_str()).unwrap_or(Json::Null),
        text: seen.get(&field.id).map_or_else(String::new, |value| readable(field, value, directory)),
        shown: state.shown,
        required: state.required,
        computed: state.computed,
        access: access.of(&field.id),
        columns: columns_of(field, access),
    };
    let fields = form.fields.iter().zip(field_states(form, data, today));
    fields.filter(|(field, _)| access.of(&field.id) != Access::Hide).map(&mut view).collect()
}

fn columns_of(table: &Field, access: &FieldAccess) -> BTreeMap<FieldId, Access> {
    let whole = access.of(&table.id);
    let of = |column: &Field| (column.id.clone(), access.of_column(&table.id, &column.id));
    table.columns.iter().map(of).filter(|(_, access)| *access != whole).collect()
}

/// What somebody may do with the form of an instance at this moment: edit what the nodes allow at which he is asked now,
/// and read what at least one of his parts in it lets him read. Its initiator and whoever administers the template read
/// everything. Whoever was told by somebody sees no more than that person does.
pub fn access_of(
    instance: &Instance,
    template: &Template,
    directory: &Directory,
    viewer: UserId,
) -> FieldAccess {
    let reads_all = |person| reads_all(instance, template, directory, person);
    let mut parts = Vec::new();
    // Everybody from whom it came to him, over others too; he himself first.
    let mut people = vec![viewer];
    let mut next = 0;
    while let Some(person) = people.get(next).copied() {
        next += 1;
        if reads_all(person) {
            parts.push(FieldAccess::default());
        }
        let asked = of_slots(instance, template, person);
        let only_read = |part| if person == viewer { part } else { read_only(part) };
        parts.extend(asked.into_iter().map(only_read));
        let (by_nodes, tellers) = told(instance, template, person);
        parts.extend(by_nodes);
        for teller in tellers {
            if !people.contains(&teller) {
                people.push(teller);
            }
        }
    }
    if parts.is_empty() {
        return template.hidden_somewhere();
    }
    together(&template.form, &parts)
}

/// Whether something is hidden from whoever may do this.
pub fn hides(access: &FieldAccess) -> bool {
    access.0.values().any(|access| *access == Access::Hide)
}

/// What somebody sees of an instance as it was under other versions of its template: what he sees of it today, and nothing
/// to change. What today's version does not have any more, a control or a column, is only for those who see everything by
/// themselves: no node says today who may see it.
pub fn access_to_past(
    then: &[Arc<Template>],
    (instance, today): (&Instance, &Template),
    directory: &Directory,
    viewer: UserId,
) -> FieldAccess {
    let FieldAccess(mut past) = read_only(access_of(instance, today, directory, viewer));
    if !reads_all(instance, today, directory, viewer) {
        let gone = then.iter().flat_map(|then| gone(&then.form, &today.form));
        past.extend(gone.map(|key| (key, Access::Hide)));
    }
    FieldAccess(past)
}

/// Controls and columns of a form that another does not have.
fn gone(then: &Form, today: &Form) -> Vec<FieldKey> {
    let mut gone = Vec::new();
    for field in &then.fields {
        let still = today.field(&field.id);
        if still.is_none() {
            gone.push(FieldKey::from(&field.id));
        }
        let has = |column: &Field| still.is_some_and(|it| it.columns.iter().any(|it| it.id == column.id));
        let columns = field.columns.iter().filter(|column| !has(column));
        gone.extend(columns.map(|column| FieldKey::column(&field.id, &column.id)));
    }
    gone
}

/// Its initiator and whoever administers the template read everything.
fn reads_all(instance: &Instance, template: &Template, directory: &Directory, person: UserId) -> bool {
    person == instance.initiator || may_manage(&template.settings, directory, person)
}

/// As somebody who is or was asked. People who were brought in read only, as does who gives an opinion.
fn of_slots(instance: &Instance, template: &Template, person: UserId) -> Vec<FieldAccess> {
    let mut parts = Vec::new();
    for visit in &instance.visits {
        let own = visit.slots.iter().filter(|it| it.is_or_was_with(person) || it.back_to == Some(person));
        let mut own = own.peekable();
        if own.peek().is_none() {
            continue;
        }
        let access = access_at(template, instance, visit.id);
        let edits = own.any(|slot| {
            let holds = slot.back_to.unwrap_or(slot.assignee) == person || slot.absent == Some(person);
            slot.state == SlotState::Pending && slot.added_by.is_none() && holds
        });
        parts.push(if edits { access } else { read_only(access) });
    }
    parts
}

/// As somebody who was told: by nodes of the template, and by whom else.
fn told(instance: &Instance, template: &Template, person: UserId) -> (Vec<FieldAccess>, Vec<UserId>) {
    let entries = instance.cc.iter().filter(|entry| entry.user == person);
    let by_template = |entry: &&CcEntry| entry.by.is_none();
    let parts = entries.clone().filter(by_template).map(|entry| match &entry.node {
        None => FieldAccess::default(),
        Some(node) => match template.block(node) {
            Some(Block::Cc(node)) => read_only(node.fields.clone()),
            Some(Block::Approval(node)) => read_only(node.fields.clone()),
            Some(_) | None => template.hidden_somewhere(),
        },
    });
    let mentions = instance.comments.iter().filter(|comment| comment.mentions.contains(&person));
    let tellers = entries.filter_map(|entry| entry.by).chain(mentions.map(|comment| comment.by));
    (parts.collect(), tellers.collect())
}

fn read_only(access: FieldAccess) -> FieldAccess {
    FieldAccess(access.0.into_iter().filter(|(_, access)| *access == Access::Hide).collect())
}

/// Of several parts the one that allows most, control by control.
fn together(form: &Form, parts: &[FieldAccess]) -> FieldAccess {
    if parts.iter().all(FieldAccess::is_empty) {
        return FieldAccess::default();
    }
    let most =
        |of: &dyn Fn(&FieldAccess) -> Access| parts.iter().map(of).max_by_key(rank).unwrap_or_default();
    let mut access = BTreeMap::new();
    for field in &form.fields {
        access.insert(FieldKey::from(&field.id), most(&|part| part.of(&field.id)));
        for column in &field.columns {
            let key = FieldKey::column(&field.id, &column.id);
            access.insert(key, most(&|part| part.of_column(&field.id, &column.id)));
        }
    }
    FieldAccess(access)
}

fn rank(access: &Access) -> u8 {
    match access {
        Access::Hide => 0,
        Access::Read => 1,
        Access::Edit => 2,
        Access::Require => 3,
    }
}
