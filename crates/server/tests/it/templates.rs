//! Templates over HTTP: drawn, checked, published, switched off.

use crate::company::{Company, leave, path_of};
use serde_json::{Value as Json, json};

fn problem_paths(problem: &Json) -> Vec<(String, String)> {
    let problems = problem["problems"].as_array().expect("problems").iter();
    let text = |value: &Json| value.as_str().expect("a text").to_owned();
    problems.map(|problem| (text(&problem["path"]), text(&problem["code"]))).collect()
}

#[tokio::test]
async fn a_draft_is_changed_only_by_whom_has_read_it_last() {
    let company = Company::new().await;
    let id = company.draft("leave", company.leave()).await;
    let path = format!("/v1/templates/{id}");
    let put = |tag: &'static str| {
        let call = company.app.call("PUT", &path).by(&company.admin.session).header("if-match", tag);
        call.json(&json!({ "definition": company.leave(), "category": "HR" })).send()
    };

    let read = company.get(&path, &company.admin).await;
    assert_eq!(read.header("etag"), "\"1\"");
    let changed = put("\"1\"").await;
    assert_eq!(changed.header("etag"), "\"2\"");
    assert_eq!(changed.expect(200)["category"], "HR");
    put("\"1\"").await.expect_problem(412, "precondition_failed");
    let call = company.app.call("PUT", &path).by(&company.admin.session);
    let blind = call.json(&json!({ "definition": company.leave() })).send().await;
    blind.expect_problem(428, "precondition_required");
    let publish = company.app.post(&format!("{path}/publish")).by(&company.admin.session);
    publish.header("if-match", "\"1\"").send().await.expect_problem(412, "precondition_failed");
}

#[tokio::test]
async fn only_administrators_and_managers_change_templates() {
    let company = Company::new().await;
    let body = json!({ "definition": company.leave() });
    company.post("/v1/templates", &company.ann, &body).await.expect_problem(403, "forbidden");

    let mut managed = company.leave();
    managed["settings"] =
        json!({ "managers": [company.bob.id], "visible_to": { "users": [company.ann.id] } });
    let id = company.draft("leave", managed).await;
    let path = format!("/v1/templates/{id}");
    company.get(&path, &company.ann).await.expect_problem(404, "not_found");
    company.post(&format!("{path}/publish"), &company.bob, &json!({})).await.expect(200);

    let of_ann = company.get(&path, &company.ann).await.expect(200);
    assert_eq!((&of_ann["may_change"], &of_ann["draft"]), (&json!(false), &json!(null)));
    assert_eq!(of_ann["published"]["name"], "Leave");
    let of_bob = company.get(&path, &company.bob).await.expect(200);
    assert_eq!(of_bob["may_change"], true);
    company.get(&path, &company.eve).await.expect_problem(404, "not_found");
    company.post(&format!("{path}/disable"), &company.ann, &json!({})).await.expect_problem(403, "forbidden");
    for (member, count) in [(&company.ann, 1), (&company.bob, 1), (&company.eve, 0), (&company.admin, 1)] {
        let list = company.get("/v1/templates", member).await.expect(200);
        assert_eq!(list["items"].as_array().map(Vec::len), Some(count), "{list}");
    }
}

#[tokio::test]
async fn a_template_without_an_approver_is_not_published() {
    let company = Company::new().await;
    let nobody = json!([{ "kind": "approval", "id": "n", "title": "N", "approvers": { "people": [] } }]);
    let id = company.draft("leave", leave(nobody)).await;

    let path = format!("/v1/templates/{id}/publish");
    let refused = company.post(&path, &company.admin, &json!({})).await.expect_problem(422, "invalid");
    let problem = ("flow[0].approvers".to_owned(), "approver_missing".to_owned());
    assert!(problem_paths(&refused).contains(&problem), "{refused}");
    let id = company.draft("empty", leave(json!([]))).await;
    let path = format!("/v1/templates/{id}/publish");
    let refused = company.post(&path, &company.admin, &json!({})).await.expect_problem(422, "invalid");
    assert!(
        problem_paths(&refused).contains(&("flow".to_owned(), "approval_missing".to_owned())),
        "{refused}"
    );
    company
        .post("/v1/instances", &company.admin, &json!({ "template": "leave", "form": { "days": 1 } }))
        .await
        .expect_problem(409, "template_not_published");
}

