//! One approval of an object: what it asks for, and what its end does to the object. Everything is done at most once,
//! since what has been settled is never settled again.

use super::{Apply, Data, FieldChange, Hook, OnRevoke, Refusal, Timing, Trigger, diff, lay, merge, value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an object is, as far as approvals change it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Entity {
    /// What it says.
    pub data: Data,
    /// It is gone.
    pub deleted: bool,
}

/// One approval of an object.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Run {
    /// What started it.
    pub on: Timing,
    /// When its change reaches the object.
    #[serde(default)]
    pub apply: Apply,
    /// What it asks for, each with what the field said when that was asked. Of a new object: what it was made with.
    #[serde(default)]
    pub changes: Vec<FieldChange>,
    /// How far it is.
    pub state: RunState,
    /// What is to be reached where somebody has to settle a conflict first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
}

/// How far an approval of an object is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// People are asked.
    Running,
    /// What it asked for is in the object.
    Applied,
    /// Nothing came of it.
    Dropped,
    /// What was in the object already was taken back.
    Reverted,
    /// What it had brought was taken back after it was revoked.
    RolledBack,
    /// It has ended, but the object says something else by now; an administrator has to choose.
    Conflict,
}

impl RunState {
    /// Another one of the same trigger may not begin yet.
    pub fn is_open(self) -> bool {
        match self {
            RunState::Running | RunState::Conflict => true,
            RunState::Applied | RunState::Dropped | RunState::Reverted | RunState::RolledBack => false,
        }
    }
}

/// Changes that wait for somebody to choose.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Conflict {
    /// How the approval ended.
    pub end: End,
    /// What it comes to when they are in the object.
    pub goal: RunState,
    /// All of them: `old` is what they are based on, `new` is what they bring.
    pub changes: Vec<FieldChange>,
}

/// How an approval ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Yes.
    Approved,
    /// No.
    Rejected,
    /// It was taken back, or ended by an administrator.
    Withdrawn,
    /// It had been approved, and no longer is.
    Revoked,
}

/// What an end comes to.
#[derive(Clone, PartialEq, Debug)]
pub struct Settled {
    /// The object after it.
    pub entity: Entity,
    /// The approval after it.
    pub run: Run,
    /// What changed in the object.
    pub changes: Vec<FieldChange>,
}

/// What the end of an approval does to its object. `None`: nothing, since it has been settled before or the trigger keeps
/// what a revoked approval brought.
pub fn settle(entity: &Entity, run: &Run, end: End, trigger: &Trigger) -> Option<Settled> {
    let is_change = matches!(run.on, Timing::Updated | Timing::StageChanged);
    let (goal, wanted, deleted) = match (end, run.state) {
        (End::Approved, RunState::Running) if is_change && entity.deleted => {
            (RunState::Dropped, vec![], None)
        }
        (End::Approved, RunState::Running) if is_change && run.apply == Apply::Staged => {
            (RunState::Applied, run.changes.clone(), None)
        }
        (End::Approved, RunState::Running) => {
            (RunState::Applied, vec![], (run.on == Timing::Deleted).then_some(true))
        }
        (End::Rejected | End::Withdrawn, RunState::Running)
            if is_change && run.apply == Apply::ThenRevert =>
        {
            (RunState::Reverted, reversed(&run.changes), None)
        }
        (End::Rejected | End::Withdrawn, RunState::Running) => (RunState::Dropped, vec![], None),
        // What waits to be settled is not brought in any more.
        (End::Revoked, RunState::Conflict) => (RunState::Dropped, vec![], None),
        (End::Revoked, RunState::Applied) if trigger.on_revoke == OnRevoke::RollBack => match run.on {
            Timing::Updated | Timing::StageChanged => (RunState::RolledBack, reversed(&run.changes), None),
            Timing::Created => (RunState::RolledBack, vec![], Some(true)),
            Timing::Deleted => (RunState::RolledBack, vec![], Some(false)),
        },
        (End::Approved | End::Rejected | End::Withdrawn | End::Revoked, _) => return None,
    };
    if !merge(&entity.data, &wanted).conflicts.is_empty() {
        let conflict = Some(Conflict { end, goal, changes: wanted });
        let run = Run { state: RunState::Conflict, conflict, ..run.clone() };
        return Some(Settled { entity: entity.clone(), run, changes: Vec::new() });
    }
    let mut settled = reach(entity, run, goal, &wanted, hook(trigger, goal, end));
    settled.entity.deleted = deleted.unwrap_or(entity.deleted);
    Some(settled)
}

