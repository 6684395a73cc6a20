//! The WPS surface as its clients see it: signed calls, templates to the byte, approvals from start to end.

mod actions;

use crate::harness::{Answer, TestApp, person};
use hmac::{Hmac, Mac};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zhupi_engine::directory::User;
use zhupi_engine::ids::{TenantId, UserId};
use zhupi_engine::template::Template;
use zhupi_server::app::credentials::NewApp;
use zhupi_server::app::templates::{Drawing, NATIVE};
use zhupi_server::secrets::{TokenKind, new_token, token_hash};
use zhupi_store::Token;

/// The documented request, word for word.
const SAMPLE: &str = include_str!("wps_template.json");
const CODE: &str = "YWEAMK0DkP1vV0Napq74QJzXLx";
const BASE: &str = "/api/v2/workflow/developer";
const SCOPES: [&str; 3] =
    ["kso.workflow.template.write", "kso.workflow.approval.write", "kso.workflow.approval.read"];

/// A server with an app, its token, and people by the numbers of the documentation.
struct Wps {
    app: TestApp,
    client: Client,
    admin: UserId,
}

/// What a program of a client holds.
#[derive(Clone)]
struct Client {
    app_id: String,
    key: String,
    token: String,
}

/// A call being made.
struct Call<'a> {
    wps: &'a Wps,
    client: Client,
    method: &'static str,
    /// Without the gateway prefix.
    target: String,
    content_type: &'static str,
    date: String,
    idempotency_key: Option<&'static str>,
    body: String,
}

impl Wps {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let admin = app.admin("admin").await;
        number(&app, admin, 1233).await;
        for name in ["1028", "1029", "1030", "1031"] {
            let user = app.user(name).await;
            number(&app, user, name.parse().expect("a number")).await;
        }
        let client = client(&app, app.tenant, admin, &SCOPES).await;
        Self { app, client, admin }
    }

    /// With a template of the documented code, made in our own words.
    async fn with_template() -> Self {
        let wps = Self::new().await;
        let drawing = native(&wps.admin, "原来的");
        let created =
            wps.app.app.create_template(wps.app.tenant, wps.admin, Some(CODE.to_owned()), drawing).await;
        created.expect("a template");
        wps
    }

    fn call(&self, method: &'static str, path: &str, operator: i64) -> Call<'_> {
        Call {
            wps: self,
            client: self.client.clone(),
            method,
            target: format!("{BASE}{path}?operator={operator}"),
            content_type: "application/json",
            date: self.date(SignedDuration::ZERO),
            idempotency_key: None,
            body: String::new(),
        }
    }

    fn date(&self, ahead: SignedDuration) -> String {
        rfc1123(self.app.app.now() + ahead)
    }

    async fn put_sample(&self) -> Answer {
        self.call("PUT", &format!("/condition/templates/{CODE}"), 1233).body(SAMPLE).send().await
    }

    async fn create(&self, body: &Json) -> String {
        let answer = self.call("POST", "/condition/templates", 1233).json(body).send().await.expect(200);
        answer["template_code"].as_str().expect("a code").to_owned()
    }

    async fn start(&self, operator: i64, body: &Json) -> String {
        let answer = self.call("POST", "/condition/approvals", operator).json(body).send().await.expect(200);
        assert_eq!(answer["approval_code"], answer["approval_id"]);
        answer["approval_id"].as_str().expect("an id").to_owned()
    }

    async fn detail(&self, operator: i64, id: &str) -> Json {
        self.call("GET", &format!("/approvals/{id}"), operator).send().await.expect(200)
    }

    async fn act(&self, operator: i64, id: &str, action: &str, body: &Json) -> Answer {
        self.call("POST", &format!("/approvals/{id}/{action}"), operator).json(body).send().await
    }

    async fn template(&self, code: &str) -> Json {
        self.call("GET", &format!("/condition/templates/{code}"), 1233).send().await.expect(200)
    }
}

impl Call<'_> {
    fn body(mut self, body: &str) -> Self {
        self.body = body.to_owned();
        self
    }

    fn json(self, body: &Json) -> Self {
        self.body(&body.to_string())
    }

    fn query(mut self, more: &str) -> Self {
        self.target.push_str(more);
        self
    }

    fn signature(&self) -> String {
        let hash = if self.body.is_empty() || !self.content_type.contains("application/json") {
            String::new()
        } else {
            hex(&Sha256::digest(self.body.as_bytes()))
        };
        let plain = format!("WPS-4{}{}{}{}{hash}", self.method, self.target, self.content_type, self.date);
        let mut mac = Hmac::<Sha256>::new_from_slice(self.client.key.as_bytes()).expect("a key");
        mac.update(plain.as_bytes());
        hex(&mac.finalize().into_bytes())
    }

    async fn send(self) -> Answer {
        let signature = self.signature();
        self.send_signed(&signature).await
    }

    async fn send_signed(self, signature: &str) -> Answer {
        let mut call = self.wps.app.call(self.method, &format!("/o/woa{}", self.target));
        if let Some(key) = self.idempotency_key {
            call = call.header("idempotency-key", key);
        }
        let call = call
            .header("content-type", self.content_type)
            .header("wps-docs-date", &self.date)
            .header("wps-docs-authorization", &format!("WPS-4 {}:{signature}", self.client.app_id))
            .header("authorization", &self.client.token);
        call.body(self.body).send().await
    }
}

