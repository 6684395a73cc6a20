//! The likely path of a submission, found by deciding on a draft as if everybody approved, or as somebody assumes
//! (semantics B14). What may be assumed: `preview/assumptions.rs`. Where two paths differ: `preview/difference.rs`. How
//! events become steps: `preview/steps.rs`; what of them is uncertain: `preview/open.rs`.

mod assumptions;
mod difference;
mod open;
mod steps;

pub use assumptions::{ASSUMED_LIMIT, Assumed, AssumedAct, Assumptions, check_assumptions};
pub use difference::{PathChange, PathDifference, path_differences};
pub(crate) use difference::{differences, marks};

use crate::approvers::{Found, Why};
use crate::command::{Outside, ReturnTo};
use crate::condition::GroupsOutcome;
use crate::decide::{Draft, Purpose, begin, check_request, go_ahead, play};
use crate::event::{Event, ResumeWay};
use crate::ids::{FieldId, NodeId, TemplateId, UserId};
use crate::instance::{AutoReason, Instance, Item, SlotState, Status, VisitKind, VisitState};
use crate::problem::Problem;
use crate::template::{Mode, Template, TimeoutKind};
use crate::{Directory, Rejection, Submit};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The likely path.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Preview {
    /// What would happen, in order.
    pub steps: Vec<Step>,
    /// How it would end.
    pub ends: Status,
    /// The node at which nobody can be asked and the path stops, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stops_at: Option<NodeId>,
    /// The fingerprint of `steps`: a submission may name the preview its initiator saw, see [`path_differences`]. When
    /// something happens is no part of it.
    pub hash: String,
    /// What was assumed and did not happen, and why; paths as of [`check_assumptions`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmet: Vec<Problem>,
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
        /// What they are asked to do: decide, carry something out, or claim it first.
        asks: VisitKind,
        /// How they decide together.
        mode: Mode,
        /// Who, and why.
        people: Vec<PreviewPerson>,
        /// `Open` where people will be asked, else what happens without them.
        state: VisitState,
        /// What it comes to as things are assumed.
        comes_to: VisitState,
        /// The time limit, if it were reached now; only where it was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<PlannedLimit>,
        /// What is not known yet.
        uncertain: Vec<Uncertain>,
    },
    /// People are told.
    Cc {
        /// Where; absent at submit and at the end.
        node: Option<NodeId>,
        /// Its title.
        title: String,
        /// On what occasion.
        told: Occasion,
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
        /// What is not known yet.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        uncertain: Vec<Uncertain>,
    },
    /// Several branches begin at the same time. Each follows as a `Branch` with its steps, and a `Join` ends them.
    Fork {
        /// At which fork.
        node: NodeId,
        /// Its title.
        title: String,
        /// How many begin.
        branches: u32,
    },
    /// One of the branches; what follows up to the next of its fork happens in it.
    Branch {
        /// Of which fork.
        fork: NodeId,
        /// Its lane; absent where it runs for an element of a list.
        lane: Option<NodeId>,
        /// The title of its lane.
        title: String,
        /// The element it runs for.
        item: Option<Item>,
        /// What the conditions of an inclusive lane saw.
        outcome: Option<GroupsOutcome>,
        /// What is not known yet.
        uncertain: Vec<Uncertain>,
    },
    /// All branches are waited for.
    Join {
        /// Of which fork.
        node: NodeId,
        /// Its title.
        title: String,
    },
    /// Time passes.
    Delay {
        /// Where.
        node: NodeId,
        /// Its title.
        title: String,
        /// Until when, if it were reached now.
        until: Option<Timestamp>,
    },
    /// A webhook is called.
    Trigger {
        /// Where.
        node: NodeId,
        /// Its title.
        title: String,
        /// Its answer is waited for.
        waits: bool,
        /// What is not known yet.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        uncertain: Vec<Uncertain>,
    },
    /// An instance of another template begins.
    SubProcess {
        /// Where.
        node: NodeId,
        /// Its title.
        title: String,
        /// Of which template.
        template: TemplateId,
        /// Its end is waited for.
        waits: bool,
        /// What is not known yet.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        uncertain: Vec<Uncertain>,
    },
    /// As is assumed, it is sent back from here, or a rejection is mapped to that.
    Returned {
        /// From where.
        node: NodeId,
        /// Its title.
        title: String,
        /// Where to.
        to: ReturnTo,
        /// How it goes on from there, and why; absent where it does not come to that.
        goes_on: Option<ResumeWay>,
    },
    /// As things stand it would go back from here; looking ahead goes on.
    Route {
        /// Where.
        node: NodeId,
        /// Its title.
        title: String,
        /// Where to.
        to: NodeId,
        /// What its conditions saw.
        outcome: GroupsOutcome,
    },
    /// A node decides by itself.
    Auto {
        /// Where.
        node: NodeId,
        /// Its title.
        title: String,
        /// How.
        state: VisitState,
    },
}

