//! `/file/upload/multipart`: PDF documents make a flow, or join one that was not sent out yet. They go straight to the file
//! store, so who sends them has to be known before the first: by the cookie, the query, or parts that come before.

use super::account::{Account, given, identity_of, required_id};
use super::translate;
use super::wire::Uploaded;
use crate::app::Shared;
use crate::app::uploads::Upload;
use crate::caller::Scope;
use crate::error::Error;
use axum::body::Bytes;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use futures_util::{StreamExt, TryStreamExt, stream};
use md5::{Digest, Md5};
use url::form_urlencoded;
use uuid::Uuid;
use zhupi_engine::Rejection;
use zhupi_engine::ids::{TenantId, UserId};
use zhupi_engine::ledger::hex;
use zhupi_store::{SignDocument, SignFlow, SignParticipant};

/// So many documents in one flow.
const MOST_DOCUMENTS: usize = 50;
/// So many parts beside them, each so many bytes long.
const MOST_TEXTS: usize = 30;
const LONGEST_TEXT: usize = 1000;
const MAGIC: &[u8] = b"%PDF-";

/// What came in one form.
struct Form {
    account: Account,
    texts: Vec<(String, String)>,
    documents: Vec<SignDocument>,
    md5s: Vec<String>,
}

pub async fn upload(app: &Shared, request: Request) -> Result<Uploaded, Error> {
    let form = read_form(app, request).await?;
    let text = |name: &str| {
        let found = form.texts.iter().find(|(known, _)| known == name);
        given(found.map(|(_, text)| text.as_str()))
    };
    let (flow, participant) = match text("flowId") {
        Some(id) => join(app, &form, required_id("flowId", Some(id))?).await?,
        None => create(app, &form, text("docName"), text("flowType")).await?,
    };
    Ok(Uploaded {
        participant_id: participant,
        flow_id: flow.id,
        doc_data_list: form.documents.iter().map(|it| translate::document(app, flow.id, it, &[])).collect(),
        doc_name: flow.name,
        md5_list: form.md5s,
        account_uid: form.account.uid,
    })
}

async fn create(
    app: &Shared,
    form: &Form,
    name: Option<&str>,
    flow_type: Option<&str>,
) -> Result<(SignFlow, Uuid), Error> {
    let flow_type = flow_type.unwrap_or("2").parse::<i64>();
    let first = form.documents.first().map(|document| document.name.as_str()).unwrap_or_default();
    let name = name.unwrap_or(first.strip_suffix(".pdf").unwrap_or(first));
    if name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(Error::field("docName", "expected at most 200 characters without control characters"));
    }
    let flow = SignFlow {
        id: Uuid::now_v7(),
        name: name.to_owned(),
        flow_type: flow_type.map_err(|_| Error::field("flowType", "expected a whole number"))?,
        owner: form.account.user,
        places: "[]".to_owned(),
        created_at: app.now_us(),
        updated_at: app.now_us(),
        initiated_at: None,
    };
    let part = SignParticipant { id: Uuid::now_v7(), flow: flow.id, user: form.account.user };
    app.store.create_sign_flow(form.account.tenant, &flow, &form.documents, part).await?;
    Ok((flow, part.id))
}

async fn join(app: &Shared, form: &Form, id: Uuid) -> Result<(SignFlow, Uuid), Error> {
    let (tenant, user) = (form.account.tenant, form.account.user);
    let flow = app.store.load_sign_flow(tenant, id).await?.filter(|flow| flow.owner == user);
    let flow = flow.ok_or_else(|| Error::field("flowId", "there is no such flow of yours"))?;
    let before = app.store.list_sign_documents(tenant, id).await?.len();
    if before + form.documents.len() > MOST_DOCUMENTS {
        return Err(too_many());
    }
    match app.store.add_sign_documents(tenant, id, &form.documents, app.now_us()).await {
        Ok(()) => {}
        Err(zhupi_store::Error::Conflict) => return Err(Rejection::AlreadySubmitted.into()),
        Err(error) => return Err(error.into()),
    }
    let part = SignParticipant { id: Uuid::now_v7(), flow: id, user };
    Ok((flow, app.store.ensure_sign_participant(tenant, part, app.now_us()).await?))
}

