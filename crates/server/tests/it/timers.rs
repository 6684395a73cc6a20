//! Time limits and absences end to end: rows, workers, several nodes. The clock of a test stands at Monday, 2026-03-02,
//! 09:00 in Shanghai.

use crate::company::{Company, Member, leave, path_of};
use crate::harness::TestApp;
use crate::receiver::Receiver;
use jiff::SignedDuration;
use serde_json::{Value as Json, json};
use zhupi_server::work::timers::fire_due;
use zhupi_server::{App, Shared};

/// A company whose leave is decided by bob, with this time limit.
async fn company(limit: Json) -> Company {
    company_on(TestApp::new().await, limit).await
}

async fn company_on(app: TestApp, limit: Json) -> Company {
    let company = Company::of(app).await;
    let approvers = company.people(&[&company.bob]);
    let node = json!({
        "kind": "approval", "id": "lead", "title": "Lead", "approvers": approvers, "deadline": limit,
    });
    company.publish("leave", leave(json!([node]))).await;
    company
}

fn within(minutes: u32, what: Json) -> Json {
    json!({ "own": { "due": { "elapsed": minutes }, "actions": [{ "what": what }] } })
}

impl Company {
    /// Time passes, and what is due is done.
    async fn pass(&self, minutes: i64) {
        self.app.app.clock.advance(SignedDuration::from_mins(minutes));
        self.app.app.work_until_idle().await.expect("work");
    }

    async fn status(&self, instance: &Json) -> Json {
        let id = instance["id"].as_str().expect("an id").parse().expect("an id");
        let stored = self.app.app.store.load_instance(self.app.tenant, id).await.expect("a database");
        json!(stored.expect("an instance").instance.status)
    }

    /// How many tasks wait for a person.
    async fn todo(&self, member: &Member) -> usize {
        let tasks = self.get("/v1/tasks?box=todo", member).await.expect(200);
        tasks["items"].as_array().expect("items").len()
    }

    async fn commands(&self, instance: &Json) -> Vec<String> {
        let id = instance["id"].as_str().expect("an id").parse().expect("an id");
        let rows = self.app.app.store.load_history(self.app.tenant, id).await.expect("a history");
        rows.into_iter().map(|row| row.command).collect()
    }

    /// Another process on the same database, with the same clock.
    async fn another_node(&self) -> Shared {
        let app = &self.app.app;
        App::open_with(app.config.clone(), app.clock.clone()).await.expect("a server")
    }
}

#[tokio::test]
async fn a_time_limit_is_kept() {
    let company = company(within(60, json!("auto_approve"))).await;
    let instance = company.submit().await;
    company.pass(59).await;
    assert_eq!(company.status(&instance).await, "running");
    company.pass(1).await;
    assert_eq!(company.status(&instance).await, "approved");
    assert_eq!(company.commands(&instance).await, ["submit", "fire"]);
    assert_eq!(company.todo(&company.bob).await, 0);
    company.pass(10_000).await;
    assert_eq!(company.commands(&instance).await.len(), 2);
}

#[tokio::test]
async fn a_decision_takes_the_timers_of_its_visit_away() {
    let company = company(within(60, json!("auto_reject"))).await;
    let instance = company.submit().await;
    company.decide(&instance, &company.bob, "approve").await.expect(200);
    company.app.app.clock.advance(SignedDuration::from_mins(60));
    assert_eq!(fire_due(&company.app.app).await.expect("timers"), 0, "no row is left");
    assert_eq!(company.status(&instance).await, "approved");
}

#[tokio::test]
async fn reminders_are_told_to_webhooks_in_order() {
    let app = TestApp::with(&[("allow_private_targets", "127.0.0.0/8")]).await;
    let remind = json!({ "remind": { "times": 2, "every": 30 } });
    let company = company_on(app, within(60, remind)).await;
    let receiver = Receiver::start().await;
    let body = json!({ "name": "IM", "url": receiver.url("/in"), "events": ["task.reminded", "task.urged"] });
    company.post("/v1/webhooks", &company.admin, &body).await.expect(201);
    company.submit().await;
    company.pass(60).await;
    company.pass(30).await;
    company.pass(30).await;
    let told: Vec<Json> = receiver.told().iter().map(|told| told.json()).collect();
    let bob = company.bob.id.to_string();
    assert_eq!(told.len(), 2);
    assert_eq!(told[0]["data"], json!({ "node": "lead", "people": [bob], "supervisors": [] }));
    assert_eq!(told[1]["timestamp"], "2026-03-02T02:30:00Z");
}

#[tokio::test]
async fn without_a_limit_of_its_own_a_node_reminds() {
    let company = Company::with_leave().await;
    let instance = company.submit().await;
    // 24 working hours after Monday morning.
    company.pass(3 * 24 * 60).await;
    company.pass(60).await;
    assert_eq!(company.commands(&instance).await, ["submit", "fire"]);
    company.pass(30 * 24 * 60).await;
    assert_eq!(company.commands(&instance).await.len(), 3, "what was missed does not come in a heap");
    assert_eq!(company.status(&instance).await, "running");
}

