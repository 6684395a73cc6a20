//! Who may call what: every operation of our own API is tried without a login, from another workspace and by a plain
//! member. The lists here are complete: an operation that stands in none of them fails the test.

use crate::company::Company;
use crate::harness::{Answer, Session, person};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use uuid::Uuid;
use zhupi_engine::directory::User;

/// For everybody: what shows who one is comes with the call.
const OPEN: &[&str] = &["login", "answer_call"];

/// For administrators of the workspace, or those who may make templates; whoever else may not see the thing it is about is
/// told that there is none.
const ADMIN: &[&str] = &[
    "check_template",
    "create_app",
    "create_calendar",
    "create_callback_handler",
    "create_department",
    "create_entity_trigger",
    "create_group",
    "create_role",
    "create_seal",
    "create_template",
    "create_user",
    "create_webhook",
    "delete_calendar",
    "delete_callback_handler",
    "delete_webhook",
    "disable_app",
    "disable_template",
    "enable_template",
    "get_callback_handler",
    "get_completion_callback",
    "get_delivery",
    "get_entity_trigger",
    "get_signing_settings",
    "get_template_version",
    "get_trigger_secret",
    "get_webhook",
    "hand_over",
    "import_calendar_year",
    "intervene",
    "list_apps",
    "list_callback_handlers",
    "list_deliveries",
    "list_entity_triggers",
    "list_template_problems",
    "list_template_versions",
    "list_webhooks",
    "migrate_instance",
    "migrate_instances",
    "ping_webhook",
    "preview_migration",
    "preview_template",
    "publish_template",
    "put_completion_callback",
    "put_entity_type",
    "put_signing_settings",
    "redeliver",
    "redeliver_range",
    "revoke_token",
    "rotate_app",
    "rotate_webhook_secret",
    "run_regression",
    "set_default_calendar",
    "set_department_calendar",
    "set_password",
    "settle_entity_conflict",
    "update_calendar",
    "update_callback_handler",
    "update_department",
    "update_entity_trigger",
    "update_group",
    "update_role",
    "update_template",
    "update_webhook",
];

/// For administrators as far as it is about others: oneself and one's own are anybody's.
const OTHERS: &[&str] = &["create_token", "list_tokens", "update_user", "create_absence"];

/// For members, each of whom sees what he may see: the rules are tested where the things are.
const MEMBER: &[&str] = &[
    "copy_instance",
    "check_definition",
    "abstain_task",
    "act_on_tasks",
    "add_comment",
    "add_signers",
    "approve_task",
    "claim_task",
    "create_draft",
    "delegate_task",
    "delete_draft",
    "delete_entity",
    "download_file",
    "end_absence",
    "get_absence",
    "get_calendar",
    "get_department",
    "get_draft",
    "get_entity",
    "get_file",
    "get_instance",
    "get_template",
    "get_timeline",
    "get_user",
    "give_opinion",
    "list_absences",
    "list_calendars",
    "list_comments",
    "list_departments",
    "list_drafts",
    "list_entities",
    "list_entity_approvals",
    "list_entity_conflicts",
    "list_entity_history",
    "list_entity_types",
    "list_field_options",
    "list_groups",
    "list_instances",
    "list_roles",
    "list_seal_jobs",
    "list_seals",
    "list_tasks",
    "list_templates",
    "list_users",
    "logout",
    "mark_read",
    "me",
    "preview_instance",
    "put_entity",
    "reject_task",
    "release_task",
    "remove_added_signers",
    "remove_signer",
    "resubmit_entity",
    "resubmit_instance",
    "return_task",
    "revoke_instance",
    "submit_instance",
    "take_back_task",
    "tell_people",
    "transfer_task",
    "update_absence",
    "update_draft",
    "upload_file",
    "urge_instance",
    "withdraw_instance",
];

/// Names under which things of the first workspace are kept; no answer to a stranger holds one.
const MARK: &str = "ZZFIRST";

struct Operation {
    name: String,
    method: String,
    /// With the ids of things of the first workspace.
    path: String,
    /// It is about one of them.
    of_one: bool,
    body: Option<Json>,
}

struct Doors {
    company: Company,
    ids: BTreeMap<&'static str, String>,
    document: Json,
}

