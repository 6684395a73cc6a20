//! Blocks of a flow that are not approvals: cc, forks, delays, triggers, sub-processes, routes.

use super::{Block, PersonRule};
use crate::condition::Group;
use crate::event::Decision;
use crate::form::FieldAccess;
use crate::ids::{FieldId, NodeId, TemplateId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// A node that tells people and goes on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Cc {
    /// Unique in the template.
    pub id: NodeId,
    /// The title people see.
    pub title: String,
    /// Who is told.
    pub people: Vec<PersonRule>,
    /// The initiator may name more people at submit (WPS `add_more_copyers`).
    #[serde(default)]
    pub allow_more: bool,
    /// What the people told see of the form; nobody may change anything here.
    #[serde(default, skip_serializing_if = "FieldAccess::is_empty")]
    pub fields: FieldAccess,
    /// Members we do not know, kept so that nothing is lost in a round trip.
    #[serde(flatten)]
    pub other: Map<String, Json>,
}

/// A fork of which exactly one lane is taken: the first, by ascending priority, whose condition holds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Branch {
    /// Unique in the template.
    pub id: NodeId,
    /// The title people see.
    #[serde(default)]
    pub title: String,
    /// At least one; exactly one of them is the default.
    pub lanes: Vec<Lane>,
    /// Members we do not know, kept so that nothing is lost in a round trip.
    #[serde(flatten)]
    pub other: Map<String, Json>,
}

/// One way through a branch.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Lane {
    /// Unique in the template, among nodes too.
    pub id: NodeId,
    /// The title people see.
    #[serde(default)]
    pub title: String,
    /// Lanes are tried from the lowest number up; the default lane is last whatever its number.
    #[serde(default)]
    pub priority: i64,
    /// When the lane is taken.
    pub when: When,
    /// What happens in it; may be empty.
    #[serde(default)]
    pub blocks: Vec<Block>,
    /// Members we do not know, kept so that nothing is lost in a round trip.
    #[serde(flatten)]
    pub other: Map<String, Json>,
}

/// A fork of which several lanes are taken at the same time; the way goes on when all of them are done (semantics B11).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Parallel {
    /// Unique in the template.
    pub id: NodeId,
    /// The title people see.
    #[serde(default)]
    pub title: String,
    /// Which lanes are taken.
    #[serde(default)]
    pub take: Take,
    /// What a rejection in a lane does.
    #[serde(default)]
    pub on_reject: LaneReject,
    /// At least two. Under `Take::Matching` exactly one of them is the default.
    pub lanes: Vec<Lane>,
    /// Members we do not know, kept so that nothing is lost in a round trip.
    #[serde(flatten)]
    pub other: Map<String, Json>,
}

/// Which lanes of a fork are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// All of them, whatever their conditions: 并行.
    #[default]
    All,
    /// Each whose condition holds, or the default lane: 包容.
    Matching,
}

/// What a rejection in a lane does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneReject {
    /// The instance is rejected.
    #[default]
    EndInstance,
    /// It is the lane's result, which conditions can ask for (`Subject::Lane`); the way goes on.
    Collect,
    /// The rows this branch runs for are taken out of the table; where none is left, the instance is rejected. With
    /// `Each` over a table only.
    DropRows,
}

/// The same blocks once for each element of a list, at the same time (semantics B11).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Each {
    /// Unique in the template.
    pub id: NodeId,
    /// The title people see.
    #[serde(default)]
    pub title: String,
    /// The list: a `Contact`, `Department`, `MultiSelect` or `Table` control.
    pub list: FieldId,
    /// A column of the table: rows with the same value there go together; absent: each row by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_by: Option<FieldId>,
    /// What a rejection of one element does.
    #[serde(default)]
    pub on_reject: LaneReject,
    /// What happens for each.
    pub blocks: Vec<Block>,
    /// Members we do not know, kept so that nothing is lost in a round trip.
    #[serde(flatten)]
    pub other: Map<String, Json>,
}

/// A node that does something by itself.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Trigger {
    /// Unique in the template.
    pub id: NodeId,
    /// The title people see.
    pub title: String,
    /// What it does.
    pub action: TriggerAction,
    /// What it does cannot be undone: nobody takes back a decision before it (semantics B9).
    #[serde(default)]
    pub irreversible: bool,
    /// Members we do not know, kept so that nothing is lost in a round trip.
    #[serde(flatten)]
    pub other: Map<String, Json>,
}

/// What a trigger does.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TriggerAction {
    /// Calls a webhook and goes on.
    Call {
        /// Where.
        url: String,
    },
    /// Calls a webhook and waits until it answers through the signed address it is given.
    CallAndWait {
        /// Where.
        url: String,
        /// Fields the answer may set.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        sets: Vec<FieldId>,
        /// Minutes it may take; after them the node is rejected. Absent: as long as it takes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        within: Option<u32>,
    },
    /// Sets form fields to what formulas of the expression language say.
    SetFields(Vec<SetField>),
}

/// A field and what it is set to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetField {
    /// Which.
    pub field: FieldId,
    /// A formula.
    pub formula: String,
}

/// A node that begins an instance of another template.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SubProcess {
    /// Unique in the template.
    pub id: NodeId,
    /// The title people see.
    pub title: String,
    /// Of which template; its current version is taken.
    pub template: TemplateId,
    /// Its fields, and which of ours they are filled with.
    #[serde(default)]
    pub fill: BTreeMap<FieldId, FieldId>,
    /// Whether it is waited for.
    #[serde(default)]
    pub wait: ChildWait,
    /// Members we do not know, kept so that nothing is lost in a round trip.
    #[serde(flatten)]
    pub other: Map<String, Json>,
}

/// Whether the instance a sub-process begins is waited for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ChildWait {
    /// It goes on by itself.
    Detached,
    /// The way goes on when it has ended.
    Until {
        /// Our fields, and which of its they are filled with then.
        #[serde(default)]
        take: BTreeMap<FieldId, FieldId>,
        /// What a rejection, withdrawal or termination of it does.
        #[serde(default)]
        on_reject: ChildReject,
    },
}

impl Default for ChildWait {
    fn default() -> Self {
        ChildWait::Until { take: BTreeMap::new(), on_reject: ChildReject::default() }
    }
}

/// What the rejection of a sub-process does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChildReject {
    /// The node is rejected.
    #[default]
    Reject,
    /// It is the node's result, which conditions can ask for (`Subject::Lane`); the way goes on.
    Collect,
}

/// A node that sends the token back to a node it has passed, as long as a condition holds (semantics B11).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Route {
    /// Unique in the template.
    pub id: NodeId,
    /// The title people see.
    pub title: String,
    /// A block before it, in the same list or in one around it.
    pub to: NodeId,
    /// When: one of these groups holds.
    pub when: Vec<Group>,
    /// Members we do not know, kept so that nothing is lost in a round trip.
    #[serde(flatten)]
    pub other: Map<String, Json>,
}

/// A node that decides by itself.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Auto {
    /// Unique in the template.
    pub id: NodeId,
    /// The title people see.
    pub title: String,
    /// What.
    pub outcome: Decision,
    /// Members we do not know, kept so that nothing is lost in a round trip.
    #[serde(flatten)]
    pub other: Map<String, Json>,
}

/// When a lane is taken.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// No other lane was.
    Default,
    /// One of these groups holds.
    AnyOf(Vec<Group>),
}
