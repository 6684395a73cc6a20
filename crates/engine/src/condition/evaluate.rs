//! Whether conditions hold, and what they saw.

use super::Group;
use crate::directory::Directory;
use crate::form::FormData;
use crate::ids::{DepartmentId, UserId};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What conditions look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The values now.
    pub form: &'a FormData,
    /// Who submitted.
    pub initiator: UserId,
    /// The department he chose.
    pub department: Option<DepartmentId>,
    /// The day of evaluation in the workspace's time zone.
    pub today: Date,
    /// The people.
    pub directory: &'a Directory,
}

/// What became of OR-ed groups: kept as the reason of a lane.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct GroupsOutcome {
    /// At least one group held.
    pub holds: bool,
    /// Each group up to the first that held; in each, the conditions up to the first that failed.
    pub groups: Vec<Vec<ConditionOutcome>>,
}

/// What became of one condition.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ConditionOutcome {
    /// Whether it held.
    pub holds: bool,
    /// The value it saw, for people; absent where there was none.
    pub saw: Option<String>,
}

/// Whether one of the groups holds.
pub fn evaluate_groups(_groups: &[Group], _facts: &Facts<'_>) -> GroupsOutcome {
    unimplemented!()
}
