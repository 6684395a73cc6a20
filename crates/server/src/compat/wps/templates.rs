//! The calls about templates. A template is published as it is sent: this surface has no drafts.

use super::Door;
use super::call::{Call, Scope};
use super::codes::Failure;
use super::groups::{Groups, NO_GROUP};
use super::numbers::Numbering;
use super::people::{people_in, people_mentioned};
use super::translate::{mentioned, read_template, render_template};
use super::wire::{CreatedTemplate, Done, Items, Listed, TemplateAnswer, TemplateItem, With, whole_number};
use crate::app::App;
use crate::app::templates::{Drawing, Found};
use crate::error::Error;
use crate::extract::{Json, Path};
use crate::secrets::random;
use axum::extract::Request;
use serde_json::value::RawValue;
use zhupi_engine::template::Settings;
use zhupi_store::{Page, TemplateFilter, TemplateHead, TemplateState};

/// The source kind of what was drawn here.
const SOURCE: &str = "wps";

/// The icon every template has; another one cannot be set.
const ICON: &str = "tmp15";

/// Lists go no further than this.
const LISTED: usize = 1000;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub async fn create(door: Door, request: Request) -> Result<Json<With<CreatedTemplate>>, Failure> {
    let call = door.call(request, Scope::TemplateWrite).await?;
    let app = &door.app;
    if !app.manages_templates(call.tenant, call.operator).await? {
        return Err(Error::Forbidden.into());
    }
    let drawing = read_drawing(app, &call, &Settings::default(), "").await?;
    let template_code = new_code()?;
    app.create_published(call.tenant, call.operator, template_code.clone(), drawing).await?;
    Ok(Json(With::new(CreatedTemplate { template_code })))
}

/// A whole replacement. Approvals under way stay on the version they began with.
pub async fn replace(
    door: Door,
    Path((_, code)): Path<(String, String)>,
    request: Request,
) -> Result<Json<Done>, Failure> {
    let call = door.call(request, Scope::TemplateWrite).await?;
    let app = &door.app;
    let found = to_change(app, &call, &code).await?;
    let base = found.current.as_deref().unwrap_or(&found.draft);
    let drawing = read_drawing(app, &call, &base.settings, &found.row.category).await?;
    app.publish_drawing(call.tenant, call.operator, found.row.id, drawing).await?;
    Ok(Json(Done::OK))
}

/// What was sent, to the byte; where the version in use was drawn elsewhere, that one in this surface's words.
pub async fn get(
    door: Door,
    Path((_, code)): Path<(String, String)>,
    request: Request,
) -> Result<Json<TemplateAnswer>, Failure> {
    let call = door.call(request, Scope::TemplateRead).await?;
    let app = &door.app;
    let found = app.find_template_named(call.tenant, call.operator, &code).await?;
    let data = match sent(app, &call, &found).await? {
        Some(text) => text,
        None => rendered(app, &call, &found).await?,
    };
    Ok(Json(TemplateAnswer {
        result: Done::OK.result,
        msg: Done::OK.msg,
        template_code: found.row.code,
        version: found.row.current_version.unwrap_or_default(),
        data: RawValue::from_string(data).map_err(Error::internal)?,
    }))
}

pub async fn delete(
    door: Door,
    Path((_, code)): Path<(String, String)>,
    request: Request,
) -> Result<Json<Done>, Failure> {
    let call = door.call(request, Scope::TemplateWrite).await?;
    let found = to_change(&door.app, &call, &code).await?;
    door.app.set_template_state(call.tenant, call.operator, found.row.id, TemplateState::Deleted).await?;
    Ok(Json(Done::OK))
}

pub async fn list(door: Door, request: Request) -> Result<Json<With<Listed<TemplateItem>>>, Failure> {
    let call = door.call(request, Scope::TemplateRead).await?;
    let app = &door.app;
    let groups = Groups::load(app, call.tenant).await?;
    let category = match call.number("group_id")? {
        None => None,
        Some(group) => Some(heading(&groups, group)?),
    };
    let mut shown = Vec::new();
    for head in all_heads(app, &call, category).await? {
        if app.shows_template(call.tenant, call.operator, &head).await? {
            shown.push(item(&groups, head));
        }
    }
    let (offset, limit) = page_of(&call)?;
    let total = shown.len();
    let items = shown.into_iter().skip(offset).take(limit).collect();
    Ok(Json(With::new(Listed { data: Items { items, total } })))
}

