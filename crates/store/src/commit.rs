//! Committing changes: whatever queued up while the last commit was in flight goes into the next one together. There is
//! no timer, so that a change that is alone goes at once. One change that fails never fails its neighbours.
//!
//! On SQLite the writing thread does this for every write (`sqlite.rs`). Here is the same for PostgreSQL.

mod batch;
mod list;

use crate::change::{Change, Committed};
use crate::error::{Error, Result};
use crate::postgres::{Pg, TRIES, pause};
use crate::sql::{Sql, Stmt, Written};
use crate::store::{Db, Store};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use zhupi_engine::ids::{InstanceId, TenantId};

pub(crate) use batch::ALL as ALL_OF_BATCH;
pub(crate) use list::{ALL as ALL_OF_LIST, DELIVERY};

pub(crate) static ALL: &[&Sql] = &[&HASH];
static HASH: Sql =
    Sql::new("SELECT hash FROM history WHERE tenant_id = $1 AND instance_id = $2 AND seq = $3");

/// Each instance always goes to the same worker, so that two workers never wait for each other's rows.
const WORKERS: usize = 2;

/// Changes that share one commit at most.
const TOGETHER: usize = 128;

impl Store {
    /// Commits a change. It goes to its end even when the caller goes away.
    pub async fn commit(&self, change: Change) -> Result<Committed> {
        match self.db() {
            Db::Lite(lite) => committed(lite.write(list::statements(change)?).await),
            Db::Pg { pg, .. } if change.stands_alone() => {
                let pg = Arc::clone(pg);
                let work = tokio::spawn(async move { alone(&pg, &change, false).await });
                work.await.map_err(|error| Error::OutcomeUnknown(error.to_string()))?
            }
            Db::Pg { combiner, .. } => combiner.commit(change).await,
        }
    }
}

pub(crate) struct Combiner {
    queues: Vec<mpsc::UnboundedSender<Waiting>>,
}

struct Waiting {
    change: Change,
    reply: oneshot::Sender<Result<Committed>>,
}

impl Combiner {
    pub(crate) fn start(pg: &Arc<Pg>) -> Self {
        let start_one = |_| {
            let (queue, waiting) = mpsc::unbounded_channel();
            tokio::spawn(work(Arc::clone(pg), waiting));
            queue
        };
        Self { queues: (0..WORKERS).map(start_one).collect() }
    }

    async fn commit(&self, change: Change) -> Result<Committed> {
        let gone = || Error::Unavailable("the store is closed".to_owned());
        let (reply, answer) = oneshot::channel();
        let worker = change.instance.id.0.as_u128() % WORKERS as u128;
        let queue = self.queues.get(usize::try_from(worker).unwrap_or(0)).ok_or_else(gone)?;
        queue.send(Waiting { change, reply }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

async fn work(pg: Arc<Pg>, mut queue: mpsc::UnboundedReceiver<Waiting>) {
    let mut waiting = Vec::new();
    while queue.recv_many(&mut waiting, TOGETHER).await > 0 {
        pg.counters().writes(waiting.len());
        let (first, late) = one_for_each_instance(std::mem::take(&mut waiting));
        together(&pg, first).await;
        for it in late {
            drop(it.reply.send(Ok(Committed::Conflict)));
        }
    }
}

/// Of two changes of one instance that wait at the same time, both based on the same version, only one can win. The
/// others are told once it has, so that they do not load the old version again. In the order of ids, so that two nodes
/// lock rows in the same order.
fn one_for_each_instance(mut waiting: Vec<Waiting>) -> (Vec<Waiting>, Vec<Waiting>) {
    waiting.sort_by_key(|it| key(&it.change));
    let mut first: Vec<Waiting> = Vec::with_capacity(waiting.len());
    let mut late = Vec::new();
    for it in waiting {
        match first.last() {
            Some(last) if key(&last.change) == key(&it.change) => late.push(it),
            _ => first.push(it),
        }
    }
    (first, late)
}

fn key(change: &Change) -> (TenantId, InstanceId) {
    (change.tenant, change.instance.id)
}

/// All in one statement; apart when one of them spoils it.
async fn together(pg: &Pg, waiting: Vec<Waiting>) {
    let mut unsure = false;
    let mut attempt = 0;
    let error = loop {
        attempt += 1;
        let changes: Vec<&Change> = waiting.iter().map(|it| &it.change).collect();
        match batch::write(pg, &changes).await {
            Ok(matched) => return answer(pg, waiting, &matched, unsure).await,
            Err(Error::OutcomeUnknown(_)) if attempt < TRIES => unsure = true,
            Err(Error::Conflict | Error::Unavailable(_)) if attempt < TRIES => {}
            Err(error @ (Error::OutcomeUnknown(_) | Error::Unavailable(_))) => break error,
            Err(_) => return each(pg, waiting, unsure).await,
        }
        pause(attempt).await;
    };
    for it in waiting {
        drop(it.reply.send(Err(error.clone())));
    }
}

async fn answer(pg: &Pg, waiting: Vec<Waiting>, matched: &[bool], unsure: bool) {
    for (it, matched) in waiting.into_iter().zip(matched) {
        let outcome = match matched {
            true => Ok(Committed::Done),
            false if unsure => conflict_or_ours(pg, &it.change).await,
            false => Ok(Committed::Conflict),
        };
        drop(it.reply.send(outcome));
    }
}

async fn each(pg: &Pg, waiting: Vec<Waiting>, unsure: bool) {
    for it in waiting {
        let outcome = alone(pg, &it.change, unsure).await;
        drop(it.reply.send(outcome));
    }
}

/// A change whose fate is unknown is simply sent again: if it was committed after all, its version no longer matches,
/// and the history tells that it was ours.
async fn alone(pg: &Pg, change: &Change, mut unsure: bool) -> Result<Committed> {
    let list: Vec<Stmt> = list::statements(change.clone())?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        match committed(pg.write(&list).await) {
            Ok(Committed::Conflict) if unsure => return conflict_or_ours(pg, change).await,
            Err(Error::OutcomeUnknown(_)) if attempt < TRIES => unsure = true,
            Err(Error::Unavailable(_)) if attempt < TRIES => {}
            Err(Error::Unavailable(why)) if unsure => return Err(Error::OutcomeUnknown(why)),
            outcome => return outcome,
        }
        pause(attempt).await;
    }
}

async fn conflict_or_ours(pg: &Pg, change: &Change) -> Result<Committed> {
    let params = [change.tenant.into(), change.instance.id.into(), change.instance.version.into()];
    let rows = pg.query(&HASH, &params).await?;
    match rows.first() {
        Some(row) if row.hash(0)? == change.sealed.hash => Ok(Committed::Done),
        _ => Ok(Committed::Conflict),
    }
}

fn committed(outcome: Result<Written>) -> Result<Committed> {
    match outcome {
        Ok(Written::Done) => Ok(Committed::Done),
        Ok(Written::Conflict) | Err(Error::Conflict) => Ok(Committed::Conflict),
        Err(Error::Duplicate { what }) if what == "idempotency" => Ok(Committed::DuplicateKey),
        // Somebody else told of the object first, or began an approval of it.
        Err(Error::Duplicate { what }) if what.starts_with("entit") => Ok(Committed::Conflict),
        Err(error) => Err(error),
    }
}
