//! A demo company for an empty database: people, templates, requests in every state, and credentials for every surface.
//! Everything is made through the doors that everybody uses: `App::submit` and `App::act`, and the surfaces' own calls.

mod company;
mod crm;
mod esign;
mod rules;
mod stories;
mod surface;
mod templates;

use crate::app::credentials::{NewApp, NewToken};
use crate::app::roles::TEMPLATE_MANAGER_ROLE;
use crate::app::templates::{Drawing, NATIVE};
use crate::app::{DEFAULT_WORKSPACE, Shared};
use crate::caller::Scope;
use crate::clock::Clock;
use crate::compat::bpm::TokenChange;
use crate::error::Error;
use crate::secrets::{random, write_private};
use crate::{App, compat};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use company::{Company, TEMPLATE_MANAGERS};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use stories::PAUSE;
use surface::Surface;
use zhupi_engine::ids::{TemplateId, TenantId, UserId};
use zhupi_store::{Page, UserFilter, UserRow};

/// The file in the data folder that says how to drive the demo.
pub const CREDENTIALS: &str = "demo-credentials.json";

/// Where a receiver of completion callbacks may listen, on the machine itself.
const CALLBACK_BASE: &str = "http://127.0.0.1:18089";
const CALLBACK_HEADER: &str = "X-Token";

/// Steps of the demo's clock that the surfaces take, at most.
const SURFACE_STEPS: i32 = 12;

/// The people of the CRM workflow: both may approve on both levels, and the first also submits.
pub(super) const CRM_PEOPLE: [&str; 2] = ["qin.chuan", "he.song"];

/// Fills an empty database; leaves any other as it is. Gives the path of the credentials, if there are any.
pub async fn fill(app: &Shared) -> Result<Option<PathBuf>, Error> {
    let path = app.config.data.join(CREDENTIALS);
    let tenant = app.workspace(DEFAULT_WORKSPACE).await?.ok_or(Error::NotFound)?.id;
    let anybody = app.store.list_users(tenant, &UserFilter::default(), &Page::first(1)).await?;
    if !anybody.rows.is_empty() {
        return Ok(path.exists().then_some(path));
    }
    // What people of the demo did lies in the past: a second app on the same database, by a clock of its own.
    let past = app.now() - stories::length() - PAUSE * SURFACE_STEPS;
    let then = App::open_with(app.config.clone(), Clock::fixed(past)).await?;
    let credentials = Box::pin(Demo::found(&then, tenant)).await?.live().await?;
    then.store.close().await;
    app.refresh().await?;
    let text = serde_json::to_string_pretty(&credentials).map_err(Error::internal)?;
    write_private(&path, &text).map_err(Error::internal)?;
    Ok(Some(path))
}

/// The demo company while it comes into being.
struct Demo {
    app: Shared,
    tenant: TenantId,
    company: Company,
    passwords: BTreeMap<String, String>,
    templates: BTreeMap<&'static str, TemplateId>,
}

impl Demo {
    async fn found(app: &Shared, tenant: TenantId) -> Result<Self, Error> {
        let mut company = Company::found()?;
        let mut passwords = BTreeMap::new();
        // One after another: hashing takes memory on purpose, and the server that starts here shall stay small.
        for row in &company.people.users {
            let password = new_password()?;
            let hash = app.passwords.hash(&password).await?;
            company.people.passwords.push((row.user.id, hash));
            passwords.insert(row.login.clone(), password);
        }
        app.store.put_directory(tenant, &company.people, app.now_us()).await?;
        app.directory_changed(tenant);
        let managers = company.role(TEMPLATE_MANAGERS)?.to_string();
        app.store.put_setting(tenant, TEMPLATE_MANAGER_ROLE, &managers, app.now_us()).await?;
        Ok(Self { app: app.clone(), tenant, company, passwords, templates: BTreeMap::new() })
    }

    async fn live(mut self) -> Result<Json, Error> {
        self.publish_templates().await?;
        stories::tell(&self.app, self.tenant, &self.company, &self.templates).await?;
        let surface = Surface::of(&self.app);
        Ok(json!({
            "base_url": self.app.config.public_url.as_str().trim_end_matches('/'),
            "users": self.users(),
            "wps": self.wps().await?,
            "crm": crm::live(&self, &surface).await?,
            "esign": esign::live(&self, &surface).await?,
            "bpm": self.bpm().await?,
            "api": self.api().await?,
        }))
    }

