//! What every request passes on its way in and out, whichever API it is for: limits, safety, one log line.

use crate::app::Shared;
use crate::config::Config;
use crate::error::{Error, Failed, Render, problem};
use crate::telemetry::{self, Trace};
use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tower_http::catch_panic::CatchPanicLayer;
use uuid::Uuid;

/// The shell of one API: body limit, time limit, requests per address, and panics. What goes wrong anywhere inside is said
/// in the words of that API.
pub fn shell(app: &Shared, routes: Router<Shared>, render: Render) -> Router<Shared> {
    routes
        .method_not_allowed_fallback(async || Error::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(app.config.limits.json_bytes))
        .layer(middleware::from_fn_with_state(app.clone(), limit_time))
        .layer(CatchPanicLayer::custom(after_panic))
        .layer(middleware::from_fn_with_state(app.clone(), limit_address))
        .layer(middleware::from_fn_with_state(render, say_errors))
}

/// What no route of an API serves under this prefix, so that the API says so and not the server around it.
pub fn nothing_else(prefix: &str) -> Router<Shared> {
    let nothing = Router::new().fallback(async || Error::NotFound);
    // The fallback does not see this one.
    Router::new().nest(prefix, nothing).route(&format!("{prefix}/"), any(async || Error::NotFound))
}

async fn say_errors(State(render): State<Render>, request: Request, next: Next) -> Response {
    let id = trace_of(request.extensions()).request_id;
    let response = if holds_nul(request.uri()) {
        let message = "the address holds the character `%00`, which no text may have".to_owned();
        Error::BadRequest { field: None, message }.into_response()
    } else {
        next.run(request).await
    };
    rendered(response, render, &id)
}

/// PostgreSQL cannot keep such a text, nor look for it.
fn holds_nul(address: &Uri) -> bool {
    address.path_and_query().is_some_and(|text| text.as_str().contains("%00"))
}

/// The outermost layers, around all APIs.
pub fn surround(app: &Shared, routes: Router<Shared>) -> Router<Shared> {
    routes
        .fallback(async || Error::NotFound)
        .layer(middleware::from_fn(observe))
        .layer(middleware::from_fn_with_state(app.clone(), security_headers))
}

async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let trace = Trace::new(&request_id(request.headers()));
    request.extensions_mut().insert(trace.clone());
    let method = known_method(request.method());
    let path = request.extensions().get::<MatchedPath>().cloned();
    let mut response = rendered(next.run(request).await, problem, &trace.request_id);
    if let Ok(id) = HeaderValue::from_str(&trace.request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    telemetry::record(&telemetry::Answered {
        trace: &trace,
        method,
        path: path.as_ref().map_or("unknown", MatchedPath::as_str),
        status: response.status().as_u16(),
        took: started.elapsed(),
    });
    response
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id that a proxy gave the request, if it looks like one, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let sound = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
    };
    given.filter(sound).map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// Other methods would each make a metric of their own.
fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}

/// What is known of the request so far.
pub fn trace_of(extensions: &Extensions) -> Trace {
    extensions.get::<Trace>().cloned().unwrap_or_default()
}

fn rendered(mut response: Response, render: Render, request_id: &str) -> Response {
    let Some(Failed(error)) = response.extensions_mut().remove() else { return response };
    if let Some(cause) = error.cause() {
        tracing::error!(request_id, code = error.code(), cause, "failed");
    }
    let mut said = render(&error, request_id);
    if let Some(methods) = response.headers_mut().remove(header::ALLOW) {
        said.headers_mut().insert(header::ALLOW, methods);
    }
    said
}

async fn security_headers(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let status = response.status();
    let headers = response.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    // A browser opens no window for this scheme.
    if status == StatusCode::UNAUTHORIZED {
        headers.entry(header::WWW_AUTHENTICATE).or_insert(HeaderValue::from_static("Bearer"));
    }
    if app.config.is_https() {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    response
}

/// An answer may have its own value for any of these. Style attributes are needed by the page of the API documents.
const SECURITY_HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; object-src 'none'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
];

async fn limit_time(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let mut seconds = app.config.limits.request_timeout_s;
    if is_upload(request.headers(), app.config.limits.json_bytes) {
        seconds *= 10;
    }
    match tokio::time::timeout(Duration::from_secs(seconds), next.run(request)).await {
        Ok(response) => response,
        Err(_) => Error::Timeout.into_response(),
    }
}

fn is_upload(headers: &HeaderMap, json_bytes: usize) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    match length.and_then(|text| text.parse::<usize>().ok()) {
        Some(length) => length > json_bytes,
        None => headers.contains_key(header::TRANSFER_ENCODING),
    }
}

fn after_panic(panic: Box<dyn std::any::Any + Send>) -> Response {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words");
    Error::internal(format!("panic: {words}")).into_response()
}

async fn limit_address(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let address = client_address(&app.config, request.headers(), request.extensions());
    match app.limits.count_address(address) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// Where the request comes from. A proxy is believed only if it is a trusted one; then the last address that is not a
/// trusted proxy's counts.
pub fn client_address(config: &Config, headers: &HeaderMap, extensions: &Extensions) -> IpAddr {
    let peer = extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(address)| address.ip());
    let trusted = |address: IpAddr| config.trusted_proxies.iter().any(|network| network.contains(address));
    if !trusted(peer) {
        return peer;
    }
    let lines: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    let hops = lines.iter().flat_map(|line| line.split(',')).map(|hop| hop.trim().parse::<IpAddr>());
    let mut hops: Vec<_> = hops.collect();
    hops.reverse();
    let mut nearest = peer;
    for hop in hops {
        let Ok(address) = hop else { break };
        nearest = address;
        if !trusted(address) {
            break;
        }
    }
    nearest
}
