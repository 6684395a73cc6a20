//! What the CRM surface keeps: a workflow and its trigger change together, each from the revision before; and its lists.

use crate::databases::{on_both, workspace};
use crate::entities::{first, row, run, trigger};
use uuid::Uuid;
use zhupi_engine::ids::{TemplateId, UserId};
use zhupi_store::{CrmCentre, CrmScope, CrmWorkflow, Error, TriggerRow};

fn workflow(number: i64) -> CrmWorkflow {
    CrmWorkflow {
        template: TemplateId(Uuid::now_v7()),
        number,
        body: "{}".to_owned(),
        created_by: UserId(Uuid::nil()),
        created_at: 1,
        updated_by: UserId(Uuid::nil()),
        updated_at: 1,
        revision: 1,
    }
}

fn trigger_of(workflow: &CrmWorkflow) -> TriggerRow {
    let (id, template) = (workflow.template.0, workflow.template);
    TriggerRow { id, template, revision: workflow.revision, ..trigger("Contract") }
}

#[tokio::test]
async fn a_workflow_changes_only_from_the_revision_before() {
    on_both(|store| async move {
        let (tenant, other) = (workspace(&store, "a").await, workspace(&store, "b").await);
        let first = workflow(1);
        store.put_crm_workflow(tenant, &first, &trigger_of(&first)).await.unwrap();
        let next = CrmWorkflow { revision: 2, body: "[]".to_owned(), ..first.clone() };
        let off = TriggerRow { enabled: false, ..trigger_of(&next) };
        store.put_crm_workflow(tenant, &next, &off).await.unwrap();
        assert_eq!(store.put_crm_workflow(tenant, &next, &off).await, Err(Error::Conflict));
        assert_eq!(store.load_crm_workflow(tenant, 1).await.unwrap(), Some(next.clone()));
        assert_eq!(store.find_crm_workflow(tenant, first.template).await.unwrap(), Some(next));
        assert_eq!(store.list_enabled_triggers(tenant, "Contract").await.unwrap(), []);
        let second = workflow(2);
        store.put_crm_workflow(tenant, &second, &trigger_of(&second)).await.unwrap();
        let found = store.list_enabled_triggers(tenant, "Contract").await.unwrap();
        assert_eq!(found, [trigger_of(&second)]);
        assert_eq!(store.list_crm_workflows(tenant, 1, 0).await.unwrap(), (vec![second], 2));
        assert_eq!(store.load_crm_workflow(other, 1).await.unwrap(), None);
        assert_eq!(store.list_crm_workflows(other, 9, 0).await.unwrap(), (vec![], 0));
    })
    .await;
}

#[tokio::test]
async fn only_objects_with_numbers_are_listed_the_greatest_first() {
    on_both(|store| async move {
        let tenant = workspace(&store, "a").await;
        for id in ["9", "10", "x", "007"] {
            store.write_entity(tenant, &first(row(id), None), &[]).await.unwrap();
        }
        let (rows, count) = store.list_crm_entities(tenant, "Contract", 1, 0).await.unwrap();
        assert_eq!((rows[0].id.as_str(), count), ("10", 2));
    })
    .await;
}

#[tokio::test]
async fn a_record_without_an_instance_is_not_listed() {
    on_both(|store| async move {
        let tenant = workspace(&store, "a").await;
        let workflow = workflow(1);
        store.put_crm_workflow(tenant, &workflow, &trigger_of(&workflow)).await.unwrap();
        let run = run("7", &trigger_of(&workflow));
        let submitter = run.submitter;
        store.write_entity(tenant, &first(row("7"), Some(run)), &[]).await.unwrap();
        let asked = CrmCentre {
            person: submitter,
            scope: CrmScope::Submission,
            entity_types: vec!["Contract".to_owned()],
            submitters: Some(vec![submitter]),
            statuses: vec![],
            limit: 10,
            offset: 0,
        };
        assert_eq!(store.list_crm_records(tenant, &asked).await.unwrap(), (vec![], 0));
    })
    .await;
}