    async fn publish_templates(&mut self) -> Result<(), Error> {
        let manager = self.company.user("shen.yunshan")?;
        for drawn in templates::all(&self.company)? {
            let drawing = Drawing {
                template: drawn.template,
                category: drawn.category.to_owned(),
                source_kind: NATIVE,
                source: None,
            };
            let code = Some(drawn.code.to_owned());
            let row = self.app.create_template(self.tenant, manager, code, drawing).await?;
            self.app.publish_template(self.tenant, manager, row.id, None).await?;
            self.templates.insert(drawn.code, row.id);
        }
        Ok(())
    }

    /// Everybody, so that any request can be followed to its end.
    fn users(&self) -> Json {
        let user = |(index, row): (usize, &UserRow)| {
            let (login, password) = (&row.login, self.passwords.get(&row.login));
            let roles = self.company.roles_of(row);
            json!({"login": login, "password": password, "name": row.user.name, "roles": roles,
                "wps_uid": wps_number(index, login)})
        };
        self.company.people.users.iter().enumerate().map(user).collect()
    }

    /// An app with every right on the WPS surface; each of its calls names its operator.
    async fn wps(&self) -> Result<Json, Error> {
        for (index, row) in self.company.people.users.iter().enumerate() {
            let number = wps_number(index, &row.login);
            compat::wps::give_number(&self.app, self.tenant, row.user.id, number).await?;
        }
        let operator = self.company.user("shen.yunshan")?;
        let (app_id, app_key) = self.new_app("WPS demo", operator).await?;
        let access_token = self.new_token("WPS demo", None, Some(&app_id)).await?;
        let operator = compat::wps::user_number(&self.app, self.tenant, operator).await?;
        Ok(json!({"app_id": app_id, "app_key": app_key, "access_token": access_token, "operator": operator}))
    }

    async fn api(&self) -> Result<Json, Error> {
        let admin = self.company.user("shen.yunshan")?;
        let (app_id, _) = self.new_app("API demo", admin).await?;
        let token = self.new_token("API demo", Some(admin), Some(&app_id)).await?;
        Ok(json!({"app_id": app_id, "token": token}))
    }

    /// From now on completions are called back. Nobody may be listening there yet, so nothing of the past is. The token
    /// serves both ways: Zhupi shows it when it calls, and takes it from an engine that calls Zhupi.
    async fn bpm(&self) -> Result<Json, Error> {
        let token = self.new_token_for(&[Scope::Write], "BPM demo", None, None).await?;
        let (base, header) = (CALLBACK_BASE.to_owned(), CALLBACK_HEADER.to_owned());
        self.app
            .put_callback_settings(self.tenant, base, header, TokenChange::Replace(token.clone()))
            .await?;
        Ok(json!({
            "base_uri": CALLBACK_BASE,
            "token_header": CALLBACK_HEADER,
            "token": token,
            "template_code": templates::CALLBACK_CODE,
        }))
    }

    async fn new_app(&self, name: &str, user: UserId) -> Result<(String, String), Error> {
        let by = self.company.user("shen.yunshan")?;
        let new = NewApp { name: name.to_owned(), scopes: Scope::ALL.to_vec(), user: Some(user) };
        self.app.create_app(self.tenant, by, new).await
    }

    /// Acts as the person, or as whomever each call names; of the app, or of no app.
    async fn new_token(&self, name: &str, user: Option<UserId>, app: Option<&str>) -> Result<String, Error> {
        self.new_token_for(&Scope::ALL, name, user, app).await
    }

    async fn new_token_for(
        &self,
        scopes: &[Scope],
        name: &str,
        user: Option<UserId>,
        app: Option<&str>,
    ) -> Result<String, Error> {
        let new = NewToken {
            name: name.to_owned(),
            scopes: scopes.to_vec(),
            user,
            app: app.map(str::to_owned),
            expires_in_days: None,
        };
        Ok(self.app.create_token(self.tenant, new).await?.1)
    }
}

/// Everybody has a number, counted from 1101; some have those of the documented sample, which can so be sent as it stands.
fn wps_number(index: usize, login: &str) -> i64 {
    match login {
        "shen.yunshan" => 1233,
        "fang.mu" => 1028,
        "luo.bin" => 1029,
        _ => 1101 + index as i64,
    }
}

/// Known only to whoever reads the credentials file.
fn new_password() -> Result<String, Error> {
    Ok(BASE64_URL_SAFE_NO_PAD.encode(random::<9>()?))
}
