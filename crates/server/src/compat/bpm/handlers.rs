//! What is done when another engine reports that a process has ended: the handler registered for the class it names.

use super::wire::ProcessEndCallBack;
use crate::app::App;
use crate::app::act::{Submission, check_business_key};
use crate::error::Error;
use crate::work::outbox::WEBHOOK;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;
use zhupi_engine::Submit;
use zhupi_engine::form::read_values;
use zhupi_engine::ids::{TemplateId, TenantId, UserId};
use zhupi_store::{CallbackHandler, Completion, Delivery, Told};

/// What a handler does.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = HandlerAction)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Tells one of our webhooks, as the event `completion.reported`.
    Webhook { webhook: Uuid },
    /// Starts a template.
    Start {
        template: Uuid,
        /// Who submits it.
        initiator: Uuid,
        /// Absent: as for any submission without a title.
        #[serde(default)]
        title: String,
        /// The form's values, by field.
        #[serde(default)]
        fields: BTreeMap<String, Source>,
    },
}

/// Where a field's value comes from.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A value that is always the same.
    Value(Json),
    /// A member of the report.
    From(Member),
}

/// A member of the report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Member {
    FlowInstanceId,
    BusinessKey,
    CallBackProcessClass,
    ProcessDefinitionId,
    ProcessDefinitionKey,
    ProcessDefinitionVersion,
}

/// The event a webhook is told.
const REPORTED: &str = "completion.reported";
const LONGEST_ID: usize = 200;

impl App {
    /// Takes a report, once: when it comes again, nothing happens.
    pub async fn take_completion(
        self: &Arc<Self>,
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
            Action::Start { template, initiator, title, fields } => {
                let start = Start { template: template.into(), initiator: initiator.into(), title };
                self.start_template(&taken, start, values(&fields, &taken)).await
            }
        }
    }

    /// Whether what a handler is to do can be done, as far as it can be seen now.
    pub async fn check_action(&self, tenant: TenantId, action: &Action) -> Result<(), Error> {
        match action {
            Action::Webhook { webhook } => match self.store.load_webhook(tenant, *webhook).await? {
                Some(_) => Ok(()),
                None => Err(Error::field("action.webhook", "there is no such webhook")),
            },
            Action::Start { template, initiator, .. } => {
                if self.store.load_template(tenant, (*template).into()).await?.is_none() {
                    return Err(Error::field("action.template", "there is no such template"));
                }
                if !self.directory(tenant).await?.is_active((*initiator).into()) {
                    return Err(Error::field("action.initiator", "there is no such active person"));
                }
                Ok(())
            }
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

    /// The process's id is the key of the submission, so that two reports at once start one instance.
    async fn start_template(
        self: &Arc<Self>,
        taken: &Taken<'_>,
        start: Start,
        values: Map<String, Json>,
    ) -> Result<(), Error> {
        if let Some(key) = &taken.report.business_key {
            check_business_key(key)
                .map_err(|why| Error::field("businessKey", format!("`businessKey`: {why}")))?;
        }
        let row = self.store.load_template(taken.tenant, start.template).await?;
        let row = row.ok_or_else(|| Error::field("callBackProcessClass", "the template to start is gone"))?;
        let version = row.current_version.ok_or(Error::TemplateNotPublished)?;
        let template = self.template(taken.tenant, start.template, version).await?;
        let values = self.filled(taken.tenant, &template.form, &values).await?;
        let form = read_values(&template.form, &values).map_err(Error::Invalid)?;
        let submission = Submission {
            template: start.template,
            submit: Submit { title: start.title, form, ..Submit::default() },
            business_key: taken.report.business_key.clone(),
            // No header can carry this letter, so that nobody uses the key up beforehand.
            idempotency_key: Some(format!("completion·{}", taken.flow_instance_id)),
            instance: None,
            draft: None,
        };
        let acted = match self.submit(taken.tenant, start.initiator, submission).await {
            Ok(acted) => acted,
            // Another report of the same process was faster.
            Err(Error::IdempotencyMismatch) => return Ok(()),
            Err(error) => return Err(error),
        };
        let completion = taken.completion(acted.instance.id.0, self.now_us())?;
        self.store.take_completion(taken.tenant, &completion, None).await?;
        Ok(())
    }
}

struct Start {
    template: TemplateId,
    initiator: UserId,
    title: String,
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

/// What a report does not say stays empty.
fn values(fields: &BTreeMap<String, Source>, taken: &Taken<'_>) -> Map<String, Json> {
    let values = fields.iter().map(|(field, source)| (field.clone(), source.value(taken)));
    values.filter(|(_, value)| !value.is_null()).collect()
}

impl Source {
    fn value(&self, taken: &Taken<'_>) -> Json {
        let report = taken.report;
        match self {
            Source::Value(value) => value.clone(),
            Source::From(Member::FlowInstanceId) => json!(taken.flow_instance_id),
            Source::From(Member::BusinessKey) => json!(report.business_key),
            Source::From(Member::CallBackProcessClass) => json!(report.call_back_process_class),
            Source::From(Member::ProcessDefinitionId) => json!(report.process_definition_id),
            Source::From(Member::ProcessDefinitionKey) => json!(report.process_definition_key),
            Source::From(Member::ProcessDefinitionVersion) => json!(report.process_definition_version),
        }
    }
}
