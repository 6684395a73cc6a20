//! Who may be given a task, on every way there is to get one: found by rules, brought in, handed on, claimed, standing in.
//! One function, so that no way can be forgotten (semantics B6.1, D9).

use super::Scene;
use crate::ids::{NodeId, SlotId, UserId, VisitId};
use crate::instance::{Slot, SlotState, Visit};
use crate::rejection::Rejection;
use crate::template::{Approval, Offer, SelfRule, Separation};

/// Why somebody may not be given a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Barred {
    /// Nobody knows him, or he has left.
    Inactive,
    /// It is his own request, and the node does not let him decide on it.
    Initiator,
    /// He decided where duties have to be in different hands.
    Separated,
    /// He is asked in this visit already.
    HoldsSlot,
    /// The node does not offer him.
    NotOffered,
}

impl Barred {
    /// What to answer to whoever wanted to give him the task.
    pub(crate) fn rejection(self, user: UserId) -> Rejection {
        let why = match self {
            Barred::Inactive => return Rejection::UserNotActive { user },
            Barred::Initiator => "it is this person's own request",
            Barred::Separated => "the duties have to be in different hands",
            Barred::HoldsSlot => "this person is asked here already",
            Barred::NotOffered => "the node does not offer this person",
        };
        Rejection::NotEligible { user, why }
    }
}

/// Where somebody would be asked.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) node: &'a Approval,
    /// The visit he would join; absent while it is still to be opened.
    pub(crate) visit: Option<&'a Visit>,
    /// The slot he would be given; absent where he would get one of his own.
    pub(crate) slot: Option<SlotId>,
    /// Whom the node offers for this; absent where that does not matter.
    pub(crate) offer: Option<&'a Offer>,
}

impl<'a> Place<'a> {
    /// A visit of this node that is still to be opened.
    pub(crate) fn at(node: &'a Approval) -> Self {
        Self { node, visit: None, slot: None, offer: None }
    }

    /// A slot of his own in an open visit.
    pub(crate) fn joining(node: &'a Approval, visit: &'a Visit) -> Self {
        Self { visit: Some(visit), ..Self::at(node) }
    }

    /// A slot of an open visit that somebody else has now.
    pub(crate) fn taking(node: &'a Approval, visit: &'a Visit, slot: SlotId) -> Self {
        Self { slot: Some(slot), ..Self::joining(node, visit) }
    }

    /// Only people whom the node offers.
    pub(crate) fn offered(self, offer: &'a Offer) -> Self {
        Self { offer: Some(offer), ..self }
    }
}

/// Why a person may not be asked at a place; absent where he may.
pub(crate) fn barred(user: UserId, place: Place<'_>, scene: Scene<'_>) -> Option<Barred> {
    if !scene.directory.is_active(user) {
        return Some(Barred::Inactive);
    }
    if is_separated(user, &place.node.id, scene) {
        return Some(Barred::Separated);
    }
    if user == scene.instance.initiator && place.node.self_rule() != SelfRule::Approve {
        return Some(Barred::Initiator);
    }
    if place.visit.is_some_and(|visit| holds_slot(user, visit, place.slot)) {
        return Some(Barred::HoldsSlot);
    }
    let offered = match place.offer {
        None | Some(Offer::Anyone) => true,
        Some(Offer::Among(scope)) => scene.directory.in_scope(user, scope),
        Some(Offer::Nobody) => false,
    };
    (!offered).then_some(Barred::NotOffered)
}

/// He decided at a node, or on a linked instance, that has to be in other hands than this node (semantics D9), or passed
/// over the people there as an administrator. What was superseded by a return does not count.
pub(crate) fn is_separated(user: UserId, node: &NodeId, scene: Scene<'_>) -> bool {
    scene.template.settings.separation.iter().any(|rule| match rule {
        Separation::Nodes(nodes) => {
            let elsewhere = |it: &&Visit| !it.superseded && it.node != *node && nodes.contains(&it.node);
            let passed_over = scene.instance.passed_over.iter().filter(|it| it.by == user);
            let passed_over: Vec<VisitId> = passed_over.map(|it| it.visit).collect();
            let took_part = |it: &Visit| has_decided(user, it) || passed_over.contains(&it.id);
            nodes.contains(node) && scene.instance.visits.iter().filter(elsewhere).any(took_part)
        }
        Separation::Linked { field, nodes } => {
            (nodes.is_empty() || nodes.contains(node))
                && scene.instance.linked.get(field).is_some_and(|people| people.contains(&user))
        }
    })
}

/// Sending back is no decision.
fn has_decided(user: UserId, visit: &Visit) -> bool {
    visit.slots.iter().any(|slot| {
        slot.state != SlotState::Returned && slot.decided.as_ref().is_some_and(|it| it.by == user)
    })
}

/// A person is asked once in a visit. Whoever had a slot that is somebody else's now may be given one again, but not a
/// second one of his own.
fn holds_slot(user: UserId, visit: &Visit, taken: Option<SlotId>) -> bool {
    let slots = visit.slots.iter().filter(|slot| slot.state != SlotState::Removed);
    slots.into_iter().any(|slot| is_with(user, slot) || (taken.is_none() && slot.owner == user))
}

fn is_with(user: UserId, slot: &Slot) -> bool {
    slot.assignee == user || slot.absent == Some(user) || slot.back_to == Some(user)
}
