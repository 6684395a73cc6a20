//! Handing on, bringing in, sending back and hurrying through this surface, and what a node hides.

use super::{CODE, Wps, native, refused, simple};
use jiff::SignedDuration;
use serde_json::{Value as Json, json};
use zhupi_engine::template::Template;
use zhupi_server::app::templates::Drawing;

/// First 1028, then 1029.
fn two_nodes() -> Json {
    json!({ "name": "t", "flow_data": [
        { "id": 1, "node_type": 1, "title": "一", "rule": 2, "members": [1028] },
        { "id": 2, "node_type": 1, "title": "二", "rule": 2, "members": [1029] },
    ] })
}

async fn started(body: &Json) -> (Wps, String) {
    let wps = Wps::new().await;
    let code = wps.create(body).await;
    let id = wps.start(1030, &json!({ "template_code": code })).await;
    (wps, id)
}

async fn asked(wps: &Wps, id: &str) -> Json {
    wps.detail(1030, id).await["current_approver"].clone()
}

#[tokio::test]
async fn transfer_hands_the_task_to_somebody_else() {
    let (wps, id) = started(&simple()).await;
    let body = json!({ "transfer_user_id": 1031, "comment": "你来" });
    refused(&wps.act(1030, &id, "transfer", &body).await, 403, "PermissionDenied");
    wps.act(1028, &id, "transfer", &body).await.expect(200);
    let now = asked(&wps, &id).await;
    assert!(
        now.as_array().unwrap().contains(&json!(1031)) && !now.as_array().unwrap().contains(&json!(1028)),
        "{now}"
    );
    let nobody = json!({ "transfer_user_id": 999_999 });
    refused(&wps.act(1029, &id, "transfer", &nobody).await, 422, "InvalidArgument");
    wps.act(1031, &id, "approve", &json!({})).await.expect(200);
    assert_eq!(wps.detail(1030, &id).await["status"], "approved");
}

#[tokio::test]
async fn add_sign_brings_people_in_before_and_after() {
    for (kind, way) in [("before", [1031, 1028, 1029]), ("after", [1028, 1031, 1029])] {
        let (wps, id) = started(&two_nodes()).await;
        let body = json!({ "add_sign_user_ids": [1031], "add_sign_type": kind, "approval_rule": 1, "comment": "请看" });
        wps.act(1028, &id, "add_sign", &body).await.expect(200);
        for next in way {
            assert_eq!(asked(&wps, &id).await, json!([next]), "{kind}");
            wps.act(next, &id, "approve", &json!({})).await.expect(200);
        }
        assert_eq!(wps.detail(1030, &id).await["status"], "approved", "{kind}");
    }
    let (wps, id) = started(&two_nodes()).await;
    let odd = json!({ "add_sign_user_ids": [1031], "add_sign_type": "above" });
    refused(&wps.act(1028, &id, "add_sign", &odd).await, 422, "InvalidArgument");
}

#[tokio::test]
async fn rollback_goes_to_a_node_or_to_the_initiator() {
    let (wps, id) = started(&two_nodes()).await;
    wps.act(1028, &id, "approve", &json!({})).await.expect(200);
    assert_eq!(asked(&wps, &id).await, json!([1029]));
    wps.act(1029, &id, "rollback", &json!({ "node_id": 1, "reason": "再看" })).await.expect(200);
    assert_eq!(asked(&wps, &id).await, json!([1028]));
    refused(
        &wps.act(1028, &id, "rollback", &json!({ "node_id": 77, "reason": "x" })).await,
        422,
        "InvalidArgument",
    );
    wps.act(1028, &id, "rollback", &json!({ "reason": "改一下" })).await.expect(200);
    let detail = wps.detail(1030, &id).await;
    assert_eq!((&detail["status"], &detail["current_approver"]), (&json!("returned"), &json!([1030])));
}

#[tokio::test]
async fn only_the_initiator_urges_and_not_too_often() {
    let (wps, id) = started(&simple()).await;
    let body = json!({ "comment": "请快一点" });
    refused(&wps.act(1028, &id, "urge", &body).await, 403, "PermissionDenied");
    wps.act(1030, &id, "urge", &body).await.expect(200);
    wps.app.app.clock.advance(SignedDuration::from_secs(2));
    let again = wps.act(1030, &id, "urge", &body).await;
    assert!(again.status.is_client_error(), "{}", again.text());
    wps.app.app.clock.advance(SignedDuration::from_mins(90));
    wps.act(1030, &id, "urge", &body).await.expect(200);
}

#[tokio::test]
async fn what_a_node_hides_is_in_no_answer() {
    let wps = Wps::with_template().await;
    let approver =
        wps.app.app.store.resolve_alias(wps.app.tenant, "wps_user", "1028").await.unwrap().unwrap();
    let mut drawing = native(&approver.into(), "保密");
    let mut json = serde_json::to_value(&drawing.template).unwrap();
    json["flow"][0]["fields"] = json!({ "amount": "hide" });
    drawing = Drawing { template: serde_json::from_value::<Template>(json).unwrap(), ..drawing };
    let row = wps.app.app.store.find_template_by_code(wps.app.tenant, CODE).await.unwrap().unwrap();
    wps.app.app.publish_drawing(wps.app.tenant, wps.admin, row.id, drawing).await.unwrap();
    let content = json!([{ "type": 11, "title": "金额", "text": "770077" }]);
    let id = wps.start(1030, &json!({ "template_code": CODE, "content": content })).await;
    assert!(wps.detail(1030, &id).await.to_string().contains("770077"));
    let seen = wps.detail(1028, &id).await;
    assert!(!seen.to_string().contains("770077"), "{seen}");
    assert_eq!(seen["content"], json!([]));
}
