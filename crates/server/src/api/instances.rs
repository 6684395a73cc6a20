//! Instances over our own API: submit, look at, follow. What people do with one: `steps.rs`.

use crate::app::Shared;
use crate::app::access::{Seen, may_manage};
use crate::app::act::{Acted, Options, Submission, check_business_key};
use crate::app::look_ahead::Look;
use crate::app::past::{Chapter, Moment};
use crate::caller::Caller;
use crate::error::Error;
use crate::extract::{IdempotencyKey, IfMatch, Json, Path, Query, Tagged};
use crate::page::{LongPageQuery, PageOf, PageQuery};
use crate::view::{
    self, Curtain, InstanceView, PathChangeView, Person, StepView, StuckView, TemplateRef, TimelineEntry,
    access_of, access_to_past, instance_view, still_view, stuck_views, timeline_entry,
};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zhupi_engine::decide::TITLE_LIMIT;
use zhupi_engine::form::{Form, FormData, read_values};
use zhupi_engine::ids::{DepartmentId, InstanceId, NodeId, TemplateId, UserId};
use zhupi_engine::ledger::{Entry, Follower};
use zhupi_engine::preview::{Assumptions, path_differences};
use zhupi_engine::{Command, Directory, Problem, Rejection, Status, Submit, Template};
use zhupi_store::{HistoryRow, InstanceFilter, InstanceRow, InstanceSearch, Stored};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_instances, submit_instance))
        .routes(routes!(get_instance))
        .routes(routes!(get_timeline))
}

/// A request to begin an instance.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewInstance {
    /// The id or the code of the template.
    template: String,
    /// What people see in lists; absent: made of the names of the template and the initiator.
    #[serde(default)]
    title: String,
    /// In which of his departments the initiator asks; needed where he has several.
    #[schema(value_type = Option<Uuid>)]
    department: Option<DepartmentId>,
    /// Values by control. What is left out gets its default, what is `null` stays empty.
    #[serde(default)]
    #[schema(value_type = Object)]
    form: Map<String, Value>,
    /// People the initiator picks, by node.
    #[serde(default)]
    #[schema(value_type = Object)]
    picks: BTreeMap<NodeId, Vec<UserId>>,
    /// People the initiator wants told.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>)]
    cc: Vec<UserId>,
    /// The name of the thing in the system that asks.
    business_key: Option<String>,
    /// The draft that this finishes: it is deleted with the submission, which is refused where it is gone.
    draft: Option<uuid::Uuid>,
    /// The ended instance of the same template and initiator that is asked once more.
    #[schema(value_type = Option<Uuid>)]
    copied_from: Option<InstanceId>,
    /// The `hash` of the preview that the initiator saw; the answer then says where the path differs from it.
    preview: Option<String>,
}

/// How values are read: `read_values`, or `read_partial` while the form is still being filled in.
pub(super) type ReadForm = fn(&Form, &Map<String, Value>) -> Result<FormData, Vec<Problem>>;

impl NewInstance {
    /// Reads the values by the form of the version that is submitted now.
    pub(super) async fn read(
        self,
        app: &Shared,
        caller: &Caller,
        read_form: ReadForm,
    ) -> Result<(Arc<Template>, Submission), Error> {
        let found = app.find_template_named(caller.tenant, caller.user, &self.template).await?;
        let template = found.current.ok_or(Error::TemplateNotPublished)?;
        let form = app.filled(caller.tenant, &template.form, &self.form).await?;
        let form =
            read_form(&template.form, &form).map_err(|problems| Rejection::FormInvalid { problems })?;
        if let Some(key) = &self.business_key {
            check_business_key(key).map_err(|why| Error::field("business_key", why))?;
        }
        let submission = Submission {
            template: found.row.id,
            submit: Submit {
                title: self.title,
                department: self.department,
                form,
                picks: self.picks,
                cc: self.cc,
                serial: None,
                copied_from: self.copied_from,
            },
            business_key: self.business_key,
            idempotency_key: None,
            instance: None,
            draft: None,
        };
        Ok((template, submission))
    }
}

