//! The CRM surface as its clients see it: the documented record to the letter, and everything around it.

mod handing;
mod setting;

use crate::harness::TestApp;
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use setting::{Crm, contract, element, flow, rules};

/// Puts `...` in the place of every number and id that our own counters give, wherever the documented answer has one.
fn without_own_ids(mut answer: Json) -> Json {
    let data = &mut answer["data"];
    let own = [
        "/execute_record_id",
        "/execute_record/id",
        "/execute_record/execution_id",
        "/workflow/id",
        "/workflow/oid",
        "/workflow_version/id",
        "/workflow_version/oid",
        "/workflow_version/workflow_id",
        "/workflow_version/flow_info/tenantId",
        "/workflow_version/flow_info/deploymentId",
        "/workflow_version/flow_info/processDefinitionId",
        "/workflow_version/flow_info/processDefinitionKey",
    ];
    for path in own {
        let value = data.pointer_mut(path).unwrap_or_else(|| panic!("no {path}"));
        *value = match &*value {
            Json::Number(_) => json!("a number"),
            Json::String(text) => json!(text.chars().map(kind_of_letter).collect::<String>()),
            other => other.clone(),
        };
    }
    // How long a text of digits is differs from workspace to workspace.
    data["workflow_version"]["flow_info"]["tenantId"] = json!("digits");
    answer
}

/// Small letters, capital letters, digits and signs of an id, so that ids compare by their build.
fn kind_of_letter(letter: char) -> char {
    match letter {
        '0'..='9' | 'a'..='f' => 'x',
        'A'..='F' => 'X',
        other => other,
    }
}

#[tokio::test]
async fn the_documented_record_is_answered_to_the_letter() {
    let crm = Crm::like_the_sample().await;
    crm.event(&crm.john, &contract()).await.expect(200);
    let record = crm.record(&crm.john).await;
    crm.turn_to("2024-04-09T01:37:20Z");
    crm.perform(&crm.john, record, &json!({"execute_action": "pass", "execute_opinion": "同意"}))
        .await
        .expect(200);
    crm.turn_to("2024-04-09T01:38:59Z");
    crm.perform(&crm.john, record, &json!({"execute_action": "pass", "execute_opinion": "同意"}))
        .await
        .expect(200);
    crm.turn_to("2024-04-09T02:00:00Z");
    let answer = crm.detail(&crm.john).await.expect(200);
    let documented: Json = serde_json::from_str(include_str!("crm/contract_detail.json")).unwrap();
    let digits = answer["data"]["workflow_version"]["flow_info"]["tenantId"].as_str().unwrap();
    assert_eq!(json!(digits.parse::<i64>().unwrap()), answer["data"]["workflow"]["oid"]);
    let key = &answer["data"]["workflow_version"]["flow_info"]["processDefinitionKey"];
    let key = key.as_str().unwrap().strip_prefix("BPMN_").unwrap();
    assert!(key.len() == 32 && !key.contains(|it: char| it.is_ascii_lowercase()), "{key}");
    let shown = |value: Json| {
        let mut value = without_own_ids(value);
        value["data"]["workflow_version"]["flow_info"]["processDefinitionKey"] = json!("BPMN");
        value
    };
    let (answer, documented) = (shown(answer), shown(documented));
    for (name, expected) in documented["data"].as_object().unwrap() {
        assert_eq!(&answer["data"][name], expected, "{name}");
    }
    assert_eq!(answer, documented);
}

#[tokio::test]
async fn flags_say_at_each_step_what_the_reader_may_do() {
    let crm = Crm::like_the_sample().await;
    crm.event(&crm.staff, &contract()).await.expect(200);
    let record = crm.record(&crm.staff).await;
    // approve, cancel, agent, reject
    assert_eq!(crm.flags(&crm.staff).await, [false, true, false, false]);
    assert_eq!(crm.flags(&crm.head).await, [true, false, false, true]);
    assert_eq!(crm.flags(&crm.john).await, [true, false, true, true], "an administrator may stand in too");
    let detail = crm.detail(&crm.staff).await.expect(200)["data"].clone();
    assert_eq!(detail["is_super_user"], false);
    assert_eq!(detail["entity_applying_users"].as_array().unwrap().len(), 2);
    assert_eq!(detail["execute_record"]["status"], "applying");
    assert_eq!(detail["execute_record"]["status_i18n"], "审批中");
    let second = &detail["execution_details"][2];
    assert_eq!((&second["node_finished"], &second["approval_details"]), (&json!(false), &json!([])));
    assert_eq!(second["setting_all_origin_approvers"].as_array().unwrap().len(), 2);
    crm.perform(&crm.head, record, &json!({"execute_action": "pass"})).await.expect(200);
    assert_eq!(crm.flags(&crm.head).await, [true, false, false, true], "he is asked on the second level too");
    crm.perform(&crm.head, record, &json!({"execute_action": "pass"})).await.expect(200);
    for person in [&crm.staff, &crm.head, &crm.john] {
        assert_eq!(crm.flags(person).await, [false; 4]);
    }
}

