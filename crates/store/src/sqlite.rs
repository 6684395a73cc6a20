//! The embedded database: one thread that writes, a few that read, one file.
//!
//! Writes that queued up while the last commit was in flight share the next one. A write is tried without a savepoint
//! first, since nearly all succeed; only when one fails after it has written something is the whole commit taken back
//! and done again with a savepoint around each write, so that the others do not suffer.

use crate::counters::Counters;
use crate::dialect;
use crate::error::{Error, Result};
use crate::sql::{Expect, P, Row, Sql, Stmt, Written};
use crate::store::OURS;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use tokio::sync::oneshot;
use uuid::Uuid;

/// Writes that share one commit at most.
const TOGETHER: usize = 256;

const STATEMENTS: usize = 512;

const WRITER: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 10000;
    PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 1073741824; PRAGMA cache_size = -65536;";

const READER: &str = "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 1073741824;";

pub(crate) struct Lite {
    path: PathBuf,
    writes: mpsc::Sender<Job>,
    reads: Arc<Reads>,
    readers: Mutex<Vec<thread::JoinHandle<()>>>,
}

/// What to do about a file that is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    Made,
    Refused,
}

enum Job {
    Write(Write),
    Run(Box<dyn FnOnce(&mut Connection) + Send>),
    Stop(oneshot::Sender<()>),
}

struct Write {
    list: Vec<Stmt>,
    reply: oneshot::Sender<Result<Written>>,
}

struct Read {
    sql: &'static Sql,
    params: Vec<P>,
    reply: oneshot::Sender<Result<Vec<Row>>>,
}

