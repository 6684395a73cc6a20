//! `zhupi migrate`: bring the database up to date.

use zhupi_server::Config;
use zhupi_store::{Error, Store};

pub async fn migrate(config: &Config) -> Result<(), String> {
    let store = Store::open(&config.database).await.map_err(|error| unopened(&error))?;
    store.migrate().await.map_err(|error| error.to_string())?;
    store.close().await;
    println!("the database is up to date");
    Ok(())
}

/// The database of the settings, for commands that look at one and make none.
pub async fn open_existing(config: &Config) -> Result<Store, String> {
    Store::open_existing(&config.database).await.map_err(|error| unopened(&error))
}

fn unopened(error: &Error) -> String {
    format!("setting `database`: {error}")
}