#[tokio::test]
async fn a_person_who_is_not_asked_cannot_perform() {
    let crm = Crm::like_the_sample().await;
    crm.event(&crm.staff, &contract()).await.expect(200);
    let record = crm.record(&crm.staff).await;
    let pass = json!({"execute_action": "pass"});
    crm.perform(&crm.staff, record, &pass).await.expect_failure(403);
    // To an outsider the record does not exist.
    crm.perform(&crm.outsider, record, &pass).await.expect_failure(404);
    crm.detail(&crm.outsider).await.expect_failure(404);
    crm.perform(&crm.head, record + 77, &pass).await.expect_failure(404);
    crm.perform(&crm.head, record, &json!({"execute_action": "explode"})).await.expect_failure(400);
    crm.perform(&crm.head, record, &json!({})).await.expect_failure(400);
    assert_eq!(crm.detail(&crm.staff).await.expect(200)["data"]["execute_record"]["status"], "applying");
}

#[tokio::test]
async fn an_administrator_stands_in_where_the_flow_allows_it() {
    let crm = Crm::like_the_sample().await;
    crm.event(&crm.staff, &contract()).await.expect(200);
    let record = crm.record(&crm.staff).await;
    let pass = json!({"execute_action": "pass", "agent_uid": setting::HEAD_UID, "execute_opinion": "代"});
    crm.perform(&crm.staff, record, &pass).await.expect_failure(403);
    let unknown = json!({"execute_action": "pass", "agent_uid": 999});
    crm.perform(&crm.john, record, &unknown).await.expect_failure(400);
    let not_asked = json!({"execute_action": "pass", "agent_uid": crm.uid(crm.staff_id).await});
    crm.perform(&crm.john, record, &not_asked).await.expect_failure(403);
    crm.perform(&crm.john, record, &pass).await.expect(200);
    let detail = crm.detail(&crm.john).await.expect(200)["data"].clone();
    let slot = &detail["execution_details"][1]["approval_details"][1];
    assert_eq!(slot["uid"], setting::JOHN_UID, "who acted");
    assert_eq!(slot["origin_uid"], setting::HEAD_UID, "who was asked");
    assert_eq!(slot["operate_comment"], "代");
    crm.enable_flow(&json!({"allowAdminProxy": false, "allowRepeatApproval": true})).await.expect(200);
    crm.event(&crm.staff, &json!({"entity_type": "Contract", "entity_id": 5, "data": {"title": "b"}}))
        .await
        .expect(200);
    let other = crm.record_of(&crm.staff, "Contract", 5).await;
    let for_head = json!({"execute_action": "pass", "agent_uid": setting::HEAD_UID.to_string()});
    crm.perform(&crm.john, other, &for_head).await.expect_failure(403);
}

#[tokio::test]
async fn an_administrator_decides_for_nobody_whom_he_does_not_name() {
    let crm = Crm::new().await;
    let number = crm.workflow(&rules("Contract", json!({}))).await;
    let drawn = flow(&[("a", &[setting::HEAD_UID])], json!({"allowAdminProxy": true}));
    crm.publish(number, &drawn).await.expect(200);
    crm.event(&crm.staff, &contract()).await.expect(200);
    let record = crm.record(&crm.staff).await;
    assert_eq!(crm.flags(&crm.john).await, [false, false, true, true]);
    crm.perform(&crm.john, record, &json!({"execute_action": "pass"})).await.expect_failure(403);
    let named = json!({"execute_action": "pass", "agent_uid": setting::HEAD_UID});
    crm.perform(&crm.john, record, &named).await.expect(200);
}

