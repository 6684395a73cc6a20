//! The CRM side of the demo: a contract workflow with two or-sign levels, one contract that went through both of them,
//! and others on their way; and a customer whose change waits for approval.

use super::surface::Surface;
use super::{CRM_PEOPLE, Demo, PAUSE};
use crate::compat::crm::numbers::uid_of;
use crate::error::Error;
use serde_json::{Value as Json, json};

const PLATFORM: &str = "lixiaoyun";
const APP: &str = "crm";

/// Contracts, and how many levels have passed.
const CONTRACTS: &[(i64, &str, &str, usize)] = &[
    (1_901_351, "测试审批2", "", 2),
    (1_901_352, "苏州渠道合作合同", "HT-2026-0352", 1),
    (1_901_353, "无锡项目实施合同", "HT-2026-0353", 0),
];

/// Gives the credentials of the surface.
pub async fn live(demo: &Demo, surface: &Surface) -> Result<Json, Error> {
    let admin = demo.company.user("shen.yunshan")?;
    let admin = demo.new_token("CRM administrator", Some(admin), None).await?;
    let mut users = Vec::new();
    for login in CRM_PEOPLE {
        let user = demo.company.user(login)?;
        let uid = uid_of(&demo.app, demo.tenant, user).await?;
        let token = demo.new_token("CRM", Some(user), None).await?;
        users.push(json!({"uid": uid, "access_token": token, "name": demo.company.name(user)}));
    }
    let crm = Crm { demo, surface };
    crm.draw_workflow(&admin, &users, &CONTRACT_WORKFLOW).await?;
    crm.draw_workflow(&admin, &users, &CUSTOMER_WORKFLOW).await?;
    for (id, title, number, passed) in CONTRACTS {
        crm.sign_contract(&users, *id, title, number, *passed).await?;
    }
    crm.change_customer(&users).await?;
    Ok(json!({"platform": PLATFORM, "app": APP, "users": users}))
}

/// A workflow whose levels both people pass.
struct Drawn {
    name: &'static str,
    entity: &'static str,
    timing: &'static str,
    /// The fields that people may be allowed to change while it runs; at the moment they may not.
    fields: &'static [&'static str],
    /// The ids and names of its levels.
    levels: &'static [(&'static str, &'static str)],
}

const CONTRACT_WORKFLOW: Drawn = Drawn {
    name: "合同审批",
    entity: "Contract",
    timing: "created",
    fields: &["customer", "opportunity", "title", "sn", "category"],
    levels: &[
        ("lxcrmjava00200ed91fd64c90b9f1d31719b67a38", "一级审批"),
        ("lxcrmjava78167b5c921449759218879c3afd7e7e", "二级审批"),
    ],
};

/// The customer says what it said until somebody has approved.
const CUSTOMER_WORKFLOW: Drawn = Drawn {
    name: "客户变更审批",
    entity: "Customer",
    timing: "updated",
    fields: &[],
    levels: &[("lxcrmjava5b1e0c7d92f34a6881d0e7a94c3f2b60", "主管审批")],
};

const CUSTOMER: i64 = 88_201;

struct Crm<'a> {
    demo: &'a Demo,
    surface: &'a Surface,
}

