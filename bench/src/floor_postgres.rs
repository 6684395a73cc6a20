//! C2: what PostgreSQL can do with these rows when each action is a transaction of its own: one data-modifying statement,
//! prepared, over a few connections, in one round trip.

use crate::recipe::{Recipe, Ticket};
use crate::statement::{self, Statement};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::sync::Mutex;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, NoTls};

/// As many as the product has.
const CONNECTIONS: usize = 16;

pub struct Floor {
    recipe: Arc<Recipe>,
    levels: Vec<Statement>,
    connections: Vec<Mutex<Connection>>,
    commits: AtomicU64,
}

struct Connection {
    client: Client,
    prepared: Vec<tokio_postgres::Statement>,
}

impl Floor {
    pub async fn open(url: &str, recipe: Arc<Recipe>) -> Result<Self, Error> {
        let levels: Vec<_> =
            recipe.approvals.iter().map(|it| statement::for_postgres(&recipe.tables, &it.changes)).collect();
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(Mutex::new(connect(url, &levels).await?));
        }
        Ok(Self { recipe, levels, connections, commits: AtomicU64::new(0) })
    }

    pub fn commits(&self) -> u64 {
        self.commits.load(Relaxed)
    }

    pub async fn act(&self, client: usize, ticket: Ticket) -> Result<(), String> {
        let statement = self.levels.get(ticket.level).ok_or("no such level")?;
        let values = statement.values_about(self.recipe.original_id, ticket.instance);
        let params: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        let connection = self.connections.get(client % CONNECTIONS).ok_or("no connection")?.lock().await;
        let prepared = connection.prepared.get(ticket.level).ok_or("no such level")?;
        let row = connection.client.query_one(prepared, &params).await.map_err(|error| error.to_string())?;
        self.commits.fetch_add(1, Relaxed);
        if row.get::<_, i64>(0) >= 1 { Ok(()) } else { Err("the version did not fit".to_owned()) }
    }
}

async fn connect(url: &str, levels: &[Statement]) -> Result<Connection, Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    let mut prepared = Vec::new();
    for level in levels {
        prepared.push(client.prepare_typed(&level.text, &level.types()).await?);
    }
    Ok(Connection { client, prepared })
}