async fn number(app: &TestApp, user: UserId, number: i64) {
    let put = app.app.store.put_alias(app.tenant, "wps_user", &number.to_string(), user.0).await;
    put.expect("a free number");
}

async fn client(app: &TestApp, tenant: TenantId, by: UserId, scopes: &[&str]) -> Client {
    let new = NewApp { name: "oa".to_owned(), scopes: vec![], user: None };
    let (app_id, key) = app.app.create_app(tenant, by, new).await.expect("an app");
    let token = token(app, tenant, Some(&app_id), None, scopes).await;
    Client { app_id, key, token }
}

async fn token(
    app: &TestApp,
    tenant: TenantId,
    of: Option<&str>,
    user: Option<UserId>,
    scopes: &[&str],
) -> String {
    let secret = new_token(TokenKind::Api, tenant).expect("a token");
    let token = Token {
        id: Uuid::now_v7(),
        token_hash: token_hash(&secret),
        name: "oa".to_owned(),
        user,
        app: of.map(str::to_owned),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        created_at: app.app.now_us(),
        expires_at: Some(app.app.now_us() + 7_200_000_000),
        revoked_at: None,
    };
    app.app.store.create_token(tenant, &token).await.expect("a token");
    secret
}

fn native(approver: &UserId, name: &str) -> Drawing {
    let template = json!({
        "name": name,
        "form": [{"id": "amount", "kind": "money", "title": "金额"}],
        "flow": [{"kind": "approval", "id": "boss", "title": "老板", "approvers": {"people": [{"members": [approver]}]}}],
    });
    let template: Template = serde_json::from_value(template).expect("a template");
    Drawing { template, category: String::new(), source_kind: NATIVE, source: None }
}

fn rfc1123(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A start of the documented template in which 1030 picks this person.
fn picking(approver: i64) -> Json {
    json!({
        "template_code": CODE,
        "name": "买纸",
        "content": [{"type": 1, "title": "单行文本", "text": "两包", "not_print": false}],
        "flow_data": [{"id": 2, "node_type": 1, "title": "审批", "select_type": 1, "user_type": 1, "approvers": [approver]}],
    })
}

/// A template of one node, decided by 1028 or 1029.
fn simple() -> Json {
    json!({
        "name": "t",
        "flow_data": [{"id": 1, "node_type": 1, "title": "审批", "rule": 2, "members": [1028], "approvers": [1029]}],
    })
}

#[track_caller]
fn refused(answer: &Answer, status: u16, word: &str) -> String {
    let body = answer.expect(status);
    assert_eq!(body["result"], word, "{body}");
    body["msg"].as_str().expect("a message").to_owned()
}

#[tokio::test]
async fn the_documented_request_gets_the_documented_answer() {
    let wps = Wps::with_template().await;
    let answer = wps.put_sample().await;
    assert_eq!(answer.expect(200), json!({"result": "ok", "msg": "success"}));
    assert!(answer.header("content-type").starts_with("application/json"));
}

#[tokio::test]
async fn what_was_put_comes_back_to_the_byte() {
    let wps = Wps::with_template().await;
    wps.put_sample().await.expect(200);
    let got = wps.call("GET", &format!("/condition/templates/{CODE}"), 1233).send().await;
    assert!(got.text().contains(SAMPLE.trim()), "{}", got.text());
    let got = got.expect(200);
    assert_eq!(
        (&got["result"], &got["template_code"], &got["version"]),
        (&json!("ok"), &json!(CODE), &json!(1))
    );

    let odd = r#"{ "name":"t", "big": 123456789012345678901234567890, "exp":1.50e1, "twice":1,
        "flow_data":[{"id":"7","node_type":1,"title":"a","approvers":[1028],"x":{"b":null,"a":"é"},
        "lines":[{"line_id":1,"flows":[{"id":8,"node_type":5,"title":"c","conditions":{"1":{"id":-1,"Type":13,"Rule":1,"Title":"t","Value":{"depts":[],"users":[1029]}}}}]}]}]}"#;
    wps.call("PUT", &format!("/condition/templates/{CODE}"), 1028).body(odd).send().await.expect(200);
    let got = wps.call("GET", &format!("/condition/templates/{CODE}"), 1233).send().await.text();
    assert!(got.contains(odd), "{got}");
}