/// An instance as the caller sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct InstanceBody {
    #[serde(flatten)]
    view: InstanceView,
    /// The name of the thing in the system that asked.
    business_key: Option<String>,
    /// Where the path differs from the preview that the initiator saw; only where a submission named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    path_changed: Option<Vec<PathChangeView>>,
    /// What probably lies ahead; only where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    upcoming: Option<Vec<StepView>>,
    #[serde(flatten)]
    beside: Beside,
}

/// What stands beside an instance; told where it is looked at, not in answers to actions.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
struct Beside {
    /// The ended instance that it asks once more, if the reader may see that.
    #[serde(skip_serializing_if = "Option::is_none")]
    copied_from: Option<InstanceLink>,
    /// Instances that ask once more what it asked, from new to old, as far as the reader may see them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    copies: Vec<InstanceLink>,
    /// Its template has a newer version, and it goes on with its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    newer_version: Option<NewerVersion>,
}

/// Another instance.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct InstanceLink {
    #[schema(value_type = Uuid)]
    id: InstanceId,
    title: String,
    #[schema(value_type = String)]
    status: Status,
}

/// The version that is submitted now.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct NewerVersion {
    version: u32,
    /// The reader may take the instance over to it: `/migrate`.
    may_migrate: bool,
}

/// An instance in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct InstanceLine {
    #[schema(value_type = Uuid)]
    id: InstanceId,
    template: TemplateRef,
    title: String,
    /// Its serial number, where the template numbers its instances.
    serial: Option<String>,
    #[schema(value_type = String)]
    status: Status,
    /// Where it has stopped until an administrator has looked at it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stuck: Vec<StuckView>,
    initiator: Person,
    business_key: Option<String>,
    version: u64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// The history of an instance.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Timeline {
    #[serde(flatten)]
    page: PageOf<TimelineEntry>,
    /// The whole chain of hashes holds: nothing was changed, dropped or put in.
    intact: bool,
}

#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct InstanceQuery {
    /// `mine`, which is usual: those the caller submitted; `all`: everybody's, for administrators.
    #[serde(default)]
    #[param(value_type = String)]
    of: Whose,
    #[param(value_type = Option<Uuid>)]
    template: Option<TemplateId>,
    /// `running`, `approved`, `rejected`, `withdrawn` or `suspended`.
    #[param(value_type = Option<String>)]
    status: Option<Status>,
    business_key: Option<String>,
    /// For administrators: who submitted.
    #[param(value_type = Option<Uuid>)]
    initiator: Option<UserId>,
    /// Stands in the title; the case of Latin letters does not matter.
    title: Option<String>,
    /// The whole serial number.
    serial: Option<String>,
    /// Submitted not before.
    #[param(value_type = Option<String>, format = DateTime)]
    created_from: Option<Timestamp>,
    /// Submitted before.
    #[param(value_type = Option<String>, format = DateTime)]
    created_to: Option<Timestamp>,
}