impl Doors {
    async fn new() -> Self {
        let company = Company::new().await;
        let mut ids = BTreeMap::new();
        let admin = &company.admin;
        let make = async |path: &str, body: Json| {
            let made = company.post(path, admin, &body).await.expect(201);
            made["id"].as_str().or(made["class"].as_str()).expect("an id").to_owned()
        };
        let mut leave = company.leave();
        leave["name"] = json!(format!("{MARK} leave"));
        ids.insert("templates", company.publish("zzfirst", leave).await);
        let ask = json!({ "template": "zzfirst", "title": format!("{MARK} ask"), "form": { "days": 2 } });
        let instance = company.post("/v1/instances", &company.ann, &ask).await.expect(201);
        ids.insert("tasks", crate::company::task_of(&instance, &company.bob));
        ids.insert("instances", instance["id"].as_str().unwrap().to_owned());
        let draft = json!({ "template": "zzfirst", "title": format!("{MARK} draft") });
        let draft = company.post("/v1/drafts", &company.ann, &draft).await.expect(201);
        ids.insert("drafts", draft["id"].as_str().unwrap().to_owned());
        let file = company.app.post(&format!("/v1/files?name={MARK}.txt")).by(&company.ann.session);
        let file = file.header("content-type", "text/plain").body("ZZFIRST").send().await.expect(201);
        ids.insert("files", file["id"].as_str().unwrap().to_owned());
        ids.insert("users", company.ann.id.to_string());
        let named = json!({ "name": format!("{MARK} name") });
        ids.insert("departments", make("/v1/departments", named.clone()).await);
        ids.insert("roles", make("/v1/roles", named.clone()).await);
        ids.insert("groups", make("/v1/groups", named.clone()).await);
        let app = json!({ "name": format!("{MARK} app"), "scopes": ["read"] });
        ids.insert("apps", make("/v1/apps", app).await);
        let hook = json!({ "name": format!("{MARK} hook"), "url": "https://example.com/", "events": ["comment.added"] });
        ids.insert("webhooks", make("/v1/webhooks", hook).await);
        let week =
            json!({ "name": format!("{MARK} week"), "week": [["09:00-12:00"], [], [], [], [], [], []] });
        ids.insert("calendars", make("/v1/calendars", week).await);
        let away = json!({ "substitute": company.cat.id, "from": "2026-05-01T00:00:00Z", "until": "2026-05-02T00:00:00Z",
            "owner": company.bob.id, "reason": MARK });
        ids.insert("absences", make("/v1/absences", away).await);
        let sort = json!({ "data": { "title": MARK } });
        let put = company.app.call("PUT", "/v1/entities/Contract/7").by(&company.ann.session).json(&sort);
        put.send().await.expect(200);
        let document = serde_json::to_value(zhupi_server::api::openapi()).unwrap();
        Self { company, ids, document }
    }

