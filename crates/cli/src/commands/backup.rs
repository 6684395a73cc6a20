//! `zhupi backup`: copy an embedded database, also while it is in use.

use super::migrate::open_existing;
use std::path::Path;
use zhupi_server::Config;

pub async fn backup(config: &Config, to: &Path) -> Result<(), String> {
    if to.exists() {
        return Err(format!("`{}` exists already", to.display()));
    }
    let store = open_existing(config).await?;
    store.backup_to(to).await.map_err(|error| error.to_string())?;
    store.close().await;
    println!("wrote {}", to.display());
    Ok(())
}
