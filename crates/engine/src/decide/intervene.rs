//! An administrator steps in (semantics B11, C9): always with a reason, and always to be seen in the history.

use super::advance::{go_on, travel};
use super::arriving::{Again, Arrival, open};
use super::returning::{overtake, recall, supersede};
use super::{
    Draft, check_active, check_count, check_not_own_request, checked_text, fork, people_node, revoke, sweep,
};
use crate::approvers::{Barred, Found, Place, Why, WhyRule, barred, is_separated};
use crate::command::Intervention;
use crate::event::{Event, Move};
use crate::ids::{NodeId, SlotId, TokenId, UserId, VisitId};
use crate::instance::{Slot, Status, TokenState, Visit, VisitKind, VisitState};
use crate::rejection::Rejection;
use crate::template::{Approval, Approvers, Block, Next};
use std::collections::HashSet;

/// A manager of the template or an administrator of the workspace does what nobody else may.
pub(super) fn intervene(
    draft: &mut Draft<'_>,
    actor: UserId,
    what: &Intervention,
    reason: &str,
) -> Result<(), Rejection> {
    check_active(draft.directory, actor)?;
    if !draft.template.settings.managers.contains(&actor) && !draft.directory.is_admin(actor) {
        return Err(Rejection::NotAdministrator);
    }
    check_status(draft, what)?;
    check_own_request(draft, actor, what)?;
    let over = passed_over(draft, what);
    check_duties(draft, actor, &over)?;
    let reason = checked_text("reason", reason)?;
    if reason.is_empty() {
        return Err(Rejection::TextRequired { field: "reason" });
    }
    check(draft, what)?;
    let (at, reason) = (draft.at, reason.to_owned());
    draft.emit(Event::Intervened { at, by: actor, what: what.clone(), reason: reason.clone(), over });
    carry_out(draft, actor, what, &reason)
}

/// What is over stays over; while a revocation is asked about, only the asking can be helped along, or called off.
fn check_status(draft: &Draft<'_>, what: &Intervention) -> Result<(), Rejection> {
    let status = draft.instance.status;
    let fits = match (status, what) {
        (_, Intervention::Retry) => status == Status::Suspended,
        (Status::Running | Status::Suspended | Status::Returned, _) => true,
        (
            Status::Revoking,
            Intervention::Reassign { .. }
            | Intervention::Skip { .. }
            | Intervention::HandOver { .. }
            | Intervention::Terminate,
        ) => true,
        (
            Status::Revoking
            | Status::Draft
            | Status::Approved
            | Status::Rejected
            | Status::Withdrawn
            | Status::Revoked
            | Status::Terminated,
            _,
        ) => false,
    };
    match (fits, what) {
        (true, _) => Ok(()),
        (false, Intervention::Retry) => Err(Rejection::NotOffered { action: "retry" }),
        (false, _) => Err(Rejection::NotRunning { status }),
    }
}

/// Visits whose people are passed over: at the one that is skipped, or wherever they are asked on the way of the token that
/// goes on elsewhere, in all its branches.
fn passed_over(draft: &Draft<'_>, what: &Intervention) -> Vec<VisitId> {
    let instance = &draft.instance;
    let asks = |it: &&Visit| it.state == VisitState::Open && it.slots.iter().any(|slot| slot.state.is_open());
    let asking = instance.visits.iter().filter(asks).filter(|it| people_node(draft, it).is_some());
    match what {
        Intervention::Skip { visit } => asking.map(|it| it.id).filter(|id| id == visit).collect(),
        Intervention::Jump { token, to } => {
            let Ok(landing) = landing(draft, *token, to) else { return Vec::new() };
            asking.filter(|it| instance.line_of(it.token).contains(&landing)).map(|it| it.id).collect()
        }
        Intervention::Reassign { .. }
        | Intervention::Staff { .. }
        | Intervention::Terminate
        | Intervention::SetApprovers { .. }
        | Intervention::Retry
        | Intervention::HandOver { .. } => Vec::new(),
    }
}

/// To pass people over is to decide in their place: whoever has a duty that is to be in other hands than theirs may not
/// (semantics D9).
fn check_duties(draft: &Draft<'_>, actor: UserId, over: &[VisitId]) -> Result<(), Rejection> {
    let mut visits = over.iter().filter_map(|id| draft.instance.visit(*id));
    match visits.any(|it| is_separated(actor, &it.node, draft.scene(it.token))) {
        true => Err(Barred::Separated.rejection(actor)),
        false => Ok(()),
    }
}

