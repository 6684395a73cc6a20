//! What starts an approval of an object, and what may be done with the object while it runs.

use super::{Data, EntityType, FieldChange, facts_of, plain, value};
use crate::condition::{Facts, Group, check_groups, evaluate_groups};
use crate::directory::Directory;
use crate::form::{Field, Form};
use crate::ids::{DepartmentId, FieldId, UserId};
use crate::problem::Problem;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// When an approval starts, and what holds while it runs and after it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Trigger {
    /// What people call it.
    pub name: String,
    /// At which moment of an object's life.
    pub on: Timing,
    /// Each time, or once for each object.
    #[serde(default)]
    pub odds: Odds,
    /// Only where one of these fields changes; empty: whichever does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub watch: Vec<String>,
    /// Of a change of stage: only to one of these; empty: to any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<String>,
    /// What must hold for the object as it is to be: one of the groups; none: nothing must.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filter: Vec<Group>,
    /// Fields the filter looks at that the sort does not describe, or describes otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// When the change reaches the object.
    #[serde(default)]
    pub apply: Apply,
    /// What may be changed while it runs.
    #[serde(default)]
    pub editable: Editable,
    /// Whether the object may be deleted while it runs.
    #[serde(default)]
    pub deletion: Deletion,
    /// What follows from its end.
    #[serde(default)]
    pub after: After,
    /// What follows when the approval is revoked after its end.
    #[serde(default)]
    pub on_revoke: OnRevoke,
    /// Which control of the approval's form gets which field; others get the field with their own id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub form: BTreeMap<FieldId, String>,
}

/// A moment of an object's life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// It was made.
    Created,
    /// Fields of it are to change.
    Updated,
    /// It is to be deleted.
    Deleted,
    /// It is to come to another stage.
    StageChanged,
}

/// How often a trigger starts for one object.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Odds {
    /// Each time.
    #[default]
    Always,
    /// The first time only.
    Once,
}

/// When an asked-for change reaches the object.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Apply {
    /// Once it is approved; until then the object says what it said.
    #[default]
    Staged,
    /// At once; it is taken back where it is refused or withdrawn.
    ThenRevert,
}

/// What may be changed while an approval runs.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Editable {
    /// In general.
    pub policy: Policy,
    /// With `only`: these fields.
    pub fields: Vec<String>,
    /// With `free`: a change of one of these needs a new approval; empty: any does.
    pub material: Vec<String>,
    /// What such a change leads to.
    pub on_material: OnMaterial,
}

/// What may be changed while an approval runs (S2 `editable`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Nothing.
    #[default]
    Cannot,
    /// The listed fields; the approval goes on.
    Only,
    /// Everything; changes of material fields have to be approved anew.
    Free,
}

/// What a change of a material field leads to while an approval runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnMaterial {
    /// The approval is withdrawn in the name of whoever changes, and asked for anew.
    #[default]
    Restart,
    /// The approval goes back to whoever asked, with the change in it; he sends it on.
    Return,
}

/// Whether an object may be deleted while an approval runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deletion {
    /// It may not.
    #[default]
    Forbidden,
    /// It may, and the approval is withdrawn in the name of whoever deletes.
    Withdraws,
}

/// What follows from the end of an approval.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct After {
    /// When it was approved.
    pub approved: Hook,
    /// When it was rejected.
    pub rejected: Hook,
}

/// What follows from an end.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Hook {
    /// Fields of the object that get these values.
    pub set: Data,
    /// The webhook that is told.
    pub webhook: Option<Uuid>,
}

/// What follows when an approval is revoked after its end (semantics B9).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnRevoke {
    /// The object stays as it is.
    #[default]
    Keep,
    /// What was approved is taken back.
    RollBack,
}

/// A change that was told of, with everything that triggers look at.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The sort of the object.
    pub sort: &'a EntityType,
    /// What was told: `Created`, `Updated` or `Deleted`. Whether the stage changes shows in the fields.
    pub told: Timing,
    /// The fields that change.
    pub changed: &'a [FieldChange],
    /// The object as it is to be.
    pub after: &'a Data,
    /// Who tells.
    pub by: UserId,
    /// In which department he stands.
    pub department: Option<DepartmentId>,
    /// The day in the workspace's time zone.
    pub today: Date,
    /// The people.
    pub directory: &'a Directory,
}

