//! Taking running instances over to another version of their template.

use crate::company::{Company, leave, path_of};
use crate::harness::Answer;
use serde_json::{Value as Json, json};

/// Bob decides, then cat; eve manages the template.
fn first(company: &Company) -> Json {
    let node = |id: &str, who| json!({ "kind": "approval", "id": id, "title": id, "approvers": company.people(&[who]) });
    let mut definition = leave(json!([node("lead", &company.bob), node("head", &company.cat)]));
    definition["settings"] = json!({ "managers": [company.eve.id] });
    definition
}

/// Publishes what `change` makes of the definition; gives the version.
pub async fn publish(company: &Company, template: &str, change: impl FnOnce(&mut Json)) -> Json {
    let path = format!("/v1/templates/{template}");
    let seen = company.get(&path, &company.admin).await;
    let tag = seen.header("etag").to_owned();
    let mut definition = seen.expect(200)["draft"].take();
    change(&mut definition);
    let call = company.app.call("PUT", &path).by(&company.admin.session).header("if-match", &tag);
    call.json(&json!({ "definition": definition })).send().await.expect(200);
    let published = company.post(&format!("{path}/publish"), &company.admin, &json!({})).await;
    published.expect(200)["version"].take()
}

/// The company with the template, an instance of its first version, and a second version in which dan decides for cat.
async fn company() -> (Company, String, Json) {
    let company = Company::new().await;
    let template = company.publish("leave", first(&company)).await;
    let instance = company.submit().await;
    let dan = company.people(&[&company.dan]);
    let version = publish(&company, &template, |it| it["flow"][1]["approvers"] = dan).await;
    assert_eq!(version, 2);
    (company, template, instance)
}

async fn migrate(company: &Company, template: &str, body: Json) -> Answer {
    company.post(&format!("/v1/templates/{template}/migration"), &company.eve, &body).await
}

fn these(instances: &[&Json]) -> Json {
    let ids: Vec<&Json> = instances.iter().map(|it| &it["id"]).collect();
    json!({ "instances": ids, "reason": "cat leaves" })
}

fn outcome(report: &Json) -> &str {
    report["items"][0]["outcome"].as_str().expect("an outcome")
}

#[tokio::test]
async fn an_instance_goes_over_after_a_look_that_changes_nothing() {
    let (company, template, instance) = company().await;
    let before = company.see(&instance, &company.ann).await;
    let mut look = these(&[&instance]);
    look["dry_run"] = json!(true);
    let seen = migrate(&company, &template, look).await.expect(200);
    let item = &seen["items"][0];
    assert_eq!((outcome(&seen), &item["version"]), ("seen", &json!(1)));
    let change = &item["approvers"][0];
    assert_eq!(
        (&change["node"], &change["before"][0]["name"], &change["after"][0]["name"]),
        (&json!("head"), &json!("cat"), &json!("dan"))
    );
    assert_eq!(company.see(&instance, &company.ann).await, before);

    let done = migrate(&company, &template, these(&[&instance])).await.expect(200);
    assert_eq!((outcome(&done), &done["items"][0]["version"]), ("migrated", &json!(2)));
    company.decide(&instance, &company.bob, "approve").await.expect(200);
    company.decide(&instance, &company.dan, "approve").await.expect(200);
    assert_eq!(company.see(&instance, &company.ann).await["status"], "approved");
    let id = instance["id"].as_str().expect("an id").parse().expect("an id");
    let rows = company.app.app.store.load_history(company.app.tenant, id).await.expect("a history");
    let entry = rows.iter().find(|row| row.command == "migrate").expect("an entry");
    assert_eq!(entry.actor, company.eve.id);
    assert!(entry.body.contains("cat leaves"), "{}", entry.body);
}

