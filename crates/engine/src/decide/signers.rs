//! Bringing people in and taking them out (semantics B5). People are brought in to a slot: before its holder, after him or
//! beside him they speak through that slot; peers decide in the group that his slot belongs to.

use super::decision::{check_pending, check_running, open_slot};
use super::verdict::{Tally, outcome, settle};
use super::{
    Draft, arriving, check_active, check_count, check_not_own_request, checked_text, handing, people_node,
    sweep, time,
};
use crate::approvers::{Candidate, Place, Why, WhyRule, barred, give_ballots};
use crate::command::AddSign;
use crate::event::{AddKind, Event, NewSlot, WhyRemoved};
use crate::ids::{SlotId, UserId, VisitId};
use crate::instance::{Adding, AutoReason, Slot, SlotState, Visit, VisitKind, VisitState};
use crate::rejection::Rejection;
use crate::template::{Approval, Mode, Offer};
use std::cmp::Reverse;

/// How deep people who were brought in may bring in others (semantics B5.4).
const DEPTH_LIMIT: u32 = 3;

/// Somebody brings in more people. Those after him are asked once he has approved, all others at once.
pub(super) fn add_sign(draft: &mut Draft<'_>, actor: UserId, request: &AddSign) -> Result<(), Rejection> {
    let (visit, slot) = open_slot(draft, actor, request.slot)?;
    let node = people_node(draft, visit).ok_or(NOT_OFFERED)?;
    check_place(visit, slot, request, node)?;
    check_people(draft, (visit, node), &request.people)?;
    let comment = checked_text("comment", &request.comment)?.to_owned();
    let slots = new_slots(draft, actor, (visit, slot, node), request);
    let asks_others = slot.has_added_open(visit);
    let (visit, slot, at) = (visit.id, slot.id, draft.at);
    handing::reclaim(draft, slot, actor);
    let added: Vec<SlotId> = slots.iter().map(|it| it.id).collect();
    draft.emit(Event::SlotsAdded {
        at,
        slot,
        by: actor,
        kind: request.kind,
        mode: mode_of(request),
        advisory: request.advisory && request.kind == AddKind::Before,
        slots,
        comment,
    });
    match request.kind {
        AddKind::Before => {
            if !asks_others {
                time::stop_own_timers(draft, slot);
            }
            time::set_timers_of_added(draft, slot);
        }
        AddKind::Peers => added.into_iter().for_each(|slot| sweep::turn(draft, slot)),
        AddKind::After | AddKind::Together => {}
    }
    settle(draft, visit)
}

const NOT_OFFERED: Rejection = Rejection::NotOffered { action: "add_sign" };

/// Whether people may be brought in to this slot in this way: one way at a time, and not beside somebody where one comes
/// after the other.
fn check_place(visit: &Visit, slot: &Slot, request: &AddSign, node: &Approval) -> Result<(), Rejection> {
    let in_turn = group_mode(visit, slot) == Mode::InTurn;
    let pool = visit.kind == VisitKind::Pool;
    let kind_fits = match request.kind {
        AddKind::Before | AddKind::After => true,
        AddKind::Together | AddKind::Peers => !in_turn && !pool,
    };
    let mode_fits = !matches!(request.mode, Mode::Vote(_));
    let goes_on = slot.adding.is_none_or(|adding| {
        !slot.has_added_open(visit)
            || request.kind == AddKind::Peers
            || (adding.kind == request.kind && adding.mode == mode_of(request))
    });
    if !kind_fits || !mode_fits || !goes_on || node.add_sign == Offer::Nobody || request.people.is_empty() {
        return Err(NOT_OFFERED);
    }
    let deeper = u32::from(request.kind != AddKind::Peers);
    if depth(visit, slot) + deeper > DEPTH_LIMIT {
        return Err(Rejection::LimitReached { what: "levels of people brought in", limit: DEPTH_LIMIT });
    }
    Ok(())
}

fn check_people(
    draft: &Draft<'_>,
    (visit, node): (&Visit, &Approval),
    people: &[UserId],
) -> Result<(), Rejection> {
    check_count("people", people)?;
    let place = Place::joining(node, visit).offered(&node.add_sign);
    for (index, user) in people.iter().enumerate() {
        if let Some(why) = barred(*user, place, draft.scene(visit.token)) {
            return Err(why.rejection(*user));
        }
        if people.iter().take(index).any(|before| before == user) {
            return Err(Rejection::NotEligible { user: *user, why: "this person is named twice" });
        }
    }
    Ok(())
}

/// Beside him, he and all of them have to approve.
fn mode_of(request: &AddSign) -> Mode {
    match request.kind {
        AddKind::Before | AddKind::After => request.mode,
        AddKind::Together | AddKind::Peers => AddSign::all(),
    }
}

