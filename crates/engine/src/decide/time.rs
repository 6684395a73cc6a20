//! What happens by the clock (semantics B13): time limits of nodes, delays, and what is done when a time is up.

use super::{Draft, waiting};
use crate::event::Event;
use crate::ids::{TimerId, VisitId};
use crate::instance::{Timer, VisitState};
use crate::rejection::Rejection;
use crate::template::{Approval, Due};
use jiff::{SignedDuration, Timestamp};

/// Sets the time limit of a visit that has just been opened.
pub(super) fn set_timers(_draft: &mut Draft<'_>, _visit: VisitId, _node: &Approval) {}

/// Wakes a visit that waits for a time.
pub(super) fn wake_at(draft: &mut Draft<'_>, visit: VisitId, until: &Due) {
    match until {
        Due::Working(minutes) | Due::Elapsed(minutes) => wake_after(draft, visit, *minutes),
        Due::Field { .. } | Due::Formula(_) => wake_now(draft, visit),
    }
}

/// Wakes a visit after so many minutes.
pub(super) fn wake_after(draft: &mut Draft<'_>, visit: VisitId, minutes: u32) {
    let at = draft.at.saturating_add(SignedDuration::from_mins(minutes.into())).unwrap_or(Timestamp::MAX);
    wake(draft, visit, at);
}

/// Wakes a visit as soon as may be.
pub(super) fn wake_now(draft: &mut Draft<'_>, visit: VisitId) {
    wake(draft, visit, draft.at);
}

fn wake(draft: &mut Draft<'_>, visit: VisitId, at: Timestamp) {
    let timers = vec![Timer { id: TimerId(0), at, action: None, fired: false }];
    draft.emit(Event::TimersSet { visit, due_at: Some(at), timers });
}

/// A timer's time has come. One that fired before, or whose visit is closed, does nothing.
pub(super) fn fire(draft: &mut Draft<'_>, id: VisitId, timer: TimerId) -> Result<(), Rejection> {
    let Some(visit) = draft.instance.visit(id) else { return Ok(()) };
    let Some(due) = visit.timers.iter().find(|it| it.id == timer) else { return Ok(()) };
    if visit.state != VisitState::Open || due.fired || due.at > draft.at {
        return Ok(());
    }
    let action = due.action;
    draft.emit(Event::TimerFired { at: draft.at, visit: id, timer });
    match action {
        None => waiting::time_is_up(draft, id),
        Some(_) => Ok(()),
    }
}
