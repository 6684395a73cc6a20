//! Instances as they were.

use crate::company::{Company, path_of};
use serde_json::{Value as Json, json};

/// An answer without what only the present has.
fn without_actions(mut instance: Json) -> Json {
    instance["allowed_actions"] = json!([]);
    instance
}

#[tokio::test]
async fn each_version_is_shown_as_it_was_answered_then() {
    let company = Company::with_leave().await;
    let submitted = company.submit().await;
    let path = path_of(&submitted);
    let mut then = vec![company.see(&submitted, &company.ann).await];
    company.post(&format!("{path}/comments"), &company.bob, &json!({ "text": "hm" })).await.expect(201);
    then.push(company.see(&submitted, &company.ann).await);
    company.decide(&submitted, &company.bob, "approve").await.expect(200);
    then.push(company.see(&submitted, &company.ann).await);
    company.post(&format!("{path}/read"), &company.dan, &json!({})).await.expect(200);
    then.push(company.see(&submitted, &company.ann).await);

    for (version, answered) in (1..).zip(then) {
        assert_eq!(answered["version"], version);
        let past = company.get(&format!("{path}?at_version={version}"), &company.ann).await;
        assert_eq!(past.header("etag"), format!("\"{version}\""));
        assert_eq!(past.expect(200), without_actions(answered));
    }
    for no_version in ["0", "5"] {
        let missing = company.get(&format!("{path}?at_version={no_version}"), &company.ann).await;
        missing.expect_problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_moment_shows_the_last_state_before_it() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    let path = path_of(&instance);
    company.app.app.clock.advance(jiff::SignedDuration::from_hours(1));
    company.decide(&instance, &company.bob, "approve").await.expect(200);

    let at = async |time: &str| company.get(&format!("{path}?at={time}"), &company.ann).await;
    assert_eq!(at("2026-03-02T01:00:00Z").await.expect(200)["version"], 1);
    assert_eq!(at("2026-03-02T01:59:59Z").await.expect(200)["status"], "running");
    assert_eq!(at("2026-03-02T02:00:00Z").await.expect(200)["status"], "approved");
    at("2026-03-02T00:59:59Z").await.expect_problem(404, "not_found");
    at("2026-03-02T02:00:00Z&at_version=1").await.expect_problem(400, "bad_request");
    at("yesterday").await.expect_problem(400, "bad_request");
}

/// The past has no doors of its own: whoever may see an instance today may see how it was, and nobody else.
#[tokio::test]
async fn the_past_is_seen_by_those_who_see_the_present() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    company.decide(&instance, &company.bob, "approve").await.expect(200);

    let path = format!("{}?at_version=1", path_of(&instance));
    company.get(&path, &company.dan).await.expect(200);
    company.get(&path, &company.eve).await.expect_problem(404, "not_found");
}
