//! Logging in, and what a session may do.

use crate::harness::{TestApp, person};
use jiff::SignedDuration;
use serde_json::json;
use zhupi_engine::directory::User;
use zhupi_server::caller::Scope;

#[tokio::test]
async fn a_login_begins_a_session_in_a_cookie_that_scripts_cannot_read() {
    let app = TestApp::new().await;
    let user = app.user("wang").await;
    app.password(user, "correct horse").await;

    let login = json!({ "login": "wang", "password": "correct horse" });
    let answer = app.post("/v1/sessions").json(&login).send().await;
    let cookie = answer.header("set-cookie").to_owned();
    let me = app.get("/v1/me").by(&answer.session()).send().await.expect(200);

    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Path=/"), "{cookie}");
    assert_eq!(me["id"], user.to_string());
    assert_eq!(me["workspace"]["code"], "default");
    assert_eq!(me["csrf_token"], answer.session().csrf);
}

#[tokio::test]
async fn a_login_ends_the_session_before_it() {
    let app = TestApp::new().await;
    let user = app.user("wang").await;
    app.password(user, "correct horse").await;
    let before = app.session(user).await;

    let login = json!({ "login": "wang", "password": "correct horse" });
    let after = app.post("/v1/sessions").by(&before).json(&login).send().await.session();

    app.get("/v1/me").by(&before).send().await.expect_problem(401, "unauthenticated");
    app.get("/v1/me").by(&after).send().await.expect(200);
}

#[tokio::test]
async fn wrong_passwords_unknown_logins_and_unknown_workspaces_are_told_alike() {
    let app = TestApp::new().await;
    let user = app.user("wang").await;
    app.password(user, "correct horse").await;
    let gone = app.put_user(app.tenant, User { active: false, ..person("gone") }).await;
    app.password(gone, "correct horse").await;

    let tries = [
        json!({ "login": "wang", "password": "wrong" }),
        json!({ "login": "nobody", "password": "correct horse" }),
        json!({ "login": "gone", "password": "correct horse" }),
        json!({ "workspace": "nowhere", "login": "wang", "password": "correct horse" }),
        json!({ "login": "wang", "password": "x".repeat(2000) }),
    ];
    let mut details = Vec::new();
    for login in tries {
        let problem = app.post("/v1/sessions").json(&login).send().await;
        details.push(problem.expect_problem(401, "login_failed")["detail"].clone());
    }
    assert!(details.windows(2).all(|two| two[0] == two[1]), "{details:?}");
}

#[tokio::test]
async fn failed_logins_are_throttled_by_name_until_the_window_has_passed() {
    let app = TestApp::with(&[("login_attempts", "2")]).await;
    let user = app.user("wang").await;
    app.password(user, "correct horse").await;
    let wrong = json!({ "login": "wang", "password": "wrong" });
    let right = json!({ "login": "wang", "password": "correct horse" });

    for _ in 0..2 {
        app.post("/v1/sessions").json(&wrong).send().await.expect_problem(401, "login_failed");
    }
    let refused = app.post("/v1/sessions").json(&right).send().await;
    refused.expect_problem(429, "too_many_requests");
    assert_eq!(refused.header("retry-after"), "901");

    app.app.clock.advance(SignedDuration::from_mins(16));
    app.post("/v1/sessions").json(&right).send().await.expect(200);
}

#[tokio::test]
async fn failed_logins_are_throttled_by_address() {
    let app = TestApp::with(&[("login_attempts", "1")]).await;
    for n in 0..10 {
        let login = json!({ "login": format!("nobody{n}"), "password": "x" });
        app.post("/v1/sessions").json(&login).send().await.expect_problem(401, "login_failed");
    }
    let login = json!({ "login": "somebody else", "password": "x" });
    app.post("/v1/sessions").json(&login).send().await.expect_problem(429, "too_many_requests");
}

#[tokio::test]
async fn the_addresses_of_one_network_are_throttled_together_and_logins_that_fit_count_for_nothing() {
    let settings = [("login_attempts", "1"), ("trusted_proxies", "127.0.0.1")];
    let app = TestApp::with(&settings).await;
    let user = app.user("wang").await;
    app.password(user, "correct horse").await;
    let login = |name: String, host: u32| {
        let body = json!({ "login": name, "password": "correct horse" });
        let call = app.post("/v1/sessions").json(&body);
        call.header("x-forwarded-for", &format!("2001:db8:0:1::{host:x}")).send()
    };
    for n in 0..9 {
        login(format!("nobody{n}"), n).await.expect_problem(401, "login_failed");
        login("wang".to_owned(), n).await.expect(200);
    }
    login("nobody".to_owned(), 77).await.expect_problem(401, "login_failed");
    login("wang".to_owned(), 78).await.expect_problem(429, "too_many_requests");
}

