//! Taking back one's own decision (semantics B9): as long as nobody has decided anything on the strength of it.

use super::edits::Values;
use super::returning::{recall, supersede};
use super::signers::group_mode;
use super::{Draft, check_active, edits, fork, sweep, time};
use crate::event::{AddKind, Event};
use crate::form::{Changes, FormData};
use crate::ids::{InstanceId, NodeId, SlotId, TokenId, UserId};
use crate::instance::{
    Content, Decided, Instance, Slot, SlotState, Status, TokenState, Visit, VisitKind, VisitState,
};
use crate::rejection::Rejection;
use crate::template::{Block, Mode, OrReject, Trigger};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Somebody takes back what he decided. Where his visit goes on, only his slot is open again; where it is closed, it opens as
/// it was, and what was opened after it goes away. Values that he changed with it are as they were, except where they have
/// changed again since, and whom he picked with it is picked no more. What triggers have set since stays, and they do it
/// again when the way is gone again; an instance that was begun and goes on by itself is not begun again.
pub(super) fn take_back(draft: &mut Draft<'_>, actor: UserId, id: SlotId) -> Result<(), Rejection> {
    let (visit, slot) = draft.instance.slot(id).ok_or(Rejection::TaskNotFound { slot: id })?;
    check_active(draft.directory, actor)?;
    check_own(slot, actor)?;
    // What is stuck elsewhere does not matter here, and what is stuck behind his decision goes away with it.
    if !matches!(draft.instance.status, Status::Running | Status::Suspended) {
        return Err(Rejection::NotRunning { status: draft.instance.status });
    }
    check_decision(visit, slot)?;
    check_window(draft, slot)?;
    check_visit(visit, slot)?;
    let (visit, token, decided) = (visit.clone(), visit.token, slot.decided.clone());
    let before = Values::now(draft);
    let content = draft.instance.content_of_decision(id);
    let begun = begun_since(draft, &visit);
    let slots = match visit.state {
        VisitState::Open => slots_of_open(&visit, id),
        VisitState::Passed
        | VisitState::Rejected
        | VisitState::AutoApproved
        | VisitState::AutoRejected
        | VisitState::Returned
        | VisitState::Skipped
        | VisitState::Cancelled => {
            check_nothing_followed(draft, &visit)?;
            fork::close_open_visits(draft, token);
            fork::cancel_branches(draft, token);
            recall(draft, token);
            supersede(draft, token, |it| it.id > visit.id);
            slots_as_before(&visit, id)
        }
    };
    let settled = (0..).zip(&draft.instance.returns).filter(|(_, it)| it.settled_by == Some(visit.id));
    let returns = settled.map(|(number, _)| number).collect();
    let picks = decided.as_ref().map(|it| picks_before(draft, id, it)).unwrap_or_default();
    draft.emit(Event::TakenBack { at: draft.at, slot: id, by: actor, slots, returns, picks, begun });
    if let Some(content) = content {
        let was = values_before(&draft.instance, content);
        edits::undo(draft, visit.id, actor, was);
        sweep::void_approvals(draft, &before, Some(actor));
    }
    if let Some(closed) = visit.closed_at {
        time::set_timers_again(draft, visit.id, closed);
    }
    Ok(())
}

/// Who is picked once his picks do not count any more: whom the last one picked whose decision stands, or else whom the
/// initiator did. Where somebody has been picked or set since, that stays.
fn picks_before(draft: &Draft<'_>, own: SlotId, decided: &Decided) -> BTreeMap<NodeId, Vec<UserId>> {
    let slots = draft.instance.visits.iter().flat_map(|visit| &visit.slots).filter(|it| it.id != own);
    let others: Vec<&Decided> = slots.filter_map(|it| it.decided.as_ref()).collect();
    let mut before = BTreeMap::new();
    for (node, pick) in &decided.picks {
        let standing = others.iter().filter_map(|it| Some((it.at, it.picks.get(node)?)));
        let last = standing.max_by_key(|(at, _)| *at);
        let followed = last.is_some_and(|(at, _)| at > decided.at);
        if !followed && draft.instance.picks.get(node) == Some(&pick.people) {
            let people = last.map_or(&pick.before, |(_, other)| &other.people);
            before.insert(node.clone(), people.clone());
        }
    }
    before
}

