//! What a server holds in memory gives way to what another one has changed in the same database.

use crate::harness::{TestApp, person};
use zhupi_engine::directory::User;
use zhupi_server::caller::Scope;
use zhupi_server::{App, Shared};
use zhupi_store::UserRow;

async fn another(app: &TestApp) -> Shared {
    App::open_with(app.app.config.clone(), app.app.clock.clone()).await.expect("another server")
}

#[tokio::test]
async fn people_changed_by_another_server_are_seen_at_the_next_look() {
    let app = TestApp::new().await;
    let user = person("wang");
    app.put_user(app.tenant, user.clone()).await;
    let session = app.session(user.id).await;
    app.app.refresh().await.expect("a database");
    app.get("/v1/me").by(&session).send().await.expect(200);

    let other = another(&app).await;
    let gone = User { active: false, ..user };
    let row = UserRow { user: gone, login: "wang".to_owned(), email: None, mobile: None, locale: None };
    other.store.put_user(app.tenant, &row, app.app.now_us()).await.expect("a person");
    app.app.refresh().await.expect("a database");

    app.get("/v1/me").by(&session).send().await.expect_problem(401, "unauthenticated");
    other.store.close().await;
}

#[tokio::test]
async fn a_token_revoked_by_another_server_is_refused_at_the_next_look() {
    let app = TestApp::new().await;
    let user = app.user("wang").await;
    let token = app.token(app.tenant, user, &[Scope::Read]).await;
    app.app.refresh().await.expect("a database");
    app.get("/v1/me").token(&token).send().await.expect(200);

    let other = another(&app).await;
    let hash = zhupi_server::secrets::token_hash(&token);
    let now = app.app.now_us();
    let row = other.store.load_token(app.tenant, &hash, now).await.expect("a database").expect("the token");
    assert!(other.store.revoke_token(app.tenant, row.id, now).await.expect("a database"));
    app.app.refresh().await.expect("a database");

    app.get("/v1/me").token(&token).send().await.expect_problem(401, "unauthenticated");
    other.store.close().await;
}
