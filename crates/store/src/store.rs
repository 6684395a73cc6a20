//! The store as a whole: which database it is, and how statements get there.

use crate::commit::Combiner;
use crate::counters::{Counters, Counts};
use crate::error::{Error, Result};
use crate::load::Loader;
use crate::postgres::Pg;
use crate::sql::{self, P, Row, Sql, Stmt, Written};
use crate::sqlite::{self, Lite, Missing};
use std::sync::Arc;

pub(crate) static ALL: &[&Sql] = &[&PING, &OURS];
static PING: Sql = Sql::both("SELECT 1", "SELECT 1::bigint");
pub(crate) static OURS: Sql = Sql::both(
    "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'",
    "SELECT 1::bigint WHERE to_regclass('migrations') IS NOT NULL",
);

/// All rows of Zhupi, in one database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    counters: Arc<Counters>,
}

/// Which database it is.
pub(crate) enum Db {
    Lite(Lite),
    Pg { pg: Arc<Pg>, combiner: Combiner, loader: Loader },
}

impl Store {
    /// Opens `sqlite:PATH`, `sqlite::memory:` or `postgres://…`. The schema is left as it is: see [`Store::migrate`].
    pub async fn open(url: &str) -> Result<Self> {
        Self::open_or(url, Missing::Made).await
    }

    /// The same for a database that Zhupi has made before; makes no file, and leaves other databases as they are.
    pub async fn open_existing(url: &str) -> Result<Self> {
        let store = Self::open_or(url, Missing::Refused).await?;
        match store.query_one_opt(&OURS, vec![]).await? {
            Some(_) => Ok(store),
            None => Err(Error::Foreign),
        }
    }

    async fn open_or(url: &str, missing: Missing) -> Result<Self> {
        let counters = Arc::new(Counters::default());
        let db = if let Some(path) = url.strip_prefix("sqlite:") {
            let (path, counters) = (path.to_owned(), Arc::clone(&counters));
            let open = tokio::task::spawn_blocking(move || Lite::open(&path, missing, counters));
            Db::Lite(open.await.map_err(|error| Error::Io(error.to_string()))??)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let pg = Arc::new(Pg::open(url, Arc::clone(&counters))?);
            let (combiner, loader) = (Combiner::start(&pg), Loader::start(&pg));
            Db::Pg { pg, combiner, loader }
        } else {
            return Err(Error::Address("begins neither with `sqlite:` nor with `postgres://`".to_owned()));
        };
        Ok(Self { inner: Arc::new(Inner { db, counters }) })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.query(&PING, vec![]).await.map(drop)
    }

    /// Finishes what is under way and lets go of the database. Whatever is asked later is refused as unavailable.
    pub async fn close(&self) {
        match self.db() {
            Db::Lite(lite) => lite.close().await,
            Db::Pg { pg, .. } => pg.close(),
        }
    }

    /// What it has cost so far.
    pub fn counters(&self) -> Counts {
        self.inner.counters.read()
    }

    /// Prepares every statement there is, so that a schema that does not fit is found at once. Says how many.
    pub async fn prepare_all(&self) -> Result<usize> {
        let mut number = 0;
        for sql in sql::all() {
            match self.db() {
                Db::Lite(lite) => lite.run(|db| sqlite::prepare(db, sql)).await?,
                Db::Pg { pg, .. } => pg.prepare(sql).await?,
            }
            number += 1;
        }
        Ok(number)
    }

    pub(crate) fn db(&self) -> &Db {
        &self.inner.db
    }

    /// All rows of an answer.
    pub(crate) async fn query(&self, sql: &'static Sql, params: Vec<P>) -> Result<Vec<Row>> {
        match self.db() {
            Db::Lite(lite) => lite.query(sql, params).await,
            Db::Pg { pg, .. } => pg.query(sql, &params).await,
        }
    }

    /// The first row of an answer, if there is one.
    pub(crate) async fn query_one_opt(&self, sql: &'static Sql, params: Vec<P>) -> Result<Option<Row>> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// Writes a list of statements: all or nothing. It goes to its end even when the caller goes away.
    pub(crate) async fn write(&self, list: Vec<Stmt>) -> Result<Written> {
        match self.db() {
            Db::Lite(lite) => lite.write(list).await,
            Db::Pg { pg, .. } => {
                let pg = Arc::clone(pg);
                let work = tokio::spawn(async move { pg.write(&list).await });
                work.await.map_err(|error| Error::OutcomeUnknown(error.to_string()))?
            }
        }
    }

    /// One statement that writes and says what it wrote by its `RETURNING`, such as the claim of a worker.
    pub(crate) async fn write_returning(&self, sql: &'static Sql, params: Vec<P>) -> Result<Vec<Row>> {
        match self.db() {
            Db::Lite(lite) => lite.run(move |db| sqlite::rows(db, sql, &params)).await,
            Db::Pg { pg, .. } => pg.write_returning(sql, &params).await,
        }
    }
}
