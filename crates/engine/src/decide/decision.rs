//! Deciding in a slot: who may, and on what. What the slots of a visit come to: `verdict.rs`.

use super::edits::Values;
use super::verdict::settle;
use super::{
    ATTACHMENT_LIMIT, Draft, check_active, checked_text, edits, handing, people_node, picks, signers, sweep,
};
use crate::approvers::{Barred, is_separated};
use crate::command::Opinion;
use crate::event::{Decision, Event};
use crate::form::FileRef;
use crate::ids::{SlotId, UserId, VisitId};
use crate::instance::{Slot, SlotState, Status, Visit, VisitKind, VisitState};
use crate::rejection::Rejection;
use crate::template::{Abstain, Block, Mode, SelfRule, Template, Vote};

/// Somebody decides in a slot: guards, what he changed on the way, the decision, what follows.
pub(super) fn decide_slot(
    draft: &mut Draft<'_>,
    actor: UserId,
    decision: Decision,
    opinion: &Opinion,
) -> Result<(), Rejection> {
    let (visit, slot) = open_slot(draft, actor, opinion.slot)?;
    check_duties(draft, visit.id, actor)?;
    if decision == Decision::Abstain && slot.parent.is_some() {
        return Err(Rejection::NotOffered { action: "abstain" });
    }
    let (visit, slot, brought_in) = (visit.id, slot.id, slot.added_by.is_some());
    check_offered(draft, visit, decision)?;
    check_seen(draft, opinion)?;
    let comment = checked_text("comment", &opinion.comment)?;
    check_demands(draft, visit, decision, opinion)?;
    picks::check(draft, visit, decision, opinion)?;
    let before = Values::now(draft);
    edits::in_slot(draft, slot, actor, &opinion.edits)?;
    // He may have linked another instance only now.
    check_duties(draft, visit, actor)?;
    sweep::void_approvals(draft, &before, Some(actor));
    if decision == Decision::Approve && !brought_in {
        edits::check_filled_in(draft, visit)?;
    }
    let comment = comment.to_owned();
    handing::reclaim(draft, slot, actor);
    let (signature, attachments) = (opinion.signature.clone(), opinion.attachments.clone());
    draft.emit(Event::SlotDecided {
        at: draft.at,
        slot,
        by: actor,
        decision,
        comment,
        signature,
        attachments,
    });
    picks::record(draft, slot, actor, opinion);
    signers::hold(draft, slot);
    settle(draft, visit)
}

/// Duties that have to be in different hands bind whoever decides, in whosever place (semantics D9).
fn check_duties(draft: &Draft<'_>, visit: VisitId, actor: UserId) -> Result<(), Rejection> {
    let Some(visit) = draft.instance.visit(visit) else { return Ok(()) };
    let bound = people_node(draft, visit).is_some();
    if bound && is_separated(actor, &visit.node, draft.scene(visit.token)) {
        return Err(Barred::Separated.rejection(actor));
    }
    Ok(())
}

/// A slot that the actor may act in now, and its visit.
pub(super) fn open_slot<'d>(
    draft: &'d Draft<'_>,
    actor: UserId,
    id: SlotId,
) -> Result<(&'d Visit, &'d Slot), Rejection> {
    let (visit, slot) = draft.instance.slot(id).ok_or(Rejection::TaskNotFound { slot: id })?;
    check_active(draft.directory, actor)?;
    // What is lent for an opinion is decided by the one who lent it.
    let holder = slot.back_to.unwrap_or(slot.assignee);
    if holder != actor && slot.absent != Some(actor) && !may_stand_in(draft, (visit, slot), actor) {
        return Err(Rejection::NotYourTask);
    }
    check_pending(draft, visit, slot)?;
    Ok((visit, slot))
}

