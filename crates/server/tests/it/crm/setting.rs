//! A workspace with a CRM behind it: an administrator and a head who decide, somebody who asks, somebody who does not.

use super::moment;
use crate::harness::{Answer, TestApp, person};
use jiff::SignedDuration;
use serde_json::{Value as Json, json};
use zhupi_engine::condition::Scope as People;
use zhupi_engine::directory::User;
use zhupi_engine::ids::UserId;
use zhupi_server::caller::Scope;
use zhupi_store::{Draft, NewVersion};

pub const JOHN_UID: i64 = 35_903_635;
pub const HEAD_UID: i64 = 37_045_315;
pub const CONTRACT: i64 = 1_901_351;
pub const ENTITY_TYPES: [&str; 7] =
    ["Lead", "Customer", "Contact", "Opportunity", "Contract", "ReceivedPaymentPlan", "ReceivedPayment"];

/// A server with these people's tokens.
pub struct Crm {
    pub server: TestApp,
    john_id: UserId,
    pub staff_id: UserId,
    outsider_id: UserId,
    workflow: i64,
    pub john: String,
    pub head: String,
    pub staff: String,
    pub outsider: String,
}

impl Crm {
    pub async fn new() -> Self {
        let server = TestApp::new().await;
        let (store, tenant) = (server.app.store.clone(), server.tenant);
        let john_id = server.admin("John").await;
        let head = server.user("校长").await;
        let staff_id = server.user("staff").await;
        let outsider_id = server.user("outsider").await;
        // As the CRM numbered them before.
        for (user, id, uid) in [(john_id, "10334573", JOHN_UID), (head, "10813248", HEAD_UID)] {
            store.put_alias(tenant, "crm_user", id, user.0).await.unwrap();
            store.put_alias(tenant, "crm_uid", &uid.to_string(), user.0).await.unwrap();
        }
        let token = async |user| server.token(tenant, user, &Scope::ALL).await;
        let (john, head) = (token(john_id).await, token(head).await);
        let (staff, outsider) = (token(staff_id).await, token(outsider_id).await);
        Self { server, john_id, staff_id, outsider_id, workflow: 0, john, head, staff, outsider }
    }

    /// The documented workflow in its third version, at the documented minute.
    pub async fn like_the_sample() -> Self {
        let mut crm = Self::new().await;
        crm.turn_to("2024-04-08T08:32:10Z");
        let editable = json!({"enable": 1, "policy": "cannot",
            "fields": ["customer", "opportunity", "title", "sn", "category"]});
        let more = json!({"editable": editable, "notify_others": [JOHN_UID, HEAD_UID]});
        crm.workflow = crm.workflow(&rules("Contract", more)).await;
        crm.turn_to("2024-04-09T01:36:30Z");
        crm.set_status("enable").await;
        for _ in 0..3 {
            let settings = json!({"allowRepeatApproval": true, "allowApprovalWhenInitApprover": true,
                "allowAdminProxy": true, "allowWithdraw": true,
                "emptyApproverStatus": "AUTOMATIC_FORWARD_TO_ADMIN"});
            crm.enable_flow(&settings).await.expect(200);
        }
        crm
    }

    /// Enables or disables the sample's workflow.
    pub async fn set_status(&self, status: &str) {
        let path = format!("/api/v1/workflows/{}", self.workflow);
        self.put(&self.john, &path, &json!({"workflow": {"status": status}})).await.expect(200);
    }

    /// The documented flow with these settings.
    pub async fn enable_flow(&self, settings: &Json) -> Answer {
        let both: &[i64] = &[JOHN_UID, HEAD_UID];
        let first = "lxcrmjava00200ed91fd64c90b9f1d31719b67a38";
        let second = "lxcrmjava78167b5c921449759218879c3afd7e7e";
        let mut drawn = flow(&[(first, both), (second, both)], settings.clone());
        drawn["elements"][2]["parameters"]["name"] = json!("一级审批");
        drawn["elements"][3]["parameters"]["name"] = json!("二级审批");
        self.publish(self.workflow, &drawn).await
    }

