//! The completion callback, both ways: the seed's own request and answer, what is retried, and what is done once.

use crate::harness::{Answer, Session, TestApp};
use crate::receiver::Receiver;
use jiff::SignedDuration;
use serde_json::{Value as Json, json};
use zhupi_engine::ids::UserId;
use zhupi_server::caller::Scope;

/// The seed's request, with the key quoted that it forgot to quote.
fn seeds_request() -> Json {
    json!({
        "businessKey": "1",
        "callBackProcessClass": "com.cnooc.test.CallbackHandler",
        "processDefinitionId": "1",
        "processDefinitionKey": "test_flow_key",
        "processDefinitionVersion": 1
    })
}

const CLASS: &str = "com.cnooc.test.CallbackHandler";

struct Scene {
    app: TestApp,
    admin: Session,
    ann: Session,
    ann_id: UserId,
    bob: Session,
    bob_id: UserId,
    token: String,
    receiver: Receiver,
}

impl Scene {
    async fn new() -> Self {
        let app = TestApp::with(&[("allow_private_targets", "127.0.0.0/8"), ("session_hours", "1000")]).await;
        let admin_id = app.admin("admin").await;
        let (ann_id, bob_id) = (app.user("ann").await, app.user("bob").await);
        let token = app.token(app.tenant, admin_id, &[Scope::Write]).await;
        let admin = app.session(admin_id).await;
        let (ann, bob) = (app.session(ann_id).await, app.session(bob_id).await);
        Self { app, admin, ann, ann_id, bob, bob_id, token, receiver: Receiver::start().await }
    }

    async fn configure(&self, settings: Json) -> Json {
        let put = self.app.call("PUT", "/v1/settings/completion-callback").by(&self.admin);
        put.json(&settings).send().await.expect(200)
    }

    /// Publishes a template on which bob decides; gives its id.
    async fn publish(&self, code: &str, settings: Json) -> String {
        let definition = json!({
            "name": "Contract",
            "form": [
                { "id": "number", "kind": "text", "title": "Number", "required": true },
                { "id": "note", "kind": "text", "title": "Note" },
            ],
            "flow": [{
                "kind": "approval", "id": "lead", "title": "Lead",
                "approvers": { "people": [{ "members": [self.bob_id] }] },
            }],
            "settings": settings,
        });
        let body = json!({ "code": code, "definition": definition });
        let made = self.app.post("/v1/templates").by(&self.admin).json(&body).send().await.expect(201);
        let id = made["id"].as_str().unwrap().to_owned();
        self.app.post(&format!("/v1/templates/{id}/publish")).by(&self.admin).send().await.expect(200);
        id
    }

    /// Ann submits; gives the instance's id.
    async fn submit(&self, template: &str) -> String {
        let body = json!({ "template": template, "form": { "number": "7" }, "business_key": "HT-7" });
        let begun = self.app.post("/v1/instances").by(&self.ann).json(&body).send().await.expect(201);
        begun["id"].as_str().unwrap().to_owned()
    }

    /// Bob decides, and what follows is done.
    async fn decide(&self, instance: &str, verb: &str) {
        let path = format!("/v1/tasks/{instance}.0/{verb}");
        self.app.post(&path).by(&self.bob).json(&json!({ "comment": "so" })).send().await.expect(200);
        self.work().await;
    }

    async fn work(&self) {
        self.app.app.work_until_idle().await.unwrap();
    }

    async fn deliveries(&self, query: &str) -> Vec<Json> {
        let path = format!("/v1/deliveries{query}");
        let page = self.app.get(&path).by(&self.admin).send().await.expect(200);
        page["items"].as_array().unwrap().clone()
    }

    async fn tries(&self, delivery: &Json) -> Json {
        let path = format!("/v1/deliveries/{}", delivery["id"].as_str().unwrap());
        self.app.get(&path).by(&self.admin).send().await.expect(200)["tries"].clone()
    }

