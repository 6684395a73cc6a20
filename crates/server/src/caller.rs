//! Who is calling our own API: a browser by its session cookie, or a program by its bearer token.

use crate::app::{App, Shared};
use crate::error::Error;
use crate::http::trace_of;
use crate::secrets::{self, TokenKind, token_hash, token_tenant};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum_extra::extract::CookieJar;
use serde::{Deserialize, Serialize};
use zhupi_engine::ids::{TenantId, UserId};

/// The cookie that holds a session's token.
pub const SESSION_COOKIE: &str = "zhupi_session";
const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");

/// Who is calling.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    pub tenant: TenantId,
    pub user: UserId,
    pub via: Via,
    /// What the caller may use of what the person may do.
    pub scopes: Vec<Scope>,
    /// Under which the session or token is kept.
    pub token_hash: [u8; 32],
}

/// How the caller showed who he is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Via {
    Session,
    Token { app: Option<String> },
}

/// A part of what a person may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Look.
    Read,
    /// Submit and decide.
    Write,
    /// Administer, where the person is an administrator.
    Admin,
}

impl Scope {
    pub const ALL: [Scope; 3] = [Scope::Read, Scope::Write, Scope::Admin];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Write => "write",
            Scope::Admin => "admin",
        }
    }

    /// Words that are none of ours are left out: they may belong to another surface.
    pub fn of_words(words: &[String]) -> Vec<Scope> {
        Self::ALL.into_iter().filter(|scope| words.iter().any(|word| word == scope.as_str())).collect()
    }
}

/// What is known of a session or token.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    caller: Caller,
    expires_at: i64,
}

impl Caller {
    /// The app whose token was shown.
    pub fn app(&self) -> Option<&str> {
        match &self.via {
            Via::Token { app } => app.as_deref(),
            Via::Session => None,
        }
    }

    /// Only with this scope.
    pub fn require(&self, scope: Scope) -> Result<(), Error> {
        if self.scopes.contains(&scope) { Ok(()) } else { Err(Error::Forbidden) }
    }
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Error> {
        if let Some(caller) = parts.extensions.get::<Caller>() {
            return Ok(caller.clone());
        }
        let caller = identify(app, parts).await?;
        app.limits.count_caller(caller.user.0)?;
        trace_of(&parts.extensions).note_tenant(caller.tenant);
        caller.require(if is_safe(&parts.method) { Scope::Read } else { Scope::Write })?;
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

async fn identify(app: &App, parts: &Parts) -> Result<Caller, Error> {
    if let Some(token) = bearer(&parts.headers) {
        return app.caller_of_token(token).await;
    }
    let cookies = CookieJar::from_headers(&parts.headers);
    let session = cookies.get(SESSION_COOKIE).ok_or(Error::Unauthenticated)?;
    let caller = app.caller_of_session(session.value()).await?;
    if !is_safe(&parts.method) {
        check_csrf(app, session.value(), &parts.headers)?;
    }
    Ok(caller)
}

fn is_safe(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD || method == Method::OPTIONS
}

/// The token of an `Authorization: Bearer` header.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A browser sends its cookies along with what another site makes it send, but cannot be made to send our header.
fn check_csrf(app: &App, session: &str, headers: &HeaderMap) -> Result<(), Error> {
    let given = headers.get(CSRF_HEADER).ok_or(Error::CsrfFailed)?;
    let fits = secrets::same(given.as_bytes(), app.csrf_token(session).as_bytes());
    if fits && is_own_origin(app, headers) { Ok(()) } else { Err(Error::CsrfFailed) }
}

/// Whether the page that sends this is one of ours; a sender that names no page is no browser's page.
pub fn is_own_origin(app: &App, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let named = origin.split_once("://").map(|(_, host)| host);
    origin == app.config.public_url.origin().ascii_serialization() || (named.is_some() && named == host)
}

impl App {
    /// What pages have to send along with the session: only we can make it of the session's token.
    pub fn csrf_token(&self, session: &str) -> String {
        self.vault.tag("csrf", session)
    }

    /// Whose session this is.
    pub async fn caller_of_session(&self, token: &str) -> Result<Caller, Error> {
        let hash = token_hash(token);
        if let Some(known) = self.memory.callers.get(&hash) {
            return self.still_valid(known).await;
        }
        let tenant = token_tenant(TokenKind::Session, token).ok_or(Error::Unauthenticated)?;
        let session = self.store.load_session(tenant, &hash, self.now_us()).await?;
        let session = session.ok_or(Error::Unauthenticated)?;
        let expires_at = self.prolong(tenant, &hash, session.expires_at).await?;
        let caller = Caller {
            tenant,
            user: session.user,
            via: Via::Session,
            scopes: Scope::ALL.to_vec(),
            token_hash: hash,
        };
        self.remember(Known { caller, expires_at }).await
    }

    /// A session in use lives on: it is written down again in the second half of its life only.
    async fn prolong(&self, tenant: TenantId, hash: &[u8; 32], expires_at: i64) -> Result<i64, Error> {
        let life = self.session_life_us();
        if expires_at - self.now_us() > life / 2 {
            return Ok(expires_at);
        }
        let expires_at = self.now_us() + life;
        self.store.extend_session(tenant, hash, expires_at).await?;
        Ok(expires_at)
    }

    /// How long a session lives without use, in microseconds.
    pub fn session_life_us(&self) -> i64 {
        i64::from(self.config.limits.session_hours) * 3_600_000_000
    }

    /// Who holds this API token.
    pub async fn caller_of_token(&self, token: &str) -> Result<Caller, Error> {
        let hash = token_hash(token);
        if let Some(known) = self.memory.callers.get(&hash) {
            return self.still_valid(known).await;
        }
        let tenant = token_tenant(TokenKind::Api, token).ok_or(Error::Unauthenticated)?;
        let token = self.store.load_token(tenant, &hash, self.now_us()).await?;
        let token = token.ok_or(Error::Unauthenticated)?;
        let caller = Caller {
            tenant,
            user: token.user.ok_or(Error::Unauthenticated)?,
            via: Via::Token { app: token.app },
            scopes: Scope::of_words(&token.scopes),
            token_hash: hash,
        };
        self.remember(Known { caller, expires_at: token.expires_at.unwrap_or(i64::MAX) }).await
    }

    async fn remember(&self, known: Known) -> Result<Caller, Error> {
        self.memory.callers.insert(known.caller.token_hash, known.clone());
        self.still_valid(known).await
    }

    async fn still_valid(&self, known: Known) -> Result<Caller, Error> {
        let directory = self.directory(known.caller.tenant).await?;
        let valid = known.expires_at > self.now_us() && directory.is_active(known.caller.user);
        if valid { Ok(known.caller) } else { Err(Error::Unauthenticated) }
    }

    /// To be called when a session or token has ended.
    pub fn forget_caller(&self, token_hash: &[u8; 32]) {
        self.memory.callers.invalidate(token_hash);
    }

    /// To be called when several may have ended.
    pub fn forget_callers(&self) {
        self.memory.callers.invalidate_all();
    }
}
