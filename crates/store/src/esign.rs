//! Signing flows with their documents and participants, and the records of where each participant wants which seal.
//! The instance that decides about a flow has the flow's id. Seals and sealing: `seals.rs`.

use crate::error::{Error, Result};
use crate::instances::status;
use crate::sql::{Expect, P, Row, Sql, Stmt, stmt};
use crate::store::{Db, Store};
use uuid::Uuid;
use zhupi_engine::Status;
use zhupi_engine::ids::{FileId, TenantId, UserId};

/// Documents on their way to being sealed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignFlow {
    /// Also the id of the instance that decides about it.
    pub id: Uuid,
    /// What people see.
    pub name: String,
    /// The other side's word for what sort of flow it is; kept, never read.
    pub flow_type: i64,
    /// Who made it.
    pub owner: UserId,
    /// Where signatures are wanted, as JSON of the server.
    pub places: String,
    /// When it was made, in microseconds since 1970.
    pub created_at: i64,
    /// When it was last changed, in microseconds since 1970.
    pub updated_at: i64,
    /// When it was sent out, in microseconds since 1970; from then on its documents stay as they are.
    pub initiated_at: Option<i64>,
}

/// A document of a flow. Never changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignDocument {
    /// Its id.
    pub id: Uuid,
    /// Where its bytes are.
    pub file: FileId,
    /// The name people see.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// Bytes.
    pub size: u64,
    /// When it was added, in microseconds since 1970.
    pub created_at: i64,
}

/// A person's part in a flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignParticipant {
    /// Its id.
    pub id: Uuid,
    /// In which flow.
    pub flow: Uuid,
    /// Who.
    pub user: UserId,
}

/// Where a participant wants which seals once the flow is approved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApproveRecord {
    /// The same however often it is saved again.
    pub id: Uuid,
    /// Of which flow.
    pub flow: Uuid,
    /// Of which participant.
    pub participant: Uuid,
    /// Who saved it.
    pub user: UserId,
    /// Where which seals, as JSON of the server.
    pub positions: String,
    /// From which program it came.
    pub source: String,
    /// When it was last saved, in microseconds since 1970.
    pub saved_at: i64,
}

/// A flow as one person sees it in his list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignFlowRow {
    /// The flow.
    pub flow: SignFlow,
    /// Where its instance stands; absent: not sent out.
    pub status: Option<Status>,
    /// The person's part in it, if it was given an id already.
    pub participant: Option<Uuid>,
    /// Whom it waits for.
    pub place: SignPlace,
}

/// Whom a flow waits for, as one person sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignPlace {
    /// It was not sent out yet.
    Draft,
    /// For him.
    Mine,
    /// For others.
    Others,
    /// For nobody any more.
    Ended,
}

impl SignPlace {
    const ALL: [SignPlace; 4] = [SignPlace::Draft, SignPlace::Mine, SignPlace::Others, SignPlace::Ended];

    fn number(self) -> i64 {
        match self {
            SignPlace::Draft => 0,
            SignPlace::Mine => 1,
            SignPlace::Others => 2,
            SignPlace::Ended => 3,
        }
    }
}

/// Which part of a person's list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignList {
    /// Whose list.
    pub person: UserId,
    /// Only those that wait for these; absent: all.
    pub place: Option<SignPlace>,
    /// How many are left out at the beginning.
    pub skip: u32,
    /// At most so many.
    pub limit: u32,
}

impl Store {
    /// Makes a flow with its first documents and its owner's part in it.
    pub async fn create_sign_flow(
        &self,
        tenant: TenantId,
        flow: &SignFlow,
        documents: &[SignDocument],
        owner: SignParticipant,
    ) -> Result<()> {
        let row = vec![
            tenant.into(),
            flow.id.into(),
            flow.name.as_str().into(),
            flow.flow_type.into(),
            flow.owner.into(),
            flow.places.as_str().into(),
            flow.created_at.into(),
            flow.updated_at.into(),
        ];
        let mut list = vec![stmt(&INSERT_FLOW, row, Expect::One)];
        list.extend(insert_documents(tenant, flow.id, documents)?);
        list.push(stmt(&INSERT_PARTICIPANT, participant_row(tenant, owner, flow.created_at), Expect::One));
        self.write(list).await?.or_conflict()
    }

    /// Adds documents. `Conflict` where the flow has been sent out, or is not there.
    pub async fn add_sign_documents(
        &self,
        tenant: TenantId,
        flow: Uuid,
        documents: &[SignDocument],
        at: i64,
    ) -> Result<()> {
        let touch = stmt(&TOUCH_DRAFT, vec![tenant.into(), flow.into(), at.into()], Expect::One);
        let mut list = vec![touch];
        list.extend(insert_documents(tenant, flow, documents)?);
        self.write(list).await?.or_conflict()
    }