impl Crm<'_> {
    async fn post(&self, token: &str, path: &str, body: &Json) -> Result<Json, Error> {
        let headers = headers(token);
        self.surface.post(path, &headers, body).await
    }

    async fn draw_workflow(&self, admin: &str, users: &[Json], drawn: &Drawn) -> Result<(), Error> {
        let uids: Vec<&Json> = users.iter().map(|user| &user["uid"]).collect();
        let workflow = json!({"app": APP, "workflow": {
            "name": drawn.name, "entity_klass": drawn.entity, "trigger_timing": drawn.timing, "trigger_odds": "always",
            "trigger_filters": [], "datarange": [], "status": "enable", "notify_others": uids,
            "editable": {"enable": 1, "policy": "cannot", "fields": drawn.fields},
        }});
        let created = self.post(admin, "/api/v1/workflows", &workflow).await?;
        let approvers: Vec<Json> = users
            .iter()
            .map(
                |user| json!({"uid": user["uid"], "name": user["name"], "tabId": "users", "tabType": "user"}),
            )
            .collect();
        let level = |id: &str, name: &str| {
            json!({"id": id, "name": name, "type": "APPROVEELEMENT", "parameters": {
                "name": name, "approvers": {"users": approvers}, "approveType": "ORAPPROVE", "approval_opinion": "optional",
                "allowEditableFields": [], "showAllowEditableFields": false,
            }})
        };
        let arrow =
            |from: &str, to: &str| json!({"id": format!("{from}-{to}"), "sourceRef": from, "targetRef": to});
        let mut elements = vec![json!({"id": "start", "name": "开始", "type": "STARTEVENT"})];
        elements.extend(drawn.levels.iter().map(|(id, name)| level(id, name)));
        elements.push(json!({"id": "end", "name": "结束", "type": "ENDEVENT"}));
        let ids: Vec<&str> = elements.iter().filter_map(|it| it["id"].as_str()).collect();
        let sequences: Vec<Json> =
            ids.iter().zip(ids.iter().skip(1)).map(|(from, to)| arrow(from, to)).collect();
        let graph = json!({
            "workflow_id": created["data"]["id"].to_string(),
            "snapshot_url": format!("https://files.yunshan.example/workflows/{}.json", drawn.entity),
            "workflow_version": {
                "name": drawn.name, "active": true, "appType": "ikcrm", "elements": elements, "sequences": sequences,
                "settings": {
                    "configVersion": 2, "allowWithdraw": true, "allowAdminProxy": true, "allowRepeatApproval": true,
                    "allowApprovalWhenInitApprover": true, "emptyApproverStatus": "AUTOMATIC_FORWARD_TO_ADMIN",
                },
            },
        });
        self.post(admin, "/api/v1/workflows/flow_enable", &graph).await?;
        Ok(())
    }

    /// A customer that is known, and a change of it that the first person asks for.
    async fn change_customer(&self, users: &[Json]) -> Result<(), Error> {
        let token = users.first().and_then(|user| user["access_token"].as_str()).unwrap_or_default();
        let before = json!({"name": "无锡市恒远机械有限公司", "category": "普通客户", "credit_days": 30});
        let after = json!({"category": "重点客户", "credit_days": 60});
        for (trigger, data) in [("created", before), ("updated", after)] {
            let event = json!({
                "entity_type": "Customer", "entity_id": CUSTOMER, "trigger": trigger, "data": data,
                "fields_label": {"credit_days": "账期(天)"},
            });
            self.demo.app.clock.advance(PAUSE);
            self.post(token, "/api/v1/entities", &event).await?;
        }
        Ok(())
    }

    /// The first person submits, and passes as many levels.
    async fn sign_contract(
        &self,
        users: &[Json],
        id: i64,
        title: &str,
        number: &str,
        passed: usize,
    ) -> Result<(), Error> {
        let token = users.first().and_then(|user| user["access_token"].as_str()).unwrap_or_default();
        let event = json!({
            "entity_type": "Contract", "entity_id": id, "trigger": "created", "main_field": title,
            "data": {"name": title, "title": title, "sn": number, "receive_date": null, "invoiced_date": null},
        });
        self.demo.app.clock.advance(PAUSE);
        self.post(token, "/api/v1/entities", &event).await?;
        for _ in 0..passed {
            let path = format!("/api/v1/execute_records/detail?entity_type=Contract&entity_id={id}");
            let detail = self.surface.get(&path, &headers(token)).await?;
            let record = detail["data"]["execute_record_id"].to_string();
            let body = json!({"execute_action": "pass", "execute_opinion": "同意"});
            self.demo.app.clock.advance(PAUSE);
            self.post(token, &format!("/api/v1/execute_records/{record}/perform"), &body).await?;
        }
        Ok(())
    }
}

fn headers(token: &str) -> [(&str, &str); 3] {
    [("x-lxy-platform", PLATFORM), ("x-lxy-app", APP), ("access-token", token)]
}