#[tokio::test]
async fn what_follows_the_version_already_is_left_alone() {
    let (company, template, instance) = company().await;
    migrate(&company, &template, these(&[&instance])).await.expect(200);
    let before = company.see(&instance, &company.ann).await;
    let again = migrate(&company, &template, these(&[&instance])).await.expect(200);
    assert_eq!(outcome(&again), "same");
    assert_eq!(company.see(&instance, &company.ann).await, before);
    // Back again goes too.
    let mut back = these(&[&instance]);
    back["to"] = json!(1);
    let back = migrate(&company, &template, back).await.expect(200);
    assert_eq!((outcome(&back), &back["items"][0]["version"]), ("migrated", &json!(1)));
}

#[tokio::test]
async fn where_it_stands_must_be_in_the_other_version_perhaps_by_another_name() {
    let (company, template, instance) = company().await;
    publish(&company, &template, |it| it["flow"][0]["id"] = json!("boss")).await;
    let refused = migrate(&company, &template, these(&[&instance])).await.expect(200);
    let item = &refused["items"][0];
    assert_eq!((outcome(&refused), &item["code"]), ("refused", &json!("node_not_reachable")));
    assert_eq!(item["lost"], json!(["lead"]));
    let mut renamed = these(&[&instance]);
    renamed["nodes"] = json!({ "lead": "boss" });
    let done = migrate(&company, &template, renamed).await.expect(200);
    assert_eq!((outcome(&done), &done["items"][0]["version"]), ("migrated", &json!(3)));
}

#[tokio::test]
async fn what_has_ended_stays_and_so_does_what_is_of_another_template() {
    let (company, template, instance) = company().await;
    company.decide(&instance, &company.bob, "reject").await.expect(200);
    let ended = migrate(&company, &template, these(&[&instance])).await.expect(200);
    assert_eq!((outcome(&ended), &ended["items"][0]["code"]), ("refused", &json!("not_running")));
    let mut other = first(&company);
    other["name"] = json!("Other");
    let other = company.publish("other", other).await;
    let strange = migrate(&company, &other, these(&[&instance])).await.expect(200);
    assert_eq!((outcome(&strange), &strange["items"][0]["code"]), ("refused", &json!("not_found")));
}

#[tokio::test]
async fn all_that_run_after_a_version_go_over_part_by_part() {
    let (company, template, ended) = company().await;
    company.decide(&ended, &company.bob, "reject").await.expect(200);
    let new = company.submit().await;
    let mut old = Vec::new();
    for _ in 0..4 {
        let instance = company.submit().await;
        let mut back = these(&[&instance]);
        back["to"] = json!(1);
        migrate(&company, &template, back).await.expect(200);
        old.push(instance);
    }
    let mut body = json!({ "from": 1, "limit": 2, "reason": "cat leaves" });
    let mut seen = Vec::new();
    loop {
        let mut report = migrate(&company, &template, body.clone()).await.expect(200);
        let items = report["items"].as_array().expect("items").iter();
        seen.extend(items.map(|it| format!("{} {}", it["instance"], it["outcome"])));
        match report["next"].take() {
            Json::Null => break,
            next => body["after"] = next,
        }
    }
    let expected: Vec<String> = old.iter().rev().map(|it| format!("{} \"migrated\"", it["id"])).collect();
    assert_eq!(seen, expected);
    assert!(!seen.iter().any(|line| line.contains(&path_of(&new)["/v1/instances/".len()..])));
}

#[tokio::test]
async fn only_managers_migrate_and_they_say_why_and_which() {
    let (company, template, instance) = company().await;
    let path = format!("/v1/templates/{template}/migration");
    company.post(&path, &company.bob, &these(&[&instance])).await.expect_problem(403, "forbidden");
    let mut silent = these(&[&instance]);
    silent["reason"] = json!(" ");
    let problem = migrate(&company, &template, silent).await.expect_problem(422, "invalid");
    assert_eq!(problem["problems"][0]["path"], "reason");
    let mut unknown = these(&[&instance]);
    unknown["to"] = json!(9);
    let problem = migrate(&company, &template, unknown).await.expect_problem(422, "invalid");
    assert_eq!(problem["problems"][0]["code"], "version_unknown");
    let neither = migrate(&company, &template, json!({ "reason": "x" })).await;
    neither.expect_problem(400, "bad_request");
    let mut both = these(&[&instance]);
    both["from"] = json!(1);
    migrate(&company, &template, both).await.expect_problem(400, "bad_request");
    let many = vec![instance["id"].clone(); 201];
    let many = json!({ "instances": many, "reason": "x" });
    migrate(&company, &template, many).await.expect_problem(400, "bad_request");
}

