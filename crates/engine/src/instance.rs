//! An instance is data: where its tokens stand, who was asked, what they said. Only `apply` changes it.
//!
//! It is read and written with every command, so its JSON is short: times are microseconds since 1970, and what is
//! absent is left out. History, which people read, has times in words.

mod apply;
mod broken;

use crate::approvers::{Found, Why};
use crate::form::{FileRef, FormData};
use crate::ids::{DepartmentId, InstanceId, NodeId, SlotId, TemplateId, TokenId, UserId, VisitId};
use crate::template::Mode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One request on its way through one template version.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// The template it follows.
    pub template: TemplateId,
    /// The version it is pinned to.
    pub template_version: u32,
    /// Counts accepted commands; 0 before the submission. Equals `seq` of the last history entry.
    pub version: u64,
    /// What people see in lists.
    pub title: String,
    /// Its serial number, where the template numbers its instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Who asks.
    pub initiator: UserId,
    /// In which of his departments he asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<DepartmentId>,
    /// What he asks. Shared, since it is by far the greatest part and each decision is made on a copy.
    pub form: Arc<FormData>,
    /// Whom he picked, by node.
    pub picks: BTreeMap<NodeId, Vec<UserId>>,
    /// Where it stands as a whole.
    pub status: Status,
    /// When it was submitted.
    #[serde(
        default,
        with = "jiff::fmt::serde::timestamp::microsecond::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub submitted_at: Option<Timestamp>,
    /// When it ended.
    #[serde(
        default,
        with = "jiff::fmt::serde::timestamp::microsecond::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub ended_at: Option<Timestamp>,
    /// Positions in the flow (semantics B0).
    pub tokens: Vec<Token>,
    /// Activations of nodes, in the order they happened (semantics B0).
    pub visits: Vec<Visit>,
    /// Lanes taken, in order.
    pub lanes: Vec<LaneTaken>,
    /// Who was told.
    pub cc: Vec<CcEntry>,
    /// What people said beside their decisions.
    pub comments: Vec<Comment>,
    /// Oddities of the data met on the way, such as a circle in the department tree.
    pub warnings: Vec<String>,
}

impl Instance {
    /// An instance that nothing has happened to yet.
    pub fn draft(id: InstanceId, template: TemplateId, version: u32, initiator: UserId) -> Self {
        Self {
            id,
            template,
            template_version: version,
            version: 0,
            title: String::new(),
            serial: None,
            initiator,
            department: None,
            form: Arc::default(),
            picks: BTreeMap::new(),
            status: Status::Draft,
            submitted_at: None,
            ended_at: None,
            tokens: Vec::new(),
            visits: Vec::new(),
            lanes: Vec::new(),
            cc: Vec::new(),
            comments: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The visit with this id.
    pub fn visit(&self, id: VisitId) -> Option<&Visit> {
        self.visits.get(id.0 as usize)
    }

    /// The slot with this id, and its visit.
    pub fn slot(&self, id: SlotId) -> Option<(&Visit, &Slot)> {
        self.visits
            .iter()
            .find_map(|visit| visit.slots.iter().find(|slot| slot.id == id).map(|slot| (visit, slot)))
    }

    /// Slots somebody can decide now, with their visits.
    pub fn pending(&self) -> impl Iterator<Item = (&Visit, &Slot)> {
        self.visits.iter().filter(|visit| visit.state == VisitState::Open).flat_map(|visit| {
            visit.slots.iter().filter(|slot| slot.state == SlotState::Pending).map(move |slot| (visit, slot))
        })
    }

    /// Somebody decided something himself.
    pub fn has_decision(&self) -> bool {
        self.visits.iter().flat_map(|visit| &visit.slots).any(|slot| slot.decided.is_some())
    }
}

/// Where an instance stands as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not submitted yet.
    Draft,
    /// Somebody is asked.
    Running,
    /// Ended: yes.
    Approved,
    /// Ended: no.
    Rejected,
    /// Ended by the initiator.
    Withdrawn,
    /// Stopped because nobody can be asked; an administrator has to act.
    Suspended,
}

impl Status {
    /// Nothing more will happen.
    pub fn is_ended(self) -> bool {
        match self {
            Status::Approved | Status::Rejected | Status::Withdrawn => true,
            Status::Draft | Status::Running | Status::Suspended => false,
        }
    }
}

/// The position of the instance in one branch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Token {
    /// Its number.
    pub id: TokenId,
    /// The token it was forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<TokenId>,
    /// Whether it still moves.
    pub state: TokenState,
}

