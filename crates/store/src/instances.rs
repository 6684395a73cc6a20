//! Instances as they are loaded and listed. How they are written: `commit.rs`.

use crate::error::{Error, Result};
use crate::page::{Cursor, Page, PageOf};
use crate::sql::{P, Row, Sql};
use crate::store::{Db, Store};
use uuid::Uuid;
use zhupi_engine::ids::{InstanceId, TemplateId, TenantId, UserId};
use zhupi_engine::ledger::Hash;
use zhupi_engine::{Instance, Status};

pub(crate) static ALL: &[&Sql] = &[
    &LOAD,
    &LIST_FINISHED,
    &LIST_RUNNING,
    &LIST,
    &LIST_BY_INITIATOR,
    &LIST_BY_TEMPLATE,
    &LIST_BY_BUSINESS_KEY,
    &COUNT,
    &COUNT_BY_INITIATOR,
    &COUNT_BY_TEMPLATE,
    &COUNT_BY_BUSINESS_KEY,
];

pub(crate) static LOAD: Sql = Sql::new(
    "SELECT state, head, business_key, created_at, updated_at FROM instances WHERE tenant_id = $1 AND id = $2",
);

/// The columns of `LOAD` of instances that have ended, from new to old.
pub(crate) static LIST_FINISHED: Sql = Sql::new(
    "SELECT state, head, business_key, created_at, updated_at FROM instances
     WHERE tenant_id = $1 AND template_id = $2 AND (created_at, id) < ($3, $4)
     AND CASE WHEN ended_at IS NULL THEN 0 ELSE 1 END = 1
     ORDER BY created_at DESC, id DESC LIMIT $5",
);

/// States of instances that have not ended, by id.
pub(crate) static LIST_RUNNING: Sql = Sql::new(
    "SELECT state FROM instances WHERE tenant_id = $1 AND id > $2 AND ended_at IS NULL ORDER BY id LIMIT $3",
);

/// Filters that no index serves hide in a `CASE`, so that neither planner is led astray by them.
macro_rules! list {
    ($leading:literal) => {
        concat!(
            "SELECT id, version, title, template_id, template_version, initiator_id, status, business_key,
                    created_at, updated_at, ended_at, serial
             FROM instances WHERE tenant_id = $1 AND (created_at, id) < ($2, $3)
             AND CASE WHEN status BETWEEN $5 AND $6 AND template_id BETWEEN $7 AND $8
                      AND initiator_id BETWEEN $9 AND $10 THEN 1 ELSE 0 END = 1",
            $leading,
            " ORDER BY created_at DESC, id DESC LIMIT $4"
        )
    };
}

pub(crate) static LIST: Sql = Sql::new(list!(""));
pub(crate) static LIST_BY_INITIATOR: Sql = Sql::new(list!(" AND initiator_id = $9"));
pub(crate) static LIST_BY_TEMPLATE: Sql = Sql::new(list!(" AND template_id = $7"));
pub(crate) static LIST_BY_BUSINESS_KEY: Sql = Sql::new(list!(" AND business_key = $11"));

macro_rules! count {
    ($leading:literal) => {
        concat!(
            "SELECT count(*) FROM (SELECT 1 FROM instances WHERE tenant_id = $1
             AND CASE WHEN status BETWEEN $2 AND $3 AND template_id BETWEEN $4 AND $5
                      AND initiator_id BETWEEN $6 AND $7 THEN 1 ELSE 0 END = 1",
            $leading,
            " LIMIT $8) AS found"
        )
    };
}

static COUNT: Sql = Sql::new(count!(""));
static COUNT_BY_INITIATOR: Sql = Sql::new(count!(" AND initiator_id = $6"));
static COUNT_BY_TEMPLATE: Sql = Sql::new(count!(" AND template_id = $4"));
static COUNT_BY_BUSINESS_KEY: Sql = Sql::new(count!(" AND business_key = $9"));