/// On his own request an administrator neither passes anybody over nor chooses who decides; nor does he say who decides where
/// nobody could be asked, as long as another one can.
fn check_own_request(draft: &Draft<'_>, actor: UserId, what: &Intervention) -> Result<(), Rejection> {
    match what {
        Intervention::Skip { .. }
        | Intervention::Jump { .. }
        | Intervention::SetApprovers { .. }
        | Intervention::Reassign { .. }
        | Intervention::HandOver { .. } => check_not_own_request(draft, actor),
        Intervention::Staff { .. } if another_administers(draft, actor) => {
            check_not_own_request(draft, actor)
        }
        Intervention::Staff { .. } | Intervention::Terminate | Intervention::Retry => Ok(()),
    }
}

fn another_administers(draft: &Draft<'_>, actor: UserId) -> bool {
    let managers = draft.template.settings.managers.iter().copied();
    let mut all = managers.filter(|it| draft.directory.is_active(*it)).chain(draft.directory.admins());
    all.any(|user| user != actor)
}

/// Whether it can be done at all.
fn check(draft: &Draft<'_>, what: &Intervention) -> Result<(), Rejection> {
    match what {
        Intervention::Jump { token, to } => landing(draft, *token, to).map(|_| ()),
        Intervention::Reassign { slot, to } => {
            let (visit, slot) = reassignable(draft, *slot)?;
            check_eligible(draft, *to, Some((visit, slot)), &visit.node)
        }
        Intervention::Staff { visit, people } => {
            let (visit, node) = staffable(draft, *visit)?;
            if people.is_empty() {
                return Err(Rejection::NobodyFound { node: visit.node.clone() });
            }
            check_count("people", people)?;
            people.iter().try_for_each(|user| check_eligible(draft, *user, None, &node.id))
        }
        Intervention::Skip { visit } => open_visit_with(draft, *visit).map(|_| ()),
        Intervention::SetApprovers { node, people } => {
            let is_open = |visit: &Visit| visit.state == VisitState::Open && visit.node == *node;
            let is_human = matches!(draft.template.block(node), Some(Block::Approval(_)));
            if !is_human || draft.instance.visits.iter().any(is_open) {
                return Err(Rejection::NodeNotReachable { node: node.clone() });
            }
            check_count("people", people)?;
            people.iter().try_for_each(|user| check_eligible(draft, *user, None, node))
        }
        Intervention::HandOver { from, to } => {
            check_active(draft.directory, *to)?;
            planned_for(draft, *from).into_iter().try_for_each(|node| check_eligible(draft, *to, None, node))
        }
        Intervention::Terminate | Intervention::Retry => Ok(()),
    }
}

fn carry_out(
    draft: &mut Draft<'_>,
    actor: UserId,
    what: &Intervention,
    reason: &str,
) -> Result<(), Rejection> {
    match what {
        Intervention::Jump { token, to } => jump(draft, *token, to),
        Intervention::Reassign { slot, to } => {
            sweep::hand(draft, *slot, (actor, *to), (Move::Reassign, reason))
        }
        Intervention::Staff { visit, people } => staff(draft, *visit, people),
        Intervention::Skip { visit } => skip(draft, *visit),
        Intervention::Terminate if draft.instance.status == Status::Revoking => {
            revoke::call_off(draft);
            Ok(())
        }
        Intervention::Terminate => {
            draft.end(Status::Terminated, reason);
            Ok(())
        }
        Intervention::SetApprovers { .. } => Ok(()),
        Intervention::Retry => retry(draft),
        Intervention::HandOver { from, to } => hand_over(draft, actor, (*from, *to), reason),
    }
}

/// The person could be asked at the node; for a slot: in its holder's place.
fn check_eligible(
    draft: &Draft<'_>,
    user: UserId,
    taken: Option<(&Visit, &Slot)>,
    node: &NodeId,
) -> Result<(), Rejection> {
    check_active(draft.directory, user)?;
    let why = match (draft.template.block(node), taken) {
        (Some(Block::Approval(node)), Some((visit, slot))) => {
            barred(user, Place::taking(node, visit, slot.id), draft.scene(visit.token))
        }
        (Some(Block::Approval(node)), None) => barred(user, Place::at(node), draft.scene(TokenId(0))),
        (_, Some((visit, _))) => {
            let is_asked = visit.slots.iter().any(|slot| slot.assignee == user);
            let agrees_with_himself = visit.kind == VisitKind::Consent && user == draft.instance.initiator;
            match agrees_with_himself {
                true => Some(Barred::Initiator),
                false => is_asked.then_some(Barred::HoldsSlot),
            }
        }
        (_, None) => None,
    };
    why.map_or(Ok(()), |why| Err(why.rejection(user)))
}