#[tokio::test]
async fn a_refusal_vetoes_the_record_and_can_be_submitted_again() {
    let crm = Crm::like_the_sample().await;
    crm.event(&crm.staff, &contract()).await.expect(200);
    let record = crm.record(&crm.staff).await;
    let reject = json!({"execute_action": "reject", "execute_opinion": "太贵"});
    let done = crm.perform(&crm.head, record, &reject).await.expect(200);
    assert_eq!((&done["data"]["status"], &done["data"]["status_i18n"]), (&json!("veto"), &json!("已否决")));
    let detail = crm.detail(&crm.staff).await.expect(200)["data"].clone();
    assert_eq!(detail["execution_details"][1]["status"], "veto");
    let slot = &detail["execution_details"][1]["approval_details"][1];
    assert_eq!((&slot["action_name"], &slot["engine_action"]), (&json!("reject"), &json!("REJECT")));
    assert_eq!(slot["time_line"][1]["assignee"], setting::HEAD_UID);
    assert_eq!(detail["can_resubmission"], true);
    assert_eq!(crm.approve_status(&crm.staff).await, "rejected");
    // Deciding on what has ended is told who ended it.
    let late = crm.perform(&crm.john, record, &json!({"execute_action": "pass"})).await.expect_failure(409);
    assert!(late["message"].as_str().unwrap().contains("校长"), "{late}");
    let path = format!("/api/v1/execute_records/{record}/resubmission");
    crm.post(&crm.head, &path, &json!({})).await.expect_failure(409);
    crm.set_status("disable").await;
    assert_eq!(crm.detail(&crm.staff).await.expect(200)["data"]["can_resubmission"], false);
    crm.post(&crm.staff, &path, &json!({})).await.expect_failure(409);
    crm.set_status("enable").await;
    let again = crm.post(&crm.staff, &path, &json!({})).await.expect(200);
    assert_ne!(again["data"]["id"], record);
    assert_eq!(crm.approve_status(&crm.staff).await, "applying");
    crm.post(&crm.staff, &path, &json!({})).await.expect_failure(409);
}

#[tokio::test]
async fn the_submitter_withdraws_by_either_address() {
    let crm = Crm::like_the_sample().await;
    crm.event(&crm.staff, &contract()).await.expect(200);
    let record = crm.record(&crm.staff).await;
    let cancel = json!({"execute_action": "cancel"});
    crm.perform(&crm.head, record, &cancel).await.expect_failure(403);
    let done = crm.perform(&crm.staff, record, &cancel).await.expect(200);
    assert_eq!(done["data"]["status"], "revocation");
    assert_eq!(crm.approve_status(&crm.staff).await, "revocation");
    crm.event(&crm.staff, &contract()).await.expect(200);
    let record = crm.record(&crm.staff).await;
    crm.perform(&crm.head, record, &json!({"execute_action": "pass"})).await.expect(200);
    let path = format!("/api/v1/execute_records/{record}/cancel");
    crm.post(&crm.staff, &path, &json!({})).await.expect(200);
    crm.post(&crm.staff, &path, &json!({})).await.expect_failure(409);
}

#[tokio::test]
async fn two_deciders_at_once_are_told_who_was_faster() {
    let crm = Crm::new().await;
    let workflow = crm.workflow(&rules("Contract", json!({}))).await;
    let drawn = flow(&[("a", &[setting::HEAD_UID, setting::JOHN_UID])], json!({}));
    crm.publish(workflow, &drawn).await.expect(200);
    crm.event(&crm.staff, &contract()).await.expect(200);
    let record = crm.record(&crm.staff).await;
    let (yes, no) = (json!({"execute_action": "pass"}), json!({"execute_action": "reject"}));
    let (first, second) =
        tokio::join!(crm.perform(&crm.head, record, &yes), crm.perform(&crm.john, record, &no));
    let (won, lost) = if first.status == 200 { (first, second) } else { (second, first) };
    won.expect(200);
    let lost = lost.expect_failure(409);
    let message = lost["errmsg"].as_str().unwrap();
    assert!(message.contains("decided already by"), "{message}");
    let detail = crm.detail(&crm.staff).await.expect(200);
    let slots = detail["data"]["execution_details"][1]["approval_details"].as_array().unwrap();
    assert_eq!(slots.iter().filter(|slot| !slot["uid"].is_null()).count(), 1);
}

#[tokio::test]
async fn without_a_workflow_an_object_is_approved_at_once() {
    let crm = Crm::new().await;
    for kind in
        ["Lead", "Customer", "Contact", "Opportunity", "ReceivedPaymentPlan", "ReceivedPayment", "Quotation"]
    {
        let event = json!({"entity_type": kind, "entity_id": 7, "data": {"name": "n"}});
        let answer = crm.event(&crm.staff, &event).await.expect(200);
        assert_eq!(answer["data"]["approve_status"], "approved", "{kind}");
        assert_eq!(answer["data"]["execute_record_id"], Json::Null);
        let path = format!("/api/v1/execute_records/detail?entity_type={kind}&entity_id=7");
        let detail = crm.get(&crm.staff, &path).await.expect(200);
        assert_eq!(detail["data"]["execute_record_id"], Json::Null);
        assert_eq!(detail["data"]["approval_entity"]["main_field"], "n");
    }
}

