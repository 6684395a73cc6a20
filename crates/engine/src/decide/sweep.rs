//! Open slots follow the people: to a substitute while somebody is away and back afterwards (semantics B6.4), and away from
//! whoever cannot decide any more, since he has left (B8.5) or decided where duties have to be in different hands (D9).
//!
//! What a slot comes to follows from the directory of now alone, so that looking twice changes nothing.
//!
//! A slot of somebody who cannot decide any more goes back to the one whom the rules chose, if it was handed on or lent.
//! Else it is taken out of the visit where anybody else is left in it, one person being enough to go on (B8). Where nobody
//! is left, the visit is given up and the node is entered again without people, so that its empty rule says who decides;
//! only where one was drawn of many, or a return asked those who had decided, the rules are asked for others first.

use super::arriving::{Arrival, come_to, enter_again, open};
use super::edits::Values;
use super::verdict::settle;
use super::{Draft, Purpose, people_node};
use crate::approvers::{Barred, Found, Place, barred, is_separated};
use crate::event::{Event, Move, WhyRemoved};
use crate::ids::{SYSTEM, SlotId, UserId, VisitId};
use crate::instance::{AutoReason, Slot, SlotState, Visit, VisitKind, VisitState};
use crate::rejection::Rejection;
use crate::template::{Assign, Mode};

/// Looks at every open slot again.
pub(super) fn sweep(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    follow(draft, |draft, visit, slot| {
        gone_step(draft, visit, slot).or_else(|| away_step(draft, visit, slot))
    })
}

/// Open slots of whoever has decided where duties have to be in different hands.
pub(super) fn separate(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    if draft.template.settings.separation.is_empty() {
        return Ok(());
    }
    follow(draft, gone_step)
}

/// What a slot comes to.
enum Step {
    Move(SlotId, UserId, Move),
    /// Somebody stands in who is asked in the visit anyway.
    Merge(VisitId, SlotId, UserId),
    /// Its holder cannot decide any more, and it cannot go back to anybody.
    TakeOut(SlotId, Found),
}

