//! What the CRM surface keeps: workflows, CRM objects and which instance is about which object.
//! What a record's state is, the instance says; nothing of it is copied here.

use crate::instances;
use crate::sql::{Expect, P, Row, Sql, Stmt, Written, stmt};
use crate::{Error, Result, Store};
use zhupi_engine::Status;
use zhupi_engine::ids::{InstanceId, TemplateId, TenantId, UserId};

/// A workflow of the CRM: a template, and when it starts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CrmWorkflow {
    /// The template behind it.
    pub template: TemplateId,
    /// The number the CRM knows it by.
    pub number: i64,
    /// The sort of object it is for.
    pub entity_type: String,
    /// At which moment of an object's life it starts.
    pub trigger_timing: String,
    /// Whether it starts at all.
    pub enabled: bool,
    /// Its rules as JSON, in the CRM's words.
    pub body: String,
    /// Who made it.
    pub created_by: UserId,
    /// Epoch µs.
    pub created_at: i64,
    /// Who changed it last.
    pub updated_by: UserId,
    /// Epoch µs of the last change.
    pub updated_at: i64,
    /// Counts changes, from 1.
    pub revision: i64,
}

/// An object of the CRM as it was told to us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CrmEntity {
    /// Which sort.
    pub entity_type: String,
    /// Its number in the CRM.
    pub entity_id: i64,
    /// Its data as JSON.
    pub data: String,
    /// The data it gets when its record is approved.
    pub staged: Option<String>,
    /// What people call its fields, as JSON.
    pub labels: String,
    /// The text people know it by.
    pub main_field: String,
    /// Its last record.
    pub instance: Option<InstanceId>,
    /// Counts changes, from 1; 0: not kept yet.
    pub revision: i64,
    /// Epoch µs.
    pub created_at: i64,
    /// Epoch µs of the last change.
    pub updated_at: i64,
}

/// An instance that is about an object of the CRM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CrmRecord {
    /// The instance.
    pub instance: InstanceId,
    /// The number the CRM knows it by.
    pub number: i64,
    /// Which sort of object.
    pub entity_type: String,
    /// Which object.
    pub entity_id: i64,
    /// Which workflow.
    pub template: TemplateId,
    /// What started it.
    pub trigger_timing: String,
    /// Who submitted it.
    pub submitter: UserId,
    /// The account number of the same person.
    pub submitter_uid: i64,
    /// Epoch µs.
    pub submitted_at: i64,
}

/// Whose records to list, and which.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CrmCentre {
    /// Who looks.
    pub person: UserId,
    /// What of his.
    pub scope: CrmScope,
    /// Only objects of these sorts; empty: of all.
    pub entity_types: Vec<String>,
    /// Only records of people with these account numbers; empty: of all.
    pub submitter_uids: Vec<i64>,
    /// Only instances in these states; empty: in all.
    pub statuses: Vec<Status>,
    /// How many at most.
    pub limit: i64,
    /// After how many.
    pub offset: i64,
}

/// What of a person's records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CrmScope {
    /// Those he is asked about.
    Todo,
    /// Those he decided about.
    Processed,
    /// Those he submitted.
    Submission,
}

/// A record with its state and its object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CrmListed {
    /// The record.
    pub record: CrmRecord,
    /// The state of its instance.
    pub status: Status,
    /// The workflow's number.
    pub workflow: i64,
    /// The workflow's rules as JSON.
    pub workflow_body: String,
    /// The object.
    pub entity: CrmEntity,
}

impl Store {
    /// Adds a workflow, or changes it if it still has the revision before its own: `Conflict` where it has not.
    pub async fn put_crm_workflow(&self, tenant: TenantId, workflow: &CrmWorkflow) -> Result<()> {
        let mut params: Vec<P> = vec![
            tenant.into(),
            workflow.template.into(),
            workflow.number.into(),
            workflow.entity_type.as_str().into(),
            workflow.trigger_timing.as_str().into(),
            workflow.enabled.into(),
            workflow.body.as_str().into(),
            workflow.created_by.into(),
            workflow.created_at.into(),
            workflow.updated_by.into(),
            workflow.updated_at.into(),
            workflow.revision.into(),
        ];
        let sql = if workflow.revision > 1 {
            params.push((workflow.revision - 1).into());
            &UPDATE_WORKFLOW
        } else {
            &INSERT_WORKFLOW
        };
        self.write(vec![stmt(sql, params, Expect::One)]).await?.or_conflict()
    }

