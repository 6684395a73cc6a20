//! The likely path of a submission, found by deciding on a draft as if everybody approved (semantics B14).

use crate::approvers::{Found, Why};
use crate::condition::GroupsOutcome;
use crate::ids::{NodeId, UserId};
use crate::instance::{Status, VisitState};
use crate::template::{Mode, Template};
use crate::{Directory, Rejection, Submit};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The likely path.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Preview {
    /// What would happen, in order.
    pub steps: Vec<Step>,
    /// How it would end.
    pub ends: Status,
    /// SHA-256 over `steps`, in hex: a submission may name the preview its initiator saw.
    pub hash: String,
}

/// One thing on the likely path.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Step {
    /// People decide.
    Approval {
        /// Where.
        node: NodeId,
        /// Its title.
        title: String,
        /// Level of a chain, from 1; 0 where the node has no levels.
        level: u32,
        /// How they decide together.
        mode: Mode,
        /// Who, and why.
        people: Vec<PreviewPerson>,
        /// `Open` where people will be asked, else what happens without them.
        state: VisitState,
        /// What is not known yet.
        uncertain: Vec<Uncertain>,
    },
    /// People are told.
    Cc {
        /// Where; absent at submit and at the end.
        node: Option<NodeId>,
        /// Its title.
        title: String,
        /// Who, and why.
        people: Vec<Found>,
    },
    /// A branch is decided.
    Lane {
        /// At which branch.
        branch: NodeId,
        /// Which lane.
        lane: NodeId,
        /// Its title.
        title: String,
        /// What its conditions saw; absent for the default lane.
        outcome: Option<GroupsOutcome>,
    },
}

/// A person on the likely path.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PreviewPerson {
    /// Who.
    pub user: UserId,
    /// His name.
    pub name: String,
    /// Why he.
    pub why: Why,
    /// Why he will not be asked, if so.
    pub auto: Option<crate::instance::AutoReason>,
}

/// What is not known yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uncertain {
    /// The initiator has still to pick somebody.
    PickMissing,
}

/// The likely path of a submission. Required values and picks may still be missing.
pub fn preview(
    _template: &Template,
    _directory: &Directory,
    _initiator: UserId,
    _submit: &Submit,
    _at: Timestamp,
) -> Result<Preview, Rejection> {
    unimplemented!()
}
