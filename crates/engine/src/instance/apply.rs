//! Applying facts. Nothing here decides anything, and nothing can fail: an event that names what does not exist changes
//! nothing.

use super::{
    CcEntry, Comment, Decided, Instance, LaneTaken, Slot, SlotState, Status, Token, TokenState, Visit,
    VisitState,
};
use crate::event::{Decision, Event, NewSlot};
use crate::ids::{SlotId, TokenId, VisitId};
use jiff::Timestamp;
use std::sync::Arc;

impl Instance {
    /// Applies a fact.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Submitted { at, title, department, form, picks, serial } => {
                self.status = Status::Running;
                self.submitted_at = Some(*at);
                self.title.clone_from(title);
                self.serial.clone_from(serial);
                self.department = *department;
                self.form = Arc::new(form.clone());
                self.picks = picks.clone();
            }
            Event::TokenStarted { token, parent } => {
                self.tokens.push(Token { id: *token, parent: *parent, state: TokenState::Live });
            }
            Event::LaneChosen { token, branch, lane, tried: _ } => {
                self.lanes.push(LaneTaken { token: *token, branch: branch.clone(), lane: lane.clone() });
            }
            Event::VisitOpened { at, visit, token, node, round, level, mode, slots, upcoming } => {
                self.visits.push(Visit {
                    id: *visit,
                    token: *token,
                    node: node.clone(),
                    round: *round,
                    level: *level,
                    mode: *mode,
                    slots: slots.iter().map(|slot| opened(slot, *at)).collect(),
                    upcoming: upcoming.clone(),
                    state: VisitState::Open,
                    opened_at: *at,
                    closed_at: None,
                });
            }
            Event::SlotTurned { at, slot } => self.change_slot(*slot, |slot| {
                slot.state = SlotState::Pending;
                slot.pending_at = Some(*at);
            }),
            Event::SlotRemoved { slot } => self.change_slot(*slot, |slot| slot.state = SlotState::Removed),
            Event::SlotDecided { at, slot, by, decision, comment } => self.change_slot(*slot, |slot| {
                slot.state = match decision {
                    Decision::Approve => SlotState::Approved,
                    Decision::Reject => SlotState::Rejected,
                };
                slot.decided = Some(Decided { by: *by, at: *at, comment: comment.clone() });
            }),
            Event::VisitClosed { at, visit, state } => self.close_visit(*visit, *state, *at),
            Event::CcSent { at, node, people } => {
                self.cc.extend(people.iter().map(|found| CcEntry {
                    user: found.user,
                    node: node.clone(),
                    at: *at,
                    read_at: None,
                }));
            }
            Event::CcRead { at, user } => {
                for entry in self.cc.iter_mut().filter(|it| it.user == *user && it.read_at.is_none()) {
                    entry.read_at = Some(*at);
                }
            }
            Event::Commented { at, by, text, mentions, attachments } => self.comments.push(Comment {
                by: *by,
                at: *at,
                text: text.clone(),
                mentions: mentions.clone(),
                attachments: attachments.clone(),
            }),
            Event::DataWarned { warning } => self.warnings.push(warning.clone()),
            Event::TokenFinished { token } => self.change_token(*token, TokenState::Finished),
            Event::Suspended { .. } => self.status = Status::Suspended,
            Event::Ended { at, status, reason: _ } => self.end(*status, *at),
        }
    }

    fn change_slot(&mut self, id: SlotId, change: impl FnOnce(&mut Slot)) {
        if let Some(slot) =
            self.visits.iter_mut().flat_map(|visit| &mut visit.slots).find(|slot| slot.id == id)
        {
            change(slot);
        }
    }

    fn change_token(&mut self, id: TokenId, state: TokenState) {
        if let Some(token) = self.tokens.iter_mut().find(|token| token.id == id) {
            token.state = state;
        }
    }

    fn close_visit(&mut self, id: VisitId, state: VisitState, at: Timestamp) {
        let Some(visit) = self.visits.iter_mut().find(|visit| visit.id == id) else { return };
        visit.state = state;
        visit.closed_at = Some(at);
        let left_over = match state {
            VisitState::Cancelled => SlotState::Cancelled,
            VisitState::Open
            | VisitState::Passed
            | VisitState::Rejected
            | VisitState::AutoApproved
            | VisitState::AutoRejected => SlotState::NotNeeded,
        };
        for slot in visit.slots.iter_mut().filter(|slot| slot.state.is_open()) {
            slot.state = left_over;
        }
    }

    fn end(&mut self, status: Status, at: Timestamp) {
        self.status = status;
        self.ended_at = Some(at);
        for token in self.tokens.iter_mut().filter(|token| token.state == TokenState::Live) {
            token.state = TokenState::Cancelled;
        }
    }
}

fn opened(new: &NewSlot, at: Timestamp) -> Slot {
    Slot {
        id: new.id,
        owner: new.owner,
        assignee: new.assignee,
        why: new.why.clone(),
        state: new.state,
        pending_at: (new.state == SlotState::Pending).then_some(at),
        decided: None,
    }
}
