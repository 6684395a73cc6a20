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
    assert_eq!(
        last_said(&company, &instance).await[0],
        "bob brought in cat, dan to decide before bob: please check"
    );

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

/// Two nodes one after the other, bob's and cat's.
async fn two_nodes(settings: Json) -> (Company, Json) {
    let company = Company::new().await;
    let node = |id: &str, member: &Member| json!({ "kind": "approval", "id": id, "title": id, "approvers": company.people(&[member]) });
    let mut definition = leave(json!([node("one", &company.bob), node("two", &company.cat)]));
    definition["settings"] = settings;
    company.publish("leave", definition).await;
    let instance = company.submit().await;
    at(&company, &instance, &company.bob, "approve", json!({})).await.expect(200);
    (company, instance)
}

#[tokio::test]
async fn a_way_back_says_how_many_other_branches_it_ends() {
    let company = Company::new().await;
    let node = |id: &str, member: &Member| json!({ "kind": "approval", "id": id, "title": id, "approvers": company.people(&[member]) });
    let lane = |id: &str, blocks: Json| json!({ "id": id, "title": id, "priority": 1, "when": "default", "blocks": blocks });
    let fork = |id: &str, lanes: Json| json!({ "kind": "parallel", "id": id, "title": id, "lanes": lanes });
    let inner = fork(
        "g",
        json!([lane("g1", json!([node("x", &company.dan)])), lane("g2", json!([node("y", &company.eve)]))]),
    );
    let lanes = json!([
        lane("f1", json!([node("b", &company.cat), node("c", &company.cat)])),
        lane("f2", json!([inner])),
        lane("f3", json!([node("d", &company.bob)])),
    ]);
    let mut definition = leave(json!([node("a", &company.bob), fork("f", lanes)]));
    definition["settings"] = json!({ "dedup": "none" });
    company.publish("leave", definition).await;
    let instance = company.submit().await;
    for member in [&company.bob, &company.bob, &company.cat] {
        company.decide(&instance, member, "approve").await.expect(200);
    }
    let seen = company.see(&instance, &company.cat).await;
    let sending = actions(&seen).find(|it| it["action"] == "return").expect("a way back");
    let targets = sending["targets"].as_array().expect("targets").iter();
    let ends: Vec<_> = targets.map(|it| (it["node"].clone(), it["ends_branches"].clone())).collect();
    let (start, before) = ((json!(null), json!(2)), (json!("a"), json!(2)));
    assert_eq!(ends, [start, before, (json!("b"), json!(0))]);

    let body = json!({ "comment": "again", "to": "a" });
    let refused = at(&company, &instance, &company.cat, "return", body).await.expect(409);
    assert_eq!(
        (&refused["code"], &refused["branches"]),
        (&json!("confirmation_required"), &json!(2)),
        "{refused}"
    );
    let body = json!({ "comment": "again", "to": "a", "confirmed": true });
    let returned = at(&company, &instance, &company.cat, "return", body).await.expect(200);
    let asked = returned["current_approvers"].as_array().expect("people");
    assert_eq!((asked.len(), &asked[0]["name"]), (1, &json!("bob")));
}

#[tokio::test]
async fn from_the_third_return_on_it_is_pointed_out() {
    let (company, instance) = company(json!({})).await;
    for round in 1..=4 {
        let body = json!({ "comment": "which days?" });
        let returned = at(&company, &instance, &company.bob, "return", body).await.expect(200);
        assert_eq!((&returned["returns"], &returned["rounds_hint"]), (&json!(round), &json!(round >= 3)));
        on(&company, &instance, &company.ann, "resubmit", json!({})).await.expect(200);
    }
}

#[tokio::test]
async fn what_is_sent_back_is_mended_and_sent_on() {
    let (company, instance) = two_nodes(json!({})).await;
    let for_cat = company.see(&instance, &company.cat).await;
    let sending = actions(&for_cat).find(|it| it["action"] == "return").expect("a way back").clone();
    let targets: Vec<&Json> =
        sending["targets"].as_array().expect("targets").iter().map(|it| &it["node"]).collect();
    assert_eq!((targets, &sending["text_required"]), (vec![&json!(null), &json!("one")], &json!(true)));

    let body = json!({ "comment": "which days?" });
    let returned = at(&company, &instance, &company.cat, "return", body).await.expect(200);
    assert_eq!((&returned["status"], &returned["returns"]), (&json!("returned"), &json!(1)));
    assert!(allows(&company.see(&instance, &company.ann).await, &["resubmit", "withdraw"]));
    let mended = json!({ "form": { "days": 3 }, "comment": "these" });
    on(&company, &instance, &company.bob, "resubmit", mended.clone())
        .await
        .expect_problem(403, "not_initiator");
    let wrong = json!({ "form": { "days": "many" } });
    on(&company, &instance, &company.ann, "resubmit", wrong).await.expect_problem(422, "form_invalid");
    let running = on(&company, &instance, &company.ann, "resubmit", mended).await.expect(200);
    assert_eq!((&running["status"], &running["form"][0]["value"]), (&json!("running"), &json!("3")));
    assert_ne!(running["digest"], returned["digest"]);
}

