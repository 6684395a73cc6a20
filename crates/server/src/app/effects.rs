//! What an accepted command sends out: deliveries to our own webhooks, the completion callback, sealing. They are written
//! together with the command; `work/outbox.rs` carries them.

use crate::app::App;
use crate::compat::bpm::translate::{Completed, completion};
use crate::error::Error;
use crate::view::task_id;
use crate::work::outbox::{BPM_COMPLETE, COMPLETION_TARGET, WEBHOOK};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use uuid::Uuid;
use zhupi_engine::event::NewSlot;
use zhupi_engine::ids::{InstanceId, SlotId, TenantId};
use zhupi_engine::instance::{Slot, SlotState};
use zhupi_engine::{Event, Instance, Status, Template};
use zhupi_store::{NewDelivery, Webhook};

/// The kind of delivery that asks for an approved document to be sealed; its target is the signing flow. It is never due, so
/// that it waits in sight for whoever seals.
pub const SEAL: &str = "seal";

/// Business keys of instances that decide about a signing flow begin so; the id of the flow follows.
pub const SIGNING_KEY: &str = "esign:";

/// Everything a webhook can be told of.
pub const EVENT_TYPES: [&str; 15] = [
    "instance.submitted",
    "instance.approved",
    "instance.rejected",
    "instance.withdrawn",
    "instance.suspended",
    "instance.revoked",
    "instance.terminated",
    "task.created",
    "task.decided",
    "task.moved",
    "task.reminded",
    "task.urged",
    "cc.sent",
    "comment.added",
    "comment.mentioned",
];

/// A command that was accepted and is about to be written.
#[derive(Clone, Copy)]
pub(super) struct Accepted<'a> {
    pub tenant: TenantId,
    pub template: &'a Template,
    /// The instance after it.
    pub next: &'a Instance,
    pub events: &'a [Event],
    pub at: Timestamp,
    pub business_key: Option<&'a str>,
}

impl App {
    /// Everything an accepted command sends out.
    pub(super) async fn deliveries(&self, accepted: &Accepted<'_>) -> Result<Vec<NewDelivery>, Error> {
        let webhooks = self.webhooks(accepted.tenant).await?;
        let mut deliveries = to_webhooks(accepted, &webhooks);
        if accepted.events.iter().any(ends_approved) {
            deliveries.extend(self.completion(accepted).await?);
            deliveries.extend(sealing(accepted));
        }
        Ok(deliveries)
    }

    /// The completion callback, where the template turns it on. That the workspace has not said where it goes shows in
    /// the deliveries, where it can be sent again once it has.
    async fn completion(&self, accepted: &Accepted<'_>) -> Result<Option<NewDelivery>, Error> {
        let Some(handler) = &accepted.template.settings.completion_callback else { return Ok(None) };
        let id = accepted.next.template;
        let row = self.store.load_template(accepted.tenant, id).await?.ok_or(Error::NotFound)?;
        let body = completion(&Completed {
            handler,
            business_key: accepted.business_key,
            template: id,
            template_code: &row.code,
            template_version: accepted.next.template_version,
        });
        let payload = serde_json::to_string(&body).map_err(Error::internal)?;
        Ok(Some(due(accepted.at, BPM_COMPLETE, COMPLETION_TARGET, payload)))
    }
}

fn ends_approved(event: &Event) -> bool {
    matches!(event, Event::Ended { status: Status::Approved, .. })
}

/// The sealing of a document whose signing flow was approved.
fn sealing(accepted: &Accepted<'_>) -> Option<NewDelivery> {
    let flow = accepted.business_key?.strip_prefix(SIGNING_KEY)?;
    let payload = json!({ "flow": flow, "instance": accepted.next.id }).to_string();
    Some(NewDelivery { due_at: Timestamp::MAX.as_microsecond(), ..due(accepted.at, SEAL, flow, payload) })
}

pub(super) fn due(at: Timestamp, kind: &str, target: &str, payload: String) -> NewDelivery {
    NewDelivery {
        id: Uuid::now_v7(),
        kind: kind.to_owned(),
        target: target.to_owned(),
        payload,
        due_at: at.as_microsecond(),
    }
}

fn to_webhooks(accepted: &Accepted<'_>, webhooks: &[Webhook]) -> Vec<NewDelivery> {
    if webhooks.is_empty() {
        return Vec::new();
    }
    let told = accepted.events.iter().flat_map(|event| told(event, accepted));
    told.enumerate()
        .flat_map(|(n, news)| {
            let wanting = webhooks.iter().filter(move |webhook| wants(webhook, news.kind));
            wanting.map(|webhook| tell(accepted, n, &news, webhook)).collect::<Vec<_>>()
        })
        .collect()
}

fn wants(webhook: &Webhook, kind: &str) -> bool {
    webhook.events.is_empty() || webhook.events.iter().any(|wanted| wanted == kind)
}

fn tell(accepted: &Accepted<'_>, n: usize, news: &News, webhook: &Webhook) -> NewDelivery {
    let Instance { id: instance, version, .. } = accepted.next;
    let mut delivery = due(accepted.at, WEBHOOK, &webhook.id.to_string(), String::new());
    delivery.payload = json!({
        "id": format!("{instance}.{version}.{n}"),
        "delivery": delivery.id,
        "type": news.kind,
        "timestamp": accepted.at,
        "tenant": accepted.tenant,
        "instance": instance,
        "sequence": version,
        "data": news.data,
    })
    .to_string();
    delivery
}

