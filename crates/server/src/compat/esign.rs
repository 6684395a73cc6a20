//! The e-signature surface: documents, where seals go, and the approval that decides about both, in that family's words.
//! What it serves: `docs/compat/esign.md`. Seals are put in by nobody here: an approved flow leaves a job.

mod account;
mod codes;
mod flows;
mod positions;
mod translate;
mod upload;
mod wire;

use crate::app::Shared;
use crate::error::Error;
use crate::extract::Json;
use crate::http;
use account::{Asked, given};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{Extensions, HeaderMap};
use axum::routing::{get, post};
use axum_extra::extract::CookieJar;
use flows::Say;
use translate::Names;
use uuid::Uuid;
use wire::{Answer, Decide, Decided, FlowQuery, Initiate, Initiated, ListQuery, OperationsQuery};
use zhupi_store::{SignList, SignParticipant};

/// What a form needs around its files.
const FORM_BYTES: usize = 64 * 1024;

/// Every address of this surface, relative to the root.
pub fn routes(app: &Shared) -> Router<Shared> {
    let most = app.config.limits.file_bytes.saturating_add(FORM_BYTES);
    let upload =
        Router::new().route("/file/upload/multipart", post(upload)).layer(DefaultBodyLimit::max(most));
    let routes = Router::new()
        .route("/login", post(login))
        .route("/approve_record/flow", post(save_record).get(get_record))
        .route("/approve_record/agree", post(agree))
        .route("/approve_record/refuse", post(refuse))
        .route("/signflow/initiate", post(initiate))
        .route("/signflow/urge", post(urge))
        .route("/signflow/revoke", post(revoke))
        .route("/signflow/detail", get(detail))
        .route("/signflow/operations", get(operations))
        .route("/signflow/list", get(list))
        .route("/seal/list", get(list_seals))
        .merge(upload)
        .fallback(async || Error::NotFound);
    http::shell(app, Router::new().nest("/service/rest/v1", routes), codes::render)
}

type Answered<T> = Result<Json<Answer<T>>, Error>;

async fn login(
    State(app): State<Shared>,
    jar: CookieJar,
    headers: HeaderMap,
    extensions: Extensions,
    Json(given): Json<wire::Login>,
) -> Result<(CookieJar, Json<Answer<wire::LoggedIn>>), Error> {
    let (jar, logged_in) = account::log_in(&app, jar, &headers, &extensions, given).await?;
    Ok((jar, Json(Answer::new(logged_in))))
}

async fn save_record(
    State(app): State<Shared>,
    Asked(account, asked): Asked<wire::SaveRecord>,
) -> Result<Json<wire::Saved>, Error> {
    Ok(Json(wire::Saved::new(flows::save(&app, &account, &asked).await?)))
}

async fn get_record(
    State(app): State<Shared>,
    Asked(account, query): Asked<FlowQuery>,
) -> Answered<Option<wire::Record>> {
    let known = flows::find_either(&app, &account, &query).await?;
    let participant = match given(query.participant_id.as_deref()) {
        Some(_) => account::required_id("participantId", query.participant_id.as_deref())?,
        None => known.participant,
    };
    let record = app.store.load_approve_record(account.tenant, known.flow.id, participant).await?;
    let Some(record) = record else { return Ok(Json(Answer::new(None))) };
    let has_job = app.store.load_seal_job(account.tenant, known.flow.id).await?.is_some();
    let mut names = Names::new(&app, &account).await?;
    let record = translate::record(&record, known.status(), has_job, &mut names).await?;
    Ok(Json(Answer::new(Some(record))))
}

async fn agree(State(app): State<Shared>, asked: Asked<Decide>) -> Answered<Decided> {
    decide(&app, asked, Say::Agree).await
}

async fn refuse(State(app): State<Shared>, asked: Asked<Decide>) -> Answered<Decided> {
    decide(&app, asked, Say::Refuse).await
}

async fn urge(State(app): State<Shared>, asked: Asked<Decide>) -> Answered<Decided> {
    decide(&app, asked, Say::Hurry).await
}

async fn revoke(State(app): State<Shared>, asked: Asked<Decide>) -> Answered<Decided> {
    decide(&app, asked, Say::TakeBack).await
}

async fn decide(app: &Shared, Asked(account, asked): Asked<Decide>, say: Say) -> Answered<Decided> {
    let (known, status) = flows::decide(app, &account, asked, say).await?;
    Ok(Json(Answer::new(Decided {
        account_uid: account.uid,
        flow_id: known.flow.id,
        sign_flow_detail_id: known.participant,
        approve_status: translate::status_word(status),
    })))
}