impl InstanceQuery {
    fn search(&self) -> Result<InstanceSearch, Error> {
        for (name, text) in [("title", &self.title), ("serial", &self.serial)] {
            let unfit = |text: &String| text.contains('\0') || text.chars().count() > TITLE_LIMIT;
            if text.as_ref().is_some_and(unfit) {
                return Err(Error::field(
                    name,
                    format!("expected at most {TITLE_LIMIT} characters, none of them NUL"),
                ));
            }
        }
        Ok(InstanceSearch {
            title: self.title.clone().filter(|title| !title.is_empty()),
            serial: self.serial.clone(),
            created_from: self.created_from.map(Timestamp::as_microsecond),
            created_to: self.created_to.map(Timestamp::as_microsecond),
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Whose {
    #[default]
    Mine,
    All,
}

#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DetailQuery {
    /// Also tell what probably lies ahead.
    #[serde(default)]
    upcoming: bool,
    /// As it was after so many accepted commands.
    at_version: Option<u64>,
    /// As it was at this time; not together with `at_version`.
    #[param(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}

impl DetailQuery {
    fn moment(self) -> Result<Option<Moment>, Error> {
        match (self.at_version, self.at) {
            (None, None) => Ok(None),
            (Some(version), None) => Ok(Some(Moment::Version(version))),
            (None, Some(at)) => Ok(Some(Moment::Time(at))),
            (Some(_), Some(_)) => Err(Error::field("at", "name `at_version` or `at`, not both")),
        }
    }
}

/// List instances
///
/// Newest first.
#[utoipa::path(get, path = "/instances", operation_id = "list_instances", tag = "instances",
    params(InstanceQuery, PageQuery),
    responses((status = 200, description = "a page", body = PageOf<InstanceLine>)))]
async fn list_instances(
    State(app): State<Shared>,
    caller: Caller,
    Query(query): Query<InstanceQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<PageOf<InstanceLine>>, Error> {
    let initiator = match query.of {
        Whose::Mine => Some(caller.user),
        Whose::All => {
            app.require_admin(&caller).await?;
            query.initiator
        }
    };
    let search = query.search()?;
    let filter = InstanceFilter {
        initiator,
        template: query.template,
        status: query.status,
        business_key: query.business_key,
    };
    let found = app.store.search_instances(caller.tenant, (&filter, &search), &page.page()?).await?;
    let directory = app.directory(caller.tenant).await?;
    let mut rows = Vec::with_capacity(found.rows.len());
    for row in found.rows {
        let template = app.template(caller.tenant, row.template, row.template_version).await?;
        let stuck = stuck_at(&app, &caller, (row.id, row.status), &template).await?;
        rows.push(line(row, stuck, &template, &directory));
    }
    Ok(Json(PageOf::of(zhupi_store::PageOf { rows, next: found.next }, |line| line)))
}

/// Submit an instance
///
/// Sending the same `Idempotency-Key` again gives the same instance and begins nothing.
#[utoipa::path(post, path = "/instances", operation_id = "submit_instance", tag = "instances",
    params(("Idempotency-Key" = Option<String>, Header)), request_body = NewInstance,
    responses((status = 201, description = "it runs", body = InstanceBody),
              (status = 422, description = "the values do not fit, or nobody could be asked")))]
async fn submit_instance(
    State(app): State<Shared>,
    caller: Caller,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Json(mut new): Json<NewInstance>,
) -> Result<Response, Error> {
    let (seen, draft) = (new.preview.take(), new.draft.take());
    let (template, submission) = new.read(&app, &caller, read_values).await?;
    let path_changed = match seen {
        Some(seen) => path_changes(&app, &caller, &seen, (&template, &submission.submit)).await?,
        None => None,
    };
    let submission = Submission { idempotency_key, draft, ..submission };
    let acted = app.submit(caller.tenant, caller.user, submission).await?;
    let place = format!("/v1/instances/{}", acted.instance.id);
    let Tagged(version, body) = answer(&app, &caller, &acted).await?;
    let body = InstanceBody { path_changed, ..body };
    let mut response = (StatusCode::CREATED, Tagged(version, body)).into_response();
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// Where the path a submission takes differs from the preview that was seen; nothing where it will be refused.
async fn path_changes(
    app: &Shared,
    caller: &Caller,
    seen: &str,
    (template, submit): (&Template, &Submit),
) -> Result<Option<Vec<PathChangeView>>, Error> {
    let (tenant, viewer) = (caller.tenant, caller.user);
    let look = Look { tenant, viewer, initiator: viewer, template, submit };
    let real = match app.look_ahead(look, Assumptions::default()).await {
        Ok(real) => real,
        Err(Error::Rejected(_)) => return Ok(None),
        Err(other) => return Err(other),
    };
    let unreadable = || Error::field("preview", "this is the `hash` of no preview");
    let differences = path_differences(seen, &real, template).ok_or_else(unreadable)?;
    Ok(Some(differences.into_iter().map(PathChangeView::from).collect()))
}

/// Get an instance
///
/// With everybody who was asked and why, and what the caller may do now. With `at_version` or `at` as it was then, which
/// nobody can act on any more; names are those of today.
#[utoipa::path(get, path = "/instances/{id}", operation_id = "get_instance", tag = "instances",
    params(("id" = Uuid, Path), DetailQuery),
    responses((status = 200, description = "the instance", body = InstanceBody),
              (status = 404, description = "there is none the caller may see")))]
