//! Webhooks: made, changed, signed, rotated, tried out.

use crate::harness::{Session, TestApp};
use crate::receiver::{Receiver, Told};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::SignedDuration;
use serde_json::{Value as Json, json};
use zhupi_server::caller::Scope;

const ON_THIS_MACHINE: (&str, &str) = ("allow_private_targets", "127.0.0.0/8");

async fn server() -> (TestApp, Session) {
    let app = TestApp::with(&[ON_THIS_MACHINE]).await;
    let admin = app.admin("admin").await;
    let session = app.session(admin).await;
    (app, session)
}

async fn create(app: &TestApp, by: &Session, url: &str) -> Json {
    app.post("/v1/webhooks").by(by).json(&json!({ "name": "ERP", "url": url })).send().await.expect(201)
}

async fn ping(app: &TestApp, by: &Session, webhook: &Json) -> Json {
    let path = format!("/v1/webhooks/{}/ping", webhook["id"].as_str().unwrap());
    let pinged = app.post(&path).by(by).send().await.expect(202);
    app.app.work_until_idle().await.unwrap();
    let path = format!("/v1/deliveries/{}", pinged["delivery"].as_str().unwrap());
    app.get(&path).by(by).send().await.expect(200)
}

/// HMAC-SHA256 written out by RFC 2104, so that it shares nothing with what is tested.
fn signature(secret: &str, told: &Told) -> String {
    use sha2::{Digest, Sha256};
    let mut key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    key.resize(64, 0);
    let pad = |byte: u8| key.iter().map(|it| it ^ byte).collect::<Vec<u8>>();
    let mut content =
        format!("{}.{}.", told.header("webhook-id"), told.header("webhook-timestamp")).into_bytes();
    content.extend_from_slice(&told.body);
    let inner = Sha256::digest([pad(0x36), content].concat());
    let outer = Sha256::digest([pad(0x5c), inner.to_vec()].concat());
    format!("v1,{}", BASE64_STANDARD.encode(outer))
}

