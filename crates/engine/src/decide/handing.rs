//! Handing a task on for good, and lending it for an opinion (semantics B6.2, B6.3). A lent task stays with whoever lent
//! it: the other one may only say what he thinks, and the lender may decide without waiting for that.

use super::decision::{can_decide, check_pending, open_slot};
use super::verdict::settle;
use super::{Draft, check_active, checked_text, people_node, sweep};
use crate::approvers::{Place, barred};
use crate::command::Handing;
use crate::event::{Event, Move};
use crate::ids::{SlotId, UserId};
use crate::instance::SlotState;
use crate::rejection::Rejection;
use crate::template::Offer;

/// How often a task is handed on at most (semantics B6.2).
const MOVES_LIMIT: u32 = 10;

/// Hands a task on for good. Whoever waits for people he brought in may do so too; they speak to the next one then.
pub(super) fn transfer(draft: &mut Draft<'_>, actor: UserId, handing: &Handing) -> Result<(), Rejection> {
    let waiting = draft.instance.slot(handing.slot).filter(|(_, slot)| {
        slot.state == SlotState::Waiting && slot.decided.is_none() && slot.holder() == actor
    });
    match waiting {
        Some(_) if can_decide(draft.instance.status) => check_active(draft.directory, actor),
        Some(_) | None => open_slot(draft, actor, handing.slot).map(|_| ()),
    }?;
    hand(draft, actor, handing, Move::Transfer)?;
    sweep::stand_in(draft, handing.slot);
    // Whoever stands in for the next one may have spoken already.
    let visit = draft.instance.slot(handing.slot).map(|(visit, _)| visit.id);
    visit.map_or(Ok(()), |visit| settle(draft, visit))
}

/// Lends a task to somebody for his opinion.
pub(super) fn delegate(draft: &mut Draft<'_>, actor: UserId, handing: &Handing) -> Result<(), Rejection> {
    let (_, slot) = open_slot(draft, actor, handing.slot)?;
    if slot.back_to.is_some() {
        return Err(Rejection::NotOffered { action: "delegate" });
    }
    hand(draft, actor, handing, Move::Delegate)
}

fn hand(draft: &mut Draft<'_>, actor: UserId, handing: &Handing, how: Move) -> Result<(), Rejection> {
    let Handing { slot: id, to, comment } = handing;
    let (visit, slot) = draft.instance.slot(*id).ok_or(Rejection::TaskNotFound { slot: *id })?;
    let action = if how == Move::Transfer { "transfer" } else { "delegate" };
    let node = people_node(draft, visit).ok_or(Rejection::NotOffered { action })?;
    let offer = if how == Move::Transfer { &node.transfer } else { &node.delegate };
    if *offer == Offer::Nobody {
        return Err(Rejection::NotOffered { action });
    }
    if slot.moves >= MOVES_LIMIT {
        return Err(Rejection::LimitReached { what: "times a task is handed on", limit: MOVES_LIMIT });
    }
    let place = Place::taking(node, visit, *id).offered(offer);
    if let Some(why) = barred(*to, place, draft.scene(visit.token)) {
        return Err(why.rejection(*to));
    }
    let comment = checked_text("comment", comment)?.to_owned();
    draft.emit(Event::SlotMoved { at: draft.at, slot: *id, by: actor, to: *to, how, comment });
    Ok(())
}

/// Says what one was asked for; the task goes back.
pub(super) fn give_opinion(
    draft: &mut Draft<'_>,
    actor: UserId,
    id: SlotId,
    comment: &str,
) -> Result<(), Rejection> {
    check_active(draft.directory, actor)?;
    let (visit, slot) = draft.instance.slot(id).ok_or(Rejection::TaskNotFound { slot: id })?;
    check_pending(draft, visit, slot)?;
    if slot.assignee != actor {
        return Err(Rejection::NotYourTask);
    }
    let to = slot.back_to.ok_or(Rejection::NotOffered { action: "give_opinion" })?;
    let comment = checked_text("comment", comment)?.to_owned();
    if comment.is_empty() {
        return Err(Rejection::TextRequired { field: "comment" });
    }
    draft.emit(Event::SlotMoved { at: draft.at, slot: id, by: actor, to, how: Move::GivenBack, comment });
    sweep::look_again(draft, id);
    Ok(())
}

/// Whoever lent a task acts himself: it is with him again.
pub(super) fn reclaim(draft: &mut Draft<'_>, id: SlotId, actor: UserId) {
    let lent = draft.instance.slot(id).is_some_and(|(_, slot)| slot.back_to == Some(actor));
    if lent {
        let (at, comment) = (draft.at, String::new());
        draft.emit(Event::SlotMoved { at, slot: id, by: actor, to: actor, how: Move::GivenBack, comment });
    }
}
