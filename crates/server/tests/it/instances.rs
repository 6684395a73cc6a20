//! Instances over HTTP, from the first draft of a template to their end.

use crate::company::{Company, allows, leave, path_of, task_of};
use crate::harness::{TestApp, person};
use serde_json::json;
use zhupi_engine::directory::User;

#[tokio::test]
async fn an_instance_lives_from_draft_to_approval() {
    let company = Company::with_leave().await;

    let running = company.submit().await;
    assert_eq!(running["status"], "running");
    assert!(running["title"].as_str().is_some_and(|title| title.contains("ann")), "{running}");
    assert!(allows(&running, &["withdraw", "comment"]) && !allows(&running, &["approve"]));
    assert_eq!(running["form"][0]["value"], json!("2"));
    assert_eq!(running["form"][1]["value"], json!(null));
    let for_bob = company.see(&running, &company.bob).await;
    assert!(allows(&for_bob, &["approve", "reject", "comment"]) && !allows(&for_bob, &["withdraw"]));

    let approved = company.decide(&running, &company.bob, "approve").await.expect(200);
    assert_eq!(approved["status"], "approved");
    assert_eq!(approved["version"], 2);
    let lead = &approved["nodes"][0];
    assert_eq!((&lead["kind"], &lead["visits"][0]["state"]), (&json!("approval"), &json!("passed")));
    assert_eq!(lead["visits"][0]["people"][0]["decided"]["by"]["name"], "bob");
    assert_eq!(lead["visits"][0]["people"][0]["why"], "named in the template");
    assert_eq!(lead["visits"][0]["people"][1]["state"], "not_needed");
    assert_eq!(approved["nodes"][1]["people"][0]["name"], "dan");
    assert_eq!(approved["cc"][0]["read_at"], json!(null));
}

#[tokio::test]
async fn the_timeline_tells_everything_and_its_chain_holds() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    company.decide(&instance, &company.bob, "approve").await.expect(200);

    let path = format!("{}/timeline", path_of(&instance));
    let timeline = company.get(&path, &company.ann).await.expect(200);
    let items = timeline["items"].as_array().expect("items");
    assert_eq!(timeline["intact"], true);
    assert_eq!((&items[0]["command"], &items[1]["command"]), (&json!("submit"), &json!("approve")));
    assert_eq!(items[0]["previous"], "0".repeat(64));
    assert_eq!(items[1]["previous"], items[0]["hash"]);
    let lines: Vec<&str> = items[1]["lines"]
        .as_array()
        .expect("lines")
        .iter()
        .filter_map(|line| line["text"].as_str())
        .filter(|text| !text.is_empty())
        .collect();
    let expected =
        ["bob approved: so be it", "`Lead` passed", "told: dan (named in the template)", "approved"];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_rejection_ends_the_instance() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;

    let rejected = company.decide(&instance, &company.cat, "reject").await.expect(200);
    assert_eq!(rejected["status"], "rejected");
    assert_eq!(rejected["current_approvers"], json!([]));
    let task = task_of(&rejected, &company.bob);
    let late = company.post(&format!("/v1/tasks/{task}/approve"), &company.bob, &json!({})).await;
    assert_eq!(late.status, 409, "{}", late.text());
}

#[tokio::test]
async fn the_initiator_withdraws_and_nobody_else_does() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    let path = format!("{}/withdraw", path_of(&instance));

    company.post(&path, &company.bob, &json!({})).await.expect_problem(403, "not_initiator");
    let withdrawn = company.post(&path, &company.ann, &json!({ "reason": "rain" })).await.expect(200);
    assert_eq!(withdrawn["status"], "withdrawn");
    company.post(&path, &company.ann, &json!({})).await.expect_problem(409, "not_running");
}

