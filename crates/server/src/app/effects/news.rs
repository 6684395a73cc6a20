//! What webhooks are told of each event: a word and the facts.

use super::Accepted;
use crate::view::task_id;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use zhupi_engine::event::{Decision, NewSlot};
use zhupi_engine::ids::{SlotId, UserId, VisitId};
use zhupi_engine::instance::{Slot, SlotState};
use zhupi_engine::{Event, Status};

/// Everything a webhook can be told of.
pub const EVENT_TYPES: [&str; 27] = [
    "instance.submitted",
    "instance.approved",
    "instance.rejected",
    "instance.withdrawn",
    "instance.suspended",
    "instance.resumed",
    "instance.returned",
    "instance.edited",
    "instance.revoke_asked",
    "instance.revoke_refused",
    "instance.revoked",
    "instance.terminated",
    "instance.intervened",
    "instance.migrated",
    "task.created",
    "task.decided",
    "task.moved",
    "task.claimed",
    "task.released",
    "task.signers_added",
    "task.taken_back",
    "task.closed",
    "task.reminded",
    "task.urged",
    "cc.sent",
    "comment.added",
    "comment.mentioned",
];

/// One thing that webhooks can be told.
pub(super) struct News {
    pub kind: &'static str,
    pub data: Json,
}

/// What webhooks are told of an event; nothing where it matters to nobody but the engine.
pub(super) fn told(event: &Event, accepted: &Accepted<'_>) -> Vec<News> {
    let one = |kind: &'static str, data: Json| vec![News { kind, data }];
    let of_instance = |kind, reason: &str| vec![accepted.of_instance(kind, reason)];
    match event {
        Event::Submitted { .. } => of_instance("instance.submitted", ""),
        Event::VisitOpened { slots, .. } => accepted.created(slots),
        Event::SlotTurned { slot, .. } => accepted.at(*slot, "task.created", json!({})),
        Event::SlotDecided { slot, by, decision, comment, signature, attachments, .. } => {
            let mut more = json!({ "by": by, "decision": decision, "comment": comment });
            if let Some(signature) = signature {
                more["signature"] = json!(signature);
            }
            if !attachments.is_empty() {
                more["attachments"] = json!(attachments);
            }
            accepted.at(*slot, "task.decided", more)
        }
        Event::SlotSettled { slot, state, .. } => {
            let more = json!({ "by": null, "decision": settled(*state), "comment": "" });
            accepted.at(*slot, "task.decided", more)
        }
        Event::SlotMoved { slot, by, how, comment, .. } => {
            let more = json!({ "by": by, "why": how, "comment": comment });
            accepted.at(*slot, "task.moved", more)
        }
        Event::SlotsAdded { slot, by, kind, slots, comment, .. } => {
            let people: Vec<UserId> = slots.iter().map(|slot| slot.assignee).collect();
            let more = json!({ "by": by, "place": kind, "people": people, "comment": comment });
            let added = accepted.at(*slot, "task.signers_added", more);
            added.into_iter().chain(accepted.created(slots)).collect()
        }
        Event::Claimed { slot, .. } => accepted.at(*slot, "task.claimed", json!({})),
        Event::Released { slot, .. } => accepted.at(*slot, "task.released", json!({})),
        Event::TakenBack { slot, by, .. } => accepted.at(*slot, "task.taken_back", json!({ "by": by })),
        Event::SlotRemoved { slot, .. } => {
            accepted.at(*slot, "task.closed", json!({ "state": SlotState::Removed }))
        }
        Event::VisitClosed { visit, .. } => accepted.closed(*visit),
        Event::Reminded { visit, people, supervisors, .. } => {
            let node = accepted.node_of(*visit);
            one("task.reminded", json!({ "node": node, "people": people, "supervisors": supervisors }))
        }
        Event::Returned { visit, by, to, comment, .. } => {
            let node = accepted.node_of(*visit);
            one("instance.returned", json!({ "from": node, "to": to, "by": by, "comment": comment }))
        }
        Event::FormEdited { by, edits, .. } => {
            let fields: Vec<_> = edits.keys().collect();
            one("instance.edited", json!({ "by": by, "fields": fields }))
        }
        Event::Urged { by, people, comment, .. } => {
            one("task.urged", json!({ "by": by, "people": people, "comment": comment }))
        }
        Event::Intervened { by, what, reason, .. } => {
            one("instance.intervened", json!({ "by": by, "what": what, "reason": reason }))
        }
        Event::RevokeAsked { reason, .. } => of_instance("instance.revoke_asked", reason),
        Event::RevokeRefused { .. } => of_instance("instance.revoke_refused", ""),
        Event::Migrated { .. } => of_instance("instance.migrated", ""),
        Event::Resumed => of_instance("instance.resumed", ""),
        Event::CcSent { node, people, .. } => {
            let people: Vec<_> = people.iter().map(|found| found.user).collect();
            one("cc.sent", json!({ "node": node, "people": people }))
        }
        Event::Commented { by, text, mentions, attachments, .. } => {
            let data = json!({ "by": by, "text": text, "mentions": mentions, "attachments": attachments });
            let mentioned = |person| News {
                kind: "comment.mentioned",
                data: json!({ "person": person, "by": by, "text": text }),
            };
            one("comment.added", data).into_iter().chain(mentions.iter().map(mentioned)).collect()
        }
        Event::Suspended { reason, .. } => of_instance("instance.suspended", reason),
        Event::Ended { status, reason, .. } => {
            ended(*status).map(|kind| vec![accepted.ended(kind, reason)]).unwrap_or_default()
        }
        Event::TokenStarted { .. }
        | Event::TokenForked { .. }
        | Event::TokenArrived { .. }
        | Event::TokenCancelled { .. }
        | Event::TokenRecalled { .. }
        | Event::TokenFinished { .. }
        | Event::Joined { .. }
        | Event::LaneChosen { .. }
        | Event::LanesChosen { .. }
        | Event::Looped { .. }
        | Event::Picked { .. }
        | Event::ApproversFrozen { .. }
        | Event::SlotHeld { .. }
        | Event::AskedAgain { .. }
        | Event::ReturnSettled { .. }
        | Event::Superseded { .. }
        | Event::TimersSet { .. }
        | Event::TimerFired { .. }
        | Event::TriggerCalled { .. }
        | Event::ChildStarted { .. }
        | Event::Answered { .. }
        | Event::CcRead { .. }
        | Event::DataWarned { .. } => Vec::new(),
    }
}

