//! What happens by the clock (semantics B13): time limits of nodes, delays, what is done when a time is up, and urging.
//! When that is: `due.rs`.

use super::advance::{LOOP_LIMIT, suspend};
use super::due::{self, Action, Plan, Reminder, clock_at, governor, later, next_reminder};
use super::verdict::settle;
use super::{Draft, check_active, checked_text, intervene, people_node, returning, sweep, telling, waiting};
use crate::approvers::{Found, Place, Why, WhyRule, barred, supervisor_of};
use crate::condition::GroupsOutcome;
use crate::event::{AddKind, Event, Move};
use crate::ids::{NodeId, SYSTEM, SlotId, TimerId, UserId, VisitId};
use crate::instance::{AutoReason, Slot, SlotState, Status, Timer, Visit, VisitState};
use crate::rejection::Rejection;
use crate::template::{Approval, Deadline, Due, TimeoutWhat};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

// ---- setting timers ----

/// Sets the time limit of a visit that has just been opened.
pub(super) fn set_timers(draft: &mut Draft<'_>, id: VisitId, node: &Approval) {
    let Some(visit) = draft.instance.visit(id) else { return };
    let waits = visit.slots.iter().any(|slot| slot.state.is_open());
    if !waits || !draft.plans_time {
        return;
    }
    let Plan { due_at, actions } = due::plan(draft, visit, node, draft.at);
    let timers = numbered(actions, 0, None);
    if due_at.is_some() || !timers.is_empty() {
        draft.emit(Event::TimersSet { visit: id, due_at, timers });
    }
}

/// Sets the time limit of a visit that had been closed and is open again. It is the one it had before; people who were
/// brought in have their time from now on.
pub(super) fn set_timers_again(draft: &mut Draft<'_>, id: VisitId, closed: Timestamp) {
    let Some(visit) = draft.instance.visit(id) else { return };
    let Some(node) = people_node(draft, visit) else { return };
    let planned = due::planned_again(draft, visit, node, closed);
    let timer = |((at, place, fired), id): ((Timestamp, u32, bool), u32)| Timer {
        id: TimerId(id),
        at,
        action: Some(place),
        slot: None,
        fired,
        stopped: None,
    };
    let (due_at, timers) = (visit.due_at, planned.into_iter().zip(0..).map(timer).collect::<Vec<_>>());
    let waiting = visit.slots.iter().filter(|it| it.state == SlotState::Waiting && it.has_added_open(visit));
    let waiting: Vec<SlotId> = waiting.map(|it| it.id).collect();
    if due_at.is_some() || !timers.is_empty() {
        draft.emit(Event::TimersSet { visit: id, due_at, timers });
    }
    for adder in waiting {
        set_timers_of_added(draft, adder);
    }
}

/// Whoever has heard people before himself asks others: what is left of his own time stands still.
pub(super) fn stop_own_timers(draft: &mut Draft<'_>, adder: SlotId) {
    let Some((visit, _)) = draft.instance.slot(adder) else { return };
    let runs = |timer: &Timer| timer.slot == Some(adder) && timer.runs();
    if visit.timers.iter().any(runs) {
        let mut timers = visit.timers.clone();
        timers.iter_mut().filter(|it| runs(it)).for_each(|timer| timer.stopped = Some(draft.at));
        let (visit, due_at) = (visit.id, visit.due_at);
        draft.emit(Event::TimersSet { visit, due_at, timers });
    }
}

/// People were added to a slot: they have the time of the node from now on, and his does not run while he waits (B5.4).
pub(super) fn set_timers_of_added(draft: &mut Draft<'_>, adder: SlotId) {
    let Some((visit, _)) = draft.instance.slot(adder) else { return };
    let Some(node) = people_node(draft, visit) else { return };
    let plan = due::plan(draft, visit, node, draft.at);
    let kept = visit.timers.iter().filter(|timer| timer.slot != Some(adder) || !timer.runs());
    let kept: Vec<Timer> = kept.cloned().collect();
    let (id, due_at) = (visit.id, visit.due_at);
    let added = numbered(plan.actions, next_number(visit), Some(adder));
    if !added.is_empty() {
        let timers = kept.into_iter().chain(added).collect();
        draft.emit(Event::TimersSet { visit: id, due_at, timers });
    }
}

