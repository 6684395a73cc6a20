//! Calendars of working time over our own API.

use crate::api::directory::Made;
use crate::app::Shared;
use crate::app::calendars::{Year, YearDay};
use crate::caller::Caller;
use crate::error::Error;
use crate::extract::{Json, Path};
use axum::extract::State;
use axum::http::StatusCode;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use zhupi_engine::Directory;
use zhupi_engine::calendar::{Calendar, Period};
use zhupi_engine::ids::{CalendarId, DepartmentId};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_calendars, create_calendar))
        .routes(routes!(get_calendar, update_calendar, delete_calendar))
        .routes(routes!(import_calendar_year))
        .routes(routes!(set_default_calendar))
        .routes(routes!(set_department_calendar))
}

/// When people work. A period is a text such as `09:00-12:00`; the end of the day is `24:00`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CalendarInput {
    name: String,
    /// IANA name of the zone its clock runs in; absent: the workspace's.
    time_zone: Option<String>,
    /// The working periods of each of the seven days, Monday first.
    #[schema(value_type = Vec<Vec<String>>)]
    week: [Vec<Period>; 7],
    /// Dates without work.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    holidays: BTreeSet<Date>,
    /// Dates with exactly these periods, whatever day of the week they are.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Vec<String>>)]
    make_up: BTreeMap<Date, Vec<Period>>,
}

impl CalendarInput {
    fn read(self, id: CalendarId) -> Calendar {
        let CalendarInput { name, time_zone, week, holidays, make_up } = self;
        Calendar { id, name, time_zone, week, holidays, make_up }
    }
}

/// When people work.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Calendar)]
struct CalendarItem {
    id: Uuid,
    name: String,
    time_zone: Option<String>,
    /// The working periods of each of the seven days, Monday first.
    #[schema(value_type = Vec<Vec<String>>)]
    week: [Vec<Period>; 7],
    #[schema(value_type = Vec<String>)]
    holidays: BTreeSet<Date>,
    #[schema(value_type = BTreeMap<String, Vec<String>>)]
    make_up: BTreeMap<Date, Vec<Period>>,
    /// It is the workspace's.
    default: bool,
    /// Departments that have it for themselves and those below them.
    departments: Vec<Uuid>,
}

fn show(directory: &Directory, calendar: Calendar) -> CalendarItem {
    let Calendar { id, name, time_zone, week, holidays, make_up } = calendar;
    let of = directory.calendars.of_departments.iter().filter(|(_, it)| **it == id);
    let departments = of.map(|(department, _)| department.0).collect();
    let default = directory.calendars.default == Some(id);
    CalendarItem { id: id.0, name, time_zone, week, holidays, make_up, default, departments }
}

/// The days of a year that differ from the week. Published lists of Chinese public holidays have this form.
#[derive(Clone, Debug, Deserialize, ToSchema)]
struct YearInput {
    days: Vec<YearDayInput>,
    /// Working periods of the make-up days; absent: those of the first working day of the week.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    periods: Vec<Period>,
}

/// One day that differs from the week. Other members are ignored.
#[derive(Clone, Debug, Deserialize, ToSchema)]
struct YearDayInput {
    #[schema(value_type = String, format = Date)]
    date: Date,
    /// A holiday; otherwise a make-up day. It may be written `isOffDay`.
    #[serde(alias = "isOffDay")]
    is_off: bool,
}

/// Which calendar; absent: none.
#[derive(Clone, Debug, Deserialize, ToSchema)]
struct Choice {
    calendar: Option<Uuid>,
}

/// List calendars
#[utoipa::path(get, path = "/calendars", operation_id = "list_calendars", tag = "calendars",
    responses((status = 200, description = "all of them", body = Vec<CalendarItem>)))]
async fn list_calendars(State(app): State<Shared>, caller: Caller) -> Result<Json<Vec<CalendarItem>>, Error> {
    let directory = app.directory(caller.tenant).await?;
    Ok(Json(directory.calendars.all.iter().map(|it| show(&directory, it.clone())).collect()))
}

