//! Deciding in a slot, and what the slots of a visit come to (semantics B3).

use super::advance::go_on;
use super::{Draft, check_active, checked_text};
use crate::event::{Decision, Event};
use crate::ids::{SlotId, UserId, VisitId};
use crate::instance::{Slot, SlotState, Status, Visit, VisitState};
use crate::rejection::Rejection;
use crate::template::{AllReject, Approval, Block, Mode, Opinion, OrReject, SelfRule, Template};

pub(super) fn approve(
    draft: &mut Draft<'_>,
    actor: UserId,
    slot: SlotId,
    comment: &str,
) -> Result<(), Rejection> {
    decide_slot(draft, actor, slot, Decision::Approve, comment)
}

pub(super) fn reject(
    draft: &mut Draft<'_>,
    actor: UserId,
    slot: SlotId,
    comment: &str,
) -> Result<(), Rejection> {
    decide_slot(draft, actor, slot, Decision::Reject, comment)
}

fn decide_slot(
    draft: &mut Draft<'_>,
    actor: UserId,
    id: SlotId,
    decision: Decision,
    comment: &str,
) -> Result<(), Rejection> {
    let (visit, slot) = draft.instance.slot(id).ok_or(Rejection::TaskNotFound { slot: id })?;
    check_active(draft.directory, actor)?;
    if slot.assignee != actor && !may_stand_in(draft, visit, actor) {
        return Err(Rejection::NotYourTask);
    }
    check_pending(draft, visit, slot)?;
    let comment = checked_text("comment", comment)?;
    let node = draft.template.block(&visit.node);
    if comment.is_empty() && matches!(node, Some(Block::Approval(node)) if needs_words(node, decision)) {
        return Err(Rejection::TextRequired { field: "comment" });
    }
    let visit = visit.id;
    draft.emit(Event::SlotDecided {
        at: draft.at,
        slot: id,
        by: actor,
        decision,
        comment: comment.to_owned(),
    });
    settle(draft, visit)
}

/// A manager of the template or the workspace may decide in an approver's place, where the template allows it; on his own
/// request only where he could decide as an approver too (B6.1).
fn may_stand_in(draft: &Draft<'_>, visit: &Visit, actor: UserId) -> bool {
    let settings = &draft.template.settings;
    settings.allow_agent
        && (settings.managers.contains(&actor) || draft.directory.is_admin(actor))
        && (actor != draft.instance.initiator || may_approve_himself(draft.template, visit))
}

fn may_approve_himself(template: &Template, visit: &Visit) -> bool {
    match template.block(&visit.node) {
        Some(Block::Approval(node)) => node.self_rule() == SelfRule::Approve,
        Some(Block::Cc(_) | Block::Branch(_)) | None => false,
    }
}

fn check_pending(draft: &Draft<'_>, visit: &Visit, slot: &Slot) -> Result<(), Rejection> {
    match slot.state {
        SlotState::Pending if draft.instance.status == Status::Running => Ok(()),
        SlotState::Queued => Err(Rejection::NotYourTurn),
        SlotState::Pending | SlotState::Cancelled => {
            Err(Rejection::NotRunning { status: draft.instance.status })
        }
        SlotState::Approved => Err(decided_by(slot, Decision::Approve)),
        SlotState::Rejected => Err(decided_by(slot, Decision::Reject)),
        SlotState::NotNeeded => Err(closed_by_another(visit)),
        SlotState::Auto(_) | SlotState::Removed => {
            Err(Rejection::AlreadyDecided { by: None, at: None, decision: None })
        }
    }
}

fn decided_by(slot: &Slot, decision: Decision) -> Rejection {
    let decided = slot.decided.as_ref();
    Rejection::AlreadyDecided {
        by: decided.map(|it| it.by),
        at: decided.map(|it| it.at),
        decision: Some(decision),
    }
}

/// Who was faster: the one whose decision closed the visit, or a rule.
fn closed_by_another(visit: &Visit) -> Rejection {
    let decided = visit.slots.iter().filter(|slot| slot.decided.is_some());
    match decided.max_by_key(|slot| slot.decided.as_ref().map(|it| it.at)) {
        None => Rejection::AlreadyDecided { by: None, at: visit.closed_at, decision: None },
        Some(last) if last.state == SlotState::Rejected => decided_by(last, Decision::Reject),
        Some(last) => decided_by(last, Decision::Approve),
    }
}