#[tokio::test]
async fn failures_that_count_no_more_are_forgotten() {
    let app = TestApp::new().await;
    let user = app.user("wang").await;
    app.password(user, "correct horse").await;
    let wrong = json!({ "login": "nobody", "password": "x" });
    app.post("/v1/sessions").json(&wrong).send().await.expect_problem(401, "login_failed");
    let kept = || app.app.store.login_failures(app.tenant, "login:nobody");
    assert!(kept().await.expect("a database").is_some());

    app.app.clock.advance(SignedDuration::from_mins(16));
    let right = json!({ "login": "wang", "password": "correct horse" });
    app.post("/v1/sessions").json(&right).send().await.expect(200);
    assert_eq!(kept().await.expect("a database"), None);
}

#[tokio::test]
async fn guesses_at_ones_own_password_are_throttled_too() {
    let app = TestApp::with(&[("login_attempts", "2")]).await;
    let user = app.user("wang").await;
    app.password(user, "correct horse").await;
    let session = app.session(user).await;
    let change = |current: &str| {
        let body = json!({ "password": "another horse", "current": current });
        app.call("PUT", &format!("/v1/users/{user}/password")).by(&session).json(&body).send()
    };
    for _ in 0..2 {
        change("wrong").await.expect_problem(400, "bad_request");
    }
    change("correct horse").await.expect_problem(429, "too_many_requests");
    app.app.clock.advance(SignedDuration::from_mins(16));
    change("correct horse").await.expect(204);
}

#[tokio::test]
async fn a_session_ends_at_logout_and_at_once() {
    let app = TestApp::new().await;
    let session = app.session(app.user("wang").await).await;
    app.get("/v1/me").by(&session).send().await.expect(200);

    let answer = app.call("DELETE", "/v1/sessions/current").by(&session).send().await;
    answer.expect(204);

    assert!(answer.header("set-cookie").contains("Max-Age=0"), "{}", answer.header("set-cookie"));
    app.get("/v1/me").by(&session).send().await.expect_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_session_lives_as_long_as_it_is_used() {
    let app = TestApp::with(&[("session_hours", "2")]).await;
    let user = app.user("wang").await;
    let used = app.session(user).await;
    let unused = app.session(user).await;
    for _ in 0..3 {
        app.app.clock.advance(SignedDuration::from_mins(70));
        app.app.forget_callers();
        app.get("/v1/me").by(&used).send().await.expect(200);
    }
    app.get("/v1/me").by(&unused).send().await.expect_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_disabled_person_is_out_at_once() {
    let app = TestApp::new().await;
    let user = person("wang");
    app.put_user(app.tenant, user.clone()).await;
    let session = app.session(user.id).await;
    app.get("/v1/me").by(&session).send().await.expect(200);

    app.put_user(app.tenant, User { active: false, ..user }).await;

    app.get("/v1/me").by(&session).send().await.expect_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_cookie_alone_changes_nothing() {
    let app = TestApp::new().await;
    let session = app.session(app.user("wang").await).await;
    let cookie = format!("zhupi_session={}", session.token);

    let logout = || app.call("DELETE", "/v1/sessions/current").header("cookie", &cookie);
    logout().send().await.expect_problem(403, "csrf_failed");
    logout().header("x-csrf-token", "wrong").send().await.expect_problem(403, "csrf_failed");
    let elsewhere = logout().header("x-csrf-token", &session.csrf).header("origin", "https://evil.example");
    elsewhere.send().await.expect_problem(403, "csrf_failed");
    let here = logout().header("x-csrf-token", &session.csrf).header("origin", "http://127.0.0.1:8080");
    here.send().await.expect(204);
}

#[tokio::test]
async fn a_page_elsewhere_cannot_log_somebody_in() {
    let app = TestApp::new().await;
    let login = json!({ "login": "wang", "password": "x" });
    let answer = app.post("/v1/sessions").json(&login).header("origin", "https://evil.example").send().await;
    answer.expect_problem(403, "csrf_failed");
}

#[tokio::test]
async fn a_token_does_what_its_scopes_say() {
    let app = TestApp::new().await;
    let user = app.user("wang").await;
    let reads = app.token(app.tenant, user, &[Scope::Read]).await;
    let nothing = app.token(app.tenant, user, &[]).await;

    let me = app.get("/v1/me").token(&reads).send().await.expect(200);
    assert_eq!(me.get("csrf_token"), None);
    let change = app.call("DELETE", "/v1/sessions/current").token(&reads);
    change.send().await.expect_problem(403, "forbidden");
    app.get("/v1/me").token(&nothing).send().await.expect_problem(403, "forbidden");
    app.get("/v1/me").token("zhp_nonsense").send().await.expect_problem(401, "unauthenticated");
}
