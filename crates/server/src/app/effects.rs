//! What an accepted command sends out: deliveries to our own webhooks, the completion callback, sealing. They are written
//! together with the command; `work/outbox.rs` carries them.

mod calls;
mod news;

pub use news::EVENT_TYPES;

use crate::app::App;
use crate::compat::bpm::translate::{Completed, completion};
use crate::error::Error;
use crate::work::outbox::{BPM_COMPLETE, COMPLETION_TARGET, WEBHOOK};
use jiff::Timestamp;
use news::News;
use serde_json::json;
use uuid::Uuid;
use zhupi_engine::ids::TenantId;
use zhupi_engine::{Event, Instance, Status, Template};
use zhupi_store::{NewDelivery, Webhook};

/// The kind of delivery that asks for an approved document to be sealed; its target is the signing flow. It is never due, so
/// that it waits in sight for whoever seals.
pub const SEAL: &str = "seal";

/// Business keys of instances that decide about a signing flow begin so; the id of the flow follows.
pub const SIGNING_KEY: &str = "esign:";

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
        deliveries.extend(calls::calls(accepted)?);
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
    let told = accepted.events.iter().flat_map(|event| news::told(event, accepted));
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
