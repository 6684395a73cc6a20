//! Asking once more what was asked before, over HTTP.

use crate::company::{Company, leave, path_of};
use serde_json::{Value as Json, json};

/// Ann's request, rejected by Bob.
async fn rejected() -> (Company, Json) {
    let company = Company::with_leave().await;
    let body = json!({ "template": "leave", "form": { "days": 2, "why": "tired" } });
    let instance = company.post("/v1/instances", &company.ann, &body).await.expect(201);
    company.decide(&instance, &company.bob, "reject").await.expect(200);
    (company, instance)
}

async fn copy(company: &Company, instance: &Json) -> Json {
    company.post(&format!("{}/copy", path_of(instance)), &company.ann, &json!({})).await.expect(201)
}

/// Submits what a draft holds.
async fn submit(company: &Company, draft: &Json) -> Json {
    let mut body = draft["filled_in"].clone();
    body["template"] = draft["template"].clone();
    body["draft"] = draft["id"].clone();
    company.post("/v1/instances", &company.ann, &body).await.expect(201)
}

#[tokio::test]
async fn a_rejected_request_is_asked_once_more_and_both_name_each_other() {
    let (company, old) = rejected().await;
    let offered = company.see(&old, &company.ann).await["allowed_actions"].to_string();
    assert!(offered.contains("\"copy\""), "{offered}");
    let draft = copy(&company, &old).await;
    assert_eq!(draft["filled_in"]["form"], json!({ "days": "2", "why": "tired" }));
    assert_eq!((&draft["filled_in"]["copied_from"], &draft["left_out"]), (&old["id"], &json!([])));

    let new = submit(&company, &draft).await;
    let seen = company.see(&new, &company.ann).await;
    assert_eq!(
        (&seen["copied_from"]["id"], &seen["copied_from"]["status"]),
        (&old["id"], &json!("rejected"))
    );
    let seen = company.see(&old, &company.ann).await;
    assert_eq!((&seen["copies"][0]["id"], &seen["copies"][0]["status"]), (&new["id"], &json!("running")));
    let drafts = company.get("/v1/drafts", &company.ann).await.expect(200);
    assert_eq!(drafts["items"], json!([]), "the draft is used up");
}

#[tokio::test]
async fn whoever_may_not_see_the_other_instance_is_told_nothing_of_it() {
    let (company, old) = rejected().await;
    let narrow = leave(
        json!([{ "kind": "approval", "id": "lead", "title": "Lead", "approvers": company.people(&[&company.eve]) }]),
    );
    republish(&company, narrow).await;
    let new = submit(&company, &copy(&company, &old).await).await;
    assert_eq!(company.see(&new, &company.eve).await["copied_from"], Json::Null);
    assert_eq!(company.see(&old, &company.bob).await["copies"], Json::Null);
}

#[tokio::test]
async fn only_the_initiator_copies_what_has_ended() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    let path = format!("{}/copy", path_of(&instance));
    let running = company.post(&path, &company.ann, &json!({})).await;
    running.expect_problem(422, "not_offered");
    company.decide(&instance, &company.bob, "reject").await.expect(200);
    company.post(&path, &company.bob, &json!({})).await.expect_problem(403, "not_initiator");
    company.post(&path, &company.eve, &json!({})).await.expect_problem(404, "not_found");
    let foreign = json!({ "template": "leave", "form": { "days": 2 }, "copied_from": instance["id"] });
    company.post("/v1/instances", &company.bob, &foreign).await.expect_problem(403, "not_initiator");
    company.post("/v1/instances", &company.eve, &foreign).await.expect_problem(422, "invalid");
    company
        .publish(
            "other",
            leave(json!([{ "kind": "approval", "id": "lead", "title": "Lead",
        "approvers": company.people(&[&company.bob]) }])),
        )
        .await;
    let elsewhere = json!({ "template": "other", "form": { "days": 2 }, "copied_from": instance["id"] });
    let refused = company.post("/v1/instances", &company.ann, &elsewhere).await;
    assert_eq!(refused.expect_problem(422, "invalid")["problems"][0]["path"], "copied_from");
}

#[tokio::test]
async fn what_the_newest_version_does_not_take_is_told_field_by_field() {
    let (company, old) = rejected().await;
    let mut definition = company.leave();
    definition["form"] = json!([{ "id": "days", "kind": "number", "title": "Days", "required": true }]);
    republish(&company, definition).await;
    let draft = copy(&company, &old).await;
    assert_eq!((&draft["version"], &draft["filled_in"]["form"]), (&json!(2), &json!({ "days": "2" })));
    let left_out = &draft["left_out"][0];
    assert_eq!((&left_out["path"], &left_out["code"]), (&json!("form.why"), &json!("field_unknown")));
}

#[tokio::test]
async fn what_was_returned_goes_on_with_its_version_and_says_that_there_is_a_newer_one() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    let task = crate::company::task_of(&company.see(&instance, &company.bob).await, &company.bob);
    let back = json!({ "comment": "incomplete" });
    company.post(&format!("/v1/tasks/{task}/return"), &company.bob, &back).await.expect(200);
    assert_eq!(company.see(&instance, &company.ann).await["newer_version"], Json::Null);
    republish(&company, company.leave()).await;

    let seen = company.see(&instance, &company.ann).await;
    assert_eq!((&seen["status"], &seen["template"]["version"]), (&json!("returned"), &json!(1)));
    assert_eq!(seen["newer_version"], json!({ "version": 2, "may_migrate": false }));
    let seen = company.see(&instance, &company.admin).await;
    assert_eq!(seen["newer_version"], json!({ "version": 2, "may_migrate": true }));
    let path = format!("{}/resubmit", path_of(&instance));
    let again = company.post(&path, &company.ann, &json!({})).await.expect(200);
    assert_eq!((&again["status"], &again["template"]["version"]), (&json!("running"), &json!(1)));
}

/// Publishes the next version of `leave`.
async fn republish(company: &Company, definition: Json) {
    let id = company.get("/v1/templates?q=leave", &company.admin).await.expect(200)["items"][0]["id"].clone();
    let path = format!("/v1/templates/{}", id.as_str().expect("an id"));
    let revision = company.get(&path, &company.admin).await.header("etag").to_owned();
    let call = company.app.call("PUT", &path).by(&company.admin.session).header("if-match", &revision);
    call.json(&json!({ "definition": definition })).send().await.expect(200);
    company.app.post(&format!("{path}/publish")).by(&company.admin.session).send().await.expect(200);
}