/// Those whom somebody added before himself are done, and it is his turn again: what was left of his time runs on.
pub(super) fn go_on_with_time(draft: &mut Draft<'_>, adder: SlotId) {
    let Some((visit, slot)) = draft.instance.slot(adder) else { return };
    let waited = slot.adding.is_some_and(|adding| adding.kind == AddKind::Before);
    if slot.state != SlotState::Pending || !waited {
        return;
    }
    let Some(since) = slot.added(visit).filter_map(|it| it.pending_at).min() else { return };
    let before = slot.parent.and_then(|parent| governor(visit, parent));
    // Whoever brings people in a second time has what was left to him after the first.
    let again = visit.timers.iter().any(|timer| timer.slot == Some(adder) && timer.stopped.is_some());
    let his = if again { Some(adder) } else { before };
    let ran = |timer: &&Timer| timer.slot == his && timer.at > since && (!again || timer.stopped.is_some());
    let mut left: Vec<(Timestamp, u32)> = Vec::new();
    for timer in visit.timers.iter().filter(ran) {
        // Of an action that came again meanwhile, the first time counts.
        if let Some(action) = timer.action.filter(|action| !left.iter().any(|(_, it)| it == action)) {
            let left_over = timer.at.duration_since(since);
            left.push((draft.at.checked_add(left_over).unwrap_or(Timestamp::MAX), action));
        }
    }
    let own = |timer: &&Timer| timer.slot == Some(adder);
    if visit.timers.iter().any(|it| own(&it)) {
        let kept = visit.timers.iter().filter(|it| !own(it)).cloned();
        let timers = kept.chain(numbered(left, next_number(visit), Some(adder))).collect();
        let (visit, due_at) = (visit.id, visit.due_at);
        draft.emit(Event::TimersSet { visit, due_at, timers });
    }
}

/// The node's time limit is another one now. What happened stays, and an action that both limits have, due at the same time,
/// keeps its time; the rest is planned again from when people were asked.
pub(super) fn plan_anew(draft: &mut Draft<'_>, id: VisitId, (old, node): (&Deadline, &Approval)) {
    let Some(visit) = draft.instance.visit(id) else { return };
    let governors: BTreeSet<Option<SlotId>> = visit.timers.iter().map(|timer| timer.slot).collect();
    let mut timers = due::carried_over(&visit.timers, old, &node.deadline);
    let mut number = next_number(visit);
    for of in governors.into_iter().chain([None]).collect::<BTreeSet<_>>() {
        let asked_at = match of {
            None => visit.opened_at,
            Some(_) => {
                concerned(draft, id, of).iter().filter_map(|it| it.pending_at).max().unwrap_or(draft.at)
            }
        };
        let Plan { mut actions, .. } = due::plan(draft, visit, node, asked_at);
        actions.retain(|(_, place)| {
            let mut same = timers.iter().filter(|it| it.slot == of && it.action == Some(*place));
            let repeats = matches!(due::action(node, *place), Some(Action::Remind(_)));
            same.all(|timer| repeats && timer.fired && !due::same_time(old, &node.deadline))
        });
        let planned = numbered(actions, number, of);
        number += planned.len() as u32;
        timers.extend(planned);
    }
    let due_at = due::plan(draft, visit, node, visit.opened_at).due_at;
    draft.emit(Event::TimersSet { visit: id, due_at, timers });
}

fn numbered(actions: Vec<(Timestamp, u32)>, first: u32, slot: Option<SlotId>) -> Vec<Timer> {
    let timer = |((at, action), id): ((Timestamp, u32), u32)| Timer {
        id: TimerId(id),
        at,
        action: Some(action),
        slot,
        fired: false,
        stopped: None,
    };
    actions.into_iter().zip(first..).map(timer).collect()
}

fn next_number(visit: &Visit) -> u32 {
    visit.timers.iter().map(|timer| timer.id.0 + 1).max().unwrap_or_default()
}

/// Wakes a visit that waits for a time; at once where the form does not say when.
pub(super) fn wake_at(draft: &mut Draft<'_>, visit: VisitId, until: &Due) {
    let at = due::moment(draft, until, &clock_at(draft, visit), draft.at).unwrap_or(draft.at);
    wake(draft, visit, at);
}

