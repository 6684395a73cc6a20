//! A whole server for one test: its own database and folder, a clock that stands still, requests without a network.
//! On SQLite, or on PostgreSQL where `ZHUPI_TEST_POSTGRES` names a server.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value as Json;
use std::path::PathBuf;
use tower::ServiceExt;
use uuid::Uuid;
use zhupi_engine::directory::User;
use zhupi_engine::ids::{TenantId, UserId};
use zhupi_server::caller::{SESSION_COOKIE, Scope};
use zhupi_server::clock::Clock;
use zhupi_server::config::{Config, Layer};
use zhupi_server::secrets::{TokenKind, new_token, token_hash};
use zhupi_server::{App, Shared, router};
use zhupi_store::{Tenant, Token, UserRow};

/// What the clock of a test shows at its beginning.
pub const START: &str = "2026-03-02T01:00:00Z";

/// A server for one test.
pub struct TestApp {
    pub app: Shared,
    /// The default workspace.
    pub tenant: TenantId,
    router: Router,
    _place: Place,
}

impl TestApp {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With these settings, each a name and a value.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let place = Place::make().await;
        let mut layer = Layer::new();
        layer.insert("data".to_owned(), place.folder.display().to_string());
        layer.insert("database".to_owned(), place.url.clone());
        for (name, value) in settings {
            layer.insert((*name).to_owned(), (*value).to_owned());
        }
        let config = Config::from_layers(&[layer]).expect("settings");
        let clock = Clock::fixed(START.parse::<Timestamp>().expect("a time"));
        let app = App::open_with(config, clock).await.expect("a server");
        let tenant = app.workspace("").await.expect("a database").expect("the default workspace").id;
        Self { router: router(app.clone()), app, tenant, _place: place }
    }

    /// Another workspace.
    pub async fn workspace(&self, code: &str) -> TenantId {
        let id = TenantId(Uuid::now_v7());
        let tenant = Tenant {
            id,
            code: code.to_owned(),
            name: code.to_owned(),
            time_zone: "Asia/Shanghai".to_owned(),
            created_at: self.app.now_us(),
        };
        self.app.store.create_tenant(&tenant).await.expect("a workspace");
        id
    }

    /// A person of the default workspace, whose login is his name.
    pub async fn user(&self, name: &str) -> UserId {
        self.put_user(self.tenant, person(name)).await
    }

    /// An administrator of the default workspace.
    pub async fn admin(&self, name: &str) -> UserId {
        self.put_user(self.tenant, User { admin: true, ..person(name) }).await
    }

    /// Adds or replaces a person, whose login is his name.
    pub async fn put_user(&self, tenant: TenantId, user: User) -> UserId {
        let id = user.id;
        let login = user.name.clone();
        let row = UserRow { user, login, email: None, mobile: None, locale: None };
        self.app.store.put_user(tenant, &row, self.app.now_us()).await.expect("a person");
        self.app.directory_changed(tenant);
        id
    }

    /// Lets a person log in with a password; slow, so most tests take a `session`.
    pub async fn password(&self, user: UserId, password: &str) {
        let hash = self.app.passwords.hash(password).await.expect("a hash");
        let set = self.app.store.set_password(self.tenant, user, &hash, self.app.now_us()).await;
        assert!(set.expect("a database"), "no such person");
    }

    /// The session of somebody of the default workspace, as after a login.
    pub async fn session(&self, user: UserId) -> Session {
        self.session_in(self.tenant, user).await
    }

    /// The session of somebody, as after a login.
    pub async fn session_in(&self, tenant: TenantId, user: UserId) -> Session {
        let token = self.app.begin_session(tenant, user).await.expect("a session");
        let csrf = self.app.csrf_token(&token);
        Session { token, csrf }
    }

    /// A bearer token of somebody.
    pub async fn token(&self, tenant: TenantId, user: UserId, scopes: &[Scope]) -> String {
        let secret = new_token(TokenKind::Api, tenant).expect("a token");
        let token = Token {
            id: Uuid::now_v7(),
            token_hash: token_hash(&secret),
            name: "test".to_owned(),
            user: Some(user),
            app: None,
            scopes: scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
            created_at: self.app.now_us(),
            expires_at: None,
            revoked_at: None,
        };
        self.app.store.create_token(tenant, &token).await.expect("a token");
        secret
    }

    /// Begins a request.
    pub fn call(&self, method: &str, path: &str) -> Call<'_> {
        Call {
            app: self,
            method: method.parse().expect("a method"),
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Body::empty(),
        }
    }

    pub fn get(&self, path: &str) -> Call<'_> {
        self.call("GET", path)
    }

    pub fn post(&self, path: &str) -> Call<'_> {
        self.call("POST", path)
    }
}

