//! What the slots of a visit come to (semantics B3): whose turn it is, or how the visit ends. All of it in exact integers.

use super::advance::go_on;
use super::{Draft, signers, sweep};
use crate::event::Event;
use crate::ids::{SlotId, VisitId};
use crate::instance::{Slot, SlotState, Visit, VisitState};
use crate::rejection::Rejection;
use crate::template::{Abstain, AllReject, Mode, OrReject, Threshold, Vote};

/// Draws the consequences of what has happened in a visit: what added people come to, whose turn it is, or how it ends.
pub(super) fn settle(draft: &mut Draft<'_>, id: VisitId) -> Result<(), Rejection> {
    loop {
        if signers::settle_added(draft, id) {
            continue;
        }
        let Some(visit) = draft.instance.visit(id) else { return Ok(()) };
        match verdict(visit) {
            Verdict::Wait => return Ok(()),
            Verdict::Turn(slot) => sweep::turn(draft, slot),
            Verdict::Close(state) => {
                draft.emit(Event::VisitClosed { at: draft.at, visit: id, state });
                return go_on(draft, id);
            }
        }
    }
}

/// What the slots of an open visit come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Wait,
    Turn(SlotId),
    Close(VisitState),
}

fn verdict(visit: &Visit) -> Verdict {
    // People somebody added to his own slot speak through that slot.
    let slots: Vec<&Slot> = visit.slots.iter().filter(|slot| slot.parent.is_none()).collect();
    let tally = Tally::of(&slots);
    match (outcome(visit.mode, &tally), tally.pending, tally.queued) {
        (Some(state), _, _) => Verdict::Close(state),
        (None, 0, Some(next)) => Verdict::Turn(next),
        (None, _, _) => Verdict::Wait,
    }
}

/// How people end who decide in this mode, if their slots settle it.
pub(super) fn outcome(mode: Mode, tally: &Tally) -> Option<VisitState> {
    match mode {
        Mode::OrSign { reject: OrReject::FirstDecides } if tally.rejected > 0 => Some(VisitState::Rejected),
        Mode::OrSign { .. } if tally.approved > 0 => Some(tally.passed()),
        Mode::OrSign { .. } if tally.rejected == tally.count => Some(VisitState::Rejected),
        Mode::Countersign { reject: AllReject::WaitForAll } if tally.open > 0 => None,
        Mode::Countersign { .. } | Mode::InTurn if tally.rejected > 0 => Some(VisitState::Rejected),
        Mode::Countersign { .. } | Mode::InTurn if tally.approved == tally.count => Some(tally.passed()),
        Mode::Vote(vote) => counted(vote, tally),
        Mode::OrSign { .. } | Mode::Countersign { .. } | Mode::InTurn => None,
    }
}

/// A vote passes as soon as it has what it takes, and fails as soon as it cannot get it any more (B3.4).
fn counted(vote: Vote, tally: &Tally) -> Option<VisitState> {
    if vote.wait_for_all && tally.open > 0 {
        return None;
    }
    if tally.vetoed || (vote.one_reject_ends && tally.rejected > 0) {
        return Some(VisitState::Rejected);
    }
    if reaches(vote, tally, 0, 0) {
        return Some(tally.passed());
    }
    let possible = reaches(vote, tally, tally.open, tally.open_weight);
    (!possible).then_some(VisitState::Rejected)
}

/// Whether the approvals reach the threshold, with so many more people of so much weight.
fn reaches(vote: Vote, tally: &Tally, more: usize, more_weight: u64) -> bool {
    let (people, weight) = match vote.abstain {
        Abstain::ShrinksBase => (tally.count - tally.abstained, tally.weight - tally.abstained_weight),
        Abstain::Never | Abstain::KeepsBase => (tally.count, tally.weight),
    };
    let approved = u128::from(tally.approved_weight + more_weight);
    let (got, needed) = match vote.threshold {
        Threshold::Count(count) => ((tally.approved + more) as u128, u128::from(count).min(people as u128)),
        Threshold::Weight(sum) => (approved, u128::from(sum).min(u128::from(weight))),
        Threshold::Percent(points) => (approved * 10_000, u128::from(points) * u128::from(weight)),
    };
    if vote.strict { got > needed } else { got >= needed && got > 0 }
}

/// Counts over slots; those that were taken out or are not needed any more do not count.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) count: usize,
    weight: u64,
    approved: usize,
    approved_weight: u64,
    rejected: usize,
    abstained: usize,
    abstained_weight: u64,
    pub(super) open: usize,
    open_weight: u64,
    pending: usize,
    /// Somebody with a veto rejected.
    vetoed: bool,
    /// Somebody decided himself.
    asked: bool,
    /// The first whose turn has not come.
    queued: Option<SlotId>,
}

impl Tally {
    pub(super) fn of(slots: &[&Slot]) -> Self {
        let mut tally = Self::default();
        let counts = |it: &&&Slot| !matches!(it.state, SlotState::Removed | SlotState::NotNeeded);
        for slot in slots.iter().filter(counts) {
            let weight = u64::from(slot.weight);
            tally.count += 1;
            tally.weight += weight;
            tally.asked |= slot.decided.is_some();
            if slot.state.is_open() {
                tally.open += 1;
                tally.open_weight += weight;
            }
            match slot.state {
                SlotState::Approved | SlotState::Auto(_) => {
                    tally.approved += 1;
                    tally.approved_weight += weight;
                }
                SlotState::Rejected | SlotState::AutoRejected(_) => {
                    tally.rejected += 1;
                    tally.vetoed |= slot.veto;
                }
                SlotState::Abstained => {
                    tally.abstained += 1;
                    tally.abstained_weight += weight;
                }
                SlotState::Pending | SlotState::Offered | SlotState::Taken | SlotState::Waiting => {
                    tally.pending += 1;
                }
                SlotState::Queued => tally.queued = tally.queued.or(Some(slot.id)),
                SlotState::NotNeeded | SlotState::Removed | SlotState::Returned | SlotState::Cancelled => {}
            }
        }
        tally
    }

    fn passed(&self) -> VisitState {
        if self.asked { VisitState::Passed } else { VisitState::AutoApproved }
    }
}