/// Wakes a visit after so many minutes.
pub(super) fn wake_after(draft: &mut Draft<'_>, visit: VisitId, minutes: u32) {
    wake(draft, visit, later(draft.at, minutes.into()));
}

/// Wakes a visit as soon as may be.
pub(super) fn wake_now(draft: &mut Draft<'_>, visit: VisitId) {
    wake(draft, visit, draft.at);
}

fn wake(draft: &mut Draft<'_>, visit: VisitId, at: Timestamp) {
    let timers = vec![Timer { id: TimerId(0), at, action: None, slot: None, fired: false, stopped: None }];
    draft.emit(Event::TimersSet { visit, due_at: Some(at), timers });
}

// ---- timers whose time has come ----

/// A timer's time has come, and with it that of every other timer of the visit that is due: they go off in the order in
/// which they should have. One that went off before, or whose visit is closed, does nothing.
pub(super) fn fire(draft: &mut Draft<'_>, id: VisitId, timer: TimerId) -> Result<(), Rejection> {
    let is_due = |it: &Timer| it.id == timer && it.runs() && it.at <= draft.at;
    if !draft.instance.visit(id).is_some_and(|visit| visit.timers.iter().any(is_due)) {
        return Ok(());
    }
    go_off(draft, id)
}

/// Looking ahead: time passes until the last action of the visit's limit, and nobody has done anything.
pub(super) fn run_out(draft: &mut Draft<'_>, id: VisitId) -> Result<(), Rejection> {
    let Some(visit) = draft.instance.visit(id) else { return Ok(()) };
    if let Some(last) = visit.timers.iter().map(|timer| timer.at).max() {
        draft.at = draft.at.max(last);
    }
    go_off(draft, id)
}

fn go_off(draft: &mut Draft<'_>, id: VisitId) -> Result<(), Rejection> {
    while let Some(timer) = next_due(draft, id) {
        draft.emit(Event::TimerFired { at: draft.at, visit: id, timer: timer.id });
        match timer.action {
            None => waiting::time_is_up(draft, id)?,
            Some(place) => happen(draft, id, &timer, place)?,
        }
    }
    Ok(())
}

fn next_due(draft: &Draft<'_>, id: VisitId) -> Option<Timer> {
    let visit = draft.instance.visit(id).filter(|visit| visit.state == VisitState::Open)?;
    let due = visit.timers.iter().filter(|timer| timer.runs() && timer.at <= draft.at);
    due.min_by_key(|timer| (timer.at, timer.action, timer.id)).cloned()
}

fn happen(draft: &mut Draft<'_>, id: VisitId, timer: &Timer, place: u32) -> Result<(), Rejection> {
    let Some(node) = draft.instance.visit(id).and_then(|visit| people_node(draft, visit)) else {
        return Ok(());
    };
    match due::action(node, place) {
        None => Ok(()),
        Some(Action::Remind(reminder)) => {
            remind(draft, id, timer, reminder);
            Ok(())
        }
        Some(Action::Other(what)) => time_is_up(draft, id, timer.slot, what),
    }
}

/// Open slots of a visit for which a timer goes off.
fn concerned(draft: &Draft<'_>, id: VisitId, of: Option<SlotId>) -> Vec<Slot> {
    let Some(visit) = draft.instance.visit(id) else { return Vec::new() };
    let slots = visit.slots.iter().filter(|slot| slot.state.is_open() && governor(visit, slot.id) == of);
    slots.cloned().collect()
}

/// People who can act now; whoever waits for others cannot.
fn asked(draft: &Draft<'_>, id: VisitId, of: Option<SlotId>) -> Vec<Slot> {
    let mut slots = concerned(draft, id, of);
    slots.retain(|slot| matches!(slot.state, SlotState::Pending | SlotState::Offered));
    slots
}

fn remind(draft: &mut Draft<'_>, id: VisitId, timer: &Timer, reminder: Reminder) {
    let people: Vec<UserId> = asked(draft, id, timer.slot).iter().map(|slot| slot.assignee).collect();
    let told = if reminder.tell_supervisor { supervisors(draft, id, &people) } else { Vec::new() };
    if !people.is_empty() {
        let supervisors = told.iter().map(|found| found.user).collect();
        draft.emit(Event::Reminded { at: draft.at, visit: id, people, supervisors });
        telling::late(draft, id, told);
    }
    remind_again(draft, id, timer, reminder);
}

