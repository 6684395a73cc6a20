//! Who is asked at a node: rules that yield people, and levels above a person.

use crate::condition::Scope;
use crate::ids::{DepartmentId, FieldId, GroupId, NodeId, RoleId, UserId};
use serde::{Deserialize, Serialize};

/// Who decides at a node.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approvers {
    /// The people of all these rules, each person once.
    People(Vec<PersonRule>),
    /// One level after the other, each a visit of its own (semantics B2.4).
    Chain(Chain),
}

/// A rule that yields people.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PersonRule {
    /// Named people.
    Members(Vec<UserId>),
    /// Whom the initiator picks at submit.
    InitiatorPick {
        /// More than one may be picked.
        #[serde(default)]
        many: bool,
        /// Who may be picked.
        #[serde(default)]
        among: Scope,
    },
    /// The person who submitted.
    Initiator,
    /// One supervisor on the reporting line.
    Supervisor(Level),
    /// The head of one department above.
    DepartmentHead(Level),
    /// Everybody who holds the role.
    Role(RoleId),
    /// Everybody in the group.
    Group(GroupId),
    /// The people in a `Contact` control.
    FormPerson(FieldId),
    /// Whom the approver of an earlier node picks when he approves.
    ApproverPick {
        /// At which node.
        at: NodeId,
        /// More than one may be picked.
        #[serde(default)]
        many: bool,
        /// Who may be picked.
        #[serde(default)]
        among: Scope,
    },
    /// The people of the element this branch runs for: itself, or a `Contact` column of its rows.
    Item {
        /// The column; absent: the element is a person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        column: Option<FieldId>,
    },
}

/// One level above a start (semantics B2.2, B2.3).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// 1 is the nearest. 0 means 1, kept raw so that an export returns what was imported.
    pub level: u8,
    /// Where counting begins.
    #[serde(default)]
    pub start: Start,
    /// When there are fewer levels.
    #[serde(default)]
    pub above_top: AboveTop,
    /// When the level has no active head.
    #[serde(default)]
    pub vacant: Vacant,
}

impl Level {
    /// Level `level` above the initiator, with the defaults of semantics B2.3.
    pub fn nth(level: u8) -> Self {
        Self { level, start: Start::default(), above_top: AboveTop::default(), vacant: Vacant::default() }
    }
}

/// Levels one after another (semantics B2.4).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// Along which tree.
    pub line: Line,
    /// Where the chain ends.
    pub end: ChainEnd,
    /// Where counting begins.
    #[serde(default)]
    pub start: Start,
    /// Who comes first.
    #[serde(default)]
    pub order: Order,
    /// How several heads of one level decide.
    #[serde(default)]
    pub heads: Heads,
}

/// The two trees above a person (semantics B2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// Person to supervisor.
    Supervisors,
    /// Department to parent department.
    DepartmentHeads,
}

/// Where a chain ends, itself included.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ChainEnd {
    /// So many levels above the start; 0: up to the top.
    Levels(u8),
    /// The level so many steps from the top; 1 is the top.
    FromTop(u8),
    /// The first person who holds the role.
    Role {
        /// The role.
        role: RoleId,
        /// When nobody on the line holds it.
        #[serde(default)]
        missing: AboveTop,
    },
    /// The head of this department.
    Department(DepartmentId),
    /// The first person whose approval limit reaches the amount in a `Money` or `Number` control.
    Limit(FieldId),
}

/// Where counting levels begins (semantics B2.2).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// The initiator, in the department he chose.
    #[default]
    Initiator,
    /// The first person in a `Contact` control, in his first department.
    FormPerson(FieldId),
    /// The first department in a `Department` control.
    FormDepartment(FieldId),
    /// The person or department this branch runs for.
    Item,
}

/// When there are fewer levels than asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AboveTop {
    /// The highest there is.
    #[default]
    Top,
    /// Nobody.
    Empty,
}

/// When a level has no active head.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vacant {
    /// The next level up that has one.
    #[default]
    Climb,
    /// Nobody.
    Empty,
}

/// Who of a chain comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The nearest.
    #[default]
    BottomUp,
    /// The highest.
    TopDown,
}

/// How several heads of one level decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heads {
    /// One is enough.
    #[default]
    Any,
    /// Each of them.
    All,
}
