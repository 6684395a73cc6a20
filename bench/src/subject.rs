//! What is measured: a floor, or the product behind one of its two doors.

use crate::recipe::{Recipe, Ticket};
use crate::{floor_postgres, floor_sqlite, http, meter, product};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A database with open instances, and a way to act on them.
pub struct Subject {
    way: Way,
    recipe: Arc<Recipe>,
    instances: u64,
    done: AtomicU64,
    /// The parent of PostgreSQL's processes, where there is one.
    postgres: Option<u32>,
}

pub enum Way {
    Sqlite(floor_sqlite::Floor),
    Postgres(floor_postgres::Floor),
    InProcess(product::InProcess),
    Http(http::Clients),
}

impl Subject {
    pub fn new(way: Way, recipe: &Arc<Recipe>, instances: u64, postgres: Option<u32>) -> Arc<Self> {
        Arc::new(Self { way, recipe: recipe.clone(), instances, done: AtomicU64::new(0), postgres })
    }

    pub fn next_ticket(&self) -> Option<Ticket> {
        self.recipe.ticket(self.done.fetch_add(1, Relaxed), self.instances)
    }

    pub async fn act(&self, client: usize, ticket: Ticket) -> Result<(), String> {
        match &self.way {
            Way::Sqlite(floor) => floor.act(ticket).await,
            Way::Postgres(floor) => floor.act(client, ticket).await,
            Way::InProcess(app) => app.act(ticket).await,
            Way::Http(clients) => clients.act(client, ticket).await,
        }
    }

    /// Processor time of all that takes part, ourselves included.
    pub fn cpu_us(&self) -> u64 {
        let server = match &self.way {
            Way::Http(clients) => meter::cpu_us(clients.server()),
            Way::Sqlite(_) | Way::Postgres(_) | Way::InProcess(_) => 0,
        };
        meter::cpu_us(std::process::id()) + server + self.postgres.map_or(0, meter::tree_cpu_us)
    }

    /// Commits and round trips so far, where the subject can tell.
    pub fn counts(&self) -> Option<(u64, u64)> {
        match &self.way {
            Way::Sqlite(floor) => Some((floor.commits(), 0)),
            Way::Postgres(floor) => Some((floor.commits(), floor.commits())),
            Way::InProcess(app) => Some(app.counts()),
            Way::Http(_) => None,
        }
    }
}