#[tokio::test]
async fn the_documented_template_runs_and_whoever_is_picked_decides() {
    let wps = Wps::with_template().await;
    wps.put_sample().await.expect(200);
    let id = wps.start(1030, &picking(1028)).await;
    let begun = wps.app.app.now().as_second();
    wps.app.app.clock.advance(SignedDuration::from_secs(60));

    let detail = wps.detail(1028, &id).await;
    assert_eq!((&detail["status"], &detail["current_approver"]), (&json!("auditing"), &json!([1028])));
    refused(&wps.act(1029, &id, "approve", &json!({})).await, 404, "NotExists");
    refused(&wps.act(1030, &id, "approve", &json!({})).await, 403, "PermissionDenied");
    wps.act(1028, &id, "approve", &json!({"comment": "好"})).await.expect(200);

    let sample: Json = serde_json::from_str(SAMPLE).expect("the sample");
    let mut node = sample["flow_data"][0].clone();
    for (name, value) in [
        ("members", json!([1028])),
        ("approvers", json!([1028])),
        ("level", json!(0)),
        ("status", json!("approved")),
    ] {
        node[name] = value;
    }
    let expected = json!({
        "result": "ok",
        "msg": "success",
        "approval_id": id,
        "approval_code": id,
        "template_code": CODE,
        "name": "买纸",
        "status": "approved",
        "initiator": 1030,
        "current_approver": [],
        "content": [{
            "id": 0, "type": 1, "title": "单行文本", "text": "两包", "not_print": false, "required": false,
            "extra": "{\"not_print\":false}",
        }],
        "attachments": [],
        "flow_data": [node],
        "records": [
            {"id": 1, "type": "approval_created", "operator": 1030, "node_id": 0, "node_name": "", "comment": "", "ctime": begun},
            {"id": 2, "type": "passed", "operator": 1028, "node_id": 2, "node_name": "审批", "comment": "好", "ctime": begun + 60},
        ],
        "create_time": begun,
        "end_time": begun + 60,
    });
    assert_eq!(wps.detail(1030, &id).await, expected);
}

#[tokio::test]
async fn a_start_without_the_pick_is_refused_and_current_approver_is_one() {
    let wps = Wps::with_template().await;
    wps.put_sample().await.expect(200);
    let mut body = picking(1028);
    body["flow_data"] = Json::Null;
    let answer = wps.call("POST", "/condition/approvals", 1030).json(&body).send().await;
    assert_eq!(refused(&answer, 422, "InvalidArgument"), "somebody has to be picked for node `2`");
    body["current_approver"] = json!(1029);
    let id = wps.start(1030, &body).await;
    assert_eq!(wps.detail(1030, &id).await["current_approver"], json!([1029]));
}

#[tokio::test]
async fn values_of_every_kind_reach_the_approval() {
    let wps = Wps::new().await;
    let options = json!([{"command": 1, "txt": "甲"}, {"command": 2, "txt": "乙"}]);
    let mut template = simple();
    template["content"] = json!([
        {"id": 1, "type": 2, "title": "说明"},
        {"id": 2, "type": 10, "title": "数量", "required": true},
        {"id": 3, "type": 11, "title": "金额"},
        {"id": 4, "type": 6, "title": "单选", "options": options},
        {"id": 5, "type": 9, "title": "多选", "options": options},
        {"id": 6, "type": 8, "title": "联系人"},
        {"id": 7, "type": 5, "title": "日期"},
        {"id": 8, "type": 3, "title": "附件"},
        {"id": 9, "type": 7, "title": "提示"},
    ]);
    let code = wps.create(&template).await;
    let attachment =
        json!({"fileid": 5, "name": "a.pdf", "type": 1, "store_type": 1, "store_key": "k", "store": "ks3"});
    let body = json!({
        "template_code": code,
        "name": "",
        "content": [
            {"type": 2, "title": "说明", "text": "x"},
            {"type": 10, "title": "数量", "text": "3.10"},
            {"type": 11, "title": "金额", "text": 12.5},
            {"type": 6, "title": "单选", "text": "乙"},
            {"type": 9, "title": "多选", "text": "1,2"},
            {"type": 8, "title": "联系人", "text": [1029]},
            {"type": 5, "title": "日期", "text": "2026-03-04"},
            {"type": 7, "title": "提示", "text": ""},
        ],
        "attachments": [attachment],
    });
    let id = wps.start(1030, &body).await;
    let detail = wps.detail(1030, &id).await;
    let texts: Vec<&str> = detail["content"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|entry| entry["text"].as_str())
        .collect();
    assert_eq!(texts, ["x", "3.1", "12.5", "乙", "甲、乙", "1029", "2026-03-04", "a.pdf", ""]);
    assert_eq!(detail["attachments"], json!([attachment]));

    let mut wrong = body;
    wrong["content"] = json!([
        {"type": 6, "title": "单选", "text": "丙"},
        {"type": 1, "title": "没有", "text": "x"},
    ]);
    let answer = wps.call("POST", "/condition/approvals", 1030).json(&wrong).send().await;
    let message = refused(&answer, 422, "InvalidArgument");
    for place in ["content[1].title", "content.2:", "content.4:"] {
        assert!(message.contains(place), "{message}");
    }
}