/// What was written under a version is told in its words, whatever the instance follows now.
#[tokio::test]
async fn the_timeline_tells_each_entry_in_the_words_of_its_version() {
    let (company, template, instance) = company().await;
    let commented = json!({ "text": "soon" });
    company.post(&format!("{}/comments", path_of(&instance)), &company.ann, &commented).await.expect(201);
    publish(&company, &template, |it| {
        it["flow"][0]["id"] = json!("boss");
        it["flow"][0]["title"] = json!("Boss");
    })
    .await;
    let mut renamed = these(&[&instance]);
    renamed["nodes"] = json!({ "lead": "boss" });
    migrate(&company, &template, renamed).await.expect(200);
    company.decide(&instance, &company.bob, "approve").await.expect(200);
    let path = format!("{}/timeline", path_of(&instance));
    let timeline = company.get(&path, &company.ann).await.expect(200);
    let said = |entry: usize| timeline["items"][entry]["lines"].to_string();
    assert!(said(0).contains("`lead` asks bob"), "{}", said(0));
    assert!(said(3).contains("`Boss` passed") && !said(3).contains("`lead`"), "{}", said(3));
    assert_eq!(timeline["intact"], true);

    let first = company.get(&format!("{path}?limit=3"), &company.ann).await.expect(200);
    let after = first["next"].as_str().expect("there is more");
    let rest = company.get(&format!("{path}?limit=3&after={after}"), &company.ann).await.expect(200);
    assert_eq!((rest["items"].clone(), rest.get("next")), (json!([timeline["items"][3]]), None));
    assert_eq!((timeline.get("next"), &first["intact"], &rest["intact"]), (None, &json!(true), &json!(true)));
    company.get(&format!("{path}?limit=1001"), &company.ann).await.expect_problem(400, "bad_request");
}

/// A column that was hidden at a node, and that the version of today does not have.
#[tokio::test]
async fn a_column_that_is_gone_stays_hidden_in_the_past() {
    let company = Company::new().await;
    let mut definition = first(&company);
    let column = |id: &str| json!({ "id": id, "kind": "text", "title": id });
    let table = json!({ "id": "items", "kind": "table", "title": "Items", "columns": [column("name"), column("price")] });
    definition["form"].as_array_mut().expect("a form").push(table);
    definition["form"].as_array_mut().expect("a form").push(column("note"));
    definition["flow"][0]["fields"] = json!({ "items.price": "hide", "note": "hide" });
    let template = company.publish("leave", definition).await;
    let form = json!({ "days": 2, "items": [{ "name": "chair", "price": "ZZMARK" }], "note": "x" });
    let body = json!({ "template": "leave", "form": form });
    let instance = company.post("/v1/instances", &company.ann, &body).await.expect(201);
    publish(&company, &template, |it| {
        it["form"][2]["columns"].as_array_mut().expect("columns").truncate(1);
        it["flow"][0]["fields"] = json!({ "note": "hide" });
    })
    .await;
    migrate(&company, &template, these(&[&instance])).await.expect(200);
    let path = path_of(&instance);
    for address in [format!("{path}?at_version=1"), format!("{path}/timeline")] {
        let anns = company.get(&address, &company.ann).await;
        assert!(anns.text().contains("ZZMARK"), "{address}: {}", anns.text());
        let bobs = company.get(&address, &company.bob).await;
        bobs.expect(200);
        assert!(!bobs.text().contains("ZZMARK"), "{address}: {}", bobs.text());
    }
}
