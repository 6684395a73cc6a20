//! Nodes that demand a signature or a file with a decision: what the page is told, what is refused, who may open the files.

use crate::company::{Company, Member, actions, leave, path_of, task_of};
use serde_json::{Value as Json, json};

/// Bob has to sign and to give a file, cat only says yes.
async fn company() -> (Company, Json) {
    let company = Company::new().await;
    let flow = json!([
        { "kind": "approval", "id": "lead", "title": "Lead", "approvers": company.people(&[&company.bob]),
          "signature": "required", "attachment": "on_approve" },
        { "kind": "approval", "id": "boss", "title": "Boss", "approvers": company.people(&[&company.cat]) },
    ]);
    company.publish("leave", leave(flow)).await;
    let instance = company.submit().await;
    (company, instance)
}

async fn upload(company: &Company, member: &Member, name: &str, kind: &str) -> String {
    let call = company.app.post(&format!("/v1/files?name={name}")).by(&member.session);
    let file = call.header("content-type", kind).body("content").send().await.expect(201);
    file["id"].as_str().expect("an id").to_owned()
}

fn action<'a>(instance: &'a Json, word: &str) -> &'a Json {
    actions(instance).find(|it| it["action"] == word).expect("an action")
}

#[tokio::test]
async fn the_page_is_told_what_the_node_demands() {
    let (company, instance) = company().await;
    let seen = company.see(&instance, &company.bob).await;
    let demanded = |word: &str| {
        let it = action(&seen, word);
        (it["text_required"] == true, it["signature_required"] == true, it["attachment_required"] == true)
    };
    assert_eq!(demanded("approve"), (false, true, true));
    assert_eq!(demanded("reject"), (false, true, false));
    assert_eq!(demanded("return"), (true, false, false));
}

#[tokio::test]
async fn what_is_missing_is_named_and_what_is_given_is_for_everybody_who_sees_it() {
    let (company, instance) = company().await;
    let task = task_of(&company.see(&instance, &company.bob).await, &company.bob);
    let approve = format!("/v1/tasks/{task}/approve");
    let refused = company.post(&approve, &company.bob, &json!({})).await;
    assert_eq!(refused.expect_problem(422, "file_required")["field"], "signature");
    let picture = upload(&company, &company.bob, "signature.png", "image/png").await;
    let proof = upload(&company, &company.bob, "proof.pdf", "application/pdf").await;
    let refused = company.post(&approve, &company.bob, &json!({ "signature": picture })).await;
    assert_eq!(refused.expect_problem(422, "file_required")["field"], "attachments");

    let given = json!({ "signature": picture, "attachments": [proof] });
    let approved = company.post(&approve, &company.bob, &given).await.expect(200);
    let decided = &approved["nodes"][0]["visits"][0]["people"][0]["decided"];
    assert_eq!(decided["signature"], json!({ "id": picture, "name": "signature.png" }));
    assert_eq!(decided["attachments"], json!([{ "id": proof, "name": "proof.pdf" }]));
    let id = instance["id"].as_str().expect("an id");
    for file in [&picture, &proof] {
        let content = format!("/v1/files/{file}/content?instance={id}");
        assert_eq!(company.get(&content, &company.cat).await.text(), "content");
        company.get(&content, &company.eve).await.expect_problem(404, "not_found");
    }
    let timeline = company.get(&format!("{}/timeline", path_of(&instance)), &company.ann).await.expect(200);
    let said = timeline["items"][1]["lines"][0]["text"].as_str().expect("words");
    assert_eq!(said, "bob approved · signed by hand · `proof.pdf`");
}

#[tokio::test]
async fn nobody_signs_with_files_of_others_or_with_anything_but_a_picture() {
    let (company, instance) = company().await;
    let task = task_of(&company.see(&instance, &company.bob).await, &company.bob);
    let approve = format!("/v1/tasks/{task}/approve");
    let others = upload(&company, &company.cat, "signature.png", "image/png").await;
    let text = upload(&company, &company.bob, "signature.txt", "text/plain").await;
    for file in [others.as_str(), text.as_str(), "0197e5a0-0000-7000-8000-000000000000"] {
        let refused = company.post(&approve, &company.bob, &json!({ "signature": file })).await;
        assert_eq!(refused.expect_problem(400, "bad_request")["field"], "signature", "{file}");
    }
    let refused = company.post(&approve, &company.bob, &json!({ "attachments": [others] })).await;
    assert_eq!(refused.expect_problem(400, "bad_request")["field"], "attachments");
}

#[tokio::test]
async fn a_batch_leaves_out_what_wants_a_signature() {
    let (company, instance) = company().await;
    let task = task_of(&company.see(&instance, &company.bob).await, &company.bob);
    let body = json!({ "action": "approve", "tasks": [task] });
    let result = company.post("/v1/tasks/batch", &company.bob, &body).await.expect(200);
    assert_eq!(result["items"][0]["problem"]["code"], "batch_needs_own_hand");
}

#[tokio::test]
async fn files_come_with_a_return_too() {
    let (company, instance) = company().await;
    let task = task_of(&company.see(&instance, &company.bob).await, &company.bob);
    let file = upload(&company, &company.bob, "marked.pdf", "application/pdf").await;
    let body = json!({ "comment": "see the marks", "attachments": [file] });
    company.post(&format!("/v1/tasks/{task}/return"), &company.bob, &body).await.expect(200);
    let seen = company.see(&instance, &company.ann).await;
    let decided = &seen["nodes"][0]["visits"][0]["people"][0]["decided"];
    assert_eq!(decided["attachments"], json!([{ "id": file, "name": "marked.pdf" }]));
}
