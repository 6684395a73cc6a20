//! A draft tried on finished instances over HTTP.

use crate::company::{Company, Member};
use serde_json::{Value as Json, json};

/// Three approved instances, one still running; gives the id of the template.
async fn company() -> (Company, String) {
    let company = Company::new().await;
    let template = company.publish("leave", company.leave()).await;
    for _ in 0..3 {
        let instance = company.submit().await;
        company.decide(&instance, &company.bob, "approve").await.expect(200);
    }
    company.submit().await;
    (company, template)
}

async fn draw(company: &Company, template: &str, definition: Json) {
    let path = format!("/v1/templates/{template}");
    let revision = company.get(&path, &company.admin).await.header("etag").to_owned();
    let call = company.app.call("PUT", &path).by(&company.admin.session).header("if-match", &revision);
    call.json(&json!({ "definition": definition })).send().await.expect(200);
}

async fn run(company: &Company, template: &str, body: Json, member: &Member) -> crate::harness::Answer {
    company.post(&format!("/v1/templates/{template}/regression"), member, &body).await
}

#[tokio::test]
async fn the_draft_is_compared_with_the_current_version_on_what_is_finished() {
    let (company, template) = company().await;
    let same = run(&company, &template, json!({}), &company.admin).await.expect(200);
    assert_eq!((&same["run"], &same["same"], &same["nodes"]), (&json!(3), &json!(3), &json!([])));

    let mut definition = company.leave();
    let nobody = json!({ "kind": "approval", "id": "more", "title": "More",
        "approvers": { "people": [{ "form_person": "who" }] } });
    definition["form"]
        .as_array_mut()
        .expect("fields")
        .push(json!({ "id": "who", "kind": "contact", "title": "Who" }));
    definition["flow"].as_array_mut().expect("blocks").insert(0, nobody);
    draw(&company, &template, definition).await;
    let report = run(&company, &template, json!({ "last": 2 }), &company.admin).await.expect(200);
    assert_eq!((&report["against"], &report["run"]), (&json!(1), &json!(2)));
    assert_eq!((&report["other_path"], &report["nobody"]), (&json!(2), &json!(2)));
    let more = &report["nodes"][0];
    assert_eq!((&more["node"], &more["title"], &more["new"]), (&json!("more"), &json!("More"), &json!(2)));
    assert_eq!(more["examples"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn only_managers_run_it_within_limits_and_with_a_draft_that_can_be_published() {
    let (company, template) = company().await;
    run(&company, &template, json!({}), &company.ann).await.expect_problem(403, "forbidden");
    for last in [0, 1_001] {
        let refused = run(&company, &template, json!({ "last": last }), &company.admin).await;
        refused.expect_problem(400, "bad_request");
    }
    let against = run(&company, &template, json!({ "against": 7 }), &company.admin).await;
    against.expect_problem(404, "not_found");
    let mut definition = company.leave();
    definition["flow"] = json!([{ "kind": "branch", "id": "b", "lanes": [] }]);
    draw(&company, &template, definition).await;
    run(&company, &template, json!({}), &company.admin).await.expect_problem(422, "invalid");
    let unpublished = company.draft("other", company.leave()).await;
    run(&company, &unpublished, json!({}), &company.admin)
        .await
        .expect_problem(409, "template_not_published");
}
