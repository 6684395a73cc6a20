//! Webhooks of a workspace: who is told of what, and with which secret the telling is signed. For administrators.

use crate::app::effects::EVENT_TYPES;
use crate::app::{App, Shared};
use crate::caller::Caller;
use crate::error::Error;
use crate::extract::{IfMatch, Json, Path, Query, Tagged};
use crate::page::{PageOf, PageQuery};
use crate::work::outbox::WEBHOOK;
use crate::work::signature::Secret;
use crate::work::webhook::{Kept, OVERLAP_US};
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use zhupi_engine::ids::TenantId;
use zhupi_store::{Delivery, Told, Webhook};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get, update, delete))
        .routes(routes!(rotate_secret))
        .routes(routes!(ping))
}

/// What an administrator writes down.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WebhookBody {
    /// The name people see.
    name: String,
    /// Where to post to.
    url: String,
    /// Of which events to tell, such as `instance.approved` or `task.created`; empty: of all.
    #[serde(default)]
    events: Vec<String>,
    #[serde(default = "yes")]
    active: bool,
}

fn yes() -> bool {
    true
}

/// A webhook, without its secret.
#[derive(Serialize, ToSchema)]
struct WebhookView {
    id: Uuid,
    name: String,
    url: String,
    /// Empty: all.
    events: Vec<String>,
    active: bool,
    /// To be sent as `If-Match` with a change.
    revision: u32,
    created_by: Uuid,
    #[schema(value_type = String, format = DateTime)]
    created_at: jiff::Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: jiff::Timestamp,
}

/// A new webhook, with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
struct NewWebhook {
    #[serde(flatten)]
    webhook: WebhookView,
    /// As the Standard Webhooks specification writes it: `whsec_…`.
    secret: String,
}

/// A new secret, which is shown this once.
#[derive(Serialize, ToSchema)]
struct NewSecret {
    /// As the Standard Webhooks specification writes it: `whsec_…`.
    secret: String,
    /// Until then calls are signed with the secret before, too.
    #[schema(value_type = String, format = DateTime)]
    previous_until: jiff::Timestamp,
}

/// The delivery that was begun.
#[derive(Serialize, ToSchema)]
struct Pinged {
    delivery: Uuid,
}

impl WebhookView {
    fn of(webhook: Webhook) -> Self {
        Self {
            id: webhook.id,
            name: webhook.name,
            url: webhook.url,
            events: webhook.events,
            active: webhook.active,
            revision: webhook.revision,
            created_by: webhook.created_by.into(),
            created_at: time(webhook.created_at),
            updated_at: time(webhook.updated_at),
        }
    }
}

pub(super) fn time(at: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(at).unwrap_or_default()
}

/// Create a webhook
///
/// The secret is in the answer and nowhere else.
#[utoipa::path(
    post, path = "/webhooks", operation_id = "create_webhook", tag = "webhooks",
    request_body = WebhookBody,
    responses((status = 201, description = "created", body = NewWebhook),
              (status = 400, description = "a member cannot be used"),
              (status = 403, description = "not an administrator"))
)]
async fn create(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<WebhookBody>,
) -> Result<(StatusCode, Tagged<NewWebhook>), Error> {
    app.require_admin(&caller).await?;
    check(&app, &body)?;
    let (id, at, secret) = (Uuid::now_v7(), app.now_us(), new_secret()?);
    let webhook = Webhook {
        id,
        name: body.name,
        url: body.url,
        events: body.events,
        secret: Kept::new(&secret).seal(&app.vault, id)?,
        active: body.active,
        revision: 1,
        created_by: caller.user,
        created_at: at,
        updated_at: at,
    };
    app.store.create_webhook(caller.tenant, &webhook).await?;
    app.webhooks_changed(caller.tenant);
    let created = NewWebhook { webhook: WebhookView::of(webhook), secret: secret.to_text() };
    Ok((StatusCode::CREATED, Tagged(1, created)))
}

/// List webhooks
#[utoipa::path(
    get, path = "/webhooks", operation_id = "list_webhooks", tag = "webhooks",
    params(PageQuery),
    responses((status = 200, description = "webhooks, the newest first", body = PageOf<WebhookView>))
)]
async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<PageOf<WebhookView>>, Error> {
    app.require_admin(&caller).await?;
    let webhooks = app.store.list_webhooks(caller.tenant, &page.page()?).await?;
    Ok(Json(PageOf::of(webhooks, WebhookView::of)))
}

/// Show a webhook
#[utoipa::path(
    get, path = "/webhooks/{id}", operation_id = "get_webhook", tag = "webhooks",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "the webhook, its revision as `ETag`", body = WebhookView),
              (status = 404, description = "there is none"))
)]
async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Tagged<WebhookView>, Error> {
    let webhook = load(&app, &caller, id).await?;
    Ok(Tagged(webhook.revision.into(), WebhookView::of(webhook)))
}