#[tokio::test]
async fn two_nodes_fire_a_timer_once() {
    let company = company(within(60, json!({ "remind": { "times": 1, "every": 1 } }))).await;
    let mut instances = Vec::new();
    for _ in 0..10 {
        instances.push(company.submit().await);
    }
    let (one, two) = (company.another_node().await, company.another_node().await);
    company.app.app.clock.advance(SignedDuration::from_mins(60));
    let (first, second) = tokio::join!(fire_due(&one), fire_due(&two));
    assert_eq!(first.expect("timers") + second.expect("timers"), 10);
    for instance in &instances {
        assert_eq!(company.commands(instance).await, ["submit", "fire"]);
    }
}

#[tokio::test]
async fn a_timer_outlives_the_process_that_claimed_it() {
    let company = company(within(60, json!("auto_approve"))).await;
    let instance = company.submit().await;
    let app = &company.app.app;
    app.clock.advance(SignedDuration::from_mins(60));
    // A process claims it and is killed before it fires it.
    let lease = app.now_us() + 60_000_000;
    assert_eq!(app.store.due_timers(app.now_us(), lease, 10).await.expect("timers").len(), 1);
    let node = company.another_node().await;
    assert_eq!(fire_due(&node).await.expect("timers"), 0);
    app.clock.advance(SignedDuration::from_secs(60));
    assert_eq!(fire_due(&node).await.expect("timers"), 1);
    assert_eq!(company.status(&instance).await, "approved");
}

#[tokio::test]
async fn a_timer_that_was_fired_does_nothing_more_even_if_its_row_was_claimed_before() {
    let company = company(within(60, json!("auto_approve"))).await;
    let instance = company.submit().await;
    let app = &company.app.app;
    app.clock.advance(SignedDuration::from_mins(60));
    let lease = app.now_us() + 1;
    let claimed = app.store.due_timers(app.now_us(), lease, 10).await.expect("timers");
    app.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(fire_due(app).await.expect("timers"), 1);
    zhupi_server::work::timers::fire_one(app, &claimed[0]).await.expect("nothing to do");
    assert_eq!(company.commands(&instance).await, ["submit", "fire"]);
}

#[tokio::test]
async fn a_delay_goes_on_by_itself() {
    let company = Company::new().await;
    let delay = json!({ "kind": "delay", "id": "wait", "title": "Wait", "until": { "elapsed": 60 } });
    let node = json!({
        "kind": "approval", "id": "lead", "title": "Lead", "approvers": company.people(&[&company.bob]),
    });
    company.publish("leave", leave(json!([delay, node]))).await;
    company.submit().await;
    assert_eq!(company.todo(&company.bob).await, 0);
    company.pass(60).await;
    assert_eq!(company.todo(&company.bob).await, 1);
}

#[tokio::test]
async fn an_absence_moves_open_tasks_when_it_begins_and_gives_them_back_when_it_ends() {
    let company = Company::new().await;
    let node = json!({
        "kind": "approval", "id": "lead", "title": "Lead", "approvers": company.people(&[&company.bob]),
    });
    company.publish("leave", leave(json!([node]))).await;
    let instance = company.submit().await;
    let away = json!({
        "substitute": company.cat.id, "from": "2026-03-02T02:00:00Z", "until": "2026-03-02T05:00:00Z",
    });
    company.post("/v1/absences", &company.bob, &away).await.expect(201);
    company.pass(59).await;
    assert_eq!((company.todo(&company.bob).await, company.todo(&company.cat).await), (1, 0));
    company.pass(1).await;
    assert_eq!((company.todo(&company.bob).await, company.todo(&company.cat).await), (0, 1));
    company.pass(4 * 60).await;
    assert_eq!((company.todo(&company.bob).await, company.todo(&company.cat).await), (1, 0));
    assert_eq!(company.commands(&instance).await, ["submit", "sweep", "sweep"]);
}

#[tokio::test]
async fn an_absence_that_is_ended_early_gives_its_tasks_back() {
    let company = company(json!("none")).await;
    company.submit().await;
    let away = json!({
        "substitute": company.cat.id, "from": "2026-03-02T00:00:00Z", "until": "2026-03-09T00:00:00Z",
    });
    let made = company.post("/v1/absences", &company.bob, &away).await.expect(201);
    company.pass(0).await;
    assert_eq!(company.todo(&company.cat).await, 1);
    let path = format!("/v1/absences/{}", made["id"].as_str().expect("an id"));
    company.app.clock_on();
    company.app.call("DELETE", &path).by(&company.bob.session).send().await.expect(204);
    company.pass(0).await;
    assert_eq!((company.todo(&company.bob).await, company.todo(&company.cat).await), (1, 0));
}

impl TestApp {
    /// A moment later.
    fn clock_on(&self) {
        self.app.clock.advance(SignedDuration::from_secs(1));
    }
}

#[tokio::test]
async fn what_a_disabled_person_was_asked_goes_to_an_administrator() {
    let company = company(json!("none")).await;
    let instance = company.submit().await;
    let body = json!({ "name": "bob", "login": "bob", "active": false });
    let path = format!("/v1/users/{}", company.bob.id);
    company.app.call("PUT", &path).by(&company.admin.session).json(&body).send().await.expect(200);
    company.pass(0).await;
    assert_eq!(company.todo(&company.admin).await, 1);
    assert_eq!(company.commands(&instance).await, ["submit", "sweep"]);
    assert_eq!(company.get(&path_of(&instance), &company.bob).await.status, 401);
}