/// Get a calendar
#[utoipa::path(get, path = "/calendars/{id}", operation_id = "get_calendar", tag = "calendars",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = CalendarItem), (status = 404, description = "no such calendar")))]
async fn get_calendar(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<CalendarId>,
) -> Result<Json<CalendarItem>, Error> {
    let directory = app.directory(caller.tenant).await?;
    let calendar = directory.calendars.get(id).ok_or(Error::NotFound)?;
    Ok(Json(show(&directory, calendar.clone())))
}

/// Add a calendar
#[utoipa::path(post, path = "/calendars", operation_id = "create_calendar", tag = "calendars",
    request_body = CalendarInput,
    responses((status = 201, body = Made), (status = 403, description = "only administrators may"),
              (status = 422, description = "it is not sound: `problems` says where")))]
async fn create_calendar(
    State(app): State<Shared>,
    caller: Caller,
    Json(input): Json<CalendarInput>,
) -> Result<(StatusCode, Json<Made>), Error> {
    let id = CalendarId(Uuid::now_v7());
    app.put_calendar(&caller, &input.read(id)).await?;
    Ok((StatusCode::CREATED, Json(Made { id: id.0 })))
}

/// Change a calendar
///
/// Deadlines that are set already stay as they are.
#[utoipa::path(put, path = "/calendars/{id}", operation_id = "update_calendar", tag = "calendars",
    params(("id" = Uuid, Path)), request_body = CalendarInput,
    responses((status = 200, body = CalendarItem), (status = 422, description = "it is not sound")))]
async fn update_calendar(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<CalendarId>,
    Json(input): Json<CalendarInput>,
) -> Result<Json<CalendarItem>, Error> {
    app.directory(caller.tenant).await?.calendars.get(id).ok_or(Error::NotFound)?;
    let calendar = input.read(id);
    app.put_calendar(&caller, &calendar).await?;
    Ok(Json(show(&*app.directory(caller.tenant).await?, calendar)))
}

/// Delete a calendar
#[utoipa::path(delete, path = "/calendars/{id}", operation_id = "delete_calendar", tag = "calendars",
    params(("id" = Uuid, Path)),
    responses((status = 204), (status = 422, description = "the workspace or a department works by it")))]
async fn delete_calendar(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<CalendarId>,
) -> Result<StatusCode, Error> {
    app.delete_calendar(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Import the holidays of a year
///
/// All holidays and make-up days of the year are replaced by these.
#[utoipa::path(put, path = "/calendars/{id}/years/{year}", operation_id = "import_calendar_year", tag = "calendars",
    params(("id" = Uuid, Path), ("year" = i16, Path)), request_body = YearInput,
    responses((status = 200, body = CalendarItem), (status = 422, description = "a day is in another year")))]
async fn import_calendar_year(
    State(app): State<Shared>,
    caller: Caller,
    Path((id, year)): Path<(CalendarId, i16)>,
    Json(input): Json<YearInput>,
) -> Result<Json<CalendarItem>, Error> {
    let day = |it: YearDayInput| YearDay { date: it.date, is_off: it.is_off };
    let days = input.days.into_iter().map(day).collect();
    let calendar = app.import_year(&caller, id, Year { year, days, periods: input.periods }).await?;
    Ok(Json(show(&*app.directory(caller.tenant).await?, calendar)))
}

/// Choose the workspace's calendar
///
/// Without one, people work from Monday to Friday, 09:00 to 12:00 and 13:00 to 18:00.
#[utoipa::path(put, path = "/default-calendar", operation_id = "set_default_calendar", tag = "calendars",
    request_body = Choice, responses((status = 204)))]
async fn set_default_calendar(
    State(app): State<Shared>,
    caller: Caller,
    Json(choice): Json<Choice>,
) -> Result<StatusCode, Error> {
    app.choose_calendar(&caller, choice.calendar.map(CalendarId)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Choose the calendar of a department
///
/// It counts for the departments below it too, unless they have their own.
#[utoipa::path(put, path = "/departments/{id}/calendar", operation_id = "set_department_calendar", tag = "calendars",
    params(("id" = Uuid, Path)), request_body = Choice, responses((status = 204)))]
async fn set_department_calendar(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<DepartmentId>,
    Json(choice): Json<Choice>,
) -> Result<StatusCode, Error> {
    app.choose_department_calendar(&caller, id, choice.calendar.map(CalendarId)).await?;
    Ok(StatusCode::NO_CONTENT)
}
