//! API apps and tokens.

use crate::harness::TestApp;
use jiff::SignedDuration;
use serde_json::json;
use zhupi_server::caller::Scope;

#[tokio::test]
async fn a_token_works_until_it_is_revoked() {
    let app = TestApp::new().await;
    let session = app.session(app.user("wang").await).await;
    let body = json!({ "name": "script", "scopes": ["read"] });
    let made = app.post("/v1/tokens").by(&session).json(&body).send().await.expect(201);
    let token = made["token"].as_str().expect("a token");
    app.get("/v1/me").token(token).send().await.expect(200);

    let path = format!("/v1/tokens/{}", made["id"].as_str().expect("an id"));
    app.call("DELETE", &path).by(&session).send().await.expect(204);

    app.get("/v1/me").token(token).send().await.expect_problem(401, "unauthenticated");
    let list = app.get("/v1/tokens").by(&session).send().await.expect(200);
    assert_eq!(list["items"][0]["name"], "script");
    assert_eq!(list["items"][0]["revoked_at"], crate::harness::START);
}

#[tokio::test]
async fn a_token_expires() {
    let app = TestApp::new().await;
    let session = app.session(app.user("wang").await).await;
    let body = json!({ "name": "script", "scopes": ["read"], "expires_in_days": 1 });
    let made = app.post("/v1/tokens").by(&session).json(&body).send().await.expect(201);
    let token = made["token"].as_str().expect("a token");
    app.get("/v1/me").token(token).send().await.expect(200);

    app.app.clock.advance(SignedDuration::from_hours(25));

    app.get("/v1/me").token(token).send().await.expect_problem(401, "unauthenticated");
}

#[tokio::test]
async fn nobody_gives_away_more_than_he_has() {
    let app = TestApp::new().await;
    let wang = app.user("wang").await;
    let li = app.user("li").await;
    let writes = app.token(app.tenant, wang, &[Scope::Read, Scope::Write]).await;
    let more = json!({ "name": "more", "scopes": ["admin"] });
    app.post("/v1/tokens").token(&writes).json(&more).send().await.expect_problem(403, "forbidden");
    let others = json!({ "name": "others", "scopes": ["read"], "user": li });
    app.post("/v1/tokens").token(&writes).json(&others).send().await.expect_problem(403, "forbidden");
}

#[tokio::test]
async fn a_token_begets_no_other_that_outlives_it() {
    let app = TestApp::new().await;
    let wang = app.user("wang").await;
    let writes = app.token(app.tenant, wang, &[Scope::Read, Scope::Write]).await;
    let body = json!({ "name": "spare", "scopes": ["read"] });
    app.post("/v1/tokens").token(&writes).json(&body).send().await.expect_problem(403, "forbidden");

    // One that may is an app's, and so is what it makes.
    let root = app.session(app.admin("root").await).await;
    let office = json!({ "name": "office", "scopes": ["read", "write", "admin"] });
    let office = app.post("/v1/apps").by(&root).json(&office).send().await.expect(201);
    let first = json!({ "name": "first", "scopes": ["read", "write", "admin"], "app": office["id"] });
    let first = app.post("/v1/tokens").by(&root).json(&first).send().await.expect(201);
    let spare = app.post("/v1/tokens").token(first["token"].as_str().expect("a token")).json(&body);
    let spare = spare.send().await.expect(201);
    let spare = spare["token"].as_str().expect("a token");
    app.get("/v1/me").token(spare).send().await.expect(200);

    let path = format!("/v1/apps/{}/disable", office["id"].as_str().expect("an id"));
    app.post(&path).by(&root).send().await.expect(204);
    app.get("/v1/me").token(spare).send().await.expect_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_token_expires_within_ten_years_or_never() {
    let app = TestApp::new().await;
    let session = app.session(app.user("wang").await).await;
    for days in [0, 3651, u32::MAX] {
        let body = json!({ "name": "script", "scopes": ["read"], "expires_in_days": days });
        let refused = app.post("/v1/tokens").by(&session).json(&body).send().await;
        assert_eq!(refused.expect_problem(400, "bad_request")["field"], "expires_in_days");
    }
}

#[tokio::test]
async fn others_tokens_do_not_exist() {
    let app = TestApp::new().await;
    let wang = app.session(app.user("wang").await).await;
    let li = app.session(app.user("li").await).await;
    let root = app.session(app.admin("root").await).await;
    let body = json!({ "name": "script", "scopes": ["read"] });
    let made = app.post("/v1/tokens").by(&wang).json(&body).send().await.expect(201);
    let path = format!("/v1/tokens/{}", made["id"].as_str().expect("an id"));

    app.call("DELETE", &path).by(&li).send().await.expect_problem(404, "not_found");
    app.call("DELETE", &path).by(&root).send().await.expect(204);
}

#[tokio::test]
async fn an_apps_secret_is_shown_once_and_kept_encrypted() {
    let app = TestApp::new().await;
    let root = app.session(app.admin("root").await).await;
    let body = json!({ "name": "office", "scopes": ["read", "write"] });
    let made = app.post("/v1/apps").by(&root).json(&body).send().await.expect(201);
    let id = made["id"].as_str().expect("an id");
    let secret = made["secret"].as_str().expect("a secret");

    let kept = app.app.store.load_app(app.tenant, id).await.expect("a database").expect("the app");
    assert!(!String::from_utf8_lossy(&kept.secret).contains(secret));
    assert_eq!(app.app.app_secret(app.tenant, &kept).expect("a secret"), secret);
    assert_eq!(zhupi_server::secrets::app_tenant(id), Some(app.tenant));
    let list = app.get("/v1/apps").by(&root).send().await;
    assert_eq!(list.expect(200)[0]["name"], "office");
    assert!(!list.text().contains(secret));

    let rotated = app.post(&format!("/v1/apps/{id}/rotate")).by(&root).send().await.expect(200);
    let kept = app.app.store.load_app(app.tenant, id).await.expect("a database").expect("the app");
    assert_ne!(rotated["secret"], secret);
    assert_eq!(app.app.app_secret(app.tenant, &kept).expect("a secret"), rotated["secret"]);
}

#[tokio::test]
async fn an_apps_tokens_are_for_nothing_that_the_app_is_not_for() {
    let app = TestApp::new().await;
    let root = app.session(app.admin("root").await).await;
    let body = json!({ "name": "office", "scopes": ["read"] });
    let made = app.post("/v1/apps").by(&root).json(&body).send().await.expect(201);
    let body = json!({ "name": "token", "scopes": ["read", "write"], "app": made["id"] });
    let refused = app.post("/v1/tokens").by(&root).json(&body).send().await;
    assert_eq!(refused.expect_problem(400, "bad_request")["field"], "scopes");
}

#[tokio::test]
async fn a_disabled_apps_tokens_are_refused() {
    let app = TestApp::new().await;
    let root = app.session(app.admin("root").await).await;
    let body = json!({ "name": "office", "scopes": ["read"] });
    let made = app.post("/v1/apps").by(&root).json(&body).send().await.expect(201);
    let body = json!({ "name": "token", "scopes": ["read"], "app": made["id"] });
    let token = app.post("/v1/tokens").by(&root).json(&body).send().await.expect(201);
    let token = token["token"].as_str().expect("a token");
    app.get("/v1/me").token(token).send().await.expect(200);

    let path = format!("/v1/apps/{}/disable", made["id"].as_str().expect("an id"));
    app.post(&path).by(&root).send().await.expect(204);

    app.get("/v1/me").token(token).send().await.expect_problem(401, "unauthenticated");
}
