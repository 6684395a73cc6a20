//! What was told to other systems, every attempt at it, and telling it again. For administrators.

use super::webhooks::time;
use crate::app::{App, Shared};
use crate::caller::Caller;
use crate::error::Error;
use crate::extract::{Json, Path, Query};
use crate::page::{PageOf, PageQuery};
use crate::work::outbox::WEBHOOK;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use zhupi_store::{Attempt, Delivery, DeliveryFilter, DeliveryState, Page};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(redeliver))
        .routes(routes!(redeliver_range))
}

/// What became of a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Fate {
    /// It will be tried, perhaps again.
    Waiting,
    /// The other side took it.
    Delivered,
    /// Its attempts are used up, or it can never be delivered.
    Dead,
}

impl From<Fate> for DeliveryState {
    fn from(state: Fate) -> Self {
        match state {
            Fate::Waiting => Self::Waiting,
            Fate::Delivered => Self::Delivered,
            Fate::Dead => Self::Dead,
        }
    }
}

impl From<DeliveryState> for Fate {
    fn from(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Waiting => Self::Waiting,
            DeliveryState::Delivered => Self::Delivered,
            DeliveryState::Dead => Self::Dead,
        }
    }
}

/// Which deliveries; what is absent does not matter.
#[derive(Clone, Debug, Default, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Filter {
    /// What became of them.
    state: Option<Fate>,
    /// `webhook`, `bpm_complete`, `trigger`, `begin_child`, `end_child` or `answer`.
    kind: Option<String>,
    /// Those for this webhook.
    webhook: Option<Uuid>,
    /// Those that tell of this instance.
    instance: Option<Uuid>,
    /// Not begun before.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Begun before.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

impl Filter {
    fn of_store(&self) -> DeliveryFilter {
        DeliveryFilter {
            state: self.state.map(Into::into),
            kind: self.kind.clone(),
            target: self.webhook.map(|id| id.to_string()),
            instance: self.instance.map(Into::into),
            from: self.from.map(Timestamp::as_microsecond),
            until: self.until.map(Timestamp::as_microsecond),
        }
    }
}

/// Something that was, or is to be, told.
#[derive(Serialize, ToSchema)]
struct DeliveryView {
    id: Uuid,
    /// `webhook`, `bpm_complete`, `trigger`, `begin_child`, `end_child` or `answer`.
    kind: String,
    /// The webhook it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<Uuid>,
    /// The instance it tells of.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<Uuid>,
    state: Fate,
    /// How often it was tried.
    attempts: u32,
    /// When it is tried next, while it waits; later where an earlier one of its instance is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    next_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// A delivery with all there is to know of it.
#[derive(Serialize, ToSchema)]
struct DeliveryDetail {
    #[serde(flatten)]
    delivery: DeliveryView,
    /// The body of the call, as text.
    payload: String,
    /// Every attempt, the first one first.
    tries: Vec<AttemptView>,
}

/// One attempt.
#[derive(Serialize, ToSchema)]
struct AttemptView {
    /// Counts from 1.
    number: u32,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    duration_ms: i64,
    /// The status of the answer; absent where there was none.
    status: Option<u16>,
    /// The first 4 KiB of the answer.
    response: String,
    /// Why it does not count as delivered; absent where it does.
    error: Option<String>,
}

/// How many were taken up again.
#[derive(Serialize, ToSchema)]
struct Redelivered {
    deliveries: u32,
    /// There are more of them: ask again.
    more: bool,
}

impl DeliveryView {
    fn of(delivery: &Delivery) -> Self {
        let state = delivery.state.into();
        Self {
            id: delivery.id,
            kind: delivery.kind.clone(),
            webhook: (delivery.kind == WEBHOOK).then(|| delivery.target.parse().ok()).flatten(),
            instance: Some(delivery.instance.0).filter(|instance| *instance != delivery.id),
            state,
            attempts: delivery.attempts,
            next_at: (state == Fate::Waiting).then(|| time(delivery.next_at)),
            created_at: time(delivery.created_at),
        }
    }
}

impl AttemptView {
    fn of(attempt: Attempt) -> Self {
        Self {
            number: attempt.number,
            at: time(attempt.at),
            duration_ms: attempt.duration_us / 1000,
            status: attempt.status,
            response: attempt.response,
            error: attempt.error,
        }
    }
}

/// List deliveries
///
/// Dead letters are those with `state=dead`.
#[utoipa::path(
    get, path = "/deliveries", operation_id = "list_deliveries", tag = "deliveries",
    params(Filter, PageQuery),
    responses((status = 200, description = "deliveries, the newest first", body = PageOf<DeliveryView>))
)]
async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Query(filter): Query<Filter>,
    Query(page): Query<PageQuery>,
) -> Result<Json<PageOf<DeliveryView>>, Error> {
    app.require_admin(&caller).await?;
    let deliveries = app.store.list_deliveries(caller.tenant, &filter.of_store(), &page.page()?).await?;
    Ok(Json(PageOf::of(deliveries, |delivery| DeliveryView::of(&delivery))))
}