/// Counts stop here: more than this is shown as "1000+".
pub const COUNTED: u32 = 1000;

/// An instance with what is kept beside it.
#[derive(Clone, PartialEq, Debug)]
pub struct Stored {
    /// Its state.
    pub instance: Instance,
    /// The hash of its last history entry.
    pub head: Hash,
    /// What the engine does not know.
    pub meta: InstanceMeta,
}

/// What is kept beside an instance; times in microseconds since 1970.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstanceMeta {
    /// What another system calls the matter.
    pub business_key: Option<String>,
    /// When it was made.
    pub created_at: i64,
    /// When its last command was accepted.
    pub updated_at: i64,
}

/// Which instances; what is absent does not restrict.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InstanceFilter {
    /// Who asked.
    pub initiator: Option<UserId>,
    /// After which template.
    pub template: Option<TemplateId>,
    /// Standing where.
    pub status: Option<Status>,
    /// What another system calls the matter.
    pub business_key: Option<String>,
}

/// An instance in a list; times in microseconds since 1970.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstanceRow {
    /// Its id.
    pub id: InstanceId,
    /// Accepted commands so far.
    pub version: u64,
    /// What people see in lists.
    pub title: String,
    /// After which template.
    pub template: TemplateId,
    /// In which version.
    pub template_version: u32,
    /// Who asked.
    pub initiator: UserId,
    /// Where it stands.
    pub status: Status,
    /// What another system calls the matter.
    pub business_key: Option<String>,
    /// When it was made.
    pub created_at: i64,
    /// When its last command was accepted.
    pub updated_at: i64,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// Its serial number, where its template numbers its instances.
    pub serial: Option<String>,
}

impl Store {
    /// One instance.
    pub async fn load_instance(&self, tenant: TenantId, id: InstanceId) -> Result<Option<Stored>> {
        let row = match self.db() {
            Db::Lite(_) => self.query_one_opt(&LOAD, vec![tenant.into(), id.into()]).await?,
            Db::Pg { loader, .. } => loader.load(tenant, id).await?,
        };
        row.as_ref().map(stored).transpose()
    }

    /// Instances from new to old.
    pub async fn list_instances(
        &self,
        tenant: TenantId,
        filter: &InstanceFilter,
        page: &Page,
    ) -> Result<PageOf<InstanceRow>> {
        let from = page.before();
        let mut params = vec![tenant.into(), from.at.into(), from.id.into(), page.fetch().into()];
        params.extend(bounds(filter));
        let sql = match filter {
            InstanceFilter { business_key: Some(key), .. } => {
                params.push(key.as_str().into());
                &LIST_BY_BUSINESS_KEY
            }
            InstanceFilter { initiator: Some(_), .. } => &LIST_BY_INITIATOR,
            InstanceFilter { template: Some(_), .. } => &LIST_BY_TEMPLATE,
            InstanceFilter { .. } => &LIST,
        };
        let rows = self.query(sql, params).await?.iter().map(listed).collect::<Result<Vec<_>>>()?;
        Ok(page.cut(rows, |row| Cursor::new(row.created_at, row.id)))
    }

    /// Instances of a template that have ended, as they are kept, from new to old.
    pub async fn list_finished(
        &self,
        tenant: TenantId,
        template: TemplateId,
        page: &Page,
    ) -> Result<PageOf<Stored>> {
        let from = page.before();
        let params =
            vec![tenant.into(), template.into(), from.at.into(), from.id.into(), page.fetch().into()];
        let rows = self.query(&LIST_FINISHED, params).await?;
        let rows = rows.iter().map(stored).collect::<Result<Vec<_>>>()?;
        Ok(page.cut(rows, |row| Cursor::new(row.meta.created_at, row.instance.id)))
    }

