//! What a reader sees of an object: what it says, what is asked for, who may do what about it. Shared by our own API and
//! the CRM surface.

use super::{Action, Person, allowed_actions, read_task_id};
use crate::app::entities::HiddenFields;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;
use uuid::Uuid;
use zhupi_engine::entity::{EntityType, FieldChange, Run, merge, value};
use zhupi_engine::ids::UserId;
use zhupi_engine::{Directory, Instance, Status, Template};
use zhupi_store::{EntityEntry, EntityRow, RunRow, TriggerRow};

/// What the reader may do about an approval of an object now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, ToSchema)]
pub struct EntityFlags {
    /// Approve, being asked himself.
    pub can_approve: bool,
    /// Withdraw.
    pub can_cancel: bool,
    /// Decide in somebody else's place.
    pub can_substitute: bool,
    /// Reject.
    pub can_reject: bool,
    /// Ask again for what came to nothing.
    pub can_resubmit: bool,
}

impl EntityFlags {
    /// The engine is asked, so that a flag and its action cannot disagree.
    pub fn of(
        instance: &Instance,
        template: &Template,
        directory: &Directory,
        viewer: UserId,
        at: Timestamp,
    ) -> Self {
        let mut flags = Self::default();
        for allowed in allowed_actions(instance, template, directory, viewer, at) {
            let slot = allowed.task.as_deref().and_then(read_task_id).map(|(_, slot)| slot);
            let slot = slot.and_then(|slot| instance.slot(slot));
            let own = slot.is_some_and(|(_, slot)| slot.assignee == viewer);
            match allowed.action {
                Action::Approve if own => flags.can_approve = true,
                Action::Approve => flags.can_substitute = true,
                Action::Reject => flags.can_reject = true,
                Action::Withdraw => flags.can_cancel = true,
                Action::Abstain
                | Action::Return
                | Action::Claim
                | Action::Release
                | Action::Transfer
                | Action::Delegate
                | Action::GiveOpinion
                | Action::AddSign
                | Action::RemoveSign
                | Action::RemoveAdded
                | Action::TakeBack
                | Action::Resubmit
                | Action::Copy
                | Action::Urge
                | Action::Revoke
                | Action::Comment
                | Action::Tell
                | Action::MarkRead
                | Action::Intervene => {}
            }
        }
        flags
    }
}

/// An object as one person sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EntityView {
    pub entity_type: String,
    pub id: String,
    /// The text people know it by.
    pub title: String,
    /// Counts changes; the entity tag of the object.
    pub revision: i64,
    pub deleted: bool,
    /// What it says now.
    #[schema(value_type = Object)]
    pub data: Map<String, Json>,
    /// What people call its fields, where its sort does not say.
    #[schema(value_type = Object)]
    pub labels: Map<String, Json>,
    /// Its latest approval, and every other one that is open; the newest first.
    pub approvals: Vec<EntityApprovalView>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// An approval of an object.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EntityApprovalView {
    /// The instance.
    pub instance: Uuid,
    pub entity_type: String,
    pub entity_id: String,
    pub trigger: TriggerRef,
    /// `running`, `applied`, `dropped`, `reverted`, `rolled_back` or `conflict`.
    #[schema(value_type = String, example = "running")]
    pub state: Json,
    /// Where the instance stands.
    #[schema(value_type = String, example = "running")]
    pub status: Status,
    pub submitter: Person,
    #[schema(value_type = String, format = DateTime)]
    pub submitted_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub settled_at: Option<Timestamp>,
    /// What it asks for.
    pub changes: Vec<ChangeView>,
    /// What an administrator has to choose from; absent where there is no conflict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Vec<ThreeWay>>,
    #[serde(flatten)]
    pub flags: EntityFlags,
}

/// What started an approval.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TriggerRef {
    pub id: Uuid,
    pub name: String,
    /// `created`, `updated`, `deleted` or `stage_changed`.
    #[schema(value_type = String, example = "updated")]
    pub on: Json,
}

/// A field that is to change, or has.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChangeView {
    pub field: String,
    pub label: String,
    #[schema(value_type = Object)]
    pub old: Json,
    #[schema(value_type = Object)]
    pub new: Json,
}

/// A field of a conflict from all three sides.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ThreeWay {
    pub field: String,
    pub label: String,
    /// What the field said when the approval was asked for.
    #[schema(value_type = Object)]
    pub base: Json,
    /// What the approval brings.
    #[schema(value_type = Object)]
    pub ours: Json,
    /// What the field says now.
    #[schema(value_type = Object)]
    pub theirs: Json,
    /// Somebody has to choose; otherwise the field gets what the approval brings.
    pub in_conflict: bool,
}

