//! `zhupi user`: add people and set passwords, for the operator who has no account yet.

use super::told;
use crate::args::NewUser;
use std::io::{BufRead, IsTerminal};
use uuid::Uuid;
use zhupi_engine::directory::User;
use zhupi_engine::ids::{TenantId, UserId};
use zhupi_server::app::directory::Change;
use zhupi_server::{App, Config, Shared};
use zhupi_store::UserRow;

pub async fn add(config: Config, new: NewUser) -> Result<(), String> {
    let app = App::open(config).await.map_err(|error| told(&error))?;
    let tenant = workspace(&app, &new.workspace).await?;
    let password = read_password()?;
    let id = UserId(Uuid::now_v7());
    let user = User {
        id,
        name: new.name,
        active: true,
        departments: vec![],
        supervisor: None,
        approval_limit: None,
        admin: new.admin,
    };
    let row = UserRow { user, login: new.login, email: None, mobile: None, locale: None };
    zhupi_server::app::directory::check_password(&password).map_err(|error| told(&error))?;
    app.put_entry(tenant, Change::User(row)).await.map_err(|error| told(&error))?;
    app.put_password(tenant, id, &password).await.map_err(|error| told(&error))?;
    app.store.close().await;
    println!("added {id}");
    Ok(())
}

pub async fn password(config: Config, code: &str, login: &str) -> Result<(), String> {
    let app = App::open(config).await.map_err(|error| told(&error))?;
    let tenant = workspace(&app, code).await?;
    let account = app.store.load_account(tenant, login).await.map_err(|error| error.to_string())?;
    let account = account.ok_or_else(|| format!("there is no login `{login}` in workspace `{code}`"))?;
    let password = read_password()?;
    app.put_password(tenant, account.user, &password).await.map_err(|error| told(&error))?;
    app.store.close().await;
    println!("the password of `{login}` is set");
    Ok(())
}

async fn workspace(app: &Shared, code: &str) -> Result<TenantId, String> {
    let found = app.workspace(code).await.map_err(|error| told(&error))?;
    found.map(|tenant| tenant.id).ok_or_else(|| format!("there is no workspace `{code}`"))
}

/// The first line of standard input.
fn read_password() -> Result<String, String> {
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        eprintln!("password (it is shown as you type):");
    }
    let mut line = String::new();
    input.read_line(&mut line).map_err(|cause| format!("cannot read the password: {cause}"))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
