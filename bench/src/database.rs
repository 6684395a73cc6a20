//! One of the two databases as something to measure on: copies of it, its floor, and what its log knows.

use crate::recipe::Recipe;
use crate::world::{self, Failure};
use crate::{floor_postgres, floor_sqlite, meter, subject::Way};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Where databases are made.
#[derive(Clone)]
pub enum Database {
    Sqlite { folder: PathBuf },
    Postgres { server: String, process: u32 },
}

/// What a log had counted at one moment.
#[derive(Clone, Copy)]
pub struct LogCount {
    bytes: u64,
    fsyncs: Option<u64>,
}

impl LogCount {
    /// What came since: bytes, and fsyncs where they are counted.
    pub fn since(self, before: LogCount) -> (u64, Option<u64>) {
        let fsyncs = self.fsyncs.zip(before.fsyncs).map(|(now, then)| now.saturating_sub(then));
        (self.bytes.saturating_sub(before.bytes), fsyncs)
    }
}

impl Database {
    pub fn title(&self) -> &'static str {
        match self {
            Database::Sqlite { .. } => "SQLite, synchronous=FULL (floor S1: one action per transaction)",
            Database::Postgres { .. } => "PostgreSQL, default settings (floor C2: one action per statement)",
        }
    }

    pub fn floor_name(&self) -> &'static str {
        match self {
            Database::Sqlite { .. } => "S1",
            Database::Postgres { .. } => "C2",
        }
    }

    pub fn log_name(&self) -> &'static str {
        match self {
            Database::Sqlite { .. } => "bytes written",
            Database::Postgres { .. } => "WAL bytes",
        }
    }

    pub fn process(&self) -> Option<u32> {
        match self {
            Database::Sqlite { .. } => None,
            Database::Postgres { process, .. } => Some(*process),
        }
    }

    /// Makes a database with so many running instances; gives its address.
    pub async fn fill(&self, name: &str, recipe: &Recipe, instances: u64) -> Result<String, Failure> {
        match self {
            Database::Sqlite { folder } => {
                let path = folder.join(format!("{name}.db"));
                world::fill_sqlite(&path, recipe, instances).await?;
                Ok(format!("sqlite:{}", path.display()))
            }
            Database::Postgres { server, .. } => world::fill_postgres(server, name, recipe, instances).await,
        }
    }

    /// The same again under another name.
    pub async fn copy(&self, from: &str, name: &str) -> Result<String, Failure> {
        match self {
            Database::Sqlite { folder } => {
                let path = folder.join(format!("{name}.db"));
                std::fs::copy(folder.join(format!("{from}.db")), &path)?;
                Ok(format!("sqlite:{}", path.display()))
            }
            Database::Postgres { server, .. } => world::clone_postgres(server, from, name).await,
        }
    }

    pub async fn floor(&self, url: &str, recipe: &Arc<Recipe>) -> Result<Way, Failure> {
        match self {
            Database::Sqlite { .. } => {
                let path = Path::new(url.trim_start_matches("sqlite:"));
                Ok(Way::Sqlite(floor_sqlite::Floor::open(path, recipe.clone())?))
            }
            Database::Postgres { .. } => {
                Ok(Way::Postgres(floor_postgres::Floor::open(url, recipe.clone()).await?))
            }
        }
    }

    /// PostgreSQL's processes report what they did only after a while at rest; `settle` waits for that.
    pub async fn log_count(&self, settle: bool) -> Result<LogCount, Failure> {
        match self {
            Database::Sqlite { .. } => Ok(LogCount { bytes: meter::bytes_written(), fsyncs: None }),
            Database::Postgres { server, .. } => {
                if settle {
                    tokio::time::sleep(Duration::from_secs(11)).await;
                }
                let db = world::connect(server).await?;
                let text =
                    "SELECT (pg_current_wal_lsn() - '0/0')::bigint, (SELECT wal_sync FROM pg_stat_wal)";
                let row = db.query_one(text, &[]).await?;
                let number = |at| u64::try_from(row.get::<_, i64>(at)).unwrap_or(0);
                Ok(LogCount { bytes: number(0), fsyncs: settle.then(|| number(1)) })
            }
        }
    }
}