/// Places for the people brought in; whose turn it is follows. Peers of those whom the rules chose vote as these do, in the
/// group of the one who brought them in where the node puts them in none.
fn new_slots(
    draft: &Draft<'_>,
    actor: UserId,
    (visit, slot, node): (&Visit, &Slot, &Approval),
    request: &AddSign,
) -> Vec<NewSlot> {
    let why = Why::by(WhyRule::Added { by: draft.directory.name(actor) });
    let people = request.people.iter().map(|user| Candidate::of(*user, why.clone()));
    let mut people: Vec<Candidate> = people.collect();
    if request.kind == AddKind::Peers && slot.parent.is_none() {
        give_ballots(&mut people, node, draft.scene(visit.token));
        people.iter_mut().for_each(|it| it.group = it.group.take().or(slot.group.clone()));
    }
    arriving::new_slots(draft, people, Mode::InTurn, visit.kind)
}

/// How many people stand between somebody and the one whom the rules chose.
fn depth(visit: &Visit, slot: &Slot) -> u32 {
    let parent_of = |slot: &Slot| visit.slots.iter().find(|it| Some(it.id) == slot.parent);
    std::iter::successors(parent_of(slot), |slot| parent_of(slot)).count() as u32
}

/// How those decide among whom a slot is one.
pub(super) fn group_mode(visit: &Visit, slot: &Slot) -> Mode {
    let parent = visit.slots.iter().find(|it| Some(it.id) == slot.parent);
    parent.and_then(|it| it.adding).map_or(visit.mode, |adding| adding.mode)
}

/// Takes somebody out again who has not decided: whoever brought him in may, and an administrator. An administrator may
/// take out people whom the rules chose as well, though not on his own request; where nobody is left then, the empty rule of
/// the node applies.
pub(super) fn remove_sign(draft: &mut Draft<'_>, actor: UserId, id: SlotId) -> Result<(), Rejection> {
    check_active(draft.directory, actor)?;
    let (visit, slot) = draft.instance.slot(id).ok_or(Rejection::TaskNotFound { slot: id })?;
    let adder = visit.slots.iter().find(|it| Some(it.id) == slot.parent);
    let brought_in = slot.added_by == Some(actor) || adder.is_some_and(|it| it.holder() == actor);
    if !brought_in {
        if !draft.is_manager(actor) {
            return Err(Rejection::NotYourTask);
        }
        check_not_own_request(draft, actor)?;
    }
    if slot.state != SlotState::Queued {
        check_pending(draft, visit, slot)?;
    }
    sweep::take_out(draft, (id, WhyRemoved::TakenOut), Vec::new())
}

/// Takes out everybody whom the holder of a slot brought in from it last, all at once, as long as none of them has acted: it
/// is as if he had never brought them in (semantics B5.6). Whom he has heard before stays.
pub(super) fn remove_added(draft: &mut Draft<'_>, actor: UserId, id: SlotId) -> Result<(), Rejection> {
    check_active(draft.directory, actor)?;
    check_running(draft)?;
    let (visit, slot) = draft.instance.slot(id).ok_or(Rejection::TaskNotFound { slot: id })?;
    let beside = |it: &Slot| it.added_by == Some(actor) && it.parent == slot.parent && it.id != id;
    let of_now: Vec<SlotId> = slot.added(visit).map(|it| it.id).collect();
    let from_here = |it: &&Slot| it.state != SlotState::Removed && (of_now.contains(&it.id) || beside(it));
    let added: Vec<&Slot> = visit.slots.iter().filter(from_here).collect();
    if slot.holder() != actor {
        return Err(Rejection::NotYourTask);
    }
    if visit.state != VisitState::Open || added.is_empty() {
        return Err(Rejection::NotOffered { action: "remove_added" });
    }
    for it in &added {
        match it.state {
            SlotState::Queued => {}
            _ => check_pending(draft, visit, it)?,
        }
    }
    let (visit, added): (VisitId, Vec<SlotId>) = (visit.id, added.into_iter().map(|it| it.id).collect());
    for slot in added {
        draft.emit(Event::SlotRemoved { slot, why: WhyRemoved::TakenOut });
    }
    settle(draft, visit)
}

