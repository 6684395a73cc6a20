//! Revoking after approval (semantics B9): at once, or with the consent of everybody who approved.

use super::arriving::{VisitShape, new_slots, open_visit};
use super::{Draft, check_active, checked_text};
use crate::approvers::{Candidate, Why, WhyRule};
use crate::event::Event;
use crate::ids::{NodeId, TokenId, UserId, VisitId};
use crate::instance::{CONSENT_NODE, SlotState, Status, Visit, VisitKind, VisitState};
use crate::rejection::Rejection;
use crate::template::{AllReject, Mode, RevokeRule};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashSet;

const HOURS_OF_A_DAY: i64 = 24;

/// The initiator wants an approved instance revoked.
pub(super) fn revoke(draft: &mut Draft<'_>, actor: UserId, reason: &str) -> Result<(), Rejection> {
    if draft.instance.initiator != actor {
        return Err(Rejection::NotInitiator);
    }
    check_active(draft.directory, actor)?;
    if matches!(draft.instance.status, Status::Running | Status::Suspended | Status::Returned) {
        return Err(Rejection::StillRunning);
    }
    let (days, asks) = match draft.template.settings.revoke {
        RevokeRule::Never => return Err(Rejection::RevokeNotAllowed),
        RevokeRule::Consent { days } => (days, true),
        RevokeRule::Direct { days } => (days, false),
    };
    if draft.instance.status != Status::Approved || draft.at > last_moment(draft, days) {
        return Err(Rejection::RevokeNotAllowed);
    }
    let reason = checked_text("reason", reason)?;
    if reason.is_empty() {
        return Err(Rejection::TextRequired { field: "reason" });
    }
    let approvers = if asks { approvers(draft) } else { Vec::new() };
    if approvers.is_empty() {
        draft.end(Status::Revoked, reason);
        return Ok(());
    }
    draft.emit(Event::RevokeAsked { at: draft.at, reason: reason.to_owned() });
    let asked = |user| Candidate::of(user, Why::by(WhyRule::Approved));
    let (kind, mode) = (VisitKind::Consent, Mode::Countersign { reject: AllReject::AtOnce });
    let slots = new_slots(draft, approvers.into_iter().map(asked).collect(), mode, kind);
    let shape = VisitShape { kind, mode, slots, ..VisitShape::default() };
    open_visit(draft, TokenId(0), &NodeId::from(CONSENT_NODE), shape);
    Ok(())
}

fn last_moment(draft: &Draft<'_>, days: u32) -> Timestamp {
    let ended = draft.instance.ended_at.unwrap_or(draft.at);
    let window = SignedDuration::from_hours(i64::from(days) * HOURS_OF_A_DAY);
    ended.saturating_add(window).unwrap_or(Timestamp::MAX)
}

/// Everybody whose own approval counted and who is still there, in order. Nobody asks himself.
fn approvers(draft: &Draft<'_>) -> Vec<UserId> {
    let mut seen = HashSet::from([draft.instance.initiator]);
    let visits = draft.instance.visits.iter();
    let counted = visits.filter(|visit| visit.state == VisitState::Passed && !visit.superseded);
    let human = counted.filter(|visit| matches!(visit.kind, VisitKind::Approve | VisitKind::Pool));
    let slots = human.flat_map(|visit| &visit.slots).filter(|slot| slot.state == SlotState::Approved);
    let people = slots.filter_map(|slot| slot.decided.as_ref()).map(|decided| decided.by);
    people.filter(|user| draft.directory.is_active(*user) && seen.insert(*user)).collect()
}

/// Nobody waits for those who approved any longer: it stays approved.
pub(super) fn call_off(draft: &mut Draft<'_>) {
    let asked = |visit: &&Visit| visit.kind == VisitKind::Consent && visit.state == VisitState::Open;
    let asked: Vec<VisitId> = draft.instance.visits.iter().filter(asked).map(|visit| visit.id).collect();
    for visit in asked {
        draft.emit(Event::VisitClosed { at: draft.at, visit, state: VisitState::Cancelled });
    }
    draft.emit(Event::RevokeRefused { at: draft.at });
}

/// Those who approved have answered whether it may be revoked: one no, and it stays approved.
pub(super) fn consent_given(draft: &mut Draft<'_>, id: VisitId) -> Result<(), Rejection> {
    match draft.instance.visit(id).map(|visit| visit.state) {
        Some(VisitState::Passed | VisitState::AutoApproved | VisitState::Skipped) => {
            draft.end(Status::Revoked, "");
        }
        Some(VisitState::Rejected | VisitState::AutoRejected) => {
            draft.emit(Event::RevokeRefused { at: draft.at });
        }
        Some(VisitState::Open | VisitState::Returned | VisitState::Cancelled) | None => {}
    }
    Ok(())
}
