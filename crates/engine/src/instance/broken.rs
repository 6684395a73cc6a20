//! The one list of invariants. The server looks at it before it writes what was decided;
//! the random tests and `zhupi check` use it too.

use super::{Instance, SlotState, Status, TokenState, Visit, VisitState};
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
        if !slots.eq(0..self.visits.iter().map(|visit| visit.slots.len() as u32).sum()) {
            broken.push("slots are numbered without gaps".to_owned());
        }
    }

    /// No token is lost: each live one of a running instance stands at exactly one open visit.
    fn check_tokens(&self, broken: &mut Vec<String>) {
        for token in &self.tokens {
            let open =
                self.visits.iter().filter(|it| it.token == token.id && it.state == VisitState::Open).count();
            let expected = usize::from(token.state == TokenState::Live && self.status == Status::Running);
            if open != expected {
                broken.push(format!("token {} stands at {open} open visits instead of {expected}", token.id));
            }
        }
        for visit in self.visits.iter().filter(|visit| !self.tokens.iter().any(|it| it.id == visit.token)) {
            broken.push(format!("visit {} belongs to no token", visit.id));
        }
    }

    /// What the status promises.
    fn check_status(&self, broken: &mut Vec<String>) {
        let live = self.tokens.iter().any(|token| token.state == TokenState::Live);
        match self.status {
            Status::Draft if !self.tokens.is_empty() || !self.visits.is_empty() => {
                broken.push("nothing has happened to a draft".to_owned());
            }
            Status::Running if !live => broken.push("a running instance has a live token".to_owned()),
            Status::Approved | Status::Rejected | Status::Withdrawn if live => {
                broken.push("an ended instance has no live token".to_owned());
            }
            Status::Draft
            | Status::Running
            | Status::Suspended
            | Status::Approved
            | Status::Rejected
            | Status::Withdrawn => {}
        }
        if self.status.is_ended() != self.ended_at.is_some() {
            broken.push("exactly an ended instance has an end".to_owned());
        }
        if self.status.is_ended() && self.visits.iter().any(|visit| visit.state == VisitState::Open) {
            broken.push("an ended instance has no open visit".to_owned());
        }
    }
}

fn check_visit(visit: &Visit, broken: &mut Vec<String>) {
    let pending = visit.slots.iter().filter(|slot| slot.state == SlotState::Pending).count();
    let open = visit.slots.iter().filter(|slot| slot.state.is_open()).count();
    if visit.state == VisitState::Open && pending == 0 {
        broken.push(format!("open visit {} asks nobody", visit.id));
    }
    if visit.state != VisitState::Open && open > 0 {
        broken.push(format!("closed visit {} still asks somebody", visit.id));
    }
    if (visit.state == VisitState::Open) == visit.closed_at.is_some() {
        broken.push(format!("exactly a closed visit has an end, visit {} differs", visit.id));
    }
    let mut owners = HashSet::new();
    for slot in &visit.slots {
        if !owners.insert(slot.owner) {
            broken.push(format!("a person has one slot in a visit, visit {} differs", visit.id));
        }
        let decided = matches!(slot.state, SlotState::Approved | SlotState::Rejected);
        if decided != slot.decided.is_some() {
            broken.push(format!("exactly a decided slot names who decided, slot {} differs", slot.id));
        }
        if slot.state == SlotState::Pending && slot.pending_at.is_none() {
            broken.push(format!("slot {} is pending since no time", slot.id));
        }
    }
}
