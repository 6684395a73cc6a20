//! When the time of something is up: working time on the calendar that counts, time on the clock, dates of the form.

use super::Draft;
use crate::calendar::WorkTime;
use crate::form::{Value, date_by_formula};
use crate::ids::{FieldId, SlotId, VisitId};
use crate::instance::{Timer, Visit};
use crate::template::{Approval, Deadline, Due, Limit, TimeoutAction, TimeoutWhat};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The usual limit: the first reminder after so much working time (semantics B13).
const USUAL_MINUTES: u32 = 24 * 60;
/// The usual limit: so many reminders.
const USUAL_TIMES: u32 = 5;

const USUAL: Reminder = Reminder { times: USUAL_TIMES, again: Again::NextWorkingDay, tell_supervisor: false };

/// When the time of a visit is up, and which actions of its limit happen when.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) due_at: Option<Timestamp>,
    pub(super) actions: Vec<(Timestamp, u32)>,
}

/// How somebody is reminded.
#[derive(Clone, Copy)]
pub(super) struct Reminder {
    /// How often in all.
    pub(super) times: u32,
    pub(super) again: Again,
    pub(super) tell_supervisor: bool,
}

/// When the next reminder follows.
#[derive(Clone, Copy)]
pub(super) enum Again {
    NextWorkingDay,
    Working(u32),
    Elapsed(u32),
}

/// What an action of a limit is, by its place.
pub(super) enum Action<'n> {
    Remind(Reminder),
    Other(&'n TimeoutWhat),
}

/// The action at a place of the node's limit; none where the template has changed.
pub(super) fn action(node: &Approval, place: u32) -> Option<Action<'_>> {
    match &node.deadline {
        Deadline::None => None,
        Deadline::Usual => (place == 0).then_some(Action::Remind(USUAL)),
        Deadline::Own(limit) => limit.actions.get(place as usize).map(|it| of_limit(&it.what)),
    }
}

fn of_limit(what: &TimeoutWhat) -> Action<'_> {
    match what {
        TimeoutWhat::Remind { times, every, working, tell_supervisor } => {
            let again = if *working { Again::Working(*every) } else { Again::Elapsed(*every) };
            Action::Remind(Reminder { times: *times, again, tell_supervisor: *tell_supervisor })
        }
        TimeoutWhat::HandToSupervisor
        | TimeoutWhat::HandToSubstitute
        | TimeoutWhat::HandTo(_)
        | TimeoutWhat::AutoApprove
        | TimeoutWhat::AutoReject
        | TimeoutWhat::ReturnToInitiator
        | TimeoutWhat::Jump(_) => Action::Other(what),
    }
}

/// The limit of a node for a visit, or for people added to a slot of it, counted from when they were asked.
pub(super) fn plan(draft: &Draft<'_>, visit: &Visit, node: &Approval, asked_at: Timestamp) -> Plan {
    let clock = clock_of(draft, visit);
    match &node.deadline {
        Deadline::None => Plan::default(),
        Deadline::Usual => {
            let first = clock.add_working(asked_at, USUAL_MINUTES);
            let first = first_reminder(first, draft.at, USUAL, &clock);
            Plan { due_at: None, actions: first.into_iter().map(|at| (at, 0)).collect() }
        }
        Deadline::Own(limit) => match moment(draft, &limit.due, &clock, asked_at) {
            Some(due) => Plan { due_at: Some(due), actions: actions(draft.at, due, limit, &clock) },
            None => Plan::default(),
        },
    }
}

/// The actions of a visit that is open again, counted from when it opened, with whether they have happened: what was due
/// before it closed has, and what came due meanwhile happens now, except for reminders, which do not come late.
pub(super) fn planned_again(
    draft: &Draft<'_>,
    visit: &Visit,
    node: &Approval,
    closed: Timestamp,
) -> Vec<(Timestamp, u32, bool)> {
    let clock = clock_of(draft, visit);
    let first = match (&node.deadline, visit.due_at) {
        (Deadline::None, _) | (Deadline::Own(_), None) => Vec::new(),
        (Deadline::Usual, _) => vec![(clock.add_working(visit.opened_at, USUAL_MINUTES), 0)],
        (Deadline::Own(limit), Some(due)) => actions(visit.opened_at, due, limit, &clock),
    };
    let mut planned = Vec::with_capacity(first.len());
    for (at, place) in first {
        match action(node, place) {
            Some(Action::Remind(reminder)) => {
                let mut next = at;
                for _ in 0..reminder.times {
                    let passed = next <= draft.at;
                    planned.push((next, place, passed));
                    if !passed {
                        break;
                    }
                    next = next_reminder(next, reminder.again, &clock);
                }
            }
            Some(Action::Other(_)) if at <= closed => planned.push((at, place, true)),
            Some(Action::Other(_)) => planned.push((at.max(draft.at), place, false)),
            None => {}
        }
    }
    planned
}

/// What had its time before the visit opened happens at once; reminders of then are left out.
fn actions(now: Timestamp, due: Timestamp, limit: &Limit, clock: &WorkTime<'_>) -> Vec<(Timestamp, u32)> {
    let first = |action: &TimeoutAction| {
        let at = shift(due, action, clock);
        match of_limit(&action.what) {
            Action::Remind(reminder) => first_reminder(at, now, reminder, clock),
            Action::Other(_) => Some(at.max(now)),
        }
    };
    limit.actions.iter().zip(0..).filter_map(|(action, place)| Some((first(action)?, place))).collect()
}

