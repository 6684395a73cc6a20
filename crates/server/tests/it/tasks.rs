//! The boxes of people, and what happens when several decide.

use crate::company::{Company, actions, allows, leave, path_of, task_of};
use futures_util::FutureExt;
use serde_json::{Value as Json, json};
use zhupi_engine::Command;
use zhupi_engine::ids::InstanceId;
use zhupi_server::app::act::Options;

fn boxes(answer: &Json) -> [u64; 4] {
    ["todo", "done", "cc", "mine"].map(|name| answer["counts"][name].as_u64().expect("a count"))
}

#[tokio::test]
async fn a_task_moves_from_box_to_box() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;

    let todo = company.get("/v1/tasks", &company.bob).await.expect(200);
    assert_eq!(boxes(&todo), [1, 0, 0, 0]);
    assert_eq!(todo["items"][0]["task"], task_of(&instance, &company.bob));
    assert_eq!(todo["items"][0]["template"]["name"], "Leave");
    assert_eq!(todo["items"][0]["initiator"]["name"], "ann");
    company.decide(&instance, &company.bob, "approve").await.expect(200);

    let done = company.get("/v1/tasks?box=done", &company.bob).await.expect(200);
    assert_eq!(boxes(&done), [0, 1, 0, 0]);
    assert_eq!(done["items"][0]["status"], "approved");
    let others = company.get("/v1/tasks?box=done", &company.cat).await.expect(200);
    assert_eq!(boxes(&others), [0, 0, 0, 0]);
    let mine = company.get("/v1/tasks?box=mine", &company.ann).await.expect(200);
    assert_eq!(boxes(&mine), [0, 0, 0, 1]);
    assert_eq!(mine["items"][0]["task"], json!(null));
}

#[tokio::test]
async fn a_task_names_its_node_its_time_limit_and_the_row_it_is_for() {
    let company = Company::new().await;
    let limit = json!({ "own": { "due": { "elapsed": 60 }, "actions": [] } });
    let blocks = json!([
        { "kind": "approval", "id": "check", "title": "Check", "approvers": company.people(&[&company.bob]),
          "deadline": limit },
        { "kind": "approval", "id": "pay", "title": "Pay", "approvers": company.people(&[&company.cat]),
          "fields": { "items.name": "hide" } },
    ]);
    let columns = json!([{ "id": "name", "kind": "text", "title": "Name" }]);
    let definition = json!({ "name": "Things",
        "form": [{ "id": "items", "kind": "table", "title": "Items", "columns": columns }],
        "flow": [{ "kind": "each", "id": "e", "list": "items", "group_by": "name", "blocks": blocks }] });
    company.publish("things", definition).await;
    let ask = json!({ "template": "things", "form": { "items": [{ "name": "chair" }, { "name": "desk" }] } });
    let instance = company.post("/v1/instances", &company.ann, &ask).await.expect(201);
    let first = &instance["nodes"][0]["visits"][0];
    assert_eq!(first["item"], json!({ "text": "chair", "rows": [1] }), "{instance}");

    let todo = company.get("/v1/tasks", &company.bob).await.expect(200);
    let mut lines = todo["items"].as_array().expect("lines").clone();
    lines.sort_by_key(|line| line["task"].to_string());
    assert_eq!((&lines[0]["item"]["text"], &lines[1]["item"]["text"]), (&json!("chair"), &json!("desk")));
    assert_eq!((&lines[0]["node_title"], &lines[0]["due_at"]), (&json!("Check"), &first["due_at"]));
    assert!(first["due_at"].is_string(), "{first}");

    company.decide(&instance, &company.bob, "approve").await.expect(200);
    let todo = company.get("/v1/tasks", &company.cat).await.expect(200);
    assert_eq!(todo["items"][0]["item"], json!({ "text": "row 2", "rows": [2] }), "cat may not see names");
    let path = format!("{}/timeline", path_of(&instance));
    let told = company.get(&path, &company.ann).await.expect(200).to_string();
    assert!(told.contains("`Check` for chair asks bob"), "{told}");
    let told = company.get(&path, &company.cat).await.expect(200).to_string();
    assert!(told.contains("`Check` for row 1 asks bob") && !told.contains("chair"), "{told}");
}