/// Supervisors of people, each once, with the reason.
fn supervisors(draft: &Draft<'_>, id: VisitId, people: &[UserId]) -> Vec<Found> {
    let Some(visit) = draft.instance.visit(id) else { return Vec::new() };
    let scene = draft.scene(visit.token);
    let mut found: Vec<Found> = Vec::new();
    for person in people {
        let above = supervisor_of(*person, scene);
        if let Some(user) = above.filter(|user| !found.iter().any(|it| it.user == *user)) {
            let rule = WhyRule::Supervisor { level: 1, of: draft.directory.name(*person) };
            found.push(Found { user, why: Why::by(rule) });
        }
    }
    found
}

fn remind_again(draft: &mut Draft<'_>, id: VisitId, timer: &Timer, reminder: Reminder) {
    let Some(visit) = draft.instance.visit(id) else { return };
    let alike = |it: &&Timer| it.fired && it.action == timer.action && it.slot == timer.slot;
    if visit.timers.iter().filter(alike).count() as u64 >= u64::from(reminder.times) {
        return;
    }
    let clock = clock_at(draft, id);
    let due = next_reminder(timer.at, reminder.again, &clock);
    // After a long standstill, reminders do not come all at once.
    let at = if due > draft.at { due } else { next_reminder(draft.at, reminder.again, &clock) };
    let next = Timer { id: TimerId(next_number(visit)), at, fired: false, ..timer.clone() };
    let (due_at, timers) = (visit.due_at, visit.timers.iter().cloned().chain([next]).collect());
    draft.emit(Event::TimersSet { visit: id, due_at, timers });
}

fn time_is_up(
    draft: &mut Draft<'_>,
    id: VisitId,
    of: Option<SlotId>,
    what: &TimeoutWhat,
) -> Result<(), Rejection> {
    match what {
        TimeoutWhat::Remind { .. } => Ok(()),
        TimeoutWhat::HandToSupervisor => hand_each(draft, (id, of), |draft, slot| {
            let (visit, _) = draft.instance.slot(slot.id)?;
            supervisor_of(slot.assignee, draft.scene(visit.token))
        }),
        TimeoutWhat::HandToSubstitute => hand_each(draft, (id, of), |draft, slot| {
            let (visit, _) = draft.instance.slot(slot.id)?;
            people_node(draft, visit).filter(|node| !node.wants_own_hand())?;
            let template = draft.instance.template;
            draft.directory.substitute_of(slot.assignee, template, draft.at).map(|it| it.user)
        }),
        TimeoutWhat::HandTo(people) => hand_in_turn(draft, (id, of), people),
        TimeoutWhat::AutoApprove => decide_all(draft, (id, of), SlotState::Auto(AutoReason::Timeout)),
        TimeoutWhat::AutoReject => decide_all(draft, (id, of), SlotState::AutoRejected(AutoReason::Timeout)),
        TimeoutWhat::ReturnToInitiator => returning::by_time(draft, id),
        TimeoutWhat::Jump(to) => jump(draft, id, to),
    }
}