    /// Fixes the documents, and where signatures are wanted.
    pub async fn begin_sign_flow(&self, tenant: TenantId, flow: Uuid, places: &str, at: i64) -> Result<()> {
        let row = vec![tenant.into(), flow.into(), places.into(), at.into()];
        self.write(vec![stmt(&BEGIN, row, Expect::One)]).await?.or_conflict()
    }

    /// Makes a flow a draft again whose instance was refused. Nothing happens where there is an instance.
    pub async fn reopen_sign_flow(&self, tenant: TenantId, flow: Uuid) -> Result<()> {
        self.write(vec![stmt(&REOPEN, vec![tenant.into(), flow.into()], Expect::Any)]).await?.or_conflict()
    }

    /// The flow with this id.
    pub async fn load_sign_flow(&self, tenant: TenantId, id: Uuid) -> Result<Option<SignFlow>> {
        let row = self.query_one_opt(&LOAD_FLOW, vec![tenant.into(), id.into()]).await?;
        row.as_ref().map(read_flow).transpose()
    }

    /// Its documents, in the order they were added.
    pub async fn list_sign_documents(&self, tenant: TenantId, flow: Uuid) -> Result<Vec<SignDocument>> {
        let rows = self.query(&LIST_DOCUMENTS, vec![tenant.into(), flow.into()]).await?;
        rows.iter().map(read_document).collect()
    }

    /// The flows a person made, was asked about or told of, the newest first, and how many there are in all.
    pub async fn list_sign_flows(&self, tenant: TenantId, list: SignList) -> Result<(Vec<SignFlowRow>, i64)> {
        let places = list.place.map_or((0, i64::MAX), |place| (place.number(), place.number()));
        let mut params = vec![tenant.into(), list.person.into(), places.0.into(), places.1.into()];
        let total = self.query_one_opt(&COUNT_FLOWS, params.clone()).await?;
        let total = total.map(|row| row.i64(0)).transpose()?.unwrap_or(0);
        params.extend([list.limit.into(), list.skip.into()]);
        let rows = self.query(&LIST_FLOWS, params).await?;
        Ok((rows.iter().map(read_listed).collect::<Result<_>>()?, total))
    }

    /// The id of a person's part in a flow: `new.id` unless he has one already.
    pub async fn ensure_sign_participant(
        &self,
        tenant: TenantId,
        new: SignParticipant,
        at: i64,
    ) -> Result<Uuid> {
        let key = vec![tenant.into(), new.flow.into(), new.user.into()];
        if let Some(row) = self.query_one_opt(&FIND_PARTICIPANT, key.clone()).await? {
            return row.uuid(0);
        }
        let insert = stmt(&ENSURE_PARTICIPANT, participant_row(tenant, new, at), Expect::Any);
        self.write(vec![insert]).await?.or_conflict()?;
        self.query_one_opt(&FIND_PARTICIPANT, key).await?.ok_or(Error::Conflict)?.uuid(0)
    }

    /// The part with this id.
    pub async fn load_sign_participant(&self, tenant: TenantId, id: Uuid) -> Result<Option<SignParticipant>> {
        let row = self.query_one_opt(&LOAD_PARTICIPANT, vec![tenant.into(), id.into()]).await?;
        let read = |row: Row| {
            Ok(SignParticipant { id: row.uuid(0)?, flow: row.uuid(1)?, user: row.uuid(2)?.into() })
        };
        row.map(read).transpose()
    }

    /// Saves a participant's record in place of the one there was, and gives the id it has. `Conflict` where the flow's
    /// instance has ended: nothing is sealed that was not there when people decided.
    pub async fn save_approve_record(&self, tenant: TenantId, record: &ApproveRecord) -> Result<Uuid> {
        let row = vec![
            tenant.into(),
            record.flow.into(),
            record.participant.into(),
            record.id.into(),
            record.user.into(),
            record.positions.as_str().into(),
            record.source.as_str().into(),
            record.saved_at.into(),
        ];
        let mut list = Vec::with_capacity(2);
        if let Db::Pg { .. } = self.db() {
            // So that the instance does not end between the look at it and the write.
            list.push(stmt(&HOLD_INSTANCE, vec![tenant.into(), record.flow.into()], Expect::Any));
        }
        list.push(stmt(&SAVE_RECORD, row, Expect::One));
        self.write(list).await?.or_conflict()?;
        let saved = self.load_approve_record(tenant, record.flow, record.participant).await?;
        Ok(saved.ok_or(Error::Conflict)?.id)
    }

