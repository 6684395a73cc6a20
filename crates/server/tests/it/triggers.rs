//! Trigger nodes that call and wait, and sub-processes, from end to end.

use crate::company::{Company, Member};
use crate::harness::TestApp;
use crate::receiver::Receiver;
use futures_util::future::join_all;
use serde_json::{Value as Json, json};
use uuid::Uuid;
use zhupi_engine::Instance;
use zhupi_engine::ids::{InstanceId, TemplateId};
use zhupi_server::work::children::CHILDREN_LIMIT;
use zhupi_server::work::outbox::Trouble;
use zhupi_server::work::schedule::ATTEMPTS;
use zhupi_server::work::stuck;
use zhupi_store::{Act, Change, Committed, DeliveryFilter, Page};

async fn company() -> (Company, Receiver) {
    let app = TestApp::with(&[("allow_private_targets", "127.0.0.0/8")]).await;
    (Company::of(app).await, Receiver::start().await)
}

fn definition(flow: Json) -> Json {
    json!({
        "name": "test",
        "form": [
            { "id": "sum", "kind": "number", "title": "Sum" },
            { "id": "note", "kind": "text", "title": "Note" },
        ],
        "flow": flow,
    })
}

fn ask(company: &Company, id: &str, member: &Member) -> Json {
    json!({ "kind": "approval", "id": id, "title": id, "approvers": company.people(&[member]) })
}

fn trigger(action: Json) -> Json {
    json!({ "kind": "trigger", "id": "call", "title": "Call", "action": action })
}

async fn submit(company: &Company, template: &str) -> Json {
    let body = json!({ "template": template, "form": { "sum": 5 } });
    let made = company.post("/v1/instances", &company.ann, &body).await.expect(201);
    company.app.app.work_until_idle().await.expect("work");
    made
}

async fn look(company: &Company, instance: &Json) -> Json {
    let path = format!("/v1/instances/{}", instance["id"].as_str().unwrap());
    company.get(&path, &company.ann).await.expect(200)
}

/// The part of an address that our own router sees.
fn path_of(address: &Json) -> String {
    address.as_str().unwrap().split_once("/v1/").map(|(_, rest)| format!("/v1/{rest}")).unwrap()
}

#[tokio::test]
async fn a_trigger_calls_and_goes_on() {
    let (company, receiver) = company().await;
    let call = trigger(json!({ "call": { "url": receiver.url("/hook") } }));
    company.publish("t", definition(json!([call, ask(&company, "n", &company.bob)]))).await;
    let instance = submit(&company, "t").await;

    let told = receiver.told();
    let body = told[0].json();
    assert_eq!(
        (&body["type"], &body["node"], &body["instance"]),
        (&json!("trigger.called"), &json!("call"), &instance["id"])
    );
    assert_eq!((body["values"]["sum"].clone(), body.get("answer_to")), (json!("5"), None));
    let secret = company.get("/v1/trigger-secret", &company.admin).await.expect(200);
    assert!(secret["secret"].as_str().unwrap().starts_with("whsec_"));
    assert!(told[0].header("webhook-signature").starts_with("v1,"));
    company.get("/v1/trigger-secret", &company.bob).await.expect_problem(403, "forbidden");
    company.decide(&instance, &company.bob, "approve").await.expect(200);
}

#[tokio::test]
async fn a_trigger_that_waits_takes_one_answer() {
    let (company, receiver) = company().await;
    let action = json!({ "call_and_wait": { "url": receiver.url("/hook"), "sets": ["sum"] } });
    company.publish("t", definition(json!([trigger(action), ask(&company, "n", &company.bob)]))).await;
    let instance = submit(&company, "t").await;
    assert_eq!(look(&company, &instance).await["status"], "running");

    let hook = path_of(&receiver.told()[0].json()["answer_to"]);
    let answer = |body: Json| {
        let (app, hook) = (&company.app, hook.clone());
        async move { app.post(&hook).json(&body).send().await }
    };
    let wrong = answer(json!({ "values": { "note": "x" } })).await.expect_problem(422, "invalid");
    assert_eq!(wrong["problems"][0]["code"], "field_not_editable");
    answer(json!({ "values": { "sum": 7 } })).await.expect(204);
    assert_eq!(look(&company, &instance).await["form"][0]["value"], json!("7"));
    answer(json!({})).await.expect_problem(409, "visit_not_open");
    company.decide(&instance, &company.bob, "approve").await.expect(200);
    assert_eq!(look(&company, &instance).await["status"], "approved");
}

