//! PostgreSQL: a pool, prepared statements, and writes that travel as one flush.
//!
//! Nothing here ever waits for the network inside a transaction: all messages of a list, `COMMIT` included, are queued
//! before the first answer is looked at. So a caller who goes away half-way leaves no transaction open.

use crate::counters::Counters;
use crate::dialect;
use crate::error::{Error, Result};
use crate::sql::{Expect, P, Row, Sql, Stmt, Written};
use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Metrics, Object, Pool, RecyclingMethod, Runtime,
    Timeouts,
};
use futures_util::future::{MaybeDone, maybe_done};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{NoTls, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

const CONNECTIONS: usize = 16;

/// One for each worker of `commit.rs` and of `load.rs`.
const HOT_CONNECTIONS: usize = 4;

/// The statements over arrays are long: planning one anew costs more than running it, and their plan is the same
/// whatever the arrays hold. PostgreSQL would plan them anew each time, since it guesses the arrays' length wrong.
const PLAN_ONCE: &str = "-c plan_cache_mode=force_generic_plan";
const PATIENCE: Duration = Duration::from_secs(10);

type Param<'a> = dyn ToSql + Sync + 'a;

/// How often a statement is tried that the database gave back for no fault of ours.
pub(crate) const TRIES: u32 = 5;

pub(crate) struct Pg {
    pool: Pool,
    /// Connections for the statements over arrays.
    hot: Pool,
    counters: Arc<Counters>,
}

type Answers<'a> = Pin<Box<MaybeDone<Pin<Box<dyn Future<Output = Answer> + Send + 'a>>>>>;
type Answer = std::result::Result<(), tokio_postgres::Error>;

impl Pg {
    /// Connects when first needed. `sslmode=require` asks for TLS with a certificate that the system trusts.
    pub(crate) fn open(url: &str, counters: Arc<Counters>) -> Result<Self> {
        let mut config: tokio_postgres::Config =
            url.parse().map_err(|error: tokio_postgres::Error| Error::Address(error.to_string()))?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(PATIENCE);
        }
        if config.get_application_name().is_none() {
            config.application_name("zhupi");
        }
        let mut hot = config.clone();
        let options = config.get_options().map_or_else(String::new, |own| format!("{own} "));
        hot.options(format!("{options}{PLAN_ONCE}"));
        Ok(Self { pool: pool(config, CONNECTIONS)?, hot: pool(hot, HOT_CONNECTIONS)?, counters })
    }

    pub(crate) async fn client(&self) -> Result<Object> {
        Ok(self.pool.get().await?)
    }

    pub(crate) fn close(&self) {
        self.pool.close();
        self.hot.close();
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// All rows of an answer.
    pub(crate) async fn query(&self, sql: &'static Sql, params: &[P]) -> Result<Vec<Row>> {
        self.read(&self.pool, sql, &references(params)).await
    }

    /// All rows of an answer to a statement over arrays.
    pub(crate) async fn query_arrays(&self, sql: &'static Sql, params: &[&Param<'_>]) -> Result<Vec<Row>> {
        self.read(&self.hot, sql, params).await
    }

    /// Reads may be repeated, so whatever passes is tried again.
    async fn read(&self, pool: &Pool, sql: &'static Sql, params: &[&Param<'_>]) -> Result<Vec<Row>> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.run(pool, sql, params).await {
                Err(Error::Unavailable(_) | Error::OutcomeUnknown(_) | Error::Conflict)
                    if attempt < TRIES && !self.pool.is_closed() => {}
                Err(Error::OutcomeUnknown(why)) => return Err(Error::Unavailable(why)),
                answer => return answer,
            }
            pause(attempt).await;
        }
    }

    /// One statement that writes and says what it wrote; a transaction of its own.
    pub(crate) async fn write_returning(&self, sql: &'static Sql, params: &[P]) -> Result<Vec<Row>> {
        let params = references(params);
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.run(&self.pool, sql, &params).await {
                Ok(rows) => {
                    self.counters.commit();
                    return Ok(rows);
                }
                Err(Error::Conflict) if attempt < TRIES => pause(attempt).await,
                Err(error) => return Err(error),
            }
        }
    }

    /// A statement over arrays that writes and says what it wrote, tried once.
    pub(crate) async fn write_arrays(&self, sql: &'static Sql, params: &[&Param<'_>]) -> Result<Vec<Row>> {
        let rows = self.run(&self.hot, sql, params).await?;
        self.counters.commit();
        Ok(rows)
    }

    async fn run(&self, pool: &Pool, sql: &'static Sql, params: &[&Param<'_>]) -> Result<Vec<Row>> {
        let client = pool.get().await?;
        let statement = client.prepare_cached(sql.pg()).await?;
        self.counters.round_trip();
        let rows = client.query(&statement, params).await.map_err(after_sending)?;
        Ok(rows.into_iter().map(Row::Pg).collect())
    }

    /// A write that the database gave back (deadlock, serialization) is tried again; a lost connection is reported,
    /// since it may have been committed.
    pub(crate) async fn write(&self, list: &[Stmt]) -> Result<Written> {
        for attempt in 1..TRIES {
            match self.write_once(list).await {
                Err(Error::Conflict) => pause(attempt).await,
                outcome => return outcome,
            }
        }
        self.write_once(list).await
    }

    async fn write_once(&self, list: &[Stmt]) -> Result<Written> {
        let client = self.client().await?;
        let mut prepared = Vec::with_capacity(list.len());
        for stmt in list {
            prepared.push(prepare(&client, stmt).await?);
        }
        self.counters.round_trip();
        self.counters.writes(1);
        let answers = in_order(messages(&client, list, &prepared)).await;
        match answers.into_iter().find_map(std::result::Result::err) {
            None => {
                self.counters.commit();
                Ok(Written::Done)
            }
            Some(error) if is_unexpected_count(&error) => Ok(Written::Conflict),
            Some(error) => Err(after_sending(error)),
        }
    }

    /// Prepares a statement without running it, and looks at the kinds of its parameters and columns.
    pub(crate) async fn prepare(&self, sql: &Sql) -> Result<()> {
        if sql.pg().is_empty() {
            return Ok(());
        }
        let client = self.client().await?;
        let refuse = |why: String| Error::Statement(format!("{why}: {}", sql.pg()));
        let statement =
            client.prepare(sql.pg()).await.map_err(|error| refuse(Error::from(error).to_string()))?;
        let kinds =
            [Type::INT8, Type::TEXT, Type::BYTEA, Type::INT8_ARRAY, Type::TEXT_ARRAY, Type::BYTEA_ARRAY];
        let params = statement.params().iter();
        match params.chain(statement.columns().iter().map(|it| it.type_())).find(|it| !kinds.contains(it)) {
            Some(kind) => Err(refuse(format!("a parameter or column is of the kind {kind}"))),
            None => Ok(()),
        }
    }

    /// Runs a migration and notes it. The note is written first, so that a second node waits for the first and then
    /// finds it done.
    pub(crate) async fn migrate(&self, number: i64, name: &str, text: &str, at: i64) -> Result<()> {
        let client = self.client().await?;
        let note =
            format!("INSERT INTO migrations (number, name, applied_at) VALUES ({number}, '{name}', {at});");
        let text = dialect::pg(text);
        let outcome = client.batch_execute(&format!("BEGIN; {note} {text} COMMIT;")).await;
        let Err(error) = outcome.map_err(Error::from) else { return Ok(()) };
        client.batch_execute("ROLLBACK").await?;
        match error {
            Error::Duplicate { what } if what == "migrations" => Ok(()),
            error => Err(error),
        }
    }

    /// Makes the table of migrations. Two nodes that do so at once can meet in the catalogue even with `IF NOT EXISTS`.
    pub(crate) async fn make_migrations(&self, text: &str) -> Result<()> {
        let client = self.client().await?;
        for attempt in 1..TRIES {
            match client.batch_execute(text).await.map_err(Error::from) {
                Err(Error::Duplicate { .. } | Error::Statement(_) | Error::Conflict) => pause(attempt).await,
                outcome => return outcome,
            }
        }
        Ok(client.batch_execute(text).await?)
    }
}

