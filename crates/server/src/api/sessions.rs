//! Logging in and out of our own API, and who one is.

use crate::api::Named;
use crate::app::{App, Shared};
use crate::caller::{Caller, SESSION_COOKIE, is_own_origin};
use crate::error::Error;
use crate::extract::Json;
use crate::http::{client_address, trace_of};
use crate::limits::network_of;
use crate::secrets::{TokenKind, new_token, token_hash, token_tenant};
use axum::extract::State;
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use zhupi_engine::ids::{DepartmentId, TenantId, UserId};
use zhupi_store::{Session, Tenant};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(login)).routes(routes!(logout)).routes(routes!(me))
}

/// What somebody logs in with.
#[derive(Deserialize, ToSchema)]
struct Login {
    /// The code of the workspace; absent: the default one.
    #[serde(default)]
    workspace: String,
    login: String,
    password: String,
}

/// Who one is.
#[derive(Serialize, ToSchema)]
struct Me {
    id: Uuid,
    name: String,
    login: String,
    /// He administers the workspace.
    admin: bool,
    /// He may create templates.
    manages_templates: bool,
    /// His departments; the first is the primary one.
    departments: Vec<Named>,
    workspace: Workspace,
    /// To be sent as `X-CSRF-Token` with everything that is not a mere read; absent for tokens, which need none.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<String>,
}

/// A workspace, as its members see it.
#[derive(Serialize, ToSchema)]
struct Workspace {
    id: Uuid,
    code: String,
    name: String,
    time_zone: String,
}

/// Log in
///
/// Begins a session in a cookie. Ends the session of the cookie that was sent along, if any.
#[utoipa::path(
    post, path = "/sessions", operation_id = "login", tag = "sessions",
    request_body = Login, security(()),
    responses((status = 200, description = "logged in", body = Me),
              (status = 401, description = "the workspace, login or password is wrong"),
              (status = 429, description = "too many failed logins"))
)]
async fn login(
    State(app): State<Shared>,
    jar: CookieJar,
    headers: HeaderMap,
    extensions: Extensions,
    Json(given): Json<Login>,
) -> Result<(CookieJar, Json<Me>), Error> {
    if !is_own_origin(&app, &headers) {
        return Err(Error::CsrfFailed);
    }
    let address = client_address(&app.config, &headers, &extensions).to_string();
    let workspace = app.workspace(&given.workspace).await?;
    let (tenant, user) = app.check_login(workspace, &given, &address).await?;
    trace_of(&extensions).note_tenant(tenant.id);
    if let Some(before) = jar.get(SESSION_COOKIE).map(|cookie| cookie.value())
        && let Some(its_tenant) = token_tenant(TokenKind::Session, before)
    {
        app.end_session(its_tenant, &token_hash(before)).await?;
    }
    let token = app.begin_session(tenant.id, user).await?;
    let csrf_token = Some(app.csrf_token(&token));
    let me = app.describe(tenant.id, user, csrf_token).await?;
    Ok((jar.add(session_cookie(&app, token)), Json(me)))
}

/// Log out
#[utoipa::path(
    delete, path = "/sessions/current", operation_id = "logout", tag = "sessions",
    responses((status = 204, description = "logged out"))
)]
async fn logout(
    State(app): State<Shared>,
    caller: Caller,
    jar: CookieJar,
) -> Result<(StatusCode, CookieJar), Error> {
    app.end_session(caller.tenant, &caller.token_hash).await?;
    Ok((StatusCode::NO_CONTENT, jar.remove(Cookie::build(SESSION_COOKIE).path("/"))))
}

/// Who am I
#[utoipa::path(
    get, path = "/me", operation_id = "me", tag = "sessions",
    responses((status = 200, body = Me), (status = 401, description = "not logged in"))
)]
async fn me(State(app): State<Shared>, caller: Caller, jar: CookieJar) -> Result<Json<Me>, Error> {
    let session = jar.get(SESSION_COOKIE).filter(|it| token_hash(it.value()) == caller.token_hash);
    let csrf_token = session.map(|it| app.csrf_token(it.value()));
    app.describe(caller.tenant, caller.user, csrf_token).await.map(Json)
}

fn session_cookie(app: &App, token: String) -> Cookie<'static> {
    Cookie::build((SESSION_COOKIE, token))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(app.config.is_https())
        .build()
}

impl App {
    /// Whose login this is, for surfaces: `workspace/login`, or a login of the default workspace.
    pub(crate) async fn log_in(
        &self,
        account: &str,
        password: String,
        address: &str,
    ) -> Result<(Tenant, UserId), Error> {
        let (workspace, login) = account.split_once('/').unwrap_or(("", account));
        let given = Login { workspace: workspace.to_owned(), login: login.to_owned(), password };
        let workspace = self.workspace(workspace).await?;
        self.check_login(workspace, &given, address).await
    }