    fn operations(&self) -> Vec<Operation> {
        let mut all = Vec::new();
        for (path, methods) in self.document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap().to_owned();
                let body = operation.pointer("/requestBody/content/application~1json/schema");
                let body = body.map(|schema| self.body_of(&name, schema));
                let method = method.to_uppercase();
                all.push(Operation {
                    name,
                    method,
                    path: self.address(path),
                    of_one: path.contains('{'),
                    body,
                });
            }
        }
        all
    }

    fn address(&self, path: &str) -> String {
        let unknown = Uuid::now_v7().to_string();
        let of = path.split('/').nth(2).unwrap();
        let id = if of == "entities" { "7" } else { self.ids.get(of).unwrap_or(&unknown) };
        let path = path.replace("{id}", id).replace("{instance}", &self.ids["instances"]);
        let path =
            path.replace("{entity_type}", "Contract").replace("{key}", "Contract").replace("{version}", "1");
        let path = path.replace("{year}", "2026").replace("{field}", "why").replace("{class}", "zz");
        let path = path.replace("{token}", "zz");
        assert!(!path.contains('{'), "{path}");
        if of == "files" && path.ends_with("/files") { format!("{path}?name=a.txt") } else { path }
    }

    /// A body that is well formed: refused can only be who sends it.
    fn body_of(&self, name: &str, schema: &Json) -> Json {
        let template = self.company.leave();
        match name {
            "create_template" => json!({ "code": "new", "definition": template }),
            "check_definition" => json!({ "definition": template }),
            "create_seal" => json!({ "name": "x", "type": "custom", "width_mm": 40, "height_mm": 30 }),
            "migrate_instances" => json!({ "instances": [self.ids["instances"]], "reason": "x" }),
            "update_template" => json!({ "definition": template }),
            "create_entity_trigger" | "update_entity_trigger" => {
                json!({ "entity_type": "Contract", "template": self.ids["templates"], "trigger": { "name": "t", "on": "updated" } })
            }
            "create_calendar" | "update_calendar" => {
                json!({ "name": "x", "week": [[], [], [], [], [], [], []] })
            }
            "create_webhook" | "update_webhook" => {
                json!({ "name": "x", "url": "https://example.com/", "events": ["comment.added"] })
            }
            "create_callback_handler" => {
                json!({ "class": "x", "action": { "kind": "webhook", "webhook": self.ids["webhooks"] } })
            }
            "update_callback_handler" => {
                json!({ "action": { "kind": "webhook", "webhook": self.ids["webhooks"] } })
            }
            _ => self.example(schema),
        }
    }

    /// The least that a schema takes.
    fn example(&self, schema: &Json) -> Json {
        if let Some(name) = schema["$ref"].as_str() {
            return self.example(&self.document["components"]["schemas"][name.rsplit('/').next().unwrap()]);
        }
        if let Some(first) = schema["enum"].get(0) {
            return first.clone();
        }
        for several in ["oneOf", "allOf"] {
            if let Some(first) =
                schema[several].as_array().and_then(|all| all.iter().find(|it| it["type"] != "null"))
            {
                return self.example(first);
            }
        }
        let kind = schema["type"].as_str().or(schema["type"][0].as_str());
        match (kind, schema["format"].as_str()) {
            (Some("string"), Some("uuid")) => json!(self.ids["users"]),
            (Some("string"), Some("date-time")) => json!("2026-05-01T00:00:00Z"),
            (Some("string"), _) => schema.get("example").cloned().unwrap_or(json!("x")),
            (Some("integer" | "number"), _) => json!(1),
            (Some("boolean"), _) => json!(false),
            (Some("array"), _) => json!([]),
            _ => {
                let required = schema["required"].as_array().cloned().unwrap_or_default();
                let member = |name: &Json| {
                    let name = name.as_str().unwrap();
                    (name.to_owned(), self.example(&schema["properties"][name]))
                };
                Json::Object(required.iter().map(member).collect::<Map<_, _>>())
            }
        }
    }

    async fn call(&self, operation: &Operation, session: Option<&Session>) -> Answer {
        let mut call = self.company.app.call(&operation.method, &operation.path);
        if let Some(session) = session {
            call = call.by(session);
        }
        // What is only done to what one has seen.
        if operation.method == "PUT" || operation.name == "settle_entity_conflict" {
            call = call.header("if-match", "\"1\"");
        }
        match &operation.body {
            Some(body) => call.json(body).send().await,
            None => call.send().await,
        }
    }

    /// What the first workspace's administrator reads, to compare.
    async fn everything(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for operation in self.operations().iter().filter(|it| it.method == "GET") {
            let answer = self.call(operation, Some(&self.company.admin.session)).await;
            // What is not there is refused with the id of the request.
            let said = if answer.status.is_success() { answer.text() } else { answer.status.to_string() };
            all.push((operation.name.clone(), said));
        }
        all
    }
}

#[test]
fn every_operation_says_who_may_call_it() {
    let document = serde_json::to_value(zhupi_server::api::openapi()).unwrap();
    let methods = document["paths"].as_object().unwrap().values();
    let all = methods.flat_map(|methods| methods.as_object().unwrap().values());
    let mut names: Vec<&str> = all.map(|it| it["operationId"].as_str().unwrap()).collect();
    names.sort_unstable();
    let lists = [OPEN, ADMIN, OTHERS, MEMBER];
    let mut listed: Vec<&str> = lists.into_iter().flatten().copied().collect();
    listed.sort_unstable();
    let missing: Vec<_> = names.iter().filter(|name| !listed.contains(name)).collect();
    let gone: Vec<_> = listed.iter().filter(|name| !names.contains(name)).collect();
    assert_eq!((missing, gone, listed.len()), (vec![], vec![], names.len()));
}