    /// The workflow with this number.
    pub async fn load_crm_workflow(&self, tenant: TenantId, number: i64) -> Result<Option<CrmWorkflow>> {
        let row = self.query_one_opt(&LOAD_WORKFLOW, vec![tenant.into(), number.into()]).await?;
        row.as_ref().map(read_workflow).transpose()
    }

    /// The workflow of this template.
    pub async fn find_crm_workflow(
        &self,
        tenant: TenantId,
        template: TemplateId,
    ) -> Result<Option<CrmWorkflow>> {
        let row = self.query_one_opt(&FIND_WORKFLOW, vec![tenant.into(), template.into()]).await?;
        row.as_ref().map(read_workflow).transpose()
    }

    /// A page of workflows by their numbers, and how many there are.
    pub async fn list_crm_workflows(
        &self,
        tenant: TenantId,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<CrmWorkflow>, i64)> {
        let rows = self.query(&LIST_WORKFLOWS, vec![tenant.into(), limit.into(), offset.into()]).await?;
        let count = self.query_one_opt(&COUNT_WORKFLOWS, vec![tenant.into()]).await?;
        let workflows = rows.iter().map(read_workflow).collect::<Result<Vec<_>>>()?;
        Ok((workflows, count.map_or(Ok(0), |row| row.i64(0))?))
    }

    /// The enabled workflows that start at this moment of such an object's life, oldest first.
    pub async fn find_crm_triggered(
        &self,
        tenant: TenantId,
        entity_type: &str,
        trigger_timing: &str,
    ) -> Result<Vec<CrmWorkflow>> {
        let params = vec![tenant.into(), entity_type.into(), trigger_timing.into()];
        self.query(&FIND_TRIGGERED, params).await?.iter().map(read_workflow).collect()
    }

    /// The object with this number.
    pub async fn load_crm_entity(
        &self,
        tenant: TenantId,
        entity_type: &str,
        entity_id: i64,
    ) -> Result<Option<CrmEntity>> {
        let params = vec![tenant.into(), entity_type.into(), entity_id.into()];
        self.query_one_opt(&LOAD_ENTITY, params).await?.as_ref().map(|row| read_entity(row, 0)).transpose()
    }

    /// A page of objects of one sort, newest number first, and how many there are.
    pub async fn list_crm_entities(
        &self,
        tenant: TenantId,
        entity_type: &str,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<CrmEntity>, i64)> {
        let params = vec![tenant.into(), entity_type.into(), limit.into(), offset.into()];
        let rows = self.query(&LIST_ENTITIES, params).await?;
        let count = self.query_one_opt(&COUNT_ENTITIES, vec![tenant.into(), entity_type.into()]).await?;
        let entities = rows.iter().map(|row| read_entity(row, 0)).collect::<Result<Vec<_>>>()?;
        Ok((entities, count.map_or(Ok(0), |row| row.i64(0))?))
    }

    /// Keeps an object that has (or, at revision 1, had not been) there with the revision before its own, together with
    /// the record that is about to begin, if any: `Conflict` where somebody was faster.
    pub async fn put_crm_entity(
        &self,
        tenant: TenantId,
        entity: &CrmEntity,
        record: Option<&CrmRecord>,
    ) -> Result<()> {
        let mut list = vec![put_entity(tenant, entity)];
        list.extend(record.map(|record| put_record(tenant, record)));
        match self.write(list).await {
            Ok(written) => written.or_conflict(),
            Err(Error::Duplicate { .. }) => Err(Error::Conflict),
            Err(other) => Err(other),
        }
    }

    /// Takes back what `put_crm_entity` wrote for a record that could not begin. `before` is the object as it was;
    /// `None` where it was not there. Nothing happens where somebody has changed the object since.
    pub async fn undo_crm_record(
        &self,
        tenant: TenantId,
        now: &CrmEntity,
        before: Option<&CrmEntity>,
        record: &CrmRecord,
    ) -> Result<()> {
        let object = match before {
            Some(before) => put_entity(tenant, &CrmEntity { revision: now.revision + 1, ..before.clone() }),
            None => {
                let params = vec![
                    tenant.into(),
                    now.entity_type.as_str().into(),
                    now.entity_id.into(),
                    now.revision.into(),
                ];
                stmt(&DELETE_ENTITY, params, Expect::One)
            }
        };
        let gone = stmt(&DELETE_RECORD, vec![tenant.into(), record.instance.into()], Expect::Any);
        match self.write(vec![object, gone]).await? {
            Written::Done | Written::Conflict => Ok(()),
        }
    }

    /// The record with this number.
    pub async fn load_crm_record(&self, tenant: TenantId, number: i64) -> Result<Option<CrmRecord>> {
        let row = self.query_one_opt(&LOAD_RECORD, vec![tenant.into(), number.into()]).await?;
        row.as_ref().map(|row| read_record(row, 0)).transpose()
    }

