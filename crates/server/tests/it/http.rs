//! What every request passes, whichever route it takes.

use crate::harness::TestApp;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use serde_json::json;
use tower::ServiceExt;
use zhupi_server::caller::Scope;
use zhupi_server::{Error, error, http};

#[tokio::test]
async fn every_answer_carries_the_security_headers_and_an_id() {
    let app = TestApp::new().await;
    for path in ["/healthz", "/v1/me", "/no/such/path"] {
        let answer = app.get(path).send().await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-request-id").len(), 36, "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert_eq!(answer.header("strict-transport-security"), "", "{path}");
    }
}

#[tokio::test]
async fn behind_https_browsers_are_told_to_stay_there() {
    let app = TestApp::with(&[("public_url", "https://approve.example")]).await;
    let answer = app.get("/healthz").send().await;
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000; includeSubDomains");
}

#[tokio::test]
async fn a_request_id_is_kept_if_it_looks_like_one() {
    let app = TestApp::new().await;
    let kept = app.get("/healthz").header("x-request-id", "abc-123").send().await;
    let made = app.get("/healthz").header("x-request-id", "abc 123\"").send().await;
    assert_eq!(kept.header("x-request-id"), "abc-123");
    assert_eq!(made.header("x-request-id").len(), 36);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let app = TestApp::new().await;
    app.get("/v1/nothing").send().await.expect_problem(404, "not_found");
    app.get("/nothing").send().await.expect_problem(404, "not_found");
    let wrong = app.post("/v1/me").send().await;
    wrong.expect_problem(405, "method_not_allowed");
    assert_eq!(wrong.header("allow"), "GET,HEAD");
}

#[tokio::test]
async fn whoever_has_to_show_who_he_is_is_told_how() {
    let app = TestApp::new().await;
    for path in ["/v1/me", "/api/v1/workflows"] {
        let refused = app.get(path).send().await;
        assert_eq!((refused.status.as_u16(), refused.header("www-authenticate")), (401, "Bearer"), "{path}");
    }
    assert_eq!(app.get("/healthz").send().await.header("www-authenticate"), "");
}

#[tokio::test]
async fn a_problem_document_has_every_standard_member() {
    let app = TestApp::new().await;
    let problem = app.get("/v1/me").header("x-request-id", "r1").send().await.expect(401);
    let expected = json!({
        "type": "urn:zhupi:problem:unauthenticated",
        "title": "unauthenticated",
        "status": 401,
        "detail": "you have to log in, or send a token",
        "code": "unauthenticated",
        "instance": "r1",
    });
    assert_eq!(problem, expected);
}

