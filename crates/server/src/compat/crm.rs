//! The CRM surface (励销/爱客 process platform): approvals of CRM objects in that family's words. What it serves:
//! `docs/compat/crm.md`. It starts instances through `App::submit` and decides them through `App::act`, like everybody.

mod codes;
mod entities;
mod graph;
pub mod numbers;
mod records;
mod translate;
mod trigger;
mod wire;
mod words;
mod workflows;

use crate::app::Shared;
use crate::caller::{Caller, Scope};
use crate::error::Error;
use crate::extract::{self, Path, read_json};
use crate::http::{self, trace_of};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, RawQuery, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use codes::Failure;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use wire::{Answer, EntityEvent, Listed, Perform, SaveWorkflow};
use zhupi_engine::Status;
use zhupi_store::{CrmCentre, CrmScope};

/// Every address of this surface, relative to the root.
pub fn routes(app: &Shared) -> Router<Shared> {
    let routes = Router::new()
        .route("/api/v1/execute_records/detail", get(detail))
        .route("/api/v1/execute_records/{id}/perform", post(perform))
        .route("/api/v1/execute_records/{id}/cancel", post(cancel))
        .route("/api/v1/execute_records/{id}/resubmission", post(resubmit))
        .route("/api/v1/approval_center/list", get(centre))
        .route("/api/v1/workflows", get(list_workflows).post(create_workflow))
        .route("/api/v1/workflows/flow_enable", post(enable_flow))
        .route("/api/v1/workflows/{id}", get(get_workflow).put(update_workflow))
        .route("/api/v1/entities", get(show_entities).post(take_entity))
        .merge(http::nothing_else("/api/v1"));
    http::shell(app, routes, codes::render)
}

/// Who calls this surface: one of its platforms, for a person with a token of ours.
struct Visitor(Caller);

const PLATFORMS: [&str; 4] = ["wxwork", "dingtalk", "lixiaoyun", "ikcrm"];

impl FromRequestParts<Shared> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Failure> {
        let header = |name: &str| parts.headers.get(name).and_then(|it| it.to_str().ok()).map(str::trim);
        let platform = header("x-lxy-platform").unwrap_or_default();
        let app_name = header("x-lxy-app").unwrap_or_default();
        if !PLATFORMS.contains(&platform) || !app_name.eq_ignore_ascii_case("crm") {
            return Err(Failure::InvalidApp);
        }
        let token = header("access-token").ok_or(Error::Unauthenticated)?;
        let caller = app.caller_of_token(token).await?;
        app.limits.count_caller(caller.user.0)?;
        trace_of(&parts.extensions).note_tenant(caller.tenant);
        caller.require(if parts.method == Method::GET { Scope::Read } else { Scope::Write })?;
        Ok(Self(caller))
    }
}

fn answer<T: serde::Serialize>(data: T) -> Response {
    axum::Json(Answer::new(data)).into_response()
}

async fn detail(
    State(app): State<Shared>,
    Visitor(caller): Visitor,
    query: RawQuery,
) -> Result<Response, Failure> {
    let query = Query::read(&query);
    let (kind, id) = query.object()?;
    entities::check_type(&app, caller.tenant, kind).await?;
    let known = entities::load(&app, caller.tenant, kind, id).await?.ok_or(Error::NotFound)?;
    Ok(answer(records::detail(&app, &caller, &known).await?))
}

async fn perform(
    State(app): State<Shared>,
    Visitor(caller): Visitor,
    Path(id): Path<String>,
    Body(asked): Body<Perform>,
) -> Result<Response, Failure> {
    Ok(answer(records::perform(&app, &caller, number(&id)?, asked).await?))
}

async fn cancel(
    State(app): State<Shared>,
    Visitor(caller): Visitor,
    Path(id): Path<String>,
    Body(asked): Body<Perform>,
) -> Result<Response, Failure> {
    let words = asked.execute_opinion.unwrap_or_default();
    Ok(answer(records::cancel(&app, &caller, number(&id)?, words).await?))
}

async fn resubmit(
    State(app): State<Shared>,
    Visitor(caller): Visitor,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    Ok(answer(records::resubmit(&app, &caller, number(&id)?).await?))
}

async fn centre(
    State(app): State<Shared>,
    Visitor(caller): Visitor,
    query: RawQuery,
) -> Result<Response, Failure> {
    let query = Query::read(&query);
    let (page, per_page) = query.page()?;
    let scope = match query.one("scope") {
        Some("todo") => CrmScope::Todo,
        Some("submission") => CrmScope::Submission,
        Some("processed") => CrmScope::Processed,
        _ => return Err(Error::field("scope", "it is one of `todo`, `submission` and `processed`").into()),
    };
    for kind in query.all("entity_types") {
        entities::check_type(&app, caller.tenant, kind).await?;
    }
    let uids: Vec<i64> =
        query.all("submitter_uids").map(|uid| whole("submitter_uids", uid)).collect::<Result<_, _>>()?;
    let known = numbers::users_of(&app, caller.tenant, uids.iter().copied()).await?;
    let asked = CrmCentre {
        person: caller.user,
        scope,
        entity_types: query.all("entity_types").map(str::to_owned).collect(),
        submitters: (!uids.is_empty()).then(|| known.into_values().collect()),
        statuses: statuses(query.all("status"))?,
        limit: per_page,
        offset: (page - 1) * per_page,
    };
    Ok(answer(records::centre(&app, &caller, &asked, page).await?))
}