#[tokio::test]
async fn what_is_replaced_changes_nothing_that_runs() {
    let wps = Wps::with_template().await;
    wps.put_sample().await.expect(200);
    let id = wps.start(1030, &picking(1028)).await;
    let path = format!("/condition/templates/{CODE}");
    wps.call("PUT", &path, 1233).json(&simple()).send().await.expect(200);
    assert_eq!(wps.template(CODE).await["version"], 2);
    assert_eq!(wps.detail(1030, &id).await["content"].as_array().map(Vec::len), Some(1));
    let later = wps.start(1030, &json!({"template_code": CODE})).await;
    assert_eq!(wps.detail(1030, &later).await["current_approver"], json!([1028, 1029]));
    wps.act(1028, &id, "approve", &json!({})).await.expect(200);
}

#[tokio::test]
async fn conditions_choose_the_line() {
    let wps = Wps::new().await;
    let line = |id: i64, title: &str, approver: i64, conditions: Json| {
        json!({"line_id": id, "priority": id, "flows": [
            {"id": id * 10, "node_type": 5, "title": title, "conditions": conditions},
            {"id": id * 10 + 1, "node_type": 1, "title": title, "approvers": [approver]},
        ]})
    };
    let body = json!({
        "name": "报销",
        "content": [{"id": 3, "type": 11, "title": "金额"}],
        "flow_data": [{"id": 1, "node_type": 2, "title": "知会", "members": [1233], "lines": [
            line(1, "大", 1028, json!([[{"id": 3, "type": 11, "rule": 10, "value": "1000"}]])),
            line(2, "小", 1029, json!({"1": {"id": 3, "Type": 11, "Rule": 6, "Title": "金额", "Value": 100}})),
        ]}],
    });
    let code = wps.create(&body).await;
    for (amount, status, approver) in
        [("1000", "auditing", Some(1028)), ("99.99", "auditing", Some(1029)), ("500", "approved", None)]
    {
        let content = json!([{"type": 11, "title": "金额", "text": amount}]);
        let id = wps.start(1030, &json!({"template_code": code, "content": content})).await;
        let detail = wps.detail(1030, &id).await;
        let approvers: Vec<i64> = approver.into_iter().collect();
        assert_eq!(
            (&detail["status"], &detail["current_approver"]),
            (&json!(status), &json!(approvers)),
            "{amount}"
        );
    }
}

#[tokio::test]
async fn a_template_made_elsewhere_is_rendered_and_can_be_put_back() {
    let wps = Wps::with_template().await;
    let row =
        wps.app.app.store.find_template_by_code(wps.app.tenant, CODE).await.expect("a database").expect("it");
    wps.app.app.publish_template(wps.app.tenant, wps.admin, row.id, None).await.expect("a version");
    let got = wps.template(CODE).await["data"].clone();
    assert_eq!(
        (&got["name"], &got["group_id"], &got["icon"]),
        (&json!("原来的"), &json!(1), &json!("tmp15"))
    );
    assert_eq!((&got["content"][0]["id"], &got["content"][0]["type"]), (&json!(1000), &json!(11)));
    assert_eq!(got["flow_data"][0]["members"], json!([1233]));
    let content = json!([{"type": 11, "title": "金额", "text": "1"}]);
    let id = wps.start(1030, &json!({"template_code": CODE, "name": "n", "content": content})).await;
    assert_eq!(wps.detail(1030, &id).await["current_approver"], json!([1233]));
    let path = format!("/condition/templates/{CODE}");
    wps.call("PUT", &path, 1233).json(&got).send().await.expect(200);
    assert_eq!(wps.template(CODE).await["data"], got);

    wps.put_sample().await.expect(200);
    let drawing = native(&wps.admin, "又改了");
    wps.app.app.publish_drawing(wps.app.tenant, wps.admin, row.id, drawing).await.expect("a version");
    assert_eq!(wps.template(CODE).await["data"]["name"], "又改了");
}

