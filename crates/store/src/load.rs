//! Loading instances from PostgreSQL: whatever is asked for while the last question is under way goes into the next.
//! The same idea as in `commit.rs`, for reads.

use crate::error::{Error, Result};
use crate::postgres::Pg;
use crate::sql::{Row, Sql};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::sync::{mpsc, oneshot};
use zhupi_engine::ids::{InstanceId, TenantId};

pub(crate) static ALL: &[&Sql] = &[&LOAD_ALL];

/// The columns that `instances::stored` reads, and whose they are.
static LOAD_ALL: Sql = Sql::both(
    "",
    "SELECT i.state, i.head, i.business_key, i.created_at, i.updated_at, wanted.n
     FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS wanted (tenant_id, id, n)
     JOIN instances i ON i.tenant_id = wanted.tenant_id AND i.id = wanted.id",
);

const WORKERS: usize = 2;
const TOGETHER: usize = 128;

pub(crate) struct Loader {
    queues: Vec<mpsc::UnboundedSender<Wanted>>,
    turn: AtomicUsize,
}

struct Wanted {
    tenant: TenantId,
    id: InstanceId,
    reply: oneshot::Sender<Result<Option<Row>>>,
}

impl Loader {
    pub(crate) fn start(pg: &Arc<Pg>) -> Self {
        let start_one = |_| {
            let (queue, wanted) = mpsc::unbounded_channel();
            tokio::spawn(work(Arc::clone(pg), wanted));
            queue
        };
        Self { queues: (0..WORKERS).map(start_one).collect(), turn: AtomicUsize::new(0) }
    }

    pub(crate) async fn load(&self, tenant: TenantId, id: InstanceId) -> Result<Option<Row>> {
        let gone = || Error::Unavailable("the store is closed".to_owned());
        let (reply, answer) = oneshot::channel();
        let turn = self.turn.fetch_add(1, Relaxed) % WORKERS;
        let queue = self.queues.get(turn).ok_or_else(gone)?;
        queue.send(Wanted { tenant, id, reply }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

async fn work(pg: Arc<Pg>, mut queue: mpsc::UnboundedReceiver<Wanted>) {
    let mut waiting = Vec::new();
    while queue.recv_many(&mut waiting, TOGETHER).await > 0 {
        answer(&pg, std::mem::take(&mut waiting)).await;
    }
}

async fn answer(pg: &Pg, waiting: Vec<Wanted>) {
    let tenants: Vec<&[u8]> = waiting.iter().map(|it| it.tenant.0.as_bytes().as_slice()).collect();
    let ids: Vec<&[u8]> = waiting.iter().map(|it| it.id.0.as_bytes().as_slice()).collect();
    let found = pg.query_arrays(&LOAD_ALL, &[&tenants, &ids]).await.and_then(|rows| {
        let mut found: Vec<Option<Row>> = waiting.iter().map(|_| None).collect();
        for row in rows {
            let n = usize::try_from(row.i64(5)?.saturating_sub(1)).unwrap_or(usize::MAX);
            if let Some(place) = found.get_mut(n) {
                *place = Some(row);
            }
        }
        Ok(found)
    });
    match found {
        Ok(found) => {
            for (wanted, row) in waiting.into_iter().zip(found) {
                drop(wanted.reply.send(Ok(row)));
            }
        }
        Err(error) => {
            for wanted in waiting {
                drop(wanted.reply.send(Err(error.clone())));
            }
        }
    }
}