#[tokio::test]
async fn what_somebody_may_not_see_does_not_exist() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    let path = path_of(&instance);
    let task = task_of(&instance, &company.bob);

    for refused in [
        company.get(&path, &company.eve).await,
        company.get(&format!("{path}/timeline"), &company.eve).await,
        company.get(&format!("{path}/comments"), &company.eve).await,
        company.post(&format!("{path}/comments"), &company.eve, &json!({ "text": "hm" })).await,
        company.post(&format!("{path}/withdraw"), &company.eve, &json!({})).await,
        company.post(&format!("/v1/tasks/{task}/approve"), &company.eve, &json!({})).await,
    ] {
        refused.expect_problem(404, "not_found");
    }
    company.get(&path, &company.admin).await.expect(200);
}

#[tokio::test]
async fn another_workspaces_things_do_not_exist() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    let template = instance["template"]["id"].as_str().expect("an id").to_owned();
    let elsewhere = company.app.workspace("elsewhere").await;
    let stranger = company.app.put_user(elsewhere, User { admin: true, ..person("stranger") }).await;
    let stranger = company.app.session_in(elsewhere, stranger).await;

    let path = path_of(&instance);
    let task = task_of(&instance, &company.bob);
    for get in [path.clone(), format!("/v1/templates/{template}"), format!("{path}/timeline")] {
        company.app.get(&get).by(&stranger).send().await.expect_problem(404, "not_found");
    }
    for (path, body) in [
        (format!("{path}/withdraw"), json!({})),
        (format!("{path}/read"), json!({})),
        (format!("/v1/tasks/{task}/approve"), json!({})),
        (format!("/v1/templates/{template}/publish"), json!({})),
        ("/v1/instances".to_owned(), json!({ "template": "leave", "form": { "days": 1 } })),
        ("/v1/instances".to_owned(), json!({ "template": template, "form": { "days": 1 } })),
    ] {
        let answer = company.app.post(&path).by(&stranger).json(&body).send().await;
        answer.expect_problem(404, "not_found");
    }
}

#[tokio::test]
async fn values_that_do_not_fit_are_all_named() {
    let company = Company::with_leave().await;
    let body = json!({ "template": "leave", "form": { "days": "many", "why": 7, "colour": "red" } });

    let refused = company.post("/v1/instances", &company.ann, &body).await;
    let problem = refused.expect_problem(422, "form_invalid");
    let paths: Vec<&str> = problem["problems"]
        .as_array()
        .expect("problems")
        .iter()
        .filter_map(|problem| problem["path"].as_str())
        .collect();
    assert!(paths.contains(&"form.days") && paths.contains(&"form.why"), "{problem}");
}

#[tokio::test]
async fn malformed_requests_name_what_is_wrong() {
    let company = Company::with_leave().await;
    let post = |body: &'static str| {
        let call = company.app.post("/v1/instances").by(&company.ann.session);
        call.header("content-type", "application/json").body(body).send()
    };

    post("{").await.expect_problem(400, "bad_request");
    let problem = post(r#"{"template": 7}"#).await.expect_problem(400, "bad_request");
    assert_eq!(problem["field"], "template");
    post("{}").await.expect_problem(400, "bad_request");
    post(r#"{"template": "nothing"}"#).await.expect_problem(404, "not_found");
    let reserved = r#"{"template": "leave", "form": {"days": 1}, "business_key": "esign:1"}"#;
    post(reserved).await.expect_problem(400, "bad_request");
}

#[tokio::test]
async fn comments_are_heard_and_long_ones_refused() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    let path = format!("{}/comments", path_of(&instance));

    let said = company.post(&path, &company.bob, &json!({ "text": "which days?" })).await.expect(201);
    assert_eq!(said["items"][0]["by"]["name"], "bob");
    let long = json!({ "text": "长".repeat(2001) });
    company.post(&path, &company.bob, &long).await.expect_problem(422, "text_too_long");
    company.post(&path, &company.bob, &json!({ "text": " " })).await.expect_problem(422, "text_required");
    let huge = json!({ "text": "x".repeat(5_000_000) });
    company.post(&path, &company.bob, &huge).await.expect_problem(413, "too_large");
    assert_eq!(company.get(&path, &company.ann).await.expect(200), said);
}