/// Somebody has approved who waits for people after or beside him: his slot is approved only once they have. Where the
/// first approval would have been enough, those beside whom he was asked are not needed any more.
pub(super) fn hold(draft: &mut Draft<'_>, id: SlotId) {
    let Some((visit, slot)) = draft.instance.slot(id) else { return };
    let Some(adding) = slot.adding else { return };
    let waits = match adding.kind {
        AddKind::After | AddKind::Together => slot.has_added_open(visit),
        AddKind::Before | AddKind::Peers => false,
    };
    if slot.state != SlotState::Approved || !waits {
        return;
    }
    let closes = adding.kind == AddKind::After && matches!(group_mode(visit, slot), Mode::OrSign { .. });
    let beside = |it: &&Slot| it.parent == slot.parent && it.id != slot.id && it.state.is_open();
    let not_needed = visit.slots.iter().filter(beside).map(|it| it.id).filter(|_| closes);
    let not_needed: Vec<SlotId> = not_needed.collect();
    draft.emit(Event::SlotHeld { slot: id });
    if adding.kind == AddKind::After {
        time::set_timers_of_added(draft, id);
    }
    for slot in not_needed {
        draft.emit(Event::SlotSettled { at: draft.at, slot, state: SlotState::NotNeeded });
    }
}

/// Settles one thing about the people somebody brought in, the deepest first. Whether there was one to settle.
pub(super) fn settle_added(draft: &mut Draft<'_>, visit: VisitId) -> bool {
    let Some(visit) = draft.instance.visit(visit).filter(|it| it.state == VisitState::Open) else {
        return false;
    };
    let Some(step) = next_step(visit) else { return false };
    match step {
        Step::Turn(slots) => slots.into_iter().for_each(|slot| {
            sweep::turn(draft, slot);
            time::go_on_with_time(draft, slot);
        }),
        Step::Settle(slot, state) => draft.emit(Event::SlotSettled { at: draft.at, slot, state }),
    }
    true
}

/// What comes next among people who were brought in.
enum Step {
    /// It is the turn of these.
    Turn(Vec<SlotId>),
    /// A slot comes to this.
    Settle(SlotId, SlotState),
}

fn next_step(visit: &Visit) -> Option<Step> {
    let closed = |id| visit.slots.iter().any(|it| Some(it.id) == id && !it.state.is_open());
    let left_over = visit.slots.iter().find(|slot| slot.state.is_open() && closed(slot.parent));
    if let Some(slot) = left_over {
        return Some(Step::Settle(slot.id, SlotState::NotNeeded));
    }
    let adders =
        visit.slots.iter().filter_map(|slot| Some((slot, slot.adding.filter(|it| waits(slot, *it))?)));
    let mut adders: Vec<(&Slot, Adding)> = adders.collect();
    adders.sort_by_key(|(slot, _)| Reverse(depth(visit, slot)));
    adders.into_iter().find_map(|(slot, adding)| step_of(visit, slot, adding))
}

/// The people he brought in have their say now.
fn waits(slot: &Slot, adding: Adding) -> bool {
    match adding.kind {
        AddKind::Before | AddKind::After => slot.state == SlotState::Waiting,
        AddKind::Together => matches!(slot.state, SlotState::Waiting | SlotState::Pending),
        AddKind::Peers => false,
    }
}

/// What people who were brought in come to: they speak through the slot of the one who brought them in.
fn step_of(visit: &Visit, slot: &Slot, adding: Adding) -> Option<Step> {
    let added: Vec<&Slot> = slot.added(visit).collect();
    let tally = Tally::of(&added);
    let passed = match outcome(adding.mode, &tally) {
        _ if tally.count == 0 => true,
        None => return turn_of(&added, adding.mode).map(Step::Turn),
        Some(VisitState::Rejected | VisitState::AutoRejected) => false,
        Some(_) => true,
    };
    // Those who have not spoken are not needed before it goes on.
    if let Some(open) = added.iter().find(|it| it.state.is_open()) {
        return Some(Step::Settle(open.id, SlotState::NotNeeded));
    }
    match (passed, adding.kind) {
        (true, AddKind::Together) if slot.state == SlotState::Pending => None,
        (true, AddKind::After | AddKind::Together) => Some(Step::Settle(slot.id, SlotState::Approved)),
        (true, AddKind::Before | AddKind::Peers) => Some(Step::Turn(vec![slot.id])),
        (false, _) if adding.advisory => Some(Step::Turn(vec![slot.id])),
        (false, _) => Some(Step::Settle(slot.id, SlotState::AutoRejected(AutoReason::ByAdded))),
    }
}

/// Whose turn it is among them: one after another, or all at once.
fn turn_of(added: &[&Slot], mode: Mode) -> Option<Vec<SlotId>> {
    let queued = added.iter().filter(|it| it.state == SlotState::Queued).map(|it| it.id);
    let asked = added.iter().any(|it| it.state.is_open() && it.state != SlotState::Queued);
    let turn: Vec<SlotId> = match mode {
        Mode::InTurn if asked => return None,
        Mode::InTurn => queued.take(1).collect(),
        Mode::OrSign { .. } | Mode::Countersign { .. } | Mode::Vote(_) => queued.collect(),
    };
    (!turn.is_empty()).then_some(turn)
}