#[tokio::test]
async fn every_entity_type_can_be_approved() {
    let crm = Crm::new().await;
    for kind in setting::ENTITY_TYPES {
        let workflow = crm.workflow(&rules(kind, json!({}))).await;
        crm.publish(workflow, &flow(&[("a", &[setting::HEAD_UID])], json!({}))).await.expect(200);
        let event = json!({"entity_type": kind, "entity_id": 9, "data": {"title": "t"}});
        let answer = crm.event(&crm.staff, &event).await.expect(200);
        assert_eq!(answer["data"]["approve_status"], "applying", "{kind}");
        let record = answer["data"]["execute_record_id"].as_i64().unwrap();
        crm.perform(&crm.head, record, &json!({"execute_action": "pass"})).await.expect(200);
        assert_eq!(crm.approve_status_of(&crm.staff, kind, 9).await, "approved", "{kind}");
    }
}

#[tokio::test]
async fn a_workflow_starts_only_when_it_should() {
    let crm = Crm::new().await;
    let filters = json!([{"field": "total_amount", "operator": "gte", "value": "10000.10"}]);
    let big = rules("Contract", json!({"trigger_filters": filters, "trigger_odds": "once"}));
    let workflow = crm.workflow(&big).await;
    let event =
        |amount: Json| json!({"entity_type": "Contract", "entity_id": 1, "data": {"total_amount": amount}});
    let status = async |amount: Json| {
        crm.event(&crm.staff, &event(amount)).await.expect(200)["data"]["approve_status"].clone()
    };
    assert_eq!(status(json!(20000)).await, "approved", "not published yet");
    crm.publish(workflow, &flow(&[("a", &[setting::HEAD_UID])], json!({}))).await.expect(200);
    assert_eq!(status(json!(10000.09)).await, "approved", "the filter does not hold");
    assert_eq!(status(json!(10000.1)).await, "applying");
    let record = crm.record_of(&crm.staff, "Contract", 1).await;
    crm.perform(&crm.head, record, &json!({"execute_action": "reject"})).await.expect(200);
    crm.event(&crm.staff, &event(json!(30000))).await.expect(200);
    assert_eq!(crm.record_of(&crm.staff, "Contract", 1).await, record, "it starts once");
    let path = format!("/api/v1/workflows/{workflow}");
    let disable = json!({"workflow": {"status": "disable"}, "app": "crm"});
    crm.put(&crm.john, &path, &disable).await.expect(200);
    let other = json!({"entity_type": "Contract", "entity_id": 2, "data": {"total_amount": 99999}});
    assert_eq!(crm.event(&crm.staff, &other).await.expect(200)["data"]["approve_status"], "approved");
}

#[tokio::test]
async fn an_update_that_waits_for_approval_is_taken_over_by_it() {
    let crm = Crm::new().await;
    let workflow = crm.workflow(&rules("Customer", json!({"trigger_timing": "updated"}))).await;
    crm.publish(workflow, &flow(&[("a", &[setting::HEAD_UID])], json!({}))).await.expect(200);
    let event = |trigger: &str, name: &str| json!({"trigger": trigger, "entity_type": "Customer", "entity_id": 3, "data": {"name": name}});
    let shown = crm.event(&crm.staff, &event("created", "old")).await.expect(200);
    assert_eq!(shown["data"]["approve_status"], "approved");
    for (action, ends_as) in [("reject", "old"), ("pass", "new")] {
        let waiting = crm.event(&crm.staff, &event("updated", "new")).await.expect(200);
        assert_eq!(waiting["data"]["approve_status"], "applying");
        assert_eq!(waiting["data"]["data"]["name"], "old", "not yet");
        let record = waiting["data"]["execute_record_id"].as_i64().unwrap();
        let path = "/api/v1/execute_records/detail?entity_type=Customer&entity_id=3";
        let detail = crm.get(&crm.head, path).await.expect(200);
        assert_eq!(detail["data"]["approval_entity"]["name"], "new", "approvers see what is asked");
        crm.perform(&crm.head, record, &json!({"execute_action": action})).await.expect(200);
        let path = "/api/v1/entities?entity_type=Customer&entity_id=3";
        assert_eq!(crm.get(&crm.staff, path).await.expect(200)["data"]["data"]["name"], ends_as);
    }
}