#[tokio::test]
async fn a_decision_is_taken_back_as_long_as_nobody_went_on() {
    let (company, instance) = two_nodes(json!({})).await;
    assert!(allows(&company.see(&instance, &company.bob).await, &["take_back"]));
    let back = at(&company, &instance, &company.bob, "take-back", json!({})).await.expect(200);
    assert_eq!(back["current_approvers"][0]["name"], "bob");
    at(&company, &instance, &company.bob, "approve", json!({})).await.expect(200);
    at(&company, &instance, &company.cat, "approve", json!({})).await.expect(200);
    let late = at(&company, &instance, &company.bob, "take-back", json!({})).await;
    assert_eq!(late.status, 409, "{}", late.text());
}

#[tokio::test]
async fn administrators_step_in_with_a_reason_that_stays() {
    let (company, instance) = two_nodes(json!({})).await;
    let step = |what: Json, reason: &str| json!({ "what": what, "reason": reason });
    let terminate = json!({ "action": "terminate" });
    let by_ann = on(&company, &instance, &company.ann, "interventions", step(terminate.clone(), "x")).await;
    by_ann.expect_problem(403, "not_administrator");
    let silent = on(&company, &instance, &company.admin, "interventions", step(terminate.clone(), " ")).await;
    silent.expect_problem(422, "text_required");
    assert!(allows(&company.see(&instance, &company.admin).await, &["intervene"]));

    let task = task_of(&company.see(&instance, &company.ann).await, &company.cat);
    let reassign = json!({ "action": "reassign", "task": task, "to": company.eve.id });
    let moved = on(&company, &instance, &company.admin, "interventions", step(reassign, "cat is ill")).await;
    assert_eq!(moved.expect(200)["current_approvers"][0]["name"], "eve");
    assert!(last_said(&company, &instance).await[0].contains("cat is ill"));
    let other = company.submit().await;
    let foreign =
        json!({ "action": "reassign", "task": task_of(&other, &company.bob), "to": company.eve.id });
    let refused = on(&company, &instance, &company.admin, "interventions", step(foreign, "x")).await;
    assert_eq!(refused.expect_problem(400, "bad_request")["field"], "what.task");
    let ended = on(&company, &instance, &company.admin, "interventions", step(terminate, "no use")).await;
    assert_eq!(ended.expect(200)["status"], "terminated");
}

#[tokio::test]
async fn a_task_of_a_pool_is_claimed_by_one_and_given_back() {
    let company = Company::new().await;
    let pool = json!({ "kind": "approval", "id": "pool", "title": "Pool", "assign": "pool",
        "approvers": company.people(&[&company.bob, &company.cat]) });
    company.publish("leave", leave(json!([pool]))).await;
    let instance = company.submit().await;
    assert!(allows(&company.see(&instance, &company.bob).await, &["claim"]));

    at(&company, &instance, &company.bob, "claim", json!({})).await.expect(200);
    let taken = at(&company, &instance, &company.cat, "claim", json!({})).await.expect_problem(409, "taken");
    assert_eq!(taken["claimed_by"], company.bob.id.to_string());
    assert!(allows(&company.see(&instance, &company.bob).await, &["approve", "release"]));
    at(&company, &instance, &company.bob, "release", json!({})).await.expect(200);
    at(&company, &instance, &company.cat, "claim", json!({})).await.expect(200);
    let approved = at(&company, &instance, &company.cat, "approve", json!({})).await.expect(200);
    assert_eq!(approved["status"], "approved");
}

#[tokio::test]
async fn a_running_instance_is_taken_over_to_another_version() {
    let (company, instance) = two_nodes(json!({})).await;
    let template = instance["template"]["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/templates/{template}");
    let revision = company.get(&path, &company.admin).await.header("etag").to_owned();
    let node = |id: &str, member: &Member| json!({ "kind": "approval", "id": id, "title": id, "approvers": company.people(&[member]) });
    let flow = json!([node("one", &company.bob), node("two", &company.dan), node("three", &company.eve)]);
    let call = company.app.call("PUT", &path).by(&company.admin.session).header("if-match", &revision);
    call.json(&json!({ "definition": leave(flow) })).send().await.expect(200);
    company.post(&format!("{path}/publish"), &company.admin, &json!({})).await.expect(200);

    let to = json!({ "version": 2, "reason": "the law has changed" });
    on(&company, &instance, &company.ann, "migrate", to.clone())
        .await
        .expect_problem(403, "not_administrator");
    let unexplained = on(&company, &instance, &company.admin, "migrate", json!({ "version": 2 })).await;
    unexplained.expect_problem(422, "text_required");
    on(&company, &instance, &company.admin, "migrate", json!({ "version": 7, "reason": "x" }))
        .await
        .expect_problem(404, "not_found");
    let look =
        on(&company, &instance, &company.admin, "migrate/preview", json!({ "version": 2 })).await.expect(200);
    assert_eq!(
        (&look["possible"], &look["reopened"], &look["added"]),
        (&json!(true), &json!(["two"]), &json!(["three"]))
    );
    let before = company.see(&instance, &company.ann).await;

    let migrated = on(&company, &instance, &company.admin, "migrate", to).await.expect(200);
    assert_eq!(
        (&migrated["template"]["version"], &migrated["current_approvers"][0]["name"]),
        (&json!(2), &json!("dan"))
    );
    let said = last_said(&company, &instance).await;
    assert_eq!(said[0], "it goes on after version 2 of the template: the law has changed");
    let then = company.get(&format!("{}?at_version=2", path_of(&instance)), &company.ann).await.expect(200);
    assert_eq!((&then["template"], &then["nodes"]), (&before["template"], &before["nodes"]));
}