#[tokio::test]
async fn an_address_that_is_not_ours_answers_nothing() {
    let (company, receiver) = company().await;
    let action = json!({ "call_and_wait": { "url": receiver.url("/hook") } });
    company.publish("t", definition(json!([trigger(action), ask(&company, "n", &company.bob)]))).await;
    let instance = submit(&company, "t").await;
    let hook = path_of(&receiver.told()[0].json()["answer_to"]);
    let other = |at: usize| {
        let mut token: Vec<char> = hook.chars().collect();
        let place = "/v1/hooks/".len() + at;
        token[place] = if token[place] == 'A' { 'B' } else { 'A' };
        token.into_iter().collect::<String>()
    };
    for wrong in [other(45), other(60), "/v1/hooks/x".to_owned()] {
        company.app.post(&wrong).json(&json!({})).send().await.expect_problem(404, "not_found");
    }
    let body = json!({ "outcome": "rejected" });
    company.app.post(&hook).json(&body).send().await.expect(204);
    assert_eq!(look(&company, &instance).await["status"], "rejected");
}

/// The child asks bob; the parent asks cat when it is through.
async fn with_child(company: &Company, child: Json) -> Json {
    let template = company.publish("child", child).await;
    let sub = json!({
        "kind": "sub_process", "id": "sub", "title": "Sub", "template": template,
        "fill": { "sum": "sum" }, "wait": { "until": { "take": { "note": "note" } } },
    });
    company.publish("parent", definition(json!([sub, ask(company, "last", &company.cat)]))).await;
    submit(company, "parent").await
}

/// The instance whose task somebody has now.
async fn task_of(company: &Company, member: &Member) -> Option<Json> {
    let tasks = company.get("/v1/tasks", member).await.expect(200);
    tasks["items"].as_array().and_then(|all| all.first().cloned())
}

async fn decide(company: &Company, member: &Member, what: &str) {
    let task = task_of(company, member).await.expect("a task");
    let id = task["task"].as_str().unwrap().to_owned();
    let body = json!({ "comment": "words" });
    company.post(&format!("/v1/tasks/{id}/{what}"), member, &body).await.expect(200);
    company.app.app.work_until_idle().await.expect("work");
}

#[tokio::test]
async fn a_sub_process_begins_and_its_end_lets_the_parent_go_on() {
    let (company, _) = company().await;
    let child = definition(json!([ask(&company, "n", &company.bob)]));
    let parent = with_child(&company, child).await;
    assert!(task_of(&company, &company.cat).await.is_none());
    decide(&company, &company.bob, "approve").await;
    assert!(task_of(&company, &company.cat).await.is_some());
    decide(&company, &company.cat, "approve").await;
    assert_eq!(look(&company, &parent).await["status"], "approved");
}

/// What the parent does not fill gets its default, as in any other submission.
#[tokio::test]
async fn a_sub_process_begins_with_the_defaults_of_its_form() {
    let (company, _) = company().await;
    let mut child = definition(json!([ask(&company, "n", &company.bob)]));
    child["form"][1].as_object_mut().unwrap().extend([
        ("required".to_owned(), json!(true)),
        ("default".to_owned(), json!({ "value": "as usual" })),
    ]);
    child["form"][0]["default"] = json!({ "value": "1" });
    let parent = with_child(&company, child).await;
    assert_eq!(look(&company, &parent).await["status"], "running");
    let task = task_of(&company, &company.bob).await.expect("a task");
    let seen = look(&company, &json!({ "id": task["instance"] })).await;
    assert_eq!((&seen["form"][0]["value"], &seen["form"][1]["value"]), (&json!("5"), &json!("as usual")));
}

