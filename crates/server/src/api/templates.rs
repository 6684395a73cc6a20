//! Templates over our own API: draw, check, publish, look up, switch off and on.

use crate::app::Shared;
use crate::app::disabling::Ended;
use crate::app::templates::{Drawing, Found, NATIVE, read_definition};
use crate::caller::{Caller, Scope};
use crate::error::Error;
use crate::extract::{IfMatch, Json, Path, Query, Tagged};
use crate::page::{PageOf, PageQuery};
use crate::view::{self, Person};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zhupi_engine::ids::{InstanceId, TemplateId};
use zhupi_engine::{Directory, Problem};
use zhupi_store::{Cursor, TemplateFilter, TemplateHead, TemplateState, VersionHead};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_templates, create_template))
        .routes(routes!(check_definition))
        .routes(routes!(get_template, update_template))
        .routes(routes!(check_template))
        .routes(routes!(list_template_problems))
        .routes(routes!(publish_template))
        .routes(routes!(disable_template))
        .routes(routes!(enable_template))
        .routes(routes!(list_template_versions))
        .routes(routes!(get_template_version))
}

/// A template to begin with.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTemplate {
    /// The name programs know it by; one is made where it is absent.
    code: Option<String>,
    /// The heading it is listed under.
    #[serde(default)]
    category: String,
    /// `name`, `form`, `flow` and `settings`.
    #[schema(value_type = Object)]
    definition: Value,
}

/// The next draft of a template.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDraft {
    /// The heading it is listed under; absent: as before.
    category: Option<String>,
    #[schema(value_type = Object)]
    definition: Value,
}

/// What becomes of what runs after a template that is disabled.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DisableInput {
    /// It is ended; otherwise it goes on.
    #[serde(default)]
    end_running: bool,
    /// With `end_running`: why; it stays in the history of every instance.
    #[serde(default)]
    reason: String,
    /// With `end_running`: how many of the template's instances to look through: 1 to 200, usually 50.
    limit: Option<u32>,
    /// With `end_running`: `next` of the answer before.
    after: Option<String>,
}

/// What became of the running instances among those that were looked through.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct EndingReport {
    /// How many have ended.
    ended: usize,
    /// How many go on.
    refused: usize,
    items: Vec<EndingItem>,
    /// What to send as `after` for the next part; absent where that was the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What became of one instance.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct EndingItem {
    #[schema(value_type = Uuid)]
    instance: InstanceId,
    outcome: EndingOutcome,
    /// Why it was refused, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// Why it was refused, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Whether an instance has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum EndingOutcome {
    Ended,
    /// It goes on.
    Refused,
}

/// A definition to look at without keeping it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Definition {
    #[schema(value_type = Object)]
    definition: Value,
}

/// A template in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TemplateLine {
    #[schema(value_type = Uuid)]
    id: TemplateId,
    code: String,
    name: String,
    category: String,
    /// `enabled` or `disabled`.
    state: &'static str,
    /// The version that is submitted now; `null` where none is published.
    current_version: Option<u32>,
    /// Counts changes of the draft; the entity tag of the template.
    revision: u32,
    created_by: Person,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// A template as the reader may see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TemplateView {
    #[serde(flatten)]
    line: TemplateLine,
    /// What is submitted now; `null` where no version is published.
    #[schema(value_type = Option<Object>)]
    published: Option<Value>,
    /// What its managers work on; only they see it.
    #[schema(value_type = Option<Object>)]
    draft: Option<Value>,
    /// The reader may change it.
    may_change: bool,
}

/// A published version in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct VersionLine {
    version: u32,
    published_by: Person,
    #[schema(value_type = String, format = DateTime)]
    published_at: Timestamp,
}

/// A published version.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct VersionView {
    #[serde(flatten)]
    line: VersionLine,
    #[schema(value_type = Object)]
    definition: Value,
}

/// What is wrong with a definition.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Findings {
    /// It can be published: nothing is an error.
    publishable: bool,
    /// Each with `path`, `code`, `message` and `severity`.
    #[schema(value_type = Vec<Object>)]
    problems: Vec<Problem>,
}

/// A version that was just published.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Published {
    version: u32,
    /// What one should look at though it is no error; each with `path`, `code`, `message` and `severity`.
    #[schema(value_type = Vec<Object>)]
    problems: Vec<Problem>,
}

