//! The register of seals, and the jobs that wait for approved documents to be sealed, over our own API.

use crate::app::Shared;
use crate::app::sealing::{DocumentDigest, Placed, SIGNING_TEMPLATE, Style};
use crate::caller::Caller;
use crate::error::Error;
use crate::extract::{Json, Query};
use crate::page::{PageOf, PageQuery};
use crate::view::{Person, moment};
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use zhupi_engine::Directory;
use zhupi_engine::ids::{FileId, UserId};
use zhupi_store::{Seal, SealJob, SealJobState, SealMade};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_seals, create_seal))
        .routes(routes!(list_seal_jobs))
        .routes(routes!(get_signing_settings, put_signing_settings))
}

/// How the picture of a seal came to be.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Made {
    OrganizationTemplate,
    PersonalTemplate,
    Custom,
    HandDrawn,
}

impl Made {
    fn of(made: SealMade) -> Self {
        match made {
            SealMade::OrganizationTemplate => Made::OrganizationTemplate,
            SealMade::PersonalTemplate => Made::PersonalTemplate,
            SealMade::Custom => Made::Custom,
            SealMade::HandDrawn => Made::HandDrawn,
        }
    }

    fn kept(self) -> SealMade {
        match self {
            Made::OrganizationTemplate => SealMade::OrganizationTemplate,
            Made::PersonalTemplate => SealMade::PersonalTemplate,
            Made::Custom => SealMade::Custom,
            Made::HandDrawn => SealMade::HandDrawn,
        }
    }
}

/// A seal to be registered.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSeal {
    name: String,
    #[serde(rename = "type")]
    made: Made,
    /// What it is for, in your own words, such as `contract`.
    #[serde(default)]
    kind: String,
    #[serde(default = "usual_mm")]
    width_mm: u32,
    #[serde(default = "usual_mm")]
    height_mm: u32,
    /// Whose personal seal it is; absent: the organization's.
    holder: Option<Uuid>,
    /// Who may use a personal seal beside its holder.
    #[serde(default)]
    granted: Vec<Uuid>,
    /// An uploaded picture.
    picture: Option<Uuid>,
}

fn usual_mm() -> u32 {
    42
}

/// A seal.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct SealView {
    id: Uuid,
    name: String,
    #[serde(rename = "type")]
    made: Made,
    kind: String,
    width_mm: u32,
    height_mm: u32,
    /// Absent: it is the organization's.
    holder: Option<Person>,
    granted: Vec<Person>,
    picture: Option<Uuid>,
    active: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// All seals.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Seals {
    items: Vec<SealView>,
}

/// List seals
#[utoipa::path(get, path = "/seals", operation_id = "list_seals", tag = "seals",
    responses((status = 200, description = "all of them", body = Seals)))]
async fn list_seals(State(app): State<Shared>, caller: Caller) -> Result<Json<Seals>, Error> {
    let directory = app.directory(caller.tenant).await?;
    let seals = app.store.list_seals(caller.tenant).await?;
    Ok(Json(Seals { items: seals.iter().map(|seal| show_seal(seal, &directory)).collect() }))
}

/// Register a seal
#[utoipa::path(post, path = "/seals", operation_id = "create_seal", tag = "seals", request_body = NewSeal,
    responses((status = 201, description = "registered", body = SealView),
              (status = 400, description = "a member is wrong"),
              (status = 403, description = "only administrators")))]