#[tokio::test]
async fn nothing_is_answered_without_a_login() {
    let doors = Doors::new().await;
    for operation in doors.operations().iter().filter(|it| !OPEN.contains(&it.name.as_str())) {
        let answer = doors.call(operation, None).await;
        assert_eq!(answer.status, 401, "{}: {}", operation.name, answer.text());
    }
    for name in OPEN {
        let operations = doors.operations();
        let open = operations.iter().find(|it| it.name == **name).unwrap();
        assert!(doors.call(open, None).await.status.is_client_error(), "{name} needs to know something");
    }
}

#[tokio::test]
async fn another_workspace_reads_and_changes_nothing() {
    let doors = Doors::new().await;
    let app = &doors.company.app;
    let elsewhere = app.workspace("elsewhere").await;
    let stranger = app.put_user(elsewhere, User { admin: true, ..person("stranger") }).await;
    let session = app.session_in(elsewhere, stranger).await;
    let before = doors.everything().await;
    let mut faults = Vec::new();
    for operation in doors.operations().iter().filter(|it| it.name != "logout") {
        let answer = doors.call(operation, Some(&session)).await;
        let text = answer.text();
        // Names one gives things oneself are the same in every workspace.
        let own_name = operation.path.starts_with("/v1/entit") || operation.name == "put_entity_type";
        if operation.of_one && !own_name {
            let status = answer.status.as_u16();
            if !matches!(status, 403 | 404) {
                faults.push(format!("{} {status}: {text}", operation.name));
            }
        }
        if answer.status.is_success() {
            assert!(!text.contains(MARK), "{}: {text}", operation.name);
            let told = doors.ids.values().find(|id| text.contains(id.as_str()));
            // What he sent himself he may hear again.
            let sent = operation
                .body
                .as_ref()
                .is_some_and(|body| told.is_some_and(|id| body.to_string().contains(id)));
            assert!(told.is_none() || sent, "{}: {text}", operation.name);
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(doors.everything().await, before);
}

#[tokio::test]
async fn a_plain_member_is_no_administrator() {
    let doors = Doors::new().await;
    let mut faults = Vec::new();
    for operation in doors.operations().iter().filter(|it| ADMIN.contains(&it.name.as_str())) {
        let answer = doors.call(operation, Some(&doors.company.eve.session)).await;
        let status = answer.status.as_u16();
        if !matches!(status, 403 | 404) {
            faults.push(format!("{} {status}: {}", operation.name, answer.text()));
        }
    }
    assert!(
        faults.is_empty(),
        "{}",
        faults.join(
            "
"
        )
    );
    let ann = doors.ids["users"].clone();
    for (method, path, body) in [
        ("POST", "/v1/tokens".to_owned(), json!({ "name": "x", "user": ann, "scopes": ["read"] })),
        ("PUT", format!("/v1/users/{ann}"), json!({ "name": "x", "login": "x" })),
        (
            "POST",
            "/v1/absences".to_owned(),
            json!({ "owner": ann, "substitute": doors.company.eve.id,
            "from": "2026-05-01T00:00:00Z", "until": "2026-05-02T00:00:00Z" }),
        ),
        ("GET", "/v1/instances?of=all".to_owned(), json!({})),
    ] {
        let call = doors.company.app.call(method, &path).by(&doors.company.eve.session);
        let call = if method == "GET" { call } else { call.json(&body) };
        let answer = call.send().await;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_parameter_that_there_is_not_is_refused_by_name() {
    let company = Company::with_leave().await;
    let refused =
        company.get("/v1/tasks?box=todo&tempalte=x", &company.ann).await.expect_problem(400, "bad_request");
    assert_eq!(refused["field"], "tempalte");
    company.get("/v1/tasks?box=todo&limit=1", &company.ann).await.expect(200);
    let instance = company.submit().await;
    let withdraw = format!("{}/withdraw?force=true", crate::company::path_of(&instance));
    let refused = company.post(&withdraw, &company.ann, &json!({ "reason": "x" })).await;
    assert_eq!(refused.expect_problem(400, "bad_request")["field"], "force");
}
