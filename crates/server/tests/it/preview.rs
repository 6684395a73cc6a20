//! The path that the initiator saw and the path his submission takes.

use crate::company::{Company, leave};
use serde_json::{Value as Json, json};

async fn company() -> Company {
    let company = Company::new().await;
    let long =
        json!([[{ "subject": { "field": "days" }, "test": { "number": { "op": ">=", "value": "3" } } }]]);
    let flow = json!([
        { "kind": "approval", "id": "lead", "title": "Lead", "approvers": company.people(&[&company.bob]) },
        { "kind": "branch", "id": "how_long", "title": "How long", "lanes": [
            { "id": "long", "title": "Long", "priority": 1, "when": { "any_of": long }, "blocks": [
                { "kind": "approval", "id": "head", "title": "Head", "approvers": company.people(&[&company.cat]) },
            ] },
            { "id": "short", "title": "Short", "when": "default", "blocks": [] },
        ] },
    ]);
    company.publish("leave", leave(flow)).await;
    company
}

async fn preview(company: &Company, days: u32) -> Json {
    let body = json!({ "template": "leave", "form": { "days": days } });
    company.post("/v1/preview", &company.ann, &body).await.expect(200)["hash"].clone()
}

async fn submit(company: &Company, days: u32, seen: &Json) -> Json {
    let body = json!({ "template": "leave", "form": { "days": days }, "preview": seen });
    company.post("/v1/instances", &company.ann, &body).await.expect(201)
}

#[tokio::test]
async fn a_submission_tells_where_its_path_differs_from_what_was_seen() {
    let company = company().await;
    let seen = preview(&company, 1).await;

    assert_eq!(submit(&company, 2, &seen).await["path_changed"], json!([]));
    let expected = json!([
        { "change": "changed", "node": "how_long", "title": "Long" },
        { "change": "new", "node": "head", "title": "Head" },
    ]);
    assert_eq!(submit(&company, 3, &seen).await["path_changed"], expected);
    let seen = preview(&company, 3).await;
    let expected = json!([
        { "change": "changed", "node": "how_long", "title": "Short" },
        { "change": "gone", "node": "head", "title": "Head" },
    ]);
    assert_eq!(submit(&company, 1, &seen).await["path_changed"], expected);
    assert_eq!(submit(&company, 1, &Json::Null).await["path_changed"], Json::Null);
}

#[tokio::test]
async fn other_people_are_told_when_somebody_left_meanwhile() {
    let company = company().await;
    let seen = preview(&company, 1).await;
    let gone =
        zhupi_engine::directory::User { id: company.bob.id, active: false, ..crate::harness::person("bob") };
    company.app.put_user(company.app.tenant, gone).await;

    let changed = submit(&company, 1, &seen).await["path_changed"].clone();
    assert_eq!(changed, json!([{ "change": "changed", "node": "lead", "title": "Lead" }]));
}

#[tokio::test]
async fn what_is_no_preview_is_refused_and_nothing_begins() {
    let company = company().await;
    let body = json!({ "template": "leave", "form": { "days": 1 }, "preview": "the nice one" });
    let refused = company.post("/v1/instances", &company.ann, &body).await;
    assert_eq!(refused.expect_problem(400, "bad_request")["field"], "preview");
    let mine = company.get("/v1/instances", &company.ann).await.expect(200);
    assert_eq!(mine["items"], json!([]));
}
