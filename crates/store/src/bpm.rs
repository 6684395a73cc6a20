//! Completions that other engines report: who handles them, and which were reported already.

use crate::error::{Error, Result};
use crate::outbox::{self, Delivery};
use crate::sql::{Expect, P, Row, Sql, Written, stmt};
use crate::store::Store;
use uuid::Uuid;
use zhupi_engine::ids::{TenantId, UserId};

/// Who handles the completions of one class.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallbackHandler {
    /// The class that reports name.
    pub class: String,
    /// What is done, as JSON of the server.
    pub action: String,
    /// Whether it is done.
    pub active: bool,
    /// Counts changes.
    pub revision: u64,
    /// Who registered it.
    pub created_by: UserId,
    /// When, in microseconds since 1970.
    pub created_at: i64,
    /// When it was last changed, in microseconds since 1970.
    pub updated_at: i64,
}

/// A completion that was reported and taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Completion {
    /// The other engine's id of the process.
    pub flow_instance_id: String,
    /// The class it named.
    pub class: String,
    /// What it said.
    pub report: String,
    /// The delivery or the instance that came of it.
    pub effect: Uuid,
    /// When, in microseconds since 1970.
    pub received_at: i64,
}

static INSERT_HANDLER: Sql = Sql::new(
    "INSERT INTO callback_handlers
       (tenant_id, class, action, active, revision, created_by, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);
static UPDATE_HANDLER: Sql = Sql::new(
    "UPDATE callback_handlers SET action = $4, active = $5, revision = revision + 1, updated_at = $6
     WHERE tenant_id = $1 AND class = $2 AND revision = $3",
);
static DELETE_HANDLER: Sql = Sql::new("DELETE FROM callback_handlers WHERE tenant_id = $1 AND class = $2");
static LOAD_HANDLER: Sql = Sql::new(
    "SELECT class, action, active, revision, created_by, created_at, updated_at FROM callback_handlers
     WHERE tenant_id = $1 AND class = $2",
);
static LIST_HANDLERS: Sql = Sql::new(
    "SELECT class, action, active, revision, created_by, created_at, updated_at FROM callback_handlers
     WHERE tenant_id = $1 ORDER BY class",
);
static INSERT_COMPLETION: Sql = Sql::new(
    "INSERT INTO completions (tenant_id, flow_instance_id, class, report, effect, received_at)
     VALUES ($1, $2, $3, $4, $5, $6)",
);
static LOAD_COMPLETION: Sql = Sql::new(
    "SELECT flow_instance_id, class, report, effect, received_at FROM completions
     WHERE tenant_id = $1 AND flow_instance_id = $2",
);

pub(crate) static ALL: &[&Sql] = &[
    &INSERT_HANDLER,
    &UPDATE_HANDLER,
    &DELETE_HANDLER,
    &LOAD_HANDLER,
    &LIST_HANDLERS,
    &INSERT_COMPLETION,
    &LOAD_COMPLETION,
];

impl Store {
    /// Registers a handler; a class has one at most.
    pub async fn create_callback_handler(&self, tenant: TenantId, handler: &CallbackHandler) -> Result<()> {
        let row = vec![
            tenant.into(),
            handler.class.as_str().into(),
            handler.action.as_str().into(),
            handler.active.into(),
            number(handler.revision),
            handler.created_by.into(),
            handler.created_at.into(),
            handler.updated_at.into(),
        ];
        self.write(vec![stmt(&INSERT_HANDLER, row, Expect::One)]).await?.or_conflict()
    }

    /// Changes action and activity of the handler, whose revision must still be the one given.
    pub async fn update_callback_handler(&self, tenant: TenantId, handler: &CallbackHandler) -> Result<()> {
        let row = vec![
            tenant.into(),
            handler.class.as_str().into(),
            number(handler.revision),
            handler.action.as_str().into(),
            handler.active.into(),
            handler.updated_at.into(),
        ];
        self.write(vec![stmt(&UPDATE_HANDLER, row, Expect::One)]).await?.or_conflict()
    }

    /// Takes a handler away. `false`: there was none.
    pub async fn delete_callback_handler(&self, tenant: TenantId, class: &str) -> Result<bool> {
        let gone = stmt(&DELETE_HANDLER, vec![tenant.into(), class.into()], Expect::One);
        Ok(self.write(vec![gone]).await? == Written::Done)
    }

    /// The handler of a class.
    pub async fn load_callback_handler(
        &self,
        tenant: TenantId,
        class: &str,
    ) -> Result<Option<CallbackHandler>> {
        let row = self.query_one_opt(&LOAD_HANDLER, vec![tenant.into(), class.into()]).await?;
        row.as_ref().map(read_handler).transpose()
    }

    /// All handlers, by class.
    pub async fn list_callback_handlers(&self, tenant: TenantId) -> Result<Vec<CallbackHandler>> {
        let rows = self.query(&LIST_HANDLERS, vec![tenant.into()]).await?;
        rows.iter().map(read_handler).collect()
    }

    /// The completion that was reported of a process.
    pub async fn load_completion(
        &self,
        tenant: TenantId,
        flow_instance_id: &str,
    ) -> Result<Option<Completion>> {
        let row = self.query_one_opt(&LOAD_COMPLETION, vec![tenant.into(), flow_instance_id.into()]).await?;
        row.as_ref().map(read_completion).transpose()
    }

    /// Takes a completion, together with the delivery that hands it on. `false`: it had been taken before, and nothing
    /// was written.
    pub async fn take_completion(
        &self,
        tenant: TenantId,
        completion: &Completion,
        delivery: Option<&Delivery>,
    ) -> Result<bool> {
        let row = vec![
            tenant.into(),
            completion.flow_instance_id.as_str().into(),
            completion.class.as_str().into(),
            completion.report.as_str().into(),
            completion.effect.into(),
            completion.received_at.into(),
        ];
        let mut write = vec![stmt(&INSERT_COMPLETION, row, Expect::One)];
        write.extend(delivery.map(outbox::insertion));
        match self.write(write).await {
            Ok(written) => written.or_conflict().map(|()| true),
            Err(Error::Duplicate { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn number(revision: u64) -> P {
    P::I64(i64::try_from(revision).unwrap_or(i64::MAX))
}

fn read_handler(row: &Row) -> Result<CallbackHandler> {
    let revision = u64::try_from(row.i64(3)?).map_err(|_| Error::corrupt("a handler's revision is negative"));
    Ok(CallbackHandler {
        class: row.text(0)?,
        action: row.text(1)?,
        active: row.flag(2)?,
        revision: revision?,
        created_by: row.uuid(4)?.into(),
        created_at: row.i64(5)?,
        updated_at: row.i64(6)?,
    })
}

fn read_completion(row: &Row) -> Result<Completion> {
    Ok(Completion {
        flow_instance_id: row.text(0)?,
        class: row.text(1)?,
        report: row.text(2)?,
        effect: row.uuid(3)?,
        received_at: row.i64(4)?,
    })
}