fn hook(trigger: &Trigger, goal: RunState, end: End) -> Option<&Hook> {
    match (end, goal) {
        (End::Approved, RunState::Applied) => Some(&trigger.after.approved),
        (End::Rejected, _) => Some(&trigger.after.rejected),
        (End::Approved | End::Withdrawn | End::Revoked, _) => None,
    }
}

fn reversed(changes: &[FieldChange]) -> Vec<FieldChange> {
    changes.iter().map(FieldChange::reversed).collect()
}

fn reach(entity: &Entity, run: &Run, goal: RunState, wanted: &[FieldChange], hook: Option<&Hook>) -> Settled {
    let mut next = entity.clone();
    lay(&mut next.data, wanted);
    if let Some(hook) = hook {
        next.data.extend(hook.set.clone());
    }
    let changes = diff(&entity.data, &next.data);
    Settled { entity: next, run: Run { state: goal, conflict: None, ..run.clone() }, changes }
}

/// Whose value a field gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// What the approval brings.
    Ours,
    /// What the object says by now.
    Theirs,
}

/// What an administrator chooses where an approval and its object are in conflict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Choice {
    /// All that the approval brings.
    Ours,
    /// The object stays as it is; nothing comes of the approval.
    Theirs,
    /// Field by field. Fields that are not in conflict get what the approval brings unless said otherwise.
    Merge(BTreeMap<String, Side>),
}

/// Settles a conflict as chosen.
pub fn resolve(entity: &Entity, run: &Run, choice: &Choice, trigger: &Trigger) -> Result<Settled, Refusal> {
    let Some(conflict) = run.conflict.as_ref().filter(|_| run.state == RunState::Conflict) else {
        return Err(Refusal::NoConflict);
    };
    let wanted: Vec<FieldChange> = match choice {
        Choice::Ours => conflict.changes.clone(),
        Choice::Theirs => return Ok(reach(entity, run, RunState::Dropped, &[], None)),
        Choice::Merge(sides) => {
            let open = merge(&entity.data, &conflict.changes).conflicts;
            let open: Vec<String> =
                open.into_iter().map(|it| it.field).filter(|field| !sides.contains_key(field)).collect();
            if !open.is_empty() {
                return Err(Refusal::Undecided { fields: open });
            }
            let ours = |it: &&FieldChange| sides.get(&it.field).is_none_or(|side| *side == Side::Ours);
            conflict.changes.iter().filter(ours).cloned().collect()
        }
    };
    Ok(reach(entity, run, conflict.goal, &wanted, hook(trigger, conflict.goal, conflict.end)))
}

/// Further changes become part of what a running approval asks for. Gives the approval and, where its changes are in the
/// object already, the object after them.
pub fn amend(entity: &Entity, run: &Run, further: &[FieldChange]) -> (Entity, Run) {
    let (mut entity, mut run) = (entity.clone(), run.clone());
    for change in further {
        let old = match run.changes.iter().position(|it| it.field == change.field) {
            Some(place) => run.changes.remove(place).old,
            None => value(&entity.data, &change.field).clone(),
        };
        // Of a staged change nothing is left where it leads back to what the object says.
        if old != change.new || run.on == Timing::Created {
            run.changes.push(FieldChange { field: change.field.clone(), old, new: change.new.clone() });
        }
    }
    if run.on == Timing::Created || run.apply == Apply::ThenRevert {
        lay(&mut entity.data, further);
    }
    (entity, run)
}