#[tokio::test]
async fn while_a_record_runs_the_editable_policy_guards_the_object() {
    let crm = Crm::new().await;
    let workflow = crm.workflow(&rules("Contract", json!({}))).await;
    crm.publish(workflow, &flow(&[("a", &[setting::HEAD_UID])], json!({}))).await.expect(200);
    crm.event(&crm.staff, &contract()).await.expect(200);
    let record = crm.record(&crm.staff).await;
    let policy = async |editable: Json| {
        let body = json!({"workflow": {"editable": editable}});
        crm.put(&crm.john, &format!("/api/v1/workflows/{workflow}"), &body).await.expect(200);
    };
    let update = |data: Json| json!({"trigger": "updated", "entity_type": "Contract", "entity_id": setting::CONTRACT, "data": data});
    // Sending the creation again is harmless; creating something else under its number is not.
    crm.event(&crm.staff, &contract()).await.expect(200);
    let other = json!({"entity_type": "Contract", "entity_id": setting::CONTRACT, "data": {"title": "x"}});
    crm.event(&crm.staff, &other).await.expect_failure(409);
    assert_eq!(crm.record(&crm.staff).await, record);
    let refused = crm.event(&crm.staff, &update(json!({"sn": "1"}))).await.expect_failure(409);
    assert!(refused["message"].as_str().unwrap().contains("`sn`"), "{refused}");
    policy(json!({"enable": 1, "policy": "only", "fields": ["sn"]})).await;
    crm.event(&crm.staff, &update(json!({"title": "y", "sn": "1"}))).await.expect_failure(409);
    crm.event(&crm.staff, &update(json!({"sn": "1"}))).await.expect(200);
    let detail = crm.detail(&crm.head).await.expect(200);
    assert_eq!(detail["data"]["approval_entity"]["sn"], "1");
    assert_eq!(detail["data"]["execute_record_id"], record, "the record goes on");
    policy(json!({"enable": 1, "policy": "free", "fields": []})).await;
    crm.event(&crm.head, &update(json!({"sn": "2"}))).await.expect_failure(403);
    crm.event(&crm.staff, &update(json!({"sn": "2"}))).await.expect(200);
    assert_ne!(crm.record(&crm.staff).await, record, "it is asked again");
}

#[tokio::test]
async fn the_same_creation_told_twice_at_once_begins_one_record() {
    let crm = Crm::new().await;
    let workflow = crm.workflow(&rules("Contract", json!({}))).await;
    crm.publish(workflow, &flow(&[("a", &[setting::HEAD_UID])], json!({}))).await.expect(200);
    let event = contract();
    let told = (0..6).map(|_| crm.event(&crm.staff, &event));
    for answer in futures_util::future::join_all(told).await {
        assert_eq!(answer.expect(200)["data"]["approve_status"], "applying");
    }
    let path = "/api/v1/approval_center/list?scope=submission";
    assert_eq!(crm.get(&crm.staff, path).await.expect(200)["data"]["total_count"], 1);
}

#[tokio::test]
async fn the_main_field_may_be_named_or_given() {
    let crm = Crm::new().await;
    for (id, given, expected) in [(1, json!("sn"), "s-7"), (2, json!("自由"), "自由"), (3, json!(null), "t")]
    {
        let event = json!({"trigger_timing": "created", "entity_type": "Contract", "entity_id": id,
            "main_field": given, "data": {"title": "t", "sn": "s-7"}});
        crm.event(&crm.staff, &event).await.expect(200);
        let path = format!("/api/v1/execute_records/detail?entity_type=Contract&entity_id={id}");
        let detail = crm.get(&crm.staff, &path).await.expect(200);
        assert_eq!(detail["data"]["approval_entity"]["main_field"], expected);
    }
}

#[tokio::test]
async fn a_refused_submission_leaves_the_object_as_it_was() {
    let crm = Crm::new().await;
    let workflow = crm.workflow(&rules("Contract", json!({}))).await;
    crm.publish(workflow, &flow(&[("a", &[setting::HEAD_UID])], json!({}))).await.expect(200);
    crm.only_for_john(workflow).await;
    crm.event(&crm.staff, &contract()).await.expect_failure(403);
    let path = format!("/api/v1/entities?entity_type=Contract&entity_id={}", setting::CONTRACT);
    crm.get(&crm.staff, &path).await.expect_failure(404);
    crm.event(&crm.john, &contract()).await.expect(200);
    assert_eq!(crm.approve_status(&crm.john).await, "applying");
}

#[tokio::test]
async fn telling_of_an_object_shows_its_data_to_those_who_see_its_record() {
    let crm = Crm::new().await;
    let workflow = crm.workflow(&rules("Contract", json!({}))).await;
    crm.publish(workflow, &flow(&[("a", &[setting::HEAD_UID])], json!({}))).await.expect(200);
    let shown = crm.event(&crm.staff, &contract()).await.expect(200);
    assert!(shown["data"]["data"].is_object(), "{shown}");
    let nothing =
        json!({"trigger": "updated", "entity_type": "Contract", "entity_id": setting::CONTRACT, "data": {}});
    let shown = crm.event(&crm.outsider, &nothing).await.expect(200);
    assert_eq!(shown["data"]["approve_status"], "applying");
    assert!(shown["data"]["data"].is_null(), "{shown}");
}

