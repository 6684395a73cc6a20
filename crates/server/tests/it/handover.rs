//! Handing over what a person leaves behind.

use crate::company::{Company, Member, leave, path_of};
use serde_json::{Value as Json, json};
use zhupi_engine::directory::{Department, Role};

/// Bob decides about leave, holds a role, heads a department, stands in for cat; dan reports to him.
async fn company() -> Company {
    let company = Company::new().await;
    let bob = company.bob.id;
    let node = json!({
        "kind": "approval", "id": "lead", "title": "Lead", "approvers": company.people(&[&company.bob]),
    });
    company.publish("leave", leave(json!([node]))).await;
    let put = async |path: &str, body: Json| {
        company.post(path, &company.admin, &body).await.expect(201);
    };
    put("/v1/roles", json!({ "name": "cashier", "members": [bob] })).await;
    put("/v1/departments", json!({ "name": "sales", "heads": [bob, company.cat.id] })).await;
    let away = json!({
        "owner": company.cat.id, "substitute": bob,
        "from": "2026-03-03T00:00:00Z", "until": "2026-03-09T00:00:00Z",
    });
    put("/v1/absences", away).await;
    let dan = json!({ "name": "dan", "login": "dan", "supervisor": bob });
    let path = format!("/v1/users/{}", company.dan.id);
    company.app.call("PUT", &path).by(&company.admin.session).json(&dan).send().await.expect(200);
    company
}

async fn hand_over(company: &Company, body: Json) -> crate::harness::Answer {
    let path = format!("/v1/users/{}/handover", company.bob.id);
    company.post(&path, &company.admin, &body).await
}

fn to(member: &Member) -> Json {
    json!({ "to": member.id, "reason": "bob leaves" })
}