/// Change a webhook
#[utoipa::path(
    put, path = "/webhooks/{id}", operation_id = "update_webhook", tag = "webhooks",
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "the revision that was read")),
    request_body = WebhookBody,
    responses((status = 200, description = "changed", body = WebhookView),
              (status = 404, description = "there is none"),
              (status = 412, description = "it has changed since"))
)]
async fn update(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
    revision: IfMatch,
    Json(body): Json<WebhookBody>,
) -> Result<Tagged<WebhookView>, Error> {
    let before = load(&app, &caller, id).await?;
    if revision.required()? != u64::from(before.revision) {
        return Err(Error::PreconditionFailed);
    }
    check(&app, &body)?;
    let WebhookBody { name, url, events, active } = body;
    let webhook = Webhook { name, url, events, active, updated_at: app.now_us(), ..before };
    let webhook = save(&app, caller.tenant, webhook).await?;
    Ok(Tagged(webhook.revision.into(), WebhookView::of(webhook)))
}

/// Delete a webhook
///
/// What still waits for it is given up.
#[utoipa::path(
    delete, path = "/webhooks/{id}", operation_id = "delete_webhook", tag = "webhooks",
    params(("id" = Uuid, Path)),
    responses((status = 204, description = "deleted"), (status = 404, description = "there is none"))
)]
async fn delete(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    app.require_admin(&caller).await?;
    let deleted = app.store.delete_webhook(caller.tenant, id).await?;
    app.webhooks_changed(caller.tenant);
    if deleted { Ok(StatusCode::NO_CONTENT) } else { Err(Error::NotFound) }
}

/// Replace a webhook's secret
///
/// For a day calls are signed with both, so that the receiver can change over in peace.
#[utoipa::path(
    post, path = "/webhooks/{id}/rotate-secret", operation_id = "rotate_webhook_secret", tag = "webhooks",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "the new secret", body = NewSecret),
              (status = 404, description = "there is none"))
)]
async fn rotate_secret(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<NewSecret>, Error> {
    let before = load(&app, &caller, id).await?;
    let (at, secret) = (app.now_us(), new_secret()?);
    let kept = Kept::open(&app.vault, &before)?.rotated(&secret, at).seal(&app.vault, id)?;
    save(&app, caller.tenant, Webhook { secret: kept, updated_at: at, ..before }).await?;
    Ok(Json(NewSecret { secret: secret.to_text(), previous_until: time(at + OVERLAP_US) }))
}

/// Try a webhook out
///
/// Sends the event `ping`. What came of it shows in the deliveries.
#[utoipa::path(
    post, path = "/webhooks/{id}/ping", operation_id = "ping_webhook", tag = "webhooks",
    params(("id" = Uuid, Path)),
    responses((status = 202, description = "the delivery was begun", body = Pinged),
              (status = 404, description = "there is none"))
)]
async fn ping(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, Json<Pinged>), Error> {
    let webhook = load(&app, &caller, id).await?;
    let at = app.now();
    let payload = json!({ "type": "ping", "timestamp": at, "data": { "webhook": webhook.id } });
    let told = Told { kind: WEBHOOK.to_owned(), target: id.to_string(), payload: payload.to_string() };
    let delivery = Delivery::alone(caller.tenant, Uuid::now_v7(), told, at.as_microsecond());
    app.store.insert_delivery(&delivery).await?;
    app.wake.outbox.notify_one();
    Ok((StatusCode::ACCEPTED, Json(Pinged { delivery: delivery.id })))
}

async fn load(app: &App, caller: &Caller, id: Uuid) -> Result<Webhook, Error> {
    app.require_admin(caller).await?;
    app.store.load_webhook(caller.tenant, id).await?.ok_or(Error::NotFound)
}

async fn save(app: &App, tenant: TenantId, webhook: Webhook) -> Result<Webhook, Error> {
    let updated = app.store.update_webhook(tenant, &webhook).await;
    app.webhooks_changed(tenant);
    match updated {
        Ok(revision) => Ok(Webhook { revision, ..webhook }),
        Err(zhupi_store::Error::Conflict) => Err(Error::PreconditionFailed),
        Err(error) => Err(error.into()),
    }
}

fn new_secret() -> Result<Secret, Error> {
    Secret::random().map_err(|_| Error::internal("the machine has no randomness"))
}

fn check(app: &App, body: &WebhookBody) -> Result<(), Error> {
    if body.name.trim().is_empty() || body.name.chars().count() > 100 {
        return Err(Error::field("name", "expected 1 to 100 characters"));
    }
    app.outbound.check(&body.url).map_err(|refusal| Error::field("url", refusal.to_string()))?;
    match body.events.iter().find(|event| !EVENT_TYPES.contains(&event.as_str())) {
        Some(event) => {
            let known = EVENT_TYPES.join("`, `");
            Err(Error::field("events", format!("`{event}` is no event: there are `{known}`")))
        }
        None => Ok(()),
    }
}
