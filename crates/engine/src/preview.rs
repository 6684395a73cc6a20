//! The likely path of a submission, found by deciding on a draft as if everybody approved (semantics B14). Where two
//! paths differ: `preview/difference.rs`.

mod difference;

pub use difference::{PathChange, PathDifference, path_differences};
pub(crate) use difference::{differences, marks};

use crate::approvers::{Found, Why};
use crate::condition::GroupsOutcome;
use crate::decide::{Draft, Purpose, begin, check_request, simulate};
use crate::event::{Event, NewSlot};
use crate::ids::{NodeId, UserId, VisitId};
use crate::instance::{AutoReason, Instance, SlotState, Status, VisitState};
use crate::template::{Block, Mode, Template};
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
    /// The node at which nobody can be asked and the path stops, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stops_at: Option<NodeId>,
    /// The fingerprint of `steps`: a submission may name the preview its initiator saw, see [`path_differences`].
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
    pub auto: Option<AutoReason>,
}

/// What is not known yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uncertain {
    /// The initiator has still to pick somebody.
    PickMissing,
}

/// The likely path of a submission. Required values and picks may still be missing.
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
    follow(draft, submit)
}

/// The likely path of a request that was accepted once, as people and template are now: nothing is checked again.
pub fn likely_path(
    template: &Template,
    directory: &Directory,
    initiator: UserId,
    submit: &Submit,
    at: Timestamp,
) -> Result<Preview, Rejection> {
    follow(new_draft(template, directory, initiator, at), submit)
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

fn follow(mut draft: Draft<'_>, submit: &Submit) -> Result<Preview, Rejection> {
    begin(&mut draft, submit)?;
    simulate(&mut draft)?;
    let steps: Vec<Step> = draft.events.iter().filter_map(|event| step(event, &draft)).collect();
    let stops_at = draft.events.iter().find_map(stopped_at);
    let hash = difference::fingerprint(&steps);
    Ok(Preview { steps, ends: draft.instance.status, stops_at, hash })
}

fn step(event: &Event, draft: &Draft<'_>) -> Option<Step> {
    match event {
        Event::VisitOpened { visit, node, level, mode, slots, .. } => Some(Step::Approval {
            node: node.clone(),
            title: title_of(draft.template, node),
            level: *level,
            mode: *mode,
            people: slots.iter().map(|slot| person(slot, draft.directory)).collect(),
            state: likely_state(*visit, node, draft),
            uncertain: draft.unpicked.contains(node).then_some(Uncertain::PickMissing).into_iter().collect(),
        }),
        Event::CcSent { node, people, .. } => Some(Step::Cc {
            node: node.clone(),
            title: node.as_ref().map_or_else(String::new, |node| title_of(draft.template, node)),
            people: people.clone(),
        }),
        Event::LaneChosen { branch, lane, tried, .. } => Some(Step::Lane {
            branch: branch.clone(),
            lane: lane.clone(),
            title: lane_title(draft.template, branch, lane),
            outcome: tried.last().and_then(|it| it.outcome.clone()),
        }),
        Event::Submitted { .. }
        | Event::FormEdited { .. }
        | Event::Picked { .. }
        | Event::ApproversFrozen { .. }
        | Event::TokenForked { .. }
        | Event::TokenArrived { .. }
        | Event::Joined { .. }
        | Event::TokenCancelled { .. }
        | Event::LanesChosen { .. }
        | Event::Looped { .. }
        | Event::SlotHeld { .. }
        | Event::SlotSettled { .. }
        | Event::SlotsAdded { .. }
        | Event::SlotMoved { .. }
        | Event::Claimed { .. }
        | Event::Released { .. }
        | Event::TakenBack { .. }
        | Event::Returned { .. }
        | Event::ReturnSettled { .. }
        | Event::Superseded { .. }
        | Event::TimersSet { .. }
        | Event::TimerFired { .. }
        | Event::Reminded { .. }
        | Event::Urged { .. }
        | Event::TriggerCalled { .. }
        | Event::ChildStarted { .. }
        | Event::Answered { .. }
        | Event::Intervened { .. }
        | Event::RevokeAsked { .. }
        | Event::RevokeRefused { .. }
        | Event::Migrated { .. }
        | Event::Resumed
        | Event::TokenStarted { .. }
        | Event::SlotTurned { .. }
        | Event::SlotRemoved { .. }
        | Event::SlotDecided { .. }
        | Event::VisitClosed { .. }
        | Event::CcRead { .. }
        | Event::Commented { .. }
        | Event::DataWarned { .. }
        | Event::TokenFinished { .. }
        | Event::Suspended { .. }
        | Event::Ended { .. } => None,
    }
}

fn stopped_at(event: &Event) -> Option<NodeId> {
    if let Event::Suspended { node, .. } = event { Some(node.clone()) } else { None }
}

/// People will be asked unless the visit ended without them.
fn likely_state(id: VisitId, node: &NodeId, draft: &Draft<'_>) -> VisitState {
    let Some(visit) = draft.instance.visit(id) else { return VisitState::Open };
    let asked = visit.slots.iter().any(|slot| slot.decided.is_some()) || draft.unpicked.contains(node);
    if asked { VisitState::Open } else { visit.state }
}

fn person(slot: &NewSlot, directory: &Directory) -> PreviewPerson {
    let auto = match slot.state {
        SlotState::Auto(reason) => Some(reason),
        _ => None,
    };
    PreviewPerson { user: slot.assignee, name: directory.name(slot.assignee), why: slot.why.clone(), auto }
}

fn title_of(template: &Template, node: &NodeId) -> String {
    template.block(node).map_or_else(String::new, |block| block.title().to_owned())
}

fn lane_title(template: &Template, branch: &NodeId, lane: &NodeId) -> String {
    let lanes = template.block(branch).map_or(&[][..], Block::lanes);
    lanes.iter().find(|it| &it.id == lane).map_or_else(String::new, |it| it.title.clone())
}