#[tokio::test]
async fn reject_revoke_and_comment_do_as_they_say() {
    let wps = Wps::new().await;
    let code = wps.create(&simple()).await;
    let rejected = wps.start(1030, &json!({"template_code": code})).await;
    wps.act(1029, &rejected, "comment", &json!({"content": "问一下"})).await.expect(200);
    wps.app.app.clock.advance(SignedDuration::from_secs(1));
    wps.act(1028, &rejected, "reject", &json!({"comment": "不行"})).await.expect(200);
    let detail = wps.detail(1030, &rejected).await;
    assert_eq!(
        (&detail["status"], &detail["flow_data"][0]["status"]),
        (&json!("refused"), &json!("rejected"))
    );
    let kinds: Vec<&Json> =
        detail["records"].as_array().expect("records").iter().map(|it| &it["type"]).collect();
    assert_eq!(kinds, ["approval_created", "comment", "reject"]);

    let answer = wps.act(1029, &rejected, "approve", &json!({})).await;
    assert!(
        ["InvalidState", "AlreadyDecided"].contains(&answer.expect(409)["result"].as_str().expect("a word"))
    );
    let revoked = wps.start(1030, &json!({"template_code": code})).await;
    refused(&wps.act(1028, &revoked, "revoke", &json!({})).await, 403, "PermissionDenied");
    wps.act(1030, &revoked, "revoke", &json!({"reason": "买好了"})).await.expect(200);
    assert_eq!(wps.detail(1030, &revoked).await["status"], "revoked");
    refused(&wps.act(1028, &revoked, "sing", &json!({})).await, 404, "NotExists");
}

#[tokio::test]
async fn the_second_of_two_hears_who_decided() {
    let wps = Wps::new().await;
    let mut body = simple();
    body["flow_data"]
        .as_array_mut()
        .expect("nodes")
        .push(json!({"id": 2, "node_type": 1, "title": "再审", "approvers": [1233]}));
    let code = wps.create(&body).await;
    let id = wps.start(1030, &json!({"template_code": code})).await;
    wps.act(1028, &id, "approve", &json!({})).await.expect(200);
    let answer = wps.act(1029, &id, "approve", &json!({})).await;
    refused(&answer, 409, "AlreadyDecided");
    assert_eq!(wps.detail(1030, &id).await["current_approver"], json!([1233]));
}

#[tokio::test]
async fn a_wrong_signature_is_refused() {
    let wps = Wps::with_template().await;
    let put = || wps.call("PUT", &format!("/condition/templates/{CODE}"), 1233);
    let signature = put().body(SAMPLE).signature();
    let other = SAMPLE.replacen("1028", "1029", 1);
    refused(&put().body(&other).send_signed(&signature).await, 401, "Unauthorized");
    refused(&put().query("&x=1").body(SAMPLE).send_signed(&signature).await, 401, "Unauthorized");
    refused(&put().body(SAMPLE).send_signed("00").await, 401, "Unauthorized");
    let mut call = put().body(SAMPLE);
    call.client.key = "other".to_owned();
    refused(&call.send().await, 401, "Unauthorized");
    let mut call = put().body(SAMPLE);
    call.client.app_id = "AK123456".to_owned();
    refused(&call.send().await, 401, "Unauthorized");
    refused(
        &wps.app.call("PUT", &format!("/o/woa{BASE}/condition/templates/{CODE}?operator=1233")).send().await,
        401,
        "Unauthorized",
    );
    put().body(SAMPLE).send_signed(&signature).await.expect(200);
}

#[tokio::test]
async fn a_stale_request_is_refused() {
    let wps = Wps::with_template().await;
    let minutes = |minutes| wps.date(SignedDuration::from_mins(minutes));
    for date in [minutes(-16), minutes(16), "soon".to_owned()] {
        let mut call = wps.call("GET", &format!("/condition/templates/{CODE}"), 1233);
        call.date = date;
        assert!(refused(&call.send().await, 401, "Unauthorized").contains("date"));
    }
    let mut call = wps.call("GET", &format!("/condition/templates/{CODE}"), 1233);
    call.date = minutes(-15);
    call.send().await.expect(200);
}

#[tokio::test]
async fn a_repeated_post_is_refused_and_begins_nothing_twice() {
    let wps = Wps::new().await;
    let code = wps.create(&simple()).await;
    let start = || wps.call("POST", "/condition/approvals", 1030).json(&json!({"template_code": code}));
    start().send().await.expect(200);
    refused(&start().send().await, 409, "Replayed");
    let listed = wps.call("GET", "/approvals", 1030).send().await.expect(200);
    assert_eq!(listed["data"]["total"], 1);
    wps.app.app.clock.advance(SignedDuration::from_secs(1));
    start().send().await.expect(200);
}