#[tokio::test]
async fn the_childs_rejection_reaches_the_parent() {
    let (company, _) = company().await;
    let child = definition(json!([ask(&company, "n", &company.bob)]));
    let parent = with_child(&company, child).await;
    decide(&company, &company.bob, "reject").await;
    assert_eq!(look(&company, &parent).await["status"], "rejected");
}

#[tokio::test]
async fn a_child_that_cannot_begin_stops_its_parent_with_the_reason_until_somebody_has_it_tried_again() {
    let (company, _) = company().await;
    let child = company.publish("child", definition(json!([ask(&company, "n", &company.bob)]))).await;
    let sub = json!({ "kind": "sub_process", "id": "sub", "title": "Sub", "template": child });
    company.publish("parent", definition(json!([sub, ask(&company, "last", &company.cat)]))).await;
    state(&company, &child, "disable").await;
    let parent = submit(&company, "parent").await;
    let dead = dead(&company, "begin_child").await;
    let reason = format!("the sub-process could not begin: the template is disabled (delivery {})", dead.id);
    assert_eq!(stopped(&company, &parent).await, reason);
    let stuck = json!([{ "visit": 0, "node": "sub", "title": "Sub", "reason": reason }]);
    assert_eq!(look(&company, &parent).await["stuck"], stuck);
    for (path, member) in [
        ("/v1/instances", &company.ann),
        ("/v1/tasks?box=mine", &company.ann),
        ("/v1/instances?of=all&status=suspended", &company.admin),
    ] {
        let list = company.get(path, member).await.expect(200);
        assert_eq!(list["items"][0]["stuck"], stuck, "{path}");
    }

    state(&company, &child, "enable").await;
    intervene(&company, &parent, "retry").await;
    let seen = look(&company, &parent).await;
    assert_eq!((&seen["status"], seen.get("stuck")), (&json!("running"), None));
    decide(&company, &company.bob, "approve").await;
    decide(&company, &company.cat, "approve").await;
    assert_eq!(look(&company, &parent).await["status"], "approved");
}

/// What keeps a child from beginning is found when its parent is published.
#[tokio::test]
async fn a_parent_is_published_only_with_children_that_can_begin() {
    let (company, _) = company().await;
    let mut drawn = definition(json!([ask(&company, "n", &company.bob)]));
    drawn["form"][1]["required"] = json!(true);
    let child = company.publish("child", drawn).await;
    let found = async |more: Json| {
        let mut sub = json!({ "kind": "sub_process", "id": "sub", "title": "Sub", "template": child });
        sub.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let lanes = json!([{ "id": "l", "when": "default", "blocks": [sub] }]);
        let branch = json!({ "kind": "branch", "id": "b", "lanes": lanes });
        let body = json!({ "definition": definition(json!([branch, ask(&company, "n", &company.cat)])) });
        let checked = company.post("/v1/templates/check", &company.admin, &body).await.expect(200);
        let problems = checked["problems"].as_array().unwrap().iter();
        let at =
            |it: &Json| it["path"].as_str()?.strip_prefix("flow[0].lanes[0].blocks[0].").map(str::to_owned);
        problems
            .filter_map(|it| {
                Some(format!("{} {} {}", at(it)?, it["code"].as_str()?, it["severity"].as_str()?))
            })
            .collect::<Vec<String>>()
    };
    assert_eq!(found(json!({})).await, ["fill child_field_unfilled error"]);
    assert_eq!(found(json!({ "fill": { "note": "note" } })).await, [""; 0]);
    let wrong = json!({ "fill": { "note": "note", "day": "note" }, "wait": { "until": { "take": { "note": "out" } } } });
    let expected = ["fill.day child_field_unknown error", "wait.until.take.note child_field_unknown error"];
    assert_eq!(found(wrong).await, expected);
    let nobodys = uuid::Uuid::from_u128(7);
    assert_eq!(found(json!({ "template": nobodys })).await, ["template child_unknown error"]);
    let draft = company.draft("draft", definition(json!([]))).await;
    assert_eq!(found(json!({ "template": draft })).await, ["template child_not_ready warning"]);

    let sub = json!({ "kind": "sub_process", "id": "sub", "title": "Sub", "template": child });
    let parent = company.draft("parent", definition(json!([sub, ask(&company, "n", &company.cat)]))).await;
    let path = format!("/v1/templates/{parent}/publish");
    let refused = company.app.post(&path).by(&company.admin.session).send().await;
    assert_eq!(refused.expect_problem(422, "invalid")["problems"][0]["code"], "child_field_unfilled");
}

