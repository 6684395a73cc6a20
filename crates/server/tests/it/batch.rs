//! Deciding on several tasks in one request.

use crate::company::{Company, Member, leave, path_of, task_of};
use serde_json::{Value as Json, json};

async fn act(company: &Company, member: &Member, body: Json) -> Json {
    company.post("/v1/tasks/batch", member, &body).await.expect(200)
}

/// The code of each item's problem, or `ok`.
fn codes(result: &Json) -> Vec<&str> {
    let items = result["items"].as_array().expect("items").iter();
    items
        .map(|it| if it["ok"] == true { "ok" } else { it["problem"]["code"].as_str().expect("a code") })
        .collect()
}

#[tokio::test]
async fn each_item_is_decided_and_reported_for_itself() {
    let company = Company::with_leave().await;
    let mut tasks = Vec::new();
    for _ in 0..12 {
        tasks.push(task_of(&company.submit().await, &company.bob));
    }
    let decided = company.submit().await;
    company.decide(&decided, &company.cat, "approve").await.expect(200);
    let strange = "0197e5a0-0000-7000-8000-000000000000.0";
    let others = task_of(&company.submit().await, &company.cat);
    tasks.extend([task_of(&decided, &company.bob), strange.to_owned(), "nonsense".to_owned(), others]);

    let body = json!({ "action": "approve", "tasks": tasks, "comment": "have fun" });
    let result = act(&company, &company.bob, body).await;
    let mut expected = vec!["ok"; 12];
    expected.extend(["already_decided", "not_found", "not_found", "not_your_task"]);
    assert_eq!(codes(&result), expected);
    assert_eq!((&result["done"], &result["failed"]), (&json!(12), &json!(4)));
    let first = &result["items"][0];
    assert_eq!((&first["id"], &first["instance"]["version"]), (&json!(tasks[0]), &json!(2)));
    assert_eq!(first["instance"]["status"], "approved");
    assert_eq!(result["items"][12]["problem"]["decided_by"], company.cat.id.to_string());
    let id = first["instance"]["id"].as_str().expect("an id");
    let seen = company.get(&format!("/v1/instances/{id}"), &company.ann).await.expect(200);
    assert_eq!(seen["nodes"][0]["visits"][0]["people"][0]["decided"]["comment"], "have fun");
}

#[tokio::test]
async fn several_tasks_of_one_instance_are_decided_one_after_another() {
    let company = Company::new().await;
    let asks = |id: &str, person: &Member| {
        let node =
            json!({ "kind": "approval", "id": id, "title": id, "approvers": company.people(&[person]) });
        json!({ "id": format!("lane-{id}"), "when": "default", "blocks": [node] })
    };
    let lanes = [asks("one", &company.bob), asks("two", &company.cat)];
    let mut definition = leave(json!([{ "kind": "parallel", "id": "both", "lanes": lanes }]));
    definition["settings"] = json!({ "managers": [company.eve.id], "allow_agent": true });
    company.publish("leave", definition).await;
    let instance = company.submit().await;
    let tasks = [task_of(&instance, &company.bob), task_of(&instance, &company.cat)];

    let result = act(&company, &company.eve, json!({ "action": "approve", "tasks": tasks })).await;
    assert_eq!(codes(&result), ["ok", "ok"]);
    assert_eq!(company.see(&instance, &company.ann).await["status"], "approved");
}

#[tokio::test]
async fn what_needs_a_look_of_its_own_is_left_out_with_the_reason() {
    let company = Company::new().await;
    let node = |more: Json| {
        let mut node = json!({ "kind": "approval", "id": "lead", "title": "Lead",
            "approvers": company.people(&[&company.bob]) });
        node.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        leave(json!([node]))
    };
    let submit = async |code: &str, definition: Json| {
        company.publish(code, definition).await;
        let body = json!({ "template": code, "form": { "days": 1 } });
        task_of(&company.post("/v1/instances", &company.ann, &body).await.expect(201), &company.bob)
    };
    let mut switched_off = node(json!({}));
    switched_off["settings"] = json!({ "allow_batch": false });
    let tasks = [
        submit("control", node(json!({ "control": true }))).await,
        submit("opinion", node(json!({ "opinion": "required" }))).await,
        submit("off", switched_off).await,
        submit("on", node(json!({ "control": true, "allow_batch": true }))).await,
    ];

    let body = json!({ "action": "reject", "tasks": tasks, "comment": "none of them" });
    let result = act(&company, &company.bob, body).await;
    assert_eq!(codes(&result), ["batch_not_allowed", "batch_needs_opinion", "batch_not_allowed", "ok"]);
    assert_eq!(result["items"][1]["problem"]["node"], "lead");
    let alone = format!("/v1/tasks/{}/reject", tasks[1]);
    company.post(&alone, &company.bob, &json!({ "comment": "no" })).await.expect(200);
}

#[tokio::test]
async fn a_batch_sent_again_does_nothing_twice() {
    let company = Company::with_leave().await;
    let (one, two) = (company.submit().await, company.submit().await);
    let body =
        json!({ "action": "approve", "tasks": [task_of(&one, &company.bob), task_of(&two, &company.bob)] });
    let send = || {
        let call = company.app.post("/v1/tasks/batch").by(&company.bob.session);
        call.header("idempotency-key", "once").json(&body).send()
    };

    let first = send().await.expect(200);
    assert_eq!(codes(&first), ["ok", "ok"]);
    assert_eq!(send().await.expect(200), first);
    let timeline = company.get(&format!("{}/timeline", path_of(&one)), &company.ann).await.expect(200);
    assert_eq!(timeline["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_batch_has_one_to_two_hundred_tasks_each_once() {
    let company = Company::new().await;
    for tasks in [vec![], vec!["a".to_owned(); 2], (0..201).map(|n| n.to_string()).collect()] {
        let body = json!({ "action": "approve", "tasks": tasks });
        let refused = company.post("/v1/tasks/batch", &company.bob, &body).await;
        assert_eq!(refused.expect_problem(400, "bad_request")["field"], "tasks");
    }
    let body = json!({ "action": "dance", "tasks": ["a"] });
    company.post("/v1/tasks/batch", &company.bob, &body).await.expect_problem(400, "bad_request");
}

#[tokio::test]
async fn tasks_are_transferred_and_instances_urged_together() {
    let company = Company::with_leave().await;
    let (one, two) = (company.submit().await, company.submit().await);
    let urge = json!({ "action": "urge", "instances": [one["id"], two["id"]], "comment": "please" });
    assert_eq!(codes(&act(&company, &company.ann, urge.clone()).await), ["ok", "ok"]);
    assert_eq!(codes(&act(&company, &company.bob, urge).await), ["not_initiator", "not_initiator"]);

    let tasks = [task_of(&one, &company.bob), task_of(&two, &company.bob)];
    let hand = json!({ "action": "transfer", "tasks": tasks, "to": company.eve.id });
    assert_eq!(codes(&act(&company, &company.bob, hand).await), ["ok", "ok"]);
    let todo = company.get("/v1/tasks", &company.eve).await.expect(200);
    assert_eq!(todo["counts"]["todo"], 2);
    for wrong in [
        json!({ "action": "transfer", "tasks": tasks }),
        json!({ "action": "urge", "tasks": tasks }),
        json!({ "action": "approve", "instances": [one["id"]] }),
    ] {
        company.post("/v1/tasks/batch", &company.bob, &wrong).await.expect_problem(400, "bad_request");
    }
}