    /// The record of this instance.
    pub async fn find_crm_record(&self, tenant: TenantId, instance: InstanceId) -> Result<Option<CrmRecord>> {
        let row = self.query_one_opt(&FIND_RECORD, vec![tenant.into(), instance.into()]).await?;
        row.as_ref().map(|row| read_record(row, 0)).transpose()
    }

    /// How often this workflow has started for this object.
    pub async fn count_crm_records(
        &self,
        tenant: TenantId,
        entity_type: &str,
        entity_id: i64,
        template: TemplateId,
    ) -> Result<i64> {
        let params = vec![tenant.into(), entity_type.into(), entity_id.into(), template.into()];
        self.query_one_opt(&COUNT_OF_ENTITY, params).await?.map_or(Ok(0), |row| row.i64(0))
    }

    /// A page of somebody's records, newest first, and how many there are.
    pub async fn list_crm_records(
        &self,
        tenant: TenantId,
        asked: &CrmCentre,
    ) -> Result<(Vec<CrmListed>, i64)> {
        let box_number: i64 = match asked.scope {
            CrmScope::Todo => 0,
            CrmScope::Processed => 1,
            CrmScope::Submission => -1,
        };
        let mut params: Vec<P> = vec![
            tenant.into(),
            asked.person.into(),
            box_number.into(),
            enclosed(asked.entity_types.iter().cloned()).into(),
            enclosed(asked.statuses.iter().map(|status| instances::status_number(*status).to_string()))
                .into(),
            enclosed(asked.submitter_uids.iter().map(i64::to_string)).into(),
        ];
        let count = self.query_one_opt(&COUNT_CENTRE, params.clone()).await?;
        params.extend([asked.limit.into(), asked.offset.into()]);
        let rows = self.query(&LIST_CENTRE, params).await?;
        let listed = rows.iter().map(read_listed).collect::<Result<Vec<_>>>()?;
        Ok((listed, count.map_or(Ok(0), |row| row.i64(0))?))
    }
}

/// `,a,b,` for a search with `LIKE`; empty where nothing is asked for.
fn enclosed(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    if words.is_empty() { String::new() } else { format!(",{},", words.join(",")) }
}

fn put_entity(tenant: TenantId, entity: &CrmEntity) -> Stmt {
    let mut params: Vec<P> = vec![
        tenant.into(),
        entity.entity_type.as_str().into(),
        entity.entity_id.into(),
        entity.data.as_str().into(),
        entity.staged.clone().into(),
        entity.labels.as_str().into(),
        entity.main_field.as_str().into(),
        entity.instance.into(),
        entity.revision.into(),
        entity.created_at.into(),
        entity.updated_at.into(),
    ];
    if entity.revision > 1 {
        params.push((entity.revision - 1).into());
        stmt(&UPDATE_ENTITY, params, Expect::One)
    } else {
        stmt(&INSERT_ENTITY, params, Expect::One)
    }
}

fn put_record(tenant: TenantId, record: &CrmRecord) -> Stmt {
    let params = vec![
        tenant.into(),
        record.instance.into(),
        record.number.into(),
        record.entity_type.as_str().into(),
        record.entity_id.into(),
        record.template.into(),
        record.trigger_timing.as_str().into(),
        record.submitter.into(),
        record.submitter_uid.into(),
        record.submitted_at.into(),
    ];
    stmt(&PUT_RECORD, params, Expect::One)
}

fn read_workflow(row: &Row) -> Result<CrmWorkflow> {
    Ok(CrmWorkflow {
        template: TemplateId(row.uuid(0)?),
        number: row.i64(1)?,
        entity_type: row.text(2)?,
        trigger_timing: row.text(3)?,
        enabled: row.flag(4)?,
        body: row.text(5)?,
        created_by: UserId(row.uuid(6)?),
        created_at: row.i64(7)?,
        updated_by: UserId(row.uuid(8)?),
        updated_at: row.i64(9)?,
        revision: row.i64(10)?,
    })
}

fn read_entity(row: &Row, first: usize) -> Result<CrmEntity> {
    Ok(CrmEntity {
        entity_type: row.text(first)?,
        entity_id: row.i64(first + 1)?,
        data: row.text(first + 2)?,
        staged: row.opt_text(first + 3)?,
        labels: row.text(first + 4)?,
        main_field: row.text(first + 5)?,
        instance: row.opt_uuid(first + 6)?.map(InstanceId),
        revision: row.i64(first + 7)?,
        created_at: row.i64(first + 8)?,
        updated_at: row.i64(first + 9)?,
    })
}

