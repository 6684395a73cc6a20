//! What is done when another engine reports that a process has ended: the handler registered for the class it names.

use super::wire::ProcessEndCallBack;
use crate::app::App;
use crate::error::Error;
use crate::work::outbox::WEBHOOK;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use zhupi_engine::ids::TenantId;
use zhupi_store::{CallbackHandler, Completion, Delivery, Told};

/// What a handler does.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Tells one of our webhooks, as the event `completion.reported`.
    Webhook { webhook: Uuid },
}

/// The event a webhook is told.
const REPORTED: &str = "completion.reported";
const LONGEST_ID: usize = 200;

impl App {
    /// Takes a report, once: when it comes again, nothing happens.
    pub async fn take_completion(
        &self,
        tenant: TenantId,
        flow_instance_id: &str,
        report: &ProcessEndCallBack,
    ) -> Result<(), Error> {
        if flow_instance_id.trim().is_empty() || flow_instance_id.len() > LONGEST_ID {
            let message = format!("expected 1 to {LONGEST_ID} characters");
            return Err(Error::field("flowInstanceId", message));
        }
        if self.store.load_completion(tenant, flow_instance_id).await?.is_some() {
            return Ok(());
        }
        let handler = self.handler_of(tenant, report).await?;
        let action: Action = serde_json::from_str(&handler.action).map_err(Error::internal)?;
        let taken = Taken { tenant, flow_instance_id, class: &handler.class, report };
        match action {
            Action::Webhook { webhook } => self.tell_webhook(&taken, webhook).await,
        }
    }

    /// Whether what a handler is to do can be done.
    pub async fn check_action(&self, tenant: TenantId, action: &Action) -> Result<(), Error> {
        match action {
            Action::Webhook { webhook } => match self.store.load_webhook(tenant, *webhook).await? {
                Some(_) => Ok(()),
                None => Err(Error::field("action.webhook", "there is no such webhook")),
            },
        }
    }

    async fn handler_of(
        &self,
        tenant: TenantId,
        report: &ProcessEndCallBack,
    ) -> Result<CallbackHandler, Error> {
        let class = report.call_back_process_class.as_deref().map(str::trim).unwrap_or_default();
        if class.is_empty() {
            return Err(Error::field("callBackProcessClass", "`callBackProcessClass` is blank"));
        }
        let handler = self.store.load_callback_handler(tenant, class).await?;
        handler.filter(|handler| handler.active).ok_or_else(|| {
            Error::field("callBackProcessClass", format!("no handler is registered for `{class}`"))
        })
    }

    async fn tell_webhook(&self, taken: &Taken<'_>, webhook: Uuid) -> Result<(), Error> {
        let at = self.now();
        let payload = json!({
            "type": REPORTED,
            "timestamp": at.to_string(),
            "data": { "flow_instance_id": taken.flow_instance_id, "report": taken.report },
        });
        let told =
            Told { kind: WEBHOOK.to_owned(), target: webhook.to_string(), payload: payload.to_string() };
        let delivery = Delivery::alone(taken.tenant, Uuid::now_v7(), told, at.as_microsecond());
        let completion = taken.completion(delivery.id, at.as_microsecond())?;
        if self.store.take_completion(taken.tenant, &completion, Some(&delivery)).await? {
            self.wake.outbox.notify_one();
        }
        Ok(())
    }
}

/// A report on its way to its handler.
struct Taken<'a> {
    tenant: TenantId,
    flow_instance_id: &'a str,
    class: &'a str,
    report: &'a ProcessEndCallBack,
}

impl Taken<'_> {
    fn completion(&self, effect: Uuid, received_at: i64) -> Result<Completion, Error> {
        Ok(Completion {
            flow_instance_id: self.flow_instance_id.to_owned(),
            class: self.class.to_owned(),
            report: serde_json::to_string(self.report).map_err(Error::internal)?,
            effect,
            received_at,
        })
    }
}
