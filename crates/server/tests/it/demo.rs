//! The demo company: everything that its credentials promise works.

use crate::harness::TestApp;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use zhupi_server::demo;

struct Demo {
    server: TestApp,
    credentials: Json,
}

async fn filled() -> Demo {
    let server = TestApp::with(&[("demo", "true")]).await;
    let path = demo::fill(&server.app).await.expect("a demo").expect("a path");
    let text = std::fs::read_to_string(&path).expect("the credentials");
    #[cfg(unix)]
    {
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).expect("a file").permissions());
        assert_eq!(mode & 0o777, 0o600, "nobody else reads the credentials");
    }
    Demo { credentials: serde_json::from_str(&text).expect("JSON"), server }
}

impl Demo {
    fn text(&self, pointer: &str) -> &str {
        self.credentials
            .pointer(pointer)
            .and_then(Json::as_str)
            .unwrap_or_else(|| panic!("{pointer} is missing"))
    }

    async fn get(&self, path: &str) -> Json {
        let token = self.text("/api/token").to_owned();
        self.server.get(path).token(&token).send().await.expect(200)
    }
}

#[tokio::test]
async fn the_demo_fills_an_empty_database_once() {
    let demo = filled().await;
    let again = demo::fill(&demo.server.app).await.expect("no second demo");
    assert!(again.is_some(), "the credentials are still there");
    let users = demo.get("/v1/users?limit=200").await;
    let people = users["items"].as_array().expect("people").len();
    assert!((50..=70).contains(&people), "about sixty people: {people}");
    let templates = demo.get("/v1/templates?limit=50").await;
    let names: BTreeSet<&str> = templates["items"]
        .as_array()
        .expect("templates")
        .iter()
        .filter_map(|it| it["name"].as_str())
        .collect();
    let everyday = ["请假", "报销", "采购", "用章", "出差", "付款", "合同", "入职", "合同审批"];
    for name in everyday.into_iter().chain(["立项", "验收", "服务请求", "加班"]) {
        assert!(names.contains(name), "no template `{name}`");
    }
}

#[tokio::test]
async fn the_demo_has_instances_in_every_state() {
    let demo = filled().await;
    for status in ["running", "approved", "rejected", "withdrawn"] {
        let found = demo.get(&format!("/v1/instances?of=all&status={status}&limit=100")).await;
        let count = found["items"].as_array().expect("instances").len();
        assert!(count >= 3, "{count} instances are {status}");
    }
    let returned = demo.get("/v1/instances?of=all&status=returned").await;
    assert_eq!(returned["items"].as_array().map(Vec::len), Some(1), "one waits for its initiator");
}

#[tokio::test]
async fn everybody_named_can_log_in() {
    let demo = filled().await;
    for user in demo.credentials["users"].as_array().expect("users") {
        let login = json!({"login": user["login"], "password": user["password"]});
        demo.server.post("/v1/sessions").json(&login).send().await.expect(200);
    }
}

#[tokio::test]
async fn the_template_manager_manages_templates() {
    let demo = filled().await;
    let users = demo.credentials["users"].as_array().expect("users");
    let manager = users.iter().find(|user| user["login"] == "gu.qing").expect("the manager");
    let login = json!({"login": manager["login"], "password": manager["password"]});
    let answer = demo.server.post("/v1/sessions").json(&login).send().await;
    let me = demo.server.get("/v1/me").by(&answer.session()).send().await.expect(200);
    assert_eq!(me["manages_templates"], true, "{me}");
}

#[tokio::test]
async fn the_people_of_the_documented_wps_sample_are_there() {
    let demo = filled().await;
    let tenant = demo.server.tenant;
    for number in ["1028", "1029", "1233"] {
        let found =
            demo.server.app.store.resolve_alias(tenant, "wps_user", number).await.expect("a database");
        assert!(found.is_some(), "nobody has the number {number}");
    }
    assert_eq!(demo.credentials["wps"]["operator"], 1233);
}

#[tokio::test]
async fn a_change_of_a_customer_of_the_crm_waits_for_approval() {
    let demo = filled().await;
    let path = "/api/v1/entities?entity_type=Customer&entity_id=88201";
    let request = demo.server.get(path).header("x-lxy-platform", demo.text("/crm/platform"));
    let request = request.header("x-lxy-app", demo.text("/crm/app"));
    let customer =
        request.header("access-token", demo.text("/crm/users/0/access_token")).send().await.expect(200);
    assert_eq!(customer["data"]["approve_status"], "applying");
    assert_eq!(customer["data"]["data"]["category"], "普通客户", "until somebody approves");
}

#[tokio::test]
async fn a_contract_of_the_crm_has_passed_two_levels() {
    let demo = filled().await;
    let path = "/api/v1/execute_records/detail?entity_type=Contract&entity_id=1901351";
    let request = demo.server.get(path).header("x-lxy-platform", demo.text("/crm/platform"));
    let request = request.header("x-lxy-app", demo.text("/crm/app"));
    let detail =
        request.header("access-token", demo.text("/crm/users/0/access_token")).send().await.expect(200);
    assert_eq!(detail["data"]["execute_record"]["status"], "pass");
    let nodes = detail["data"]["execution_details"].as_array().expect("nodes");
    let levels = nodes.iter().filter(|node| node["setting_approval_type"] == "ORAPPROVE").count();
    assert_eq!((nodes.len(), levels), (4, 2));
}

#[tokio::test]
async fn the_demo_flow_takes_an_approval_record() {
    let demo = filled().await;
    let source = demo.text("/esign/source");
    let account = demo.text("/esign/accounts/0/account");
    let login = json!({"account": account, "pwd": demo.text("/esign/accounts/0/password"), "type": 0, "source": source});
    let session = demo.server.post("/service/rest/v1/login").json(&login).send().await.expect(200);
    assert_eq!(session["success"], true, "{session}");
    let record = json!({
        "flowId": demo.text("/esign/demo_flow/flowId"),
        "participantId": demo.text("/esign/demo_flow/participantId"),
        "approveSealPositions": [{"posX": 100.0, "posY": 100.0, "sealBase64": "", "sealId": "826fc2b4-2de7-4920-82d6-55ee9cd3920a",
            "sealOsskey": "", "signType": 1, "posPage": "1", "key": "", "posType": 0}],
        "orgAccountUid": "2A4C492FF38F441BAAA49FDFDF19C265", "accountUid": "4E61CD47EFA14ECC9F5D1D19911F6A5C",
        "source": source, "token": session["data"]["token"], "equipId": session["data"]["equipId"],
    });
    let saved =
        demo.server.post("/service/rest/v1/approve_record/flow").json(&record).send().await.expect(200);
    assert_eq!((&saved["success"], &saved["exist"]), (&json!(true), &json!(true)), "{saved}");
    assert_eq!(saved["data"]["accountUid"], record["accountUid"]);
}

#[tokio::test]
async fn the_callback_token_is_taken_from_other_engines_too() {
    let demo = filled().await;
    let report = json!({"businessKey": "PO-1", "callBackProcessClass": "com.example.Unknown"});
    let request = demo.server.post("/flow/1/call-back/complete").header("x-token", demo.text("/bpm/token"));
    let refused = request.json(&report).send().await.expect(400);
    assert_eq!(refused["success"], false, "the token is good, the class is not: {refused}");
}