/// Whether a decision at this node is refused without words.
pub(crate) fn needs_words(node: &Approval, decision: Decision) -> bool {
    match (node.opinion, decision) {
        (Opinion::Required, _) | (Opinion::OnReject, Decision::Reject) => true,
        (Opinion::Optional, _) | (Opinion::OnReject, Decision::Approve) => false,
    }
}

/// Draws the consequences of what has happened in a visit: whose turn it is, or how the visit ends.
pub(super) fn settle(draft: &mut Draft<'_>, id: VisitId) -> Result<(), Rejection> {
    loop {
        let Some(visit) = draft.instance.visit(id) else { return Ok(()) };
        match verdict(visit) {
            Verdict::Wait => return Ok(()),
            Verdict::Turn(slot) => turn(draft, slot),
            Verdict::Close(state) => {
                draft.emit(Event::VisitClosed { at: draft.at, visit: id, state });
                return go_on(draft, id);
            }
        }
    }
}

/// A queued slot's turn: its owner may have left since (B3.3). Self rule and de-dup cannot change within a visit.
fn turn(draft: &mut Draft<'_>, id: SlotId) {
    let active = draft.instance.slot(id).is_some_and(|(_, slot)| draft.directory.is_active(slot.assignee));
    draft.emit(if active {
        Event::SlotTurned { at: draft.at, slot: id }
    } else {
        Event::SlotRemoved { slot: id }
    });
}

/// What the slots of an open visit come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Wait,
    Turn(SlotId),
    Close(VisitState),
}

fn verdict(visit: &Visit) -> Verdict {
    let tally = Tally::of(visit);
    let outcome = match visit.mode {
        Mode::OrSign { reject: OrReject::FirstDecides } if tally.rejected > 0 => Some(VisitState::Rejected),
        Mode::OrSign { .. } if tally.approved > 0 => Some(tally.passed()),
        Mode::OrSign { .. } if tally.rejected == tally.count => Some(VisitState::Rejected),
        Mode::Countersign { reject: AllReject::WaitForAll } if tally.open > 0 => None,
        Mode::Countersign { .. } | Mode::InTurn if tally.rejected > 0 => Some(VisitState::Rejected),
        Mode::Countersign { .. } | Mode::InTurn if tally.approved == tally.count => Some(tally.passed()),
        Mode::OrSign { .. } | Mode::Countersign { .. } | Mode::InTurn => None,
    };
    match (outcome, tally.pending, tally.queued) {
        (Some(state), _, _) => Verdict::Close(state),
        (None, 0, Some(next)) => Verdict::Turn(next),
        (None, _, _) => Verdict::Wait,
    }
}

/// Counts over the slots of a visit; removed ones do not count.
struct Tally {
    count: usize,
    approved: usize,
    rejected: usize,
    open: usize,
    pending: usize,
    /// Somebody decided himself.
    asked: bool,
    /// The first whose turn has not come.
    queued: Option<SlotId>,
}

impl Tally {
    fn of(visit: &Visit) -> Self {
        let mut tally =
            Tally { count: 0, approved: 0, rejected: 0, open: 0, pending: 0, asked: false, queued: None };
        for slot in visit.slots.iter().filter(|slot| slot.state != SlotState::Removed) {
            tally.count += 1;
            tally.asked |= slot.decided.is_some();
            tally.open += usize::from(slot.state.is_open());
            match slot.state {
                SlotState::Approved | SlotState::Auto(_) => tally.approved += 1,
                SlotState::Rejected => tally.rejected += 1,
                SlotState::Pending => tally.pending += 1,
                SlotState::Queued => tally.queued = tally.queued.or(Some(slot.id)),
                SlotState::NotNeeded | SlotState::Removed | SlotState::Cancelled => {}
            }
        }
        tally
    }

    fn passed(&self) -> VisitState {
        if self.asked { VisitState::Passed } else { VisitState::AutoApproved }
    }
}
