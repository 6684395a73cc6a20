//! The controls of a form with their values, as programs and as people read them, as far as their reader sees them.

use crate::app::access::may_manage;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use zhupi_engine::decide::access_at;
use zhupi_engine::form::{
    Access, Field, FieldAccess, FieldKey, FieldKind, FieldState, Form, FormData, field_states, readable,
    to_plain, visible_values,
};
use zhupi_engine::ids::{FieldId, UserId};
use zhupi_engine::instance::SlotState;
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
/// everything.
pub fn access_of(
    instance: &Instance,
    template: &Template,
    directory: &Directory,
    viewer: UserId,
) -> FieldAccess {
    let reads_all = instance.initiator == viewer || may_manage(&template.settings, directory, viewer);
    let mut parts = if reads_all { vec![FieldAccess::default()] } else { told(instance, template, viewer) };
    for visit in &instance.visits {
        let own = |slot: &&zhupi_engine::instance::Slot| {
            slot.owner == viewer
                || slot.assignee == viewer
                || slot.decided.as_ref().is_some_and(|decided| decided.by == viewer)
        };
        let mut slots = visit.slots.iter().filter(own).peekable();
        if slots.peek().is_none() {
            continue;
        }
        let access = access_at(template, instance, visit.id);
        let asked = slots.any(|slot| slot.state == SlotState::Pending && slot.assignee == viewer);
        parts.push(if asked { access } else { read_only(access) });
    }
    together(&template.form, &parts)
}

/// As somebody who was told.
fn told(instance: &Instance, template: &Template, viewer: UserId) -> Vec<FieldAccess> {
    let at_node = |entry: &zhupi_engine::instance::CcEntry| match entry
        .node
        .as_ref()
        .and_then(|node| template.block(node))
    {
        Some(Block::Cc(node)) => read_only(node.fields.clone()),
        Some(_) | None => FieldAccess::default(),
    };
    let mut parts: Vec<_> = instance.cc.iter().filter(|entry| entry.user == viewer).map(at_node).collect();
    if instance.comments.iter().any(|comment| comment.mentions.contains(&viewer)) {
        parts.push(FieldAccess::default());
    }
    parts
}

fn read_only(access: FieldAccess) -> FieldAccess {
    FieldAccess(access.0.into_iter().filter(|(_, access)| *access == Access::Hide).collect())
}

/// Of several parts the one that allows most, control by control. Nobody's part: everything may be read.
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