/// What came to be required since the parent was published. Values and words of the form are for those alone who look after
/// deliveries.
#[tokio::test]
async fn what_a_child_lacks_is_named() {
    let (company, _) = company().await;
    let mut drawn = definition(json!([ask(&company, "n", &company.bob)]));
    let child = company.publish("child", drawn.clone()).await;
    let sub = json!({ "kind": "sub_process", "id": "sub", "title": "Sub", "template": child });
    company.publish("parent", definition(json!([sub, ask(&company, "last", &company.cat)]))).await;
    drawn["form"][1]["required"] = json!(true);
    publish_again(&company, &child, drawn).await;
    let parent = submit(&company, "parent").await;
    let dead = dead(&company, "begin_child").await;
    let reason = format!("the sub-process could not begin: form.note (required) (delivery {})", dead.id);
    assert_eq!(stopped(&company, &parent).await, reason);
    assert!(dead.error.contains("`Note`"), "{}", dead.error);
    intervene(&company, &parent, "terminate").await;
    assert_eq!(look(&company, &parent).await["status"], "terminated");
}

#[tokio::test]
async fn a_call_that_is_never_taken_stops_what_waits_for_it_with_the_reason() {
    let (mut company, receiver) = company().await;
    receiver.usually(500, "");
    let action = json!({ "call_and_wait": { "url": receiver.url("/hook") } });
    company.publish("t", definition(json!([trigger(action), ask(&company, "n", &company.bob)]))).await;
    let instance = submit(&company, "t").await;
    assert_eq!(look(&company, &instance).await["status"], "running");
    for _ in 1..ATTEMPTS {
        company.app.app.clock.advance(jiff::SignedDuration::from_hours(24));
        company.app.app.work_until_idle().await.expect("work");
    }
    for member in [&mut company.ann, &mut company.bob, &mut company.admin] {
        member.session = company.app.session(member.id).await;
    }
    let dead = dead(&company, "trigger").await;
    let reason = format!("the call could not be delivered (delivery {})", dead.id);
    assert_eq!(stopped(&company, &instance).await, reason);
    assert_eq!(dead.error, "the receiver answered with status 500");

    receiver.usually(200, "");
    let told = receiver.told().len();
    intervene(&company, &instance, "retry").await;
    assert_eq!(look(&company, &instance).await["status"], "running");
    let hook = path_of(&receiver.told()[told].json()["answer_to"]);
    company.app.post(&hook).json(&json!({})).send().await.expect(204);
    company.decide(&instance, &company.bob, "approve").await.expect(200);
    assert_eq!(look(&company, &instance).await["status"], "approved");
}

async fn state(company: &Company, template: &str, verb: &str) {
    let path = format!("/v1/templates/{template}/{verb}");
    company.post(&path, &company.admin, &json!({})).await.expect(204);
}

async fn publish_again(company: &Company, template: &str, definition: Json) {
    let path = format!("/v1/templates/{template}");
    let seen = company.get(&path, &company.admin).await;
    let call =
        company.app.call("PUT", &path).by(&company.admin.session).header("if-match", seen.header("etag"));
    call.json(&json!({ "definition": definition })).send().await.expect(200);
    let path = format!("/v1/templates/{template}/publish");
    company.app.post(&path).by(&company.admin.session).send().await.expect(200);
}

async fn intervene(company: &Company, instance: &Json, verb: &str) {
    let path = format!("/v1/instances/{}/interventions", instance["id"].as_str().unwrap());
    let body = json!({ "what": { "action": verb }, "reason": "it has to go on" });
    company.post(&path, &company.admin, &body).await.expect(200);
    company.app.app.work_until_idle().await.expect("work");
}

struct Dead {
    id: String,
    /// What came of its last attempt.
    error: String,
}