/// One change of an object.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EntityHistoryEntry {
    /// The object's revision after it.
    pub revision: i64,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who told of it, asked for it or decided it.
    pub actor: Person,
    /// What happened: `created`, `changed`, `deleted` (without an approval); `asked`, `ahead`, `amended`, `applied`,
    /// `dropped`, `reverted`, `conflict`, `resolved` (by an approval).
    pub kind: &'static str,
    /// The instance it came from.
    pub instance: Option<Uuid>,
    /// What changed; of an entry that changes nothing: what is asked for.
    pub changes: Vec<ChangeView>,
}

/// An approval with everything needed to show it.
pub struct ApprovalFacts<'a> {
    pub sort: &'a EntityType,
    pub row: &'a EntityRow,
    pub run: &'a RunRow,
    pub rules: &'a TriggerRow,
    /// Fields that the reader does not see.
    pub hidden: &'a HiddenFields,
    pub instance: &'a Instance,
    pub directory: &'a Directory,
    pub flags: EntityFlags,
}

pub fn entity_view(row: EntityRow, approvals: Vec<EntityApprovalView>) -> EntityView {
    EntityView {
        entity_type: row.entity_type,
        id: row.id,
        title: row.title,
        revision: row.revision,
        deleted: row.deleted,
        data: row.data,
        labels: row.labels.into_iter().map(|(field, label)| (field, label.into())).collect(),
        approvals,
        created_at: super::moment(row.created_at),
        updated_at: super::moment(row.updated_at),
    }
}

pub fn approval_view(facts: &ApprovalFacts<'_>) -> EntityApprovalView {
    let ApprovalFacts { sort, row, run, rules, hidden, instance, directory, flags } = facts;
    let label = |field: &str| label_of(sort, row, field);
    EntityApprovalView {
        instance: run.instance.0,
        entity_type: run.entity_type.clone(),
        entity_id: run.entity_id.clone(),
        trigger: TriggerRef {
            id: rules.id,
            name: rules.trigger.name.clone(),
            on: serde_json::json!(run.run.on),
        },
        state: serde_json::json!(run.run.state),
        status: instance.status,
        submitter: Person::of(run.submitter, directory),
        submitted_at: super::moment(run.submitted_at),
        settled_at: run.settled_at.map(super::moment),
        changes: changes_view(&run.run.changes, hidden, label),
        conflict: three_ways(&run.run, row, hidden, label),
        flags: *flags,
    }
}

pub fn history_entry(
    (sort, row): (&EntityType, &EntityRow),
    entry: &EntityEntry,
    hidden: &HiddenFields,
    directory: &Directory,
) -> EntityHistoryEntry {
    EntityHistoryEntry {
        revision: entry.revision,
        at: super::moment(entry.at),
        actor: Person::of(entry.actor, directory),
        kind: entry.kind.as_str(),
        instance: entry.instance.map(|instance| instance.0),
        changes: changes_view(&entry.changes, hidden, |field| label_of(sort, row, field)),
    }
}

fn three_ways(
    run: &Run,
    row: &EntityRow,
    hidden: &HiddenFields,
    label: impl Fn(&str) -> String,
) -> Option<Vec<ThreeWay>> {
    let conflict = run.conflict.as_ref()?;
    let open = merge(&row.data, &conflict.changes).conflicts;
    let side = |change: &FieldChange| ThreeWay {
        field: change.field.clone(),
        label: label(&change.field),
        base: change.old.clone(),
        ours: change.new.clone(),
        theirs: value(&row.data, &change.field).clone(),
        in_conflict: open.iter().any(|it| it.field == change.field),
    };
    Some(conflict.changes.iter().filter(|it| !hidden.contains(&it.field)).map(side).collect())
}

fn changes_view(
    changes: &[FieldChange],
    hidden: &HiddenFields,
    label: impl Fn(&str) -> String,
) -> Vec<ChangeView> {
    let view = |change: &FieldChange| ChangeView {
        field: change.field.clone(),
        label: label(&change.field),
        old: change.old.clone(),
        new: change.new.clone(),
    };
    changes.iter().filter(|it| !hidden.contains(&it.field)).map(view).collect()
}

fn label_of(sort: &EntityType, row: &EntityRow, field: &str) -> String {
    row.labels.get(field).cloned().unwrap_or_else(|| sort.label(field).to_owned())
}