type Look = fn(&Draft<'_>, &Visit, &Slot) -> Option<Step>;

fn follow(draft: &mut Draft<'_>, look: Look) -> Result<(), Rejection> {
    while let Some(step) = first_step(draft, look) {
        match step {
            Step::Move(slot, to, Move::Leaver) => hand(draft, slot, (SYSTEM, to), (Move::Leaver, ""))?,
            Step::Move(slot, to, how) => give(draft, slot, to, how),
            Step::Merge(visit, slot, to) => {
                merge(draft, slot, to);
                settle(draft, visit)?;
            }
            Step::TakeOut(slot, holder) => {
                let why = why_gone(draft, holder.user);
                take_out(draft, (slot, why), vec![holder])?;
            }
        }
    }
    Ok(())
}

fn first_step(draft: &Draft<'_>, look: Look) -> Option<Step> {
    undecided(draft).find_map(|(visit, slot)| look(draft, visit, slot))
}

/// Slots in which somebody is asked, or will be once those have spoken whom he brought in.
fn undecided<'d>(draft: &'d Draft<'_>) -> impl Iterator<Item = (&'d Visit, &'d Slot)> + use<'d> {
    let visits = draft.instance.visits.iter();
    let visits = visits.filter(|it| it.state == VisitState::Open && it.stuck.is_none());
    let asked = |it: &&Slot| match it.state {
        SlotState::Pending | SlotState::Offered | SlotState::Taken | SlotState::Waiting => {
            it.decided.is_none()
        }
        SlotState::Queued
        | SlotState::Approved
        | SlotState::Rejected
        | SlotState::Abstained
        | SlotState::Returned
        | SlotState::Auto(_)
        | SlotState::AutoRejected(_)
        | SlotState::NotNeeded
        | SlotState::Removed
        | SlotState::Cancelled => false,
    };
    visits.flat_map(move |visit| visit.slots.iter().filter(asked).map(move |slot| (visit, slot)))
}

/// He has left, or duties have to be in different hands.
fn is_gone(draft: &Draft<'_>, visit: &Visit, user: UserId) -> bool {
    !draft.directory.is_active(user)
        || (people_node(draft, visit).is_some() && is_separated(user, &visit.node, draft.scene(visit.token)))
}

/// Why somebody who is gone is.
fn why_gone(draft: &Draft<'_>, user: UserId) -> WhyRemoved {
    if draft.directory.is_active(user) { WhyRemoved::Separated } else { WhyRemoved::Left }
}

/// What follows from somebody's being gone.
fn gone_step(draft: &Draft<'_>, visit: &Visit, slot: &Slot) -> Option<Step> {
    let holder = slot.holder();
    if !is_gone(draft, visit, holder) {
        let mut others = std::iter::once(slot.assignee).chain(slot.back_to);
        let other_gone = others.any(|user| is_gone(draft, visit, user));
        return other_gone.then_some(Step::Move(slot.id, holder, Move::Leaver));
    }
    let Some(node) = people_node(draft, visit) else { return without_node(draft, visit, slot) };
    let place = Place::taking(node, visit, slot.id);
    let back = Some(slot.owner).filter(|user| barred(*user, place, draft.scene(visit.token)).is_none());
    Some(match back {
        Some(owner) => Step::Move(slot.id, owner, Move::Leaver),
        None => Step::TakeOut(slot.id, Found { user: holder, why: slot.why.clone() }),
    })
}

/// Of those who were to agree to a revocation one is gone, or the initiator whom it was sent back to: where nobody is left, an
/// administrator stands for him.
fn without_node(draft: &Draft<'_>, visit: &Visit, slot: &Slot) -> Option<Step> {
    if visit.kind == VisitKind::Consent && others_remain(draft, visit, slot) {
        let found = Found { user: slot.holder(), why: slot.why.clone() };
        return Some(Step::TakeOut(slot.id, found));
    }
    let managers = draft.template.settings.managers.iter().copied();
    // Nobody agrees with himself.
    let barred = Some(draft.instance.initiator).filter(|_| visit.kind == VisitKind::Consent);
    let all = managers.chain(draft.directory.admins());
    let mut able = all.filter(|user| Some(*user) != barred && !is_gone(draft, visit, *user));
    able.next().map(|to| Step::Move(slot.id, to, Move::Leaver))
}

/// What follows from somebody's being away, or being back. A lent task waits for the opinion first.
fn away_step(draft: &Draft<'_>, visit: &Visit, slot: &Slot) -> Option<Step> {
    if slot.back_to.is_some() {
        return None;
    }
    let owner = slot.absent.unwrap_or(slot.assignee);
    let (now, moves_open) = match substitute(draft, visit, slot, owner) {
        Some(Substitute { stands, move_open }) => (stands, move_open || slot.absent.is_some()),
        None => (Stands::For(owner), true),
    };
    match now {
        _ if !moves_open => None,
        Stands::Merged(to) => Some(Step::Merge(visit.id, slot.id, to)),
        Stands::For(to) if to == slot.assignee => None,
        Stands::For(to) if to != owner => Some(Step::Move(slot.id, to, Move::Absence)),
        Stands::For(to) => Some(Step::Move(slot.id, to, Move::BackFromAbsence)),
    }
}

/// Who stands in for somebody.
struct Substitute {
    stands: Stands,
    /// In what is open already, too.
    move_open: bool,
}

enum Stands {
    /// He is asked.
    For(UserId),
    /// He is asked in the visit anyway, and is not asked twice.
    Merged(UserId),
}

/// Who stands in for the owner of a slot; nobody where he is there, has to decide with his own hand, or where the other one
/// may not decide here: then he keeps it.
fn substitute(draft: &Draft<'_>, visit: &Visit, slot: &Slot, owner: UserId) -> Option<Substitute> {
    let node = people_node(draft, visit)?;
    if node.wants_own_hand() || visit.kind == VisitKind::Pool {
        return None;
    }
    let found = draft.directory.substitute_of(owner, draft.instance.template, draft.at)?;
    let (user, move_open) = (found.user, found.move_open);
    if user == slot.assignee && !is_gone(draft, visit, user) {
        return Some(Substitute { stands: Stands::For(user), move_open });
    }
    let mode = super::signers::group_mode(visit, slot);
    let beside = |it: &&Slot| it.parent == slot.parent && it.id != slot.id && it.state != SlotState::Removed;
    let asked_beside = visit.slots.iter().filter(beside).any(|it| it.assignee == user);
    let stands = match barred(user, Place::taking(node, visit, slot.id), draft.scene(visit.token)) {
        None => Stands::For(user),
        // In a vote each vote counts for itself.
        Some(Barred::HoldsSlot) if !asked_beside || matches!(mode, Mode::Vote(_)) => Stands::For(user),
        Some(Barred::HoldsSlot) if !slot.has_added_open(visit) => Stands::Merged(user),
        Some(
            Barred::HoldsSlot | Barred::Inactive | Barred::Initiator | Barred::Separated | Barred::NotOffered,
        ) => return None,
    };
    Some(Substitute { stands, move_open })
}

/// Somebody, or a rule, has changed the content: what others had approved of it in visits that are still open, and on what
/// they were spared there, does not count any more, where the change is material (semantics D2, B7 b). In turn they are asked
/// one after another. Visits that are closed keep what was decided; whether it spares anybody later is looked at there.
pub(super) fn void_approvals(draft: &mut Draft<'_>, before: &Values, editor: Option<UserId>) {
    if draft.purpose != Purpose::Act || draft.instance.content() == before.content() {
        return;
    }
    let open = |it: &&Visit| it.state == VisitState::Open && it.kind == VisitKind::Approve;
    let visits = draft.instance.visits.iter().filter(open).filter(|it| before.bear_on(draft, it));
    let void = visits.flat_map(|visit| {
        let rests = move |slot: &&Slot| rests_on_content(visit, slot, editor);
        let place = |slot: &Slot| (visit.id, slot.id, super::signers::group_mode(visit, slot));
        visit.slots.iter().filter(rests).map(place)
    });
    for (visit, slot, mode) in void.collect::<Vec<_>>() {
        draft.emit(Event::AskedAgain { at: draft.at, slot });
        if mode != Mode::InTurn {
            turn(draft, slot);
        }
        // Whoever has left meanwhile is taken out, and that may settle the visit. It is looked at last, since it may be
        // another token that is on its way now.
        if !draft.unsettled.contains(&visit) {
            draft.unsettled.push(visit);
        }
    }
}

/// Looks at the visits in which people were asked again.
pub(super) fn settle_left_over(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    while let Some(visit) = draft.unsettled.pop() {
        if draft.instance.visit(visit).is_some_and(|it| it.state == VisitState::Open) {
            settle(draft, visit)?;
        }
    }
    Ok(())
}

/// Somebody but the editor approved it, himself or because he had approved before. People who were brought in speak through
/// the one who brought them in, so theirs counts no more only as long as he hears them.
fn rests_on_content(visit: &Visit, slot: &Slot, editor: Option<UserId>) -> bool {
    let parent = visit.slots.iter().find(|it| Some(it.id) == slot.parent);
    let heard = |parent: &Slot| parent.state.is_open() && parent.added(visit).any(|it| it.id == slot.id);
    let by_another = slot.decided.as_ref().is_some_and(|it| Some(it.by) != editor);
    let approved = match slot.state {
        SlotState::Approved | SlotState::Waiting => by_another,
        SlotState::Auto(AutoReason::Duplicate { .. } | AutoReason::Kept { .. }) => Some(slot.owner) != editor,
        SlotState::Queued
        | SlotState::Pending
        | SlotState::Offered
        | SlotState::Taken
        | SlotState::Rejected
        | SlotState::Abstained
        | SlotState::Returned
        | SlotState::Auto(_)
        | SlotState::AutoRejected(_)
        | SlotState::NotNeeded
        | SlotState::Removed
        | SlotState::Cancelled => false,
    };
    approved && parent.is_none_or(heard)
}

/// A slot's turn has come. Whoever is gone by then is passed over, and whoever is away is stood in for (B3.3). The self rule
/// cannot have changed within a visit, and de-dup only by a change of the content, after which `void_approvals` has been.
pub(super) fn turn(draft: &mut Draft<'_>, id: SlotId) {
    let Some((visit, slot)) = draft.instance.slot(id) else { return };
    if slot.state == SlotState::Queued && is_gone(draft, visit, slot.holder()) {
        let why = why_gone(draft, slot.holder());
        draft.emit(Event::SlotRemoved { slot: id, why });
        return;
    }
    stand_in(draft, id);
    if draft.instance.slot(id).is_some_and(|(_, slot)| slot.state.is_open()) {
        draft.emit(Event::SlotTurned { at: draft.at, slot: id });
    }
}

/// Somebody gets a slot: whoever stands in for him is asked in his place.
pub(super) fn stand_in(draft: &mut Draft<'_>, id: SlotId) {
    let Some((visit, slot)) = draft.instance.slot(id) else { return };
    let owner = slot.absent.unwrap_or(slot.assignee);
    match substitute(draft, visit, slot, owner).map(|it| it.stands) {
        Some(Stands::For(to)) if to != slot.assignee => give(draft, id, to, Move::Absence),
        Some(Stands::Merged(to)) => merge(draft, id, to),
        Some(Stands::For(_)) | None => {}
    }
}

/// Gives a slot to somebody for good; whoever stands in for him is asked in his place. Whose turn has not come yet is looked
/// at when it does.
pub(super) fn hand(
    draft: &mut Draft<'_>,
    slot: SlotId,
    (by, to): (UserId, UserId),
    (how, comment): (Move, &str),
) -> Result<(), Rejection> {
    let open = draft.instance.slot(slot).filter(|(_, slot)| slot.state.is_open());
    let Some((visit, queued)) = open.map(|(visit, slot)| (visit.id, slot.state == SlotState::Queued)) else {
        return Ok(());
    };
    let (at, comment) = (draft.at, comment.to_owned());
    draft.emit(Event::SlotMoved { at, slot, by, to, how, comment });
    if queued {
        return Ok(());
    }
    stand_in(draft, slot);
    // Two slots may have become one.
    settle(draft, visit)
}

/// A slot is with somebody again whose absence may be over.
pub(super) fn look_again(draft: &mut Draft<'_>, id: SlotId) {
    let Some((visit, slot)) = draft.instance.slot(id) else { return };
    if let Some(Step::Move(slot, to, how)) = away_step(draft, visit, slot) {
        give(draft, slot, to, how);
    }
}

fn give(draft: &mut Draft<'_>, slot: SlotId, to: UserId, how: Move) {
    let (at, by, comment) = (draft.at, SYSTEM, String::new());
    draft.emit(Event::SlotMoved { at, slot, by, to, how, comment });
}

/// Two slots become one: what he says in his own counts for both.
fn merge(draft: &mut Draft<'_>, slot: SlotId, to: UserId) {
    give(draft, slot, to, Move::Absence);
    draft.emit(Event::SlotRemoved { slot, why: WhyRemoved::Merged });
}

/// Takes a slot out of its visit. Where nobody is left the node is entered again as if its rules had found these people, or,
/// where not everybody whom they find was asked, with whom they find now.
pub(super) fn take_out(
    draft: &mut Draft<'_>,
    (id, why): (SlotId, WhyRemoved),
    found: Vec<Found>,
) -> Result<(), Rejection> {
    let Some((visit, slot)) = draft.instance.slot(id) else { return Ok(()) };
    let (at, visit_id) = (draft.at, visit.id);
    let claimed = slot.parent.is_none() && matches!(slot.state, SlotState::Pending | SlotState::Waiting);
    if slot.parent.is_some() || others_remain(draft, visit, slot) {
        if visit.kind == VisitKind::Pool && claimed {
            draft.emit(Event::Released { at, slot: id });
        }
        draft.emit(Event::SlotRemoved { slot: id, why });
        return settle(draft, visit_id);
    }
    let Some(node) = people_node(draft, visit) else { return Ok(()) };
    let (token, level) = (visit.token, visit.level);
    let asked_again = was_sent_back_to(draft, visit);
    let drawn = matches!(node.assign, Assign::Random | Assign::RoundRobin | Assign::LeastLoaded);
    let arrival = Arrival::again(visit, node, found);
    draft.emit(Event::VisitClosed { at, visit: visit_id, state: VisitState::Cancelled });
    match (asked_again, drawn) {
        (true, _) => enter_again(draft, token, node, level),
        (false, true) => come_to(draft, token, node, (level.max(1), None)),
        (false, false) => open(draft, arrival),
    }
}

/// A return that is under way opened the visit, and may have asked only those who had decided (B4.4).
fn was_sent_back_to(draft: &Draft<'_>, visit: &Visit) -> bool {
    let under_way = draft.instance.returns.iter().filter(|it| !it.settled && it.token == visit.token);
    under_way.into_iter().any(|it| it.from < visit.id && it.to.is_at(&visit.node, visit.level))
}

/// Beside this slot there is one that is decided, or that somebody can decide.
fn others_remain(draft: &Draft<'_>, visit: &Visit, slot: &Slot) -> bool {
    let others = visit.slots.iter().filter(|it| it.id != slot.id && it.parent.is_none());
    let mut others = others.filter(|it| !matches!(it.state, SlotState::Removed | SlotState::NotNeeded));
    others.any(|it| !it.state.is_open() || it.decided.is_some() || !is_gone(draft, visit, it.holder()))
}