#[tokio::test]
async fn who_was_told_marks_it_as_read_once() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    company.decide(&instance, &company.bob, "approve").await.expect(200);
    let path = format!("{}/read", path_of(&instance));

    let told = company.get("/v1/tasks?box=cc", &company.dan).await.expect(200);
    assert_eq!(told["items"][0]["read"], false);
    let read = company.post(&path, &company.dan, &json!({})).await.expect(200);
    let again = company.post(&path, &company.dan, &json!({})).await.expect(200);
    assert_eq!((&read["version"], &again["version"]), (&json!(3), &json!(3)));
    let told = company.get("/v1/tasks?box=cc", &company.dan).await.expect(200);
    assert_eq!(told["items"][0]["read"], true);
    company.post(&path, &company.bob, &json!({})).await.expect_problem(403, "not_copied");
}

#[tokio::test]
async fn of_two_who_decide_at_once_one_wins_and_the_other_learns_who() {
    let company = Company::with_leave().await;
    for _ in 0..8 {
        let instance = company.submit().await;
        let approve = company.decide(&instance, &company.bob, "approve");
        let reject = company.decide(&instance, &company.cat, "reject");
        let (approve, reject) = tokio::join!(approve, reject);

        let (won, lost, winner) = match approve.status.as_u16() {
            200 => (approve, reject, &company.bob),
            _ => (reject, approve, &company.cat),
        };
        let won = won.expect(200);
        let problem = lost.expect_problem(409, "already_decided");
        let decision = if won["status"] == "approved" { "approve" } else { "reject" };
        assert_eq!(problem["decided_by"], winner.id.to_string());
        let name = problem["decided_by_name"].as_str().expect("a name");
        assert_eq!(problem["detail"], format!("the task has been decided already by {name}"));
        assert_eq!(
            company.app.app.directory(company.app.tenant).await.expect("people").name(winner.id),
            name
        );
        assert_eq!(problem["decision"], decision);
        assert!(problem["decided_at"].is_string(), "{problem}");
        let timeline =
            company.get(&format!("{}/timeline", path_of(&instance)), &company.ann).await.expect(200);
        assert_eq!(timeline["intact"], true);
        assert_eq!(timeline["items"].as_array().map(Vec::len), Some(2));
    }
}

#[tokio::test]
async fn a_task_is_decided_by_whom_it_belongs_to() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    let task = task_of(&instance, &company.bob);

    let path = format!("/v1/tasks/{task}/approve");
    company.post(&path, &company.cat, &json!({})).await.expect_problem(403, "not_your_task");
    company.post(&path, &company.ann, &json!({})).await.expect_problem(403, "not_your_task");
    let id = instance["id"].as_str().expect("an id");
    for nothing in [format!("{id}.99"), format!("{id}.x"), id.to_owned(), "nothing".to_owned()] {
        let answer = company.post(&format!("/v1/tasks/{nothing}/approve"), &company.bob, &json!({})).await;
        assert_eq!(answer.status, 404, "{nothing}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_decision_on_an_outdated_view_is_refused() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    let seen = company.get(&path_of(&instance), &company.bob).await.header("etag").to_owned();
    let comments = format!("{}/comments", path_of(&instance));
    company.post(&comments, &company.ann, &json!({ "text": "one more day" })).await.expect(201);

    let path = format!("/v1/tasks/{}/approve", task_of(&instance, &company.bob));
    let approve = |tag: String| {
        company.app.post(&path).by(&company.bob.session).header("if-match", &tag).json(&json!({})).send()
    };
    assert_eq!(seen, "\"1\"");
    approve(seen).await.expect_problem(412, "precondition_failed");
    approve("\"2\"".to_owned()).await.expect(200);
}

#[tokio::test]
async fn all_who_countersign_at_once_are_heard() {
    let company = Company::new().await;
    let members = [&company.bob, &company.cat, &company.dan, &company.eve, &company.admin];
    let flow = json!([{ "kind": "approval", "id": "all", "title": "All",
        "approvers": company.people(&members), "mode": { "kind": "countersign" } }]);
    company.publish("leave", leave(flow)).await;
    let instance = company.submit().await;

    let decisions = members.map(|member| company.decide(&instance, member, "approve"));
    for answer in futures_util::future::join_all(decisions).await {
        answer.expect(200);
    }
    let ended = company.see(&instance, &company.ann).await;
    assert_eq!((&ended["status"], &ended["version"]), (&json!("approved"), &json!(6)));
}

#[tokio::test]
async fn a_command_is_carried_out_though_its_caller_has_gone() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    let id: InstanceId = instance["id"].as_str().expect("an id").parse().expect("an id");
    let app = &company.app.app;

    let command = Command::comment("still there?");
    let gone = app.act(company.app.tenant, company.bob.id, id, command, Options::default()).now_or_never();
    assert!(gone.is_none(), "it was not even begun");
    // Whatever comes later queues behind it or finds it done.
    for _ in 0..10_000 {
        if company.see(&instance, &company.ann).await["version"] == 2 {
            return;
        }
    }
    panic!("the comment was lost");
}