async fn get_instance(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<InstanceId>,
    Query(query): Query<DetailQuery>,
) -> Result<Tagged<InstanceBody>, Error> {
    let at = app.now();
    let moment = query.moment()?;
    let (seen, view, access) = match moment {
        None => {
            let seen = app.see_instance(caller.tenant, caller.user, id).await?;
            let (instance, template, directory) = (&seen.stored.instance, &seen.template, &seen.directory);
            let access = access_of(instance, template, directory, caller.user);
            let view = instance_view(instance, template, directory, caller.user, at);
            (seen, view, access)
        }
        Some(moment) => {
            let (seen, access) = app.see_past(caller.tenant, caller.user, id, moment).await?;
            let view = still_view(&seen.stored.instance, &seen.template, &seen.directory, &access, at);
            (seen, view, access)
        }
    };
    let (instance, template, directory) = (&seen.stored.instance, &seen.template, &seen.directory);
    let curtain = Curtain::new(template, &access);
    let body = InstanceBody {
        view,
        business_key: seen.stored.meta.business_key.clone(),
        path_changed: None,
        upcoming: query.upcoming.then(|| view::upcoming(instance, template, directory, curtain, at)),
        beside: if moment.is_none() { beside(&app, &caller, &seen).await? } else { Beside::default() },
    };
    Ok(Tagged(instance.version, body))
}

async fn beside(app: &Shared, caller: &Caller, seen: &Seen) -> Result<Beside, Error> {
    let link = |seen: &Seen| {
        let instance = &seen.stored.instance;
        InstanceLink { id: instance.id, title: instance.title.clone(), status: instance.status }
    };
    let tied = app.tied(caller.tenant, caller.user, seen).await?;
    let newer = app.newer_version(caller.tenant, seen).await?;
    let may_migrate = may_manage(&seen.template.settings, &seen.directory, caller.user);
    Ok(Beside {
        copied_from: tied.copied_from.as_ref().map(link),
        copies: tied.copies.iter().map(link).collect(),
        newer_version: newer.map(|version| NewerVersion { version, may_migrate }),
    })
}

/// Get the timeline of an instance
///
/// Every accepted command with what followed from it, the first one first, chained by hashes. Each entry is told in the words of
/// the version of the template under which it was written.
#[utoipa::path(get, path = "/instances/{id}/timeline", operation_id = "get_timeline", tag = "instances",
    params(("id" = Uuid, Path), LongPageQuery),
    responses((status = 200, description = "a page of the history", body = Timeline)))]