#[tokio::test]
async fn wrong_headers_fail_in_the_documented_form() {
    let crm = Crm::new().await;
    let path = "/api/v1/workflows";
    let documented =
        json!({"code": 500, "message": "invalid appid", "errcode": 500, "errmsg": "invalid appid"});
    let call = |platform: &str, app: &str, token: &str| {
        let call = crm.server.get(path).header("x-lxy-platform", platform).header("x-lxy-app", app);
        call.header("access-token", token)
    };
    for (platform, app) in [("", "crm"), ("ios", "crm"), ("ikcrm", ""), ("ikcrm", "erp")] {
        assert_eq!(call(platform, app, &crm.john).send().await.expect_failure(401), documented);
    }
    for platform in ["wxwork", "dingtalk", "lixiaoyun", "ikcrm"] {
        call(platform, "CRM", &crm.john).send().await.expect(200);
    }
    for token in ["", "zhp_nonsense", &format!("{}x", crm.john)] {
        let failed = call("ikcrm", "crm", token).send().await.expect_failure(401);
        assert_eq!(failed["errmsg"], "invalid access token");
    }
    crm.server.get(path).send().await.expect_failure(401);
}

#[tokio::test]
async fn another_workspace_finds_nothing() {
    let crm = Crm::like_the_sample().await;
    crm.event(&crm.staff, &contract()).await.expect(200);
    let record = crm.record(&crm.staff).await;
    let stranger = crm.stranger().await;
    crm.detail(&stranger).await.expect_failure(404);
    crm.perform(&stranger, record, &json!({"execute_action": "pass"})).await.expect_failure(404);
    let workflows = crm.get(&stranger, "/api/v1/workflows").await.expect(200);
    assert_eq!(workflows["data"]["total_count"], 0);
    let list = crm.get(&stranger, "/api/v1/approval_center/list?scope=todo").await.expect(200);
    assert_eq!(list["data"]["list"], json!([]));
}

#[tokio::test]
async fn malformed_requests_are_refused_in_our_form() {
    let crm = Crm::new().await;
    for path in [
        "/api/v1/execute_records/detail?entity_type=Rocket&entity_id=1",
        "/api/v1/execute_records/detail?entity_type=Contract&entity_id=one",
        "/api/v1/execute_records/detail?entity_type=Contract",
        "/api/v1/execute_records/detail",
        "/api/v1/approval_center/list",
        "/api/v1/approval_center/list?scope=all",
        "/api/v1/approval_center/list?scope=todo&per_page=1000",
        "/api/v1/approval_center/list?scope=todo&status[]=lost",
        "/api/v1/approval_center/list?scope=todo&entity_types[]=Rocket",
        "/api/v1/workflows?page=0",
    ] {
        crm.get(&crm.john, path).await.expect_failure(400);
    }
    crm.get(&crm.john, "/api/v1/execute_records/detail?entity_type=Contract&entity_id=404")
        .await
        .expect_failure(404);
    crm.get(&crm.john, "/api/v1/workflows/999").await.expect_failure(404);
    for path in ["/api/v1/rockets", "/api/v1/workflows/1/2", "/api/v1/", "/api/v1/workflows/%FF"] {
        crm.get(&crm.john, path).await.expect_failure(404);
    }
    for body in
        ["{", "[1,2", "\"text\"", "{\"entity_type\": 5}", "{\"entity_type\":\"Contract\",\"entity_id\":[1]}"]
    {
        crm.raw(&crm.john, "/api/v1/entities", body).await.expect_failure(400);
    }
    for event in [
        json!({"entity_type": "Rocket", "entity_id": 1}),
        json!({"entity_type": "Contract"}),
        json!({"entity_type": "Contract", "entity_id": 1, "trigger": "melted"}),
    ] {
        crm.event(&crm.john, &event).await.expect_failure(400);
    }
    let huge = format!("{{\"entity_type\":\"{}\"}}", "x".repeat(20_000_000));
    crm.raw(&crm.john, "/api/v1/entities", &huge).await.expect_failure(413);
    crm.post(&crm.john, "/api/v1/execute_records/detail", &json!({})).await.expect_failure(405);
}

