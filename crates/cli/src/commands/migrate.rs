//! `zhupi migrate`: bring the database up to date.

use zhupi_server::Config;
use zhupi_store::Store;

pub async fn migrate(config: &Config) -> Result<(), String> {
    let store = open(config).await?;
    store.migrate().await.map_err(|error| error.to_string())?;
    store.close().await;
    println!("the database is up to date");
    Ok(())
}

/// The database of the settings, as it is.
pub async fn open(config: &Config) -> Result<Store, String> {
    Store::open(&config.database).await.map_err(|error| format!("setting `database`: {error}"))
}
