//! What happened. An event carries every fact needed to apply it, so that replay needs neither template nor directory.
//! The JSON of events is kept for ever: it only grows, and new members have defaults. A golden file guards it.

use crate::approvers::{Found, Why};
use crate::condition::GroupsOutcome;
use crate::form::{FileRef, FormData};
use crate::ids::{DepartmentId, NodeId, SlotId, TokenId, UserId, VisitId};
use crate::instance::{SlotState, Status, VisitState};
use crate::template::Mode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One thing that happened to an instance.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// Somebody asked.
    Submitted {
        /// When.
        at: Timestamp,
        /// What people see in lists.
        title: String,
        /// In which of his departments.
        department: Option<DepartmentId>,
        /// What.
        form: FormData,
        /// Whom he picked, by node.
        picks: BTreeMap<NodeId, Vec<UserId>>,
        /// Its serial number, where the template numbers its instances.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        serial: Option<String>,
    },
    /// A token began its way.
    TokenStarted {
        /// Its number.
        token: TokenId,
        /// The token it was forked from.
        parent: Option<TokenId>,
    },
    /// A branch was decided.
    LaneChosen {
        /// Whose way.
        token: TokenId,
        /// At which branch.
        branch: NodeId,
        /// Which lane.
        lane: NodeId,
        /// Each lane that was tried, in order, with what its conditions saw.
        tried: Vec<LaneTried>,
    },
    /// A token arrived at a node where people decide.
    VisitOpened {
        /// When.
        at: Timestamp,
        /// Its number.
        visit: VisitId,
        /// Whose.
        token: TokenId,
        /// Where.
        node: NodeId,
        /// The first time round is 1.
        round: u32,
        /// Level of a chain, from 1; 0 where the node has no levels.
        level: u32,
        /// How its people decide together.
        mode: Mode,
        /// The places to decide.
        slots: Vec<NewSlot>,
        /// Levels of the chain that come after this one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        upcoming: Vec<Vec<Found>>,
    },
    /// A queued slot's turn came.
    SlotTurned {
        /// When.
        at: Timestamp,
        /// Which.
        slot: SlotId,
    },
    /// A queued slot was taken out when its turn came, because its owner had left.
    SlotRemoved {
        /// Which.
        slot: SlotId,
    },
    /// Somebody decided.
    SlotDecided {
        /// When.
        at: Timestamp,
        /// Which slot.
        slot: SlotId,
        /// Who: the assignee, or somebody who stood in for him.
        by: UserId,
        /// What.
        decision: Decision,
        /// In which words.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        comment: String,
    },
    /// A visit came to its end; its open slots are closed with it.
    VisitClosed {
        /// When.
        at: Timestamp,
        /// Which.
        visit: VisitId,
        /// How.
        state: VisitState,
    },
    /// People were told.
    CcSent {
        /// When.
        at: Timestamp,
        /// At which node; absent at submit and at the end.
        node: Option<NodeId>,
        /// Who and why.
        people: Vec<Found>,
    },
    /// Somebody who was told opened it for the first time.
    CcRead {
        /// When.
        at: Timestamp,
        /// Who.
        user: UserId,
    },
    /// Somebody said something.
    Commented {
        /// When.
        at: Timestamp,
        /// Who.
        by: UserId,
        /// What.
        text: String,
        /// Who should read it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        mentions: Vec<UserId>,
        /// Files that belong to it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<FileRef>,
    },
    /// The data held an oddity worth an administrator's look.
    DataWarned {
        /// Which.
        warning: String,
    },
    /// A token reached the end of the flow.
    TokenFinished {
        /// Which.
        token: TokenId,
    },
    /// Nobody can be asked; an administrator has to act.
    Suspended {
        /// Whose way ends here.
        token: TokenId,
        /// Where.
        node: NodeId,
        /// Why.
        reason: String,
    },
    /// The instance ended.
    Ended {
        /// When.
        at: Timestamp,
        /// How: approved, rejected or withdrawn.
        status: Status,
        /// In which words; of a withdrawal.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
}

/// What somebody decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Yes.
    Approve,
    /// No.
    Reject,
}

/// A slot of a visit that is being opened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NewSlot {
    /// Its number.
    pub id: SlotId,
    /// Whom the rules chose.
    pub owner: UserId,
    /// Who is asked.
    pub assignee: UserId,
    /// Why he.
    pub why: Why,
    /// How it begins: queued, pending or auto.
    pub state: SlotState,
}

/// A lane that was tried.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LaneTried {
    /// Which.
    pub lane: NodeId,
    /// Whether it held and what its conditions saw; absent for the default lane.
    pub outcome: Option<GroupsOutcome>,
}