async fn create_seal(
    State(app): State<Shared>,
    caller: Caller,
    Json(new): Json<NewSeal>,
) -> Result<(StatusCode, Json<SealView>), Error> {
    app.require_admin(&caller).await?;
    let directory = app.directory(caller.tenant).await?;
    check(&new, &directory)?;
    if let Some(picture) = new.picture {
        let file = app.store.load_file(caller.tenant, FileId(picture)).await?;
        let media_type = file.map(|file| file.media_type).unwrap_or_default();
        if !["image/png", "image/jpeg"].contains(&media_type.as_str()) {
            return Err(Error::field("picture", "expected an uploaded picture in PNG or JPEG"));
        }
    }
    let seal = Seal {
        id: Uuid::now_v7(),
        name: new.name.trim().to_owned(),
        made: new.made.kept(),
        kind: new.kind,
        width_mm: new.width_mm,
        height_mm: new.height_mm,
        holder: new.holder.map(UserId),
        granted: new.granted.into_iter().map(UserId).collect(),
        picture: new.picture.map(FileId),
        active: true,
        created_by: caller.user,
        created_at: app.now_us(),
    };
    app.store.create_seal(caller.tenant, &seal).await?;
    Ok((StatusCode::CREATED, Json(show_seal(&seal, &directory))))
}

fn check(new: &NewSeal, directory: &Directory) -> Result<(), Error> {
    if !(1..=100).contains(&new.name.trim().chars().count()) {
        return Err(Error::field("name", "expected 1 to 100 characters"));
    }
    if new.kind.chars().count() > 50 {
        return Err(Error::field("kind", "expected at most 50 characters"));
    }
    for (field, size) in [("width_mm", new.width_mm), ("height_mm", new.height_mm)] {
        if !(5..=200).contains(&size) {
            return Err(Error::field(field, "expected 5 to 200"));
        }
    }
    if new.granted.len() > 200 {
        return Err(Error::field("granted", "expected at most 200 people"));
    }
    for (field, person) in
        new.holder.iter().map(|id| ("holder", id)).chain(new.granted.iter().map(|id| ("granted", id)))
    {
        if !directory.is_active(UserId(*person)) {
            return Err(Error::field(field, format!("`{person}` is unknown or disabled")));
        }
    }
    Ok(())
}

fn show_seal(seal: &Seal, directory: &Directory) -> SealView {
    SealView {
        id: seal.id,
        name: seal.name.clone(),
        made: Made::of(seal.made),
        kind: seal.kind.clone(),
        width_mm: seal.width_mm,
        height_mm: seal.height_mm,
        holder: seal.holder.map(|holder| Person::of(holder, directory)),
        granted: seal.granted.iter().map(|person| Person::of(*person, directory)).collect(),
        picture: seal.picture.map(|picture| picture.0),
        active: seal.active,
        created_at: moment(seal.created_at),
    }
}

/// Approved documents to be sealed.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct JobView {
    id: Uuid,
    /// The signing flow.
    flow: Uuid,
    /// The instance in which it was approved.
    instance: Uuid,
    state: JobState,
    documents: Vec<JobDocument>,
    positions: Vec<JobPosition>,
    /// What is odd about the positions.
    warnings: Vec<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum JobState {
    /// Nobody has sealed it yet.
    Waiting,
    /// The approval was revoked before anybody sealed it: it must not be sealed any more.
    Void,
}

/// A document as it was approved.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct JobDocument {
    id: Uuid,
    file: Uuid,
    name: String,
    /// SHA-256, in hex.
    sha256: String,
}

/// Where a seal goes.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct JobPosition {
    /// Who wants it there.
    by: Person,
    /// A registered seal; absent where a picture came along.
    seal: Option<Uuid>,
    style: JobStyle,
    /// `all`, or ranges such as `1-3,5`.
    pages: String,
    /// The words it goes to; empty where coordinates place it.
    keyword: String,
    /// The middle of the seal in points from the left edge, or how far it is from the keyword.
    x: f64,
    /// The same, from the lower edge.
    y: f64,
}

/// How a seal lies on pages.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum JobStyle {
    SinglePage,
    SeveralPages,
    /// Cut over the edges of the pages.
    Crossing,
    Keyword,
}

/// List seal jobs
///
/// Administrators see all; others see those of instances they asked for, were asked in or told of.
#[utoipa::path(get, path = "/seal-jobs", operation_id = "list_seal_jobs", tag = "seals", params(PageQuery),
    responses((status = 200, description = "the newest first", body = PageOf<JobView>)))]