/// Nodes that come for which somebody is named: picked, set, found at submit, or found at further levels of a chain.
fn planned_for<'d>(draft: &'d Draft<'_>, user: UserId) -> Vec<&'d NodeId> {
    let instance = &draft.instance;
    let named = instance.picks.iter().chain(&instance.overrides);
    let named = named.filter(|(_, people)| people.contains(&user)).map(|(node, _)| node);
    let holds = |found: &[Found]| found.iter().any(|it| it.user == user);
    let frozen = instance.frozen.iter().filter(|(_, found)| holds(found)).map(|(node, _)| node);
    let open = instance.visits.iter().filter(|visit| visit.state == VisitState::Open);
    let levels = open.filter(|visit| visit.upcoming.iter().any(|level| holds(level)));
    // What was decided already does not come any more, unless it is sent back; who may not be asked then is not.
    let is_over = |node: &NodeId| {
        let last = instance.visits.iter().rev().find(|visit| visit.node == *node);
        last.is_some_and(|visit| visit.state != VisitState::Open && !visit.superseded)
    };
    named.chain(frozen).filter(|node| !is_over(node)).chain(levels.map(|visit| &visit.node)).collect()
}

fn open_visit_with<'d>(draft: &'d Draft<'_>, id: VisitId) -> Result<&'d Visit, Rejection> {
    let visit = draft.instance.visit(id).filter(|visit| visit.state == VisitState::Open);
    visit.ok_or(Rejection::VisitNotOpen { visit: id })
}

fn reassignable<'d>(draft: &'d Draft<'_>, id: SlotId) -> Result<(&'d Visit, &'d Slot), Rejection> {
    let (visit, slot) = draft.instance.slot(id).ok_or(Rejection::TaskNotFound { slot: id })?;
    match slot.state.is_open() {
        true => Ok((visit, slot)),
        false => Err(Rejection::VisitNotOpen { visit: visit.id }),
    }
}

fn staffable<'d>(draft: &'d Draft<'_>, id: VisitId) -> Result<(&'d Visit, &'d Approval), Rejection> {
    let visit = open_visit_with(draft, id)?;
    match draft.template.block(&visit.node) {
        Some(Block::Approval(node)) if visit.stuck.is_some() => Ok((visit, node)),
        Some(_) | None => Err(Rejection::NotOffered { action: "staff" }),
    }
}

/// Which token goes on where a token is sent to a node: itself, or the one it was forked from where the node lies before the
/// fork. Into other branches, or deeper ones, nobody is sent.
pub(super) fn landing(draft: &Draft<'_>, token: TokenId, to: &NodeId) -> Result<TokenId, Rejection> {
    let unreachable = || Rejection::NodeNotReachable { node: to.clone() };
    let state = draft.instance.token(token).map(|it| it.state);
    if !matches!(state, Some(TokenState::Live | TokenState::Forked | TokenState::Arrived)) {
        return Err(unreachable());
    }
    let forks = draft.template.forks_around(to).ok_or_else(unreachable)?;
    let mut line = draft.instance.line_of(token);
    line.reverse();
    let branches = line.iter().skip(1).filter_map(|id| draft.instance.token(*id));
    let mut around = forks.iter().zip(branches);
    let inside = around.all(|(fork, branch)| {
        let lanes = draft.template.block(fork).map_or(&[][..], Block::lanes);
        let own_lane = lanes.iter().find(|lane| Some(&lane.id) == branch.lane.as_ref());
        branch.fork.as_ref() == Some(*fork) && own_lane.is_none_or(|lane| lane.holds(to))
    });
    line.get(forks.len()).copied().filter(|_| inside).ok_or_else(unreachable)
}

