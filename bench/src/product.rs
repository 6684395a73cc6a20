//! The product: `app.act` in our own process, and the recipe, which the product writes once by doing one instance's
//! approvals on an SQLite file.

use crate::recipe::{Approval, LEVELS, Recipe, Ticket};
use crate::rows;
use crate::world::Failure;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;
use zhupi_engine::directory::User;
use zhupi_engine::event::Decision;
use zhupi_engine::ids::{InstanceId, TemplateId, TenantId, UserId};
use zhupi_engine::{Command, Submit};
use zhupi_server::app::act::{Options, Submission};
use zhupi_server::app::{App, DEFAULT_WORKSPACE, Shared};
use zhupi_server::config::Config;
use zhupi_server::secrets::{TokenKind, new_token, token_hash};
use zhupi_store::{Draft, NewTemplate, NewVersion, Page, People, Session, TaskBox, TaskFilter, UserRow};

/// The product without HTTP.
pub struct InProcess {
    app: Shared,
    recipe: Arc<Recipe>,
}

impl InProcess {
    pub async fn open(database: &str, data: &Path, recipe: Arc<Recipe>) -> Result<Self, Failure> {
        let app = App::open(config(database, data, &recipe.key_file)?).await?;
        Ok(Self { app, recipe })
    }

    pub async fn act(&self, ticket: Ticket) -> Result<(), String> {
        let approval = self.recipe.approvals.get(ticket.level).ok_or("no such level")?;
        let command = Command::decide(Decision::Approve, approval.slot, String::new());
        let instance = InstanceId(ticket.instance);
        let acted =
            self.app.act(self.recipe.tenant, approval.actor, instance, command, Options::default()).await;
        acted.map(drop).map_err(|error| error.to_string())
    }

    /// Commits and round trips since the start.
    pub fn counts(&self) -> (u64, u64) {
        let counts = self.app.store.counters();
        (counts.commits, counts.round_trips)
    }

    /// How long the first page of the to-do list of the first approver takes.
    pub async fn inbox(&self) -> Result<Duration, Failure> {
        let actor = self.recipe.approvals.first().ok_or("no approvals")?.actor;
        let started = Instant::now();
        let page = Page { limit: 20, after: None };
        let found = self
            .app
            .store
            .list_tasks(self.recipe.tenant, actor, TaskBox::Todo, &TaskFilter::default(), &page)
            .await?;
        let took = started.elapsed();
        if found.rows.len() == 20 { Ok(took) } else { Err("the inbox is not full".into()) }
    }
}

fn config(database: &str, data: &Path, key_file: &Path) -> Result<Config, Failure> {
    let settings = [
        ("database", database.to_owned()),
        ("data", data.display().to_string()),
        ("key_file", key_file.display().to_string()),
        ("log", "error".to_owned()),
    ];
    let settings: BTreeMap<String, String> =
        settings.into_iter().map(|(name, it)| (name.to_owned(), it)).collect();
    Ok(Config::from_layers(&[settings])?)
}

/// Lets the product go through one instance and notes which rows each step changes.
pub async fn write_recipe(folder: &Path) -> Result<Recipe, Failure> {
    let path = folder.join("recipe.db");
    let key_file = folder.join("master.key");
    let database = format!("sqlite:{}", path.display());
    let app = App::open(config(&database, folder, &key_file)?).await?;
    let tenant = app.workspace(DEFAULT_WORKSPACE).await?.ok_or("no workspace")?.id;
    let people = add_people(&app, tenant).await?;
    let (initiator, approvers) = people.split_first().ok_or("no people")?;
    let template = add_template(&app, tenant, *initiator, approvers).await?;
    let sessions = add_sessions(&app, tenant, approvers).await?;

    let submission = Submission {
        template,
        submit: Submit { title: "Two laptops".to_owned(), ..Submit::default() },
        business_key: None,
        idempotency_key: None,
        instance: None,
        draft: None,
    };
    let mut instance = app.submit(tenant, *initiator, submission).await?.instance;
    let reader = rusqlite::Connection::open(&path)?;
    let tables = rows::read_schema(&reader)?;
    let begun = rows::read_all(&reader, &tables)?;
    let mut before = begun.clone();
    let mut approvals = Vec::new();
    for session in sessions {
        let (_, slot) = instance.pending().next().ok_or("nobody is asked")?;
        let (actor, slot) = (slot.assignee, slot.id);
        let command = Command::decide(Decision::Approve, slot, String::new());
        instance = app.act(tenant, actor, instance.id, command, Options::default()).await?.instance;
        let after = rows::read_all(&reader, &tables)?;
        let changes = rows::changes(&before, &after, instance.id.0);
        approvals.push(Approval { actor, slot, session, changes });
        before = after;
    }
    app.store.close().await;
    let (workspace, original) = Recipe::split(&tables, &begun, instance.id.0);
    Ok(Recipe { tables, workspace, original, original_id: instance.id.0, tenant, key_file, approvals })
}

/// One who asks, and one for each level.
async fn add_people(app: &App, tenant: TenantId) -> Result<Vec<UserId>, Failure> {
    let ids: Vec<UserId> = (0..=LEVELS).map(|_| UserId(Uuid::now_v7())).collect();
    let user = |(n, id): (usize, &UserId)| UserRow {
        user: User {
            id: *id,
            name: format!("Person {n}"),
            active: true,
            departments: Vec::new(),
            supervisor: None,
            approval_limit: None,
            admin: false,
        },
        login: format!("person{n}"),
        email: None,
        mobile: None,
        locale: None,
    };
    let people = People { users: ids.iter().enumerate().map(user).collect(), ..People::default() };
    app.store.put_directory(tenant, &people, app.now_us()).await?;
    app.directory_changed(tenant);
    Ok(ids)
}

async fn add_template(
    app: &App,
    tenant: TenantId,
    author: UserId,
    approvers: &[UserId],
) -> Result<TemplateId, Failure> {
    let node = |(n, approver): (usize, &UserId)| {
        json!({
            "kind": "approval",
            "id": format!("level{n}"),
            "title": format!("Level {n}"),
            "approvers": { "people": [{ "members": [approver] }] },
        })
    };
    let flow: Vec<_> = approvers.iter().enumerate().map(node).collect();
    let definition = json!({ "name": "Purchase", "form": [], "flow": flow }).to_string();
    let draft = Draft {
        name: "Purchase".to_owned(),
        category: String::new(),
        definition,
        source_kind: "native".to_owned(),
        source: None,
    };
    let (id, at) = (TemplateId(Uuid::now_v7()), app.now_us());
    let new = NewTemplate { id, code: "purchase".to_owned(), draft: draft.clone(), by: author, at };
    app.store.create_template(tenant, &new).await?;
    let version = NewVersion { draft, digest: [0; 32], by: author, at };
    app.store.publish(tenant, id, 1, &version).await?;
    Ok(id)
}

/// Header lines by which each of them is known over HTTP.
async fn add_sessions(app: &App, tenant: TenantId, people: &[UserId]) -> Result<Vec<String>, Failure> {
    const DAY_US: i64 = 86_400_000_000;
    let mut lines = Vec::new();
    for person in people {
        let token = new_token(TokenKind::Session, tenant)?;
        let now = app.now_us();
        let session = Session {
            token_hash: token_hash(&token),
            user: *person,
            created_at: now,
            expires_at: now + DAY_US,
        };
        app.store.create_session(tenant, &session).await?;
        lines.push(format!("cookie: zhupi_session={token}\r\nx-csrf-token: {}\r\n", app.csrf_token(&token)));
    }
    Ok(lines)
}
