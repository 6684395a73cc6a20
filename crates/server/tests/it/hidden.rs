//! Values that a node hides from somebody: he finds them in none of the answers he can get.

use crate::company::{Company, Member, path_of, task_of};
use crate::harness::Answer;
use crate::migration::publish;
use serde_json::{Value as Json, json};
use zhupi_server::caller::Scope;

/// Stands in every hidden value and nowhere else.
const MARK: &str = "ZZMARK";

fn hidden_fields() -> Json {
    json!({ "secret": "hide", "papers": "hide", "items.price": "hide", "total": "hide" })
}

/// Cat, who sees everything, is asked where the secret says so; then bob, from whom it is hidden; dan is told by a node
/// that hides it too.
fn template(company: &Company) -> Json {
    let field = |field: &str| json!({ "field": field });
    let says = |subject: Json| json!([[{ "subject": subject, "test": { "text": { "op": "contains", "values": ["MARK"] } } }]]);
    let row = json!({ "rows": { "table": "items", "column": "price", "figure": "any_row" } });
    let more = json!([[{ "subject": field("total"), "test": { "number": { "op": ">", "value": "1000" } } }]]);
    let way = |id: &str, when: Json, blocks: Json| json!({ "id": id, "title": id, "priority": 1, "when": when, "blocks": blocks });
    json!({
        "name": "Pay",
        "form": [
            { "id": "open", "kind": "text", "title": "Open" },
            { "id": "secret", "kind": "text", "title": "Secret" },
            { "id": "papers", "kind": "file", "title": "Papers" },
            { "id": "items", "kind": "table", "title": "Items", "columns": [
                { "id": "name", "kind": "text", "title": "Name" },
                { "id": "price", "kind": "text", "title": "Price" },
            ] },
            { "id": "total", "kind": "number", "title": "Total" },
        ],
        "settings": { "title_rule": "{field:open} {field:secret}" },
        "flow": [
            { "kind": "branch", "id": "way", "title": "Way", "lanes": [
                way("marked", json!({ "any_of": says(field("secret")) }), json!([
                    { "kind": "approval", "id": "first", "title": "First", "approvers": company.people(&[&company.cat]),
                      "fields": { "secret": "edit", "items": "edit" } },
                ])),
                way("else", json!("default"), json!([])),
            ] },
            { "kind": "parallel", "id": "fork", "title": "Fork", "inclusive": true, "lanes": [
                way("rows", json!({ "any_of": says(row) }), json!([])),
                way("none", json!("default"), json!([])),
            ] },
            { "kind": "approval", "id": "lead", "title": "Lead", "approvers": company.people(&[&company.bob]),
              "fields": hidden_fields() },
            { "kind": "branch", "id": "late", "title": "Late", "lanes": [
                way("much", json!({ "any_of": more }), json!([])),
                way("little", json!("default"), json!([])),
            ] },
            { "kind": "cc", "id": "office", "title": "Office", "people": [{ "members": [company.dan.id] }],
              "fields": hidden_fields() },
        ],
    })
}

struct Scene {
    company: Company,
    template: String,
    file: String,
    instance: Json,
}

impl Scene {
    /// Ann asks, cat changes what is hidden and agrees, bob mentions eve.
    async fn new() -> Self {
        let company = Company::new().await;
        let template = company.publish("pay", template(&company)).await;
        let upload = company.app.post(&format!("/v1/files?name={MARK}.txt")).by(&company.ann.session);
        let file = upload.header("content-type", "text/plain").body("hello").send().await.expect(201);
        let ask = json!({ "template": "pay", "form": {
            "open": "seen", "secret": format!("{MARK} 1"), "papers": [{ "id": file["id"], "name": file["name"] }],
            "items": [{ "name": "chair", "price": format!("{MARK} 2") }], "total": "770077",
        } });
        let instance = company.post("/v1/instances", &company.ann, &ask).await.expect(201);
        let task = task_of(&instance, &company.cat);
        let rows = json!([{ "_row": 1, "name": "chair", "price": format!("{MARK} 3") }]);
        let opinion = json!({ "comment": "fine", "form": { "secret": format!("{MARK} 4"), "items": rows } });
        company.post(&format!("/v1/tasks/{task}/approve"), &company.cat, &opinion).await.expect(200);
        let said = json!({ "text": "look", "mentions": [company.eve.id] });
        let comments = format!("{}/comments", path_of(&instance));
        company.post(&comments, &company.bob, &said).await.expect(201);
        Self { company, template, file: file["id"].as_str().unwrap().to_owned(), instance }
    }

