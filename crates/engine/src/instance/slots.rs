//! Applying facts to visits and their slots.

use super::{Adding, Decided, Instance, Slot, SlotState, Status, Visit, VisitKind, VisitState};
use crate::event::{AddKind, Decision, Event, Move, NewSlot};
use crate::ids::{SlotId, UserId};
use jiff::Timestamp;
use std::collections::BTreeMap;

impl Instance {
    pub(super) fn open_visit(&mut self, event: &Event) {
        let Event::VisitOpened { at, visit, token, node, round, level, kind, mode, quorums, slots, upcoming } =
            event
        else {
            return;
        };
        self.visits.push(Visit {
            id: *visit,
            token: *token,
            node: node.clone(),
            round: *round,
            level: *level,
            kind: *kind,
            mode: *mode,
            quorums: quorums.clone(),
            slots: slots.iter().map(|slot| opened(slot, *at)).collect(),
            upcoming: upcoming.clone(),
            state: VisitState::Open,
            stuck: None,
            superseded: false,
            due_at: None,
            timers: Vec::new(),
            opened_at: *at,
            closed_at: None,
        });
        if *kind == VisitKind::Revise {
            self.status = Status::Returned;
        }
    }

    pub(super) fn return_slot(&mut self, event: &Event) {
        let Event::Returned { at, slot: Some(slot), by, comment, attachments, .. } = event else { return };
        let content = self.content();
        self.change_slot(*slot, |slot| {
            slot.state = SlotState::Returned;
            slot.decided = Some(Decided {
                by: *by,
                at: *at,
                comment: comment.clone(),
                content,
                signature: None,
                attachments: attachments.clone(),
                picks: BTreeMap::new(),
            });
        });
    }

    /// Somebody decided.
    fn decide_slot(&mut self, event: &Event) {
        let Event::SlotDecided { at, slot, by, decision, comment, signature, attachments } = event else {
            return;
        };
        let decided = Decided {
            by: *by,
            at: *at,
            comment: comment.clone(),
            content: self.content(),
            signature: signature.clone(),
            attachments: attachments.clone(),
            picks: BTreeMap::new(),
        };
        self.change_slot(*slot, |slot| {
            slot.state = match decision {
                Decision::Approve => SlotState::Approved,
                Decision::Reject => SlotState::Rejected,
                Decision::Abstain => SlotState::Abstained,
            };
            slot.decided = Some(decided);
        });
    }

    pub(super) fn change_decision(&mut self, slot: SlotId, change: impl FnOnce(&mut Decided)) {
        self.change_slot(slot, |slot| {
            if let Some(decided) = &mut slot.decided {
                change(decided);
            }
        });
    }

    pub(super) fn apply_to_slots(&mut self, event: &Event) {
        match event {
            Event::SlotTurned { at, slot } => self.change_slot(*slot, |slot| {
                slot.state = SlotState::Pending;
                slot.pending_at = Some(*at);
            }),
            Event::AskedAgain { slot, .. } => self.change_slot(*slot, |slot| {
                slot.state = SlotState::Queued;
                slot.pending_at = None;
                slot.decided = None;
            }),
            Event::SlotRemoved { slot, .. } => {
                self.change_slot(*slot, |slot| slot.state = SlotState::Removed)
            }
            Event::SlotDecided { .. } => self.decide_slot(event),
            Event::SlotHeld { slot } => self.change_slot(*slot, |slot| slot.state = SlotState::Waiting),
            Event::SlotSettled { slot, state, .. } => self.change_slot(*slot, |slot| slot.state = *state),
            Event::SlotsAdded { .. } => self.add_slots(event),
            Event::SlotMoved { slot, to, how, .. } => {
                self.change_slot(*slot, |slot| move_slot(slot, *to, *how));
            }
            Event::Claimed { at, slot } => self.change_pool(*slot, SlotState::Taken, |slot| {
                slot.state = SlotState::Pending;
                slot.pending_at = Some(*at);
            }),
            Event::Released { slot, .. } => self.change_pool(*slot, SlotState::Offered, |slot| {
                slot.state = SlotState::Offered;
                slot.pending_at = None;
            }),
            _ => {}
        }
    }