/// Not everything can be said everywhere: what is carried out is not rejected, and abstaining is for votes that allow it.
fn check_offered(draft: &Draft<'_>, visit: VisitId, decision: Decision) -> Result<(), Rejection> {
    let Some(visit) = draft.instance.visit(visit) else { return Ok(()) };
    let node = match draft.template.block(&visit.node) {
        Some(Block::Approval(node)) => Some(node),
        Some(_) | None => None,
    };
    let offered = match decision {
        Decision::Approve => visit.kind != VisitKind::Revise,
        Decision::Reject => visit.kind != VisitKind::Revise && node.is_none_or(|node| !node.handle),
        Decision::Abstain => {
            matches!(visit.mode, Mode::Vote(Vote { abstain: Abstain::KeepsBase | Abstain::ShrinksBase, .. }))
        }
    };
    let action = match decision {
        Decision::Approve => "approve",
        Decision::Reject => "reject",
        Decision::Abstain => "abstain",
    };
    if offered { Ok(()) } else { Err(Rejection::NotOffered { action }) }
}

/// What he decides on has to be what he saw (semantics D2).
pub(super) fn check_seen(draft: &Draft<'_>, opinion: &Opinion) -> Result<(), Rejection> {
    let now = draft.instance.contents.last().map(|content| &content.digest);
    match &opinion.seen {
        Some(seen) if now.is_some_and(|now| now != seen) => Err(Rejection::ContentChanged),
        Some(_) | None => Ok(()),
    }
}

/// A manager of the template or the workspace may decide in an approver's place, where the template allows it and the node
/// does not want the approver's own hand; not in two places of a visit, and on his own request only where he could decide as
/// an approver too (B6.1).
fn may_stand_in(draft: &Draft<'_>, (visit, slot): (&Visit, &Slot), actor: UserId) -> bool {
    draft.template.settings.allow_agent
        && draft.is_manager(actor)
        && people_node(draft, visit).is_none_or(|node| !node.wants_own_hand())
        && (is_one_enough(visit) || !visit.slots.iter().any(|it| it.id != slot.id && speaks_in(actor, it)))
        && (actor != draft.instance.initiator || may_approve_himself(draft.template, visit))
}

/// One voice settles it, so nobody's second voice takes the place of another's.
fn is_one_enough(visit: &Visit) -> bool {
    match visit.mode {
        Mode::OrSign { .. } => true,
        Mode::Countersign { .. } | Mode::InTurn | Mode::Vote(_) => false,
    }
}

/// He has a slot, or decided in it for somebody else.
fn speaks_in(user: UserId, slot: &Slot) -> bool {
    let decided = slot.decided.as_ref().is_some_and(|it| it.by == user);
    let has = slot.assignee == user || slot.absent == Some(user) || slot.back_to == Some(user);
    decided || (has && slot.state != SlotState::Removed)
}

fn may_approve_himself(template: &Template, visit: &Visit) -> bool {
    match template.block(&visit.node) {
        Some(Block::Approval(node)) => node.self_rule() == SelfRule::Approve,
        Some(_) | None => false,
    }
}

/// Somebody may decide in the slot now, or why not. Whoever was faster is named.
pub(super) fn check_pending(draft: &Draft<'_>, visit: &Visit, slot: &Slot) -> Result<(), Rejection> {
    is_pending(draft, visit, slot).map_err(|why| match why {
        Rejection::AlreadyDecided { by, name: _, at, decision } => {
            let name = by.map(|user| draft.directory.name(user));
            Rejection::AlreadyDecided { by, name, at, decision }
        }
        other => other,
    })
}