/// A token goes on at another node. Where that lies before a fork, all branches end; what was decided from there on is void,
/// whether there were people at the node itself or not.
pub(super) fn jump(draft: &mut Draft<'_>, token: TokenId, to: &NodeId) -> Result<(), Rejection> {
    let token = landing(draft, token, to)?;
    let template = draft.template;
    fork::cancel_branches(draft, token);
    fork::close_open_visits(draft, token);
    recall(draft, token);
    overtake(draft, |instance, it| instance.line_of(it).contains(&token));
    let passed = draft.instance.visits.iter().rev().find(|it| it.token == token && it.node == *to);
    let first = passed.map(|visit| visit.id);
    let from_there_on: HashSet<&NodeId> =
        template.blocks().into_iter().map(Block::id).skip_while(|id| *id != to).collect();
    supersede(draft, token, |visit| {
        first.is_some_and(|first| visit.id >= first) || from_there_on.contains(&visit.node)
    });
    go_on_if_unstuck(draft);
    travel(draft, token, template.block(to).map_or(Next::End, Next::Block))
}

/// Once nothing is stuck any more, the instance runs again.
pub(super) fn go_on_if_unstuck(draft: &mut Draft<'_>) {
    let stuck = draft.instance.visits.iter().any(|visit| visit.stuck.is_some());
    if draft.instance.status == Status::Suspended && !stuck {
        draft.emit(Event::Resumed);
    }
}

/// Other people are asked where nobody could be.
fn staff(draft: &mut Draft<'_>, id: VisitId, people: &[UserId]) -> Result<(), Rejection> {
    let template = draft.template;
    let Some(visit) = draft.instance.visit(id).cloned() else { return Ok(()) };
    let Some(Block::Approval(node)) = template.block(&visit.node) else { return Ok(()) };
    draft.emit(Event::VisitClosed { at: draft.at, visit: id, state: VisitState::Cancelled });
    go_on_if_unstuck(draft);
    let set = |user: &UserId| Found { user: *user, why: Why::by(WhyRule::Set) };
    let found = people.iter().map(set).collect();
    let mode = match node.approvers {
        Approvers::People(_) => node.mode,
        Approvers::Chain(_) => visit.mode,
    };
    let (token, level, upcoming) = (visit.token, visit.level, visit.upcoming);
    open(draft, Arrival { token, node, level, mode, found, upcoming, again: Some(Again::default()) })
}

/// A visit is passed over. What only had to wait a moment is not passed over but waited for no longer.
fn skip(draft: &mut Draft<'_>, id: VisitId) -> Result<(), Rejection> {
    let Some(visit) = draft.instance.visit(id) else { return Ok(()) };
    if visit.kind == VisitKind::Pause {
        return super::waiting::time_is_up(draft, id);
    }
    draft.emit(Event::VisitClosed { at: draft.at, visit: id, state: VisitState::Skipped });
    go_on_if_unstuck(draft);
    go_on(draft, id)
}

/// Every token that is stuck comes to its node once more.
pub(super) fn retry(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    let template = draft.template;
    let stuck = draft.instance.visits.iter().filter(|visit| visit.stuck.is_some());
    let stuck: Vec<_> = stuck.map(|visit| (visit.id, visit.token, visit.node.clone())).collect();
    for (visit, ..) in &stuck {
        draft.emit(Event::VisitClosed { at: draft.at, visit: *visit, state: VisitState::Cancelled });
    }
    go_on_if_unstuck(draft);
    for (_, token, node) in stuck {
        // A token before may have ended the instance, or sent everything back.
        if draft.instance.token(token).is_some_and(|it| it.state == TokenState::Live)
            && draft.instance.open_visit_of(token).is_none()
        {
            travel(draft, token, template.block(&node).map_or(Next::End, Next::Block))?;
        }
    }
    Ok(())
}

/// What is open for one person, or lies with somebody else for him, goes to another, as far as the other may be asked there; what is planned for him has gone over
/// with the intervention itself.
fn hand_over(
    draft: &mut Draft<'_>,
    by: UserId,
    (from, to): (UserId, UserId),
    reason: &str,
) -> Result<(), Rejection> {
    let open = draft.instance.visits.iter().filter(|visit| visit.state == VisitState::Open);
    let slots = open.flat_map(|visit| visit.slots.iter().map(move |slot| (visit, slot)));
    let is_his = |slot: &Slot| slot.assignee == from || slot.holder() == from;
    let own = slots.filter(|(_, slot)| slot.state.is_open() && is_his(slot));
    let may = |(visit, slot): &(&Visit, &Slot)| {
        check_eligible(draft, to, Some((*visit, *slot)), &visit.node).is_ok()
    };
    for slot in own.filter(may).map(|(_, slot)| slot.id).collect::<Vec<_>>() {
        sweep::hand(draft, slot, (by, to), (Move::HandOver, reason))?;
    }
    Ok(())
}
