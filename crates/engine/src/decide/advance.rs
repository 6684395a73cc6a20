//! Moving a token: into nodes, through branches, to the end. Stops where people are asked.

use super::arriving::{Rungs, VisitShape, climb, enter, open_visit};
use super::{Draft, Purpose, fork, resuming, returning, revoke, telling, waiting};
use crate::approvers::{Found, Scene};
use crate::condition::{Facts, GroupsOutcome, evaluate_groups};
use crate::event::{Decision, Event, LaneTried};
use crate::ids::{NodeId, TokenId, VisitId};
use crate::instance::{Status, VisitKind, VisitState};
use crate::rejection::Rejection;
use crate::template::{
    Approval, Approvers, Auto, Block, Branch, ChildWait, Lane, Next, Route, Template, TriggerAction, When,
};

/// Nodes a token passes by itself within one command; the rest follows by a timer that is due at once (semantics B17).
const STEP_LIMIT: u32 = 200;
/// Nodes that looking ahead passes at most.
const LOOK_AHEAD_LIMIT: u32 = 5_000;
/// How often a route goes back before an administrator has to look at it (semantics B11).
pub(super) const LOOP_LIMIT: u32 = 100;

impl<'a> Draft<'a> {
    /// What rules may look at, for a token.
    pub(super) fn scene(&self, token: TokenId) -> Scene<'_> {
        let (template, directory, instance) = (self.template, self.directory, &self.instance);
        Scene { template, directory, instance, token, outside: &self.outside, at: self.at }
    }

    /// What conditions may look at.
    pub(super) fn facts(&self) -> Facts<'_> {
        Facts {
            fields: &self.template.form,
            form: &self.instance.form,
            initiator: self.instance.initiator,
            department: self.instance.department,
            today: self.today(),
            directory: self.directory,
            instance: Some(&self.instance),
        }
    }

    fn evaluate(&self, groups: &[crate::condition::Group]) -> GroupsOutcome {
        evaluate_groups(groups, &self.facts())
    }
}

/// Starts the first token on its way.
pub(super) fn start(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    let token = TokenId(draft.instance.tokens.len() as u32);
    draft.emit(Event::TokenStarted { token, parent: None, fork: None, lane: None, item: None });
    let template = draft.template;
    travel(draft, token, template.start())
}

/// Takes a token along until something is waited for, or the flow ends.
pub(super) fn travel<'t>(draft: &mut Draft<'t>, token: TokenId, next: Next<'t>) -> Result<(), Rejection> {
    let template: &'t Template = draft.template;
    let mut next = next;
    loop {
        let block = match next {
            Next::End => {
                draft.emit(Event::TokenFinished { token });
                draft.end(Status::Approved, "");
                return Ok(());
            }
            Next::Join(_) => return fork::arrive(draft, token, crate::instance::Outcome::Approved),
            Next::Block(block) => block,
        };
        if !draft.takes_a_step() {
            return waiting::pause(draft, token, block.id());
        }
        next = match block {
            Block::Approval(node) => return enter(draft, token, node),
            Block::Parallel(node) => return fork::parallel(draft, token, node),
            Block::Each(node) => return fork::each(draft, token, node),
            Block::Delay(node) => return waiting::delay(draft, token, node),
            Block::Cc(node) => {
                telling::at_node(draft, token, node);
                template.after(&node.id)
            }
            Block::Branch(branch) => match choose_lane(draft, token, branch) {
                Some(lane) => template.into_lane(block, lane),
                None => template.after(&branch.id),
            },
            Block::Trigger(node) => match waiting::trigger(draft, token, node)? {
                waiting::Then::GoOn => template.after(&node.id),
                waiting::Then::Wait => return Ok(()),
            },
            Block::SubProcess(node) => match waiting::sub_process(draft, token, node) {
                waiting::Then::GoOn => template.after(&node.id),
                waiting::Then::Wait => return Ok(()),
            },
            Block::Route(node) => match route(draft, token, node) {
                Routed::On => template.after(&node.id),
                Routed::Back => template.block(&node.to).map_or(Next::End, Next::Block),
                Routed::Stuck => return Ok(()),
            },
            Block::Auto(node) => match decide_by_itself(draft, token, node) {
                Decision::Approve | Decision::Abstain => template.after(&node.id),
                Decision::Reject => return fork::reject_branch(draft, token),
            },
        };
    }
}

impl Draft<'_> {
    /// Looking ahead pauses too, so that a long way is not a deep one.
    fn takes_a_step(&mut self) -> bool {
        self.steps += 1;
        match self.purpose {
            Purpose::Act => self.steps <= STEP_LIMIT,
            Purpose::Check | Purpose::Preview => !self.steps.is_multiple_of(STEP_LIMIT),
        }
    }
}

impl Draft<'_> {
    /// Looking ahead has gone far enough.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.steps > LOOK_AHEAD_LIMIT
    }
}

/// Where a route leads.
enum Routed {
    On,
    Back,
    Stuck,
}

fn route(draft: &mut Draft<'_>, token: TokenId, node: &Route) -> Routed {
    let outcome = draft.evaluate(&node.when);
    if !outcome.holds {
        return Routed::On;
    }
    let count = draft.instance.loops.get(&node.id).copied().unwrap_or_default() + 1;
    if count > LOOP_LIMIT {
        let reason = format!("it went back {LOOP_LIMIT} times");
        suspend(draft, token, &node.id, &reason);
        return Routed::Stuck;
    }
    let (route, to) = (node.id.clone(), node.to.clone());
    draft.emit(Event::Looped { token, route, to, count, outcome });
    match draft.purpose {
        // Looking ahead, whatever sends it back is mended by whoever is asked again, or it would go round for ever.
        Purpose::Check | Purpose::Preview if somebody_may_mend(draft, node) => Routed::On,
        Purpose::Act | Purpose::Check | Purpose::Preview => {
            returning::give_up_lap(draft, token, node);
            Routed::Back
        }
    }
}