/// What is wrong with a published version with the people of today.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct PublishedFindings {
    version: u32,
    /// When it was last looked at: when it was published, daily, and some minutes after people have changed.
    #[schema(value_type = String, format = DateTime)]
    checked_at: Timestamp,
    /// Each with `path`, `code`, `message` and `severity`.
    #[schema(value_type = Vec<Object>)]
    problems: Vec<Problem>,
}

#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TemplateQuery {
    /// Only those under this heading.
    category: Option<String>,
    /// Part of the name or code.
    q: Option<String>,
}

/// List templates
///
/// Those the caller may use or change, newest first.
#[utoipa::path(get, path = "/templates", operation_id = "list_templates", tag = "templates",
    params(TemplateQuery, PageQuery), responses((status = 200, description = "a page", body = PageOf<TemplateLine>)))]
async fn list_templates(
    State(app): State<Shared>,
    caller: Caller,
    Query(query): Query<TemplateQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<PageOf<TemplateLine>>, Error> {
    let directory = app.directory(caller.tenant).await?;
    let filter = TemplateFilter { category: query.category, text: query.q, ..TemplateFilter::default() };
    let mut page = page.page()?;
    let mut shown = zhupi_store::PageOf { rows: Vec::new(), next: None };
    loop {
        let found = app.store.list_templates(caller.tenant, &filter, &page).await?;
        for head in found.rows {
            if shown.rows.len() == page.limit as usize {
                shown.next = shown.rows.last().map(|last: &TemplateHead| Cursor::new(0, last.id));
                return Ok(Json(PageOf::of(shown, |head| line(head, &directory))));
            }
            if app.shows_template(caller.tenant, caller.user, &head).await? {
                shown.rows.push(head);
            }
        }
        page.after = found.next;
        if page.after.is_none() {
            return Ok(Json(PageOf::of(shown, |head| line(head, &directory))));
        }
    }
}

/// Create a template
///
/// With its first draft. It can be used once a version is published.
#[utoipa::path(post, path = "/templates", operation_id = "create_template", tag = "templates",
    request_body = NewTemplate, responses((status = 201, description = "created, its revision as `ETag`", body = TemplateView),
              (status = 403, description = "not an administrator"),
              (status = 422, description = "the definition is malformed: it says where")))]
async fn create_template(
    State(app): State<Shared>,
    caller: Caller,
    Json(new): Json<NewTemplate>,
) -> Result<(StatusCode, Tagged<TemplateView>), Error> {
    caller.require(Scope::Admin)?;
    let drawing = draw(&new.definition, new.category)?;
    let row = app.create_template(caller.tenant, caller.user, new.code, drawing).await?;
    let view = view_of(&app, &caller, row.id).await?;
    Ok((StatusCode::CREATED, view))
}

/// Get a template
///
/// What is submitted now and, for its managers, the draft.
#[utoipa::path(get, path = "/templates/{id}", operation_id = "get_template", tag = "templates",
    params(("id" = Uuid, Path)), responses((status = 200, description = "the template, its revision as `ETag`", body = TemplateView),
              (status = 404, description = "there is none the caller may see")))]
async fn get_template(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<TemplateId>,
) -> Result<Tagged<TemplateView>, Error> {
    view_of(&app, &caller, id).await
}

/// Update the draft of a template
///
/// `If-Match` names the revision that was read.
#[utoipa::path(put, path = "/templates/{id}", operation_id = "update_template", tag = "templates",
    params(("id" = Uuid, Path), ("If-Match" = String, Header)), request_body = NewDraft,
    responses((status = 200, description = "changed", body = TemplateView),
              (status = 412, description = "it has changed since")))]
async fn update_template(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<TemplateId>,
    if_match: IfMatch,
    Json(new): Json<NewDraft>,
) -> Result<Tagged<TemplateView>, Error> {
    caller.require(Scope::Admin)?;
    let revision = revision(if_match.required()?)?;
    let category = match new.category {
        Some(category) => category,
        None => app.template_to_change(caller.tenant, caller.user, id).await?.row.category,
    };
    let drawing = draw(&new.definition, category)?;
    app.save_draft(caller.tenant, caller.user, id, revision, drawing).await?;
    view_of(&app, &caller, id).await
}