#[tokio::test]
async fn a_malformed_flow_is_refused_place_by_place() {
    let company = Company::new().await;
    let flow = json!([{ "kind": "spell", "id": "s" }, { "kind": "approval", "id": "a", "title": "A" }, 3]);
    let body = json!({ "definition": leave(flow) });

    let refused = company.post("/v1/templates", &company.admin, &body).await.expect_problem(422, "invalid");
    let expected =
        [("flow[0].kind", "node_kind_unknown"), ("flow[1].approvers", "required"), ("flow[2]", "malformed")];
    let expected = expected.map(|(path, code)| (path.to_owned(), code.to_owned()));
    assert_eq!(problem_paths(&refused), expected);
    let checked = company.post("/v1/templates/check", &company.ann, &body).await.expect(200);
    assert_eq!(checked["publishable"], false);
    assert_eq!(problem_paths(&checked), expected);
}

#[tokio::test]
async fn a_malformed_block_deep_inside_is_found() {
    let company = Company::new().await;
    let lanes = |blocks: Json| json!([{ "id": "l", "when": "default", "blocks": blocks }]);
    let flow = json!([
        { "kind": "parallel", "id": "p", "lanes": lanes(json!([{ "kind": "delay", "id": "d", "title": "D" }])) },
        { "kind": "each", "id": "e", "list": "x", "blocks": [{ "kind": "auto", "id": "a", "title": "A", "outcome": "no" }] },
        { "kind": "trigger", "id": "t", "title": "T", "action": "dance" },
        { "kind": "sub_process", "id": "s", "title": "S", "template": "none" },
        { "kind": "route", "id": "r", "title": "R" },
    ]);
    let body = json!({ "definition": leave(flow) });
    let checked = company.post("/v1/templates/check", &company.ann, &body).await.expect(200);
    let paths: Vec<String> = problem_paths(&checked).into_iter().map(|(path, _)| path).collect();
    let at = |path: &&str| paths.iter().any(|it| it.starts_with(*path));
    let places = ["flow[0].lanes[0].blocks[0]", "flow[1].blocks[0]", "flow[2]", "flow[3]", "flow[4]"];
    assert_eq!((paths.len(), places.iter().all(at)), (5, true), "{paths:?}");
}

#[tokio::test]
async fn a_check_tells_errors_and_doubts() {
    let company = Company::new().await;
    let id = company.draft("leave", company.leave()).await;
    let checked = company.post(&format!("/v1/templates/{id}/check"), &company.admin, &json!({})).await;
    assert_eq!(checked.expect(200)["publishable"], true);

    let unknown = uuid::Uuid::from_u128(7);
    let flow = json!([
        { "kind": "approval", "id": "n", "title": "N", "approvers": { "people": [{ "role": unknown }] } },
        { "kind": "approval", "id": "n", "title": "N", "approvers": company.people(&[&company.bob]) },
    ]);
    let body = json!({ "definition": leave(flow) });
    let checked = company.post("/v1/templates/check", &company.admin, &body).await.expect(200);
    let found = problem_paths(&checked);
    assert_eq!(checked["publishable"], false);
    assert!(found.iter().any(|(_, code)| code == "id_repeated"), "{checked}");
    assert!(
        checked["problems"].as_array().is_some_and(|all| all.iter().any(|it| it["severity"] == "warning"))
    );
}