fn is_pending(draft: &Draft<'_>, visit: &Visit, slot: &Slot) -> Result<(), Rejection> {
    match slot.state {
        SlotState::Pending if can_decide(draft.instance.status) => Ok(()),
        SlotState::Queued | SlotState::Waiting => Err(Rejection::NotYourTurn),
        SlotState::Offered => Err(Rejection::NotClaimed),
        SlotState::Taken => Err(taken_by_another(visit)),
        SlotState::Returned => Err(Rejection::AlreadyDecided {
            by: slot.decided.as_ref().map(|it| it.by),
            name: None,
            at: visit.closed_at,
            decision: None,
        }),
        SlotState::Cancelled if visit.state == VisitState::Returned => {
            let returned = visit.slots.iter().find(|it| it.state == SlotState::Returned);
            let by = returned.and_then(|it| it.decided.as_ref()).map(|it| it.by);
            Err(Rejection::AlreadyDecided { by, name: None, at: visit.closed_at, decision: None })
        }
        SlotState::Abstained => Err(decided_by(slot, Decision::Abstain)),
        SlotState::Pending | SlotState::Cancelled => {
            Err(Rejection::NotRunning { status: draft.instance.status })
        }
        SlotState::Approved => Err(decided_by(slot, Decision::Approve)),
        SlotState::Rejected => Err(decided_by(slot, Decision::Reject)),
        SlotState::NotNeeded => Err(closed_by_another(visit)),
        SlotState::Auto(_) | SlotState::AutoRejected(_) | SlotState::Removed => {
            Err(Rejection::AlreadyDecided { by: None, name: None, at: None, decision: None })
        }
    }
}

/// People are asked at the moment; where nobody could be asked in one branch, those in others go on.
pub(super) fn check_running(draft: &Draft<'_>) -> Result<(), Rejection> {
    let status = draft.instance.status;
    if can_decide(status) { Ok(()) } else { Err(Rejection::NotRunning { status }) }
}

pub(super) fn can_decide(status: Status) -> bool {
    match status {
        Status::Running | Status::Suspended | Status::Returned | Status::Revoking => true,
        Status::Draft
        | Status::Approved
        | Status::Rejected
        | Status::Withdrawn
        | Status::Revoked
        | Status::Terminated => false,
    }
}

fn taken_by_another(visit: &Visit) -> Rejection {
    let claimer = visit.slots.iter().find(|slot| slot.state == SlotState::Pending);
    Rejection::Taken { by: claimer.map(|slot| slot.assignee) }
}

fn decided_by(slot: &Slot, decision: Decision) -> Rejection {
    let decided = slot.decided.as_ref();
    Rejection::AlreadyDecided {
        by: decided.map(|it| it.by),
        name: None,
        at: decided.map(|it| it.at),
        decision: Some(decision),
    }
}

/// Who was faster: the one whose decision closed the visit, or a rule.
fn closed_by_another(visit: &Visit) -> Rejection {
    let decided = visit.slots.iter().filter(|slot| slot.decided.is_some());
    match decided.max_by_key(|slot| slot.decided.as_ref().map(|it| it.at)) {
        None => Rejection::AlreadyDecided { by: None, name: None, at: visit.closed_at, decision: None },
        Some(last) if last.state == SlotState::Rejected => decided_by(last, Decision::Reject),
        Some(last) => decided_by(last, Decision::Approve),
    }
}

/// What the node demands of a decision is there, whoever makes it; people who were brought in are no exception (B5.4).
fn check_demands(
    draft: &Draft<'_>,
    visit: VisitId,
    decision: Decision,
    opinion: &Opinion,
) -> Result<(), Rejection> {
    check_attachments(&opinion.attachments)?;
    let node = draft.instance.visit(visit).and_then(|visit| people_node(draft, visit));
    let Some(node) = node else { return Ok(()) };
    if node.opinion.applies_to(decision) && opinion.comment.trim().is_empty() {
        return Err(Rejection::TextRequired { field: "comment" });
    }
    if node.signature.applies_to(decision) && opinion.signature.is_none() {
        return Err(Rejection::FileRequired { field: "signature" });
    }
    if node.attachment.applies_to(decision) && opinion.attachments.is_empty() {
        return Err(Rejection::FileRequired { field: "attachments" });
    }
    Ok(())
}

pub(super) fn check_attachments(files: &[FileRef]) -> Result<(), Rejection> {
    match files.len() <= ATTACHMENT_LIMIT {
        true => Ok(()),
        false => Err(Rejection::TooMany { field: "attachments", limit: ATTACHMENT_LIMIT }),
    }
}