#[tokio::test]
async fn bad_bodies_are_told_by_the_member_that_is_wrong() {
    let app = TestApp::new().await;
    let session = app.session(app.admin("root").await).await;
    let cases = [
        (r#"{"name": "Wang", "login": 7}"#, Some("login")),
        (r#"{"login": "wang"}"#, Some("name")),
        (r#"{"name": "Wang", "login": "wang", "departments": ["x"]}"#, Some("departments[0]")),
        (r#"{"name": "Wang", "login": "wang", "approval_limit": "much"}"#, Some("approval_limit")),
        (r#"{"name": "", "login": "wang"}"#, Some("name")),
        ("", Some("name")),
        ("{", None),
        ("[] []", None),
        (r#"{"name": "Wang", "login": "wang"} {}"#, None),
    ];
    for (body, field) in cases {
        let call = app.post("/v1/users").by(&session).header("content-type", "application/json").body(body);
        let problem = call.send().await.expect_problem(400, "bad_request");
        assert_eq!(problem.get("field").and_then(|it| it.as_str()), field, "{body}: {problem}");
    }
}

#[tokio::test]
async fn the_character_nul_is_refused_wherever_it_stands() {
    let app = TestApp::new().await;
    let session = app.session(app.admin("root").await).await;
    let user = |name: &str| {
        let body = format!(r#"{{"name": "{name}", "login": "{name}"}}"#);
        app.post("/v1/users").by(&session).header("content-type", "application/json").body(body)
    };
    for name in [r"\u0000", r"wang\\\u0000", r"a\n\u0000"] {
        user(name).send().await.expect_problem(400, "bad_request");
    }
    user(r"\\u0000").send().await.expect(201);
    for path in ["/v1/users?text=%00", "/v1/callback-handlers/a%00"] {
        app.get(path).by(&session).send().await.expect_problem(400, "bad_request");
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_is_not_read() {
    let app = TestApp::new().await;
    let call = app.post("/v1/sessions").header("content-type", "text/plain").body("{}");
    call.send().await.expect_problem(415, "wrong_media_type");
    let untyped = app.post("/v1/sessions").body("{}");
    untyped.send().await.expect_problem(415, "wrong_media_type");
    // Nothing at all is an empty object.
    let problem = app.post("/v1/sessions").send().await.expect_problem(400, "bad_request");
    assert_eq!(problem["field"], "login");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let app = TestApp::with(&[("json_limit_bytes", "100")]).await;
    let login = json!({ "login": "x".repeat(100), "password": "x" });
    app.post("/v1/sessions").json(&login).send().await.expect_problem(413, "too_large");
}

#[tokio::test]
async fn bad_queries_are_told_by_their_name() {
    let app = TestApp::new().await;
    let session = app.session(app.user("wang").await).await;
    for (query, field) in
        [("limit=0", "limit"), ("limit=x", "limit"), ("after=%21", "after"), ("active=7", "active")]
    {
        let answer = app.get(&format!("/v1/users?{query}")).by(&session).send().await;
        assert_eq!(answer.expect_problem(400, "bad_request")["field"], field, "{query}");
    }
}

#[tokio::test]
async fn a_caller_who_asks_too_much_is_told_when_to_come_again() {
    let app = TestApp::with(&[("requests_per_minute", "2")]).await;
    let wang = app.session(app.user("wang").await).await;
    let li = app.session(app.user("li").await).await;
    for _ in 0..2 {
        app.get("/v1/me").by(&wang).send().await.expect(200);
    }
    let refused = app.get("/v1/me").by(&wang).send().await;
    refused.expect_problem(429, "too_many_requests");
    let seconds: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=31).contains(&seconds), "{seconds}");
    app.get("/v1/me").by(&li).send().await.expect(200);
}

#[tokio::test]
async fn an_address_that_asks_too_much_is_refused_behind_trusted_proxies_only() {
    let settings = [("address_requests_per_minute", "1"), ("trusted_proxies", "127.0.0.1,10.0.0.0/8")];
    let app = TestApp::with(&settings).await;
    let from = |hops: &'static str| app.get("/healthz").header("x-forwarded-for", hops).send();

    from("198.51.100.1").await.expect(200);
    from("198.51.100.2").await.expect(200);
    // The hop before our own proxy counts; what its sender claims does not.
    from("203.0.113.9, 198.51.100.2, 10.0.0.1").await.expect_problem(429, "too_many_requests");

    let open = TestApp::with(&[("address_requests_per_minute", "1")]).await;
    open.get("/healthz").header("x-forwarded-for", "198.51.100.1").send().await.expect(200);
    let again = open.get("/healthz").header("x-forwarded-for", "198.51.100.2").send().await;
    again.expect_problem(429, "too_many_requests");
}

#[tokio::test]
async fn another_workspace_does_not_exist() {
    let app = TestApp::new().await;
    let elsewhere = app.workspace("elsewhere").await;
    let stranger = app.put_user(elsewhere, crate::harness::person("stranger")).await;
    let admin = app.session(app.admin("root").await).await;

    app.get(&format!("/v1/users/{stranger}")).by(&admin).send().await.expect_problem(404, "not_found");
    let people = app.get("/v1/users").by(&admin).send().await.expect(200);
    assert_eq!(people["items"].as_array().map(Vec::len), Some(1));

    let theirs = app.session_in(elsewhere, stranger).await;
    let me = app.get("/v1/me").by(&theirs).send().await.expect(200);
    assert_eq!(me["workspace"]["code"], "elsewhere");
}

#[tokio::test]
async fn operators_see_health_readiness_and_metrics() {
    let app = TestApp::with(&[("metrics_token", "tell me")]).await;
    zhupi_server::telemetry::metrics();
    app.get("/healthz").send().await.expect(200);
    app.get("/readyz").send().await.expect(200);
    app.get("/metrics").send().await.expect_problem(401, "unauthenticated");

    let metrics = app.get("/metrics").token("tell me").send().await;
    metrics.expect(200);
    assert!(metrics.text().contains("zhupi_http_requests_total{"), "{}", metrics.text());
    assert!(metrics.text().contains(r#"path="/healthz""#), "{}", metrics.text());
}

#[tokio::test]
async fn without_its_database_the_server_is_not_ready() {
    let app = TestApp::new().await;
    let user = app.user("wang").await;
    let token = app.token(app.tenant, user, &[Scope::Read]).await;
    app.app.store.close().await;

    app.get("/readyz").send().await.expect_problem(503, "unavailable");
    let problem = app.get("/v1/me").token(&token).send().await.expect_problem(503, "unavailable");
    assert_eq!(problem["detail"], "not available right now: try again soon");
}

#[tokio::test]
async fn a_panic_is_an_answer_that_tells_nothing() {
    let app = TestApp::new().await;
    let routes = Router::new().route("/boom", get(async || -> Result<(), Error> { panic!("secret words") }));
    let routes = http::shell(&app.app, routes, error::problem);
    let router = http::surround(&app.app, routes).with_state(app.app.clone());

    let request = Request::get("/boom").body(Body::empty()).expect("a request");
    let answer = router.oneshot(request).await.expect("an answer");

    assert_eq!(answer.status(), 500);
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
    let body = String::from_utf8_lossy(&body);
    assert!(body.contains("\"code\":\"internal\"") && !body.contains("secret words"), "{body}");
}
