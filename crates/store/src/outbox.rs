//! Deliveries: rows written together with what they tell of, claimed under a lease, tried until the other side takes them
//! or the attempts are used up. Rows of one instance for one target go out in their order: a later one waits while an
//! earlier one is neither delivered nor dead.

use crate::commit::DELIVERY;
use crate::error::{Error, Result};
use crate::page::{Cursor, Page, PageOf};
use crate::sql::{Expect, P, Row, Sql, Stmt, Written, stmt};
use crate::store::Store;
use futures_util::future::join_all;
use uuid::Uuid;
use zhupi_engine::ids::{InstanceId, TenantId};

/// Something to tell another system.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// Whose.
    pub tenant: TenantId,
    /// Its id, the same through all attempts.
    pub id: Uuid,
    /// What it tells of; where that is no instance of ours, the delivery's own id, so that it waits for no other.
    pub instance: InstanceId,
    /// Its place among those of the instance.
    pub seq: i64,
    /// What has to be done with it.
    pub kind: String,
    /// Where it goes, in the words of its kind.
    pub target: String,
    /// What is told.
    pub payload: String,
    /// What became of it.
    pub state: DeliveryState,
    /// How often it was tried in all.
    pub attempts: u32,
    /// How many of these were made before it was last asked for again.
    pub attempts_before: u32,
    /// When it is due, in microseconds since 1970.
    pub next_at: i64,
    /// Until when it belongs to a worker.
    pub lease_until: i64,
    /// When it was written.
    pub created_at: i64,
}

impl Delivery {
    /// A new one that is about no instance of ours and due at once.
    pub fn alone(tenant: TenantId, id: Uuid, told: Told, at: i64) -> Self {
        Self {
            tenant,
            id,
            instance: id.into(),
            seq: 0,
            kind: told.kind,
            target: told.target,
            payload: told.payload,
            state: DeliveryState::Waiting,
            attempts: 0,
            attempts_before: 0,
            next_at: at,
            lease_until: 0,
            created_at: at,
        }
    }
}

/// What is told, and to whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// What has to be done with it.
    pub kind: String,
    /// Where it goes, in the words of its kind.
    pub target: String,
    /// What is told.
    pub payload: String,
}

/// What became of a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryState {
    /// It will be tried, perhaps again.
    Waiting,
    /// The other side took it.
    Delivered,
    /// Its attempts are used up, or it can never be delivered.
    Dead,
}

impl DeliveryState {
    fn number(self) -> i64 {
        match self {
            DeliveryState::Waiting => 0,
            DeliveryState::Delivered => 1,
            DeliveryState::Dead => 2,
        }
    }

    fn from_number(number: i64) -> Result<Self> {
        [DeliveryState::Waiting, DeliveryState::Delivered, DeliveryState::Dead]
            .into_iter()
            .find(|state| state.number() == number)
            .ok_or_else(|| Error::corrupt(format!("a delivery has the unknown state {number}")))
    }
}

/// One try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// Counts from 1.
    pub number: u32,
    /// When it began, in microseconds since 1970.
    pub at: i64,
    /// How long it took.
    pub duration_us: i64,
    /// What the other side answered with; absent where it did not.
    pub status: Option<u16>,
    /// The beginning of its answer.
    pub response: String,
    /// Why it does not count as delivered; absent where it does.
    pub error: Option<String>,
}

/// What follows from an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The other side took it.
    Delivered,
    /// It is tried again then.
    Retry {
        /// In microseconds since 1970.
        at: i64,
    },
    /// It is not tried again.
    Dead,
}

/// Which deliveries; what is absent does not matter.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeliveryFilter {
    /// What became of them.
    pub state: Option<DeliveryState>,
    /// What has to be done with them.
    pub kind: Option<String>,
    /// Where they go.
    pub target: Option<String>,
    /// What they tell of.
    pub instance: Option<InstanceId>,
    /// Not written before.
    pub from: Option<i64>,
    /// Written before.
    pub until: Option<i64>,
}

/// How much there is to do, over all tenants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backlog {
    /// Deliveries that wait, at most [`BACKLOG_COUNTED`].
    pub waiting: i64,
    /// When the first of them was due, in microseconds since 1970.
    pub oldest_due: Option<i64>,
}

/// Counting stops here.
pub const BACKLOG_COUNTED: i64 = 10_000;

macro_rules! columns {
    () => {
        "tenant_id, id, instance_id, seq, kind, target, payload, state, attempts, attempts_before, next_at, \
         lease_until, created_at"
    };
}