    /// People who can act now, each once, in order: whose turn it is, and to whom a pool offers its task.
    pub fn asked(&self) -> Vec<UserId> {
        let open = self.visits.iter().filter(|visit| visit.state == VisitState::Open);
        let slots = open.flat_map(|visit| &visit.slots);
        let asked = slots.filter(|slot| matches!(slot.state, SlotState::Pending | SlotState::Offered));
        let mut people: Vec<UserId> = Vec::new();
        for slot in asked {
            if !people.contains(&slot.assignee) {
                people.push(slot.assignee);
            }
        }
        people
    }

    /// A decision is taken back: its visit is open again, and the slots stand as the event says.
    pub(super) fn reopen(&mut self, slots: &[(SlotId, SlotState)]) {
        for (id, state) in slots {
            let owning = |visit: &&mut Visit| visit.slots.iter().any(|slot| slot.id == *id);
            let Some(visit) = self.visits.iter_mut().find(owning) else { continue };
            visit.state = VisitState::Open;
            visit.closed_at = None;
            for slot in visit.slots.iter_mut().filter(|slot| slot.id == *id) {
                slot.state = *state;
                // Whoever waits for people he added after him has spoken already.
                slot.decided =
                    slot.decided.take().filter(|_| !state.is_open() || *state == SlotState::Waiting);
            }
        }
    }

    fn change_slot(&mut self, id: SlotId, change: impl FnOnce(&mut Slot)) {
        let mut slots = self.visits.iter_mut().flat_map(|visit| &mut visit.slots);
        if let Some(slot) = slots.find(|slot| slot.id == id) {
            change(slot);
        }
    }

    /// One slot of a pool changes, and with it the others that are open. People brought in are not in the pool.
    fn change_pool(&mut self, id: SlotId, others: SlotState, change: impl FnOnce(&mut Slot)) {
        let pool = |visit: &&mut Visit| {
            visit.kind == VisitKind::Pool && visit.slots.iter().any(|slot| slot.id == id)
        };
        let Some(visit) = self.visits.iter_mut().find(pool) else { return };
        let in_pool = |slot: &&mut Slot| slot.id != id && slot.parent.is_none() && slot.state.is_open();
        for slot in visit.slots.iter_mut().filter(in_pool) {
            slot.state = others;
        }
        self.change_slot(id, change);
    }

    fn add_slots(&mut self, event: &Event) {
        let Event::SlotsAdded { at, slot: adder, by, kind, mode, advisory, slots, .. } = event else {
            return;
        };
        let owning = |visit: &&mut Visit| visit.slots.iter().any(|slot| slot.id == *adder);
        let Some(visit) = self.visits.iter_mut().find(owning) else { return };
        let Some(own) = visit.slots.iter().find(|slot| slot.id == *adder) else { return };
        let peers = *kind == AddKind::Peers;
        let parent = if peers { own.parent } else { Some(*adder) };
        let more = own.adding.filter(|it| it.kind == *kind && own.has_added_open(visit));
        let first = more.map(|it| it.first).or_else(|| slots.first().map(|new| new.id));
        let added = slots.iter().map(|new| Slot { parent, added_by: Some(*by), ..opened(new, *at) });
        visit.slots.extend(added);
        let Some(first) = first.filter(|_| !peers) else { return };
        self.change_slot(*adder, |slot| {
            slot.adding = Some(Adding { kind: *kind, mode: *mode, advisory: *advisory, first });
            if *kind == AddKind::Before {
                slot.state = SlotState::Waiting;
            }
        });
    }
}

fn move_slot(slot: &mut Slot, to: UserId, how: Move) {
    let from = std::mem::replace(&mut slot.assignee, to);
    if from != slot.owner && !slot.held.contains(&from) {
        slot.held.push(from);
    }
    match how {
        Move::Delegate => slot.back_to = Some(from),
        Move::GivenBack => slot.back_to = None,
        Move::Absence => slot.absent = Some(slot.absent.unwrap_or(from)),
        Move::BackFromAbsence => slot.absent = None,
        Move::Transfer | Move::Leaver | Move::Timeout | Move::Reassign | Move::HandOver => {
            slot.absent = None;
            slot.back_to = None;
            slot.moves += 1;
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
        weight: new.weight,
        veto: new.veto,
        group: new.group.clone(),
        parent: None,
        added_by: None,
        adding: None,
        moves: 0,
        back_to: None,
        absent: (new.assignee != new.owner).then_some(new.owner),
        held: Vec::new(),
    }
}