/// Check the draft of a template
///
/// Everything that has to be mended before it can be published, and what probably is not meant so.
#[utoipa::path(post, path = "/templates/{id}/check", operation_id = "check_template", tag = "templates",
    params(("id" = Uuid, Path)), responses((status = 200, description = "what was found", body = Findings)))]
async fn check_template(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<TemplateId>,
) -> Result<Json<Findings>, Error> {
    let found = app.template_to_change(caller.tenant, caller.user, id).await?;
    let problems = app.check_definition(caller.tenant, &found.draft, &found.row.source_kind).await?;
    Ok(Json(findings(problems)))
}

/// Get the problems of a published template
///
/// For its managers: what was found when the version that is submitted now was last looked at. `404` where no version is
/// published.
#[utoipa::path(get, path = "/templates/{id}/problems", operation_id = "list_template_problems",
    tag = "templates", params(("id" = Uuid, Path)),
    responses((status = 200, description = "what was found", body = PublishedFindings)))]
async fn list_template_problems(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<TemplateId>,
) -> Result<Json<PublishedFindings>, Error> {
    let looked = app.published_problems(caller.tenant, caller.user, id).await?;
    let checked_at = view::moment(looked.at);
    Ok(Json(PublishedFindings { version: looked.version, checked_at, problems: looked.problems }))
}

/// Check a definition without keeping it
#[utoipa::path(post, path = "/templates/check", operation_id = "check_definition", tag = "templates",
    request_body = Definition, responses((status = 200, description = "what was found", body = Findings)))]
async fn check_definition(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<Definition>,
) -> Result<Json<Findings>, Error> {
    let problems = match read_definition(&body.definition) {
        Ok(template) => app.check_definition(caller.tenant, &template, NATIVE).await?,
        Err(problems) => problems,
    };
    Ok(Json(findings(problems)))
}

/// Publish the draft of a template
///
/// It becomes the next version, which never changes. Refused with all problems where one is an error.
#[utoipa::path(post, path = "/templates/{id}/publish", operation_id = "publish_template", tag = "templates",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, description = "published", body = Published),
              (status = 412, description = "it has changed since"),
              (status = 422, description = "it has errors: it says which and where")))]
async fn publish_template(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<TemplateId>,
    if_match: IfMatch,
) -> Result<Json<Published>, Error> {
    caller.require(Scope::Admin)?;
    let seen = if_match.0.map(revision).transpose()?;
    let (version, problems) = app.publish_template(caller.tenant, caller.user, id, seen).await?;
    Ok(Json(Published { version, problems }))
}

/// Disable a template
///
/// Nobody can submit it any more. What runs goes on, or with `end_running` is ended with the reason, part by part: call it again
/// with `next` until there is none. Each instance ends by itself.
#[utoipa::path(post, path = "/templates/{id}/disable", operation_id = "disable_template", tag = "templates",
    params(("id" = Uuid, Path)), request_body = DisableInput,
    responses((status = 200, description = "with `end_running`: what became of each", body = EndingReport),
              (status = 204, description = "done"),
              (status = 403, description = "only managers of the template may"),
              (status = 422, description = "the reason is missing")))]
async fn disable_template(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<TemplateId>,
    Json(input): Json<DisableInput>,
) -> Result<Response, Error> {
    caller.require(Scope::Admin)?;
    let DisableInput { end_running, reason, limit, after } = input;
    if end_running {
        let page = PageQuery { limit, after }.page()?;
        let ended = app.disable_and_end(&caller, id, &reason, &page).await?;
        return Ok(Json(ending_report(ended)).into_response());
    }
    if !reason.is_empty() || limit.is_some() || after.is_some() {
        return Err(Error::field("end_running", "the rest of the body is about what it ends"));
    }
    app.set_template_state(caller.tenant, caller.user, id, TemplateState::Disabled).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn ending_report(ended: zhupi_store::PageOf<Ended>) -> EndingReport {
    let refused = ended.rows.iter().filter(|it| it.refused.is_some()).count();
    let count = ended.rows.len() - refused;
    let PageOf { items, next } = PageOf::of(ended, |Ended { instance, refused }| EndingItem {
        instance,
        outcome: if refused.is_some() { EndingOutcome::Refused } else { EndingOutcome::Ended },
        code: refused.as_ref().map(Error::code),
        why: refused.map(|error| error.to_string()),
    });
    EndingReport { ended: count, refused, items, next }
}

/// Enable a template
///
/// People can submit it again.
#[utoipa::path(post, path = "/templates/{id}/enable", operation_id = "enable_template", tag = "templates",
    params(("id" = Uuid, Path)), responses((status = 204, description = "done")))]
