//! Words beside the decisions: whom they mention and what they carry.

use crate::company::{Company, Member, path_of};
use crate::harness::TestApp;
use crate::receiver::Receiver;
use serde_json::json;

async fn upload(company: &Company, member: &Member, name: &str) -> String {
    let call = company.app.post(&format!("/v1/files?name={name}")).by(&member.session);
    let file = call.header("content-type", "text/plain").body("hello").send().await.expect(201);
    file["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn whoever_is_mentioned_may_see_the_instance_from_then_on() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    let path = path_of(&instance);
    company.get(&path, &company.eve).await.expect_problem(404, "not_found");

    let body = json!({ "text": "please look", "mentions": [company.eve.id] });
    let said = company.post(&format!("{path}/comments"), &company.bob, &body).await.expect(201);
    assert_eq!(said["items"][0]["mentions"][0]["name"], "eve");
    let seen = company.see(&instance, &company.eve).await;
    assert_eq!(seen["comments"], said["items"]);
    let timeline = company.get(&format!("{path}/timeline"), &company.eve).await.expect(200);
    assert_eq!(timeline["items"][1]["lines"][0]["text"], "bob to eve: please look");
    let task = crate::company::task_of(&instance, &company.bob);
    let decided = company.post(&format!("/v1/tasks/{task}/approve"), &company.eve, &json!({})).await;
    decided.expect_problem(403, "not_your_task");
}

#[tokio::test]
async fn files_of_a_comment_are_for_everybody_who_sees_it() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    let path = path_of(&instance);
    let file = upload(&company, &company.bob, "plan.txt").await;

    let body = json!({ "attachments": [file] });
    let said = company.post(&format!("{path}/comments"), &company.bob, &body).await.expect(201);
    assert_eq!(said["items"][0]["attachments"], json!([{ "id": file, "name": "plan.txt" }]));
    let id = instance["id"].as_str().expect("an id");
    let content = format!("/v1/files/{file}/content?instance={id}");
    assert_eq!(company.get(&content, &company.ann).await.text(), "hello");
    company.get(&content, &company.eve).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn nobody_gives_away_files_of_others_or_mentions_strangers() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    let path = format!("{}/comments", path_of(&instance));
    let others = upload(&company, &company.cat, "secret.txt").await;

    let body = json!({ "text": "x", "attachments": [others] });
    let refused = company.post(&path, &company.bob, &body).await.expect_problem(400, "bad_request");
    assert_eq!(refused["field"], "attachments");
    let stranger = json!({ "text": "x", "mentions": [uuid::Uuid::now_v7()] });
    company.post(&path, &company.bob, &stranger).await.expect_problem(403, "user_not_active");
    let many = json!({ "text": "x", "attachments": vec![uuid::Uuid::nil(); 21] });
    company.post(&path, &company.bob, &many).await.expect_problem(422, "too_many_entries");
}

#[tokio::test]
async fn webhooks_are_told_of_each_mention() {
    let app = TestApp::with(&[("allow_private_targets", "127.0.0.0/8")]).await;
    let (company, receiver) = (Company::of(app).await, Receiver::start().await);
    let events = ["comment.added", "comment.mentioned"];
    let body = json!({ "name": "chat", "url": receiver.url("/in"), "events": events });
    company.post("/v1/webhooks", &company.admin, &body).await.expect(201);
    company.publish("leave", company.leave()).await;
    let instance = company.submit().await;
    let body = json!({ "text": "look", "mentions": [company.eve.id, company.dan.id] });
    company.post(&format!("{}/comments", path_of(&instance)), &company.ann, &body).await.expect(201);

    company.app.app.work_until_idle().await.expect("work");
    let told: Vec<_> = receiver.told().iter().map(|told| told.json()).collect();
    let people: Vec<_> =
        told.iter().map(|news| (news["type"].clone(), news["data"]["person"].clone())).collect();
    let expected = [
        (json!("comment.added"), json!(null)),
        (json!("comment.mentioned"), json!(company.eve.id)),
        (json!("comment.mentioned"), json!(company.dan.id)),
    ];
    assert_eq!(people, expected);
}
