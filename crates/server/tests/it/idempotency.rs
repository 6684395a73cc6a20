//! A request that is sent again under its key is carried out once.

use crate::company::{Company, path_of, task_of};
use crate::harness::person;
use serde_json::json;
use zhupi_engine::directory::User;

#[tokio::test]
async fn a_submission_sent_again_gives_the_same_instance() {
    let company = Company::with_leave().await;
    let submit = |days: u32| {
        let body = json!({ "template": "leave", "form": { "days": days } });
        let call = company.app.post("/v1/instances").by(&company.ann.session);
        call.header("idempotency-key", "once").json(&body).send()
    };

    let first = submit(2).await;
    let again = submit(2).await;
    assert_eq!(first.expect(201), again.expect(201));
    assert_eq!(first.header("etag"), again.header("etag"));
    submit(3).await.expect_problem(422, "idempotency_mismatch");
    let mine = company.get("/v1/instances", &company.ann).await.expect(200);
    assert_eq!(mine["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn submissions_sent_at_once_under_one_key_begin_one_instance() {
    let company = Company::with_leave().await;
    let submit = || {
        let body = json!({ "template": "leave", "form": { "days": 2 } });
        let call = company.app.post("/v1/instances").by(&company.ann.session);
        call.header("idempotency-key", "once").json(&body).send()
    };

    let (one, two, three) = tokio::join!(submit(), submit(), submit());
    let ids = [one, two, three].map(|answer| answer.expect(201)["id"].clone());
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

/// The draft goes with the first of them; the others are the same request all the same.
#[tokio::test]
async fn submissions_of_a_draft_sent_at_once_under_one_key_begin_one_instance() {
    let company = Company::with_leave().await;
    let input = json!({ "template": "leave" });
    for _ in 0..5 {
        let draft = company.post("/v1/drafts", &company.ann, &input).await.expect(201)["id"].clone();
        let submit = || {
            let body = json!({ "template": "leave", "form": { "days": 2 }, "draft": draft });
            let call = company.app.post("/v1/instances").by(&company.ann.session);
            call.header("idempotency-key", draft.as_str().unwrap()).json(&body).send()
        };
        let (one, two, three) = tokio::join!(submit(), submit(), submit());
        let ids = [one, two, three, submit().await].map(|answer| answer.expect(201)["id"].clone());
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }
}

#[tokio::test]
async fn a_decision_sent_again_is_answered_alike_and_other_people_have_their_own_keys() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    let path = format!("/v1/tasks/{}/approve", task_of(&instance, &company.bob));
    let approve = |comment: &'static str| {
        let call = company.app.post(&path).by(&company.bob.session).header("idempotency-key", "k");
        call.json(&json!({ "comment": comment })).send()
    };

    let first = approve("yes").await.expect(200);
    assert_eq!(approve("yes").await.expect(200), first);
    approve("no").await.expect_problem(422, "idempotency_mismatch");
    let call = company.app.post("/v1/instances").by(&company.ann.session).header("idempotency-key", "k");
    call.json(&json!({ "template": "leave", "form": { "days": 1 } })).send().await.expect(201);
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    let path = format!("{}/comments", path_of(&instance));
    let comment = |text: &'static str| {
        let call = company.app.post(&path).by(&company.bob.session).header("idempotency-key", "k");
        call.json(&json!({ "text": text })).send()
    };

    comment("").await.expect_problem(422, "text_required");
    comment("now").await.expect(201);
    let said = comment("now").await.expect(201);
    assert_eq!(said["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_key_of_no_length_or_too_much_is_refused() {
    let company = Company::with_leave().await;
    for key in [String::new(), "k".repeat(201)] {
        let call = company.app.post("/v1/instances").by(&company.ann.session).header("idempotency-key", &key);
        let answer = call.json(&json!({ "template": "leave", "form": { "days": 1 } })).send().await;
        answer.expect_problem(400, "bad_request");
    }
}

#[tokio::test]
async fn whoever_lost_sight_of_an_instance_does_not_see_it_by_an_old_key() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    let root = User { admin: true, ..person("root") };
    let session = company.app.session(company.app.put_user(company.app.tenant, root.clone()).await).await;
    let path = format!("{}/comments", path_of(&instance));
    let comment = || {
        let call = company.app.post(&path).by(&session).header("idempotency-key", "k");
        call.json(&json!({ "text": "seen" })).send()
    };

    comment().await.expect(201);
    comment().await.expect(201);
    company.app.put_user(company.app.tenant, User { admin: false, ..root }).await;
    comment().await.expect_problem(404, "not_found");
}