/// Where a route goes back over, there are nodes at which people, time or other systems have their say.
fn somebody_may_mend(draft: &Draft<'_>, route: &Route) -> bool {
    let (from, to) = (draft.template.place_of(&route.to), draft.template.place_of(&route.id));
    let blocks = draft.template.blocks().into_iter().enumerate();
    let mut lap = blocks.filter(|(place, _)| (from..=to).contains(&Some(*place))).map(|(_, block)| block);
    lap.any(|block| match block {
        Block::Approval(_) | Block::Delay(_) => true,
        Block::Trigger(node) => matches!(node.action, TriggerAction::CallAndWait { .. }),
        Block::SubProcess(node) => matches!(node.wait, ChildWait::Until { .. }),
        Block::Cc(_)
        | Block::Branch(_)
        | Block::Parallel(_)
        | Block::Each(_)
        | Block::Route(_)
        | Block::Auto(_) => false,
    })
}

/// A visit that shows what a node decided by itself.
fn decide_by_itself(draft: &mut Draft<'_>, token: TokenId, node: &Auto) -> Decision {
    let shape = VisitShape { kind: VisitKind::Auto, ..VisitShape::default() };
    let visit = open_visit(draft, token, &node.id, shape);
    let state = match node.outcome {
        Decision::Approve | Decision::Abstain => VisitState::AutoApproved,
        Decision::Reject => VisitState::AutoRejected,
    };
    draft.emit(Event::VisitClosed { at: draft.at, visit, state });
    node.outcome
}

/// Opens a visit where an administrator has to act.
pub(super) fn suspend(draft: &mut Draft<'_>, token: TokenId, node: &NodeId, reason: &str) {
    open_visit(draft, token, node, VisitShape::default());
    draft.emit(Event::Suspended { token, node: node.clone(), reason: reason.to_owned() });
}

/// What a closed visit leads to.
pub(super) fn go_on(draft: &mut Draft<'_>, id: VisitId) -> Result<(), Rejection> {
    let Some(visit) = draft.instance.visit(id) else { return Ok(()) };
    match (visit.kind, visit.state) {
        (_, VisitState::Open | VisitState::Cancelled | VisitState::Returned) => Ok(()),
        (VisitKind::Consent, _) => revoke::consent_given(draft, id),
        (_, VisitState::Rejected | VisitState::AutoRejected) => {
            let template = draft.template;
            telling::outcome(draft, id, template.block(&visit.node));
            reject(draft, id)
        }
        (_, VisitState::Passed | VisitState::AutoApproved | VisitState::Skipped) => pass(draft, id),
    }
}

/// A node said no: what it is mapped to, or what the branch around it says (B4.1, B11).
fn reject(draft: &mut Draft<'_>, id: VisitId) -> Result<(), Rejection> {
    if returning::reject_returns(draft, id)? {
        return Ok(());
    }
    let Some(visit) = draft.instance.visit(id) else { return Ok(()) };
    let token = visit.token;
    if waiting::collects(draft, visit) {
        let (template, node) = (draft.template, visit.node.clone());
        return travel(draft, token, template.after(&node));
    }
    fork::reject_branch(draft, token)
}

/// A node said yes: the way back to who returned it, the next level of its chain, or onwards.
fn pass(draft: &mut Draft<'_>, id: VisitId) -> Result<(), Rejection> {
    let Some(visit) = draft.instance.visit(id) else { return Ok(()) };
    let (token, level) = (visit.token, visit.level);
    let (node, upcoming) = (visit.node.clone(), visit.upcoming.clone());
    let template = draft.template;
    let block = template.block(&node);
    let is_last = !has_somebody(draft, &upcoming);
    if is_last {
        telling::outcome(draft, id, block);
    }
    if resuming::resumed(draft, id)? {
        return Ok(());
    }
    if let Some(Block::Approval(approval @ Approval { approvers: Approvers::Chain(chain), .. })) = block
        && !is_last
    {
        let rungs = Rungs { token, node: approval, chain, level: level + 1, levels: upcoming, again: None };
        return climb(draft, rungs);
    }
    travel(draft, token, template.after(&node))
}

fn has_somebody(draft: &Draft<'_>, levels: &[Vec<Found>]) -> bool {
    levels.iter().flatten().any(|found| draft.directory.is_active(found.user))
}

/// The first lane, by ascending priority, whose condition holds; else the default lane (B10).
fn choose_lane<'b>(draft: &mut Draft<'_>, token: TokenId, branch: &'b Branch) -> Option<&'b Lane> {
    let lanes = in_order(&branch.lanes);
    let facts = draft.facts();
    let mut tried = Vec::new();
    let chosen = lanes.into_iter().find(|lane| {
        let outcome = match &lane.when {
            When::Default => None,
            When::AnyOf(groups) => Some(evaluate_groups(groups, &facts)),
        };
        let holds = outcome.as_ref().is_none_or(|it| it.holds);
        tried.push(LaneTried { lane: lane.id.clone(), outcome });
        holds
    })?;
    draft.emit(Event::LaneChosen { token, branch: branch.id.clone(), lane: chosen.id.clone(), tried });
    Some(chosen)
}

/// Lanes as they are tried: by ascending priority, the default one last.
pub(super) fn in_order(lanes: &[Lane]) -> Vec<&Lane> {
    let mut lanes: Vec<&Lane> = lanes.iter().collect();
    lanes.sort_by_key(|lane| (lane.when == When::Default, lane.priority));
    lanes
}