/// What the fields that he changed with his decision hold without it: what they had been given before by what still stands.
/// Where what stands has changed one of them since, that stays.
fn values_before(instance: &Instance, own: usize) -> Changes {
    let contents = &instance.contents;
    let mut before = Changes::new();
    for (field, value) in contents.get(own).into_iter().flat_map(|it| &it.was) {
        let changes = |content: &&Content| content.fields.contains(field);
        if contents.iter().skip(own + 1).filter(changes).any(|it| !it.void) {
            continue;
        }
        let earlier = contents.iter().take(own).rev().filter(changes).take_while(|it| it.void);
        let value = earlier.last().and_then(|it| it.was.get(field)).unwrap_or(value);
        before.insert(field.clone(), value.clone());
    }
    before
}

/// What fields will hold once somebody has taken back what he decided in a slot.
pub(super) fn values_taken_back(instance: &Instance, slot: SlotId) -> FormData {
    let was = instance.content_of_decision(slot).map(|content| values_before(instance, content));
    FormData(was.into_iter().flatten().filter_map(|(field, value)| Some((field, value?))).collect())
}

/// Instances that go on by themselves and were begun on the way since a visit closed.
fn begun_since(draft: &Draft<'_>, visit: &Visit) -> Vec<InstanceId> {
    if visit.state == VisitState::Open {
        return Vec::new();
    }
    let on_the_way = |token: TokenId| draft.instance.line_of(token).contains(&visit.token);
    let begun = draft.instance.begun.iter().filter(|it| it.visits > visit.id.0 && on_the_way(it.token));
    begun.map(|it| it.child).collect()
}

fn refused(why: &'static str) -> Rejection {
    Rejection::TakeBackNotAllowed { why }
}

fn check_own(slot: &Slot, actor: UserId) -> Result<(), Rejection> {
    match &slot.decided {
        Some(decided) if decided.by == actor => Ok(()),
        None if slot.assignee == actor => Err(refused("nothing has been decided")),
        Some(_) | None => Err(Rejection::NotYourTask),
    }
}

fn check_decision(visit: &Visit, slot: &Slot) -> Result<(), Rejection> {
    let by_people = matches!(visit.kind, VisitKind::Approve | VisitKind::Handle | VisitKind::Pool);
    match slot.state {
        SlotState::Approved | SlotState::Rejected | SlotState::Abstained if by_people => Ok(()),
        SlotState::Returned => Err(refused("it was sent back, and who got it has it now")),
        SlotState::Waiting => Err(refused("people who were brought in are asked")),
        SlotState::Approved
        | SlotState::Rejected
        | SlotState::Abstained
        | SlotState::Queued
        | SlotState::Pending
        | SlotState::Offered
        | SlotState::Taken
        | SlotState::Auto(_)
        | SlotState::AutoRejected(_)
        | SlotState::NotNeeded
        | SlotState::Removed
        | SlotState::Cancelled => Err(refused("it is not a decision that counts by itself")),
    }
}

fn check_window(draft: &Draft<'_>, slot: &Slot) -> Result<(), Rejection> {
    let hours = draft.template.settings.take_back_hours;
    if hours == 0 {
        return Err(refused("the template does not allow it"));
    }
    let decided = slot.decided.as_ref().map_or(draft.at, |it| it.at);
    let until = decided.saturating_add(SignedDuration::from_hours(hours.into())).unwrap_or(Timestamp::MAX);
    if draft.at <= until { Ok(()) } else { Err(refused("the time for it is over")) }
}

/// Whoever decides after him in his own visit decides on the strength of it, unless they decide side by side.
fn check_visit(visit: &Visit, slot: &Slot) -> Result<(), Rejection> {
    let parent = slot.parent.and_then(|id| visit.slots.iter().find(|it| it.id == id));
    if slot.parent.is_some() && parent.is_none_or(|parent| parent.state != SlotState::Waiting) {
        return Err(refused("whoever brought in this person has his answer"));
    }
    let at = slot.decided.as_ref().map(|it| it.at);
    let later = |it: &&Slot| it.id != slot.id && it.decided.as_ref().map(|it| it.at) > at;
    let side_by_side = visit.state == VisitState::Open && group_mode(visit, slot) != Mode::InTurn;
    let followed = |it: &&Slot| !side_by_side || it.parent == Some(slot.id);
    match visit.slots.iter().filter(later).any(|it| followed(&it)) {
        true => Err(refused("somebody has decided since")),
        false => Ok(()),
    }
}

