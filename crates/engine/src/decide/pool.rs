//! Tasks that one of several people claims (semantics B3.6). The time limit goes on whoever has it.

use super::decision::{check_pending, check_running};
use super::{Draft, check_active, people_node};
use crate::approvers::{Place, barred};
use crate::event::Event;
use crate::ids::{SlotId, UserId};
use crate::instance::{Slot, SlotState, Visit, VisitKind};
use crate::rejection::Rejection;

/// Somebody takes a task of a pool. Whoever has it already takes nothing.
pub(super) fn claim(draft: &mut Draft<'_>, actor: UserId, id: SlotId) -> Result<(), Rejection> {
    let (visit, slot) = own_slot(draft, actor, id, "claim")?;
    match slot.state {
        SlotState::Offered => {
            check_running(draft)?;
            check_eligible(draft, visit, actor)?;
            draft.emit(Event::Claimed { at: draft.at, slot: id });
            Ok(())
        }
        SlotState::Pending
        | SlotState::Queued
        | SlotState::Taken
        | SlotState::Waiting
        | SlotState::Approved
        | SlotState::Rejected
        | SlotState::Abstained
        | SlotState::Returned
        | SlotState::Auto(_)
        | SlotState::AutoRejected(_)
        | SlotState::NotNeeded
        | SlotState::Removed
        | SlotState::Cancelled => check_pending(draft, visit, slot),
    }
}

/// Whoever has claimed a task gives it back.
pub(super) fn release(draft: &mut Draft<'_>, actor: UserId, id: SlotId) -> Result<(), Rejection> {
    let (visit, slot) = own_slot(draft, actor, id, "release")?;
    check_pending(draft, visit, slot)?;
    draft.emit(Event::Released { at: draft.at, slot: id });
    Ok(())
}

/// The actor's place in a pool. Nobody claims in another one's name.
fn own_slot<'d>(
    draft: &'d Draft<'_>,
    actor: UserId,
    id: SlotId,
    action: &'static str,
) -> Result<(&'d Visit, &'d Slot), Rejection> {
    let (visit, slot) = draft.instance.slot(id).ok_or(Rejection::TaskNotFound { slot: id })?;
    check_active(draft.directory, actor)?;
    if slot.assignee != actor {
        return Err(Rejection::NotYourTask);
    }
    if visit.kind != VisitKind::Pool || slot.parent.is_some() {
        return Err(Rejection::NotOffered { action });
    }
    Ok((visit, slot))
}

/// Whoever may not decide here claims nothing (B6.1, D9).
fn check_eligible(draft: &Draft<'_>, visit: &Visit, actor: UserId) -> Result<(), Rejection> {
    let Some(node) = people_node(draft, visit) else { return Ok(()) };
    match barred(actor, Place::at(node), draft.scene(visit.token)) {
        Some(barred) => Err(barred.rejection(actor)),
        None => Ok(()),
    }
}
