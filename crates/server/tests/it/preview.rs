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

#[tokio::test]
async fn a_preview_tells_time_limits_and_what_people_are_asked_to_do() {
    let company = Company::new().await;
    let limit = json!({ "own": { "due": { "elapsed": 120 },
        "actions": [{ "what": "auto_reject" }, { "after": -30, "what": "hand_to_supervisor" }] } });
    let flow = json!([
        { "kind": "approval", "id": "lead", "title": "Lead", "approvers": company.people(&[&company.bob]),
          "deadline": limit, "tells": { "passed": [{ "members": [company.dan.id] }] } },
        { "kind": "approval", "id": "do", "title": "Do", "handle": true, "deadline": "none",
          "approvers": company.people(&[&company.cat]) },
    ]);
    company.publish("leave", leave(flow)).await;

    let body = json!({ "template": "leave", "form": { "days": 1 } });
    let seen = company.post("/v1/preview", &company.ann, &body).await.expect(200);
    let [lead, told, handled] = seen["steps"].as_array().expect("steps").as_slice() else { panic!("{seen}") };
    assert_eq!((&lead["asks"], &lead["comes_to"]), (&json!("approve"), &json!("passed")));
    let actions = lead["limit"]["actions"].as_array().expect("actions");
    let words: Vec<_> = actions.iter().map(|action| action["what"].clone()).collect();
    assert_eq!(words, [json!("hand_to_supervisor"), json!("auto_reject")]);
    assert_eq!(actions[1]["at"], lead["limit"]["due_at"]);
    assert_eq!(
        (&told["kind"], &told["told"], &told["node"]),
        (&json!("cc"), &json!("passed"), &json!("lead"))
    );
    assert_eq!((&handled["asks"], &handled["limit"]), (&json!("handle"), &Json::Null));
}

#[tokio::test]
async fn whoever_draws_a_template_tries_it_under_assumptions_and_nothing_begins() {
    let company = company().await;
    let id = company.get("/v1/templates", &company.admin).await.expect(200)["items"][0]["id"].clone();
    let path = format!("/v1/templates/{}/preview", id.as_str().expect("an id"));
    let try_out = async |assumptions: Json| {
        let body = json!({ "initiator": company.ann.id, "form": { "days": 3 }, "assumptions": assumptions });
        company.post(&path, &company.admin, &body).await
    };
    let kinds = |seen: &Json| -> Vec<String> {
        let steps = seen["steps"].as_array().expect("steps").iter();
        steps.map(|step| format!("{} {}", step["kind"], step["node"]).replace('"', "")).collect()
    };

    let usual = try_out(json!({})).await.expect(200);
    assert_eq!(
        (kinds(&usual), &usual["ends"]),
        (["approval lead", "lane how_long", "approval head"].map(str::to_owned).to_vec(), &json!("approved"))
    );
    let rejected = json!({ "decisions": [{ "node": "lead", "action": "reject", "person": company.bob.id }] });
    let rejected = try_out(rejected).await.expect(200);
    assert_eq!((kinds(&rejected).len(), &rejected["ends"]), (1, &json!("rejected")));
    assert_eq!(rejected["steps"][0]["people"][0]["comes_to"], "rejected");
    let returned = json!({ "decisions": [{ "node": "head", "action": "return", "to": "lead" },
        { "node": "head", "round": 3, "action": "reject" }] });
    let returned = try_out(returned).await.expect(200);
    assert_eq!(kinds(&returned)[3..], ["returned head", "approval lead", "approval head"].map(str::to_owned));
    assert_eq!(returned["steps"][3]["goes_on"], "straight_back");
    assert_eq!(returned["unmet"][0]["path"], "assumptions.decisions[1]");
    let left = try_out(json!({ "people": { "gone": [company.bob.id] } })).await.expect(200);
    assert_eq!(left["steps"][0]["people"][0]["id"], json!(company.admin.id));

    let all = company.get("/v1/instances?of=all", &company.admin).await.expect(200);
    assert_eq!(all["items"], json!([]));
    let usual_again = try_out(json!({})).await.expect(200);
    assert_eq!(usual_again["hash"], usual["hash"], "whoever was assumed gone is still there");
}

#[tokio::test]
async fn assumptions_that_do_not_fit_are_named_with_their_place_and_only_managers_try() {
    let company = company().await;
    let id = company.get("/v1/templates", &company.admin).await.expect(200)["items"][0]["id"].clone();
    let path = format!("/v1/templates/{}/preview", id.as_str().expect("an id"));
    let body = json!({ "form": { "days": 3 }, "assumptions": {
        "decisions": [
            { "node": "nowhere", "action": "reject" },
            { "node": "lead", "action": "approve", "to": "head" },
            { "node": "head", "action": "answer", "values": { "why": 1, "days": 2 } },
        ],
        "people": { "gone": [uuid::Uuid::nil()] },
    } });
    let refused = company.post(&path, &company.admin, &body).await;
    let problems = refused.expect_problem(422, "invalid")["problems"].clone();
    let paths: Vec<_> = problems
        .as_array()
        .expect("problems")
        .iter()
        .map(|it| it["path"].as_str().unwrap_or_default())
        .collect();
    for expected in [
        "assumptions.decisions[1].to",
        "assumptions.decisions[2].values.why",
        "assumptions.people.gone[0]",
        "assumptions.decisions[0].node",
        "assumptions.decisions[2].action",
    ] {
        assert!(paths.contains(&expected), "{expected} in {paths:?}");
    }
    company.post(&path, &company.ann, &json!({})).await.expect_problem(403, "forbidden");
}

#[tokio::test]
async fn whoever_took_part_in_a_linked_request_is_left_out_of_the_preview_as_of_the_real_path() {
    let company = Company::with_leave().await;
    let first = company.submit().await;
    company.decide(&first, &company.bob, "approve").await.expect(200);
    let definition = json!({
        "name": "Pay",
        "form": [{ "id": "order", "kind": "linked_instance", "title": "Order" }],
        "flow": [{ "kind": "approval", "id": "pay", "title": "Pay", "approvers": company.people(&[&company.bob, &company.cat]) }],
        "settings": { "separation": [{ "linked": { "field": "order" } }] },
    });
    company.publish("pay", definition).await;
    let body = json!({ "template": "pay", "form": { "order": first["id"] } });
    let asked = |people: &Json| -> Vec<Json> {
        people.as_array().expect("people").iter().map(|person| person["id"].clone()).collect()
    };

    let seen = company.post("/v1/preview", &company.ann, &body).await.expect(200);
    assert_eq!(asked(&seen["steps"][0]["people"]), [json!(company.cat.id)]);
    let mut body = body;
    body["preview"] = seen["hash"].clone();
    let begun = company.post("/v1/instances", &company.ann, &body).await.expect(201);
    assert_eq!(
        (asked(&begun["current_approvers"]), &begun["path_changed"]),
        (vec![json!(company.cat.id)], &json!([]))
    );

    // Whoever may not see the linked request learns nothing about it.
    let seen = company
        .post("/v1/preview", &company.eve, &json!({ "template": "pay", "form": { "order": first["id"] } }))
        .await;
    assert_eq!(asked(&seen.expect(200)["steps"][0]["people"]).len(), 2);
}
