//! What an accepted command sends out.

use crate::company::{Company, allows, leave, path_of};
use crate::harness::TestApp;
use crate::receiver::Receiver;
use serde_json::{Value as Json, json};

async fn company() -> (Company, Receiver) {
    let app = TestApp::with(&[("allow_private_targets", "127.0.0.0/8")]).await;
    (Company::of(app).await, Receiver::start().await)
}

async fn webhook(company: &Company, receiver: &Receiver, events: &[&str]) -> Json {
    let body = json!({ "name": "ERP", "url": receiver.url("/in"), "events": events });
    company.post("/v1/webhooks", &company.admin, &body).await.expect(201)
}

/// Everything the receiver was told, delivered.
async fn told(company: &Company, receiver: &Receiver) -> Vec<Json> {
    company.app.app.work_until_idle().await.expect("work");
    receiver.told().iter().map(|told| told.json()).collect()
}

fn types(told: &[Json]) -> Vec<&str> {
    told.iter().filter_map(|news| news["type"].as_str()).collect()
}

#[tokio::test]
async fn a_webhook_is_told_of_everything_in_order() {
    let (company, receiver) = company().await;
    webhook(&company, &receiver, &[]).await;
    company.publish("leave", company.leave()).await;
    let instance = company.submit().await;
    company.decide(&instance, &company.bob, "approve").await.expect(200);

    let told = told(&company, &receiver).await;
    let expected = [
        "instance.submitted",
        "task.created",
        "task.created",
        "task.decided",
        "task.closed",
        "cc.sent",
        "instance.approved",
    ];
    assert_eq!(types(&told), expected);
    let decided = &told[3];
    assert_eq!((&decided["sequence"], &decided["instance"]), (&json!(2), &instance["id"]));
    assert_eq!(decided["tenant"], company.app.tenant.to_string());
    assert_eq!(decided["timestamp"], "2026-03-02T01:00:00Z");
    assert_eq!(decided["data"]["decision"], "approve");
    assert_eq!(decided["data"]["by"], company.bob.id.to_string());
    let ids: std::collections::HashSet<&str> = told.iter().filter_map(|news| news["id"].as_str()).collect();
    assert_eq!(ids.len(), told.len(), "every event has an id of its own");
}

#[tokio::test]
async fn a_webhook_is_told_of_what_it_asked_for_from_the_moment_it_is_there() {
    let (company, receiver) = company().await;
    company.publish("leave", company.leave()).await;
    company.submit().await;
    let made = webhook(&company, &receiver, &["instance.withdrawn"]).await;
    let instance = company.submit().await;
    let path = format!("{}/withdraw", path_of(&instance));
    company.post(&path, &company.ann, &json!({ "reason": "rain" })).await.expect(200);

    let news = told(&company, &receiver).await;
    assert_eq!(types(&news), ["instance.withdrawn"]);
    assert_eq!(
        (&news[0]["data"]["reason"], &news[0]["data"]["status"]),
        (&json!("rain"), &json!("withdrawn"))
    );
    let id = made["id"].as_str().expect("an id");
    let gone =
        company.app.call("DELETE", &format!("/v1/webhooks/{id}")).by(&company.admin.session).send().await;
    assert_eq!(gone.status, 204);
    let instance = company.submit().await;
    let path = format!("{}/withdraw", path_of(&instance));
    company.post(&path, &company.ann, &json!({})).await.expect(200);
    assert_eq!(told(&company, &receiver).await.len(), 1);
}

#[tokio::test]
async fn a_completion_is_called_back_only_where_it_is_turned_on_and_only_after_a_yes() {
    let (company, receiver) = company().await;
    let mut definition = company.leave();
    definition["settings"] = json!({ "completion_callback": "com.example.Handler" });
    company.publish("leave", definition).await;
    let base = receiver.url("/base");
    let token = zhupi_server::compat::bpm::TokenChange::Remove;
    let set =
        company.app.app.put_callback_settings(company.app.tenant, base, "Authorization".to_owned(), token);
    set.await.expect("settings");

    let rejected = company.submit().await;
    company.decide(&rejected, &company.bob, "reject").await.expect(200);
    let body = json!({ "template": "leave", "form": { "days": 1 }, "business_key": "order-7" });
    let approved = company.post("/v1/instances", &company.ann, &body).await.expect(201);
    company.decide(&approved, &company.bob, "approve").await.expect(200);

    let told = told(&company, &receiver).await;
    let [call] = told.as_slice() else { panic!("one call: {told:?}") };
    let template = approved["template"]["id"].as_str().expect("an id");
    let expected = json!({
        "businessKey": "order-7",
        "callBackProcessClass": "com.example.Handler",
        "processDefinitionId": format!("leave:1:{template}"),
        "processDefinitionKey": "leave",
        "processDefinitionVersion": 1,
    });
    assert_eq!(*call, expected);
    let id = approved["id"].as_str().expect("an id");
    assert_eq!(receiver.told()[0].path, format!("/base/flow/{id}/call-back/complete"));
}

#[tokio::test]
async fn an_approved_signing_flow_leaves_a_sealing_that_waits() {
    let company = Company::new().await;
    let id = company.publish("leave", leave(json!([
        { "kind": "approval", "id": "lead", "title": "Lead", "approvers": company.people(&[&company.bob]) },
    ]))).await;
    let submission = zhupi_server::app::act::Submission {
        template: id.parse().expect("an id"),
        submit: zhupi_engine::Submit {
            form: serde_json::from_value(json!({ "days": { "number": "1" } })).expect("values"),
            ..Default::default()
        },
        business_key: Some("esign:flow-1".to_owned()),
        idempotency_key: None,
        instance: None,
        draft: None,
    };
    let acted =
        company.app.app.submit(company.app.tenant, company.ann.id, submission).await.expect("an instance");
    let instance = json!({ "id": acted.instance.id });
    assert!(allows(&company.see(&instance, &company.bob).await, &["approve", "reject", "comment"]));
    company.decide(&instance, &company.bob, "approve").await.expect(200);

    let waiting = company.get("/v1/deliveries?state=waiting", &company.admin).await.expect(200);
    let [sealing] = waiting["items"].as_array().expect("items").as_slice() else { panic!("{waiting}") };
    assert_eq!((&sealing["kind"], &sealing["attempts"]), (&json!("seal"), &json!(0)));
    assert_eq!(sealing["instance"], instance["id"]);
}