#[tokio::test]
async fn a_repeated_change_undoes_no_newer_one() {
    let wps = Wps::new().await;
    let code = wps.create(&simple()).await;
    let path = format!("/condition/templates/{code}");
    let date = wps.date(SignedDuration::ZERO);
    let put = |name: &str| {
        let mut body = simple();
        body["name"] = json!(name);
        let mut call = wps.call("PUT", &path, 1233).json(&body);
        call.date.clone_from(&date);
        call
    };
    put("old").send().await.expect(200);
    put("new").send().await.expect(200);
    wps.app.app.clock.advance(SignedDuration::from_secs(60));
    refused(&put("old").send().await, 409, "Replayed");
    refused(&put("old").send().await, 409, "Replayed");
    assert_eq!(wps.template(&code).await["data"]["name"], "new");
    let delete = || wps.call("DELETE", &path, 1233);
    delete().send().await.expect(200);
    refused(&delete().send().await, 409, "Replayed");
}

#[tokio::test]
async fn what_failed_may_be_sent_again_as_it_is() {
    let wps = Wps::new().await;
    let date = wps.date(SignedDuration::ZERO);
    let start = || {
        let mut call = wps.call("POST", "/condition/approvals", 1030).json(&json!({"template_code": CODE}));
        call.date.clone_from(&date);
        call
    };
    refused(&start().send().await, 404, "NotExists");
    refused(&start().send().await, 404, "NotExists");
    let drawing = native(&wps.admin, "后来的");
    let created =
        wps.app.app.create_template(wps.app.tenant, wps.admin, Some(CODE.to_owned()), drawing).await;
    created.expect("a template");
    let path = format!("/condition/templates/{CODE}");
    wps.call("PUT", &path, 1233).json(&simple()).send().await.expect(200);
    start().send().await.expect(200);
    refused(&start().send().await, 409, "Replayed");
    assert_eq!(wps.call("GET", "/approvals", 1030).send().await.expect(200)["data"]["total"], 1);
}

#[tokio::test]
async fn an_unknown_address_is_told_in_this_surfaces_words() {
    let app = TestApp::new().await;
    for path in
        ["/o/woa", "/o/woa/", "/o/woa/api/v3/x", &format!("/o/woa{BASE}"), &format!("/o/woa{BASE}/rockets")]
    {
        refused(&app.get(path).send().await, 404, "NotExists");
    }
}

#[tokio::test]
async fn a_start_sent_again_with_its_key_begins_nothing_twice() {
    let wps = Wps::new().await;
    let code = wps.create(&simple()).await;
    let start = async || {
        let mut call = wps.call("POST", "/condition/approvals", 1030).json(&json!({"template_code": code}));
        call.idempotency_key = Some("order-7");
        call.send().await.expect(200)
    };
    let first = start().await;
    wps.app.app.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(start().await, first);
    assert_eq!(wps.call("GET", "/approvals", 1030).send().await.expect(200)["data"]["total"], 1);
}

#[tokio::test]
async fn a_wrong_token_is_refused() {
    let wps = Wps::with_template().await;
    let other = client(&wps.app, wps.app.tenant, wps.admin, &SCOPES).await;
    let foreign = wps.app.workspace("other").await;
    let app_id = wps.client.app_id.as_str();
    let own = wps.app.tenant;
    let tokens = [
        "nonsense".to_owned(),
        other.token,
        token(&wps.app, own, None, None, &SCOPES).await,
        token(&wps.app, foreign, None, None, &SCOPES).await,
    ];
    let get = |token: String| {
        let mut call = wps.call("GET", &format!("/condition/templates/{CODE}"), 1233);
        call.client.token = token;
        call.send()
    };
    for token in tokens {
        refused(&get(token).await, 401, "Unauthorized");
    }
    let narrow = token(&wps.app, own, Some(app_id), None, &[SCOPES[2]]).await;
    assert!(refused(&get(narrow).await, 403, "PermissionDenied").contains("kso.workflow.template.read"));
    let of_one = token(&wps.app, own, Some(app_id), Some(UserId(Uuid::now_v7())), &SCOPES).await;
    refused(&get(of_one).await, 403, "PermissionDenied");
    let plain = token(&wps.app, own, Some(app_id), Some(wps.admin), &["read"]).await;
    get(plain).await.expect(200);
    get(format!("Bearer {}", wps.client.token)).await.expect(200);
    wps.app.app.clock.advance(SignedDuration::from_hours(3));
    refused(&get(wps.client.token.clone()).await, 401, "Unauthorized");
}

#[tokio::test]
async fn the_plain_header_pair_works_too() {
    let wps = Wps::with_template().await;
    let call = wps.call("GET", &format!("/condition/templates/{CODE}"), 1233);
    let authorization = format!("WPS-4 {}:{}", call.client.app_id, call.signature());
    let answer = wps
        .app
        .get(&format!("/o/any{}", call.target))
        .header("content-type", "application/json")
        .header("date", &call.date)
        .header("authorization", &authorization)
        .header("wps-docs-token", &call.client.token)
        .send()
        .await;
    answer.expect(200);
}