/// A person as most tests want one; its id is new.
pub fn person(name: &str) -> User {
    User {
        id: UserId(Uuid::now_v7()),
        name: name.to_owned(),
        active: true,
        departments: vec![],
        supervisor: None,
        approval_limit: None,
        admin: false,
    }
}

/// What a logged-in browser holds.
#[derive(Clone, Debug)]
pub struct Session {
    pub token: String,
    pub csrf: String,
}

/// A request being made.
pub struct Call<'a> {
    app: &'a TestApp,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Body,
}

impl Call<'_> {
    /// As this browser.
    pub fn by(self, session: &Session) -> Self {
        self.header("cookie", &format!("{SESSION_COOKIE}={}", session.token))
            .header("x-csrf-token", &session.csrf)
    }

    /// As this program.
    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a header name");
        self.headers.insert(name, HeaderValue::from_str(value).expect("a header value"));
        self
    }

    pub fn json(self, body: &Json) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    pub async fn send(self) -> Answer {
        let mut request = Request::new(self.body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.path.parse().expect("a path");
        *request.headers_mut() = self.headers;
        let response = self.app.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a whole body");
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The JSON of an answer that has to have this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Json {
        let text = self.text();
        assert_eq!(self.status.as_u16(), status, "{text}");
        serde_json::from_str(&text).unwrap_or(Json::Null)
    }

    /// The problem document of an answer that has to have this status and code.
    #[track_caller]
    pub fn expect_problem(&self, status: u16, code: &str) -> Json {
        let problem = self.expect(status);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["instance"], self.header("x-request-id"));
        problem
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header; empty where it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The session that the answer to a login begins.
    #[track_caller]
    pub fn session(&self) -> Session {
        let cookie = self.headers.get(header::SET_COOKIE).expect("a cookie").to_str().expect("text");
        let value = cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a value").1;
        let csrf = self.expect(200)["csrf_token"].as_str().expect("a CSRF token").to_owned();
        Session { token: value.to_owned(), csrf }
    }
}

/// Where a test keeps what it makes; gone at its end.
struct Place {
    folder: PathBuf,
    url: String,
    /// The PostgreSQL server and the database on it.
    database: Option<(String, String)>,
}

impl Place {
    async fn make() -> Self {
        let name = format!("zt_{}", Uuid::new_v4().simple());
        let folder = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let Ok(server) = std::env::var("ZHUPI_TEST_POSTGRES") else {
            let url = format!("sqlite:{}", folder.join("test.sqlite").display());
            return Self { folder, url, database: None };
        };
        run_on(&server, &format!("CREATE DATABASE {name}")).await;
        let mut url: url::Url = server.parse().expect("the address of a PostgreSQL server");
        url.set_path(&name);
        Self { folder, url: url.to_string(), database: Some((server, name)) }
    }
}

async fn run_on(server: &str, statement: &str) {
    let (client, connection) =
        tokio_postgres::connect(server, tokio_postgres::NoTls).await.expect("a PostgreSQL server");
    let connection = tokio::spawn(connection);
    client.batch_execute(statement).await.expect(statement);
    drop(client);
    connection.await.expect("a connection").expect("a connection");
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((server, name)) = self.database.take() {
            let drop = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let statement = format!("DROP DATABASE {name} WITH (FORCE)");
                runtime.expect("a runtime").block_on(run_on(&server, &statement));
            });
            drop.join().expect("the database to be dropped");
        }
        if let Err(cause) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("{} stays behind: {cause}", self.folder.display());
        }
    }
}