#[tokio::test]
async fn the_approval_centre_pages_and_filters() {
    let crm = Crm::new().await;
    for kind in ["Contract", "Lead"] {
        let workflow = crm.workflow(&rules(kind, json!({}))).await;
        crm.publish(workflow, &flow(&[("a", &[setting::HEAD_UID])], json!({}))).await.expect(200);
    }
    for id in 1..=5 {
        crm.turn_on(60);
        let event = json!({"entity_type": "Contract", "entity_id": id, "main_field": format!("c{id}"),
            "data": {"title": format!("c{id}"), "total_amount": 8, "customer": {"id": 1, "name": "k"}}});
        crm.event(&crm.staff, &event).await.expect(200);
    }
    crm.event(&crm.john, &json!({"entity_type": "Lead", "entity_id": 1, "data": {"name": "l"}}))
        .await
        .expect(200);
    crm.turn_on(28 * 60);
    let list = async |who: &str, query: &str| {
        let path = format!("/api/v1/approval_center/list?{query}");
        let data = crm.get(who, &path).await.expect(200)["data"].clone();
        let names: Vec<String> = data["list"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["entity_data"]["main_field_value"].as_str().unwrap().to_owned())
            .collect();
        (names, data["total_count"].as_i64().unwrap())
    };
    let head = crm.head.as_str();
    assert_eq!(list(head, "scope=todo&page=1&per_page=2").await, (vec!["l".into(), "c5".into()], 6));
    assert_eq!(list(head, "scope=todo&page=3&per_page=2").await, (vec!["c2".into(), "c1".into()], 6));
    assert_eq!(list(head, "scope=todo&page=4&per_page=2").await, (vec![], 6));
    assert_eq!(list(head, "scope=todo&entity_types[]=Lead").await.0, ["l"]);
    assert_eq!(list(head, &format!("scope=todo&submitter_uids[]={}", setting::JOHN_UID)).await.0, ["l"]);
    assert_eq!(list(head, "scope=submission").await.1, 0);
    assert_eq!(list(&crm.staff, "scope=submission").await.1, 5);
    let record = crm.record_of(&crm.staff, "Contract", 3).await;
    crm.perform(head, record, &json!({"execute_action": "pass"})).await.expect(200);
    assert_eq!(list(head, "scope=processed").await.0, ["c3"]);
    assert_eq!(list(head, "scope=todo").await.1, 5);
    assert_eq!(list(&crm.staff, "scope=submission&status[]=pass&status[]=veto").await.0, ["c3"]);
    let path = "/api/v1/approval_center/list?scope=todo&entity_types[]=Contract&per_page=1";
    let item = crm.get(head, path).await.expect(200)["data"]["list"][0].clone();
    assert_eq!(item["distance_submission_time"], "28 分钟");
    assert_eq!(item["status_i18n"], "待审批");
    assert_eq!(item["submitter"]["name"], "staff");
    assert_eq!(item["submitter"].get("avatar"), None);
    assert_eq!(item["entity_data"]["module_label"], "合同");
    let fields = item["entity_data"]["body_data"].as_array().unwrap();
    let types: Vec<&str> = fields.iter().map(|field| field["field_type"].as_str().unwrap()).collect();
    assert_eq!(types, ["select2_field", "text_field", "currency_field"]);
}

#[tokio::test]
async fn workflows_keep_what_we_do_not_know() {
    let crm = Crm::new().await;
    let number =
        crm.workflow(&rules("Contract", json!({"datarange": [1], "allow_again_reject": true}))).await;
    let path = format!("/api/v1/workflows/{number}");
    let shown = crm.get(&crm.john, &path).await.expect(200)["data"].clone();
    assert_eq!((&shown["datarange"], &shown["allow_again_reject"]), (&json!([1]), &json!(true)));
    assert_eq!(shown["workflow_version"], Json::Null);
    let drawn =
        flow(&[("a", &[setting::HEAD_UID]), ("b", &[setting::JOHN_UID])], json!({"configVersion": 2}));
    crm.publish(number, &drawn).await.expect(200);
    crm.put(&crm.john, &path, &json!({"workflow": {"name": "新名"}})).await.expect(200);
    let shown = crm.get(&crm.john, &path).await.expect(200)["data"].clone();
    assert_eq!((&shown["name"], &shown["datarange"]), (&json!("新名"), &json!([1])));
    assert_eq!(shown["workflow_version"]["settings"]["configVersion"], 2);
    assert_eq!(shown["workflow_version"]["elements"], drawn["elements"]);
    assert_eq!(shown["workflow_version"]["version"], "1");
    let list = crm.get(&crm.john, "/api/v1/workflows?page=1&per_page=1").await.expect(200);
    assert_eq!(list["data"]["list"][0]["id"], number);
}