async fn list_workflows(
    State(app): State<Shared>,
    Visitor(caller): Visitor,
    query: RawQuery,
) -> Result<Response, Failure> {
    let (page, per_page) = Query::read(&query).page()?;
    Ok(answer(workflows::list(&app, &caller, page, per_page).await?))
}

async fn get_workflow(
    State(app): State<Shared>,
    Visitor(caller): Visitor,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    Ok(answer(workflows::get(&app, &caller, number(&id)?).await?))
}

async fn create_workflow(
    State(app): State<Shared>,
    Visitor(caller): Visitor,
    Body(asked): Body<SaveWorkflow>,
) -> Result<Response, Failure> {
    Ok(answer(json!({ "id": workflows::create(&app, &caller, asked).await? })))
}

async fn update_workflow(
    State(app): State<Shared>,
    Visitor(caller): Visitor,
    Path(id): Path<String>,
    Body(asked): Body<SaveWorkflow>,
) -> Result<Response, Failure> {
    Ok(answer(json!({ "id": workflows::update(&app, &caller, number(&id)?, asked).await? })))
}

async fn enable_flow(
    State(app): State<Shared>,
    Visitor(caller): Visitor,
    Body(asked): Body<Json>,
) -> Result<Response, Failure> {
    Ok(answer(workflows::enable_flow(&app, &caller, asked).await?))
}

async fn take_entity(
    State(app): State<Shared>,
    Visitor(caller): Visitor,
    Body(event): Body<EntityEvent>,
) -> Result<Response, Failure> {
    let known = entities::take(&app, &caller, event).await?;
    let hidden = app.hidden_of_entity(caller.tenant, caller.user, &known.row).await?;
    Ok(answer(entities::show(&app, caller.tenant, &known, hidden.as_ref()).await?))
}

/// One object where `entity_id` is given, else a page of all objects of a type.
async fn show_entities(
    State(app): State<Shared>,
    Visitor(caller): Visitor,
    query: RawQuery,
) -> Result<Response, Failure> {
    let query = Query::read(&query);
    if query.one("entity_id").is_some() {
        let (kind, id) = query.object()?;
        entities::check_type(&app, caller.tenant, kind).await?;
        let known = entities::load(&app, caller.tenant, kind, id).await?.ok_or(Error::NotFound)?;
        let hidden = app.hidden_of_entity(caller.tenant, caller.user, &known.row).await?;
        return Ok(answer(entities::show(&app, caller.tenant, &known, hidden.as_ref()).await?));
    }
    let kind = query.one("entity_type").unwrap_or_default();
    entities::check_type(&app, caller.tenant, kind).await?;
    let (page, per_page) = query.page()?;
    let offset = (page - 1) * per_page;
    let (rows, total_count) = app.store.list_crm_entities(caller.tenant, kind, per_page, offset).await?;
    let mut list = Vec::new();
    for row in rows {
        let known = entities::read(&app, caller.tenant, row).await?;
        list.push(entities::show(&app, caller.tenant, &known, None).await?);
    }
    Ok(answer(Listed { list, total_count, page, per_page }))
}

/// A JSON body whatever its content type says: clients of this family often send none.
struct Body<T>(T);

impl<T: DeserializeOwned> axum::extract::FromRequest<Shared> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: axum::extract::Request, app: &Shared) -> Result<Self, Failure> {
        let bytes: Bytes = extract::read_body(request, app).await?;
        Ok(Self(read_json(&bytes)?))
    }
}

/// The query of an address; lists are written `name[]=a&name[]=b`.
struct Query(Vec<(String, String)>);

impl Query {
    fn read(RawQuery(raw): &RawQuery) -> Self {
        let raw = raw.as_deref().unwrap_or_default();
        Self(url::form_urlencoded::parse(raw.as_bytes()).into_owned().collect())
    }

    fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.0.iter().filter(move |(key, _)| key.strip_suffix("[]").unwrap_or(key) == name);
        values.map(|(_, value)| value.as_str())
    }

    /// Which CRM object is meant.
    fn object(&self) -> Result<(&str, i64), Error> {
        let kind = self.one("entity_type").unwrap_or_default();
        let id = self.one("entity_id").ok_or_else(|| Error::field("entity_id", "it is required"))?;
        Ok((kind, whole("entity_id", id)?))
    }

    /// The page, counted from 1, and its size.
    fn page(&self) -> Result<(i64, i64), Error> {
        let page = self.one("page").map_or(Ok(1), |text| whole("page", text))?;
        let per_page = self.one("per_page").map_or(Ok(10), |text| whole("per_page", text))?;
        if !(1..=1_000_000).contains(&page) {
            return Err(Error::field("page", "it is counted from 1"));
        }
        if !(1..=100).contains(&per_page) {
            return Err(Error::field("per_page", "it is 1 to 100"));
        }
        Ok((page, per_page))
    }
}

fn whole(field: &str, text: &str) -> Result<i64, Error> {
    text.trim().parse().map_err(|_| Error::field(field, format!("`{text}` is not a whole number")))
}

/// What cannot be a number is the number of nothing.
fn number(text: &str) -> Result<i64, Error> {
    text.parse().map_err(|_| Error::NotFound)
}

fn statuses<'a>(words: impl Iterator<Item = &'a str>) -> Result<Vec<Status>, Error> {
    let all = [Status::Running, Status::Suspended, Status::Approved, Status::Rejected, Status::Withdrawn];
    let mut found = Vec::new();
    for word in words {
        let fit: Vec<Status> = all.into_iter().filter(|it| words::record_status(*it).0 == word).collect();
        if fit.is_empty() {
            return Err(Error::field("status", format!("there is no status `{word}`")));
        }
        found.extend(fit);
    }
    Ok(found)
}
