//! Template groups: this surface numbers the headings that templates are listed under. Group 1 is always there, and holds
//! whatever has no heading.

use super::Door;
use super::call::Scope;
use super::codes::Failure;
use super::wire::{Items, Listed, Object, Problems, With};
use crate::app::App;
use crate::error::Error;
use crate::extract::Json;
use axum::extract::Request;
use serde::{Deserialize, Serialize};
use zhupi_engine::ids::TenantId;

/// The setting that keeps the numbers.
const SETTING: &str = "wps_template_groups";

/// The group of templates without a heading.
pub const NO_GROUP: i64 = 1;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Group {
    pub group_id: i64,
    pub name: String,
}

/// The groups of a workspace.
#[derive(Clone, Debug)]
pub struct Groups(Vec<Group>);

impl Groups {
    pub async fn load(app: &App, tenant: TenantId) -> Result<Self, Error> {
        let kept = app.store.load_setting(tenant, SETTING).await?;
        let kept =
            kept.map_or(Ok(Vec::new()), |text| serde_json::from_str(&text)).map_err(Error::internal)?;
        Ok(Self(kept))
    }

    /// The heading of a group; absent where there is no such group.
    pub fn heading(&self, group_id: i64) -> Option<&str> {
        if group_id == NO_GROUP {
            return Some("");
        }
        self.0.iter().find(|group| group.group_id == group_id).map(|group| group.name.as_str())
    }

    /// The number of a heading; 0 where it was never given one.
    pub fn number(&self, heading: &str) -> i64 {
        if heading.is_empty() {
            return NO_GROUP;
        }
        self.0.iter().find(|group| group.name == heading).map_or(0, |group| group.group_id)
    }

    async fn add(&mut self, app: &App, tenant: TenantId, name: &str) -> Result<i64, Error> {
        let last = self.0.iter().map(|group| group.group_id).max().unwrap_or(NO_GROUP);
        self.0.push(Group { group_id: last + 1, name: name.to_owned() });
        let text = serde_json::to_string(&self.0).map_err(Error::internal)?;
        app.store.put_setting(tenant, SETTING, &text, app.now_us()).await?;
        Ok(last + 1)
    }
}

pub async fn list(door: Door, request: Request) -> Result<Json<With<Listed<Group>>>, Failure> {
    let call = door.call(request, Scope::TemplateRead).await?;
    let Groups(mut items) = Groups::load(&door.app, call.tenant).await?;
    items.insert(0, Group { group_id: NO_GROUP, name: String::new() });
    let total = items.len();
    Ok(Json(With::new(Listed { data: Items { items, total } })))
}

/// Gives a heading a number, or tells the one it has.
pub async fn create(door: Door, request: Request) -> Result<Json<With<Group>>, Failure> {
    let call = door.call(request, Scope::TemplateWrite).await?;
    if !door.app.manages_templates(call.tenant, call.operator).await? {
        return Err(Error::Forbidden.into());
    }
    let name = read_name(&call.json()?)?;
    let mut groups = Groups::load(&door.app, call.tenant).await?;
    let group_id = match groups.number(&name) {
        0 => groups.add(&door.app, call.tenant, &name).await?,
        known => known,
    };
    Ok(Json(With::new(Group { group_id, name })))
}

fn read_name(json: &serde_json::Value) -> Result<String, Failure> {
    let problems = Problems::default();
    let name = Object::root(json, &problems).map(|root| {
        let name = root.text("name").trim().to_owned();
        if name.is_empty() {
            root.problem("name", "required", "`name` is required");
        }
        name
    });
    Ok(problems.or(name)?)
}
