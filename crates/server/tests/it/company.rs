//! A small company with a template to ask for leave, and how its people use it over HTTP.

use crate::harness::{Answer, Session, TestApp};
use serde_json::{Value as Json, json};
use zhupi_engine::ids::UserId;

/// A person with his session.
pub struct Member {
    pub id: UserId,
    pub session: Session,
}

/// A company.
pub struct Company {
    pub app: TestApp,
    pub admin: Member,
    /// Asks.
    pub ann: Member,
    /// Decides.
    pub bob: Member,
    /// Decides too.
    pub cat: Member,
    /// Is told.
    pub dan: Member,
    /// Has nothing to do with it.
    pub eve: Member,
}

impl Company {
    pub async fn new() -> Self {
        Self::of(TestApp::new().await).await
    }

    /// A company on this server.
    pub async fn of(app: TestApp) -> Self {
        let admin = app.admin("admin").await;
        let mut members = Vec::new();
        for name in ["ann", "bob", "cat", "dan", "eve"] {
            let id = app.user(name).await;
            members.push(Member { id, session: app.session(id).await });
        }
        let admin = Member { id: admin, session: app.session(admin).await };
        let [ann, bob, cat, dan, eve] = members.try_into().ok().expect("five members");
        Self { app, admin, ann, bob, cat, dan, eve }
    }

    /// A company with the template `leave` published: one of bob and cat decides, dan is told.
    pub async fn with_leave() -> Self {
        let company = Self::new().await;
        company.publish("leave", company.leave()).await;
        company
    }

    /// Asking for leave: one of bob and cat decides, dan is told.
    pub fn leave(&self) -> Json {
        leave(json!([
            { "kind": "approval", "id": "lead", "title": "Lead", "approvers": self.people(&[&self.bob, &self.cat]) },
            { "kind": "cc", "id": "office", "title": "Office", "people": [{ "members": [self.dan.id] }] },
        ]))
    }

    pub fn people(&self, members: &[&Member]) -> Json {
        let ids: Vec<UserId> = members.iter().map(|member| member.id).collect();
        json!({ "people": [{ "members": ids }] })
    }

    /// Publishes a template under this code; gives its id.
    pub async fn publish(&self, code: &str, definition: Json) -> String {
        let id = self.draft(code, definition).await;
        let path = format!("/v1/templates/{id}/publish");
        let published = self.app.post(&path).by(&self.admin.session).send().await.expect(200);
        assert_eq!(published["version"], 1);
        id
    }

    /// Draws a template under this code; gives its id.
    pub async fn draft(&self, code: &str, definition: Json) -> String {
        let body = json!({ "code": code, "definition": definition });
        let drawn = self.app.post("/v1/templates").by(&self.admin.session).json(&body).send().await;
        drawn.expect(201)["id"].as_str().expect("an id").to_owned()
    }

    /// Ann asks for two days; gives the instance.
    pub async fn submit(&self) -> Json {
        let body = json!({ "template": "leave", "form": { "days": 2 } });
        self.post("/v1/instances", &self.ann, &body).await.expect(201)
    }

    pub async fn get(&self, path: &str, member: &Member) -> Answer {
        self.app.get(path).by(&member.session).send().await
    }

    pub async fn post(&self, path: &str, member: &Member, body: &Json) -> Answer {
        self.app.post(path).by(&member.session).json(body).send().await
    }

    /// The instance as this person sees it.
    pub async fn see(&self, instance: &Json, member: &Member) -> Json {
        self.get(&path_of(instance), member).await.expect(200)
    }

    /// A person decides at his task of the instance: `approve` or `reject`.
    pub async fn decide(&self, instance: &Json, member: &Member, verb: &str) -> Answer {
        let task = task_of(&self.see(instance, member).await, member);
        self.post(&format!("/v1/tasks/{task}/{verb}"), member, &json!({ "comment": "so be it" })).await
    }
}

/// Asking for leave, decided as `flow` says.
pub fn leave(flow: Json) -> Json {
    json!({
        "name": "Leave",
        "form": [
            { "id": "days", "kind": "number", "title": "Days", "required": true },
            { "id": "why", "kind": "text", "title": "Why" },
        ],
        "flow": flow,
    })
}

pub fn path_of(instance: &Json) -> String {
    format!("/v1/instances/{}", instance["id"].as_str().expect("an id"))
}

/// The task at which this person is or was asked.
pub fn task_of(instance: &Json, member: &Member) -> String {
    let id = member.id.to_string();
    let visits =
        instance["nodes"].as_array().expect("nodes").iter().filter_map(|node| node["visits"].as_array());
    let mut people = visits.flatten().filter_map(|visit| visit["people"].as_array()).flatten();
    let mine = people.rfind(|slot| slot["assignee"]["id"] == id.as_str()).expect("a task");
    mine["task"].as_str().expect("a task id").to_owned()
}

/// What the reader may do.
pub fn actions(instance: &Json) -> impl Iterator<Item = &Json> {
    instance["allowed_actions"].as_array().expect("actions").iter()
}

/// Whether the reader may do all of this.
pub fn allows(instance: &Json, words: &[&str]) -> bool {
    words.iter().all(|word| actions(instance).any(|action| action["action"] == *word))
}