    /// Instances that have not ended, by id, behind `after`.
    pub async fn list_running(
        &self,
        tenant: TenantId,
        after: InstanceId,
        limit: u32,
    ) -> Result<Vec<Instance>> {
        let rows = self.query(&LIST_RUNNING, vec![tenant.into(), after.into(), limit.into()]).await?;
        rows.iter().map(|row| crate::json::read(row.str(0)?, "instances.state")).collect()
    }

    /// How many there are, by at most one more than [`COUNTED`].
    pub async fn count_instances(&self, tenant: TenantId, filter: &InstanceFilter) -> Result<u32> {
        let mut params = vec![tenant.into()];
        params.extend(bounds(filter));
        params.push((COUNTED + 1).into());
        let sql = match filter {
            InstanceFilter { business_key: Some(key), .. } => {
                params.push(key.as_str().into());
                &COUNT_BY_BUSINESS_KEY
            }
            InstanceFilter { initiator: Some(_), .. } => &COUNT_BY_INITIATOR,
            InstanceFilter { template: Some(_), .. } => &COUNT_BY_TEMPLATE,
            InstanceFilter { .. } => &COUNT,
        };
        self.query_one_opt(sql, params).await?.map_or(Ok(0), |row| row.u32(0))
    }
}

pub(crate) fn bounds(filter: &InstanceFilter) -> [P; 6] {
    let numbers = filter.status.map(status_number).map_or((0, i64::MAX), |it| (it, it));
    let ids = |id: Option<Uuid>| id.map_or((Uuid::nil(), Uuid::max()), |it| (it, it));
    let (template, initiator) = (ids(filter.template.map(Uuid::from)), ids(filter.initiator.map(Uuid::from)));
    [
        numbers.0.into(),
        numbers.1.into(),
        template.0.into(),
        template.1.into(),
        initiator.0.into(),
        initiator.1.into(),
    ]
}

/// So many columns `LOAD` has.
pub(crate) const COLUMNS_OF_STORED: usize = 5;

/// From the first columns of `LOAD`, of the loader and of a scan.
pub(crate) fn stored(row: &Row) -> Result<Stored> {
    let instance = serde_json::from_str(row.str(0)?)
        .map_err(|error| Error::corrupt(format!("the state of an instance: {error}")))?;
    let meta =
        InstanceMeta { business_key: row.opt_text(2)?, created_at: row.i64(3)?, updated_at: row.i64(4)? };
    Ok(Stored { instance, head: row.hash(1)?, meta })
}

pub(crate) fn listed(row: &Row) -> Result<InstanceRow> {
    Ok(InstanceRow {
        id: row.uuid(0)?.into(),
        version: row.i64(1)?.cast_unsigned(),
        title: row.text(2)?,
        template: row.uuid(3)?.into(),
        template_version: row.u32(4)?,
        initiator: row.uuid(5)?.into(),
        status: status(row.i64(6)?)?,
        business_key: row.opt_text(7)?,
        created_at: row.i64(8)?,
        updated_at: row.i64(9)?,
        ended_at: row.opt_i64(10)?,
        serial: row.opt_text(11)?,
    })
}

/// As it is kept. Never change a number.
pub(crate) fn status_number(status: Status) -> i64 {
    match status {
        Status::Draft => 0,
        Status::Running => 1,
        Status::Approved => 2,
        Status::Rejected => 3,
        Status::Withdrawn => 4,
        Status::Suspended => 5,
        Status::Returned => 6,
        Status::Revoking => 7,
        Status::Revoked => 8,
        Status::Terminated => 9,
    }
}

pub(crate) fn status(number: i64) -> Result<Status> {
    Ok(match number {
        0 => Status::Draft,
        1 => Status::Running,
        2 => Status::Approved,
        3 => Status::Rejected,
        4 => Status::Withdrawn,
        5 => Status::Suspended,
        6 => Status::Returned,
        7 => Status::Revoking,
        8 => Status::Revoked,
        9 => Status::Terminated,
        _ => return Err(Error::corrupt(format!("{number} is no status of an instance"))),
    })
}