    /// The record of one participant.
    pub async fn load_approve_record(
        &self,
        tenant: TenantId,
        flow: Uuid,
        participant: Uuid,
    ) -> Result<Option<ApproveRecord>> {
        let params = vec![tenant.into(), flow.into(), participant.into()];
        let row = self.query_one_opt(&LOAD_RECORD, params).await?;
        row.as_ref().map(read_record).transpose()
    }

    /// The records of a flow, the one that was saved last at the end.
    pub async fn list_approve_records(&self, tenant: TenantId, flow: Uuid) -> Result<Vec<ApproveRecord>> {
        let rows = self.query(&LIST_RECORDS, vec![tenant.into(), flow.into()]).await?;
        rows.iter().map(read_record).collect()
    }
}

fn insert_documents(tenant: TenantId, flow: Uuid, documents: &[SignDocument]) -> Result<Vec<Stmt>> {
    let insert = |document: &SignDocument| {
        let size = i64::try_from(document.size).map_err(|_| Error::corrupt("a file of impossible size"))?;
        let row = vec![
            tenant.into(),
            flow.into(),
            document.id.into(),
            document.file.into(),
            document.name.as_str().into(),
            document.sha256.into(),
            size.into(),
            document.created_at.into(),
        ];
        Ok(stmt(&INSERT_DOCUMENT, row, Expect::One))
    };
    documents.iter().map(insert).collect()
}

fn participant_row(tenant: TenantId, participant: SignParticipant, at: i64) -> Vec<P> {
    let SignParticipant { id, flow, user } = participant;
    vec![tenant.into(), flow.into(), user.into(), id.into(), at.into()]
}

fn read_flow(row: &Row) -> Result<SignFlow> {
    Ok(SignFlow {
        id: row.uuid(0)?,
        name: row.text(1)?,
        flow_type: row.i64(2)?,
        owner: row.uuid(3)?.into(),
        places: row.text(4)?,
        created_at: row.i64(5)?,
        updated_at: row.i64(6)?,
        initiated_at: row.opt_i64(7)?,
    })
}

fn read_listed(row: &Row) -> Result<SignFlowRow> {
    let number = row.i64(10)?;
    let place = SignPlace::ALL.into_iter().find(|place| place.number() == number);
    Ok(SignFlowRow {
        flow: read_flow(row)?,
        status: row.opt_i64(8)?.map(status).transpose()?,
        participant: row.opt_uuid(9)?,
        place: place.ok_or_else(|| Error::corrupt("a place that is none"))?,
    })
}

fn read_document(row: &Row) -> Result<SignDocument> {
    Ok(SignDocument {
        id: row.uuid(0)?,
        file: row.uuid(1)?.into(),
        name: row.text(2)?,
        sha256: row.hash(3)?,
        size: u64::try_from(row.i64(4)?).map_err(|_| Error::corrupt("sign_documents.size"))?,
        created_at: row.i64(5)?,
    })
}

fn read_record(row: &Row) -> Result<ApproveRecord> {
    Ok(ApproveRecord {
        id: row.uuid(0)?,
        flow: row.uuid(1)?,
        participant: row.uuid(2)?,
        user: row.uuid(3)?.into(),
        positions: row.text(4)?,
        source: row.text(5)?,
        saved_at: row.i64(6)?,
    })
}

