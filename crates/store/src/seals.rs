//! The register of seals, and the jobs that put them under approved documents.

use crate::error::{Error, Result};
use crate::outbox::{Delivery, DeliveryState};
use crate::page::{Cursor, Page, PageOf};
use crate::sql::{Expect, P, Row, Sql, stmt};
use crate::{Store, json};
use uuid::Uuid;
use zhupi_engine::ids::{FileId, InstanceId, TenantId, UserId};

/// A seal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seal {
    /// Its id.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// How its picture came to be.
    pub made: SealMade,
    /// What it is for, in the workspace's own words, such as `contract`.
    pub kind: String,
    /// Millimetres.
    pub width_mm: u32,
    /// Millimetres.
    pub height_mm: u32,
    /// Whose personal seal it is; absent: the organisation's.
    pub holder: Option<UserId>,
    /// Who may use it beside its holder.
    pub granted: Vec<UserId>,
    /// Its picture.
    pub picture: Option<FileId>,
    /// Others are not used any more.
    pub active: bool,
    /// Who registered it.
    pub created_by: UserId,
    /// When, in microseconds since 1970.
    pub created_at: i64,
}

/// How the picture of a seal came to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SealMade {
    /// Drawn after a template for organisations.
    OrganizationTemplate,
    /// Drawn after a template for people.
    PersonalTemplate,
    /// Uploaded.
    Custom,
    /// Drawn by hand.
    HandDrawn,
}

impl SealMade {
    const ALL: [SealMade; 4] =
        [SealMade::OrganizationTemplate, SealMade::PersonalTemplate, SealMade::Custom, SealMade::HandDrawn];

    /// Its number in the table.
    pub fn number(self) -> i64 {
        match self {
            SealMade::OrganizationTemplate => 1,
            SealMade::PersonalTemplate => 2,
            SealMade::Custom => 3,
            SealMade::HandDrawn => 4,
        }
    }
}

/// An approved flow whose documents have to be sealed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealJob {
    /// Its id.
    pub id: Uuid,
    /// Which flow; it has one job at most.
    pub flow: Uuid,
    /// The instance in which it was approved.
    pub instance: InstanceId,
    /// How far it is.
    pub state: SealJobState,
    /// The documents and their digests, as JSON of the server.
    pub documents: String,
    /// Where which seals, as JSON of the server.
    pub positions: String,
    /// What is odd about the positions, as a JSON list of texts.
    pub warnings: String,
    /// When it was made, in microseconds since 1970.
    pub created_at: i64,
}

/// How far a job is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SealJobState {
    /// For somebody who puts the seals in.
    Waiting,
    /// The approval was revoked before anybody put them in (semantics B16). No row says so: it is read off the instance, so
    /// that it holds from the moment of the revocation on, whichever was written first, that or the job.
    Void,
}

impl SealJobState {
    fn number(self) -> i64 {
        match self {
            SealJobState::Waiting => 0,
            SealJobState::Void => 1,
        }
    }

    fn from_number(number: i64) -> Result<Self> {
        [SealJobState::Waiting, SealJobState::Void]
            .into_iter()
            .find(|state| state.number() == number)
            .ok_or_else(|| Error::corrupt(format!("a seal job has the unknown state {number}")))
    }
}

impl Store {
    /// Registers a seal.
    pub async fn create_seal(&self, tenant: TenantId, seal: &Seal) -> Result<()> {
        let row = vec![
            tenant.into(),
            seal.id.into(),
            seal.name.as_str().into(),
            seal.made.number().into(),
            seal.kind.as_str().into(),
            seal.width_mm.into(),
            seal.height_mm.into(),
            seal.holder.into(),
            json::write(&seal.granted)?.into(),
            seal.picture.into(),
            seal.active.into(),
            seal.created_by.into(),
            seal.created_at.into(),
        ];
        self.write(vec![stmt(&INSERT_SEAL, row, Expect::One)]).await?.or_conflict()
    }

    /// All seals, the oldest first. A workspace has few.
    pub async fn list_seals(&self, tenant: TenantId) -> Result<Vec<Seal>> {
        self.query(&LIST_SEALS, vec![tenant.into()]).await?.iter().map(read_seal).collect()
    }