static DUE: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM outbox AS due
      WHERE state = 0 AND next_at <= $1 AND lease_until <= $1 AND kind <> 'seal'
        AND NOT EXISTS (
            SELECT 1 FROM outbox AS earlier
            WHERE earlier.tenant_id = due.tenant_id AND earlier.instance_id = due.instance_id
              AND earlier.target = due.target AND earlier.state = 0
              AND (earlier.seq < due.seq OR (earlier.seq = due.seq AND earlier.id < due.id)))
      ORDER BY next_at LIMIT $2"
));
static CLAIM: Sql = Sql::new(
    "UPDATE outbox SET lease_until = $3
     WHERE tenant_id = $1 AND id = $2 AND state = 0 AND lease_until = $4 AND next_at = $5",
);
static RECORD: Sql = Sql::new(
    "UPDATE outbox SET state = $4, next_at = $5, lease_until = 0, attempts = attempts + 1
     WHERE tenant_id = $1 AND id = $2 AND state = 0 AND lease_until = $3",
);
static POSTPONE_LATER: Sql = Sql::new(
    "UPDATE outbox SET next_at = $5
     WHERE tenant_id = $1 AND instance_id = $2 AND target = $3 AND state = 0 AND seq >= $4 AND next_at < $5",
);
static INSERT_ATTEMPT: Sql = Sql::new(
    "INSERT INTO delivery_attempts (tenant_id, delivery_id, number, at, duration_us, status, response, error)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);
static LOAD: Sql = Sql::new(concat!("SELECT ", columns!(), " FROM outbox WHERE tenant_id = $1 AND id = $2"));
static ATTEMPTS: Sql = Sql::new(
    "SELECT number, at, duration_us, status, response, error FROM delivery_attempts
     WHERE tenant_id = $1 AND delivery_id = $2 ORDER BY number",
);
static LIST: Sql = Sql::new(concat!(
    "SELECT ",
    columns!(),
    " FROM outbox
      WHERE tenant_id = $1 AND id < $2
        AND (state = $3 OR $3 IS NULL) AND (kind = $4 OR $4 IS NULL) AND (target = $5 OR $5 IS NULL)
        AND (instance_id = $6 OR $6 IS NULL) AND (created_at >= $7 OR $7 IS NULL)
        AND (created_at < $8 OR $8 IS NULL)
      ORDER BY id DESC LIMIT $9"
));
static REDELIVER: Sql = Sql::new(
    "UPDATE outbox SET state = 0, next_at = $3, attempts_before = attempts WHERE tenant_id = $1 AND id = $2",
);
static HASTEN_LATER: Sql = Sql::new(
    "UPDATE outbox SET next_at = $5
     WHERE tenant_id = $1 AND instance_id = $2 AND target = $3 AND state = 0 AND seq >= $4 AND next_at > $5",
);
static BACKLOG: Sql = Sql::new(
    "SELECT count(*), min(next_at) FROM
       (SELECT next_at FROM outbox WHERE state = 0 AND kind <> 'seal' ORDER BY next_at LIMIT $1) AS waiting",
);

pub(crate) static ALL: &[&Sql] = &[
    &DUE,
    &CLAIM,
    &RECORD,
    &POSTPONE_LATER,
    &INSERT_ATTEMPT,
    &LOAD,
    &ATTEMPTS,
    &LIST,
    &REDELIVER,
    &HASTEN_LATER,
    &BACKLOG,
];

impl Store {
    /// Takes up to so many due deliveries of any tenant. They are the caller's until `lease_until`; then anybody's.
    pub async fn claim_deliveries(&self, now: i64, lease_until: i64, limit: u32) -> Result<Vec<Delivery>> {
        let due = self.query(&DUE, vec![now.into(), limit.into()]).await?;
        let due = due.iter().map(read_delivery).collect::<Result<Vec<_>>>()?;
        let claims = due.into_iter().map(async |delivery| {
            let claim = vec![
                delivery.tenant.into(),
                delivery.id.into(),
                lease_until.into(),
                delivery.lease_until.into(),
                delivery.next_at.into(),
            ];
            match self.write(vec![stmt(&CLAIM, claim, Expect::One)]).await? {
                Written::Done => Ok(Some(Delivery { lease_until, ..delivery })),
                Written::Conflict => Ok(None),
            }
        });
        let claimed: Vec<Option<Delivery>> = join_all(claims).await.into_iter().collect::<Result<_>>()?;
        Ok(claimed.into_iter().flatten().collect())
    }

    /// Writes down an attempt and what follows. `false`: the lease had run out and somebody else has taken over, so that
    /// nothing was written.
    pub async fn record_attempt(
        &self,
        delivery: &Delivery,
        attempt: &Attempt,
        outcome: Outcome,
    ) -> Result<bool> {
        let (tenant, id) = (delivery.tenant, delivery.id);
        let (state, next_at) = match outcome {
            Outcome::Delivered => (DeliveryState::Delivered, delivery.next_at),
            Outcome::Retry { at } => (DeliveryState::Waiting, at),
            Outcome::Dead => (DeliveryState::Dead, delivery.next_at),
        };
        let record = vec![
            tenant.into(),
            id.into(),
            delivery.lease_until.into(),
            state.number().into(),
            next_at.into(),
        ];
        let mut write = vec![stmt(&RECORD, record, Expect::One)];
        if let Outcome::Retry { at } = outcome {
            write.push(stmt(&POSTPONE_LATER, later(delivery, at), Expect::Any));
        }
        write.push(stmt(&INSERT_ATTEMPT, attempt_row(delivery, attempt), Expect::One));
        Ok(self.write(write).await? == Written::Done)
    }

    /// Writes down something to tell that goes with no other change.
    pub async fn insert_delivery(&self, delivery: &Delivery) -> Result<()> {
        self.write(vec![insertion(delivery)]).await?.or_conflict()
    }

    /// The delivery with this id.
    pub async fn load_delivery(&self, tenant: TenantId, id: Uuid) -> Result<Option<Delivery>> {
        let row = self.query_one_opt(&LOAD, vec![tenant.into(), id.into()]).await?;
        row.as_ref().map(read_delivery).transpose()
    }

    /// Every attempt at a delivery, the first one first.
    pub async fn list_attempts(&self, tenant: TenantId, id: Uuid) -> Result<Vec<Attempt>> {
        let rows = self.query(&ATTEMPTS, vec![tenant.into(), id.into()]).await?;
        rows.iter().map(read_attempt).collect()
    }

    /// Deliveries, the newest first.
    pub async fn list_deliveries(
        &self,
        tenant: TenantId,
        filter: &DeliveryFilter,
        page: &Page,
    ) -> Result<PageOf<Delivery>> {
        let params = vec![
            tenant.into(),
            page.before().id.into(),
            filter.state.map(DeliveryState::number).into(),
            filter.kind.clone().into(),
            filter.target.clone().into(),
            filter.instance.into(),
            filter.from.into(),
            filter.until.into(),
            page.fetch().into(),
        ];
        let rows = self.query(&LIST, params).await?;
        let rows = rows.iter().map(read_delivery).collect::<Result<Vec<_>>>()?;
        Ok(page.cut(rows, |delivery| Cursor::new(0, delivery.id)))
    }

    /// Has a delivery tried again from now on, with all its attempts anew, whatever became of it.
    pub async fn redeliver(&self, delivery: &Delivery, now: i64) -> Result<()> {
        let (tenant, id) = (delivery.tenant, delivery.id);
        let again = vec![tenant.into(), id.into(), now.into()];
        let write = vec![
            stmt(&REDELIVER, again, Expect::One),
            stmt(&HASTEN_LATER, later(delivery, now), Expect::Any),
        ];
        self.write(write).await?.or_conflict()
    }

    /// How much there is to do.
    pub async fn delivery_backlog(&self) -> Result<Backlog> {
        let row = self.query_one_opt(&BACKLOG, vec![BACKLOG_COUNTED.into()]).await?;
        match row {
            Some(row) => Ok(Backlog { waiting: row.i64(0)?, oldest_due: row.opt_i64(1)? }),
            None => Ok(Backlog { waiting: 0, oldest_due: None }),
        }
    }
}

/// The statement that writes down a new delivery.
pub(crate) fn insertion(delivery: &Delivery) -> Stmt {
    let row = vec![
        delivery.tenant.into(),
        delivery.id.into(),
        delivery.instance.into(),
        delivery.seq.into(),
        delivery.kind.as_str().into(),
        delivery.target.as_str().into(),
        delivery.payload.as_str().into(),
        delivery.created_at.into(),
        delivery.created_at.into(),
    ];
    stmt(&DELIVERY, row, Expect::One)
}

/// Those that wait for this one, and a time.
fn later(delivery: &Delivery, at: i64) -> Vec<P> {
    let Delivery { tenant, instance, target, seq, .. } = delivery;
    vec![(*tenant).into(), (*instance).into(), target.as_str().into(), (*seq).into(), at.into()]
}

fn attempt_row(delivery: &Delivery, attempt: &Attempt) -> Vec<P> {
    vec![
        delivery.tenant.into(),
        delivery.id.into(),
        attempt.number.into(),
        attempt.at.into(),
        attempt.duration_us.into(),
        attempt.status.map(u32::from).into(),
        attempt.response.as_str().into(),
        attempt.error.as_deref().into(),
    ]
}

fn read_delivery(row: &Row) -> Result<Delivery> {
    Ok(Delivery {
        tenant: row.uuid(0)?.into(),
        id: row.uuid(1)?,
        instance: row.uuid(2)?.into(),
        seq: row.i64(3)?,
        kind: row.text(4)?,
        target: row.text(5)?,
        payload: row.text(6)?,
        state: DeliveryState::from_number(row.i64(7)?)?,
        attempts: row.u32(8)?,
        attempts_before: row.u32(9)?,
        next_at: row.i64(10)?,
        lease_until: row.i64(11)?,
        created_at: row.i64(12)?,
    })
}

fn read_attempt(row: &Row) -> Result<Attempt> {
    let status = row.opt_i64(3)?.map(u16::try_from).transpose();
    Ok(Attempt {
        number: row.u32(0)?,
        at: row.i64(1)?,
        duration_us: row.i64(2)?,
        status: status.map_err(|_| Error::corrupt("an attempt has a status that is none"))?,
        response: row.text(4)?,
        error: row.opt_text(5)?,
    })
}