/// Show a delivery, with every attempt
#[utoipa::path(
    get, path = "/deliveries/{id}", operation_id = "get_delivery", tag = "deliveries",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "the delivery", body = DeliveryDetail),
              (status = 404, description = "there is none"))
)]
async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<DeliveryDetail>, Error> {
    let delivery = load(&app, &caller, id).await?;
    let tries = app.store.list_attempts(caller.tenant, id).await?;
    Ok(Json(DeliveryDetail {
        delivery: DeliveryView::of(&delivery),
        tries: tries.into_iter().map(AttemptView::of).collect(),
        payload: delivery.payload,
    }))
}

/// Deliver once more
///
/// Whatever became of it: from now on, with all its attempts anew, under the same id.
#[utoipa::path(
    post, path = "/deliveries/{id}/redeliver", operation_id = "redeliver", tag = "deliveries",
    params(("id" = Uuid, Path)),
    responses((status = 202, description = "it waits to be tried", body = DeliveryView),
              (status = 404, description = "there is none"))
)]
async fn redeliver(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, Json<DeliveryView>), Error> {
    let delivery = load(&app, &caller, id).await?;
    app.store.redeliver(&delivery, app.now_us()).await?;
    app.wake.outbox.notify_one();
    let delivery = load(&app, &caller, id).await?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryView::of(&delivery))))
}

/// Deliver many once more
///
/// Those that the filter says; without a `state`, the dead ones. At most 1,000 at once, the newest first.
#[utoipa::path(
    post, path = "/deliveries/redeliver", operation_id = "redeliver_range", tag = "deliveries",
    request_body = Filter,
    responses((status = 202, description = "how many wait to be tried", body = Redelivered))
)]
async fn redeliver_range(
    State(app): State<Shared>,
    caller: Caller,
    Json(filter): Json<Filter>,
) -> Result<(StatusCode, Json<Redelivered>), Error> {
    app.require_admin(&caller).await?;
    let filter = Filter { state: filter.state.or(Some(Fate::Dead)), ..filter }.of_store();
    let (mut page, now, mut deliveries) = (Page::first(200), app.now_us(), 0);
    for _ in 0..5 {
        let found = app.store.list_deliveries(caller.tenant, &filter, &page).await?;
        for delivery in &found.rows {
            app.store.redeliver(delivery, now).await?;
            deliveries += 1;
        }
        page.after = found.next;
        if page.after.is_none() {
            break;
        }
    }
    app.wake.outbox.notify_one();
    Ok((StatusCode::ACCEPTED, Json(Redelivered { deliveries, more: page.after.is_some() })))
}

async fn load(app: &App, caller: &Caller, id: Uuid) -> Result<Delivery, Error> {
    app.require_admin(caller).await?;
    app.store.load_delivery(caller.tenant, id).await?.ok_or(Error::NotFound)
}