fn read_record(row: &Row, first: usize) -> Result<CrmRecord> {
    Ok(CrmRecord {
        instance: InstanceId(row.uuid(first)?),
        number: row.i64(first + 1)?,
        entity_type: row.text(first + 2)?,
        entity_id: row.i64(first + 3)?,
        template: TemplateId(row.uuid(first + 4)?),
        trigger_timing: row.text(first + 5)?,
        submitter: UserId(row.uuid(first + 6)?),
        submitter_uid: row.i64(first + 7)?,
        submitted_at: row.i64(first + 8)?,
    })
}

fn read_listed(row: &Row) -> Result<CrmListed> {
    Ok(CrmListed {
        record: read_record(row, 0)?,
        status: instances::status(row.i64(9)?)?,
        workflow: row.i64(10)?,
        workflow_body: row.text(11)?,
        entity: read_entity(row, 12)?,
    })
}

static INSERT_WORKFLOW: Sql = Sql::new(
    "INSERT INTO crm_workflows (tenant_id, template_id, number, entity_type, trigger_timing, enabled, body,
                                created_by, created_at, updated_by, updated_at, revision)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
);
static UPDATE_WORKFLOW: Sql = Sql::new(
    "UPDATE crm_workflows
     SET number = $3, entity_type = $4, trigger_timing = $5, enabled = $6, body = $7, created_by = $8,
         created_at = $9, updated_by = $10, updated_at = $11, revision = $12
     WHERE tenant_id = $1 AND template_id = $2 AND revision = $13",
);
static LOAD_WORKFLOW: Sql = Sql::new(
    "SELECT template_id, number, entity_type, trigger_timing, enabled, body, created_by, created_at, updated_by,
            updated_at, revision
     FROM crm_workflows WHERE tenant_id = $1 AND number = $2",
);
static FIND_WORKFLOW: Sql = Sql::new(
    "SELECT template_id, number, entity_type, trigger_timing, enabled, body, created_by, created_at, updated_by,
            updated_at, revision
     FROM crm_workflows WHERE tenant_id = $1 AND template_id = $2",
);
static LIST_WORKFLOWS: Sql = Sql::new(
    "SELECT template_id, number, entity_type, trigger_timing, enabled, body, created_by, created_at, updated_by,
            updated_at, revision
     FROM crm_workflows WHERE tenant_id = $1 ORDER BY number DESC LIMIT $2 OFFSET $3",
);
static COUNT_WORKFLOWS: Sql = Sql::new("SELECT count(*) FROM crm_workflows WHERE tenant_id = $1");
static FIND_TRIGGERED: Sql = Sql::new(
    "SELECT template_id, number, entity_type, trigger_timing, enabled, body, created_by, created_at, updated_by,
            updated_at, revision
     FROM crm_workflows
     WHERE tenant_id = $1 AND entity_type = $2 AND trigger_timing = $3 AND enabled = 1 ORDER BY number",
);
static INSERT_ENTITY: Sql = Sql::new(
    "INSERT INTO crm_entities (tenant_id, entity_type, entity_id, data, staged, labels, main_field, instance_id,
                               revision, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
);
static UPDATE_ENTITY: Sql = Sql::new(
    "UPDATE crm_entities
     SET data = $4, staged = $5, labels = $6, main_field = $7, instance_id = $8, revision = $9, created_at = $10,
         updated_at = $11
     WHERE tenant_id = $1 AND entity_type = $2 AND entity_id = $3 AND revision = $12",
);
static DELETE_ENTITY: Sql = Sql::new(
    "DELETE FROM crm_entities WHERE tenant_id = $1 AND entity_type = $2 AND entity_id = $3 AND revision = $4",
);
static LOAD_ENTITY: Sql = Sql::new(
    "SELECT entity_type, entity_id, data, staged, labels, main_field, instance_id, revision, created_at, updated_at
     FROM crm_entities WHERE tenant_id = $1 AND entity_type = $2 AND entity_id = $3",
);
static LIST_ENTITIES: Sql = Sql::new(
    "SELECT entity_type, entity_id, data, staged, labels, main_field, instance_id, revision, created_at, updated_at
     FROM crm_entities WHERE tenant_id = $1 AND entity_type = $2 ORDER BY entity_id DESC LIMIT $3 OFFSET $4",
);
static COUNT_ENTITIES: Sql =
    Sql::new("SELECT count(*) FROM crm_entities WHERE tenant_id = $1 AND entity_type = $2");
