//! Changes of an object whose approval goes, or has gone, back to whoever asked.

use super::{Office, only};
use crate::company::{Member, path_of, task_of};
use futures_util::future::poll_fn;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::pin::pin;
use std::task::Poll;
use zhupi_server::app::entities::{ToldOfEntity, What};

async fn instance(office: &Office, approval: &Json, by: &Member) -> Json {
    office.company.see(&json!({ "id": approval["instance"] }), by).await
}

fn amount(instance: &Json) -> &Json {
    let form = instance["form"].as_array().unwrap();
    &form.iter().find(|field| field["id"] == "amount").unwrap()["value"]["amount"]
}

async fn resubmit(office: &Office, instance: &Json) {
    let path = format!("{}/resubmit", path_of(instance));
    office.company.post(&path, &office.company.ann, &json!({ "comment": "mended" })).await.expect(200);
}

#[tokio::test]
async fn a_material_change_sends_the_approval_back_where_the_trigger_says_so() {
    let office = Office::new().await;
    let (ann, bob) = (&office.company.ann, &office.company.bob);
    let editable = json!({ "policy": "free", "material": ["amount"], "on_material": "return" });
    office.trigger("Contract", json!({ "editable": editable })).await;
    office.put("Contract/1", ann, json!({ "amount": 5, "note": "a" })).await.expect(200);
    let first = only(&office.put("Contract/1", ann, json!({ "amount": 6 })).await.expect(200));
    // What is not material joins without a word.
    office.put("Contract/1", ann, json!({ "note": "b" })).await.expect(200);
    assert_eq!(instance(&office, &first, ann).await["status"], "running");

    for now in [7, 8] {
        let view = office.put("Contract/1", ann, json!({ "amount": now })).await.expect(200);
        let approval = only(&view);
        assert_eq!((&approval["instance"], &approval["state"]), (&first["instance"], &json!("running")));
        let seen = instance(&office, &first, ann).await;
        assert_eq!((&seen["status"], amount(&seen)), (&json!("returned"), &json!(now.to_string())));
        assert_eq!(view["data"]["amount"], 5, "it is only asked for");
    }
    let seen = instance(&office, &first, bob).await;
    assert!(seen["current_approvers"].to_string().contains("ann"), "{seen}");
    resubmit(&office, &seen).await;
    office.decide(&first, "approve").await;
    let data = office.get("Contract/1", ann).await["data"].clone();
    assert_eq!(data, json!({ "amount": 8, "note": "b" }));
}

#[tokio::test]
async fn whoever_asked_mends_the_object_while_its_approval_is_returned() {
    let office = Office::new().await;
    let (ann, bob) = (&office.company.ann, &office.company.bob);
    office.trigger("Contract", json!({})).await;
    office.put("Contract/1", ann, json!({ "amount": 5 })).await.expect(200);
    let approval = only(&office.put("Contract/1", ann, json!({ "amount": 6 })).await.expect(200));
    office.put("Contract/1", ann, json!({ "amount": 7 })).await.expect_problem(409, "entity_locked");
    let seen = instance(&office, &approval, bob).await;
    let path = format!("/v1/tasks/{}/return", task_of(&seen, bob));
    office.company.post(&path, bob, &json!({ "comment": "too much" })).await.expect(200);

    let other = office.put("Contract/1", &office.company.cat, json!({ "amount": 1 })).await;
    other.expect_problem(409, "entity_locked");
    office.put("Contract/1", ann, json!({ "amount": 4 })).await.expect(200);
    let seen = instance(&office, &approval, ann).await;
    assert_eq!((&seen["status"], amount(&seen)), (&json!("returned"), &json!("4")));
    resubmit(&office, &seen).await;
    office.put("Contract/1", ann, json!({ "amount": 7 })).await.expect_problem(409, "entity_locked");
    office.decide(&approval, "approve").await;
    assert_eq!(office.get("Contract/1", ann).await["data"]["amount"], 4);
}