impl Accepted<'_> {
    fn of_instance(&self, kind: &'static str, reason: &str) -> News {
        let next = self.next;
        let data = json!({
            "template": { "id": next.template, "version": next.template_version, "name": self.template.name },
            "title": next.title,
            "status": next.status,
            "initiator": next.initiator,
            "business_key": self.business_key,
            "reason": reason,
        });
        News { kind, data }
    }

    /// Something about a task, with everybody's names on it.
    fn at(&self, slot: SlotId, kind: &'static str, more: Json) -> Vec<News> {
        let Some((visit, Slot { id, owner, assignee, .. })) = self.next.slot(slot) else { return Vec::new() };
        let mut data = json!({
            "task": task_id(self.next.id, *id), "node": visit.node, "owner": owner, "assignee": assignee,
        });
        if let (Json::Object(data), Json::Object(more)) = (&mut data, more) {
            data.extend(more);
        }
        vec![News { kind, data }]
    }

    /// Tasks that somebody can take up from now on.
    fn created(&self, slots: &[NewSlot]) -> Vec<News> {
        let for_somebody = |slot: &&NewSlot| matches!(slot.state, SlotState::Pending | SlotState::Offered);
        slots
            .iter()
            .filter(for_somebody)
            .flat_map(|slot| self.at(slot.id, "task.created", json!({})))
            .collect()
    }

    /// Tasks that went away with their visit before anybody decided them.
    fn closed(&self, visit: VisitId) -> Vec<News> {
        let slots = self.next.visit(visit).map_or(&[][..], |visit| &visit.slots);
        let gone = |slot: &&Slot| matches!(slot.state, SlotState::NotNeeded | SlotState::Cancelled);
        let told = |slot: &Slot| self.at(slot.id, "task.closed", json!({ "state": slot.state }));
        slots.iter().filter(gone).flat_map(told).collect()
    }

    /// An end, with those who had decided: they may want to know.
    fn ended(&self, kind: &'static str, reason: &str) -> News {
        let mut news = self.of_instance(kind, reason);
        let slots = self.next.visits.iter().flat_map(|visit| &visit.slots);
        let decided: BTreeSet<UserId> = slots.filter_map(|slot| Some(slot.decided.as_ref()?.by)).collect();
        news.data["people"] = json!(decided);
        news
    }

    fn node_of(&self, visit: VisitId) -> Option<&str> {
        self.next.visit(visit).map(|visit| visit.node.as_str())
    }
}

/// How a rule, or the people somebody brought in, decided a task.
fn settled(state: SlotState) -> Option<Decision> {
    match state {
        SlotState::Approved | SlotState::Auto(_) => Some(Decision::Approve),
        SlotState::Rejected | SlotState::AutoRejected(_) => Some(Decision::Reject),
        SlotState::Abstained => Some(Decision::Abstain),
        SlotState::Queued
        | SlotState::Pending
        | SlotState::Offered
        | SlotState::Taken
        | SlotState::Waiting
        | SlotState::Returned
        | SlotState::NotNeeded
        | SlotState::Removed
        | SlotState::Cancelled => None,
    }
}

fn ended(status: Status) -> Option<&'static str> {
    match status {
        Status::Approved => Some("instance.approved"),
        Status::Rejected => Some("instance.rejected"),
        Status::Withdrawn => Some("instance.withdrawn"),
        Status::Revoked => Some("instance.revoked"),
        Status::Terminated => Some("instance.terminated"),
        Status::Draft | Status::Running | Status::Suspended | Status::Returned | Status::Revoking => None,
    }
}