async fn list_seal_jobs(
    State(app): State<Shared>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<PageOf<JobView>>, Error> {
    let directory = app.directory(caller.tenant).await?;
    let involved = if directory.is_admin(caller.user) { None } else { Some(caller.user) };
    let page = app.store.list_seal_jobs(caller.tenant, involved, &query.page()?).await?;
    let next = page.next;
    let shown = page.rows.iter().map(|job| show_job(job, &directory)).collect::<Result<_, _>>()?;
    Ok(Json(PageOf::of(zhupi_store::PageOf { rows: shown, next }, |job| job)))
}

fn show_job(job: &SealJob, directory: &Directory) -> Result<JobView, Error> {
    let damaged = |cause: serde_json::Error| Error::internal(format!("seal job {}: {cause}", job.id));
    let documents: Vec<DocumentDigest> = serde_json::from_str(&job.documents).map_err(damaged)?;
    let positions: Vec<Placed> = serde_json::from_str(&job.positions).map_err(damaged)?;
    Ok(JobView {
        id: job.id,
        flow: job.flow,
        instance: job.instance.0,
        state: match job.state {
            SealJobState::Waiting => JobState::Waiting,
            SealJobState::Void => JobState::Void,
        },
        documents: documents.into_iter().map(show_document).collect(),
        positions: positions.into_iter().map(|placed| show_position(placed, directory)).collect(),
        warnings: serde_json::from_str(&job.warnings).map_err(damaged)?,
        created_at: moment(job.created_at),
    })
}

fn show_document(document: DocumentDigest) -> JobDocument {
    let DocumentDigest { id, file, name, sha256 } = document;
    JobDocument { id, file, name, sha256 }
}

fn show_position(placed: Placed, directory: &Directory) -> JobPosition {
    let position = placed.position;
    JobPosition {
        by: Person::of(placed.by, directory),
        seal: position.seal,
        style: match position.style {
            Style::Unset | Style::SinglePage => JobStyle::SinglePage,
            Style::SeveralPages => JobStyle::SeveralPages,
            Style::Crossing => JobStyle::Crossing,
            Style::Keyword => JobStyle::Keyword,
        },
        pages: position.pages.to_string(),
        keyword: position.keyword,
        x: position.x,
        y: position.y,
    }
}

/// How signing flows are decided.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SigningSettings {
    /// The template a flow is decided after that names none; absent: every flow has to name one.
    template_code: Option<String>,
}

/// Show how signing flows are decided
#[utoipa::path(get, path = "/settings/signing", operation_id = "get_signing_settings", tag = "seals",
    responses((status = 200, body = SigningSettings)))]
async fn get_signing_settings(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<SigningSettings>, Error> {
    app.require_admin(&caller).await?;
    let template_code = app.store.load_setting(caller.tenant, SIGNING_TEMPLATE).await?;
    Ok(Json(SigningSettings { template_code }))
}

/// Say how signing flows are decided
#[utoipa::path(put, path = "/settings/signing", operation_id = "put_signing_settings", tag = "seals",
    request_body = SigningSettings,
    responses((status = 200, body = SigningSettings), (status = 400, description = "there is no such template")))]
async fn put_signing_settings(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<SigningSettings>,
) -> Result<Json<SigningSettings>, Error> {
    app.require_admin(&caller).await?;
    match &body.template_code {
        None => app.store.delete_setting(caller.tenant, SIGNING_TEMPLATE).await?,
        Some(code) => {
            if app.store.find_template_by_code(caller.tenant, code).await?.is_none() {
                return Err(Error::field("template_code", format!("there is no template `{code}`")));
            }
            app.store.put_setting(caller.tenant, SIGNING_TEMPLATE, code, app.now_us()).await?;
        }
    }
    Ok(Json(body))
}