async fn get_timeline(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<InstanceId>,
    Query(page): Query<LongPageQuery>,
) -> Result<Tagged<Timeline>, Error> {
    let page = page.page()?;
    let seen = app.see_instance(caller.tenant, caller.user, id).await?;
    let version = seen.stored.instance.version;
    let mut rows = app.store.load_history(caller.tenant, id).await?;
    // A command may have been accepted since the instance was read.
    rows.retain(|row| row.seq <= version);
    let intact = is_intact(&rows, &seen.stored);
    let entries: Result<Vec<Entry>, _> = rows.iter().map(|row| serde_json::from_str(&row.body)).collect();
    let entries = entries.map_err(Error::internal)?;
    let chapters = app.chapters(caller.tenant, &seen, &entries).await?;
    let versions: Vec<Arc<Template>> = chapters.iter().map(|it| Arc::clone(&it.template)).collect();
    let today = (&seen.stored.instance, seen.template.as_ref());
    let access = access_to_past(&versions, today, &seen.directory, caller.user);
    let zhupi_store::PageOf { rows, next } =
        page.of_numbered(entries.into_iter().zip(rows).collect(), |(entry, _)| entry.seq);
    let told = |(entry, row): (Entry, HistoryRow)| {
        let Chapter { instance, template, .. } = chapters.iter().find(|it| entry.seq <= it.until)?;
        let curtain = Curtain::new(template, &access);
        Some(timeline_entry(entry, &row.hash, instance, template, &seen.directory, curtain))
    };
    let rows = rows.into_iter().filter_map(told).collect();
    let page = PageOf::of(zhupi_store::PageOf { rows, next }, |entry| entry);
    Ok(Tagged(version, Timeline { page, intact }))
}

/// Does what the caller asks and shows what became of the instance.
pub(super) async fn act(
    app: &Shared,
    caller: &Caller,
    id: InstanceId,
    command: Command,
    headers: (IfMatch, IdempotencyKey),
) -> Result<Tagged<InstanceBody>, Error> {
    let acted = act_on(app, caller, id, command, headers).await?;
    answer(app, caller, &acted).await
}

/// Does what the caller asks. What he saw he names by `If-Match`.
pub(super) async fn act_on(
    app: &Shared,
    caller: &Caller,
    id: InstanceId,
    command: Command,
    (IfMatch(seen_version), IdempotencyKey(idempotency_key)): (IfMatch, IdempotencyKey),
) -> Result<Acted, Error> {
    let options = Options { seen_version, idempotency_key, ..Options::default() };
    app.act(caller.tenant, caller.user, id, command, options).await.map_err(|error| match error {
        Error::Rejected(Rejection::StaleVersion { .. }) => Error::PreconditionFailed,
        other => other,
    })
}

async fn answer(app: &Shared, caller: &Caller, acted: &Acted) -> Result<Tagged<InstanceBody>, Error> {
    let directory = app.directory(caller.tenant).await?;
    let view = instance_view(&acted.instance, &acted.template, &directory, caller.user, app.now());
    let body = InstanceBody {
        view,
        business_key: acted.business_key.clone(),
        path_changed: None,
        upcoming: None,
        beside: Beside::default(),
    };
    Ok(Tagged(acted.instance.version, body))
}

fn is_intact(rows: &[HistoryRow], stored: &Stored) -> bool {
    let mut follower = Follower::default();
    rows.iter().all(|row| follower.follow(row.seq, &row.body, &row.hash).is_ok())
        && follower.finish(stored.instance.version, &stored.head).is_ok()
}

/// Where an instance of a list has stopped; looked up only where it has.
pub(super) async fn stuck_at(
    app: &Shared,
    caller: &Caller,
    (id, status): (InstanceId, Status),
    template: &Template,
) -> Result<Vec<StuckView>, Error> {
    if status != Status::Suspended {
        return Ok(Vec::new());
    }
    let stored = app.store.load_instance(caller.tenant, id).await?;
    Ok(stored.map(|stored| stuck_views(&stored.instance, template)).unwrap_or_default())
}

fn line(row: InstanceRow, stuck: Vec<StuckView>, template: &Template, directory: &Directory) -> InstanceLine {
    InstanceLine {
        id: row.id,
        template: TemplateRef {
            id: row.template,
            name: template.name.clone(),
            version: row.template_version,
        },
        title: row.title,
        serial: row.serial,
        status: row.status,
        stuck,
        initiator: Person::of(row.initiator, directory),
        business_key: row.business_key,
        version: row.version,
        created_at: view::moment(row.created_at),
        updated_at: view::moment(row.updated_at),
    }
}
