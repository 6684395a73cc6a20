//! Runs one test body on an empty, migrated store of each database.

use std::panic::resume_unwind;
use uuid::Uuid;
use zhupi_engine::ids::TenantId;
use zhupi_store::{Store, Tenant};

/// On SQLite always; on PostgreSQL in a database of its own, which is dropped however the body ends.
pub async fn on_both<F>(body: impl Fn(Store) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    run(body(migrated("sqlite::memory:").await)).await;
    on_postgres(|store, _| body(store)).await;
}

/// Only on PostgreSQL, for what SQLite cannot suffer; the body also gets the database's address.
pub async fn on_postgres<F>(body: impl Fn(Store, String) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    if let Ok(server) = std::env::var("ZHUPI_TEST_POSTGRES") {
        let name = format!("zt_{:016x}", fastrand::u64(..));
        administer(&server, &format!("CREATE DATABASE {name}")).await;
        let address = database(&server, &name);
        let store = migrated(&address).await;
        let outcome = tokio::spawn(body(store, address)).await;
        administer(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
        outcome.unwrap_or_else(|failure| resume_unwind(failure.into_panic()));
    }
}

async fn run(body: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(body).await.unwrap_or_else(|failure| resume_unwind(failure.into_panic()));
}

async fn migrated(url: &str) -> Store {
    let store = Store::open(url).await.unwrap();
    store.migrate().await.unwrap();
    store
}

async fn administer(server: &str, command: &str) {
    let (client, connection) = tokio_postgres::connect(server, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    client.batch_execute(command).await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
}

/// The address of another database of the same server.
fn database(server: &str, name: &str) -> String {
    let (address, options) = server.split_once('?').map_or((server, None), |(a, b)| (a, Some(b)));
    let (host, _) = address.rsplit_once('/').unwrap();
    options.map_or_else(|| format!("{host}/{name}"), |options| format!("{host}/{name}?{options}"))
}

/// Adds a workspace with this code.
pub async fn workspace(store: &Store, code: &str) -> TenantId {
    let tenant = Tenant {
        id: TenantId(Uuid::now_v7()),
        code: code.to_owned(),
        name: code.to_uppercase(),
        time_zone: "Asia/Shanghai".to_owned(),
        created_at: 1,
    };
    store.create_tenant(&tenant).await.unwrap();
    tenant.id
}

/// What the store said a row collided with.
pub fn duplicate(table: &str) -> zhupi_store::Error {
    zhupi_store::Error::Duplicate { what: table.to_owned() }
}
