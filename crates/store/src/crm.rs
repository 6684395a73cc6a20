//! What the CRM surface keeps beside objects and their approvals (`entities.rs`): its workflows, which are triggers with
//! a number and rules in the CRM's words; and the lists it shows.

use crate::entities::{self, COLUMNS_OF_ENTITY, COLUMNS_OF_RUN, EntityRow, RunRow, TriggerRow};
use crate::instances;
use crate::sql::{Expect, P, Row, Sql, Stmt, stmt};
use crate::{Error, Result, Store};
use zhupi_engine::Status;
use zhupi_engine::ids::{TemplateId, TenantId, UserId};

/// A workflow of the CRM: a trigger, whose id is that of the template it starts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CrmWorkflow {
    /// The template behind it.
    pub template: TemplateId,
    /// The number the CRM knows it by.
    pub number: i64,
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

/// Whose records to list, and which.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CrmCentre {
    /// Who looks.
    pub person: UserId,
    /// What of his.
    pub scope: CrmScope,
    /// Only objects of these sorts; empty: of all.
    pub entity_types: Vec<String>,
    /// Only records of these people; absent: of all.
    pub submitters: Option<Vec<UserId>>,
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
#[derive(Clone, PartialEq, Debug)]
pub struct CrmListed {
    /// The record.
    pub run: RunRow,
    /// The object.
    pub entity: EntityRow,
    /// The state of its instance.
    pub status: Status,
    /// The workflow's number.
    pub workflow: i64,
    /// The workflow's rules as JSON.
    pub workflow_body: String,
}