static INSERT_FLOW: Sql = Sql::new(
    "INSERT INTO sign_flows (tenant_id, id, name, flow_type, owner_id, places, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);
static INSERT_DOCUMENT: Sql = Sql::new(
    "INSERT INTO sign_documents (tenant_id, flow_id, id, file_id, name, sha256, size, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);
static INSERT_PARTICIPANT: Sql = Sql::new(
    "INSERT INTO sign_participants (tenant_id, flow_id, user_id, id, created_at) VALUES ($1, $2, $3, $4, $5)",
);
static ENSURE_PARTICIPANT: Sql = Sql::new(
    "INSERT INTO sign_participants (tenant_id, flow_id, user_id, id, created_at) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (tenant_id, flow_id, user_id) DO NOTHING",
);
static TOUCH_DRAFT: Sql = Sql::new(
    "UPDATE sign_flows SET updated_at = $3 WHERE tenant_id = $1 AND id = $2 AND initiated_at IS NULL",
);
static BEGIN: Sql = Sql::new(
    "UPDATE sign_flows SET places = $3, updated_at = $4, initiated_at = $4 WHERE tenant_id = $1 AND id = $2",
);
static REOPEN: Sql = Sql::new(
    "UPDATE sign_flows SET initiated_at = NULL WHERE tenant_id = $1 AND id = $2
     AND NOT EXISTS (SELECT 1 FROM instances WHERE tenant_id = $1 AND id = $2)",
);
static LOAD_FLOW: Sql = Sql::new(
    "SELECT id, name, flow_type, owner_id, places, created_at, updated_at, initiated_at
     FROM sign_flows WHERE tenant_id = $1 AND id = $2",
);
static LIST_DOCUMENTS: Sql = Sql::new(
    "SELECT id, file_id, name, sha256, size, created_at FROM sign_documents
     WHERE tenant_id = $1 AND flow_id = $2 ORDER BY id",
);
static FIND_PARTICIPANT: Sql =
    Sql::new("SELECT id FROM sign_participants WHERE tenant_id = $1 AND flow_id = $2 AND user_id = $3");
static LOAD_PARTICIPANT: Sql =
    Sql::new("SELECT id, flow_id, user_id FROM sign_participants WHERE tenant_id = $1 AND id = $2");

/// Instances with status 2, 3, 4, 8 and 9 have ended. Box 0 holds what a person has to decide.
macro_rules! flows_of {
    () => {
        "(SELECT f.id, f.name, f.flow_type, f.owner_id, f.places, f.created_at, f.updated_at, f.initiated_at,
                 i.status AS status, p.id AS participant,
                 CAST(CASE WHEN i.status IS NULL THEN 0
                           WHEN i.status IN (2, 3, 4, 8, 9) THEN 3
                           WHEN EXISTS (SELECT 1 FROM tasks t WHERE t.tenant_id = f.tenant_id
                                        AND t.instance_id = f.id AND t.person_id = $2 AND t.box = 0) THEN 1
                           ELSE 2 END AS BIGINT) AS place
          FROM sign_flows f
          LEFT JOIN instances i ON i.tenant_id = f.tenant_id AND i.id = f.id
          LEFT JOIN sign_participants p
            ON p.tenant_id = f.tenant_id AND p.flow_id = f.id AND p.user_id = $2
          WHERE f.tenant_id = $1 AND f.id IN (
            SELECT id FROM sign_flows WHERE tenant_id = $1 AND owner_id = $2
            UNION SELECT instance_id FROM tasks WHERE tenant_id = $1 AND person_id = $2)) AS mine
         WHERE place BETWEEN $3 AND $4"
    };
}

static LIST_FLOWS: Sql = Sql::new(concat!(
    "SELECT id, name, flow_type, owner_id, places, created_at, updated_at, initiated_at, status, participant, place
     FROM ",
    flows_of!(),
    " ORDER BY id DESC LIMIT $5 OFFSET $6"
));
static COUNT_FLOWS: Sql = Sql::new(concat!("SELECT count(*) FROM ", flows_of!()));
static HOLD_INSTANCE: Sql =
    Sql::both("", "SELECT id FROM instances WHERE tenant_id = $1 AND id = $2 FOR SHARE");
/// Instances with status 7 are approved, and being revoked.
static SAVE_RECORD: Sql = Sql::new(
    "INSERT INTO approve_records
       (tenant_id, flow_id, participant_id, id, user_id, positions, source, created_at, saved_at)
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $8
     WHERE NOT EXISTS (SELECT 1 FROM instances WHERE tenant_id = $1 AND id = $2 AND status IN (2, 3, 4, 7, 8, 9))
     ON CONFLICT (tenant_id, flow_id, participant_id) DO UPDATE
     SET user_id = excluded.user_id, positions = excluded.positions, source = excluded.source,
         saved_at = excluded.saved_at",
);
static LOAD_RECORD: Sql = Sql::new(
    "SELECT id, flow_id, participant_id, user_id, positions, source, saved_at FROM approve_records
     WHERE tenant_id = $1 AND flow_id = $2 AND participant_id = $3",
);
static LIST_RECORDS: Sql = Sql::new(
    "SELECT id, flow_id, participant_id, user_id, positions, source, saved_at FROM approve_records
     WHERE tenant_id = $1 AND flow_id = $2 ORDER BY saved_at, id",
);

pub(crate) static ALL: &[&Sql] = &[
    &INSERT_FLOW,
    &INSERT_DOCUMENT,
    &INSERT_PARTICIPANT,
    &ENSURE_PARTICIPANT,
    &TOUCH_DRAFT,
    &BEGIN,
    &REOPEN,
    &LOAD_FLOW,
    &LIST_DOCUMENTS,
    &FIND_PARTICIPANT,
    &LOAD_PARTICIPANT,
    &LIST_FLOWS,
    &COUNT_FLOWS,
    &HOLD_INSTANCE,
    &SAVE_RECORD,
    &LOAD_RECORD,
    &LIST_RECORDS,
];
