//! Who is calling: an app by its signature over the raw request, with a token that allows the call, in the name of an
//! operator. Nothing of the body is looked at before all that is proven.

use super::codes::Failure;
use super::numbers::USER;
use super::signature::{self, Credentials, Remembered, Replays, Signed};
use crate::app::{App, Shared};
use crate::caller;
use crate::error::Error;
use crate::extract::{read_body, read_json};
use crate::http::trace_of;
use crate::secrets::{TokenKind, app_tenant, token_hash, token_tenant};
use axum::body::Bytes;
use axum::extract::{OriginalUri, Request};
use axum::http::{HeaderMap, Method, header};
use serde_json::Value as Json;
use std::collections::HashMap;
use zhupi_engine::ids::{TenantId, UserId};

/// What a token may be for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    TemplateRead,
    TemplateWrite,
    ApprovalRead,
    ApprovalWrite,
}

impl Scope {
    /// Its word in the token.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::TemplateRead => "kso.workflow.template.read",
            Scope::TemplateWrite => "kso.workflow.template.write",
            Scope::ApprovalRead => "kso.workflow.approval.read",
            Scope::ApprovalWrite => "kso.workflow.approval.write",
        }
    }

    /// By its own word, or by the scope of our own API that allows the same. Reading templates is not documented as a
    /// scope of its own, so whoever may write them may read them too.
    fn is_given(self, words: &[String]) -> bool {
        let has = |scope: Scope| words.iter().any(|word| word == scope.as_str());
        let own = match self {
            Scope::TemplateRead | Scope::ApprovalRead => caller::Scope::Read,
            Scope::ApprovalWrite => caller::Scope::Write,
            Scope::TemplateWrite => caller::Scope::Admin,
        };
        has(self)
            || (self == Scope::TemplateRead && has(Scope::TemplateWrite))
            || caller::Scope::of_words(words).contains(&own)
    }
}

/// A call that may be answered.
#[derive(Clone, Debug)]
pub struct Call {
    pub tenant: TenantId,
    /// In whose name.
    pub operator: UserId,
    query: HashMap<String, String>,
    body: Bytes,
}

impl Call {
    /// Lets a request in, or says why not.
    pub async fn read(
        app: &Shared,
        replays: &Replays,
        request: Request,
        scope: Scope,
    ) -> Result<Self, Failure> {
        let head = Head::of(&request);
        let trace = trace_of(request.extensions());
        let remembered = request.extensions().get::<Remembered>().cloned().unwrap_or_default();
        let credentials = signature::read_credentials(&head.headers).map_err(Failure::Unauthorized)?;
        let body = read_body(request, app).await?;
        let tenant = check_signature(app, &head, &credentials, &body).await?;
        trace.note_tenant(tenant);
        let bound_to = check_token(app, tenant, &credentials, scope).await?;
        // Whatever changes something: an old replacement that came again would undo a newer one.
        if !head.method.is_safe() && !replays.first_time(&credentials, app.now(), &remembered) {
            return Err(Failure::Replayed);
        }
        let query = head.query();
        let operator = find_operator(app, tenant, &query).await?;
        if bound_to.is_some_and(|user| user != operator) {
            return Err(Error::Forbidden.into());
        }
        app.limits.count_caller(operator.0)?;
        Ok(Self { tenant, operator, query, body })
    }

    /// A member of the query; absent where it is empty.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A whole number of the query.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Error> {
        let read = |text: &str| text.parse().map_err(|_| Error::field(name, "a whole number is expected"));
        self.param(name).map(read).transpose()
    }

    /// The body; an empty one counts as an empty object.
    pub fn json(&self) -> Result<Json, Error> {
        read_json(&self.body)
    }

    /// The body as it was sent.
    pub fn text(&self) -> Result<&str, Error> {
        std::str::from_utf8(&self.body)
            .map_err(|_| Error::BadRequest { field: None, message: "the body is not UTF-8".to_owned() })
    }
}

/// What of a request stands before its body.
struct Head {
    method: Method,
    target: String,
    headers: HeaderMap,
}

impl Head {
    fn of(request: &Request) -> Self {
        let original = request.extensions().get::<OriginalUri>().map(|uri| &uri.0);
        let uri = original.unwrap_or_else(|| request.uri());
        let target = uri.path_and_query().map_or("", |target| target.as_str()).to_owned();
        Self { method: request.method().clone(), target, headers: request.headers().clone() }
    }

    fn content_type(&self) -> &str {
        self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn query(&self) -> HashMap<String, String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }
}

/// The workspace of the app that signed. An unknown app, a disabled one and a wrong signature all look the same.
async fn check_signature(
    app: &App,
    head: &Head,
    credentials: &Credentials,
    body: &Bytes,
) -> Result<TenantId, Failure> {
    let wrong = Failure::Unauthorized("the signature does not fit");
    match signature::is_fresh(&credentials.date, app.now()) {
        None => return Err(Failure::Unauthorized("the date of the request cannot be read")),
        Some(false) => return Err(Failure::Unauthorized("the date of the request is too far from now")),
        Some(true) => {}
    }
    let Some(tenant) = app_tenant(&credentials.app_id) else { return Err(wrong) };
    let Some(known) = app.store.load_app(tenant, &credentials.app_id).await? else { return Err(wrong) };
    let key = app.app_secret(tenant, &known)?;
    let signed = Signed {
        method: head.method.as_str(),
        target: signature::signed_target(&head.target),
        content_type: head.content_type(),
        date: &credentials.date,
        body,
    };
    if !known.active || !signature::verify(&key, &signed, &credentials.signature) {
        return Err(wrong);
    }
    if !body.is_empty() && !signature::covers_body(head.content_type()) {
        return Err(Error::WrongMediaType.into());
    }
    Ok(tenant)
}

/// The token has to be of the same workspace and of the app that signed, and to be made for this. Gives the one person in
/// whose name it may be used, if it was made for one.
async fn check_token(
    app: &App,
    tenant: TenantId,
    credentials: &Credentials,
    scope: Scope,
) -> Result<Option<UserId>, Failure> {
    let wrong = Failure::Unauthorized("the access token is unknown, has expired or belongs to another app");
    if token_tenant(TokenKind::Api, &credentials.token) != Some(tenant) {
        return Err(wrong);
    }
    let hash = token_hash(&credentials.token);
    let Some(token) = app.store.load_token(tenant, &hash, app.now_us()).await? else { return Err(wrong) };
    if token.app.as_deref() != Some(credentials.app_id.as_str()) {
        return Err(wrong);
    }
    if scope.is_given(&token.scopes) { Ok(token.user) } else { Err(Failure::Scope(scope.as_str())) }
}

async fn find_operator(
    app: &App,
    tenant: TenantId,
    query: &HashMap<String, String>,
) -> Result<UserId, Failure> {
    let operator = query.get("operator").map(|text| text.trim()).unwrap_or_default();
    let Ok(number) = operator.parse::<i64>() else {
        return Err(Error::field("operator", "the number of the acting user is required").into());
    };
    let user = app.store.resolve_alias(tenant, USER, &number.to_string()).await?.map(UserId);
    let directory = app.directory(tenant).await?;
    match user.filter(|user| directory.is_active(*user)) {
        Some(user) => Ok(user),
        None => Err(Error::field("operator", format!("there is no active user `{number}`")).into()),
    }
}