#[tokio::test]
async fn running_instances_stay_with_their_version() {
    let company = Company::with_leave().await;
    let running = company.submit().await;
    let id = running["template"]["id"].as_str().expect("an id");
    let path = format!("/v1/templates/{id}");

    let mut next = company.leave();
    next["name"] = json!("Holiday");
    let tag = company.get(&path, &company.admin).await.header("etag").to_owned();
    let put = company.app.call("PUT", &path).by(&company.admin.session).header("if-match", &tag);
    put.json(&json!({ "definition": next })).send().await.expect(200);
    let published = company.post(&format!("{path}/publish"), &company.admin, &json!({})).await.expect(200);
    assert_eq!(published["version"], 2);

    assert_eq!(company.see(&running, &company.ann).await["template"]["name"], "Leave");
    assert_eq!(company.submit().await["template"]["name"], "Holiday");
    let versions = company.get(&format!("{path}/versions"), &company.admin).await.expect(200);
    assert_eq!(versions["items"][0]["version"], 2);
    let first = company.get(&format!("{path}/versions/1"), &company.admin).await.expect(200);
    assert_eq!(first["definition"]["name"], "Leave");
    company.get(&format!("{path}/versions/3"), &company.admin).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn a_disabled_template_begins_nothing_new() {
    let company = Company::with_leave().await;
    let running = company.submit().await;
    let id = running["template"]["id"].as_str().expect("an id");
    let body = json!({ "template": "leave", "form": { "days": 1 } });

    let disable = format!("/v1/templates/{id}/disable");
    assert_eq!(company.post(&disable, &company.admin, &json!({})).await.status, 204);
    company.post("/v1/instances", &company.admin, &body).await.expect_problem(409, "template_disabled");
    company.post("/v1/instances", &company.ann, &body).await.expect_problem(409, "template_disabled");
    company.decide(&running, &company.bob, "approve").await.expect(200);
    let enable = format!("/v1/templates/{id}/enable");
    assert_eq!(company.post(&enable, &company.admin, &json!({})).await.status, 204);
    company.post("/v1/instances", &company.ann, &body).await.expect(201);
}

#[tokio::test]
async fn disabling_may_end_what_runs_part_by_part_with_a_reason() {
    let company = Company::with_leave().await;
    let rejected = company.submit().await;
    company.decide(&rejected, &company.bob, "reject").await.expect(200);
    let id = rejected["template"]["id"].as_str().expect("an id");
    let disable = format!("/v1/templates/{id}/disable");
    let mut body = json!({ "end_running": true, "limit": 2 });
    let silent = company.post(&disable, &company.admin, &body).await.expect_problem(422, "invalid");
    assert_eq!(silent["problems"][0]["path"], "reason");
    body["reason"] = json!("the office closes");
    company.post(&disable, &company.ann, &body).await.expect_problem(403, "forbidden");
    let unmeant = json!({ "reason": "the office closes" });
    company.post(&disable, &company.admin, &unmeant).await.expect_problem(400, "bad_request");
    let running = [company.submit().await, company.submit().await, company.submit().await];

    let (mut seen, mut counted) = (Vec::new(), 0);
    let mut next = body.clone();
    loop {
        let mut report = company.post(&disable, &company.admin, &next).await.expect(200);
        counted += report["ended"].as_u64().expect("a number");
        assert_eq!(report["refused"], 0);
        let items = report["items"].as_array().expect("items");
        seen.extend(items.iter().map(|it| (it["instance"].clone(), it["outcome"].clone())));
        match report["next"].take() {
            Json::Null => break,
            after => next["after"] = after,
        }
    }
    let expected: Vec<_> = running.iter().rev().map(|it| (it["id"].clone(), json!("ended"))).collect();
    assert_eq!((seen, counted), (expected, 3));
    for instance in &running {
        assert_eq!(company.see(instance, &company.ann).await["status"], "terminated");
        let timeline =
            company.get(&format!("{}/timeline", path_of(instance)), &company.ann).await.expect(200);
        assert!(timeline.to_string().contains("the office closes"), "{timeline}");
    }
    assert_eq!(company.see(&rejected, &company.ann).await["status"], "rejected");
    let again = company.post(&disable, &company.admin, &body).await.expect(200);
    assert_eq!((&again["ended"], &again["items"]), (&json!(0), &json!([])));
    let new = json!({ "template": "leave", "form": { "days": 1 } });
    company.post("/v1/instances", &company.admin, &new).await.expect_problem(409, "template_disabled");
}

#[tokio::test]
async fn what_somebody_may_not_end_goes_on_and_he_is_told() {
    let company = Company::with_leave().await;
    let old = company.submit().await;
    let path = format!("/v1/templates/{}", old["template"]["id"].as_str().expect("an id"));
    let mut managed = company.leave();
    managed["settings"] = json!({ "managers": [company.eve.id] });
    let tag = company.get(&path, &company.admin).await.header("etag").to_owned();
    let put = company.app.call("PUT", &path).by(&company.admin.session).header("if-match", &tag);
    put.json(&json!({ "definition": managed })).send().await.expect(200);
    company.post(&format!("{path}/publish"), &company.admin, &json!({})).await.expect(200);
    let new = company.submit().await;

    let body = json!({ "end_running": true, "reason": "the office closes" });
    let report = company.post(&format!("{path}/disable"), &company.eve, &body).await.expect(200);
    assert_eq!((&report["ended"], &report["refused"]), (&json!(1), &json!(1)));
    let line = |n: usize| (&report["items"][n]["instance"], &report["items"][n]["outcome"]);
    assert_eq!(line(0), (&new["id"], &json!("ended")));
    assert_eq!(line(1), (&old["id"], &json!("refused")));
    assert_eq!(report["items"][1]["code"], "not_found");
    assert_eq!(company.see(&old, &company.ann).await["status"], "running");
}

#[tokio::test]
async fn a_code_belongs_to_one_template() {
    let company = Company::with_leave().await;
    let body = json!({ "code": "leave", "definition": company.leave() });
    let taken = company.post("/v1/templates", &company.admin, &body).await;
    assert_eq!(taken.expect_problem(409, "duplicate")["field"], "code");
    let body = json!({ "code": "请假", "definition": company.leave() });
    company.post("/v1/templates", &company.admin, &body).await.expect_problem(400, "bad_request");
}

#[tokio::test]
async fn publishing_tells_what_is_worth_a_look() {
    let company = Company::new().await;
    let id = company.draft("leave", company.leave()).await;
    let published = company.post(&format!("/v1/templates/{id}/publish"), &company.admin, &json!({})).await;
    let published = published.expect(200);
    let alone = ("flow".to_owned(), "self_approval_path".to_owned());
    assert_eq!(problem_paths(&published), [alone]);
    assert_eq!(published["problems"][0]["severity"], "warning");
}

#[tokio::test]
async fn published_templates_are_looked_at_again_when_people_change() {
    let company = Company::new().await;
    let mut leave = company.leave();
    leave["settings"] =
        json!({ "visible_to": { "users": [company.ann.id] }, "managers": [company.admin.id] });
    let id = company.draft("leave", leave).await;
    let path = format!("/v1/templates/{id}/problems");
    company.get(&path, &company.admin).await.expect_problem(404, "not_found");
    company.post(&format!("/v1/templates/{id}/publish"), &company.admin, &json!({})).await.expect(200);
    company.get(&path, &company.ann).await.expect_problem(403, "forbidden");
    let first = company.get(&path, &company.admin).await.expect(200);
    assert_eq!((&first["version"], problem_paths(&first)), (&json!(1), Vec::new()));
    company.app.app.work_until_idle().await.expect("work");

    let user = format!("/v1/users/{}", company.cat.id);
    let leaves = company.app.call("PUT", &user).by(&company.admin.session);
    leaves.json(&json!({ "login": "cat", "name": "Cat", "active": false })).send().await.expect(200);
    company.app.app.work_until_idle().await.expect("work");
    let soon = company.get(&path, &company.admin).await.expect(200);
    assert_eq!(problem_paths(&soon), [], "many changes are looked at together");
    company.app.app.clock.advance(jiff::SignedDuration::from_mins(11));
    company.app.app.work_until_idle().await.expect("work");
    let later = company.get(&path, &company.admin).await.expect(200);
    let found = ("flow[0].approvers[0]".to_owned(), "user_not_active".to_owned());
    assert_eq!(problem_paths(&later), [found]);
    assert_ne!(first["checked_at"], later["checked_at"]);
}

/// Other surfaces keep what is theirs, and are not told of it.
#[tokio::test]
async fn members_nobody_knows_are_told_of_our_own_templates_alone() {
    let company = Company::new().await;
    let mut node =
        json!({ "kind": "approval", "id": "n", "title": "N", "approvers": company.people(&[&company.bob]) });
    node["feilds"] = json!({});
    let definition = leave(json!([node]));
    let body = json!({ "definition": definition });
    let checked = company.post("/v1/templates/check", &company.admin, &body).await.expect(200);
    let expected = ("flow[0].feilds".to_owned(), "member_unknown".to_owned());
    assert!(problem_paths(&checked).contains(&expected), "{checked}");
    assert_eq!(checked["publishable"], true);

    let template = zhupi_server::app::templates::read_definition(&definition).expect("a template");
    let found =
        company.app.app.check_definition(company.app.tenant, &template, "wps").await.expect("a check");
    assert!(found.iter().all(|problem| problem.code != "member_unknown"), "{found:?}");
}

/// What is wrong with a definition is said in words of its author, at its place.
#[tokio::test]
async fn a_definition_is_refused_in_plain_words_at_the_place() {
    let company = Company::new().await;
    let refused = async |change: Json, place: &str| {
        let mut node = json!({ "kind": "approval", "id": "n", "title": "N", "approvers": company.people(&[&company.bob]) });
        node.as_object_mut().expect("a node").extend(change.as_object().expect("members").clone());
        let body = json!({ "definition": leave(json!([node])) });
        let checked = company.post("/v1/templates/check", &company.admin, &body).await.expect(200);
        let problem = checked["problems"][0].clone();
        assert_eq!(problem["path"], place, "{checked}");
        problem["message"].as_str().expect("words").to_owned()
    };
    let words = refused(json!({ "opinion": "always" }), "flow[0].opinion").await;
    assert_eq!(words, "expected one of `optional`, `on_approve`, `on_reject`, `required`, found `always`");
    let words = refused(json!({ "returns": { "target": "any" } }), "flow[0].returns.target").await;
    assert!(words.starts_with("nothing is known by this name"), "{words}");
    let words = refused(json!({ "mode": { "kind": "vote" } }), "flow[0].mode.threshold").await;
    assert_eq!(words, "it is required");
    let words = refused(json!({ "title": 7 }), "flow[0].title").await;
    assert_eq!(words, "expected a text, found `7`");
}

/// To whom a template is not open it does not exist, disabled or not.
#[tokio::test]
async fn a_disabled_template_is_told_of_only_to_those_it_is_meant_for() {
    let company = Company::new().await;
    let mut definition = company.leave();
    definition["settings"] = json!({ "visible_to": { "users": [company.ann.id] } });
    let id = company.publish("leave", definition).await;
    let disable = format!("/v1/templates/{id}/disable");
    assert_eq!(company.post(&disable, &company.admin, &json!({})).await.status, 204);
    let by_code = json!({ "template": "leave", "form": { "days": 1 } });
    let by_id = json!({ "template": id, "form": { "days": 1 } });
    for body in [by_code, by_id] {
        company.post("/v1/instances", &company.ann, &body).await.expect_problem(409, "template_disabled");
        company.post("/v1/instances", &company.eve, &body).await.expect_problem(404, "not_found");
    }
}