fn shift(due: Timestamp, action: &TimeoutAction, clock: &WorkTime<'_>) -> Timestamp {
    let minutes = action.after.unsigned_abs();
    match (action.working, action.after < 0) {
        (true, false) => clock.add_working(due, minutes),
        (true, true) => clock.subtract_working(due, minutes),
        (false, _) => later(due, action.after.into()),
    }
}

fn first_reminder(
    mut at: Timestamp,
    now: Timestamp,
    reminder: Reminder,
    clock: &WorkTime<'_>,
) -> Option<Timestamp> {
    for _ in 0..reminder.times {
        if at > now {
            return Some(at);
        }
        at = next_reminder(at, reminder.again, clock);
    }
    None
}

/// When the reminder after one follows; always later.
pub(super) fn next_reminder(at: Timestamp, again: Again, clock: &WorkTime<'_>) -> Timestamp {
    match again {
        Again::NextWorkingDay => clock.next_working_day(at),
        Again::Working(minutes) => clock.add_working(at, minutes.max(1)),
        Again::Elapsed(minutes) => later(at, i64::from(minutes.max(1))),
    }
}

/// Both limits end at the same time.
pub(super) fn same_time(old: &Deadline, new: &Deadline) -> bool {
    matches!((old, new), (Deadline::Own(old), Deadline::Own(new)) if old.due == new.due)
}

/// Timers of one limit as those of another: of actions that are in both, what went off, and where the time is the same, what
/// is still to come.
pub(super) fn carried_over(timers: &[Timer], old: &Deadline, new: &Deadline) -> Vec<Timer> {
    let (Deadline::Own(before), Deadline::Own(after)) = (old, new) else { return Vec::new() };
    let place_of = |place: u32| {
        let action = before.actions.get(place as usize)?;
        (0..).zip(&after.actions).find(|(_, it)| *it == action).map(|(place, _)| place)
    };
    let kept = timers.iter().filter(|timer| timer.fired || same_time(old, new));
    let kept = kept.filter_map(|timer| {
        let action = place_of(timer.action?)?;
        Some(Timer { action: Some(action), ..timer.clone() })
    });
    kept.collect()
}

/// When the time is up, counted from a moment; nothing where the form does not say.
pub(super) fn moment(
    draft: &Draft<'_>,
    due: &Due,
    clock: &WorkTime<'_>,
    from: Timestamp,
) -> Option<Timestamp> {
    match due {
        Due::Working(minutes) => Some(clock.add_working(from, *minutes)),
        Due::Elapsed(minutes) => Some(later(from, (*minutes).into())),
        Due::Field { field, offset } => {
            date_of(draft, field).map(|date| later(on_the_clock(draft, date), (*offset).into()))
        }
        Due::Formula(text) => {
            let (form, data) = (&draft.template.form, &draft.instance.form);
            let date = date_by_formula(form, data, text, draft.today());
            date.map(|date| on_the_clock(draft, date))
        }
    }
}

fn date_of(draft: &Draft<'_>, field: &FieldId) -> Option<DateTime> {
    match draft.instance.form.get(field)? {
        Value::Date(date) => Some(*date),
        Value::DateRange(range) => Some(range.start),
        _ => None,
    }
}

/// The moment the clock of the workspace shows this.
fn on_the_clock(draft: &Draft<'_>, date: DateTime) -> Timestamp {
    let zone = TimeZone::get(&draft.directory.time_zone).unwrap_or(TimeZone::UTC);
    zone.to_timestamp(date).unwrap_or(Timestamp::MAX)
}

/// By what a visit's time is counted: the calendar of the people asked, where it is the same for all of them, else that
/// of the initiator's department.
pub(super) fn clock_of<'d>(draft: &Draft<'d>, visit: &Visit) -> WorkTime<'d> {
    let directory = draft.directory;
    let asked = visit.slots.iter().filter(|slot| slot.state.is_open());
    let mut clocks = asked.map(|slot| directory.calendar_of(slot.assignee));
    let first = clocks.next();
    let mut same = |first: &WorkTime<'_>| clocks.all(|it| it.calendar().id == first.calendar().id);
    match first {
        Some(first) if same(&first) => first,
        Some(_) | None => match draft.instance.department {
            Some(department) => directory.calendar_of_department(Some(department)),
            None => directory.calendar_of(draft.instance.initiator),
        },
    }
}

/// The slot whose own timers count for a slot: its own, or those of the one it was added to; none: the visit's.
pub(super) fn governor(visit: &Visit, slot: SlotId) -> Option<SlotId> {
    let mut next = Some(slot);
    while let Some(id) = next {
        if visit.timers.iter().any(|timer| timer.slot == Some(id)) {
            return Some(id);
        }
        next = visit.slots.iter().find(|it| it.id == id)?.parent;
    }
    None
}

/// Time stops at its ends.
pub(super) fn later(at: Timestamp, minutes: i64) -> Timestamp {
    let by = SignedDuration::from_mins(minutes);
    at.checked_add(by).unwrap_or(if minutes < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// The clock of a visit that is there.
pub(super) fn clock_at<'d>(draft: &Draft<'d>, visit: VisitId) -> WorkTime<'d> {
    match draft.instance.visit(visit) {
        Some(visit) => clock_of(draft, visit),
        None => draft.directory.calendar_of(draft.instance.initiator),
    }
}