    /// Every address of our own API that can be read and has to do with the instance.
    fn addresses(&self) -> Vec<String> {
        let id = self.instance["id"].as_str().unwrap();
        let document = serde_json::to_value(zhupi_server::api::openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap().iter();
        let mut all: Vec<String> = Vec::new();
        for path in paths.filter(|(_, methods)| methods["get"].is_object()).map(|(path, _)| path) {
            let of = path.split('/').nth(2).unwrap();
            let own = match of {
                "templates" => self.template.as_str(),
                "files" => self.file.as_str(),
                _ => id,
            };
            let path = path.replace("{id}", own).replace("{version}", "1").replace("{field}", "secret");
            all.push(path.replace("{entity_type}", "Contract").replace("{class}", "x"));
        }
        all.extend(["todo", "done", "cc", "mine"].map(|it| format!("/v1/tasks?box={it}")));
        all.extend((1..6).map(|version| format!("/v1/instances/{id}?at_version={version}&upcoming=true")));
        all.extend([
            format!("/v1/instances/{id}?upcoming=true"),
            format!("/v1/instances/{id}?at=2030-01-01T00:00:00Z"),
            format!("/v1/files/{}?instance={id}", self.file),
            format!("/v1/files/{}/content?instance={id}", self.file),
        ]);
        all
    }

    async fn finds_nothing(&self, person: &Member) {
        for address in self.addresses() {
            let answer = self.company.get(&address, person).await;
            assert!(!tells(&answer), "{address} tells: {}", answer.text());
            assert!(!address.contains("/files/") || answer.status == 404, "{address}: {}", answer.text());
        }
    }
}

fn tells(answer: &Answer) -> bool {
    let text = answer.text();
    text.contains(MARK) || text.contains("770077")
}

#[tokio::test]
async fn who_may_not_see_a_value_finds_it_in_no_answer() {
    let scene = Scene::new().await;
    let (company, path) = (&scene.company, path_of(&scene.instance));
    for address in [path.clone(), format!("{path}/timeline"), format!("{path}?at_version=1")] {
        assert!(tells(&company.get(&address, &company.ann).await), "{address} tells whoever may see it");
    }
    scene.finds_nothing(&company.bob).await;
    scene.finds_nothing(&company.eve).await;
    let decided = company.decide(&scene.instance, &company.bob, "approve").await;
    decided.expect(200);
    assert!(!tells(&decided), "{}", decided.text());
    for person in [&company.bob, &company.dan, &company.eve] {
        scene.finds_nothing(person).await;
    }
}

/// A value that does not fit is no way to find out what there is.
#[tokio::test]
async fn a_value_for_a_hidden_control_is_answered_as_one_for_none() {
    let scene = Scene::new().await;
    let company = &scene.company;
    let task = task_of(&company.see(&scene.instance, &company.bob).await, &company.bob);
    let path = format!("/v1/tasks/{task}/approve");
    let refused = async |form: Json| {
        let body = json!({ "comment": "fine", "form": form });
        let problem = company.post(&path, &company.bob, &body).await.expect_problem(422, "form_invalid");
        problem["problems"][0].clone()
    };
    let mut nothing = refused(json!({ "nothing": "x" })).await;
    for (field, value) in
        [("total", json!("much")), ("total", json!(5)), ("papers", json!(7)), ("secret", json!([]))]
    {
        let said = refused(json!({ field: value })).await;
        nothing["path"] = json!(format!("form.{field}"));
        let plain = nothing["message"].as_str().expect("words").replace("nothing", field);
        assert_eq!((&said["path"], &said["code"]), (&nothing["path"], &nothing["code"]));
        assert_eq!(said["message"], plain);
    }
    let rows = json!([{ "_row": 1, "price": { "much": 1 } }]);
    assert_eq!(refused(json!({ "items": rows })).await["code"], nothing["code"]);
}

#[tokio::test]
async fn the_way_is_told_without_what_its_conditions_saw() {
    let scene = Scene::new().await;
    let company = &scene.company;
    let timeline = |person| company.get_timeline(&scene.instance, person);
    let text = |timeline: &Json| {
        let lines = timeline["items"][0]["lines"].as_array().unwrap().iter();
        let way = lines.clone().find(|line| line["event"]["type"] == "lane_chosen").unwrap();
        way["text"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        text(&timeline(&company.ann).await),
        format!("the way `marked` was taken: its conditions hold for {MARK} 1")
    );
    let bobs = timeline(&company.bob).await;
    assert_eq!(text(&bobs), "the way `marked` was taken: its conditions hold");
    assert_eq!(bobs["intact"], true);
    assert!(bobs.to_string().contains("cat changed Items"), "{bobs}");
    let upcoming =
        company.get(&format!("{}?upcoming=true", path_of(&scene.instance)), &company.ann).await.expect(200);
    assert!(upcoming["upcoming"].to_string().contains("770077"), "{upcoming}");
}

#[tokio::test]
async fn titles_leave_out_what_a_node_hides_and_publishing_says_so() {
    let scene = Scene::new().await;
    assert_eq!(scene.instance["title"], "seen");
    let path = format!("/v1/templates/{}/check", scene.template);
    let found = scene.company.post(&path, &scene.company.admin, &json!({})).await.expect(200);
    assert!(found.to_string().contains("title_hides_field"), "{found}");
}

/// What a node of the old version hid, the new version does not know any more, and so does not hide either.
#[tokio::test]
async fn what_an_older_version_hid_stays_hidden_after_a_migration() {
    let company = Company::new().await;
    let lead = |fields: Json| json!([{ "kind": "approval", "id": "lead", "title": "Lead", "fields": fields, "approvers": company.people(&[&company.bob]) }]);
    let template =
        template_with_prices(lead(json!({ "salary": "hide", "items.price": "hide", "items": "edit" })));
    let template = company.publish("pay", template).await;
    let items = json!([{ "name": "chair", "price": format!("{MARK} 2") }]);
    let ask = json!({ "template": "pay", "form": { "open": "seen", "salary": format!("{MARK} 1"), "items": items } });
    let instance = company.post("/v1/instances", &company.ann, &ask).await.expect(201);
    publish(&company, &template, |it| {
        it["form"] = json!([
            { "id": "open", "kind": "text", "title": "Open" },
            { "id": "items", "kind": "table", "title": "Items", "columns": [
                { "id": "name", "kind": "text", "title": "Name" },
            ] },
        ]);
        it["flow"] = lead(json!({ "items": "edit" }));
    })
    .await;
    let body = json!({ "instances": [instance["id"]], "reason": "no more salaries" });
    let path = format!("/v1/templates/{template}/migration");
    let done = company.post(&path, &company.admin, &body).await.expect(200);
    assert_eq!(done["items"][0]["outcome"], "migrated", "{done}");
    company.decide(&instance, &company.bob, "approve").await.expect(200);

    let path = path_of(&instance);
    for address in [
        path.clone(),
        format!("{path}?at_version=1"),
        format!("{path}?at_version=2"),
        format!("{path}/timeline"),
    ] {
        let answer = company.get(&address, &company.bob).await;
        answer.expect(200);
        assert!(!tells(&answer), "{address} tells: {}", answer.text());
    }
    for person in [&company.ann, &company.admin] {
        for address in [format!("{path}?at_version=1"), format!("{path}/timeline")] {
            let answer = company.get(&address, person).await;
            assert!(answer.text().contains(&format!("{MARK} 1")), "{address}: {}", answer.text());
            assert!(answer.text().contains(&format!("{MARK} 2")), "{address}: {}", answer.text());
        }
    }
}

fn template_with_prices(flow: Json) -> Json {
    json!({
        "name": "Pay",
        "form": [
            { "id": "open", "kind": "text", "title": "Open" },
            { "id": "salary", "kind": "text", "title": "Salary" },
            { "id": "items", "kind": "table", "title": "Items", "columns": [
                { "id": "name", "kind": "text", "title": "Name" },
                { "id": "price", "kind": "text", "title": "Price" },
            ] },
        ],
        "flow": flow,
    })
}

/// The same for the objects that approvals are about, over our own API and the CRM's.
#[tokio::test]
async fn a_hidden_control_hides_the_field_of_the_object() {
    let company = Company::new().await;
    let node = json!({ "kind": "approval", "id": "b", "title": "B", "approvers": company.people(&[&company.bob]),
        "fields": { "price": "hide", "items.price": "hide" } });
    let definition = json!({ "name": "Objects", "flow": [node], "form": [
        { "id": "entity_title", "kind": "text", "title": "Title" },
        { "id": "entity_body", "kind": "text_area", "title": "Body" },
        { "id": "price", "kind": "text", "title": "Price" },
        { "id": "items", "kind": "table", "title": "Items", "columns": [
            { "id": "name", "kind": "text", "title": "Name" },
            { "id": "price", "kind": "text", "title": "Price" },
        ] },
    ] });
    let template = company.publish("objects", definition).await;
    let trigger = json!({ "name": "t", "on": "updated", "form": { "price": "cost", "items": "lines" } });
    let body = json!({ "entity_type": "Contract", "template": template, "trigger": trigger });
    company.post("/v1/entity-triggers", &company.admin, &body).await.expect(201);
    let put = async |data: Json| {
        let body =
            json!({ "data": data, "labels": { "cost": "Cost", "lines": "Lines" }, "title": "A contract" });
        company
            .app
            .call("PUT", "/v1/entities/Contract/7")
            .by(&company.ann.session)
            .json(&body)
            .send()
            .await
            .expect(200)
    };
    let lines = |price: &str| json!([{ "name": "chair", "price": format!("{MARK} {price}") }]);
    put(json!({ "cost": format!("{MARK} 1"), "note": "seen", "lines": lines("3") })).await;
    let waiting = put(json!({ "cost": format!("{MARK} 2"), "note": "more", "lines": lines("4") })).await;
    assert!(waiting.to_string().contains(MARK), "{waiting}");
    let instance = waiting["approvals"][0]["instance"].as_str().unwrap();
    let token = company.app.token(company.app.tenant, company.bob.id, &Scope::ALL).await;
    for address in [
        "/v1/entities/Contract".to_owned(),
        "/v1/entities/Contract/7".to_owned(),
        "/v1/entities/Contract/7/history".to_owned(),
        "/v1/entities/Contract/7/approvals".to_owned(),
        format!("/v1/instances/{instance}"),
        format!("/v1/instances/{instance}/timeline"),
        "/api/v1/entities?entity_type=Contract&entity_id=7".to_owned(),
        "/api/v1/approval_center/list?scope=todo".to_owned(),
    ] {
        let call = if address.starts_with("/api") {
            let call = company.app.get(&address).header("x-lxy-platform", "ikcrm").header("x-lxy-app", "crm");
            call.header("access-token", &token)
        } else {
            company.app.get(&address).by(&company.bob.session)
        };
        let answer = call.send().await;
        answer.expect(200);
        assert!(!tells(&answer), "{address} tells: {}", answer.text());
    }
    let seen = company.get("/v1/entities/Contract/7", &company.bob).await.expect(200);
    assert_eq!(seen["data"], json!({ "note": "seen" }));
    assert_eq!(seen["approvals"][0]["changes"].as_array().unwrap().len(), 1, "{seen}");
}

impl Company {
    async fn get_timeline(&self, instance: &Json, person: &Member) -> Json {
        self.get(&format!("{}/timeline", path_of(instance)), person).await.expect(200)
    }
}
