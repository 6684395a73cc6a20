//! Telling people, for whom nobody waits (semantics B12): at the beginning, at cc nodes, when a node has come out, by hand
//! and at the end. Each person is told once, and of the result once more.

use super::Draft;
use crate::approvers::{Found, Why, WhyRule, find_people};
use crate::event::Event;
use crate::ids::{NodeId, TokenId, UserId, VisitId};
use crate::instance::VisitState;
use crate::template::{Block, Cc};
use std::collections::HashSet;

/// Tells the people of the template's setting that somebody asks.
pub(super) fn at_start(draft: &mut Draft<'_>) {
    let template = draft.template;
    if !template.settings.cc_at_start.is_empty() {
        let people = find_people(&template.settings.cc_at_start, None, draft.scene(TokenId(0)));
        send(draft, (None, None), people);
    }
}

/// Tells the people of a node, where the visit stands at one, how it came out, before anything follows from that.
pub(super) fn outcome(draft: &mut Draft<'_>, id: VisitId, node: Option<&Block>) {
    let Some(Block::Approval(node)) = node else { return };
    let Some(visit) = draft.instance.visit(id) else { return };
    let (token, state) = (visit.token, visit.state);
    let rules = match state {
        VisitState::Passed | VisitState::AutoApproved => &node.tells.passed,
        VisitState::Rejected | VisitState::AutoRejected => &node.tells.rejected,
        VisitState::Open | VisitState::Returned | VisitState::Skipped | VisitState::Cancelled => return,
    };
    if !rules.is_empty() {
        let people = find_people(rules, Some(&node.id), draft.scene(token));
        draft.sent_on.insert(draft.events.len(), token);
        send(draft, (Some(&node.id), None), people);
    }
}

/// Tells people at a node and does not wait (B12).
pub(super) fn at_node(draft: &mut Draft<'_>, token: TokenId, node: &Cc) {
    let people = find_people(&node.people, Some(&node.id), draft.scene(token));
    draft.sent_on.insert(draft.events.len(), token);
    send(draft, (Some(&node.id), None), people);
}

/// Whoever is told that a visit is late may look at it.
pub(super) fn late(draft: &mut Draft<'_>, id: VisitId, people: Vec<Found>) {
    let Some(visit) = draft.instance.visit(id) else { return };
    let (node, token) = (visit.node.clone(), visit.token);
    draft.sent_on.insert(draft.events.len(), token);
    send(draft, (Some(&node), None), people);
}

/// Tells the people whom the initiator named.
pub(super) fn named(draft: &mut Draft<'_>, users: &[UserId]) {
    let named = |user: &UserId| Found { user: *user, why: Why::by(WhyRule::Named) };
    let by = draft.instance.initiator;
    send(draft, (None, Some(by)), users.iter().map(named).collect());
}

/// Tells people whom somebody names while it runs, or afterwards. He tells himself nothing.
pub(super) fn by_hand(draft: &mut Draft<'_>, by: UserId, users: &[UserId]) {
    let rule = WhyRule::Added { by: draft.directory.name(by) };
    let named = |user: &UserId| Found { user: *user, why: Why::by(rule.clone()) };
    send(draft, (None, Some(by)), users.iter().filter(|user| **user != by).map(named).collect());
}

/// Tells the result to the people of the template's setting. They are told even if they were told before (B12).
pub(super) fn at_end(draft: &mut Draft<'_>) {
    let template = draft.template;
    let people = find_people(&template.settings.cc_at_end, None, draft.scene(TokenId(0)));
    let people = each_once(draft, people);
    if !people.is_empty() {
        draft.emit(Event::CcSent { at: draft.at, node: None, by: None, people });
    }
}

/// One copy a person and instance (B12).
fn send(draft: &mut Draft<'_>, (node, by): (Option<&NodeId>, Option<UserId>), people: Vec<Found>) {
    let told: HashSet<UserId> = draft.instance.cc.iter().map(|entry| entry.user).collect();
    let mut people = each_once(draft, people);
    people.retain(|found| !told.contains(&found.user));
    if !people.is_empty() {
        draft.emit(Event::CcSent { at: draft.at, node: node.cloned(), by, people });
    }
}

fn each_once(draft: &Draft<'_>, people: Vec<Found>) -> Vec<Found> {
    let mut seen = HashSet::new();
    people.into_iter().filter(|it| draft.directory.is_active(it.user) && seen.insert(it.user)).collect()
}