    async fn handle(&self, class: &str, action: Json) {
        let body = json!({ "class": class, "action": action });
        self.app.post("/v1/callback-handlers").by(&self.admin).json(&body).send().await.expect(201);
    }

    /// A handler of the seed's class that tells a webhook.
    async fn handle_by_webhook(&self) {
        let body = json!({ "name": "ERP", "url": self.receiver.url("/in"), "events": ["instance.approved"] });
        let webhook = self.app.post("/v1/webhooks").by(&self.admin).json(&body).send().await.expect(201);
        self.handle(CLASS, json!({ "kind": "webhook", "webhook": webhook["id"] })).await;
    }

    async fn report(&self, id: &str, body: &Json) -> Answer {
        let call = self.app.post(&format!("/flow/{id}/call-back/complete"));
        call.header("authorization", &self.token).json(body).send().await
    }
}

fn refusal(message: &str) -> Json {
    json!({ "success": false, "errorInfo": { "message": message }, "message": message })
}

#[tokio::test]
async fn an_approval_is_told_to_the_business_system_in_the_seeds_words() {
    let scene = Scene::new().await;
    let shown = scene
        .configure(
            json!({ "base_uri": scene.receiver.url("/erp/"), "token_header": "X-Tenant", "token": "secret" }),
        )
        .await;
    let expected = json!({
        "base_uri": scene.receiver.url("/erp/"), "token_header": "X-Tenant", "has_token": true
    });
    assert_eq!(shown, expected);
    let template = scene.publish("test_flow_key", json!({ "completion_callback": CLASS })).await;
    let instance = scene.submit("test_flow_key").await;
    scene.decide(&instance, "approve").await;

    let told = scene.receiver.told();
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(told.path, format!("/erp/flow/{instance}/call-back/complete"));
    let expected = json!({
        "businessKey": "HT-7",
        "callBackProcessClass": CLASS,
        "processDefinitionId": format!("test_flow_key:1:{template}"),
        "processDefinitionKey": "test_flow_key",
        "processDefinitionVersion": 1
    });
    assert_eq!(told.json(), expected);
    assert_eq!(told.header("x-tenant"), "secret");
    assert_eq!(told.header("authorization"), "");
    assert_eq!(told.header("content-type"), "application/json");
    let [delivery] = &scene.deliveries("?kind=bpm_complete").await[..] else { panic!("one delivery") };
    assert_eq!(delivery["state"], "delivered");
    assert_eq!(told.header("x-zhupi-delivery-id"), delivery["id"].as_str().unwrap());
    assert_eq!(told.header("x-zhupi-event-id"), format!("{instance}.2"));
}

#[tokio::test]
async fn nothing_but_an_approval_is_told_and_only_where_the_template_says_so() {
    let scene = Scene::new().await;
    scene.configure(json!({ "base_uri": scene.receiver.url(""), "token": "secret" })).await;
    scene.publish("told", json!({ "completion_callback": CLASS })).await;
    scene.publish("quiet", json!({})).await;
    let rejected = scene.submit("told").await;
    scene.decide(&rejected, "reject").await;
    let withdrawn = scene.submit("told").await;
    let path = format!("/v1/instances/{withdrawn}/withdraw");
    scene.app.post(&path).by(&scene.ann).json(&json!({})).send().await.expect(200);
    let quiet = scene.submit("quiet").await;
    scene.decide(&quiet, "approve").await;
    assert_eq!(scene.receiver.told().len(), 0);
    assert_eq!(scene.deliveries("").await, [] as [Json; 0]);

    let told = scene.submit("told").await;
    scene.decide(&told, "approve").await;
    assert_eq!(scene.receiver.told().len(), 1);
    assert_eq!(scene.receiver.told()[0].header("authorization"), "secret");
}

