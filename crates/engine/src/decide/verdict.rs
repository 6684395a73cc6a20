//! What the slots of a visit come to (semantics B3): whose turn it is, or how the visit ends. All of it in exact integers.

use super::advance::go_on;
use super::arriving::{Arrival, open};
use super::{Draft, people_node, signers, sweep};
use crate::event::Event;
use crate::ids::{SlotId, VisitId};
use crate::instance::{Slot, SlotState, Visit, VisitKind, VisitState};
use crate::rejection::Rejection;
use crate::template::{Abstain, AllReject, Mode, OrReject, Quorum, Threshold, Vote};

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
            Verdict::Nobody => return ask_others(draft, id),
            Verdict::Close(state) => {
                draft.emit(Event::VisitClosed { at: draft.at, visit: id, state });
                return go_on(draft, id);
            }
        }
    }
}

/// Everybody who was asked is gone: the node is entered again without people, so that its empty rule says who decides.
fn ask_others(draft: &mut Draft<'_>, id: VisitId) -> Result<(), Rejection> {
    let Some(visit) = draft.instance.visit(id) else { return Ok(()) };
    let Some(node) = people_node(draft, visit) else { return Ok(()) };
    let arrival = Arrival::again(visit, node, Vec::new());
    draft.emit(Event::VisitClosed { at: draft.at, visit: id, state: VisitState::Cancelled });
    open(draft, arrival)
}

/// What the slots of an open visit come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Wait,
    Turn(SlotId),
    /// Nobody is left who was or could be asked.
    Nobody,
    Close(VisitState),
}

fn verdict(visit: &Visit) -> Verdict {
    // People somebody added to his own slot speak through that slot.
    let slots: Vec<&Slot> = visit.slots.iter().filter(|slot| slot.parent.is_none()).collect();
    let tally = Tally::of(&slots);
    if is_deserted(visit, &slots, &tally) {
        return Verdict::Nobody;
    }
    let outcome = match visit.mode {
        Mode::Vote(vote) if !visit.quorums.is_empty() => by_groups(vote, &visit.quorums, &slots),
        mode => outcome(mode, &tally),
    };
    match (outcome, tally.pending, tally.queued) {
        (Some(state), _, _) => Verdict::Close(state),
        (None, 0, Some(next)) => Verdict::Turn(next),
        (None, _, _) => Verdict::Wait,
    }
}

/// Everybody was taken out, or everybody of a group that has to reach something.
fn is_deserted(visit: &Visit, slots: &[&Slot], tally: &Tally) -> bool {
    let by_template = matches!(visit.kind, VisitKind::Approve | VisitKind::Handle | VisitKind::Pool);
    let lacks = |quorum: &Quorum| Tally::of(&group(slots, quorum)).count == 0;
    by_template && (tally.count == 0 || visit.quorums.iter().any(lacks))
}

/// How people end who decide in this mode, if their slots settle it.
pub(super) fn outcome(mode: Mode, tally: &Tally) -> Option<VisitState> {
    match mode {
        Mode::OrSign { reject: OrReject::FirstDecides } if tally.rejected > 0 => Some(VisitState::Rejected),
        Mode::OrSign { .. } if tally.approved > 0 => Some(tally.passed()),
        Mode::Countersign { reject: AllReject::AtOnce } | Mode::InTurn if tally.rejected > 0 => {
            Some(VisitState::Rejected)
        }
        Mode::OrSign { .. } | Mode::Countersign { .. } | Mode::InTurn if tally.open > 0 => None,
        Mode::OrSign { .. } => Some(VisitState::Rejected),
        Mode::Countersign { .. } | Mode::InTurn if tally.rejected > 0 => Some(VisitState::Rejected),
        Mode::Countersign { .. } | Mode::InTurn => Some(tally.passed()),
        Mode::Vote(vote) => counted(vote, tally),
    }
}

/// A vote passes as soon as it has what it takes, and fails as soon as it cannot get it any more (B3.4).
fn counted(vote: Vote, tally: &Tally) -> Option<VisitState> {
    if vote.wait_for_all && tally.open > 0 {
        return None;
    }
    if is_blocked(vote, tally) {
        return Some(VisitState::Rejected);
    }
    match standing(vote, tally)? {
        Standing::Reached => Some(tally.passed()),
        Standing::OutOfReach => Some(VisitState::Rejected),
    }
}

/// Passes when every group has reached its own threshold, and fails when one cannot any more (B3.5).
fn by_groups(vote: Vote, quorums: &[Quorum], slots: &[&Slot]) -> Option<VisitState> {
    let whole = Tally::of(slots);
    if vote.wait_for_all && whole.open > 0 {
        return None;
    }
    if is_blocked(vote, &whole) {
        return Some(VisitState::Rejected);
    }
    let each = quorums.iter().map(|quorum| {
        let own = Vote { threshold: quorum.threshold, ..vote };
        standing(own, &Tally::of(&group(slots, quorum)))
    });
    let each: Vec<Option<Standing>> = each.collect();
    if each.contains(&Some(Standing::OutOfReach)) {
        return Some(VisitState::Rejected);
    }
    each.iter().all(Option::is_some).then(|| whole.passed())
}

fn group<'s>(slots: &[&'s Slot], quorum: &Quorum) -> Vec<&'s Slot> {
    slots.iter().copied().filter(|slot| slot.group.as_ref() == Some(&quorum.group)).collect()
}

/// A rejection that counts for more than a vote.
fn is_blocked(vote: Vote, tally: &Tally) -> bool {
    tally.vetoed || (vote.one_reject_ends && tally.rejected > 0)
}

/// What is certain of a threshold already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    Reached,
    OutOfReach,
}

fn standing(vote: Vote, tally: &Tally) -> Option<Standing> {
    if reaches(vote, tally, 0, 0) {
        return Some(Standing::Reached);
    }
    let possible = reaches(vote, tally, tally.open, tally.open_weight);
    (!possible).then_some(Standing::OutOfReach)
}

/// Whether the approvals reach the threshold, with so many more people of so much weight. The approval of all who did not
/// abstain from the base reaches every threshold, so that none is out of reach from the beginning.
fn reaches(vote: Vote, tally: &Tally, more: usize, more_weight: u64) -> bool {
    let (people, weight) = match vote.abstain {
        Abstain::ShrinksBase => (tally.count - tally.abstained, tally.weight - tally.abstained_weight),
        Abstain::Never | Abstain::KeepsBase => (tally.count, tally.weight),
    };
    let approved = tally.approved + more;
    if approved == 0 || approved == people {
        return approved > 0;
    }
    let weighed = u128::from(tally.approved_weight + more_weight);
    let (got, needed) = match vote.threshold {
        Threshold::Count(count) => (approved as u128, u128::from(count)),
        Threshold::Weight(sum) => (weighed, u128::from(sum).min(u128::from(weight))),
        Threshold::Percent(points) => (weighed * 10_000, u128::from(points) * u128::from(weight)),
    };
    got > needed || (got == needed && got > 0 && !vote.strict)
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