async fn upload(State(app): State<Shared>, request: Request) -> Answered<wire::Uploaded> {
    Ok(Json(Answer::new(upload::upload(&app, request).await?)))
}

async fn initiate(State(app): State<Shared>, Asked(account, asked): Asked<Initiate>) -> Answered<Initiated> {
    let (known, status) = flows::initiate(&app, &account, asked).await?;
    Ok(Json(Answer::new(Initiated {
        flow_id: known.flow.id,
        participant_id: known.participant,
        approve_status: translate::status_word(status),
    })))
}

async fn detail(
    State(app): State<Shared>,
    Asked(account, query): Asked<FlowQuery>,
) -> Answered<wire::Detail> {
    let known = flows::find_either(&app, &account, &query).await?;
    Ok(Json(Answer::new(translate::detail(&app, &account, &known).await?)))
}

async fn operations(
    State(app): State<Shared>,
    Asked(account, query): Asked<OperationsQuery>,
) -> Answered<wire::Operations> {
    let id = account::required_id("flowId", query.flow_id.as_deref())?;
    let known = flows::find(&app, &account, "flowId", id).await?;
    let records = app.store.list_approve_records(account.tenant, id).await?;
    let mut names = Names::new(&app, &account).await?;
    let mut operations = translate::operations(&app, &known, &records, &mut names).await?;
    if !matches!(given(query.order_by_desc.as_deref()), Some("false" | "0")) {
        operations.reverse();
    }
    Ok(Json(Answer::new(wire::Operations { operations })))
}

async fn list(State(app): State<Shared>, Asked(account, query): Asked<ListQuery>) -> Answered<wire::Flows> {
    let Part { page, size, skip } = part_of(&query)?;
    let place = match given(query.status.as_deref()) {
        Some(number) => {
            let place = translate::place_of(number);
            Some(place.ok_or_else(|| Error::field("status", "expected 1, 2, 3 or 9"))?)
        }
        None => None,
    };
    let wanted = SignList { person: account.user, place, skip, limit: size };
    let (rows, total) = app.store.list_sign_flows(account.tenant, wanted).await?;
    let mut names = Names::new(&app, &account).await?;
    let mut sign_flows = Vec::with_capacity(rows.len());
    for row in rows {
        let part = SignParticipant { id: Uuid::now_v7(), flow: row.flow.id, user: account.user };
        let participant = match row.participant {
            Some(participant) => participant,
            None => app.store.ensure_sign_participant(account.tenant, part, app.now_us()).await?,
        };
        sign_flows.push(translate::listed_flow(row, &account, participant, &mut names).await?);
    }
    Ok(Json(Answer::new(wire::Flows { sign_flows, page, page_size: size, total })))
}

async fn list_seals(
    State(app): State<Shared>,
    Asked(account, query): Asked<ListQuery>,
) -> Answered<wire::Seals> {
    let Part { page, size, skip } = part_of(&query)?;
    let mut seals = app.store.list_seals(account.tenant).await?;
    // Status 1 are those that can be used; others are not told outside.
    let wanted = given(query.status.as_deref()).is_none_or(|status| status == "1");
    seals.retain(|seal| {
        let theirs = seal.holder.is_none_or(|holder| holder == account.user);
        wanted && seal.active && (theirs || seal.granted.contains(&account.user))
    });
    let mut names = Names::new(&app, &account).await?;
    let mut shown = Vec::new();
    for seal in seals.iter().skip(skip as usize).take(size as usize) {
        shown.push(translate::listed_seal(&app, seal, &account, &mut names).await?);
    }
    Ok(Json(Answer::new(wire::Seals { total: seals.len(), page, page_size: size, seals: shown })))
}

/// Which part of a list.
struct Part {
    page: u32,
    size: u32,
    skip: u32,
}

fn part_of(query: &ListQuery) -> Result<Part, Error> {
    let number = |field: &str, text: Option<&str>, usual: u32, most: u32| match given(text) {
        None => Ok(usual),
        Some(text) => match text.parse::<u32>() {
            Ok(number) if (1..=most).contains(&number) => Ok(number),
            _ => Err(Error::field(field, format!("expected 1 to {most}"))),
        },
    };
    let page = number("page", query.page.as_deref(), 1, 100_000)?;
    let size = number("pageSize", query.page_size.as_deref(), 10, 100)?;
    Ok(Part { page, size, skip: (page - 1) * size })
}