/// What was sent back is open to whoever asked; what others were asked for meanwhile is not.
#[tokio::test]
async fn a_returned_approval_opens_no_lock_of_another_one() {
    let office = Office::new().await;
    let (ann, bob) = (&office.company.ann, &office.company.bob);
    let open = json!({ "policy": "free", "material": ["amount"], "on_material": "return" });
    office.trigger("Contract", json!({ "watch": ["amount"], "editable": open })).await;
    office.trigger("Contract", json!({ "watch": ["note"] })).await;
    office.put("Contract/1", ann, json!({ "amount": 5, "note": "a" })).await.expect(200);
    let returned = only(&office.put("Contract/1", ann, json!({ "amount": 6 })).await.expect(200));
    let both = office.put("Contract/1", ann, json!({ "note": "b" })).await.expect(200);
    let running = both["approvals"][0].clone();
    assert_ne!(running["instance"], returned["instance"], "{both}");
    let seen = instance(&office, &returned, bob).await;
    let path = format!("/v1/tasks/{}/return", task_of(&seen, bob));
    office.company.post(&path, bob, &json!({ "comment": "too much" })).await.expect(200);

    let locked = office.put("Contract/1", ann, json!({ "amount": 4 })).await;
    let locked = locked.expect_problem(409, "entity_locked");
    assert_eq!(locked["approval"], running["instance"]);
    office.decide(&running, "approve").await;
    office.put("Contract/1", ann, json!({ "amount": 4 })).await.expect(200);
    resubmit(&office, &seen).await;
    office.decide(&returned, "approve").await;
    let data = office.get("Contract/1", ann).await["data"].clone();
    assert_eq!(data, json!({ "amount": 4, "note": "b" }));
}

/// A caller who goes away stands for a process that is killed: what he began is written as a whole, or not at all.
#[tokio::test]
async fn what_is_approved_is_what_is_applied_wherever_a_change_was_cut_off() {
    let office = Office::new().await;
    let (ann, app) = (&office.company.ann, &office.company.app);
    let editable = json!({ "policy": "free", "material": ["amount"], "on_material": "return" });
    office.trigger("Contract", json!({ "editable": editable })).await;
    office.put("Contract/1", ann, json!({ "amount": 5 })).await.expect(200);
    let approval = only(&office.put("Contract/1", ann, json!({ "amount": 6 })).await.expect(200));
    for steps in 0.. {
        let told = ToldOfEntity {
            entity_type: "Contract".to_owned(),
            id: "1".to_owned(),
            what: What::Saved,
            data: json!({ "amount": 100 + steps }).as_object().unwrap().clone(),
            labels: BTreeMap::new(),
            title: None,
            seen: None,
        };
        let finished = cut_off_after(steps, app.app.tell_entity(app.tenant, ann.id, &told)).await;
        let shown = instance(&office, &approval, ann).await;
        let asked = only(&office.get("Contract/1", ann).await)["changes"][0]["new"].clone();
        assert_eq!(amount(&shown).as_str().unwrap(), asked.to_string(), "after {steps} steps");
        if finished {
            assert_eq!(asked, json!(100 + steps));
            break;
        }
    }
}

/// Goes on with some work as often as it can go on, but no more than so many times, and gives it up the next time it could.
/// Whether it was finished.
async fn cut_off_after<F: Future>(steps: usize, work: F) -> bool {
    let mut work = pin!(work);
    let mut left = steps;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        work.as_mut().poll(context).map(|_| true)
    })
    .await
}

/// Nobody approves one amount while another is applied.
#[tokio::test]
async fn what_joins_a_running_approval_stands_in_its_form() {
    let office = Office::new().await;
    let (ann, bob) = (&office.company.ann, &office.company.bob);
    let editable = json!({ "policy": "only", "fields": ["amount"] });
    office.trigger("Contract", json!({ "editable": editable })).await;
    office.put("Contract/1", ann, json!({ "amount": 5 })).await.expect(200);
    let first = only(&office.put("Contract/1", ann, json!({ "amount": 6 })).await.expect(200));
    let before = instance(&office, &first, bob).await;
    let joined = only(&office.put("Contract/1", ann, json!({ "amount": 7 })).await.expect(200));
    assert_eq!(joined["instance"], first["instance"]);
    let seen = instance(&office, &first, bob).await;
    assert_eq!((&seen["status"], amount(&seen)), (&json!("running"), &json!("7")));
    assert_ne!(seen["digest"], before["digest"], "whoever saw six does not approve seven unseen");
    office.decide(&first, "approve").await;
    assert_eq!(office.get("Contract/1", ann).await["data"]["amount"], 7);
}