    /// Sets the clock, forwards or backwards.
    pub fn turn_to(&self, time: &str) {
        self.server.app.clock.advance(moment(time).duration_since(self.server.app.now()));
    }

    pub fn turn_on(&self, seconds: i64) {
        self.server.app.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// Makes a workflow and returns its number.
    pub async fn workflow(&self, rules: &Json) -> i64 {
        let body = json!({"workflow": rules, "app": "crm"});
        let made = self.post(&self.john, "/api/v1/workflows", &body).await.expect(200);
        made["data"]["id"].as_i64().unwrap()
    }

    pub async fn publish(&self, workflow: i64, drawn: &Json) -> Answer {
        let body = json!({"workflow_id": workflow.to_string(), "workflow_version": drawn,
            "snapshot_url": "https://dn-ikcrm-files-dev.qbox.me/attachments/files/239701/421505178."});
        self.post(&self.john, "/api/v1/workflows/flow_enable", &body).await
    }

    /// Publishes the workflow's template again, now for John alone.
    pub async fn only_for_john(&self, workflow: i64) {
        let (app, tenant) = (&self.server.app, self.server.tenant);
        let row = app.store.load_crm_workflow(tenant, workflow).await.unwrap().unwrap();
        let row = app.store.load_template(tenant, row.template).await.unwrap().unwrap();
        let mut template: zhupi_engine::Template = serde_json::from_str(&row.draft).unwrap();
        template.settings.visible_to = People { users: vec![self.john_id], ..People::default() };
        let definition = serde_json::to_string(&template).unwrap();
        let (name, category) = (row.name, row.category);
        let draft = Draft { name, category, definition, source_kind: row.source_kind, source: row.source };
        let new = NewVersion { draft, digest: [0; 32], by: self.john_id, at: app.now_us() };
        app.store.publish(tenant, row.id, row.draft_revision, &new).await.unwrap();
    }

    /// The token of somebody in another workspace.
    pub async fn stranger(&self) -> String {
        let tenant = self.server.workspace("elsewhere").await;
        let admin = User { admin: true, ..person("stranger") };
        let user = self.server.put_user(tenant, admin).await;
        self.server.token(tenant, user, &Scope::ALL).await
    }

    pub async fn get(&self, token: &str, path: &str) -> Answer {
        Self::dressed(self.server.get(path), token).send().await
    }

    pub async fn post(&self, token: &str, path: &str, body: &Json) -> Answer {
        Self::dressed(self.server.post(path), token).json(body).send().await
    }

    pub async fn put(&self, token: &str, path: &str, body: &Json) -> Answer {
        Self::dressed(self.server.call("PUT", path), token).json(body).send().await
    }

    pub async fn raw(&self, token: &str, path: &str, body: &str) -> Answer {
        Self::dressed(self.server.post(path), token).body(body.to_owned()).send().await
    }

    fn dressed<'a>(call: crate::harness::Call<'a>, token: &str) -> crate::harness::Call<'a> {
        call.header("x-lxy-platform", "ikcrm").header("x-lxy-app", "crm").header("access-token", token)
    }

    pub async fn event(&self, token: &str, event: &Json) -> Answer {
        self.post(token, "/api/v1/entities", event).await
    }

    pub async fn detail(&self, token: &str) -> Answer {
        self.get(token, &format!("/api/v1/execute_records/detail?entity_type=Contract&entity_id={CONTRACT}"))
            .await
    }

    /// The number of the sample contract's record.
    pub async fn record(&self, token: &str) -> i64 {
        self.record_of(token, "Contract", CONTRACT).await
    }

    pub async fn record_of(&self, token: &str, kind: &str, id: i64) -> i64 {
        let path = format!("/api/v1/entities?entity_type={kind}&entity_id={id}");
        self.get(token, &path).await.expect(200)["data"]["execute_record_id"].as_i64().unwrap()
    }

    pub async fn approve_status(&self, token: &str) -> String {
        self.approve_status_of(token, "Contract", CONTRACT).await
    }

    pub async fn approve_status_of(&self, token: &str, kind: &str, id: i64) -> String {
        let path = format!("/api/v1/entities?entity_type={kind}&entity_id={id}");
        self.get(token, &path).await.expect(200)["data"]["approve_status"].as_str().unwrap().to_owned()
    }

    pub async fn perform(&self, token: &str, record: i64, body: &Json) -> Answer {
        self.post(token, &format!("/api/v1/execute_records/{record}/perform"), body).await
    }

    /// The account number of a person.
    pub async fn uid(&self, user: UserId) -> i64 {
        self.server.app.store.number_for(self.server.tenant, "crm_uid", user.0).await.unwrap()
    }

    pub async fn outsider_uid(&self) -> i64 {
        self.uid(self.outsider_id).await
    }

    /// Approve, cancel, agent, reject.
    pub async fn flags(&self, token: &str) -> [bool; 4] {
        let detail = self.detail(token).await.expect(200);
        ["approval", "cancel", "agent", "reject"]
            .map(|name| detail["data"][format!("has_{name}_permission")].as_bool().unwrap())
    }
}