#[tokio::test]
async fn a_webhook_is_made_shown_changed_and_deleted() {
    let (app, by) = server().await;
    let made = create(&app, &by, "https://erp.example.com/in").await;
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    let path = format!("/v1/webhooks/{}", made["id"].as_str().unwrap());
    let shown = app.get(&path).by(&by).send().await;
    assert_eq!(shown.header("etag"), "\"1\"");
    let shown = shown.expect(200);
    assert_eq!(shown.get("secret"), None);
    assert_eq!(
        (&shown["name"], &shown["active"], &shown["events"]),
        (&json!("ERP"), &json!(true), &json!([]))
    );

    let change = json!({ "name": "SAP", "url": "https://sap.example.com/", "events": ["instance.approved"] });
    let put = || app.call("PUT", &path).by(&by).json(&change);
    put().send().await.expect_problem(428, "precondition_required");
    put().header("if-match", "\"7\"").send().await.expect_problem(412, "precondition_failed");
    let changed = put().header("if-match", "\"1\"").send().await.expect(200);
    assert_eq!((&changed["name"], &changed["revision"]), (&json!("SAP"), &json!(2)));
    let list = app.get("/v1/webhooks").by(&by).send().await.expect(200);
    assert_eq!(list["items"], json!([changed]));

    app.call("DELETE", &path).by(&by).send().await.expect(204);
    app.get(&path).by(&by).send().await.expect_problem(404, "not_found");
    app.call("DELETE", &path).by(&by).send().await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn only_administrators_see_webhooks_and_deliveries() {
    let (app, admin) = server().await;
    let webhook = create(&app, &admin, "https://erp.example.com/in").await;
    let path = format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap());
    let member = app.user("member").await;
    let member_session = app.session(member).await;
    for path in ["/v1/webhooks", path.as_str(), "/v1/deliveries", "/v1/callback-handlers"] {
        app.get(path).by(&member_session).send().await.expect_problem(403, "forbidden");
        app.get(path).send().await.expect_problem(401, "unauthenticated");
    }
    let owner = app.admin("owner").await;
    let narrow = app.token(app.tenant, owner, &[Scope::Read, Scope::Write]).await;
    app.get(&path).token(&narrow).send().await.expect_problem(403, "forbidden");
    let elsewhere = app.workspace("elsewhere").await;
    let stranger = zhupi_engine::directory::User { admin: true, ..crate::harness::person("stranger") };
    let stranger = app.put_user(elsewhere, stranger).await;
    let stranger = app.session_in(elsewhere, stranger).await;
    app.get(&path).by(&stranger).send().await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn a_target_inside_the_operators_network_is_refused_with_the_reason() {
    let (app, by) = server().await;
    let cases = [
        ("http://10.0.0.8/", "`10.0.0.8` is refused: private addresses may not be called"),
        ("http://[::1]/", "`::1` is refused: loopback addresses may not be called"),
        ("https://a.example:25/", "port 25 may not be called"),
        ("ftp://a.example/", "the target must begin with http:// or https://, not `ftp:`"),
    ];
    for (url, reason) in cases {
        let body = json!({ "name": "ERP", "url": url });
        let problem =
            app.post("/v1/webhooks").by(&by).json(&body).send().await.expect_problem(400, "bad_request");
        assert_eq!((&problem["field"], &problem["detail"]), (&json!("url"), &json!(reason)));
    }
}

#[tokio::test]
async fn a_call_is_signed_as_the_specification_says() {
    let (app, by) = server().await;
    let receiver = Receiver::start().await;
    let webhook = create(&app, &by, &receiver.url("/in")).await;
    let delivery = ping(&app, &by, &webhook).await;
    assert_eq!(delivery["state"], "delivered");
    let told = receiver.told();
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(told.path, "/in");
    assert_eq!(told.header("content-type"), "application/json");
    assert_eq!(told.header("webhook-timestamp"), app.app.now().as_second().to_string());
    assert_eq!(told.header("webhook-signature"), signature(webhook["secret"].as_str().unwrap(), told));
    assert_eq!(told.json()["type"], "ping");
    assert_eq!(told.json()["data"], json!({ "webhook": webhook["id"] }));
}

#[tokio::test]
async fn the_id_of_a_message_stays_through_its_attempts() {
    let (app, by) = server().await;
    let receiver = Receiver::start().await;
    let webhook = create(&app, &by, &receiver.url("/")).await;
    receiver.then(500, "no");
    ping(&app, &by, &webhook).await;
    app.app.clock.advance(SignedDuration::from_secs(2));
    app.app.work_until_idle().await.unwrap();
    let told = receiver.told();
    let [first, second] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_ne!(first.header("webhook-signature"), second.header("webhook-signature"));
}

#[tokio::test]
async fn after_a_rotation_both_secrets_sign_for_a_day() {
    let (app, by) = server().await;
    let receiver = Receiver::start().await;
    let webhook = create(&app, &by, &receiver.url("/")).await;
    let path = format!("/v1/webhooks/{}/rotate-secret", webhook["id"].as_str().unwrap());
    let rotated = app.post(&path).by(&by).send().await.expect(200);
    let (old, new) = (webhook["secret"].as_str().unwrap(), rotated["secret"].as_str().unwrap());
    assert_ne!(old, new);
    assert_eq!(rotated["previous_until"], "2026-03-03T01:00:00Z");
    ping(&app, &by, &webhook).await;
    app.app.clock.advance(SignedDuration::from_hours(24));
    let by = app.session(app.admin("again").await).await;
    ping(&app, &by, &webhook).await;
    let told = receiver.told();
    let [both, one] = told.as_slice() else { panic!("{told:?}") };
    let expected = format!("{} {}", signature(new, both), signature(old, both));
    assert_eq!(both.header("webhook-signature"), expected);
    assert_eq!(one.header("webhook-signature"), signature(new, one));
}

#[tokio::test]
async fn what_waits_for_a_webhook_that_is_gone_or_off_is_given_up() {
    let (app, by) = server().await;
    let receiver = Receiver::start().await;
    let webhook = create(&app, &by, &receiver.url("/")).await;
    let path = format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap());
    let off = json!({ "name": "ERP", "url": receiver.url("/"), "active": false });
    app.call("PUT", &path).by(&by).header("if-match", "\"1\"").json(&off).send().await.expect(200);
    let delivery = ping(&app, &by, &webhook).await;
    assert_eq!(delivery["state"], "dead");
    assert_eq!(delivery["tries"][0]["error"], "the webhook is switched off");
    assert_eq!(receiver.told().len(), 0);
}

#[tokio::test]
async fn a_secret_is_not_kept_in_clear() {
    let (app, by) = server().await;
    let webhook = create(&app, &by, "https://erp.example.com/in").await;
    let id = webhook["id"].as_str().unwrap().parse().unwrap();
    let kept = app.app.store.load_webhook(app.tenant, id).await.unwrap().unwrap();
    let kept = String::from_utf8(kept.secret).unwrap();
    assert!(
        !kept.contains("whsec_") && !kept.contains(&webhook["secret"].as_str().unwrap()[6..20]),
        "{kept}"
    );
}

#[test]
fn the_document_tells_every_type() {
    let document = include_str!("../../../../docs/webhooks.md");
    for kind in zhupi_server::app::effects::EVENT_TYPES {
        assert!(document.contains(&format!("`{kind}`")), "docs/webhooks.md does not tell `{kind}`");
    }
}
