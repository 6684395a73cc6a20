//! How long a node may take and what happens then (semantics B13).

use crate::ids::{FieldId, NodeId, UserId};
use serde::{Deserialize, Serialize};

/// The time limit of a node.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deadline {
    /// What semantics B13 has as default: a reminder after 24 working hours, then each working day, five at most.
    #[default]
    Usual,
    /// None: nobody is reminded.
    None,
    /// Its own.
    Own(Limit),
}

/// A time limit with what happens around it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// When the time is up. Fixed when the visit opens.
    pub due: Due,
    /// What happens before, at and after it, in this order where they fall on one moment.
    pub actions: Vec<TimeoutAction>,
}

/// When a time is up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Due {
    /// So many minutes of working time after the visit opened, on the business calendar.
    Working(u32),
    /// So many minutes after the visit opened.
    Elapsed(u32),
    /// At the date of a `Date` control, or the first day of a `DateRange`, and so many minutes after (or, negative, before).
    Field {
        /// Which control.
        field: FieldId,
        /// Minutes to add.
        #[serde(default)]
        offset: i32,
    },
    /// When a formula of the form's expression language says: it yields a date.
    Formula(String),
}

/// Something that happens by the clock.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeoutAction {
    /// Minutes after the time is up; negative: before.
    #[serde(default)]
    pub after: i32,
    /// Those minutes are working time.
    #[serde(default)]
    pub working: bool,
    /// What happens.
    pub what: TimeoutWhat,
}

/// What happens when the time is up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TimeoutWhat {
    /// Everybody who is asked is reminded, and again.
    Remind {
        /// How often in all.
        times: u32,
        /// Minutes between two reminders.
        every: u32,
        /// Those minutes are working time.
        #[serde(default)]
        working: bool,
        /// Their supervisors are told too.
        #[serde(default)]
        tell_supervisor: bool,
    },
    /// Each open slot goes to the supervisor of whoever is asked.
    HandToSupervisor,
    /// Each open slot goes to the one who stands in for whoever is asked, if somebody does.
    HandToSubstitute,
    /// The open slots go to these people, one slot each in turn.
    HandTo(Vec<UserId>),
    /// Everybody who has not decided counts as having approved.
    AutoApprove,
    /// Everybody who has not decided counts as having rejected.
    AutoReject,
    /// Back to the initiator.
    ReturnToInitiator,
    /// The token goes on at this node, which lies in the same list of blocks or around it.
    Jump(NodeId),
}

/// What happens when the time is up, in a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeoutKind {
    /// People are reminded.
    Remind,
    /// Their supervisors get it.
    HandToSupervisor,
    /// Those who stand in for them get it.
    HandToSubstitute,
    /// Certain people get it.
    HandTo,
    /// It counts as approved.
    AutoApprove,
    /// It counts as rejected.
    AutoReject,
    /// It goes back to the initiator.
    ReturnToInitiator,
    /// It goes on elsewhere.
    Jump,
}

impl TimeoutWhat {
    /// In a word.
    pub fn kind(&self) -> TimeoutKind {
        match self {
            TimeoutWhat::Remind { .. } => TimeoutKind::Remind,
            TimeoutWhat::HandToSupervisor => TimeoutKind::HandToSupervisor,
            TimeoutWhat::HandToSubstitute => TimeoutKind::HandToSubstitute,
            TimeoutWhat::HandTo(_) => TimeoutKind::HandTo,
            TimeoutWhat::AutoApprove => TimeoutKind::AutoApprove,
            TimeoutWhat::AutoReject => TimeoutKind::AutoReject,
            TimeoutWhat::ReturnToInitiator => TimeoutKind::ReturnToInitiator,
            TimeoutWhat::Jump(_) => TimeoutKind::Jump,
        }
    }
}

/// How long a delay node waits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delay {
    /// Unique in the template.
    pub id: NodeId,
    /// The title people see.
    pub title: String,
    /// Until when.
    pub until: Due,
}
