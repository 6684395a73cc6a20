//! Uploading and downloading files. A file never changes; its hash is its `ETag`.

use crate::app::Shared;
use crate::app::uploads::Upload;
use crate::caller::Caller;
use crate::error::Error;
use crate::extract::{Json, Path, Query};
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use zhupi_engine::ids::{FileId, InstanceId};
use zhupi_engine::ledger::hex;
use zhupi_store::FileRow;

/// Uploads may be as large as a file may be, and what a form needs around it.
pub fn routes(file_limit: usize) -> OpenApiRouter<Shared> {
    let upload = OpenApiRouter::new()
        .routes(routes!(upload_file))
        .layer(DefaultBodyLimit::max(file_limit.saturating_add(64 * 1024)));
    OpenApiRouter::new().merge(upload).routes(routes!(get_file)).routes(routes!(download_file))
}

/// An uploaded file.
#[derive(Serialize, ToSchema)]
struct File {
    id: Uuid,
    name: String,
    media_type: String,
    size: u64,
    /// SHA-256 of its content, in hex.
    sha256: String,
}

/// The name of a file whose content is the whole body.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct UploadQuery {
    /// Needed where the body is the file itself; a form names its file.
    name: Option<String>,
}

/// Why one may see a file.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FileQuery {
    /// An instance that shows the file, for those who did not upload it.
    instance: Option<Uuid>,
}

/// Upload a file
///
/// As the first file of a form (`multipart/form-data`), or as the body itself with its `Content-Type` and `?name=`.
#[utoipa::path(
    post, path = "/files", operation_id = "upload_file", tag = "files", params(UploadQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = File), (status = 413, description = "too large"),
              (status = 415, description = "such files are not taken"))
)]
async fn upload_file(
    State(app): State<Shared>,
    caller: Caller,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> Result<(StatusCode, Json<File>), Error> {
    let media_type = content_type(request.headers());
    if media_type.starts_with("multipart/form-data") {
        let form = Multipart::from_request(request, &app).await;
        let mut form = form.map_err(|_| Error::field("Content-Type", "the form has no boundary"))?;
        return upload_part(&app, &caller, &mut form).await;
    }
    let name = query.name.ok_or_else(|| Error::field("name", "it is required"))?;
    let content = request.into_body().into_data_stream().map_err(|_| broken_off());
    let row = app.upload(&caller, Upload { name, media_type }, content).await?;
    Ok((StatusCode::CREATED, Json(show(row))))
}

async fn upload_part(
    app: &Shared,
    caller: &Caller,
    form: &mut Multipart,
) -> Result<(StatusCode, Json<File>), Error> {
    while let Some(part) = form.next_field().await.map_err(|cause| form_error(&cause))? {
        let Some(name) = part.file_name().map(str::to_owned) else { continue };
        let media_type = part.content_type().unwrap_or("application/octet-stream").to_owned();
        let content = part.map_err(|cause| form_error(&cause));
        let row = app.upload(caller, Upload { name, media_type }, content).await?;
        return Ok((StatusCode::CREATED, Json(show(row))));
    }
    Err(Error::field("file", "the form has no file"))
}

fn form_error(cause: &axum::extract::multipart::MultipartError) -> Error {
    if cause.status() == StatusCode::PAYLOAD_TOO_LARGE { Error::TooLarge } else { broken_off() }
}

fn broken_off() -> Error {
    Error::BadRequest { field: None, message: "the body ended too early or is no such form".to_owned() }
}

fn content_type(headers: &HeaderMap) -> String {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    given.unwrap_or("application/octet-stream").to_owned()
}

fn show(row: FileRow) -> File {
    File {
        id: row.id.0,
        name: row.name,
        media_type: row.media_type,
        size: row.size,
        sha256: hex(&row.sha256),
    }
}

/// Describe a file
#[utoipa::path(
    get, path = "/files/{id}", operation_id = "get_file", tag = "files",
    params(("id" = Uuid, Path), FileQuery),
    responses((status = 200, body = File), (status = 404, description = "no such file for the caller"))
)]
async fn get_file(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<FileId>,
    Query(query): Query<FileQuery>,
) -> Result<Json<File>, Error> {
    let row = app.visible_file(&caller, id, query.instance.map(InstanceId)).await?;
    Ok(Json(show(row)))
}

/// Download a file
#[utoipa::path(
    get, path = "/files/{id}/content", operation_id = "download_file", tag = "files",
    params(("id" = Uuid, Path), FileQuery),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
              (status = 304, description = "the caller has it"))
)]
async fn download_file(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<FileId>,
    Query(query): Query<FileQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let row = app.visible_file(&caller, id, query.instance.map(InstanceId)).await?;
    let tag = format!("\"{}\"", hex(&row.sha256));
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = if known.is_some_and(|known| known.contains(&tag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from_stream(app.files.get(&row.location).await?).into_response()
    };
    for (name, value) in download_headers(&row, tag) {
        response.headers_mut().insert(name, HeaderValue::from_str(&value).map_err(Error::internal)?);
    }
    Ok(response)
}

/// A download is never a page of ours, whatever its content.
fn download_headers(row: &FileRow, tag: String) -> Vec<(HeaderName, String)> {
    let visible = |it: char| if it.is_ascii_graphic() && it != '"' && it != '\\' { it } else { '_' };
    let plain: String = row.name.chars().map(visible).collect();
    let exact: String = url::form_urlencoded::byte_serialize(row.name.as_bytes()).collect();
    let exact = exact.replace('+', "%20");
    vec![
        (header::CONTENT_TYPE, row.media_type.clone()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}")),
        (header::CONTENT_LENGTH, row.size.to_string()),
        (header::ETAG, tag),
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'".to_owned()),
    ]
}