impl Lite {
    /// Opens or creates the file; `:memory:` is a file of its own that goes away with the store.
    pub(crate) fn open(path: &str, missing: Missing, counters: Arc<Counters>) -> Result<Self> {
        if missing == Missing::Refused {
            refuse_others(Path::new(path))?;
        }
        let file = Arc::new(match path {
            ":memory:" => File { path: passing_file(), passing: true },
            path => File { path: PathBuf::from(path), passing: false },
        });
        let writer = connect(&file.path, WRITER)?;
        let (writes, jobs) = mpsc::channel();
        let kept = Arc::clone(&file);
        spawn("zhupi-write", move || {
            write_all(writer, &jobs, &counters);
            drop(kept);
        })?;
        let reads = Arc::new(Reads::default());
        let mut readers = Vec::new();
        for _ in 0..thread::available_parallelism().map_or(2, usize::from).clamp(2, 8) {
            let reader = connect(&file.path, READER)?;
            let (queue, kept) = (Arc::clone(&reads), Arc::clone(&file));
            readers.push(spawn("zhupi-read", move || {
                read_all(reader, &queue);
                drop(kept);
            })?);
        }
        Ok(Self { path: file.path.clone(), writes, reads, readers: Mutex::new(readers) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) async fn query(&self, sql: &'static Sql, params: Vec<P>) -> Result<Vec<Row>> {
        let (reply, answer) = oneshot::channel();
        self.reads.push(Read { sql, params, reply });
        answer.await.map_err(|_| stopped())?
    }

    pub(crate) async fn write(&self, list: Vec<Stmt>) -> Result<Written> {
        let (reply, answer) = oneshot::channel();
        self.writes.send(Job::Write(Write { list, reply })).map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Runs something on the writing thread, between two commits.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let work = move |db: &mut Connection| {
            // Whoever asked may have gone away; the work is done all the same.
            drop(reply.send(work(db)));
        };
        self.writes.send(Job::Run(Box::new(work))).map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Finishes what is queued and lets go of the file. The writer goes last, so that the side files are put into the
    /// database when this is done.
    pub(crate) async fn close(&self) {
        self.reads.stop();
        let readers = std::mem::take(&mut *self.readers.lock().unwrap_or_else(PoisonError::into_inner));
        let joined = tokio::task::spawn_blocking(|| readers.into_iter().for_each(|it| drop(it.join())));
        // An error says that the runtime is going away, and the threads with it.
        drop(joined.await);
        let (reply, answer) = oneshot::channel();
        if self.writes.send(Job::Stop(reply)).is_ok() {
            // An error says that the thread is gone already.
            drop(answer.await);
        }
    }
}

impl Drop for Lite {
    fn drop(&mut self) {
        self.reads.stop();
    }
}

fn stopped() -> Error {
    Error::Unavailable("the store is closed".to_owned())
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<thread::JoinHandle<()>> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|error| Error::Io(error.to_string()))
}

/// Before the settings of ours change the file.
fn refuse_others(path: &Path) -> Result<()> {
    if !path.exists() {
        return Err(Error::Missing(path.display().to_string()));
    }
    let db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    db.busy_timeout(std::time::Duration::from_secs(10))?;
    if rows(&db, &OURS, &[])?.is_empty() { Err(Error::Foreign) } else { Ok(()) }
}

fn connect(path: &Path, settings: &str) -> Result<Connection> {
    let db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    db.busy_timeout(std::time::Duration::from_secs(10))?;
    db.execute_batch(settings)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(db)
}

fn passing_file() -> PathBuf {
    std::env::temp_dir().join(format!("zhupi-{}.db", Uuid::now_v7().simple()))
}

/// The database file; the last thread out removes one that was only for the time being.
struct File {
    path: PathBuf,
    passing: bool,
}

impl Drop for File {
    fn drop(&mut self) {
        if self.passing {
            for suffix in ["", "-wal", "-shm"] {
                let mut path = self.path.clone().into_os_string();
                path.push(suffix);
                // SQLite removes its side files itself when all went well.
                drop(std::fs::remove_file(path));
            }
        }
    }
}

/// What waits to be read.
#[derive(Default)]
struct Reads {
    waiting: Mutex<Waiting>,
    bell: Condvar,
}

#[derive(Default)]
struct Waiting {
    reads: VecDeque<Read>,
    stopped: bool,
}

impl Reads {
    fn push(&self, read: Read) {
        let mut waiting = self.lock();
        if !waiting.stopped {
            waiting.reads.push_back(read);
            self.bell.notify_one();
        }
    }

    fn take(&self) -> Option<Read> {
        let mut waiting = self.lock();
        loop {
            if let Some(read) = waiting.reads.pop_front() {
                return Some(read);
            }
            if waiting.stopped {
                return None;
            }
            waiting = self.bell.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn stop(&self) {
        self.lock().stopped = true;
        self.bell.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_all(db: Connection, reads: &Reads) {
    while let Some(read) = reads.take() {
        drop(read.reply.send(rows(&db, read.sql, &read.params)));
    }
}

/// Runs a statement and reads all it answers.
pub(crate) fn rows(db: &Connection, sql: &Sql, params: &[P]) -> Result<Vec<Row>> {
    let mut statement = db.prepare_cached(sql.lite())?;
    let columns = statement.column_count();
    bind(&mut statement, params)?;
    let mut cursor = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = cursor.next()? {
        let mut values = Vec::with_capacity(columns);
        for column in 0..columns {
            values.push(Value::try_from(row.get_ref(column)?).map_err(rusqlite::Error::from)?);
        }
        found.push(Row::Lite(values));
    }
    Ok(found)
}

fn bind(statement: &mut rusqlite::Statement<'_>, params: &[P]) -> Result<()> {
    for (index, param) in params.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, param)?;
    }
    Ok(())
}

fn write_all(mut db: Connection, jobs: &mpsc::Receiver<Job>, counters: &Counters) {
    while let Ok(job) = jobs.recv() {
        let mut waiting = Vec::new();
        let mut next = Some(job);
        while let Some(Job::Write(write)) = next {
            waiting.push(write);
            next = if waiting.len() < TOGETHER { jobs.try_recv().ok() } else { None };
        }
        if !waiting.is_empty() {
            commit(&db, waiting, counters);
        }
        match next {
            None | Some(Job::Write(_)) => {}
            Some(Job::Run(work)) => work(&mut db),
            Some(Job::Stop(reply)) => {
                drop(db);
                let _ = reply.send(());
                return;
            }
        }
    }
}

fn commit(db: &Connection, waiting: Vec<Write>, counters: &Counters) {
    counters.writes(waiting.len());
    let outcomes = all_at_once(db, &waiting).and_then(|outcomes| match outcomes {
        Some(outcomes) => Ok(outcomes),
        None => one_by_one(db, &waiting),
    });
    match outcomes {
        Ok(outcomes) => {
            counters.commit();
            for (write, outcome) in waiting.into_iter().zip(outcomes) {
                drop(write.reply.send(outcome));
            }
        }
        Err(error) => {
            roll_back(db);
            for write in waiting {
                drop(write.reply.send(Err(error.clone())));
            }
        }
    }
}

/// `None`: a write failed half-way, so everything was taken back.
fn all_at_once(db: &Connection, waiting: &[Write]) -> Result<Option<Vec<Result<Written>>>> {
    command(db, "BEGIN IMMEDIATE")?;
    let mut outcomes = Vec::with_capacity(waiting.len());
    for write in waiting {
        let (outcome, touched) = execute(db, &write.list);
        if touched && outcome != Ok(Written::Done) {
            command(db, "ROLLBACK")?;
            return Ok(None);
        }
        outcomes.push(outcome);
    }
    command(db, "COMMIT")?;
    Ok(Some(outcomes))
}

fn one_by_one(db: &Connection, waiting: &[Write]) -> Result<Vec<Result<Written>>> {
    command(db, "BEGIN IMMEDIATE")?;
    let mut outcomes = Vec::with_capacity(waiting.len());
    for write in waiting {
        command(db, "SAVEPOINT one")?;
        let (outcome, touched) = execute(db, &write.list);
        if touched && outcome != Ok(Written::Done) {
            command(db, "ROLLBACK TO one")?;
        }
        command(db, "RELEASE one")?;
        outcomes.push(outcome);
    }
    command(db, "COMMIT")?;
    Ok(outcomes)
}

/// What became of a list, and whether it has left traces.
fn execute(db: &Connection, list: &[Stmt]) -> (Result<Written>, bool) {
    let mut touched = false;
    for stmt in list {
        match execute_one(db, stmt) {
            Ok(changed) => {
                touched |= changed > 0;
                if stmt.expect == Expect::One && changed != 1 {
                    return (Ok(Written::Conflict), touched);
                }
            }
            Err(error) => return (Err(error), touched),
        }
    }
    (Ok(Written::Done), touched)
}

fn execute_one(db: &Connection, stmt: &Stmt) -> Result<usize> {
    let mut statement = db.prepare_cached(stmt.sql.lite())?;
    bind(&mut statement, &stmt.params)?;
    Ok(statement.raw_execute()?)
}

fn command(db: &Connection, text: &str) -> Result<()> {
    db.prepare_cached(text)?.raw_execute()?;
    Ok(())
}

fn roll_back(db: &Connection) {
    if !db.is_autocommit()
        && let Err(error) = command(db, "ROLLBACK")
    {
        tracing::error!(%error, "a broken transaction could not be taken back");
    }
}

/// Runs a migration and notes it, unless somebody else was faster.
pub(crate) fn migrate(db: &mut Connection, number: i64, name: &str, text: &str, at: i64) -> Result<()> {
    let work = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let done: bool =
        work.query_row("SELECT EXISTS (SELECT 1 FROM migrations WHERE number = ?1)", [number], |row| {
            row.get(0)
        })?;
    if done {
        return Ok(());
    }
    work.execute_batch(&dialect::lite(text))?;
    work.execute(
        "INSERT INTO migrations (number, name, applied_at) VALUES (?1, ?2, ?3)",
        (number, name, at),
    )?;
    Ok(work.commit()?)
}

/// Prepares a statement without running it.
pub(crate) fn prepare(db: &Connection, sql: &Sql) -> Result<()> {
    match sql.lite() {
        "" => Ok(()),
        text => db.prepare(text).map(drop).map_err(|error| Error::Statement(format!("{error}: {text}"))),
    }
}
