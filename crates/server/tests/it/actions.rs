//! What people do with tasks and instances beside yes and no, each by its own call.

use crate::company::{Company, Member, actions, allows, leave, path_of, task_of};
use crate::harness::Answer;
use serde_json::{Value as Json, json};

/// A company where bob decides alone.
async fn company(more: Json) -> (Company, Json) {
    let company = Company::new().await;
    let mut node = json!({ "kind": "approval", "id": "lead", "title": "Lead",
        "approvers": company.people(&[&company.bob]) });
    node.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    company.publish("leave", leave(json!([node]))).await;
    let instance = company.submit().await;
    (company, instance)
}

async fn at(company: &Company, instance: &Json, member: &Member, verb: &str, body: Json) -> Answer {
    let task = task_of(&company.see(instance, &company.ann).await, member);
    company.post(&format!("/v1/tasks/{task}/{verb}"), member, &body).await
}

async fn on(company: &Company, instance: &Json, member: &Member, verb: &str, body: Json) -> Answer {
    company.post(&format!("{}/{verb}", path_of(instance)), member, &body).await
}

/// What is said of the last entry of the timeline.
async fn last_said(company: &Company, instance: &Json) -> Vec<String> {
    let timeline = company.get(&format!("{}/timeline", path_of(instance)), &company.ann).await.expect(200);
    let last = timeline["items"].as_array().and_then(|items| items.last()).expect("an entry").clone();
    let lines = last["lines"].as_array().expect("lines").iter();
    lines.filter_map(|line| line["text"].as_str()).filter(|it| !it.is_empty()).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_transferred_task_is_the_others_and_the_first_still_sees_it() {
    let (company, instance) = company(json!({})).await;
    let handing = json!({ "to": company.cat.id, "comment": "you know more" });
    let moved = at(&company, &instance, &company.bob, "transfer", handing).await.expect(200);
    assert_eq!(moved["current_approvers"][0]["name"], "cat");
    assert_eq!(last_said(&company, &instance).await, ["bob handed the task to cat: you know more"]);
    let for_bob = company.see(&instance, &company.bob).await;
    assert!(!allows(&for_bob, &["approve"]));
    assert!(allows(&company.see(&instance, &company.cat).await, &["approve", "transfer", "add_sign"]));
    let to_nobody = json!({ "to": uuid::Uuid::now_v7() });
    at(&company, &instance, &company.cat, "transfer", to_nobody).await.expect_problem(403, "user_not_active");
    let approved = at(&company, &instance, &company.cat, "approve", json!({})).await.expect(200);
    assert_eq!(approved["status"], "approved");
}

#[tokio::test]
async fn who_is_asked_for_an_opinion_gives_it_and_the_task_comes_back() {
    let (company, instance) = company(json!({})).await;
    let lent = json!({ "to": company.cat.id });
    let lent = at(&company, &instance, &company.bob, "delegate", lent).await.expect(200);
    let slot = &lent["nodes"][0]["visits"][0]["people"][0];
    assert_eq!((&slot["assignee"]["name"], &slot["back_to"]["name"]), (&json!("cat"), &json!("bob")));
    assert!(allows(&company.see(&instance, &company.cat).await, &["give_opinion"]));

    let said =
        at(&company, &instance, &company.cat, "opinion", json!({ "comment": "fine" })).await.expect(200);
    assert_eq!(said["current_approvers"][0]["name"], "bob");
    at(&company, &instance, &company.bob, "approve", json!({})).await.expect(200);
}

#[tokio::test]
async fn people_are_brought_in_and_taken_out_again() {
    let (company, instance) = company(json!({})).await;
    let before =
        json!({ "people": [company.cat.id, company.dan.id], "place": "before", "comment": "please check" });
    let added = at(&company, &instance, &company.bob, "add-sign", before).await.expect(200);
    let people = added["nodes"][0]["visits"][0]["people"].as_array().expect("people").clone();
    assert_eq!((people.len(), &people[0]["state"]), (3, &json!("waiting")));
    assert_eq!(people[1]["added_by"]["name"], "bob");
    assert_eq!(last_said(&company, &instance).await[0], "bob brought in cat, dan: please check");

    let dans = format!("/v1/tasks/{}/remove", people[2]["task"].as_str().expect("a task"));
    assert!(allows(&company.see(&instance, &company.bob).await, &["remove_sign"]));
    let removed = company.post(&dans, &company.bob, &json!({})).await.expect(200);
    assert_eq!(removed["nodes"][0]["visits"][0]["people"][2]["state"], "removed");
    at(&company, &instance, &company.cat, "approve", json!({})).await.expect(200);
    let approved = at(&company, &instance, &company.bob, "approve", json!({})).await.expect(200);
    assert_eq!(approved["status"], "approved");
    let unknown = json!({ "people": [company.cat.id], "place": "nowhere" });
    at(&company, &instance, &company.bob, "add-sign", unknown).await.expect_problem(400, "bad_request");
}

#[tokio::test]
async fn a_node_may_keep_its_tasks_where_they_are() {
    let closed = json!({ "transfer": "nobody", "add_sign": "nobody", "delegate": "nobody" });
    let (company, instance) = company(closed).await;
    let for_bob = company.see(&instance, &company.bob).await;
    for action in ["transfer", "delegate", "add_sign"] {
        assert!(!allows(&for_bob, &[action]), "{action}");
    }
    let refused = at(&company, &instance, &company.bob, "transfer", json!({ "to": company.cat.id })).await;
    refused.expect_problem(422, "not_offered");
}

#[tokio::test]
async fn the_initiator_urges_and_is_told_when_he_may_again() {
    let (company, instance) = company(json!({})).await;
    on(&company, &instance, &company.bob, "urge", json!({})).await.expect_problem(403, "not_initiator");
    on(&company, &instance, &company.ann, "urge", json!({ "comment": "it rains" })).await.expect(200);
    assert_eq!(last_said(&company, &instance).await, ["ann asked bob to hurry: it rains"]);
    let soon = on(&company, &instance, &company.ann, "urge", json!({})).await.expect_problem(409, "too_soon");
    assert!(soon["again_at"].is_string(), "{soon}");
    assert!(!allows(&company.see(&instance, &company.ann).await, &["urge"]));
}

#[tokio::test]
async fn more_people_are_told_and_see_it_from_then_on() {
    let (company, instance) = company(json!({})).await;
    company.get(&path_of(&instance), &company.eve).await.expect_problem(404, "not_found");
    let told = json!({ "people": [company.eve.id] });
    on(&company, &instance, &company.bob, "tell", told).await.expect(200);
    assert_eq!(company.see(&instance, &company.eve).await["cc"][0]["person"]["name"], "eve");
}

#[tokio::test]
async fn an_action_sent_again_under_its_key_is_done_once() {
    let (company, instance) = company(json!({})).await;
    let task = task_of(&instance, &company.bob);
    let transfer = |to: &Member| {
        let call = company.app.post(&format!("/v1/tasks/{task}/transfer")).by(&company.bob.session);
        call.header("idempotency-key", "k").json(&json!({ "to": to.id })).send()
    };
    let first = transfer(&company.cat).await.expect(200);
    assert_eq!(transfer(&company.cat).await.expect(200)["version"], first["version"]);
    transfer(&company.dan).await.expect_problem(422, "idempotency_mismatch");
    let call = company.app.post(&format!("{}/urge", path_of(&instance))).by(&company.ann.session);
    let stale = call.header("if-match", "\"1\"").json(&json!({})).send().await;
    stale.expect_problem(412, "precondition_failed");
}

#[tokio::test]
async fn what_somebody_may_not_see_he_cannot_act_on() {
    let (company, instance) = company(json!({})).await;
    for (verb, body) in [
        ("transfer", json!({ "to": company.eve.id })),
        ("delegate", json!({ "to": company.eve.id })),
        ("add-sign", json!({ "people": [company.eve.id], "place": "after" })),
        ("return", json!({})),
        ("claim", json!({})),
        ("abstain", json!({})),
    ] {
        let task = task_of(&instance, &company.bob);
        let refused = company.post(&format!("/v1/tasks/{task}/{verb}"), &company.eve, &body).await;
        refused.expect_problem(404, "not_found");
    }
    for (verb, body) in [
        ("urge", json!({})),
        ("revoke", json!({ "reason": "x" })),
        ("interventions", json!({ "what": { "action": "terminate" }, "reason": "x" })),
    ] {
        on(&company, &instance, &company.eve, verb, body).await.expect_problem(404, "not_found");
    }
    assert_eq!(
        actions(&company.see(&instance, &company.bob).await).filter(|it| it["action"] == "approve").count(),
        1
    );
}