    /// Whose login this is. Takes as long where there is no such login, or no such workspace.
    async fn check_login(
        &self,
        workspace: Option<Tenant>,
        given: &Login,
        address: &str,
    ) -> Result<(Tenant, UserId), Error> {
        if given.login.chars().count() > 200 || given.password.len() > 1000 {
            return Err(Error::LoginFailed);
        }
        let throttle = match &workspace {
            Some(tenant) => tenant.id,
            None => self.workspace("").await?.ok_or(Error::LoginFailed)?.id,
        };
        self.count_attempt(throttle, given, address).await?;
        let account = match &workspace {
            Some(tenant) => self.store.load_account(tenant.id, &given.login).await?,
            None => None,
        };
        let account = account.filter(|account| account.active);
        let kept = account.as_ref().and_then(|account| account.password_hash.as_deref());
        let fits = self.passwords.verify(&given.password, kept).await?;
        match (workspace, account) {
            (Some(tenant), Some(account)) if fits => {
                self.store.clear_failures(tenant.id, &login_key(given)).await?;
                self.store.forgive_failure(tenant.id, &address_key(address)).await?;
                self.store.delete_failures_before(tenant.id, self.now_us() - self.login_window_us()).await?;
                Ok((tenant, account.user))
            }
            _ => Err(Error::LoginFailed),
        }
    }

    /// Of one name so many may fail, of one address ten times as many.
    async fn count_attempt(&self, tenant: TenantId, given: &Login, address: &str) -> Result<(), Error> {
        let most = self.config.limits.login_attempts;
        self.count_try(tenant, &address_key(address), most.saturating_mul(10)).await?;
        self.count_try(tenant, &login_key(given), most).await
    }

    /// An attempt counts as failed before it is made, so that many at once cannot slip through.
    pub(crate) async fn count_try(&self, tenant: TenantId, key: &str, most: u32) -> Result<(), Error> {
        let now = self.now_us();
        let counted = self.store.record_failure(tenant, key, now, now - self.login_window_us()).await?;
        if counted.failures > most { Err(self.too_many_logins(counted.first_at)) } else { Ok(()) }
    }

    fn too_many_logins(&self, first_at: i64) -> Error {
        let wait_us = first_at + self.login_window_us() - self.now_us();
        Error::TooMany { retry_after_s: u64::try_from(wait_us / 1_000_000).unwrap_or(0) + 1 }
    }

    fn login_window_us(&self) -> i64 {
        i64::from(self.config.limits.login_window_minutes) * 60_000_000
    }

    /// Begins a session and gives the token for its cookie.
    pub async fn begin_session(&self, tenant: TenantId, user: UserId) -> Result<String, Error> {
        let token = new_token(TokenKind::Session, tenant)?;
        let now = self.now_us();
        self.store.delete_expired_sessions(tenant, now).await?;
        let session = Session {
            token_hash: token_hash(&token),
            user,
            created_at: now,
            expires_at: now + self.session_life_us(),
        };
        self.store.create_session(tenant, &session).await?;
        Ok(token)
    }

    async fn end_session(&self, tenant: TenantId, hash: &[u8; 32]) -> Result<(), Error> {
        self.store.delete_session(tenant, hash).await?;
        self.forget_caller(hash);
        Ok(())
    }

    async fn describe(
        &self,
        tenant: TenantId,
        user: UserId,
        csrf_token: Option<String>,
    ) -> Result<Me, Error> {
        let directory = self.directory(tenant).await?;
        let row = self.store.load_user(tenant, user).await?.ok_or(Error::Unauthenticated)?;
        let workspace = self.store.load_tenant(tenant).await?.ok_or(Error::Unauthenticated)?;
        let named = |id: &DepartmentId| {
            let name = directory.department(*id).map_or_else(|| id.to_string(), |it| it.name.clone());
            Named { id: id.0, name }
        };
        Ok(Me {
            id: user.0,
            name: row.user.name,
            login: row.login,
            admin: row.user.admin,
            manages_templates: self.manages_templates(tenant, user).await?,
            departments: row.user.departments.iter().map(named).collect(),
            workspace: Workspace {
                id: tenant.0,
                code: workspace.code,
                name: workspace.name,
                time_zone: workspace.time_zone,
            },
            csrf_token,
        })
    }
}

fn login_key(given: &Login) -> String {
    format!("login:{}", given.login)
}

fn address_key(address: &str) -> String {
    match address.parse() {
        Ok(address) => format!("address:{}", network_of(address)),
        Err(_) => format!("address:{address}"),
    }
}