impl Store {
    /// Adds a workflow and its trigger, or changes both if they still have the revision before their own: `Conflict` where
    /// they have not.
    pub async fn put_crm_workflow(
        &self,
        tenant: TenantId,
        workflow: &CrmWorkflow,
        trigger: &TriggerRow,
    ) -> Result<()> {
        let list = vec![put_workflow(tenant, workflow), entities::put_trigger(tenant, trigger)?];
        match self.write(list).await {
            Ok(written) => written.or_conflict(),
            Err(Error::Duplicate { .. }) => Err(Error::Conflict),
            Err(other) => Err(other),
        }
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

    /// A page of objects of one sort that have numbers, the greatest number first, and how many there are.
    pub async fn list_crm_entities(
        &self,
        tenant: TenantId,
        entity_type: &str,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<EntityRow>, i64)> {
        let params = vec![tenant.into(), entity_type.into(), limit.into(), offset.into()];
        let rows = self.query(&LIST_ENTITIES, params).await?;
        let count = self.query_one_opt(&COUNT_ENTITIES, vec![tenant.into(), entity_type.into()]).await?;
        let rows = rows.iter().map(|row| entities::read_entity(row, 0)).collect::<Result<Vec<_>>>()?;
        Ok((rows, count.map_or(Ok(0), |row| row.i64(0))?))
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
        let submitters = asked.submitters.as_ref().map_or(String::new(), |people| {
            // Where nobody can be meant, no place of the list below is anybody's.
            let people = people.iter().map(|user| user.0.simple().to_string());
            enclosed(people.chain(["nobody".to_owned()]))
        });
        let mut params: Vec<P> = vec![
            tenant.into(),
            asked.person.into(),
            box_number.into(),
            enclosed(asked.entity_types.iter().cloned()).into(),
            enclosed(asked.statuses.iter().map(|status| instances::status_number(*status).to_string()))
                .into(),
            submitters.into(),
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

fn put_workflow(tenant: TenantId, workflow: &CrmWorkflow) -> Stmt {
    let mut params: Vec<P> = vec![
        tenant.into(),
        workflow.template.into(),
        workflow.number.into(),
        workflow.body.as_str().into(),
        workflow.created_by.into(),
        workflow.created_at.into(),
        workflow.updated_by.into(),
        workflow.updated_at.into(),
        workflow.revision.into(),
    ];
    if workflow.revision > 1 {
        params.push((workflow.revision - 1).into());
        stmt(&UPDATE_WORKFLOW, params, Expect::One)
    } else {
        stmt(&INSERT_WORKFLOW, params, Expect::One)
    }
}

fn read_workflow(row: &Row) -> Result<CrmWorkflow> {
    Ok(CrmWorkflow {
        template: TemplateId(row.uuid(0)?),
        number: row.i64(1)?,
        body: row.text(2)?,
        created_by: UserId(row.uuid(3)?),
        created_at: row.i64(4)?,
        updated_by: UserId(row.uuid(5)?),
        updated_at: row.i64(6)?,
        revision: row.i64(7)?,
    })
}

fn read_listed(row: &Row) -> Result<CrmListed> {
    let after = COLUMNS_OF_RUN + COLUMNS_OF_ENTITY;
    Ok(CrmListed {
        run: entities::read_run(row, 0)?,
        entity: entities::read_entity(row, COLUMNS_OF_RUN)?,
        status: instances::status(row.i64(after)?)?,
        workflow: row.i64(after + 1)?,
        workflow_body: row.text(after + 2)?,
    })
}

static INSERT_WORKFLOW: Sql = Sql::new(
    "INSERT INTO crm_workflows (tenant_id, template_id, number, body, created_by, created_at, updated_by, updated_at,
                                revision)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
);
static UPDATE_WORKFLOW: Sql = Sql::new(
    "UPDATE crm_workflows
     SET number = $3, body = $4, created_by = $5, created_at = $6, updated_by = $7, updated_at = $8, revision = $9
     WHERE tenant_id = $1 AND template_id = $2 AND revision = $10",
);

macro_rules! workflows {
    ($rest:literal) => {
        concat!(
            "SELECT template_id, number, body, created_by, created_at, updated_by, updated_at, revision
             FROM crm_workflows WHERE tenant_id = $1",
            $rest
        )
    };
}

static LOAD_WORKFLOW: Sql = Sql::new(workflows!(" AND number = $2"));
static FIND_WORKFLOW: Sql = Sql::new(workflows!(" AND template_id = $2"));
static LIST_WORKFLOWS: Sql = Sql::new(workflows!(" ORDER BY number DESC LIMIT $2 OFFSET $3"));
static COUNT_WORKFLOWS: Sql = Sql::new("SELECT count(*) FROM crm_workflows WHERE tenant_id = $1");
static LIST_ENTITIES: Sql = Sql::new(
    "SELECT entity_type, id, row_id, data, labels, title, deleted, revision, created_by, created_at, updated_at
     FROM entities WHERE tenant_id = $1 AND entity_type = $2 AND number IS NOT NULL AND deleted = 0
     ORDER BY number DESC LIMIT $3 OFFSET $4",
);
static COUNT_ENTITIES: Sql = Sql::new(
    "SELECT count(*) FROM entities
     WHERE tenant_id = $1 AND entity_type = $2 AND number IS NOT NULL AND deleted = 0",
);

macro_rules! centre {
    () => {
        " FROM entity_runs r
          JOIN instances i ON i.tenant_id = r.tenant_id AND i.id = r.instance_id
          JOIN crm_workflows w ON w.tenant_id = r.tenant_id AND w.template_id = r.template_id
          JOIN entities e
            ON e.tenant_id = r.tenant_id AND e.entity_type = r.entity_type AND e.id = r.entity_id
               AND e.number IS NOT NULL
          WHERE r.tenant_id = $1 AND r.instance_id IN (
                  SELECT instance_id FROM tasks WHERE tenant_id = $1 AND person_id = $2 AND box = $3 AND kind = 0
                  UNION ALL
                  SELECT instance_id FROM entity_runs WHERE tenant_id = $1 AND submitter_id = $2 AND $3 = -1)
            AND ($4 = '' OR $4 LIKE '%,' || r.entity_type || ',%')
            AND ($5 = '' OR $5 LIKE '%,' || CAST(i.status AS TEXT) || ',%')"
    };
}

macro_rules! list_centre {
    ($submitter:literal) => {
        concat!(
            "SELECT r.instance_id, r.entity_type, r.entity_id, r.trigger_id, r.template_id, r.body, r.submitter_id,
                    r.submitted_at, r.settled_at,
                    e.entity_type, e.id, e.row_id, e.data, e.labels, e.title, e.deleted, e.revision, e.created_by,
                    e.created_at, e.updated_at,
                    i.status, w.number, w.body",
            centre!(),
            $submitter,
            " ORDER BY r.submitted_at DESC, r.instance_id DESC LIMIT $7 OFFSET $8"
        )
    };
}

macro_rules! count_centre {
    ($submitter:literal) => {
        concat!("SELECT count(*)", centre!(), $submitter)
    };
}

static LIST_CENTRE: Sql = Sql::both(
    list_centre!(" AND ($6 = '' OR $6 LIKE '%,' || lower(hex(r.submitter_id)) || ',%')"),
    list_centre!(" AND ($6 = '' OR $6 LIKE '%,' || encode(r.submitter_id, 'hex') || ',%')"),
);
static COUNT_CENTRE: Sql = Sql::both(
    count_centre!(" AND ($6 = '' OR $6 LIKE '%,' || lower(hex(r.submitter_id)) || ',%')"),
    count_centre!(" AND ($6 = '' OR $6 LIKE '%,' || encode(r.submitter_id, 'hex') || ',%')"),
);

pub(crate) static ALL: &[&Sql] = &[
    &INSERT_WORKFLOW,
    &UPDATE_WORKFLOW,
    &LOAD_WORKFLOW,
    &FIND_WORKFLOW,
    &LIST_WORKFLOWS,
    &COUNT_WORKFLOWS,
    &LIST_ENTITIES,
    &COUNT_ENTITIES,
    &LIST_CENTRE,
    &COUNT_CENTRE,
];