/// On what occasion people are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// It is submitted.
    AtStart,
    /// A cc node is reached.
    #[default]
    AtNode,
    /// A node has passed.
    Passed,
    /// A node was rejected.
    Rejected,
    /// The people of a node are late.
    Late,
    /// It has ended.
    AtEnd,
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
    pub auto: Option<AutoReason>,
    /// What becomes of his task as things are assumed.
    pub comes_to: SlotState,
    /// Who has the task by then, where it was handed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_to: Option<UserId>,
}

/// The time limit of a node, if it were reached now.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PlannedLimit {
    /// When the time is up; absent where nothing has to be done by then.
    pub due_at: Option<Timestamp>,
    /// What happens by the clock, in order.
    pub actions: Vec<PlannedAction>,
}

/// Something that happens by the clock.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PlannedAction {
    /// When; of reminders the first.
    pub at: Timestamp,
    /// What.
    pub what: TimeoutKind,
    /// Where it goes on; only of a jump.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<NodeId>,
}

/// What is not known yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uncertain {
    /// The initiator has still to pick somebody.
    PickMissing,
    /// An approver before will pick somebody.
    ApproverPicks,
    /// One of these people will be asked.
    OneOfThem,
    /// What it depends on may be changed or decided on the way.
    MayChange,
    /// Another system or another instance will answer.
    Answer,
}

/// What is known and assumed beside a request.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Given {
    /// Facts from outside, as a submission would have them.
    pub outside: Outside,
    /// What is taken for granted.
    pub assumptions: Assumptions,
}

/// The likely path of a submission. Required values and picks may still be missing. Time limits are left out, since
/// reckoning them takes longer than everything else.
///
/// Refused for the reasons a submission would be refused for right away, missing values and picks excepted.
pub fn preview(
    template: &Template,
    directory: &Directory,
    initiator: UserId,
    submit: &Submit,
    at: Timestamp,
) -> Result<Preview, Rejection> {
    let draft = new_draft(template, directory, initiator, at);
    check_request(&draft, submit)?;
    follow(draft, submit, &[])
}

/// The same with time limits, with what is known outside, and under assumptions that [`check_assumptions`] found nothing
/// wrong with. Under other assumptions than none the `hash` names the path that was assumed.
pub fn simulate(
    template: &Template,
    directory: &Directory,
    initiator: UserId,
    submit: &Submit,
    at: Timestamp,
    given: &Given,
) -> Result<Preview, Rejection> {
    let Given { outside, assumptions } = given;
    let directory = if assumptions.people.is_empty() {
        Cow::Borrowed(directory)
    } else {
        Cow::Owned(directory.with_changes(&assumptions.people))
    };
    let mut draft = new_draft(template, &directory, initiator, at);
    draft.outside.clone_from(outside);
    draft.plans_time = true;
    check_request(&draft, submit)?;
    follow(draft, submit, &assumptions.decisions)
}

/// The likely path of a request that was accepted once, as people and template are now: nothing is checked again. `linked`
/// are the people who decided on instances that it links.
pub fn likely_path(
    template: &Template,
    directory: &Directory,
    initiator: UserId,
    submit: &Submit,
    at: Timestamp,
    linked: &BTreeMap<FieldId, Vec<UserId>>,
) -> Result<Preview, Rejection> {
    let mut draft = new_draft(template, directory, initiator, at);
    draft.outside.linked.clone_from(linked);
    follow(draft, submit, &[])
}

fn new_draft<'a>(
    template: &'a Template,
    directory: &'a Directory,
    initiator: UserId,
    at: Timestamp,
) -> Draft<'a> {
    let nobody = uuid::Uuid::nil();
    let instance = Instance::draft(nobody.into(), nobody.into(), 0, initiator);
    Draft::new(template, directory, &instance, at, Purpose::Preview)
}

fn follow(mut draft: Draft<'_>, submit: &Submit, decisions: &[Assumed]) -> Result<Preview, Rejection> {
    begin(&mut draft, submit)?;
    let unmet = if decisions.is_empty() {
        go_ahead(&mut draft)?;
        Vec::new()
    } else {
        play(&mut draft, decisions)?
    };
    let steps = steps::steps(&draft);
    let stops_at = draft.events.iter().find_map(stopped_at);
    let hash = difference::fingerprint(&steps);
    Ok(Preview { steps, ends: draft.instance.status, stops_at, hash, unmet })
}

fn stopped_at(event: &Event) -> Option<NodeId> {
    if let Event::Suspended { node, .. } = event { Some(node.clone()) } else { None }
}
