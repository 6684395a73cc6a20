//! Deliveries: when they are tried, in which order, what is written down of them, and how they are asked for again.

use crate::harness::{Session, TestApp};
use crate::receiver::Receiver;
use jiff::SignedDuration;
use serde_json::{Value as Json, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use zhupi_engine::ids::InstanceId;
use zhupi_server::{App, work};
use zhupi_store::{Attempt, Delivery, DeliveryState, Outcome, Told, Webhook};

struct Scene {
    app: TestApp,
    by: Session,
    receiver: Receiver,
    webhook: Uuid,
}

impl Scene {
    async fn new() -> Self {
        let app = TestApp::with(&[("allow_private_targets", "127.0.0.0/8"), ("session_hours", "1000")]).await;
        let admin = app.admin("admin").await;
        let by = app.session(admin).await;
        let receiver = Receiver::start().await;
        let body = json!({ "name": "ERP", "url": receiver.url("/in") });
        let made = app.post("/v1/webhooks").by(&by).json(&body).send().await.expect(201);
        Self { app, by, receiver, webhook: made["id"].as_str().unwrap().parse().unwrap() }
    }

    /// Something to tell of an instance.
    async fn tell(&self, instance: InstanceId, seq: i64) -> Uuid {
        let told = Told {
            kind: work::outbox::WEBHOOK.to_owned(),
            target: self.webhook.to_string(),
            payload: json!({ "seq": seq }).to_string(),
        };
        let alone = Delivery::alone(self.app.tenant, Uuid::now_v7(), told, self.app.app.now_us());
        let delivery = Delivery { instance, seq, ..alone };
        self.app.app.store.insert_delivery(&delivery).await.unwrap();
        delivery.id
    }

    async fn work(&self) {
        self.app.app.work_until_idle().await.unwrap();
    }

    async fn after(&self, time: SignedDuration) {
        self.app.app.clock.advance(time);
        self.work().await;
    }

    async fn load(&self, id: Uuid) -> Delivery {
        self.app.app.store.load_delivery(self.app.tenant, id).await.unwrap().unwrap()
    }

    async fn show(&self, id: Uuid) -> Json {
        self.app.get(&format!("/v1/deliveries/{id}")).by(&self.by).send().await.expect(200)
    }

    fn told(&self) -> Vec<i64> {
        self.receiver.told().iter().map(|told| told.json()["seq"].as_i64().unwrap()).collect()
    }
}

fn instance() -> InstanceId {
    InstanceId(Uuid::now_v7())
}

#[tokio::test]
async fn an_attempt_is_written_down_with_its_answer() {
    let scene = Scene::new().await;
    let about = instance();
    let id = scene.tell(about, 1).await;
    scene.receiver.then(201, "taken");
    scene.work().await;
    let shown = scene.show(id).await;
    assert_eq!((&shown["state"], &shown["attempts"]), (&json!("delivered"), &json!(1)));
    assert_eq!(shown["instance"], about.to_string());
    assert_eq!(shown["webhook"], scene.webhook.to_string());
    assert_eq!(shown["payload"], r#"{"seq":1}"#);
    let [attempt] = shown["tries"].as_array().unwrap().as_slice() else { panic!("{shown}") };
    assert_eq!((&attempt["number"], &attempt["status"]), (&json!(1), &json!(201)));
    assert_eq!((&attempt["response"], &attempt["error"]), (&json!("taken"), &Json::Null));
    assert_eq!(attempt["at"], "2026-03-02T01:00:00Z");
    assert!(attempt["duration_ms"].as_i64().is_some());
}

#[tokio::test]
async fn a_long_answer_is_kept_up_to_four_kibibytes() {
    let scene = Scene::new().await;
    let id = scene.tell(instance(), 1).await;
    scene.receiver.then(500, &"x".repeat(5000));
    scene.work().await;
    assert_eq!(scene.show(id).await["tries"][0]["response"], "x".repeat(4096));
}

#[tokio::test]
async fn a_failed_delivery_is_tried_twelve_times_over_a_day_and_is_then_dead() {
    let scene = Scene::new().await;
    scene.receiver.usually(503, "busy");
    let id = scene.tell(instance(), 1).await;
    scene.work().await;
    for tries in 1..12_u32 {
        let due = i64::pow(3, tries - 1);
        scene.after(SignedDuration::from_secs(due) - SignedDuration::from_micros(1)).await;
        assert_eq!(scene.load(id).await.attempts, tries, "too early");
        scene.after(SignedDuration::from_millis(due * 100 + 1)).await;
        assert_eq!(scene.load(id).await.attempts, tries + 1, "too late");
    }
    scene.after(SignedDuration::from_hours(1000)).await;
    let dead = scene.load(id).await;
    assert_eq!((dead.state, dead.attempts), (DeliveryState::Dead, 12));
    let by = &scene.app.session(scene.app.admin("later").await).await;
    let letters = scene.app.get("/v1/deliveries?state=dead").by(by).send().await.expect(200);
    assert_eq!(letters["items"][0]["id"], id.to_string());

    scene.receiver.usually(200, "");
    let path = format!("/v1/deliveries/{id}/redeliver");
    let again = scene.app.post(&path).by(by).send().await.expect(202);
    assert_eq!(again["state"], "waiting");
    scene.work().await;
    let shown = scene.app.get(&format!("/v1/deliveries/{id}")).by(by).send().await.expect(200);
    assert_eq!((&shown["state"], &shown["attempts"]), (&json!("delivered"), &json!(13)));
    assert_eq!(shown["tries"][12]["number"], 13);
    assert_eq!(shown["tries"][11]["error"], "the receiver answered with status 503");
}

#[tokio::test]
async fn a_redelivery_has_all_its_attempts_anew() {
    let scene = Scene::new().await;
    scene.receiver.usually(500, "");
    let id = scene.tell(instance(), 1).await;
    scene.work().await;
    let path = format!("/v1/deliveries/{id}/redeliver");
    scene.app.post(&path).by(&scene.by).send().await.expect(202);
    scene.work().await;
    let waits = scene.load(id).await;
    assert_eq!((waits.attempts, waits.attempts_before), (2, 1));
    let pause = waits.next_at - scene.app.app.now_us();
    assert!((1_000_000..1_100_000).contains(&pause), "{pause}");
}

#[tokio::test]
async fn what_is_told_of_one_instance_keeps_its_order() {
    let scene = Scene::new().await;
    let (one, other) = (instance(), instance());
    scene.receiver.then(500, "");
    let first = scene.tell(one, 1).await;
    scene.work().await;
    let second = scene.tell(one, 2).await;
    scene.tell(other, 3).await;
    scene.work().await;
    assert_eq!(scene.told(), [1, 3]);
    assert_eq!(scene.load(second).await.attempts, 0);
    scene.after(SignedDuration::from_millis(1_101)).await;
    assert_eq!(scene.told(), [1, 3, 1, 2]);
    assert_eq!(scene.load(first).await.state, DeliveryState::Delivered);
    assert_eq!(scene.load(second).await.state, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_dead_letter_holds_nobody_up() {
    let scene = Scene::new().await;
    scene.receiver.usually(500, "");
    let one = instance();
    let first = scene.tell(one, 1).await;
    let second = scene.tell(one, 2).await;
    scene.work().await;
    for _ in 1..12 {
        scene.after(SignedDuration::from_hours(20)).await;
    }
    assert_eq!(scene.load(first).await.state, DeliveryState::Dead);
    assert_eq!(scene.load(second).await.attempts, 1);
}

#[tokio::test]
async fn a_redelivery_brings_those_behind_it_along() {
    let scene = Scene::new().await;
    let one = instance();
    for _ in 0..6 {
        scene.receiver.then(500, "");
    }
    let first = scene.tell(one, 1).await;
    scene.tell(one, 2).await;
    scene.work().await;
    for _ in 1..6 {
        scene.after(SignedDuration::from_secs(100)).await;
    }
    assert_eq!(scene.told(), [1, 1, 1, 1, 1, 1]);
    scene.app.post(&format!("/v1/deliveries/{first}/redeliver")).by(&scene.by).send().await.expect(202);
    scene.work().await;
    assert_eq!(scene.told(), [1, 1, 1, 1, 1, 1, 1, 2]);
}

#[tokio::test]
async fn many_are_asked_for_again_by_their_time_and_state() {
    let scene = Scene::new().await;
    let old = scene.tell(instance(), 1).await;
    scene.work().await;
    scene.app.app.clock.advance(SignedDuration::from_mins(10));
    let new = scene.tell(instance(), 2).await;
    scene.work().await;
    let range = json!({ "state": "delivered", "from": "2026-03-02T01:05:00Z", "webhook": scene.webhook });
    let post = |body: &Json| scene.app.post("/v1/deliveries/redeliver").by(&scene.by).json(body).send();
    assert_eq!(post(&range).await.expect(202), json!({ "deliveries": 1, "more": false }));
    assert_eq!(post(&json!({})).await.expect(202)["deliveries"], 0);
    scene.work().await;
    assert_eq!(scene.told(), [1, 2, 2]);
    assert_eq!((scene.load(old).await.attempts, scene.load(new).await.attempts), (1, 2));
}

#[tokio::test]
async fn deliveries_are_listed_by_what_they_are() {
    let scene = Scene::new().await;
    let about = instance();
    let one = scene.tell(about, 1).await;
    let two = scene.tell(instance(), 2).await;
    let list = async |query: &str| {
        let path = format!("/v1/deliveries{query}");
        let page = scene.app.get(&path).by(&scene.by).send().await.expect(200);
        page["items"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect::<Vec<_>>()
    };
    let (one, two) = (json!(one), json!(two));
    assert_eq!(list("").await, [two.clone(), one.clone()]);
    assert_eq!(list(&format!("?instance={about}")).await, std::slice::from_ref(&one));
    assert_eq!(list(&format!("?webhook={}&kind=webhook", scene.webhook)).await, [two.clone(), one]);
    assert_eq!(list("?state=delivered").await, [] as [Json; 0]);
    assert_eq!(list("?until=2026-03-02T01:00:00Z").await, [] as [Json; 0]);
    assert_eq!(list("?limit=1").await, [two]);
    scene.app.get("/v1/deliveries?state=lost").by(&scene.by).send().await.expect_problem(400, "bad_request");
}

#[tokio::test]
async fn a_worker_that_died_leaves_its_work_to_another() {
    let scene = Scene::new().await;
    let id = scene.tell(instance(), 1).await;
    let (store, now) = (&scene.app.app.store, scene.app.app.now_us());
    let lost = store.claim_deliveries(now, now + 60_000_000, 10).await.unwrap();
    assert_eq!(lost.len(), 1);
    scene.after(SignedDuration::from_secs(59)).await;
    assert_eq!(scene.told(), [] as [i64; 0]);
    scene.after(SignedDuration::from_secs(1)).await;
    assert_eq!(scene.told(), [1]);

    let attempt =
        Attempt { number: 1, at: now, duration_us: 1, status: None, response: String::new(), error: None };
    let recorded = store.record_attempt(&lost[0], &attempt, Outcome::Dead).await.unwrap();
    assert!(!recorded, "the lease had run out");
    assert_eq!(scene.load(id).await.state, DeliveryState::Delivered);
}

#[tokio::test]
async fn two_workers_never_have_the_same_delivery() {
    let scene = Scene::new().await;
    for seq in 0..20 {
        scene.tell(instance(), seq).await;
    }
    let (store, now) = (&scene.app.app.store, scene.app.app.now_us());
    let claims = (1..=4).map(|worker| store.claim_deliveries(now, now + worker, 20));
    let claimed = futures_util::future::join_all(claims).await;
    let mut ids: Vec<Uuid> = claimed.into_iter().flat_map(Result::unwrap).map(|it| it.id).collect();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((all, ids.len()), (20, 20));
}

#[tokio::test]
async fn another_process_goes_on_where_one_stopped() {
    let scene = Scene::new().await;
    scene.receiver.then(500, "");
    let id = scene.tell(instance(), 1).await;
    scene.work().await;
    let old = &scene.app.app;
    let new = App::open_with(old.config.clone(), old.clock.clone()).await.unwrap();
    old.clock.advance(SignedDuration::from_secs(2));
    new.work_until_idle().await.unwrap();
    assert_eq!(scene.told(), [1, 1]);
    assert_eq!(scene.load(id).await.state, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_target_is_checked_again_when_it_is_called() {
    let scene = Scene::new().await;
    let strict = TestApp::new().await;
    let admin = strict.admin("admin").await;
    let kept = scene.app.app.store.load_webhook(scene.app.tenant, scene.webhook).await.unwrap().unwrap();
    for url in [scene.receiver.url("/"), scene.receiver.url("/").replace("127.0.0.1", "localhost")] {
        let webhook = Webhook { url, created_by: admin, ..kept.clone() };
        let webhook = Webhook { id: Uuid::now_v7(), ..webhook };
        let secret = work::signature::Secret::random().unwrap();
        let secret = work::webhook::Kept::new(&secret).seal(&strict.app.vault, webhook.id).unwrap();
        strict.app.store.create_webhook(strict.tenant, &Webhook { secret, ..webhook.clone() }).await.unwrap();
        let told =
            Told { kind: "webhook".to_owned(), target: webhook.id.to_string(), payload: "{}".to_owned() };
        let delivery = Delivery::alone(strict.tenant, Uuid::now_v7(), told, strict.app.now_us());
        strict.app.store.insert_delivery(&delivery).await.unwrap();
        strict.app.work_until_idle().await.unwrap();
        let attempts = strict.app.store.list_attempts(strict.tenant, delivery.id).await.unwrap();
        let error = attempts[0].error.clone().unwrap();
        assert!(error.contains("loopback addresses may not be called"), "{error}");
    }
    assert_eq!(scene.receiver.told().len(), 0);
}

#[tokio::test]
async fn the_loop_is_woken_and_stops_when_it_is_told() {
    let scene = Scene::new().await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(work::run(scene.app.app.clone(), stop.clone()));
    let id = scene.tell(instance(), 1).await;
    scene.app.app.wake.outbox.notify_one();
    scene.receiver.came().await;
    stop.cancel();
    running.await.unwrap();
    assert_eq!(scene.load(id).await.state, DeliveryState::Delivered);
}