async fn read_form(app: &Shared, request: Request) -> Result<Form, Error> {
    let (parts, body) = request.into_parts();
    let mut texts: Vec<(String, String)> =
        form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let request = Request::from_parts(parts.clone(), body);
    let form = Multipart::from_request(request, app).await;
    let mut form = form.map_err(|_| Error::WrongMediaType)?;
    let mut sender = None;
    let (mut documents, mut md5s) = (Vec::new(), Vec::new());
    while let Some(part) = form.next_field().await.map_err(|cause| broken(&cause))? {
        if part.file_name().is_none() {
            texts.push(read_text(part).await?);
            if texts.len() > MOST_TEXTS {
                return Err(Error::BadRequest {
                    field: None,
                    message: "the form has too many parts".to_owned(),
                });
            }
            continue;
        }
        if documents.len() == MOST_DOCUMENTS {
            return Err(too_many());
        }
        let known = match sender {
            Some(known) => known,
            None => *sender.insert(find_sender(app, &parts, &texts).await?),
        };
        let (document, md5) = read_document(app, known, part).await?;
        documents.push(document);
        md5s.push(md5);
    }
    let account = app.esign_account(&parts, identity_of(&texts)?).await?;
    if sender.is_some_and(|sender| sender != (account.tenant, account.user)) {
        return Err(Error::Unauthenticated);
    }
    if documents.is_empty() {
        return Err(Error::field("fileList", "expected at least one PDF document"));
    }
    Ok(Form { account, texts, documents, md5s })
}

async fn find_sender(
    app: &Shared,
    parts: &Parts,
    texts: &[(String, String)],
) -> Result<(TenantId, UserId), Error> {
    let caller = app.esign_caller(parts, &identity_of(texts)?).await?;
    caller.require(Scope::Write)?;
    app.limits.count_caller(caller.user.0)?;
    Ok((caller.tenant, caller.user))
}

async fn read_text(mut part: Field<'_>) -> Result<(String, String), Error> {
    let name = part.name().unwrap_or_default().to_owned();
    let mut text = Vec::new();
    while let Some(piece) = part.chunk().await.map_err(|cause| broken(&cause))? {
        text.extend_from_slice(&piece);
        if text.len() > LONGEST_TEXT {
            return Err(Error::field(&name, format!("expected at most {LONGEST_TEXT} bytes")));
        }
    }
    let text = String::from_utf8(text).map_err(|_| Error::field(&name, "expected UTF-8"))?;
    Ok((name, text))
}

async fn read_document(
    app: &Shared,
    (tenant, user): (TenantId, UserId),
    mut part: Field<'_>,
) -> Result<(SignDocument, String), Error> {
    let name = part.file_name().unwrap_or_default().to_owned();
    let mut head = Vec::new();
    while head.len() < MAGIC.len() {
        let Some(piece) = part.chunk().await.map_err(|cause| broken(&cause))? else { break };
        head.extend_from_slice(&piece);
    }
    if !head.starts_with(MAGIC) {
        return Err(Error::field("fileList", format!("`{name}` is no PDF document")));
    }
    let mut md5 = Md5::new();
    let content = stream::iter([Ok(Bytes::from(head))])
        .chain(part.map_err(|cause| broken(&cause)))
        .inspect_ok(|piece| md5.update(piece));
    let upload = Upload { name, media_type: "application/pdf".to_owned() };
    let row = app.upload_as(tenant, user, upload, content).await?;
    let document = SignDocument {
        id: Uuid::now_v7(),
        file: row.id,
        name: row.name,
        sha256: row.sha256,
        size: row.size,
        created_at: row.created_at,
    };
    Ok((document, hex(&md5.finalize())))
}

fn too_many() -> Error {
    Error::field("fileList", format!("a flow may have at most {MOST_DOCUMENTS} documents"))
}

fn broken(cause: &MultipartError) -> Error {
    if cause.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Error::TooLarge;
    }
    Error::BadRequest { field: None, message: "the form ended too early or is none".to_owned() }
}