#[tokio::test]
async fn another_workspace_sees_nothing() {
    let wps = Wps::new().await;
    let code = wps.create(&simple()).await;
    let id = wps.start(1030, &json!({"template_code": code})).await;
    let foreign = wps.app.workspace("other").await;
    let stranger = wps.app.put_user(foreign, User { admin: true, ..person("stranger") }).await;
    wps.app.app.store.put_alias(foreign, "wps_user", "1233", stranger.0).await.expect("a free number");
    let client = client(&wps.app, foreign, stranger, &SCOPES).await;
    for (method, path) in [
        ("GET", format!("/condition/templates/{code}")),
        ("DELETE", format!("/condition/templates/{code}")),
        ("GET", format!("/approvals/{id}")),
        ("POST", format!("/approvals/{id}/approve")),
    ] {
        let mut call = wps.call(method, &path, 1233);
        call.client = client.clone();
        refused(&call.send().await, 404, "NotExists");
    }
    let mut call = wps.call("PUT", &format!("/condition/templates/{code}"), 1233).json(&json!({"name": "x"}));
    call.client = client.clone();
    refused(&call.send().await, 404, "NotExists");
    let mut call = wps.call("GET", "/approvals", 1233);
    call.client = client;
    assert_eq!(call.send().await.expect(200)["data"], json!({"items": [], "total": 0}));
}

#[tokio::test]
async fn what_is_not_well_formed_is_refused() {
    let wps = Wps::with_template().await;
    let put = || wps.call("PUT", &format!("/condition/templates/{CODE}"), 1233);
    assert!(refused(&put().body("{").send().await, 400, "InvalidArgument").contains("not JSON"));
    refused(&put().body("[]").send().await, 422, "InvalidArgument");
    let message = refused(
        &put().json(&json!({"name": 5, "flow_data": [{"id": 1, "node_type": 4}]})).send().await,
        422,
        "InvalidArgument",
    );
    assert!(
        message.contains("name: a text is expected") && message.contains("flow_data[0].node_type"),
        "{message}"
    );
    let message =
        refused(&put().json(&json!({"name": "t", "flow_data": []})).send().await, 422, "InvalidArgument");
    assert!(message.contains("nobody decides"), "{message}");
    let mut call = put().body(SAMPLE);
    call.content_type = "text/plain";
    refused(&call.send().await, 415, "InvalidArgument");
    refused(&put().body(&format!("\"{}\"", "x".repeat(2_000_000))).send().await, 413, "TooLarge");
    let path = format!("/condition/templates/{CODE}");
    refused(&wps.call("PATCH", &path, 1233).send().await, 405, "MethodNotAllowed");
    let mut group = simple();
    group["group_id"] = json!(77);
    assert!(refused(&put().json(&group).send().await, 400, "InvalidArgument").contains("group_id"));
    let crowd: Vec<u32> = (0..3000).collect();
    let flow = json!([{"id": 1, "node_type": 1, "title": "t", "members": crowd}]);
    let answer = put().json(&json!({"name": "t", "flow_data": flow})).send().await;
    assert!(refused(&answer, 400, "InvalidArgument").contains("at most 2000"));
    assert_eq!(wps.template(CODE).await["version"], 0);
}

#[tokio::test]
async fn the_operator_has_to_be_somebody_who_may() {
    let wps = Wps::with_template().await;
    let put = |operator| wps.call("PUT", &format!("/condition/templates/{CODE}"), operator).body(SAMPLE);
    assert!(refused(&put(4711).send().await, 400, "InvalidArgument").contains("4711"));
    let mut call = put(1233);
    call.target = call.target.replace("operator=1233", "operator=");
    refused(&call.send().await, 400, "InvalidArgument");
    refused(&put(1028).send().await, 404, "NotExists");
    put(1233).send().await.expect(200);
    // The sample names 1028 as manager and shows the template to everybody.
    wps.app.app.clock.advance(SignedDuration::from_secs(1));
    put(1028).send().await.expect(200);
    refused(&put(1029).send().await, 403, "PermissionDenied");
    refused(
        &wps.call("POST", "/condition/templates", 1028).body(SAMPLE).send().await,
        403,
        "PermissionDenied",
    );
    let gone = person("gone");
    let user = wps.app.put_user(wps.app.tenant, User { active: false, ..gone }).await;
    number(&wps.app, user, 9).await;
    refused(&put(9).send().await, 400, "InvalidArgument");
}