#[tokio::test]
async fn people_list_their_own_and_administrators_all() {
    let company = Company::with_leave().await;
    for _ in 0..3 {
        company.submit().await;
    }

    let first = company.get("/v1/instances?limit=2", &company.ann).await.expect(200);
    let next = first["next"].as_str().expect("a next page");
    let second = company.get(&format!("/v1/instances?limit=2&after={next}"), &company.ann).await.expect(200);
    assert_eq!(first["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(second["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(second["next"], json!(null));
    let others = company.get("/v1/instances", &company.bob).await.expect(200);
    assert_eq!(others["items"], json!([]));
    company.get("/v1/instances?of=all", &company.bob).await.expect_problem(403, "forbidden");
    let all = company.get("/v1/instances?of=all&status=running", &company.admin).await.expect(200);
    assert_eq!(all["items"].as_array().map(Vec::len), Some(3));
    assert_eq!(all["items"][0]["template"]["name"], "Leave");
}

#[tokio::test]
async fn a_preview_shows_who_would_be_asked_and_keeps_nothing() {
    let company = Company::with_leave().await;

    let preview =
        company.post("/v1/preview", &company.ann, &json!({ "template": "leave" })).await.expect(200);
    assert_eq!(preview["ends"], "approved");
    assert_eq!(preview["steps"][0]["people"][0]["name"], "bob");
    assert_eq!(preview["steps"][0]["people"][0]["why"], "named in the template");
    assert_eq!(preview["steps"][1]["people"][0]["name"], "dan");
    let mine = company.get("/v1/instances", &company.ann).await.expect(200);
    assert_eq!(mine["items"], json!([]));
}

#[tokio::test]
async fn what_lies_ahead_is_told_on_request() {
    let company = Company::new().await;
    let flow = json!([
        { "kind": "approval", "id": "one", "title": "One", "approvers": company.people(&[&company.bob]) },
        { "kind": "approval", "id": "two", "title": "Two", "approvers": company.people(&[&company.cat]) },
    ]);
    company.publish("leave", leave(flow)).await;
    let instance = company.submit().await;

    let path = format!("{}?upcoming=true", path_of(&instance));
    let seen = company.get(&path, &company.ann).await.expect(200);
    assert_eq!(seen["upcoming"].as_array().map(Vec::len), Some(1));
    assert_eq!(seen["upcoming"][0]["node"], "two");
    assert_eq!(instance["upcoming"], json!(null));
}

#[tokio::test]
async fn the_lane_taken_is_told_with_its_reason() {
    let company = Company::new().await;
    let at_least =
        json!([[{ "subject": { "field": "days" }, "test": { "number": { "op": ">=", "value": "3" } } }]]);
    let flow = json!([{ "kind": "branch", "id": "how_long", "title": "How long", "lanes": [
        { "id": "long", "title": "Long", "priority": 1, "when": { "any_of": at_least }, "blocks": [
            { "kind": "approval", "id": "head", "title": "Head", "approvers": company.people(&[&company.cat]) },
        ] },
        { "id": "short", "title": "Short", "when": "default", "blocks": [
            { "kind": "approval", "id": "lead", "title": "Lead", "approvers": company.people(&[&company.bob]) },
        ] },
    ] }]);
    company.publish("leave", leave(flow)).await;

    let body = json!({ "template": "leave", "form": { "days": "3.0" } });
    let instance = company.post("/v1/instances", &company.ann, &body).await.expect(201);
    assert_eq!(instance["nodes"][0]["lane"], "long");
    assert_eq!(instance["current_approvers"][0]["name"], "cat");
    let timeline = company.get(&format!("{}/timeline", path_of(&instance)), &company.ann).await.expect(200);
    let text = timeline["items"][0]["lines"].to_string();
    assert!(text.contains("the way `Long` was taken: its conditions hold for 3"), "{text}");
}

#[tokio::test]
async fn a_stranger_without_a_session_is_asked_to_log_in() {
    let app = TestApp::new().await;
    for path in ["/v1/instances", "/v1/tasks", "/v1/templates"] {
        app.get(path).send().await.expect_problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn values_are_shown_as_programs_and_as_people_read_them() {
    let company = Company::new().await;
    let mut definition = company.leave();
    let option = |id: &str, label: &str| json!({ "id": id, "label": label });
    definition["form"] = json!([
        { "id": "days", "kind": "number", "title": "Days" },
        { "id": "sort", "kind": "select", "title": "Sort", "options": [option("a", "年假"), option("b", "病假")] },
        { "id": "who", "kind": "contact", "title": "Who" },
        { "id": "cost", "kind": "money", "title": "Cost" },
        { "id": "rows", "kind": "table", "title": "Rows", "columns": [
            { "id": "what", "kind": "text", "title": "What" },
        ] },
    ]);
    company.publish("leave", definition).await;
    let form = json!({
        "sort": "b", "who": [company.dan.id], "cost": "12.50", "rows": [{ "what": "x" }, { "what": "y" }],
    });
    let body = json!({ "template": "leave", "form": form });
    let instance = company.post("/v1/instances", &company.ann, &body).await.expect(201);

    let texts: Vec<&str> = instance["form"]
        .as_array()
        .expect("fields")
        .iter()
        .filter_map(|field| field["text"].as_str())
        .collect();
    assert_eq!(texts, ["", "病假", "dan", "12.5 CNY", "What: x; What: y"]);
    assert_eq!(instance["form"][1]["value"], "b");
}

#[tokio::test]
async fn instances_are_found_by_title_serial_number_and_time() {
    let company = Company::new().await;
    let mut definition = company.leave();
    definition["settings"] = json!({ "serial": { "pattern": "L-{seq:3}" } });
    company.publish("leave", definition).await;
    for title in ["Trip to Rome", "100% of a year", "回家"] {
        let body = json!({ "template": "leave", "title": title, "form": { "days": 2 } });
        company.post("/v1/instances", &company.ann, &body).await.expect(201);
        company.app.app.clock.advance(jiff::SignedDuration::from_hours(1));
    }
    let found = async |query: &str, member| {
        let list = company.get(&format!("/v1/instances?{query}"), member).await.expect(200);
        let items = list["items"].as_array().expect("items").iter();
        items.map(|item| item["serial"].as_str().expect("a number").to_owned()).collect::<Vec<_>>()
    };
    let ann = &company.ann;
    assert_eq!(found("title=to%20ROME", ann).await, ["L-001"]);
    assert_eq!(found("title=0%25%20of", ann).await, ["L-002"]);
    assert_eq!(found("title=%E5%AE%B6", ann).await, ["L-003"]);
    assert_eq!(found("title=_", ann).await, [""; 0]);
    assert_eq!(found("serial=L-002", ann).await, ["L-002"]);
    assert_eq!(found("serial=L-002&title=rome", ann).await, [""; 0]);
    assert_eq!(found("created_from=2026-03-02T02:00:00Z", ann).await, ["L-003", "L-002"]);
    assert_eq!(
        found("created_from=2026-03-02T02:00:00Z&created_to=2026-03-02T03:00:00Z", ann).await,
        ["L-002"]
    );
    assert_eq!(found("of=all&title=o", &company.admin).await, ["L-002", "L-001"]);
    assert_eq!(found("title=o", &company.bob).await, [""; 0], "only one's own");
    let problem =
        company.get("/v1/instances?created_from=soon", ann).await.expect_problem(400, "bad_request");
    assert_eq!(problem["field"], "created_from");
}