/// One thing that webhooks can be told.
struct News {
    kind: &'static str,
    data: Json,
}

fn told(event: &Event, accepted: &Accepted<'_>) -> Vec<News> {
    let next = accepted.next;
    match event {
        Event::Submitted { .. } => vec![of_instance("instance.submitted", accepted, "")],
        Event::VisitOpened { node, slots, .. } => {
            let pending = slots.iter().filter(|slot| slot.state == SlotState::Pending);
            pending.map(|slot| task_created(next.id, node.as_str(), slot)).collect()
        }
        Event::SlotTurned { slot, .. } => with_slot(next, *slot, |node, slot| News {
            kind: "task.created",
            data: json!({
                "task": task_id(next.id, slot.id), "node": node, "owner": slot.owner, "assignee": slot.assignee,
            }),
        }),
        Event::SlotDecided { slot, by, decision, comment, .. } => with_slot(next, *slot, |node, slot| News {
            kind: "task.decided",
            data: json!({
                "task": task_id(next.id, slot.id), "node": node, "assignee": slot.assignee,
                "by": by, "decision": decision, "comment": comment,
            }),
        }),
        Event::SlotMoved { slot, by, how, comment, .. } => with_slot(next, *slot, |node, slot| News {
            kind: "task.moved",
            data: json!({
                "task": task_id(next.id, slot.id), "node": node, "owner": slot.owner, "assignee": slot.assignee,
                "by": by, "why": how, "comment": comment,
            }),
        }),
        Event::Reminded { visit, people, supervisors, .. } => {
            let node = next.visit(*visit).map(|visit| &visit.node);
            let data = json!({ "node": node, "people": people, "supervisors": supervisors });
            vec![News { kind: "task.reminded", data }]
        }
        Event::Urged { by, people, comment, .. } => {
            vec![News { kind: "task.urged", data: json!({ "by": by, "people": people, "comment": comment }) }]
        }
        Event::CcSent { node, people, .. } => {
            let people: Vec<_> = people.iter().map(|found| found.user).collect();
            vec![News { kind: "cc.sent", data: json!({ "node": node, "people": people }) }]
        }
        Event::Commented { by, text, mentions, attachments, .. } => {
            let data = json!({ "by": by, "text": text, "mentions": mentions, "attachments": attachments });
            let mentioned = |person| News {
                kind: "comment.mentioned",
                data: json!({ "person": person, "by": by, "text": text }),
            };
            let added = News { kind: "comment.added", data };
            std::iter::once(added).chain(mentions.iter().map(mentioned)).collect()
        }
        Event::Suspended { reason, .. } => vec![of_instance("instance.suspended", accepted, reason)],
        Event::Ended { status, reason, .. } => {
            ended(*status).map(|kind| of_instance(kind, accepted, reason)).into_iter().collect()
        }
        Event::FormEdited { .. }
        | Event::Picked { .. }
        | Event::ApproversFrozen { .. }
        | Event::TokenForked { .. }
        | Event::TokenArrived { .. }
        | Event::Joined { .. }
        | Event::TokenCancelled { .. }
        | Event::LanesChosen { .. }
        | Event::Looped { .. }
        | Event::SlotHeld { .. }
        | Event::SlotSettled { .. }
        | Event::SlotsAdded { .. }
        | Event::Claimed { .. }
        | Event::Released { .. }
        | Event::TakenBack { .. }
        | Event::Returned { .. }
        | Event::ReturnSettled { .. }
        | Event::Superseded { .. }
        | Event::TimersSet { .. }
        | Event::TimerFired { .. }
        | Event::TriggerCalled { .. }
        | Event::ChildStarted { .. }
        | Event::Answered { .. }
        | Event::Intervened { .. }
        | Event::RevokeAsked { .. }
        | Event::RevokeRefused { .. }
        | Event::Migrated { .. }
        | Event::Resumed
        | Event::TokenStarted { .. }
        | Event::LaneChosen { .. }
        | Event::SlotRemoved { .. }
        | Event::VisitClosed { .. }
        | Event::CcRead { .. }
        | Event::DataWarned { .. }
        | Event::TokenFinished { .. } => Vec::new(),
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

fn of_instance(kind: &'static str, accepted: &Accepted<'_>, reason: &str) -> News {
    let next = accepted.next;
    let data = json!({
        "template": { "id": next.template, "version": next.template_version, "name": accepted.template.name },
        "title": next.title,
        "status": next.status,
        "initiator": next.initiator,
        "business_key": accepted.business_key,
        "reason": reason,
    });
    News { kind, data }
}

fn task_created(instance: InstanceId, node: &str, slot: &NewSlot) -> News {
    let data = json!({
        "task": task_id(instance, slot.id), "node": node, "owner": slot.owner, "assignee": slot.assignee,
    });
    News { kind: "task.created", data }
}

fn with_slot(instance: &Instance, id: SlotId, news: impl Fn(&str, &Slot) -> News) -> Vec<News> {
    instance.slot(id).map(|(visit, slot)| news(visit.node.as_str(), slot)).into_iter().collect()
}