/// Kind, name, count and outcome of each thing, sorted.
fn lines(report: &Json) -> Vec<String> {
    let items = report["items"].as_array().expect("items").iter();
    let text = |it: &Json| it.as_str().unwrap_or_default().to_owned();
    let line = |it: &Json| {
        format!("{} {} {} {}", text(&it["kind"]), text(&it["name"]), it["count"], text(&it["outcome"]))
    };
    let mut lines: Vec<String> = items.map(line).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn what_a_person_leaves_behind_is_shown_and_then_handed_over() {
    let company = company().await;
    let first = company.submit().await;
    company.submit().await;
    let mut look = to(&company.eve);
    look["dry_run"] = json!(true);
    let seen = hand_over(&company, look.clone()).await.expect(200);
    let expected = [
        "absence cat 1 seen",
        "department sales 1 seen",
        "instance Leave · ann 1 seen",
        "instance Leave · ann 1 seen",
        "report dan 1 seen",
        "role cashier 1 seen",
        "template Leave 1 seen",
    ];
    assert_eq!(lines(&seen), expected);

    let given = hand_over(&company, to(&company.eve)).await.expect(200);
    assert_eq!(lines(&given), expected.map(|line| line.replace("seen", "given")), "{given}");
    let left = hand_over(&company, look).await.expect(200);
    assert_eq!(left["items"], json!([]));

    let tasks = company.get("/v1/tasks?box=todo", &company.eve).await.expect(200);
    assert_eq!(tasks["items"].as_array().map(Vec::len), Some(2));
    let id = first["id"].as_str().expect("an id").parse().expect("an id");
    let rows = company.app.app.store.load_history(company.app.tenant, id).await.expect("a history");
    let last = rows.last().expect("an entry");
    assert_eq!((last.command.as_str(), last.actor), ("hand_over", company.admin.id));
    assert!(last.body.contains("bob leaves"), "{}", last.body);

    // What is asked from now on is asked of the new one, and bob may go.
    let third = company.submit().await;
    company.decide(&third, &company.eve, "approve").await.expect(200);
    let roles = company.get("/v1/roles", &company.admin).await.expect(200);
    assert_eq!(roles[0]["members"][0]["name"], "eve");
}

#[tokio::test]
async fn things_of_one_kind_may_go_to_somebody_else() {
    let company = company().await;
    company.submit().await;
    let mut body = to(&company.eve);
    body["receivers"] = json!({ "instance": company.cat.id });
    hand_over(&company, body).await.expect(200);
    let todo = async |member: &Member| {
        let tasks = company.get("/v1/tasks?box=todo", member).await.expect(200);
        tasks["items"].as_array().map(Vec::len)
    };
    assert_eq!((todo(&company.cat).await, todo(&company.eve).await), (Some(1), Some(0)));
    let roles = company.get("/v1/roles", &company.admin).await.expect(200);
    assert_eq!(roles[0]["members"][0]["name"], "eve");
}

#[tokio::test]
async fn what_the_receiver_may_not_have_stays_and_is_said() {
    let company = company().await;
    company.submit().await;
    // Ann asked herself.
    let report = hand_over(&company, to(&company.ann)).await.expect(200);
    let items = report["items"].as_array().expect("items");
    let instance = items.iter().find(|it| it["kind"] == "instance").expect("the instance");
    assert_eq!(instance["outcome"], "kept");
    assert!(instance["why"].is_string());
}

/// Another server has just changed the role; this one does not know yet.
#[tokio::test]
async fn what_others_have_changed_meanwhile_stays_changed() {
    let company = company().await;
    let (store, tenant) = (&company.app.app.store, company.app.tenant);
    let known = company.app.app.directory(tenant).await.expect("a directory");
    let (role, department) = (known.roles()[0].clone(), known.departments()[0].clone());
    let role = Role { members: vec![company.bob.id, company.dan.id], name: "teller".to_owned(), ..role };
    store.put_role(tenant, &role).await.expect("a role");
    let department = Department { name: "sales and more".to_owned(), ..department };
    store.put_department(tenant, &department).await.expect("a department");

    hand_over(&company, to(&company.eve)).await.expect(200);
    let now = store.load_directory(tenant).await.expect("a directory");
    assert_eq!(now.roles()[0], &Role { members: vec![company.eve.id, company.dan.id], ..role });
    let heads = vec![company.eve.id, company.cat.id];
    assert_eq!(now.departments()[0], &Department { heads, ..department });
}

/// Bob keeps a draft of what he asked once, with its file, and a newer one with nothing in it.
async fn with_drafts() -> (Company, Json) {
    let company = Company::new().await;
    let node =
        json!({ "kind": "approval", "id": "n", "title": "N", "approvers": company.people(&[&company.cat]) });
    let mut papers = leave(json!([node]));
    papers["form"].as_array_mut().unwrap().push(json!({ "id": "papers", "kind": "file", "title": "Papers" }));
    company.publish("papers", papers).await;
    let upload = company.app.post("/v1/files?name=a.txt").by(&company.bob.session);
    let file = upload.header("content-type", "text/plain").body("hello").send().await.expect(201);
    let files = json!([{ "id": file["id"], "name": "a.txt" }]);
    let ask = json!({ "template": "papers", "form": { "days": 2, "papers": files } });
    let asked = company.post("/v1/instances", &company.bob, &ask).await.expect(201);
    company.decide(&asked, &company.cat, "approve").await.expect(200);
    company.post(&format!("{}/copy", path_of(&asked)), &company.bob, &json!({})).await.expect(201);
    company.app.app.clock.advance(jiff::SignedDuration::from_mins(1));
    company.post("/v1/drafts", &company.bob, &json!({ "template": "papers" })).await.expect(201);
    (company, asked)
}

#[tokio::test]
async fn a_draft_that_was_handed_over_can_be_finished_with_its_files() {
    let (company, asked) = with_drafts().await;
    let report = hand_over(&company, to(&company.eve)).await.expect(200);
    assert!(lines(&report).contains(&"draft drafts 2 given".to_owned()), "{report}");
    let drafts = company.get("/v1/drafts", &company.eve).await.expect(200);
    let draft = drafts["items"].as_array().unwrap().iter().find(|it| it["filled_in"]["form"]["days"] == "2");
    let draft = draft.expect("the draft").clone();
    assert!(draft["filled_in"].get("copied_from").is_none(), "{draft}");
    let file = &draft["filled_in"]["form"]["papers"][0]["id"];
    company.get(&format!("/v1/files/{}", file.as_str().unwrap()), &company.eve).await.expect(200);
    let mut ask = json!({ "template": "papers", "draft": draft["id"] });
    ask.as_object_mut().unwrap().extend(draft["filled_in"].as_object().unwrap().clone());
    let begun = company.post("/v1/instances", &company.eve, &ask).await.expect(201);
    for instance in [&asked, &begun] {
        let form = instance["form"].as_array().unwrap();
        let papers = form.iter().find(|field| field["id"] == "papers").unwrap();
        let file = papers["value"][0]["id"].as_str().unwrap();
        let path = format!("/v1/files/{file}?instance={}", instance["id"].as_str().unwrap());
        company.get(&path, &company.cat).await.expect(200);
    }
}

#[tokio::test]
async fn drafts_for_which_the_receiver_has_no_room_stay_and_are_said() {
    let (company, _) = with_drafts().await;
    for _ in 0..99 {
        company.post("/v1/drafts", &company.eve, &json!({ "template": "papers" })).await.expect(201);
    }
    let report = hand_over(&company, to(&company.eve)).await.expect(200);
    let items = report["items"].as_array().expect("items");
    let drafts = items.iter().find(|it| it["kind"] == "draft").expect("the drafts");
    assert_eq!(drafts["outcome"], "kept", "{drafts}");
    assert!(drafts["why"].as_str().unwrap().contains("no room for 1 of them"), "{drafts}");
    let counts = async |member: &Member| {
        company.get("/v1/drafts", member).await.expect(200)["items"].as_array().map(Vec::len)
    };
    assert_eq!((counts(&company.bob).await, counts(&company.eve).await), (Some(1), Some(100)));
}

#[tokio::test]
async fn many_instances_are_handed_over_part_by_part() {
    let company = company().await;
    for _ in 0..5 {
        company.submit().await;
    }
    let mut body = to(&company.eve);
    body["limit"] = json!(2);
    let mut instances = 0;
    loop {
        let report = hand_over(&company, body.clone()).await.expect(200);
        instances += lines(&report).iter().filter(|line| line.starts_with("instance")).count();
        match report["next"].as_str() {
            Some(next) => body["after"] = json!(next),
            None => break,
        }
    }
    assert_eq!(instances, 5);
}

#[tokio::test]
async fn only_administrators_hand_over_and_only_to_somebody_who_is_there() {
    let company = company().await;
    let path = format!("/v1/users/{}/handover", company.bob.id);
    company.post(&path, &company.eve, &to(&company.eve)).await.expect_problem(403, "forbidden");
    let codes = async |body: Json| {
        let problem = hand_over(&company, body).await.expect_problem(422, "invalid");
        problem["problems"][0]["code"].as_str().expect("a code").to_owned()
    };
    assert_eq!(codes(to(&company.bob)).await, "receiver_is_owner");
    assert_eq!(codes(json!({ "to": uuid::Uuid::nil(), "reason": "x" })).await, "user_not_active");
    assert_eq!(codes(json!({ "to": company.eve.id, "reason": " " })).await, "required");
    let path = format!("/v1/users/{}/handover", uuid::Uuid::nil());
    company.post(&path, &company.admin, &to(&company.eve)).await.expect_problem(404, "not_found");
}