#[tokio::test]
async fn templates_and_groups_are_listed_and_deleted() {
    let wps = Wps::new().await;
    let group =
        wps.call("POST", "/templates/groups", 1233).json(&json!({"name": "财务"})).send().await.expect(200);
    assert_eq!(group, json!({"result": "ok", "msg": "success", "group_id": 2, "name": "财务"}));
    let groups = wps.call("GET", "/templates/groups", 1028).send().await.expect(200);
    assert_eq!(
        groups["data"]["items"],
        json!([{"group_id": 1, "name": ""}, {"group_id": 2, "name": "财务"}])
    );
    let mut body = simple();
    body["group_id"] = json!(2);
    let code = wps.create(&body).await;
    assert_eq!(code.len(), 26);
    assert!(code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    wps.app.app.clock.advance(SignedDuration::from_secs(1));
    wps.create(&simple()).await;
    let list = |query: &str| wps.call("GET", "/condition/templates", 1028).query(query).send();
    let item = json!({"template_code": code, "name": "t", "group_id": 2, "icon": "tmp15", "status": "enabled", "version": 1});
    assert_eq!(list("&group_id=2").await.expect(200)["data"], json!({"items": [item], "total": 1}));
    let page = list("&offset=1&limit=1").await.expect(200);
    assert_eq!(
        (page["data"]["total"].as_i64(), page["data"]["items"].as_array().map(Vec::len)),
        (Some(2), Some(1))
    );
    refused(&list("&limit=x").await, 400, "InvalidArgument");

    let id = wps.start(1030, &json!({"template_code": code})).await;
    let path = format!("/condition/templates/{code}");
    refused(&wps.call("DELETE", &path, 1028).send().await, 403, "PermissionDenied");
    assert_eq!(
        wps.call("DELETE", &path, 1233).send().await.expect(200),
        json!({"result": "ok", "msg": "success"})
    );
    refused(&wps.call("GET", &path, 1233).send().await, 404, "NotExists");
    let again = wps.call("POST", "/condition/approvals", 1029).json(&json!({"template_code": code}));
    refused(&again.send().await, 404, "NotExists");
    wps.act(1028, &id, "approve", &json!({})).await.expect(200);
    assert_eq!(wps.detail(1030, &id).await["status"], "approved");
}

#[tokio::test]
async fn approvals_are_listed() {
    let wps = Wps::new().await;
    let code = wps.create(&simple()).await;
    let first = wps.start(1030, &json!({"template_code": code, "name": "一"})).await;
    wps.app.app.clock.advance(SignedDuration::from_secs(1));
    let second = wps.start(1031, &json!({"template_code": code, "name": "二"})).await;
    wps.act(1028, &first, "approve", &json!({})).await.expect(200);
    let ids = async |operator, query: &str| {
        let listed = wps.call("GET", "/approvals", operator).query(query).send().await.expect(200);
        let items = listed["data"]["items"].as_array().expect("items").clone();
        items.iter().map(|item| item["approval_id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(1233, "").await, [second.clone(), first.clone()]);
    assert_eq!(ids(1233, "&offset=1").await, std::slice::from_ref(&first));
    assert_eq!(ids(1233, "&status=approved").await, std::slice::from_ref(&first));
    assert_eq!(ids(1031, &format!("&template_code={code}")).await, [second]);
    let listed = wps.call("GET", "/approvals", 1030).send().await.expect(200);
    let begun = wps.app.app.now().as_second() - 1;
    let item = json!({
        "approval_id": first, "template_code": code, "name": "一", "status": "approved", "initiator": 1030,
        "create_time": begun, "end_time": begun + 1,
    });
    assert_eq!(listed["data"], json!({"items": [item], "total": 1}));
    let answer = wps.call("GET", "/approvals", 1030).query("&status=odd").send().await;
    refused(&answer, 400, "InvalidArgument");
}

/// Each row of the table is a route that asks for a signature, and each route is a row.
#[tokio::test]
async fn the_documented_calls_are_the_routes() {
    let wps = Wps::new().await;
    let page = include_str!("../../../../docs/compat/wps.md");
    let rows: Vec<(&str, &str)> = page
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split('`');
            let (method, path) = cells.next()?.split_once(' ')?;
            Some((method, path)).filter(|_| path.starts_with('/'))
        })
        .collect();
    for (method, path) in &rows {
        let path =
            path.replace("{template_code}", CODE).replace("{approval_id}", &Uuid::now_v7().to_string());
        let answer = wps.app.call(method, &format!("/o/woa{BASE}{path}?operator=1")).send().await;
        refused(&answer, 401, "Unauthorized");
    }
    let source = include_str!("../../src/compat/wps.rs");
    let templates = source
        .split('"')
        .filter(|text| text.starts_with('/') && !text.contains(['\n', ' ']) && !text.starts_with("/o/"));
    for route in templates {
        let known = |path: &str| {
            path == route
                || route.ends_with("{action}") && path.starts_with(route.trim_end_matches("{action}"))
        };
        assert!(rows.iter().any(|(_, path)| known(path)), "{route} is not documented");
    }
    assert_eq!(rows.len(), 18);
}