/// Whether a token still moves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenState {
    /// It stands at a node or is on its way.
    Live,
    /// It reached the end of the flow.
    Finished,
    /// It was taken away by a rejection, a withdrawal or another end.
    Cancelled,
}

/// One activation of a node by a token.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Visit {
    /// Its number.
    pub id: VisitId,
    /// Whose.
    pub token: TokenId,
    /// Where.
    pub node: NodeId,
    /// The first time round is 1.
    pub round: u32,
    /// Level of a chain, from 1; 0 where the node has no levels.
    pub level: u32,
    /// How its people decide together.
    pub mode: Mode,
    /// The places to decide, in order.
    pub slots: Vec<Slot>,
    /// Levels of the chain that come after this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upcoming: Vec<Vec<Found>>,
    /// What became of it.
    pub state: VisitState,
    /// When it was opened.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub opened_at: Timestamp,
    /// When it was closed.
    #[serde(
        default,
        with = "jiff::fmt::serde::timestamp::microsecond::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub closed_at: Option<Timestamp>,
}

/// What became of a visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VisitState {
    /// People are asked.
    Open,
    /// They said yes.
    Passed,
    /// They said no.
    Rejected,
    /// Passed without asking anybody.
    AutoApproved,
    /// Rejected without asking anybody.
    AutoRejected,
    /// Taken away before the end.
    Cancelled,
}

/// One place to decide inside a visit. Whoever it is given to, it stays the same slot.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Slot {
    /// Its number, through all visits.
    pub id: SlotId,
    /// Whom the rules chose.
    pub owner: UserId,
    /// Who is asked now.
    pub assignee: UserId,
    /// Why he.
    pub why: Why,
    /// What became of it.
    pub state: SlotState,
    /// When he could first decide.
    #[serde(
        default,
        with = "jiff::fmt::serde::timestamp::microsecond::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub pending_at: Option<Timestamp>,
    /// Who decided, when and with which words; absent where nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
}

/// A decision somebody made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decided {
    /// Who made it: the assignee, or somebody who stood in for him.
    pub by: UserId,
    /// When.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub at: Timestamp,
    /// In which words; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

/// What became of a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotState {
    /// Not his turn yet.
    Queued,
    /// He can decide.
    Pending,
    /// He said yes.
    Approved,
    /// He said no.
    Rejected,
    /// Counts as yes without having been asked.
    Auto(AutoReason),
    /// The visit was decided without him.
    NotNeeded,
    /// Taken out of the visit before he could be asked: he left, or he is the initiator and the node excludes him.
    Removed,
    /// Went away with its visit.
    Cancelled,
}

impl SlotState {
    /// It may still be decided.
    pub fn is_open(self) -> bool {
        match self {
            SlotState::Queued | SlotState::Pending => true,
            SlotState::Approved
            | SlotState::Rejected
            | SlotState::Auto(_)
            | SlotState::NotNeeded
            | SlotState::Removed
            | SlotState::Cancelled => false,
        }
    }
}

/// Why a slot counts as approved without a question.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutoReason {
    /// The initiator's own slot.
    SelfSkip,
    /// He approved this instance before.
    Duplicate {
        /// Where.
        slot: SlotId,
    },
}

/// A lane taken, kept for drawing the path.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LaneTaken {
    /// Whose way.
    pub token: TokenId,
    /// At which branch.
    pub branch: NodeId,
    /// Which lane.
    pub lane: NodeId,
}

/// A person who was told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CcEntry {
    /// Who.
    pub user: UserId,
    /// At which node; absent for people told at submit or at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// When.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub at: Timestamp,
    /// When he first opened it.
    #[serde(
        default,
        with = "jiff::fmt::serde::timestamp::microsecond::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub read_at: Option<Timestamp>,
}

/// Words beside the decisions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Comment {
    /// Who.
    pub by: UserId,
    /// When.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub at: Timestamp,
    /// What.
    pub text: String,
    /// Who should read it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    /// Files that belong to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<FileRef>,
}