#[tokio::test]
async fn only_administrators_draw_workflows_and_only_sound_ones() {
    let crm = Crm::new().await;
    let good = json!({"workflow": rules("Contract", json!({})), "app": "crm"});
    crm.post(&crm.staff, "/api/v1/workflows", &good).await.expect_failure(403);
    for bad in [
        json!({"entity_klass": "Rocket"}),
        json!({"trigger_timing": "melted"}),
        json!({"editable": {"enable": 1, "policy": "maybe", "fields": []}}),
        json!({"notify_others": [4242]}),
        json!({"trigger_filters": [{"field": "a"}]}),
    ] {
        let body = json!({"workflow": rules("Contract", bad), "app": "crm"});
        crm.post(&crm.john, "/api/v1/workflows", &body).await.expect_failure(422);
    }
    crm.post(&crm.john, "/api/v1/workflows", &json!({"workflow": {"name": "x"}})).await.expect_failure(400);
    crm.post(&crm.john, "/api/v1/workflows", &json!({"workflow": rules("Lead", json!({})), "app": "erp"}))
        .await
        .expect_failure(400);
    let number = crm.workflow(&rules("Contract", json!({}))).await;
    let staff_flow =
        json!({"workflow_id": number, "workflow_version": flow(&[("a", &[setting::HEAD_UID])], json!({}))});
    crm.post(&crm.staff, "/api/v1/workflows/flow_enable", &staff_flow).await.expect_failure(404);
    let mut forked = flow(&[("a", &[setting::HEAD_UID])], json!({}));
    forked["sequences"]
        .as_array_mut()
        .unwrap()
        .push(json!({"id": "z", "sourceRef": "a", "targetRef": "start"}));
    let refused = crm.publish(number, &forked).await.expect_failure(422);
    assert!(refused["message"].as_str().unwrap().contains("element `a`"), "{refused}");
    let mut odd = flow(&[("a", &[setting::HEAD_UID])], json!({}));
    odd["elements"].as_array_mut().unwrap().push(json!({"id": "gate", "type": "EXCLUSIVEGATEWAY"}));
    let refused = crm.publish(number, &odd).await.expect_failure(422);
    assert!(refused["message"].as_str().unwrap().contains("`gate`"), "{refused}");
    crm.publish(number + 50, &flow(&[("a", &[setting::HEAD_UID])], json!({}))).await.expect_failure(404);
    let nobody = flow(&[("a", &[])], json!({}));
    crm.publish(number, &nobody).await.expect_failure(422);
}

#[tokio::test]
async fn everybody_of_a_countersigned_element_has_to_pass() {
    let crm = Crm::new().await;
    let number = crm.workflow(&rules("Contract", json!({}))).await;
    let mut drawn = flow(&[], json!({}));
    let mut both = element("both", &[setting::HEAD_UID, setting::JOHN_UID]);
    both["parameters"]["approveType"] = json!("ANDAPPROVE");
    both["parameters"]["approval_opinion"] = json!("required");
    drawn["elements"].as_array_mut().unwrap().push(both);
    drawn["sequences"] = json!([
        {"id": "1", "sourceRef": "start", "targetRef": "both"},
        {"id": "2", "sourceRef": "both", "targetRef": "end"}
    ]);
    crm.publish(number, &drawn).await.expect(200);
    crm.event(&crm.staff, &contract()).await.expect(200);
    let record = crm.record(&crm.staff).await;
    crm.perform(&crm.head, record, &json!({"execute_action": "pass"})).await.expect_failure(422);
    let said = json!({"execute_action": "pass", "execute_opinion": "好"});
    assert_eq!(crm.perform(&crm.head, record, &said).await.expect(200)["data"]["status"], "applying");
    assert_eq!(crm.perform(&crm.john, record, &said).await.expect(200)["data"]["status"], "pass");
    let detail = crm.detail(&crm.staff).await.expect(200)["data"].clone();
    assert_eq!(detail["approval_opinions"], "required");
    assert_eq!(detail["execution_details"][1]["setting_approval_type_i18n"], "会签");
}

#[tokio::test]
async fn the_document_lists_exactly_the_calls_that_are_served() {
    let server = TestApp::new().await;
    let document = include_str!("../../../../docs/compat/crm.md");
    let rows = document.lines().filter(|line| line.starts_with("| `"));
    let calls: Vec<(String, String)> = rows
        .filter_map(|row| {
            let cell = row.split('|').nth(1)?.trim().trim_matches('`').to_owned();
            let (method, path) = cell.split_once(' ')?;
            path.starts_with("/api/").then(|| (method.to_owned(), path.replace("{id}", "1")))
        })
        .collect();
    assert_eq!(calls.len(), 12, "{calls:?}");
    for (method, path) in calls {
        let answer = server.call(&method, &path).send().await;
        assert_eq!(answer.status, 401, "{method} {path}: {}", answer.text());
    }
}

/// A moment as the tests write it.
fn moment(text: &str) -> Timestamp {
    text.parse().expect("a time")
}