/// Where nobody may take a slot over, it stays where it is.
fn hand_each(
    draft: &mut Draft<'_>,
    (id, of): (VisitId, Option<SlotId>),
    to: impl Fn(&Draft<'_>, &Slot) -> Option<UserId>,
) -> Result<(), Rejection> {
    for slot in asked(draft, id, of) {
        if let Some(to) = to(draft, &slot).filter(|to| may_take(draft, slot.id, *to)) {
            hand(draft, slot.id, to)?;
        }
    }
    Ok(())
}

/// One slot each, as long as there are people who may take one.
fn hand_in_turn(
    draft: &mut Draft<'_>,
    (id, of): (VisitId, Option<SlotId>),
    people: &[UserId],
) -> Result<(), Rejection> {
    let mut people = people.iter().copied();
    for slot in asked(draft, id, of) {
        match people.find(|to| may_take(draft, slot.id, *to)) {
            Some(to) => hand(draft, slot.id, to)?,
            None => return Ok(()),
        }
    }
    Ok(())
}

fn may_take(draft: &Draft<'_>, id: SlotId, user: UserId) -> bool {
    let Some((visit, slot)) = draft.instance.slot(id) else { return false };
    let place = people_node(draft, visit).map(|node| Place::taking(node, visit, id));
    slot.assignee != user && place.is_some_and(|it| barred(user, it, draft.scene(visit.token)).is_none())
}

fn hand(draft: &mut Draft<'_>, slot: SlotId, to: UserId) -> Result<(), Rejection> {
    sweep::hand(draft, slot, (SYSTEM, to), (Move::Timeout, ""))
}

/// Recorded as decided by the clock, in nobody's name.
fn decide_all(
    draft: &mut Draft<'_>,
    (id, of): (VisitId, Option<SlotId>),
    state: SlotState,
) -> Result<(), Rejection> {
    for slot in concerned(draft, id, of) {
        match slot.state {
            SlotState::Queued | SlotState::Pending | SlotState::Offered => {
                draft.emit(Event::SlotSettled { at: draft.at, slot: slot.id, state });
            }
            SlotState::Taken
            | SlotState::Waiting
            | SlotState::Approved
            | SlotState::Rejected
            | SlotState::Abstained
            | SlotState::Returned
            | SlotState::Auto(_)
            | SlotState::AutoRejected(_)
            | SlotState::NotNeeded
            | SlotState::Removed
            | SlotState::Cancelled => {}
        }
    }
    settle(draft, id)
}

/// Where the node cannot be gone to from here, time alone changes nothing.
fn jump(draft: &mut Draft<'_>, id: VisitId, to: &NodeId) -> Result<(), Rejection> {
    let Some(token) = draft.instance.visit(id).map(|visit| visit.token) else { return Ok(()) };
    let Ok(landing) = intervene::landing(draft, token, to) else { return Ok(()) };
    if leads_back(draft, id, to) {
        let Some(route) = draft.instance.visit(id).map(|visit| visit.node.clone()) else { return Ok(()) };
        let count = draft.instance.loops.get(&route).copied().unwrap_or_default() + 1;
        if count > LOOP_LIMIT {
            draft.emit(Event::VisitClosed { at: draft.at, visit: id, state: VisitState::Cancelled });
            suspend(draft, token, &route, &format!("it went back {LOOP_LIMIT} times"));
            return Ok(());
        }
        let outcome = GroupsOutcome { holds: true, groups: Vec::new() };
        draft.emit(Event::Looped { token: landing, route, to: to.clone(), count, outcome });
    }
    draft.emit(Event::VisitClosed { at: draft.at, visit: id, state: VisitState::Skipped });
    intervene::jump(draft, token, to)
}

/// Jumps that lead back are counted like a route that goes back: after too many of them an administrator has to look at it.
fn leads_back(draft: &Draft<'_>, id: VisitId, to: &NodeId) -> bool {
    let node = draft.instance.visit(id).map(|visit| &visit.node);
    node.is_some_and(|node| draft.template.place_of(to) <= draft.template.place_of(node))
}

// ---- urging ----

/// The initiator asks those he waits for to hurry, not more often than the template allows.
pub(super) fn urge(draft: &mut Draft<'_>, actor: UserId, comment: &str) -> Result<(), Rejection> {
    if draft.instance.initiator != actor {
        return Err(Rejection::NotInitiator);
    }
    check_active(draft.directory, actor)?;
    match draft.instance.status {
        // Where nobody could be asked in one branch, those in others can be urged.
        Status::Running | Status::Suspended | Status::Revoking => {}
        status @ (Status::Draft
        | Status::Approved
        | Status::Rejected
        | Status::Withdrawn
        | Status::Returned
        | Status::Revoked
        | Status::Terminated) => return Err(Rejection::NotRunning { status }),
    }
    let comment = checked_text("comment", comment)?.to_owned();
    let pause = SignedDuration::from_mins(draft.template.settings.urge_minutes.into());
    let again_at = draft.instance.urged_at.and_then(|last| last.checked_add(pause).ok());
    if let Some(again_at) = again_at.filter(|again_at| draft.at < *again_at) {
        return Err(Rejection::TooSoon { again_at });
    }
    let people = draft.instance.asked();
    if people.is_empty() {
        return Err(Rejection::NotOffered { action: "urge" });
    }
    draft.emit(Event::Urged { at: draft.at, by: actor, people, comment });
    Ok(())
}