impl Answer {
    /// The failure of an answer with this status: both pairs of keys have to say the same.
    #[track_caller]
    pub fn expect_failure(&self, status: u16) -> Json {
        let failure = self.expect(status);
        assert!(failure["code"].as_i64().unwrap() != 0, "{failure}");
        assert_eq!((&failure["code"], &failure["message"]), (&failure["errcode"], &failure["errmsg"]));
        failure
    }
}

/// The documented contract as an event.
pub fn contract() -> Json {
    json!({
        "trigger": "created", "entity_type": "Contract", "entity_id": CONTRACT,
        "data": {"name": "测试审批2", "title": "测试审批2", "receive_date": null, "invoiced_date": null, "sn": ""},
        "fields_label": {"customer": "对应客户", "opportunity": "对应商机", "title": "合同标题",
            "sn": "合同编号", "category": "合同类型"}
    })
}

/// The rules of a workflow, changed as told.
pub fn rules(kind: &str, more: Json) -> Json {
    let mut rules = json!({"name": "合同审批", "entity_klass": kind, "trigger_timing": "created",
        "trigger_odds": "always", "trigger_filters": [], "status": "enable"});
    rules.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    rules
}

/// A box at which one of these people decides.
pub fn element(id: &str, uids: &[i64]) -> Json {
    let users: Vec<Json> =
        uids.iter().map(|uid| json!({"uid": uid, "tabId": "users", "tabType": "user"})).collect();
    json!({"id": id, "name": id, "type": "APPROVEELEMENT", "lxData": {"title": id},
        "parameters": {"name": id, "approvers": {"users": users}, "approveType": "ORAPPROVE",
            "approval_opinion": "optional", "allowEditableFields": []}})
}

/// A chain of such boxes between start and end.
pub fn flow(boxes: &[(&str, &[i64])], settings: Json) -> Json {
    let mut elements =
        vec![json!({"id": "start", "type": "STARTEVENT"}), json!({"id": "end", "type": "ENDEVENT"})];
    elements.extend(boxes.iter().map(|(id, uids)| element(id, uids)));
    let mut way = vec!["start"];
    way.extend(boxes.iter().map(|(id, _)| *id));
    way.push("end");
    let sequences: Vec<Json> = way
        .windows(2)
        .map(|pair| json!({"id": pair.join("-"), "sourceRef": pair[0], "targetRef": pair[1]}))
        .collect();
    json!({"elements": elements, "sequences": sequences, "settings": settings, "appType": "ikcrm"})
}
