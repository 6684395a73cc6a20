//! A task of the CRM surface that goes to somebody else.

use super::setting::{Crm, contract};
use serde_json::json;

#[tokio::test]
async fn a_task_is_handed_on_to_somebody_else() {
    let crm = Crm::like_the_sample().await;
    crm.event(&crm.staff, &contract()).await.expect(200);
    let record = crm.record(&crm.staff).await;
    let outsider = crm.outsider_uid().await;
    let hand = json!({"execute_action": "transfer", "execute_opinion": "请处理", "transfer_uid": outsider});
    crm.perform(&crm.head, record, &json!({"execute_action": "transfer"})).await.expect_failure(400);
    let nobody = json!({"execute_action": "transfer", "transfer_uid": 4_242_424_242_i64});
    crm.perform(&crm.head, record, &nobody).await.expect_failure(400);
    crm.perform(&crm.staff, record, &hand).await.expect_failure(403);
    crm.perform(&crm.head, record, &hand).await.expect(200);
    assert!(crm.flags(&crm.outsider).await[0], "now he may approve");
    assert!(!crm.flags(&crm.head).await[0], "and whoever handed it on may not");
    crm.perform(&crm.outsider, record, &json!({"execute_action": "pass"})).await.expect(200);
}
