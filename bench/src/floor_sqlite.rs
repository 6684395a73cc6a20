//! S1: what SQLite can do with these rows when each action is a transaction of its own: one writing thread, prepared
//! statements, `synchronous=FULL`, a checkpoint at 10,000 pages.

use crate::recipe::{Recipe, Ticket};
use crate::rows::Value;
use crate::statement::{self, Statement};
use rusqlite::{Connection, Result, params_from_iter};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// The product's own settings for its writing connection.
const SETTINGS: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 10000;
    PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 1073741824; PRAGMA cache_size = -65536;";

pub struct Floor {
    recipe: Arc<Recipe>,
    levels: Arc<Vec<Vec<Statement>>>,
    queue: mpsc::Sender<Job>,
    commits: Arc<AtomicU64>,
    _writer: JoinHandle<()>,
}

struct Job {
    level: usize,
    values: Vec<Vec<Value>>,
    reply: oneshot::Sender<std::result::Result<(), String>>,
}

impl Floor {
    pub fn open(path: &Path, recipe: Arc<Recipe>) -> Result<Self> {
        let db = Connection::open(path)?;
        db.execute_batch(SETTINGS)?;
        db.set_prepared_statement_cache_capacity(512);
        let levels: Vec<_> =
            recipe.approvals.iter().map(|it| statement::for_sqlite(&recipe.tables, &it.changes)).collect();
        let levels = Arc::new(levels);
        let (queue, jobs) = mpsc::channel();
        let (commits, known) = (Arc::new(AtomicU64::new(0)), levels.clone());
        let counted = commits.clone();
        let writer = std::thread::spawn(move || write_all(&db, &known, &jobs, &counted));
        Ok(Self { recipe, levels, queue, commits, _writer: writer })
    }

    pub fn commits(&self) -> u64 {
        self.commits.load(Relaxed)
    }

    pub async fn act(&self, ticket: Ticket) -> std::result::Result<(), String> {
        let statements = self.levels.get(ticket.level).ok_or("no such level")?;
        let values =
            statements.iter().map(|it| it.values_about(self.recipe.original_id, ticket.instance)).collect();
        let (reply, answer) = oneshot::channel();
        let job = Job { level: ticket.level, values, reply };
        self.queue.send(job).map_err(|_| "the writer is gone")?;
        answer.await.map_err(|_| "the writer is gone")?
    }
}

fn write_all(db: &Connection, levels: &[Vec<Statement>], jobs: &mpsc::Receiver<Job>, commits: &AtomicU64) {
    while let Ok(job) = jobs.recv() {
        let statements = levels.get(job.level).map_or(&[][..], Vec::as_slice);
        let outcome = write(db, statements, &job.values).map_err(|error| error.to_string());
        commits.fetch_add(1, Relaxed);
        // Whoever asked may have gone away at the end of a run.
        drop(job.reply.send(outcome));
    }
}

fn write(db: &Connection, statements: &[Statement], values: &[Vec<Value>]) -> Result<()> {
    db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let written = write_rows(db, statements, values);
    let end = if written.is_ok() { "COMMIT" } else { "ROLLBACK" };
    db.prepare_cached(end)?.execute([])?;
    written
}

fn write_rows(db: &Connection, statements: &[Statement], values: &[Vec<Value>]) -> Result<()> {
    for (statement, values) in statements.iter().zip(values) {
        let changed = db.prepare_cached(&statement.text)?.execute(params_from_iter(values))?;
        if changed != 1 {
            return Err(rusqlite::Error::StatementChangedRows(changed));
        }
    }
    Ok(())
}
