//! The one list of invariants. The server looks at it before it writes what was decided;
//! the random tests and `zhupi check` use it too.

use super::{Instance, Slot, SlotState, Status, Token, TokenState, Visit, VisitKind, VisitState};
use std::collections::HashSet;

impl Instance {
    /// Every invariant that does not hold, in words; empty for a sound instance.
    pub fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        self.check_numbers(&mut broken);
        self.check_tokens(&mut broken);
        for visit in &self.visits {
            check_visit(visit, &mut broken);
        }
        self.check_status(&mut broken);
        broken
    }

    /// Tokens and visits are numbered by their places; slots are numbered once.
    fn check_numbers(&self, broken: &mut Vec<String>) {
        let tokens = self.tokens.iter().map(|token| token.id.0);
        let visits = self.visits.iter().map(|visit| visit.id.0);
        if !tokens.eq(0..self.tokens.len() as u32) || !visits.eq(0..self.visits.len() as u32) {
            broken.push("tokens and visits are numbered without gaps".to_owned());
        }
        let slots = self.visits.iter().flat_map(|visit| &visit.slots).map(|slot| slot.id.0);
        let mut slots: Vec<u32> = slots.collect();
        slots.sort_unstable();
        if !slots.iter().copied().eq(0..slots.len() as u32) {
            broken.push("slots are numbered without gaps".to_owned());
        }
    }

    /// No token is lost: a live one stands at exactly one open visit, a forked one waits for a branch that is not done,
    /// one that has arrived waits for another that has not.
    fn check_tokens(&self, broken: &mut Vec<String>) {
        for token in &self.tokens {
            let open = self.visits.iter().filter(|it| it.token == token.id && it.state == VisitState::Open);
            let open = open.filter(|it| it.kind != VisitKind::Consent).count();
            let expected = usize::from(token.state == TokenState::Live);
            if open != expected {
                broken.push(format!("token {} stands at {open} open visits instead of {expected}", token.id));
            }
            let moving = |it: &&Token| matches!(it.state, TokenState::Live | TokenState::Forked);
            let waits_for = |parent| self.tokens.iter().filter(moving).any(|it| it.parent == Some(parent));
            let lost = match token.state {
                TokenState::Forked => !waits_for(token.id),
                TokenState::Arrived => token.parent.is_none_or(|parent| !waits_for(parent)),
                TokenState::Live | TokenState::Finished | TokenState::Cancelled => false,
            };
            if lost {
                broken.push(format!("token {} waits for a join that never fires", token.id));
            }
            let parent = token.parent.and_then(|id| self.token(id));
            if matches!(token.state, TokenState::Live | TokenState::Forked | TokenState::Arrived)
                && parent.is_some_and(|parent| parent.state != TokenState::Forked)
            {
                broken.push(format!("the token that token {} was forked from does not wait", token.id));
            }
        }
        for visit in self.visits.iter().filter(|visit| !self.tokens.iter().any(|it| it.id == visit.token)) {
            broken.push(format!("visit {} belongs to no token", visit.id));
        }
    }

    /// What the status promises.
    fn check_status(&self, broken: &mut Vec<String>) {
        let live = self.tokens.iter().any(|token| token.state == TokenState::Live);
        let open = |kind| self.visits.iter().any(|it| it.state == VisitState::Open && it.kind == kind);
        let kept = match self.status {
            Status::Draft => self.tokens.is_empty() && self.visits.is_empty(),
            Status::Running => live && !open(VisitKind::Revise) && !open(VisitKind::Consent),
            Status::Suspended => live && self.visits.iter().any(|visit| visit.stuck.is_some()),
            Status::Returned => live && open(VisitKind::Revise),
            Status::Revoking => !live && open(VisitKind::Consent),
            Status::Approved
            | Status::Rejected
            | Status::Withdrawn
            | Status::Revoked
            | Status::Terminated => !live && !self.visits.iter().any(|it| it.state == VisitState::Open),
        };
        if !kept {
            broken.push(format!("the tokens and visits do not fit the status {:?}", self.status));
        }
        if (self.status.is_ended() || self.status == Status::Revoking) != self.ended_at.is_some() {
            broken.push("exactly an ended instance has an end".to_owned());
        }
    }
}

fn check_visit(visit: &Visit, broken: &mut Vec<String>) {
    let asked = |slot: &&Slot| matches!(slot.state, SlotState::Pending | SlotState::Offered);
    let open = visit.slots.iter().filter(|slot| slot.state.is_open()).count();
    let is_open = visit.state == VisitState::Open;
    if is_open
        && visit.kind.asks_people()
        && visit.stuck.is_none()
        && !visit.slots.iter().any(|it| asked(&it))
    {
        broken.push(format!("open visit {} asks nobody", visit.id));
    }
    if !is_open && open > 0 {
        broken.push(format!("closed visit {} still asks somebody", visit.id));
    }
    if is_open == visit.closed_at.is_some() {
        broken.push(format!("exactly a closed visit has an end, visit {} differs", visit.id));
    }
    if !is_open && !visit.timers.is_empty() {
        broken.push(format!("closed visit {} waits for the clock", visit.id));
    }
    if !is_open && visit.stuck.is_some() {
        broken.push(format!("closed visit {} is stuck", visit.id));
    }
    let mut owners = HashSet::new();
    for slot in &visit.slots {
        if slot.state != SlotState::Removed && !owners.insert(slot.owner) {
            broken.push(format!("a person has one slot in a visit, visit {} differs", visit.id));
        }
        check_slot(visit, slot, broken);
    }
}

fn check_slot(visit: &Visit, slot: &Slot, broken: &mut Vec<String>) {
    let needs = matches!(slot.state, SlotState::Approved | SlotState::Rejected | SlotState::Abstained);
    let may = matches!(
        slot.state,
        SlotState::Waiting
            | SlotState::AutoRejected(_)
            | SlotState::Auto(_)
            | SlotState::NotNeeded
            | SlotState::Cancelled
            | SlotState::Returned
    );
    if (needs && slot.decided.is_none()) || (slot.decided.is_some() && !needs && !may) {
        broken.push(format!("exactly a decided slot names who decided, slot {} differs", slot.id));
    }
    if slot.state == SlotState::Pending && slot.pending_at.is_none() {
        broken.push(format!("slot {} is pending since no time", slot.id));
    }
    if slot.state == SlotState::Waiting && !slot.has_added_open(visit) {
        broken.push(format!("slot {} waits for nobody", slot.id));
    }
    let parent = slot.parent.map(|id| visit.slots.iter().find(|it| it.id == id));
    if parent.is_some_and(|parent| parent.is_none_or(|it| it.adding.is_none())) {
        broken.push(format!("slot {} was added by nobody of its visit", slot.id));
    }
    if slot.state.is_open() && parent.flatten().is_some_and(|it| !it.state.is_open()) {
        broken.push(format!("slot {} is open though the one it was added to is decided", slot.id));
    }
}