    /// The approvals, of any workspace, of which no job was made yet: so many of them, the oldest first.
    pub async fn list_approved_flows(&self, limit: u32) -> Result<Vec<Delivery>> {
        let rows = self.query(&APPROVED, vec![limit.into()]).await?;
        let read = |row: &Row| {
            let id = row.uuid(1)?;
            Ok(Delivery {
                tenant: row.uuid(0)?.into(),
                id,
                instance: row.uuid(2)?.into(),
                seq: row.i64(3)?,
                kind: row.text(4)?,
                target: row.text(5)?,
                payload: row.text(6)?,
                state: DeliveryState::Waiting,
                attempts: 0,
                attempts_before: 0,
                next_at: row.i64(7)?,
                lease_until: 0,
                created_at: row.i64(8)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Makes the job of an approval and notes that it was made: both or neither. Nothing happens where there is a job
    /// already.
    pub async fn create_seal_job(&self, approval: &Delivery, job: &SealJob) -> Result<()> {
        let row = vec![
            approval.tenant.into(),
            job.id.into(),
            job.flow.into(),
            job.instance.into(),
            job.state.number().into(),
            job.documents.as_str().into(),
            job.positions.as_str().into(),
            job.warnings.as_str().into(),
            job.created_at.into(),
        ];
        let insert = stmt(&INSERT_JOB, row, Expect::Any);
        self.write(vec![insert, stmt(&SETTLE, settle_row(approval, 1), Expect::Any)]).await?.or_conflict()
    }

    /// Notes that no job comes of an approval.
    pub async fn refuse_seal_job(&self, approval: &Delivery) -> Result<()> {
        self.write(vec![stmt(&SETTLE, settle_row(approval, 2), Expect::Any)]).await?.or_conflict()
    }

    /// The job of a flow.
    pub async fn load_seal_job(&self, tenant: TenantId, flow: Uuid) -> Result<Option<SealJob>> {
        let row = self.query_one_opt(&LOAD_JOB, vec![tenant.into(), flow.into()]).await?;
        row.as_ref().map(read_job).transpose()
    }

    /// Jobs, the newest first: all, or those whose instances this person asked for, was asked in or told of.
    pub async fn list_seal_jobs(
        &self,
        tenant: TenantId,
        involved: Option<UserId>,
        page: &Page,
    ) -> Result<PageOf<SealJob>> {
        let params = vec![tenant.into(), page.before().id.into(), involved.into(), page.fetch().into()];
        let rows = self.query(&LIST_JOBS, params).await?;
        let jobs = rows.iter().map(read_job).collect::<Result<Vec<_>>>()?;
        Ok(page.cut(jobs, |job| Cursor::new(0, job.id)))
    }
}

fn settle_row(approval: &Delivery, state: i64) -> Vec<P> {
    vec![approval.tenant.into(), approval.id.into(), state.into()]
}

fn read_seal(row: &Row) -> Result<Seal> {
    let number = row.i64(2)?;
    let made = SealMade::ALL.into_iter().find(|made| made.number() == number);
    Ok(Seal {
        id: row.uuid(0)?,
        name: row.text(1)?,
        made: made.ok_or_else(|| Error::corrupt("seals.type"))?,
        kind: row.text(3)?,
        width_mm: row.u32(4)?,
        height_mm: row.u32(5)?,
        holder: row.opt_uuid(6)?.map(UserId),
        granted: json::read(&row.text(7)?, "seals.granted")?,
        picture: row.opt_uuid(8)?.map(FileId),
        active: row.flag(9)?,
        created_by: row.uuid(10)?.into(),
        created_at: row.i64(11)?,
    })
}

fn read_job(row: &Row) -> Result<SealJob> {
    Ok(SealJob {
        id: row.uuid(0)?,
        flow: row.uuid(1)?,
        instance: row.uuid(2)?.into(),
        state: SealJobState::from_number(row.i64(3)?)?,
        documents: row.text(4)?,
        positions: row.text(5)?,
        warnings: row.text(6)?,
        created_at: row.i64(7)?,
    })
}

static INSERT_SEAL: Sql = Sql::new(
    "INSERT INTO seals (tenant_id, id, name, type, kind, width_mm, height_mm, holder_id, granted, picture_id, active,
                        created_by, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)",
);
static LIST_SEALS: Sql = Sql::new(
    "SELECT id, name, type, kind, width_mm, height_mm, holder_id, granted, picture_id, active, created_by, created_at
     FROM seals WHERE tenant_id = $1 ORDER BY id",
);
static APPROVED: Sql = Sql::new(
    "SELECT tenant_id, id, instance_id, seq, kind, target, payload, next_at, created_at FROM outbox
     WHERE state = 0 AND kind = 'seal' ORDER BY created_at, id LIMIT $1",
);
static INSERT_JOB: Sql = Sql::new(
    "INSERT INTO seal_jobs
       (tenant_id, id, flow_id, instance_id, state, documents, positions, warnings, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (tenant_id, flow_id) DO NOTHING",
);
static SETTLE: Sql =
    Sql::new("UPDATE outbox SET state = $3 WHERE tenant_id = $1 AND id = $2 AND state = 0 AND kind = 'seal'");
/// Instances with status 8 were revoked.
macro_rules! jobs {
    () => {
        "SELECT id, flow_id, instance_id,
                CAST(CASE WHEN state = 0 AND EXISTS (
                              SELECT 1 FROM instances AS it WHERE it.tenant_id = job.tenant_id
                              AND it.id = job.instance_id AND it.status = 8)
                     THEN 1 ELSE state END AS BIGINT),
                documents, positions, warnings, created_at FROM seal_jobs AS job "
    };
}

static LOAD_JOB: Sql = Sql::new(concat!(jobs!(), "WHERE tenant_id = $1 AND flow_id = $2"));
static LIST_JOBS: Sql = Sql::new(concat!(
    jobs!(),
    "WHERE tenant_id = $1 AND id < $2 AND (EXISTS (
         SELECT 1 FROM instances WHERE tenant_id = $1 AND id = job.instance_id AND initiator_id = $3
       ) OR EXISTS (
         SELECT 1 FROM tasks WHERE tenant_id = $1 AND instance_id = job.instance_id AND person_id = $3
       ) OR $3 IS NULL)
     ORDER BY id DESC LIMIT $4"
));

pub(crate) static ALL: &[&Sql] =
    &[&INSERT_SEAL, &LIST_SEALS, &APPROVED, &INSERT_JOB, &SETTLE, &LOAD_JOB, &LIST_JOBS];