/// Since the visit closed nobody has decided on its way, its own branch has not joined, and nothing was done that cannot be
/// undone. Branches behind it that passed by themselves and have joined begin anew.
fn check_nothing_followed(draft: &Draft<'_>, visit: &Visit) -> Result<(), Rejection> {
    let instance = &draft.instance;
    let on_the_way = |token: TokenId| instance.line_of(token).contains(&visit.token);
    if visit.superseded {
        return Err(refused("it does not count any more"));
    }
    let state = instance.token(visit.token).map(|it| it.state);
    if matches!(state, None | Some(TokenState::Finished | TokenState::Cancelled)) {
        return Err(refused("the branches have joined"));
    }
    let mut later = instance.visits.iter().filter(|it| it.id > visit.id && on_the_way(it.token));
    let counts = |it: &Visit| match it.kind {
        VisitKind::Child { .. } => matches!(it.state, VisitState::Passed | VisitState::Rejected),
        VisitKind::Approve
        | VisitKind::Handle
        | VisitKind::Pool
        | VisitKind::Revise
        | VisitKind::Consent
        | VisitKind::Delay
        | VisitKind::Call
        | VisitKind::Pause
        | VisitKind::Auto => it.slots.iter().any(|slot| slot.decided.is_some()),
    };
    if instance.returns.iter().any(|it| it.from >= visit.id && on_the_way(it.token)) {
        return Err(refused("it was sent back since"));
    }
    if later.any(counts) {
        return Err(refused("somebody has decided since"));
    }
    let for_good =
        |node| matches!(draft.template.block(node), Some(Block::Trigger(Trigger { irreversible: true, .. })));
    let mut calls = instance.calls.iter().filter(|it| it.visits > visit.id.0 && on_the_way(it.token));
    match calls.any(|it| for_good(&it.node)) {
        true => Err(refused("something was done that cannot be undone")),
        false => Ok(()),
    }
}

/// His slot is open again; of people who decide in turn the next one has to wait again.
fn slots_of_open(visit: &Visit, taken: SlotId) -> Vec<(SlotId, SlotState)> {
    let Some(slot) = visit.slots.iter().find(|it| it.id == taken) else { return Vec::new() };
    let mut slots = vec![(taken, SlotState::Pending)];
    if group_mode(visit, slot) == Mode::InTurn {
        let next = visit.slots.iter().filter(|it| it.parent == slot.parent && it.state == SlotState::Pending);
        slots.extend(next.map(|it| (it.id, SlotState::Queued)));
    }
    slots
}

/// The slots as they stood before his decision closed the visit.
fn slots_as_before(visit: &Visit, taken: SlotId) -> Vec<(SlotId, SlotState)> {
    let closed = visit.slots.iter().filter(|slot| slot.state == SlotState::NotNeeded);
    let reopened = closed.filter_map(|slot| Some((slot.id, state_before(visit, slot)?)));
    std::iter::once((taken, SlotState::Pending)).chain(reopened).collect()
}

/// What an undecided slot of a closed visit had been before; absent where it was closed before already.
fn state_before(visit: &Visit, slot: &Slot) -> Option<SlotState> {
    if let Some(parent) = slot.parent.and_then(|id| visit.slots.iter().find(|it| it.id == id)) {
        let waited = parent.state == SlotState::NotNeeded && has_not_heard(visit, parent);
        return waited.then_some(usual_state(visit, slot));
    }
    if has_not_heard(visit, slot) && waits(slot) {
        return Some(SlotState::Waiting);
    }
    // In turn, whoever comes after him had not been asked yet.
    Some(if visit.mode == Mode::InTurn { SlotState::Queued } else { usual_state(visit, slot) })
}

fn usual_state(visit: &Visit, slot: &Slot) -> SlotState {
    match (visit.kind, slot.pending_at) {
        (VisitKind::Pool, _) => SlotState::Taken,
        (_, None) => SlotState::Queued,
        (_, Some(_)) => SlotState::Pending,
    }
}

/// The holder can do nothing as long as those have not spoken whom he added: before himself, or after having spoken.
fn waits(slot: &Slot) -> bool {
    let before = slot.adding.is_some_and(|adding| adding.kind == AddKind::Before);
    before || slot.decided.is_some()
}

/// The people whom the holder had added had not spoken yet.
fn has_not_heard(visit: &Visit, slot: &Slot) -> bool {
    let Some(adding) = slot.adding else { return false };
    let mut added = visit.slots.iter().filter(|it| it.parent == Some(slot.id));
    let any_approval = adding.mode == Mode::OrSign { reject: OrReject::FirstDecides };
    let answered = added.clone().any(|it| match it.state {
        SlotState::Rejected => true,
        SlotState::Approved => any_approval,
        _ => false,
    });
    !answered && added.any(|it| it.state == SlotState::NotNeeded)
}