#[tokio::test]
async fn a_refusal_is_kept_in_the_other_sides_words_and_the_call_comes_again() {
    let scene = Scene::new().await;
    scene.configure(json!({ "base_uri": scene.receiver.url("") })).await;
    scene.publish("flow", json!({ "completion_callback": CLASS })).await;
    scene.receiver.then(200, r#"{"success":false,"errorInfo":{"message":"no bean"},"message":"other"}"#);
    scene.receiver.then(200, r#"{"success":false,"message":"locked"}"#);
    scene.receiver.then(
        500,
        r#"{"timestamp":"2026-01-05T01:00:00","status":500,"error":"Internal Server Error","message":"boom","path":"/flow"}"#,
    );
    scene.receiver.then(200, "<html>");
    scene.receiver.then(200, r#"{"success":true}"#);
    let instance = scene.submit("flow").await;
    scene.decide(&instance, "approve").await;
    for _ in 0..4 {
        scene.app.app.clock.advance(SignedDuration::from_mins(1));
        scene.work().await;
    }
    let [delivery] = &scene.deliveries("").await[..] else { panic!("one delivery") };
    assert_eq!((&delivery["state"], &delivery["attempts"]), (&json!("delivered"), &json!(5)));
    let tries = scene.tries(delivery).await;
    let errors: Vec<&Json> = tries.as_array().unwrap().iter().map(|attempt| &attempt["error"]).collect();
    assert_eq!(
        errors,
        ["no bean", "locked", "boom", "the answer is not JSON"]
            .map(|it| json!(it))
            .iter()
            .chain([&Json::Null])
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_missing_address_shows_in_the_deliveries_and_can_be_mended() {
    let scene = Scene::new().await;
    scene.publish("flow", json!({ "completion_callback": CLASS })).await;
    let instance = scene.submit("flow").await;
    scene.decide(&instance, "approve").await;
    let [delivery] = &scene.deliveries("?state=waiting").await[..] else { panic!("one delivery") };
    assert_eq!(scene.tries(delivery).await[0]["error"], "no completion callback is configured");
    scene.configure(json!({ "base_uri": scene.receiver.url("") })).await;
    scene.app.app.clock.advance(SignedDuration::from_secs(2));
    scene.work().await;
    assert_eq!(scene.receiver.told().len(), 1);
}

#[tokio::test]
async fn the_callback_is_configured_by_administrators_and_its_token_is_never_shown() {
    let scene = Scene::new().await;
    let path = "/v1/settings/completion-callback";
    scene.app.get(path).by(&scene.admin).send().await.expect_problem(404, "not_found");
    scene.app.get(path).by(&scene.ann).send().await.expect_problem(403, "forbidden");
    let put = |body: Json| scene.app.call("PUT", path).by(&scene.admin).json(&body).send();
    for (body, field) in [
        (json!({ "base_uri": "http://10.0.0.1/" }), "base_uri"),
        (json!({ "base_uri": "https://a.example", "token_header": "Content-Length" }), "token_header"),
        (json!({ "base_uri": "https://a.example", "token_header": "no header" }), "token_header"),
        (json!({ "base_uri": "https://a.example", "token": "two\nlines" }), "token"),
    ] {
        assert_eq!(put(body).await.expect_problem(400, "bad_request")["field"], field);
    }
    put(json!({ "base_uri": "https://a.example", "token": "secret" })).await.expect(200);
    let kept =
        scene.app.app.store.load_setting(scene.app.tenant, "completion_callback").await.unwrap().unwrap();
    assert!(!kept.contains("secret\""), "{kept}");
    let shown = put(json!({ "base_uri": "https://b.example" })).await.expect(200);
    assert_eq!((&shown["has_token"], &shown["token_header"]), (&json!(true), &json!("Authorization")));
    let shown = put(json!({ "base_uri": "https://b.example", "token": "" })).await.expect(200);
    assert_eq!(shown["has_token"], false);
    assert_eq!(scene.app.get(path).by(&scene.admin).send().await.expect(200), shown);
}

#[tokio::test]
async fn the_seeds_request_is_answered_as_the_seed_says() {
    let scene = Scene::new().await;
    scene.handle_by_webhook().await;
    let answer = scene.report("1", &seeds_request()).await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.expect(200), json!({ "success": true }));
    scene.work().await;
    let told = scene.receiver.told();
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(told.json()["type"], "completion.reported");
    assert_eq!(told.json()["data"], json!({ "flow_instance_id": "1", "report": seeds_request() }));
    assert!(told.header("webhook-signature").starts_with("v1,"));
}

#[tokio::test]
async fn a_report_that_comes_again_has_the_same_answer_and_no_second_effect() {
    let scene = Scene::new().await;
    scene.handle_by_webhook().await;
    let request = seeds_request();
    let reports = (0..8).map(|_| scene.report("1", &request));
    for answer in futures_util::future::join_all(reports).await {
        assert_eq!(answer.expect(200), json!({ "success": true }));
    }
    assert_eq!(scene.report("1", &json!({})).await.expect(200), json!({ "success": true }));
    scene.work().await;
    assert_eq!(scene.receiver.told().len(), 1);
    scene.report("2", &request).await.expect(200);
    scene.work().await;
    assert_eq!(scene.receiver.told().len(), 2);
}

#[tokio::test]
async fn a_report_may_start_a_template_once() {
    let scene = Scene::new().await;
    let template = scene.publish("after", json!({})).await;
    let fields = json!({
        "number": { "from": "business_key" },
        "note": { "value": "from the other engine" },
    });
    let action = json!({
        "kind": "start", "template": template, "initiator": scene.ann_id, "title": "Follow-up", "fields": fields
    });
    scene.handle(CLASS, action).await;
    let request = seeds_request();
    let reports = (0..4).map(|_| scene.report("flow-9", &request));
    for answer in futures_util::future::join_all(reports).await {
        assert_eq!(answer.expect(200), json!({ "success": true }));
    }
    let list = scene.app.get("/v1/instances?of=all").by(&scene.admin).send().await.expect(200);
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{list}");
    let path = format!("/v1/instances/{}", items[0]["id"].as_str().unwrap());
    let begun = scene.app.get(&path).by(&scene.ann).send().await.expect(200);
    assert_eq!((&begun["title"], &begun["business_key"]), (&json!("Follow-up"), &json!("1")));
    let values: Vec<&Json> = begun["form"].as_array().unwrap().iter().map(|field| &field["value"]).collect();
    assert_eq!(values, [&json!("1"), &json!("from the other engine")]);
}

#[tokio::test]
async fn a_report_starts_nothing_under_a_name_that_another_surface_knows_its_own_by() {
    let scene = Scene::new().await;
    let template = scene.publish("after", json!({})).await;
    let fields = json!({ "number": { "value": "7" } });
    let action =
        json!({ "kind": "start", "template": template, "initiator": scene.ann_id, "fields": fields });
    scene.handle(CLASS, action).await;
    for key in ["esign:0190", "crm:Contract:1", &"x".repeat(201)] {
        let mut request = seeds_request();
        request["businessKey"] = json!(key);
        let refused = scene.report("9", &request).await.expect(400);
        assert!(refused["message"].as_str().unwrap().contains("businessKey"), "{refused}");
    }
    let list = scene.app.get("/v1/instances?of=all").by(&scene.admin).send().await.expect(200);
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn no_key_of_a_person_keeps_a_report_from_starting_its_template() {
    let scene = Scene::new().await;
    let template = scene.publish("after", json!({})).await;
    let fields = json!({ "number": { "from": "business_key" } });
    let action =
        json!({ "kind": "start", "template": template, "initiator": scene.ann_id, "fields": fields });
    scene.handle(CLASS, action).await;
    let body = json!({ "template": "after", "form": { "number": "7" } });
    let submit = |key: &str| {
        let call = scene.app.post("/v1/instances").by(&scene.ann).header("idempotency-key", key);
        call.json(&body).send()
    };
    submit("completion:9").await.expect(201);
    submit("completion·9").await.expect_problem(400, "bad_request");
    scene.report("9", &seeds_request()).await.expect(200);
    let list = scene.app.get("/v1/instances").by(&scene.ann).send().await.expect(200);
    assert_eq!(list["items"].as_array().map(Vec::len), Some(2), "{list}");
}

#[tokio::test]
async fn a_report_whose_start_is_refused_can_come_again() {
    let scene = Scene::new().await;
    let template = scene.publish("after", json!({})).await;
    let fields = json!({ "number": { "from": "business_key" } });
    let action =
        json!({ "kind": "start", "template": template, "initiator": scene.ann_id, "fields": fields });
    scene.handle(CLASS, action).await;
    let mut request = seeds_request();
    request["businessKey"] = Json::Null;
    let refused = scene.report("9", &request).await.expect(400);
    assert_eq!(refused["success"], false);
    assert!(refused["message"].as_str().unwrap().contains("number"), "{refused}");
    scene.report("9", &seeds_request()).await.expect(200);
}

#[tokio::test]
async fn who_has_no_token_of_the_workspace_is_refused_in_the_seeds_shape() {
    let scene = Scene::new().await;
    scene.handle_by_webhook().await;
    let elsewhere = scene.app.workspace("elsewhere").await;
    let narrow = scene.app.token(scene.app.tenant, scene.ann_id, &[Scope::Read]).await;
    let stranger = scene.app.token(elsewhere, scene.ann_id, &[Scope::Write]).await;
    // Her own, with which a handler would submit in somebody else's name.
    let personal = scene.app.token(scene.app.tenant, scene.ann_id, &[Scope::Write]).await;
    let post = || scene.app.post("/flow/1/call-back/complete").json(&seeds_request());
    let expected = refusal("you have to log in, or send a token");
    assert_eq!(post().send().await.expect(401), expected);
    for token in ["zhp_nonsense", &narrow, &stranger, &personal] {
        assert_eq!(post().header("authorization", token).send().await.expect(401), expected);
    }
    let given =
        scene.app.post("/v1/apps").by(&scene.admin).json(&json!({ "name": "ERP", "scopes": ["write"] }));
    let given = given.send().await.expect(201);
    let body = json!({ "name": "ERP", "scopes": ["write"], "app": given["id"], "user": scene.ann_id });
    let given = scene.app.post("/v1/tokens").by(&scene.admin).json(&body).send().await.expect(201);
    post().token(given["token"].as_str().unwrap()).send().await.expect(200);
    assert_eq!(post().header("x-tenant", &scene.token).send().await.expect(401), expected);
    scene.configure(json!({ "base_uri": "https://a.example", "token_header": "X-Tenant" })).await;
    post().header("x-tenant", &scene.token).send().await.expect(200);
    post().token(&scene.token).send().await.expect(200);
}

#[tokio::test]
async fn what_cannot_be_handled_is_refused_in_the_seeds_shape() {
    let scene = Scene::new().await;
    let blank = "`callBackProcessClass` is blank";
    let unknown = "no handler is registered for `com.cnooc.test.CallbackHandler`";
    for (body, message) in [
        (json!({}), blank),
        (json!({ "callBackProcessClass": null }), blank),
        (json!({ "callBackProcessClass": " " }), blank),
        (seeds_request(), unknown),
    ] {
        assert_eq!(scene.report("1", &body).await.expect(400), refusal(message), "{body}");
    }
    for body in [
        "",
        "[]",
        r#"{"processDefinitionVersion":"1"}"#,
        r#"{processDefinitionVersion: 1}"#,
        r#"{"businessKey":1}"#,
    ] {
        let call = scene.app.post("/flow/1/call-back/complete").header("authorization", &scene.token);
        let refused = call.body(body).send().await.expect(400);
        assert_eq!(refused["success"], false, "{body}");
        assert_eq!(refused["message"], refused["errorInfo"]["message"]);
        assert!(
            refused["message"].as_str().unwrap().starts_with("the body is not a `ProcessEndCallBackRo`: ")
        );
    }
    let wrong = scene.app.get("/flow/1/call-back/complete").send().await.expect(405);
    assert_eq!(wrong["success"], false);
    for path in ["/flow/1", "/flow/1/call-back/nothing", "/flow/", "/flow/%FF/call-back/complete"] {
        let call = scene.app.post(path).header("authorization", &scene.token).json(&seeds_request());
        assert_eq!(call.send().await.expect(404), refusal("there is no such thing here"), "{path}");
    }
    let huge = json!({ "businessKey": "x".repeat(20_000_000) });
    assert_eq!(
        scene.report("1", &huge).await.expect(413),
        refusal("the body is larger than what is taken here")
    );
    let long = format!("/flow/{}/call-back/complete", "x".repeat(201));
    let call = scene.app.post(&long).header("authorization", &scene.token).json(&seeds_request());
    assert_eq!(call.send().await.expect(400), refusal("expected 1 to 200 characters"));
}

#[tokio::test]
async fn handlers_are_registered_changed_and_taken_away() {
    let scene = Scene::new().await;
    scene.handle_by_webhook().await;
    let path = format!("/v1/callback-handlers/{CLASS}");
    let shown = scene.app.get(&path).by(&scene.admin).send().await.expect(200);
    assert_eq!(
        (&shown["class"], &shown["active"], &shown["revision"]),
        (&json!(CLASS), &json!(true), &json!(1))
    );
    let action = shown["action"].clone();
    let again = json!({ "class": CLASS, "action": action });
    let post = |body: Json| scene.app.post("/v1/callback-handlers").by(&scene.admin).json(&body).send();
    post(again).await.expect_problem(409, "duplicate");
    let nothing = "00000000-0000-0000-0000-000000000000";
    for (action, field) in [
        (json!({ "kind": "webhook", "webhook": nothing }), "action.webhook"),
        (json!({ "kind": "start", "template": nothing, "initiator": scene.ann_id }), "action.template"),
    ] {
        let problem =
            post(json!({ "class": "x", "action": action })).await.expect_problem(400, "bad_request");
        assert_eq!(problem["field"], field);
    }
    let off = json!({ "action": action, "active": false });
    let put = |tag: &'static str| {
        scene.app.call("PUT", &path).by(&scene.admin).header("if-match", tag).json(&off).send()
    };
    put("\"2\"").await.expect_problem(412, "precondition_failed");
    assert_eq!(put("\"1\"").await.expect(200)["revision"], 2);
    scene.report("1", &seeds_request()).await.expect(400);
    let list = scene.app.get("/v1/callback-handlers").by(&scene.admin).send().await.expect(200);
    assert_eq!(list.as_array().map(Vec::len), Some(1));
    scene.app.call("DELETE", &path).by(&scene.admin).send().await.expect(204);
    scene.app.get(&path).by(&scene.admin).send().await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn the_document_says_which_calls_there_are() {
    let app = TestApp::new().await;
    let document = include_str!("../../../../docs/compat/bpm.md");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut seen = 0;
    for row in rows.filter(|row| row.starts_with("POST /") || row.starts_with("GET /")) {
        let (call, rest) = row.split_once('`').expect("a call");
        let (method, path) = call.split_once(' ').expect("a method and a path");
        let answer = app.call(method, &path.replace("{flowInstanceId}", "1")).send().await;
        let expected = if rest.contains("| done |") { 401 } else { 404 };
        assert_eq!(answer.status.as_u16(), expected, "{call}");
        seen += 1;
    }
    assert_eq!(seen, 3);
}