static PUT_RECORD: Sql = Sql::new(
    "INSERT INTO crm_records (tenant_id, instance_id, number, entity_type, entity_id, template_id, trigger_timing,
                              submitter_id, submitter_uid, submitted_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     ON CONFLICT (tenant_id, instance_id) DO UPDATE
     SET template_id = excluded.template_id, trigger_timing = excluded.trigger_timing,
         submitter_id = excluded.submitter_id, submitter_uid = excluded.submitter_uid,
         submitted_at = excluded.submitted_at",
);
static DELETE_RECORD: Sql = Sql::new("DELETE FROM crm_records WHERE tenant_id = $1 AND instance_id = $2");
static LOAD_RECORD: Sql = Sql::new(
    "SELECT instance_id, number, entity_type, entity_id, template_id, trigger_timing, submitter_id, submitter_uid,
            submitted_at
     FROM crm_records WHERE tenant_id = $1 AND number = $2",
);
static FIND_RECORD: Sql = Sql::new(
    "SELECT instance_id, number, entity_type, entity_id, template_id, trigger_timing, submitter_id, submitter_uid,
            submitted_at
     FROM crm_records WHERE tenant_id = $1 AND instance_id = $2",
);
static COUNT_OF_ENTITY: Sql = Sql::new(
    "SELECT count(*) FROM crm_records
     WHERE tenant_id = $1 AND entity_type = $2 AND entity_id = $3 AND template_id = $4",
);
static LIST_CENTRE: Sql = Sql::new(
    "SELECT r.instance_id, r.number, r.entity_type, r.entity_id, r.template_id, r.trigger_timing, r.submitter_id,
            r.submitter_uid, r.submitted_at, i.status, w.number, w.body, e.entity_type, e.entity_id, e.data,
            e.staged, e.labels, e.main_field, e.instance_id, e.revision, e.created_at, e.updated_at
     FROM crm_records r
     JOIN instances i ON i.tenant_id = r.tenant_id AND i.id = r.instance_id
     JOIN crm_workflows w ON w.tenant_id = r.tenant_id AND w.template_id = r.template_id
     JOIN crm_entities e
       ON e.tenant_id = r.tenant_id AND e.entity_type = r.entity_type AND e.entity_id = r.entity_id
     WHERE r.tenant_id = $1 AND r.instance_id IN (
             SELECT instance_id FROM tasks WHERE tenant_id = $1 AND person_id = $2 AND box = $3 AND kind = 0
             UNION ALL
             SELECT instance_id FROM crm_records WHERE tenant_id = $1 AND submitter_id = $2 AND $3 = -1)
       AND ($4 = '' OR $4 LIKE '%,' || r.entity_type || ',%')
       AND ($5 = '' OR $5 LIKE '%,' || CAST(i.status AS TEXT) || ',%')
       AND ($6 = '' OR $6 LIKE '%,' || CAST(r.submitter_uid AS TEXT) || ',%')
     ORDER BY r.submitted_at DESC, r.number DESC LIMIT $7 OFFSET $8",
);
static COUNT_CENTRE: Sql = Sql::new(
    "SELECT count(*)
     FROM crm_records r
     JOIN instances i ON i.tenant_id = r.tenant_id AND i.id = r.instance_id
     WHERE r.tenant_id = $1 AND r.instance_id IN (
             SELECT instance_id FROM tasks WHERE tenant_id = $1 AND person_id = $2 AND box = $3 AND kind = 0
             UNION ALL
             SELECT instance_id FROM crm_records WHERE tenant_id = $1 AND submitter_id = $2 AND $3 = -1)
       AND ($4 = '' OR $4 LIKE '%,' || r.entity_type || ',%')
       AND ($5 = '' OR $5 LIKE '%,' || CAST(i.status AS TEXT) || ',%')
       AND ($6 = '' OR $6 LIKE '%,' || CAST(r.submitter_uid AS TEXT) || ',%')",
);

pub(crate) static ALL: &[&Sql] = &[
    &INSERT_WORKFLOW,
    &UPDATE_WORKFLOW,
    &LOAD_WORKFLOW,
    &FIND_WORKFLOW,
    &LIST_WORKFLOWS,
    &COUNT_WORKFLOWS,
    &FIND_TRIGGERED,
    &INSERT_ENTITY,
    &UPDATE_ENTITY,
    &DELETE_ENTITY,
    &LOAD_ENTITY,
    &LIST_ENTITIES,
    &COUNT_ENTITIES,
    &PUT_RECORD,
    &DELETE_RECORD,
    &LOAD_RECORD,
    &FIND_RECORD,
    &COUNT_OF_ENTITY,
    &LIST_CENTRE,
    &COUNT_CENTRE,
];