async fn enable_template(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<TemplateId>,
) -> Result<StatusCode, Error> {
    caller.require(Scope::Admin)?;
    app.set_template_state(caller.tenant, caller.user, id, TemplateState::Enabled).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the versions of a template
///
/// Newest first, for its managers.
#[utoipa::path(get, path = "/templates/{id}/versions", operation_id = "list_template_versions",
    tag = "templates", params(("id" = Uuid, Path), PageQuery),
    responses((status = 200, description = "a page", body = PageOf<VersionLine>)))]
async fn list_template_versions(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<TemplateId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<PageOf<VersionLine>>, Error> {
    app.template_to_change(caller.tenant, caller.user, id).await?;
    let directory = app.directory(caller.tenant).await?;
    let found = app.store.list_versions(caller.tenant, id, &page.page()?).await?;
    Ok(Json(PageOf::of(found, |head| version_line(&head, &directory))))
}

/// Get a version of a template
///
/// For its managers.
#[utoipa::path(get, path = "/templates/{id}/versions/{version}", operation_id = "get_template_version",
    tag = "templates", params(("id" = Uuid, Path), ("version" = u32, Path)),
    responses((status = 200, description = "the version", body = VersionView)))]
async fn get_template_version(
    State(app): State<Shared>,
    caller: Caller,
    Path((id, version)): Path<(TemplateId, u32)>,
) -> Result<Json<VersionView>, Error> {
    app.template_to_change(caller.tenant, caller.user, id).await?;
    let directory = app.directory(caller.tenant).await?;
    let row = app.store.load_version(caller.tenant, id, version).await?.ok_or(Error::NotFound)?;
    let line = VersionLine {
        version: row.version,
        published_by: Person::of(row.published_by, &directory),
        published_at: view::moment(row.published_at),
    };
    let definition = serde_json::from_str(&row.definition).map_err(Error::internal)?;
    Ok(Json(VersionView { line, definition }))
}

async fn view_of(app: &Shared, caller: &Caller, id: TemplateId) -> Result<Tagged<TemplateView>, Error> {
    let directory = app.directory(caller.tenant).await?;
    let Found { row, draft, current, may_change } = app.find_template(caller.tenant, caller.user, id).await?;
    let revision = row.draft_revision;
    let line = TemplateLine {
        id: row.id,
        code: row.code,
        name: row.name,
        category: row.category,
        state: row.state.as_str(),
        current_version: row.current_version,
        revision,
        created_by: Person::of(row.created_by, &directory),
        updated_at: view::moment(row.updated_at),
    };
    let published = current.map(serde_json::to_value).transpose().map_err(Error::internal)?;
    let draft = may_change.then(|| serde_json::to_value(draft)).transpose().map_err(Error::internal)?;
    Ok(Tagged(revision.into(), TemplateView { line, published, draft, may_change }))
}

fn line(head: TemplateHead, directory: &Directory) -> TemplateLine {
    TemplateLine {
        id: head.id,
        code: head.code,
        name: head.name,
        category: head.category,
        state: head.state.as_str(),
        current_version: head.current_version,
        revision: head.draft_revision,
        created_by: Person::of(head.created_by, directory),
        updated_at: view::moment(head.updated_at),
    }
}

fn version_line(head: &VersionHead, directory: &Directory) -> VersionLine {
    VersionLine {
        version: head.version,
        published_by: Person::of(head.published_by, directory),
        published_at: view::moment(head.published_at),
    }
}

fn draw(definition: &Value, category: String) -> Result<Drawing, Error> {
    let template = read_definition(definition).map_err(Error::Invalid)?;
    Ok(Drawing { template, category, source_kind: NATIVE, source: None })
}

fn findings(problems: Vec<Problem>) -> Findings {
    let publishable = !problems.iter().any(Problem::is_error);
    Findings { publishable, problems }
}

fn revision(tag: u64) -> Result<u32, Error> {
    u32::try_from(tag).map_err(|_| Error::PreconditionFailed)
}