/// Whether a trigger starts at this change, leaving aside how often it has.
pub fn fires(trigger: &Trigger, scene: &Scene<'_>) -> bool {
    let changes = |field: &str| scene.changed.iter().any(|change| change.field == field);
    let timely = match trigger.on {
        Timing::Created | Timing::Deleted => trigger.on == scene.told,
        Timing::Updated => {
            scene.told == Timing::Updated
                && (trigger.watch.is_empty() || trigger.watch.iter().any(|it| changes(it)))
        }
        Timing::StageChanged => {
            let stage = scene.sort.stage_field.as_ref().filter(|field| changes(field.as_str()));
            scene.told == Timing::Updated
                && stage.is_some_and(|field| comes_to(&trigger.stages, scene.after, field))
        }
    };
    timely && holds(trigger, scene)
}

fn comes_to(stages: &[String], after: &Data, field: &FieldId) -> bool {
    stages.is_empty() || stages.contains(&plain(value(after, field.as_str())))
}

fn holds(trigger: &Trigger, scene: &Scene<'_>) -> bool {
    if trigger.filter.is_empty() {
        return true;
    }
    let fields = looked_at(trigger, scene.sort);
    let form = facts_of(&fields.iter().collect::<Vec<_>>(), scene.after);
    let facts = Facts {
        fields: &Form { fields },
        form: &form,
        instance: None,
        initiator: scene.by,
        department: scene.department,
        today: scene.today,
        directory: scene.directory,
    };
    evaluate_groups(&trigger.filter, &facts).holds
}

/// The fields a filter may look at: its own, and those of the sort that it does not describe otherwise.
fn looked_at(trigger: &Trigger, sort: &EntityType) -> Vec<Field> {
    let own = |id: &FieldId| trigger.fields.iter().any(|it| it.id == *id);
    let others = sort.fields.fields.iter().filter(|it| !own(&it.id));
    trigger.fields.iter().chain(others).cloned().collect()
}

/// What becomes of a change that arrives while an approval runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Judged {
    /// It may be made; the approval goes on.
    GoesOn,
    /// It may be made, and has to be approved anew.
    AskAgain(OnMaterial),
    /// These fields may not be changed now.
    Locked(Vec<String>),
}

/// What becomes of a change of these fields.
pub fn judge(editable: &Editable, changed: &[FieldChange]) -> Judged {
    let names = |pick: &dyn Fn(&String) -> bool| -> Vec<String> {
        changed.iter().map(|it| &it.field).filter(|it| pick(it)).cloned().collect()
    };
    let locked = match editable.policy {
        Policy::Cannot => names(&|_| true),
        Policy::Only => names(&|field| !editable.fields.contains(field)),
        Policy::Free => {
            let material = |field: &String| editable.material.is_empty() || editable.material.contains(field);
            let again = !names(&material).is_empty();
            return if again { Judged::AskAgain(editable.on_material) } else { Judged::GoesOn };
        }
    };
    if locked.is_empty() { Judged::GoesOn } else { Judged::Locked(locked) }
}

/// Everything wrong with a trigger for this sort of object.
pub fn check_trigger(trigger: &Trigger, sort: &EntityType) -> Vec<Problem> {
    let mut problems = Vec::new();
    if trigger.name.trim().is_empty() || trigger.name.chars().count() > 120 {
        problems.push(Problem::error("name", "name_length", "a name has 1 to 120 characters"));
    }
    if trigger.on == Timing::StageChanged && sort.stage_field.is_none() {
        let message = format!("`{}` has no stage", sort.name);
        problems.push(Problem::error("on", "stage_missing", message));
    }
    if trigger.on == Timing::Created && trigger.apply == Apply::ThenRevert {
        let message = "a new object is there from the beginning; only changes can be applied first";
        problems.push(Problem::warning("apply", "apply_unused", message));
    }
    let form = Form { fields: looked_at(trigger, sort) };
    if !trigger.filter.is_empty() {
        check_groups(&trigger.filter, &form, "filter", &mut problems);
    }
    let hooks = [&trigger.after.approved, &trigger.after.rejected];
    let set = hooks.iter().flat_map(|hook| hook.set.keys());
    let named = [("watch", &trigger.watch), ("editable.fields", &trigger.editable.fields)];
    let named = named.into_iter().chain([("editable.material", &trigger.editable.material)]);
    let named = named.flat_map(|(path, fields)| fields.iter().map(move |field| (path, field)));
    for (path, field) in named.chain(set.map(|field| ("after", field))) {
        if sort.strict && !sort.fields.fields.iter().any(|it| it.id.as_str() == field) {
            let message = format!("`{}` has no field `{field}`", sort.name);
            problems.push(Problem::error(path, "field_unknown", message));
        }
    }
    problems
}
