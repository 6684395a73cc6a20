//! What the CRM surface keeps: each change needs the revision before it, and a record that cannot begin leaves no trace.

use crate::databases::{on_both, workspace};
use uuid::Uuid;
use zhupi_engine::ids::{InstanceId, TemplateId, UserId};
use zhupi_store::{CrmCentre, CrmEntity, CrmRecord, CrmScope, CrmWorkflow, Error};

fn workflow(number: i64) -> CrmWorkflow {
    CrmWorkflow {
        template: TemplateId(Uuid::now_v7()),
        number,
        entity_type: "Contract".to_owned(),
        trigger_timing: "created".to_owned(),
        enabled: true,
        body: "{}".to_owned(),
        created_by: UserId(Uuid::nil()),
        created_at: 1,
        updated_by: UserId(Uuid::nil()),
        updated_at: 1,
        revision: 1,
    }
}

fn entity(revision: i64) -> CrmEntity {
    CrmEntity {
        entity_type: "Contract".to_owned(),
        entity_id: 7,
        data: "{}".to_owned(),
        staged: None,
        labels: "{}".to_owned(),
        main_field: "seven".to_owned(),
        instance: None,
        revision,
        created_at: 1,
        updated_at: revision,
    }
}

fn record(workflow: &CrmWorkflow) -> CrmRecord {
    CrmRecord {
        instance: InstanceId(Uuid::now_v7()),
        number: 1,
        entity_type: "Contract".to_owned(),
        entity_id: 7,
        template: workflow.template,
        trigger_timing: "created".to_owned(),
        submitter: UserId(Uuid::nil()),
        submitter_uid: 5,
        submitted_at: 1,
    }
}

#[tokio::test]
async fn a_workflow_changes_only_from_the_revision_before() {
    on_both(|store| async move {
        let (tenant, other) = (workspace(&store, "a").await, workspace(&store, "b").await);
        let first = workflow(1);
        store.put_crm_workflow(tenant, &first).await.unwrap();
        let next = CrmWorkflow { revision: 2, enabled: false, ..first.clone() };
        store.put_crm_workflow(tenant, &next).await.unwrap();
        assert_eq!(store.put_crm_workflow(tenant, &next).await, Err(Error::Conflict));
        assert_eq!(store.load_crm_workflow(tenant, 1).await.unwrap(), Some(next.clone()));
        assert_eq!(store.find_crm_workflow(tenant, first.template).await.unwrap(), Some(next));
        assert_eq!(store.find_crm_triggered(tenant, "Contract", "created").await.unwrap(), []);
        let second = workflow(2);
        store.put_crm_workflow(tenant, &second).await.unwrap();
        let found = store.find_crm_triggered(tenant, "Contract", "created").await.unwrap();
        assert_eq!(found, std::slice::from_ref(&second));
        assert_eq!(store.list_crm_workflows(tenant, 1, 0).await.unwrap(), (vec![second], 2));
        assert_eq!(store.load_crm_workflow(other, 1).await.unwrap(), None);
        assert_eq!(store.list_crm_workflows(other, 9, 0).await.unwrap(), (vec![], 0));
    })
    .await;
}

#[tokio::test]
async fn an_object_is_claimed_by_one_record_and_given_back() {
    on_both(|store| async move {
        let tenant = workspace(&store, "a").await;
        let record = record(&workflow(1));
        let claimed = CrmEntity { instance: Some(record.instance), ..entity(1) };
        store.put_crm_entity(tenant, &claimed, Some(&record)).await.unwrap();
        assert_eq!(store.put_crm_entity(tenant, &entity(1), None).await, Err(Error::Conflict));
        assert_eq!(store.put_crm_entity(tenant, &entity(3), None).await, Err(Error::Conflict));
        assert_eq!(store.load_crm_record(tenant, 1).await.unwrap(), Some(record.clone()));
        assert_eq!(store.count_crm_records(tenant, "Contract", 7, record.template).await.unwrap(), 1);
        store.undo_crm_record(tenant, &claimed, None, &record).await.unwrap();
        assert_eq!(store.load_crm_entity(tenant, "Contract", 7).await.unwrap(), None);
        assert_eq!(store.find_crm_record(tenant, record.instance).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn what_somebody_changed_since_is_not_given_back() {
    on_both(|store| async move {
        let tenant = workspace(&store, "a").await;
        let record = record(&workflow(1));
        store.put_crm_entity(tenant, &entity(1), None).await.unwrap();
        let claimed = CrmEntity { instance: Some(record.instance), ..entity(2) };
        store.put_crm_entity(tenant, &claimed, Some(&record)).await.unwrap();
        let changed = CrmEntity { instance: Some(record.instance), ..entity(3) };
        store.put_crm_entity(tenant, &changed, Some(&record)).await.unwrap();
        store.undo_crm_record(tenant, &claimed, Some(&entity(1)), &record).await.unwrap();
        assert_eq!(store.load_crm_entity(tenant, "Contract", 7).await.unwrap(), Some(changed.clone()));
        store.undo_crm_record(tenant, &changed, Some(&entity(1)), &record).await.unwrap();
        let back = CrmEntity { revision: 4, ..entity(1) };
        assert_eq!(store.list_crm_entities(tenant, "Contract", 5, 0).await.unwrap(), (vec![back], 1));
    })
    .await;
}

#[tokio::test]
async fn a_record_without_an_instance_is_not_listed() {
    on_both(|store| async move {
        let tenant = workspace(&store, "a").await;
        let workflow = workflow(1);
        let record = record(&workflow);
        store.put_crm_workflow(tenant, &workflow).await.unwrap();
        store.put_crm_entity(tenant, &entity(1), Some(&record)).await.unwrap();
        let asked = CrmCentre {
            person: record.submitter,
            scope: CrmScope::Submission,
            entity_types: vec!["Contract".to_owned()],
            submitter_uids: vec![5],
            statuses: vec![],
            limit: 10,
            offset: 0,
        };
        assert_eq!(store.list_crm_records(tenant, &asked).await.unwrap(), (vec![], 0));
    })
    .await;
}
