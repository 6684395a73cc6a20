//! Applying facts. Nothing here decides anything, and nothing can fail: an event that names what does not exist changes
//! nothing. The slots of a visit: `slots.rs`.

use super::{
    Begun, Called, CcEntry, Comment, Content, Instance, LaneTaken, PassedOver, Pick, Returned, SlotState,
    Status, Timer, Token, TokenState, Visit, VisitKind, VisitState,
};
use crate::command::{Intervention, ReturnTo};
use crate::event::Event;
use crate::form::{Changes, FormData};
use crate::ids::{FieldId, InstanceId, NodeId, SlotId, TimerId, TokenId, UserId, VisitId};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Instance {
    /// Applies a fact.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Submitted { at, title, department, form, picks, serial, linked, copied_from, digest } => {
                self.status = Status::Running;
                self.submitted_at = Some(*at);
                self.title.clone_from(title);
                self.serial.clone_from(serial);
                self.department = *department;
                self.form = Arc::new(form.clone());
                self.picks = picks.clone();
                self.linked = linked.clone();
                self.copied_from = *copied_from;
                self.renew_content(*at, Some(self.initiator), digest);
            }
            Event::FormEdited { .. } => self.edit_form(event),
            Event::Picked { by: _, slot, picks } => self.pick(*slot, picks),
            Event::ApproversFrozen { people } => self.frozen = people.clone(),
            Event::TokenStarted { .. }
            | Event::TokenForked { .. }
            | Event::TokenArrived { .. }
            | Event::Joined { .. }
            | Event::TokenCancelled { .. }
            | Event::TokenRecalled { .. }
            | Event::TokenFinished { .. } => self.apply_to_tokens(event),
            Event::LaneChosen { token, branch, lane, tried: _ } => self.take_lane(*token, branch, lane),
            Event::LanesChosen { token, fork, lanes, tried: _ } => {
                lanes.iter().for_each(|lane| self.take_lane(*token, fork, lane));
            }
            Event::Looped { route, count, .. } => {
                self.loops.insert(route.clone(), *count);
            }
            Event::VisitOpened { .. } => self.open_visit(event),
            Event::SlotTurned { .. }
            | Event::AskedAgain { .. }
            | Event::SlotRemoved { .. }
            | Event::SlotDecided { .. }
            | Event::SlotHeld { .. }
            | Event::SlotSettled { .. }
            | Event::SlotsAdded { .. }
            | Event::SlotMoved { .. }
            | Event::Claimed { .. }
            | Event::Released { .. } => self.apply_to_slots(event),
            Event::VisitClosed { at, visit, state } => self.close_visit(*visit, *state, *at),
            Event::TakenBack { .. } | Event::Returned { .. } | Event::ReturnSettled { .. } => {
                self.apply_to_returns(event);
            }
            Event::Superseded { visits } => self.supersede(visits),
            Event::TimersSet { visit, due_at, timers } => self.set_timers(*visit, *due_at, timers),
            Event::TimerFired { visit, timer, .. } => self.fire(*visit, *timer),
            Event::Urged { at, .. } => self.urged_at = Some(*at),
            Event::CcSent { at, node, by, people } => {
                let (by, at) = (*by, *at);
                let user = people.iter().map(|found| found.user);
                let told = user.map(|user| CcEntry { user, node: node.clone(), by, at, read_at: None });
                self.cc.extend(told);
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
            Event::Intervened { by, what, over, .. } => self.intervene(*by, what, over),
            Event::RevokeAsked { .. } => self.status = Status::Revoking,
            Event::RevokeRefused { .. } => self.status = Status::Approved,
            Event::Migrated { at, version, by, digest, nodes, .. } => {
                self.migrate(*version, nodes);
                if !digest.is_empty() {
                    self.renew_content(*at, *by, digest);
                }
            }
            Event::DataWarned { warning } => self.warnings.push(warning.clone()),
            Event::Suspended { token, reason, .. } => self.suspend(*token, reason),
            Event::Resumed => {
                self.status = Status::Running;
                self.visits.iter_mut().for_each(|visit| visit.stuck = None);
            }
            Event::TriggerCalled { node, token, .. } => self.called(node, *token),
            Event::ChildStarted { node, token, visit: None, child, .. } => self.begin(node, *token, *child),
            Event::Reminded { .. } | Event::ChildStarted { .. } | Event::Answered { .. } => {}
            Event::Ended { at, status, reason: _ } => self.end(*status, *at),
        }
    }

    /// The same values under another name.
    fn renew_content(&mut self, at: Timestamp, by: Option<UserId>, digest: &str) {
        let (digest, fields, was, void) = (digest.to_owned(), Vec::new(), Changes::new(), false);
        self.contents.push(Content { at, by, digest, fields, was, void });
    }

    fn edit_form(&mut self, event: &Event) {
        let Event::FormEdited { at, by, visit, edits, linked, digest, for_good, undo } = event else {
            return;
        };
        let fields: Vec<FieldId> = edits.keys().cloned().collect();
        let at_visit = visit.and_then(|id| self.visit(id)).map(|visit| visit.kind);
        let may_be_taken_back = by.is_some()
            && matches!(at_visit, Some(VisitKind::Approve | VisitKind::Handle | VisitKind::Pool));
        let was = fields.iter().map(|field| (field.clone(), self.form.get(field).cloned()));
        let was = if may_be_taken_back { was.collect() } else { Changes::new() };
        edit(Arc::make_mut(&mut self.form), edits);
        self.linked.extend(linked.clone());
        self.linked.retain(|_, people| !people.is_empty());
        let (at, by, digest, void) = (*at, *by, digest.clone(), *undo);
        self.contents.push(Content { at, by, digest, fields, was, void });
        if let Some((node, token)) = for_good {
            self.called(node, *token);
        }
    }

    fn pick(&mut self, slot: Option<SlotId>, picks: &BTreeMap<NodeId, Vec<UserId>>) {
        let made = picks.iter().map(|(node, people)| {
            let others = self.visits.iter().flat_map(|visit| &visit.slots).filter(|it| Some(it.id) != slot);
            let by_another = others.filter_map(|it| it.decided.as_ref()?.picks.get(node)).next();
            let before = by_another.map_or_else(|| self.picks.get(node), |pick| Some(&pick.before));
            (node.clone(), Pick { people: people.clone(), before: before.cloned().unwrap_or_default() })
        });
        let made: BTreeMap<NodeId, Pick> = made.collect();
        self.picks.extend(picks.clone());
        if let Some(slot) = slot {
            self.change_decision(slot, |decided| decided.picks = made);
        }
    }

    /// Begun a second time, it is the same one.
    fn begin(&mut self, node: &NodeId, token: TokenId, child: InstanceId) {
        let visits = self.visits.len() as u32;
        self.begun.retain(|it| it.child != child);
        self.begun.push(Begun { node: node.clone(), token, visits, child, kept: false });
    }

    fn supersede(&mut self, visits: &[VisitId]) {
        self.visits.iter_mut().filter(|it| visits.contains(&it.id)).for_each(|it| it.superseded = true);
    }

    fn apply_to_returns(&mut self, event: &Event) {
        match event {
            Event::TakenBack { slot, slots, returns, picks, begun, .. } => {
                if let Some(content) = self.content_of_decision(*slot) {
                    self.contents.get_mut(content).into_iter().for_each(|it| it.void = true);
                }
                self.reopen(slots);
                self.picks.extend(picks.clone());
                self.picks.retain(|node, people| !people.is_empty() || !picks.contains_key(node));
                self.begun.iter_mut().filter(|it| begun.contains(&it.child)).for_each(|it| it.kept = true);
                for number in returns {
                    self.change_return(*number, |it| (it.settled, it.settled_by) = (false, None));
                }
            }
            Event::Returned { visit, by, token, to, resume, content, .. } => {
                self.return_slot(event);
                let content = content.unwrap_or_else(|| self.content());
                let (from, by, token, to, resume) = (*visit, *by, *token, to.clone(), *resume);
                let (settled, settled_by) = (false, None);
                self.returns.push(Returned { from, token, to, by, resume, content, settled, settled_by });
            }
            Event::ReturnSettled { number, way: _, visit } => {
                self.change_return(*number, |it| (it.settled, it.settled_by) = (true, *visit));
            }
            _ => {}
        }
    }

    fn apply_to_tokens(&mut self, event: &Event) {
        match event {
            Event::TokenStarted { token, parent, fork, lane, item } => self.tokens.push(Token {
                id: *token,
                parent: *parent,
                fork: fork.clone(),
                lane: lane.clone(),
                item: item.clone(),
                state: TokenState::Live,
                outcome: None,
            }),
            Event::TokenForked { token, fork } => {
                // What came of the branches of an earlier time round is not what comes of this one.
                let earlier = |it: &&mut Token| it.parent == Some(*token) && it.fork.as_ref() == Some(fork);
                self.tokens.iter_mut().filter(earlier).for_each(|it| it.outcome = None);
                self.change_token(*token, |it| it.state = TokenState::Forked);
            }
            Event::TokenArrived { token, outcome } => self.change_token(*token, |it| {
                it.state = TokenState::Arrived;
                it.outcome = Some(*outcome);
            }),
            Event::Joined { token, .. } => {
                let children = self.tokens.iter_mut().filter(|it| it.parent == Some(*token));
                for child in children.filter(|it| it.state == TokenState::Arrived) {
                    child.state = TokenState::Finished;
                }
                self.change_token(*token, |it| it.state = TokenState::Live);
            }
            Event::TokenCancelled { token } => {
                self.change_token(*token, |it| it.state = TokenState::Cancelled);
            }
            Event::TokenRecalled { token } => self.change_token(*token, |it| {
                it.state = TokenState::Live;
                it.outcome = None;
            }),
            Event::TokenFinished { token } => self.change_token(*token, |it| it.state = TokenState::Finished),
            _ => {}
        }
    }

    fn change_token(&mut self, id: TokenId, change: impl FnOnce(&mut Token)) {
        if let Some(token) = self.tokens.iter_mut().find(|token| token.id == id) {
            change(token);
        }
    }

    fn change_return(&mut self, number: u32, change: impl FnOnce(&mut Returned)) {
        if let Some(returned) = self.returns.get_mut(number as usize) {
            change(returned);
        }
    }

    fn take_lane(&mut self, token: TokenId, branch: &NodeId, lane: &NodeId) {
        self.lanes.push(LaneTaken { token, branch: branch.clone(), lane: lane.clone() });
    }

    fn set_timers(&mut self, id: VisitId, due_at: Option<Timestamp>, timers: &[Timer]) {
        if let Some(visit) = self.visits.iter_mut().find(|visit| visit.id == id) {
            visit.due_at = due_at;
            visit.timers = timers.to_vec();
        }
    }

    fn fire(&mut self, id: VisitId, timer: TimerId) {
        let timers = self.visits.iter_mut().filter(|visit| visit.id == id).flat_map(|it| &mut it.timers);
        timers.filter(|it| it.id == timer).for_each(|it| it.fired = true);
    }

    fn close_visit(&mut self, id: VisitId, state: VisitState, at: Timestamp) {
        let Some(visit) = self.visits.iter_mut().find(|visit| visit.id == id) else { return };
        visit.state = state;
        visit.closed_at = Some(at);
        visit.stuck = None;
        visit.timers.clear();
        let left_over = match state {
            VisitState::Cancelled | VisitState::Returned => SlotState::Cancelled,
            VisitState::Open
            | VisitState::Passed
            | VisitState::Rejected
            | VisitState::AutoApproved
            | VisitState::AutoRejected
            | VisitState::Skipped => SlotState::NotNeeded,
        };
        for slot in visit.slots.iter_mut().filter(|slot| slot.state.is_open()) {
            slot.state = left_over;
        }
        self.revising_ended();
    }

    /// The status follows the initiator's visit: once it is closed, nothing waits for him.
    fn revising_ended(&mut self) {
        let revising = |visit: &Visit| visit.kind == VisitKind::Revise && visit.state == VisitState::Open;
        if self.status == Status::Returned && !self.visits.iter().any(revising) {
            self.status = Status::Running;
        }
    }

    fn suspend(&mut self, token: TokenId, reason: &str) {
        self.status = Status::Suspended;
        let at = self.visits.iter_mut().rev();
        if let Some(visit) = at.into_iter().find(|it| it.token == token && it.state == VisitState::Open) {
            visit.stuck = Some(reason.to_owned());
        }
    }

    fn intervene(&mut self, by: UserId, what: &Intervention, over: &[VisitId]) {
        self.passed_over.extend(over.iter().map(|visit| PassedOver { by, visit: *visit }));
        match what {
            Intervention::SetApprovers { node, people } if people.is_empty() => {
                self.overrides.remove(node);
            }
            Intervention::SetApprovers { node, people } => {
                self.overrides.insert(node.clone(), people.clone());
            }
            Intervention::HandOver { from, to } => self.hand_over_plans(*from, *to),
            Intervention::Skip { .. }
            | Intervention::Jump { .. }
            | Intervention::Reassign { .. }
            | Intervention::Staff { .. }
            | Intervention::Terminate
            | Intervention::Retry => {}
        }
    }

    /// People named for nodes that come. Open slots are moved by events of their own.
    fn hand_over_plans(&mut self, from: UserId, to: UserId) {
        let named = self.picks.values_mut().chain(self.overrides.values_mut()).flatten();
        named.filter(|user| **user == from).for_each(|user| *user = to);
        let upcoming = self.visits.iter_mut().flat_map(|visit| &mut visit.upcoming).flatten();
        let found = upcoming.chain(self.frozen.values_mut().flatten());
        found.filter(|found| found.user == from).for_each(|found| found.user = to);
    }

    fn called(&mut self, node: &NodeId, token: TokenId) {
        let visits = self.visits.len() as u32;
        self.calls.push(Called { node: node.clone(), token, visits });
    }

    fn migrate(&mut self, version: u32, nodes: &BTreeMap<NodeId, NodeId>) {
        self.template_version = version;
        let rename = |id: &mut NodeId| {
            if let Some(new) = nodes.get(id) {
                id.clone_from(new);
            }
        };
        self.visits.iter_mut().for_each(|visit| rename(&mut visit.node));
        self.calls.iter_mut().for_each(|call| rename(&mut call.node));
        self.tokens.iter_mut().filter_map(|token| token.fork.as_mut()).for_each(rename);
        self.tokens.iter_mut().filter_map(|token| token.lane.as_mut()).for_each(rename);
        self.cc.iter_mut().filter_map(|entry| entry.node.as_mut()).for_each(rename);
        for taken in &mut self.lanes {
            rename(&mut taken.branch);
            rename(&mut taken.lane);
        }
        for returned in &mut self.returns {
            match &mut returned.to {
                ReturnTo::Initiator => {}
                ReturnTo::Node(node) | ReturnTo::Level { node, .. } => rename(node),
            }
        }
        self.begun.iter_mut().for_each(|begun| rename(&mut begun.node));
        let slots = self.visits.iter_mut().flat_map(|visit| &mut visit.slots);
        for decided in slots.filter_map(|slot| slot.decided.as_mut()) {
            rename_keys(&mut decided.picks, nodes);
        }
        rename_keys(&mut self.picks, nodes);
        rename_keys(&mut self.overrides, nodes);
        rename_keys(&mut self.frozen, nodes);
        rename_keys(&mut self.loops, nodes);
    }

    fn end(&mut self, status: Status, at: Timestamp) {
        self.status = status;
        self.ended_at = Some(at);
        let moving = [TokenState::Live, TokenState::Forked, TokenState::Arrived];
        for token in self.tokens.iter_mut().filter(|token| moving.contains(&token.state)) {
            token.state = TokenState::Cancelled;
        }
        self.returns.iter_mut().for_each(|returned| returned.settled = true);
    }
}

fn rename_keys<T>(map: &mut BTreeMap<NodeId, T>, nodes: &BTreeMap<NodeId, NodeId>) {
    let renamed = std::mem::take(map).into_iter();
    *map = renamed.map(|(id, value)| (nodes.get(&id).cloned().unwrap_or(id), value)).collect();
}

fn edit(form: &mut FormData, edits: &Changes) {
    for (field, value) in edits {
        match value {
            Some(value) => form.0.insert(field.clone(), value.clone()),
            None => form.0.remove(field),
        };
    }
}