/// The newest dead delivery of a kind.
async fn dead(company: &Company, kind: &str) -> Dead {
    let path = format!("/v1/deliveries?state=dead&kind={kind}");
    let list = company.get(&path, &company.admin).await.expect(200);
    let id = list["items"][0]["id"].as_str().expect("a dead delivery").to_owned();
    let shown = company.get(&format!("/v1/deliveries/{id}"), &company.admin).await.expect(200);
    let last = shown["tries"].as_array().expect("attempts").last().expect("an attempt").clone();
    Dead { id, error: last["error"].as_str().unwrap_or_default().to_owned() }
}

/// Why an instance that has stopped does not go on.
async fn stopped(company: &Company, instance: &Json) -> String {
    let seen = look(company, instance).await;
    assert_eq!(seen["status"], "suspended");
    let path = format!("/v1/instances/{}/timeline", instance["id"].as_str().unwrap());
    let timeline = company.get(&path, &company.ann).await.expect(200);
    let entries = timeline["items"].as_array().expect("entries").iter();
    let lines = entries.flat_map(|entry| entry["lines"].as_array().into_iter().flatten());
    let words = lines.filter_map(|line| line["text"].as_str());
    let said = words.filter_map(|text| text.strip_prefix("stopped at "));
    said.filter_map(|text| text.split_once(": "))
        .map(|(_, why)| why.to_owned())
        .next_back()
        .expect("a reason")
}

#[tokio::test]
async fn the_parents_withdrawal_ends_the_children_it_waits_for() {
    let (company, _) = company().await;
    let child = definition(json!([ask(&company, "n", &company.bob)]));
    let parent = with_child(&company, child).await;
    assert!(task_of(&company, &company.bob).await.is_some());
    let path = format!("/v1/instances/{}/withdraw", parent["id"].as_str().unwrap());
    company.post(&path, &company.ann, &json!({ "reason": "no" })).await.expect(200);
    company.app.app.work_until_idle().await.expect("work");
    assert!(task_of(&company, &company.bob).await.is_none());
}

/// A sub-process that begins itself comes to an end.
#[tokio::test]
async fn sub_processes_do_not_lie_in_one_another_for_ever() {
    let (company, _) = company().await;
    let id = company.draft("self", definition(json!([]))).await;
    let sub = json!({ "kind": "sub_process", "id": "sub", "title": "Sub", "template": id });
    publish_again(&company, &id, definition(json!([sub, ask(&company, "n", &company.bob)]))).await;
    let instance = submit(&company, "self").await;
    assert_eq!(look(&company, &instance).await["status"], "running");
    let found = company.get("/v1/instances?status=suspended", &company.ann).await.expect(200);
    let deepest = found["items"].as_array().unwrap();
    assert_eq!(deepest.len(), 1, "{found}");
    assert!(stopped(&company, &deepest[0]).await.contains("10 deep"));
    let root: InstanceId = instance["id"].as_str().unwrap().parse().unwrap();
    let begun = company.app.app.store.count_children(company.app.tenant, root, 100).await.expect("a count");
    assert_eq!(begun, 10, "each counts for the one at the top");
    intervene(&company, &deepest[0], "terminate").await;
    assert_eq!(look(&company, &instance).await["status"], "rejected");
}

/// The second sub-process would be one too many.
#[tokio::test]
async fn a_request_begins_so_many_sub_processes_and_no_more() {
    let (company, _) = company().await;
    let child = company.publish("child", definition(json!([ask(&company, "n", &company.cat)]))).await;
    let sub = |id: &str, wait: Json| json!({ "kind": "sub_process", "id": id, "title": id, "template": child, "wait": wait });
    let waits = json!({ "until": {} });
    let between = ask(&company, "between", &company.bob);
    let flow = json!([sub("one", json!("detached")), between, sub("two", waits)]);
    company.publish("parent", definition(flow)).await;
    let parent = submit(&company, "parent").await;
    let (store, tenant) = (&company.app.app.store, company.app.tenant);
    let root: InstanceId = parent["id"].as_str().unwrap().parse().unwrap();
    let of = TemplateId(child.parse().unwrap());
    let others = (1..CHILDREN_LIMIT).map(|_| {
        let other = Instance::draft(InstanceId(Uuid::now_v7()), of, 1, company.ann.id);
        let other = Instance { version: 1, ..other };
        let act =
            Act { actor: company.ann.id, at: company.app.app.now(), command: "submit", events: Vec::new() };
        let mut change = Change::first(tenant, &other, act, None).expect("a change");
        change.root = Some(root);
        store.commit(change)
    });
    for committed in join_all(others).await {
        assert_eq!(committed.expect("a commit"), Committed::Done);
    }
    decide(&company, &company.bob, "approve").await;
    let why = stopped(&company, &parent).await;
    assert!(why.contains("has begun 1000 sub-processes"), "{why}");
}