#[tokio::test]
async fn a_manager_may_decide_in_an_approvers_place_where_the_template_says_so() {
    let company = Company::new().await;
    let mut definition = company.leave();
    definition["settings"] = json!({ "managers": [company.eve.id], "allow_agent": true });
    company.publish("leave", definition).await;
    let instance = company.submit().await;
    let path = format!("/v1/tasks/{}/approve", task_of(&instance, &company.bob));

    assert!(allows(&company.see(&instance, &company.eve).await, &["approve"]));
    let approved = company.post(&path, &company.eve, &json!({})).await.expect(200);
    let slot = &approved["nodes"][0]["visits"][0]["people"][0];
    assert_eq!((&slot["assignee"]["name"], &slot["decided"]["by"]["name"]), (&json!("bob"), &json!("eve")));
    let timeline = company.get(&format!("{}/timeline", path_of(&instance)), &company.ann).await.expect(200);
    assert_eq!(timeline["items"][1]["lines"][0]["text"], "eve approved in the place of bob");
}

#[tokio::test]
async fn words_are_asked_for_before_they_are_missed() {
    let company = Company::new().await;
    let flow = json!([{ "kind": "approval", "id": "lead", "title": "Lead", "opinion": "on_reject",
        "approvers": company.people(&[&company.bob]) }]);
    company.publish("leave", leave(flow)).await;
    let instance = company.submit().await;

    let seen = company.see(&instance, &company.bob).await;
    let task = task_of(&instance, &company.bob);
    let expected = json!([["approve", task, false], ["reject", task, true], ["comment", null, true]]);
    let spoken = ["approve", "reject", "comment"];
    let found = actions(&seen).filter(|it| spoken.iter().any(|word| it["action"] == *word));
    let found: Vec<Json> = found.map(|it| json!([it["action"], it["task"], it["text_required"]])).collect();
    assert_eq!(json!(found), expected);
    let path = format!("/v1/tasks/{task}/reject");
    let refused = company.post(&path, &company.bob, &json!({})).await.expect_problem(422, "text_required");
    assert_eq!(refused["field"], "comment");
}

/// Where a node has but the usual reminders, the first of them is due after 24 hours of working time.
#[tokio::test]
async fn the_usual_reminder_is_due_in_the_list_too() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    let todo = company.get("/v1/tasks", &company.bob).await.expect(200);
    let due = &todo["items"][0]["due_at"];
    assert!(due.is_string(), "{todo}");
    assert_eq!(due, &instance["nodes"][0]["visits"][0]["due_at"]);
    let body = json!({ "template": "leave", "form": { "days": 2 } });
    let seen = company.post("/v1/preview", &company.ann, &body).await.expect(200);
    assert_eq!(due, &seen["steps"][0]["limit"]["due_at"]);
}