fn pool(config: tokio_postgres::Config, size: usize) -> Result<Pool> {
    let kept = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = match config.get_ssl_mode() {
        SslMode::Require => Manager::from_config(config, tls()?, kept),
        _ => Manager::from_config(config, NoTls, kept),
    };
    let timeouts = Timeouts { wait: Some(PATIENCE), create: Some(PATIENCE), recycle: Some(PATIENCE) };
    Pool::builder(manager)
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .timeouts(timeouts)
        .pre_recycle(Hook::async_fn(|client, metrics| Box::pin(forget_plans(client, metrics))))
        .build()
        .map_err(|error| Error::Address(error.to_string()))
}

/// A plan made while a table was nearly empty is bad once it has grown, and PostgreSQL keeps it until it happens to look
/// at the table again. Making all plans anew at the 1st, 2nd, 4th, 8th, … use of a connection costs next to nothing and
/// never leaves a plan much older than half the table.
async fn forget_plans(client: &mut ClientWrapper, metrics: &Metrics) -> Result<(), HookError> {
    if metrics.recycle_count.is_power_of_two() {
        client.batch_execute("DISCARD PLANS").await.map_err(HookError::Backend)?;
    }
    Ok(())
}

fn tls() -> Result<MakeRustlsConnect> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in rustls_native_certs::load_native_certs().certs {
        roots.add(certificate).map_err(|error| Error::Address(error.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Address(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

async fn prepare(client: &Object, stmt: &Stmt) -> Result<Statement> {
    let text = match stmt.expect {
        Expect::One => stmt.sql.guarded(),
        Expect::Any => stmt.sql.pg(),
    };
    Ok(client.prepare_cached(text).await?)
}

/// One statement is a transaction of its own; more are put between `BEGIN` and `COMMIT`.
fn messages<'a>(client: &'a Object, list: &'a [Stmt], prepared: &'a [Statement]) -> Vec<Answers<'a>> {
    let execute = |(stmt, statement): (&'a Stmt, &'a Statement)| {
        queue(async move { client.execute(statement, &references(&stmt.params)).await.map(drop) })
    };
    let mut messages = Vec::with_capacity(list.len() + 2);
    let alone = list.len() == 1;
    if !alone {
        messages.push(queue(client.batch_execute("BEGIN")));
    }
    messages.extend(list.iter().zip(prepared).map(execute));
    if !alone {
        messages.push(queue(client.batch_execute("COMMIT")));
    }
    messages
}

fn queue<'a>(message: impl Future<Output = Answer> + Send + 'a) -> Answers<'a> {
    Box::pin(maybe_done(Box::pin(message) as Pin<Box<dyn Future<Output = Answer> + Send + 'a>>))
}

/// Queues all messages in the order of the list at the first poll, then collects their answers.
async fn in_order(mut messages: Vec<Answers<'_>>) -> Vec<Answer> {
    poll_fn(|cx| {
        for message in &mut messages {
            // Not ready is what we expect: this puts the message on its way.
            let _ = message.as_mut().poll(cx);
        }
        Poll::Ready(())
    })
    .await;
    let mut answers = Vec::with_capacity(messages.len());
    for mut message in messages {
        message.as_mut().await;
        answers.extend(message.as_mut().take_output());
    }
    answers
}

fn references(params: &[P]) -> Vec<&Param<'_>> {
    params.iter().map(|it| it as _).collect()
}

/// What had been sent may have been committed before the connection broke.
fn after_sending(error: tokio_postgres::Error) -> Error {
    match Error::from(error) {
        Error::Unavailable(why) => Error::OutcomeUnknown(why),
        error => error,
    }
}

fn is_unexpected_count(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&tokio_postgres::error::SqlState::DIVISION_BY_ZERO)
}

/// Waits a little longer each time, and never as long as the neighbour that met the same trouble.
pub(crate) async fn pause(attempt: u32) {
    let most = 20_u64 << attempt.min(6);
    tokio::time::sleep(Duration::from_millis(fastrand::u64(most / 2..most))).await;
}