/// Nobody waits for it, so that the way is not stopped; an administrator has it delivered again.
#[tokio::test]
async fn a_detached_child_that_cannot_begin_is_told_of_and_begins_when_it_is_delivered_again() {
    let (company, _) = company().await;
    let child = company.publish("child", definition(json!([ask(&company, "n", &company.bob)]))).await;
    let sub =
        json!({ "kind": "sub_process", "id": "sub", "title": "Sub", "template": child, "wait": "detached" });
    company.publish("parent", definition(json!([sub, ask(&company, "last", &company.cat)]))).await;
    state(&company, &child, "disable").await;
    let parent = submit(&company, "parent").await;
    let seen = look(&company, &parent).await;
    let dead = dead(&company, "begin_child").await;
    let why = "the sub-process could not begin: the template is disabled";
    let warning = format!("`Sub`: {why} (delivery {})", dead.id);
    assert_eq!((&seen["status"], &seen["warnings"]), (&json!("running"), &json!([warning])));
    let path = format!("/v1/instances/{}/timeline", parent["id"].as_str().unwrap());
    let timeline = company.get(&path, &company.ann).await.expect(200);
    assert_eq!(timeline["items"][1]["lines"][0]["text"], warning, "{timeline}");

    state(&company, &child, "enable").await;
    redeliver(&company, "begin_child").await;
    assert!(task_of(&company, &company.bob).await.is_some());
    assert_eq!(look(&company, &parent).await["warnings"], json!([warning]));
}

#[tokio::test]
async fn an_answer_that_cannot_be_taken_over_stops_the_parent_until_it_is_delivered_again() {
    let (company, _) = company().await;
    let child = definition(json!([ask(&company, "n", &company.bob)]));
    let parent = with_child(&company, child).await;
    let task = task_of(&company, &company.bob).await.expect("a task")["task"].clone();
    let path = format!("/v1/tasks/{}/approve", task.as_str().unwrap());
    company.post(&path, &company.bob, &json!({ "comment": "yes" })).await.expect(200);
    let store = &company.app.app.store;
    let filter = DeliveryFilter { kind: Some("answer".to_owned()), ..DeliveryFilter::default() };
    let answers =
        store.list_deliveries(company.app.tenant, &filter, &Page::first(1)).await.expect("deliveries");
    let answer = &answers.rows[0];
    let trouble = Trouble::Again("the log says why".to_owned());
    stuck::stop(&company.app.app, answer, &trouble).await.expect("an instance that is stopped");
    let reason = format!("what came of the sub-process could not be taken over (delivery {})", answer.id);
    assert_eq!(stopped(&company, &parent).await, reason);
    assert_eq!(look(&company, &parent).await["stuck"][0]["reason"], reason);

    redeliver(&company, "answer").await;
    assert_eq!(look(&company, &parent).await["status"], "running");
    decide(&company, &company.cat, "approve").await;
    assert_eq!(look(&company, &parent).await["status"], "approved");
}

/// An administrator has the deliveries of this kind tried once more.
async fn redeliver(company: &Company, kind: &str) {
    let found = company.get(&format!("/v1/deliveries?kind={kind}"), &company.admin).await.expect(200);
    let path = format!("/v1/deliveries/{}/redeliver", found["items"][0]["id"].as_str().unwrap());
    company.post(&path, &company.admin, &json!({})).await.expect(202);
    company.app.app.work_until_idle().await.expect("work");
}