/// `offset` and `limit` of a list: 20 entries from the first, where nothing is said.
pub fn page_of(call: &Call) -> Result<(usize, usize), Error> {
    let number = |name: &str, usual: usize, most: usize| match call.number(name)? {
        None => Ok(usual),
        Some(number) => usize::try_from(number)
            .ok()
            .filter(|number| *number <= most)
            .ok_or_else(|| Error::field(name, format!("a number from 0 to {most} is expected"))),
    };
    Ok((number("offset", 0, LISTED)?, number("limit", 20, 200)?))
}

async fn all_heads(app: &App, call: &Call, category: Option<String>) -> Result<Vec<TemplateHead>, Error> {
    let filter = TemplateFilter { category, ..TemplateFilter::default() };
    let mut page = Page::first(200);
    let mut heads = Vec::new();
    loop {
        let found = app.store.list_templates(call.tenant, &filter, &page).await?;
        heads.extend(found.rows);
        match found.next {
            Some(next) if heads.len() < LISTED => page.after = Some(next),
            _ => return Ok(heads),
        }
    }
}

fn item(groups: &Groups, head: TemplateHead) -> TemplateItem {
    TemplateItem {
        template_code: head.code,
        name: head.name,
        group_id: groups.number(&head.category),
        icon: ICON,
        status: match head.state {
            TemplateState::Enabled => "enabled",
            TemplateState::Disabled => "disabled",
            TemplateState::Deleted => "deleted",
        },
        version: head.current_version.unwrap_or_default(),
    }
}

async fn to_change(app: &App, call: &Call, code: &str) -> Result<Found, Error> {
    let found = app.find_template_named(call.tenant, call.operator, code).await?;
    if found.may_change { Ok(found) } else { Err(Error::Forbidden) }
}

/// The body as a template, with itself as its source. Without a group the template stays where it is.
async fn read_drawing(app: &App, call: &Call, base: &Settings, category: &str) -> Result<Drawing, Failure> {
    let json = call.json()?;
    let people = people_mentioned(app, call.tenant, &mentioned(&json)).await?;
    let template = read_template(&json, &people, base)?;
    let category = match json.get("group_id").and_then(whole_number) {
        None | Some(0) => category.to_owned(),
        Some(group) => heading(&Groups::load(app, call.tenant).await?, group)?,
    };
    let source = call.text()?.trim().to_owned();
    Ok(Drawing { template, category, source_kind: SOURCE, source: Some(source) })
}

fn heading(groups: &Groups, group: i64) -> Result<String, Error> {
    let known = groups.heading(group).map(str::to_owned);
    known.ok_or_else(|| {
        Error::field(
            "group_id",
            format!("there is no group `{group}`; `{NO_GROUP}` is for templates without one"),
        )
    })
}

async fn sent(app: &App, call: &Call, found: &Found) -> Result<Option<String>, Error> {
    let row = &found.row;
    let (kind, source) = match row.current_version {
        None => (row.source_kind.clone(), row.source.clone()),
        Some(version) => {
            let version =
                app.store.load_version(call.tenant, row.id, version).await?.ok_or(Error::NotFound)?;
            (version.source_kind, version.source)
        }
    };
    Ok(source.filter(|_| kind == SOURCE))
}

async fn rendered(app: &App, call: &Call, found: &Found) -> Result<String, Error> {
    let template = found.current.as_deref().unwrap_or(&found.draft);
    let people = people_in(app, call.tenant, &[template]).await?;
    let mut body = render_template(template, &Numbering::of(template), &people);
    let groups = Groups::load(app, call.tenant).await?;
    if let Some(members) = body.as_object_mut() {
        members.insert("group_id".to_owned(), groups.number(&found.row.category).into());
        members.entry("icon").or_insert(ICON.into());
    }
    Ok(body.to_string())
}

/// 26 letters and digits that say nothing.
fn new_code() -> Result<String, Error> {
    let letter =
        |byte: u8| ALPHABET.get(usize::from(byte) % ALPHABET.len()).map_or('0', |it| char::from(*it));
    Ok(random::<26>()?.into_iter().map(letter).collect())
}
