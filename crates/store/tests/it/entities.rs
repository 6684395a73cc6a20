//! Objects and their approvals: each change needs the revision before it, and one trigger has one open approval.

use crate::databases::{on_both, workspace};
use crate::requests::{act, commenting, load, request, somebody};
use serde_json::json;
use std::collections::BTreeMap;
use uuid::Uuid;
use zhupi_engine::entity::{Data, EntityType, FieldChange, Run, RunState, Timing};
use zhupi_engine::ids::{InstanceId, TemplateId, UserId};
use zhupi_store::{
    Change, Committed, Cursor, EntityEntry, EntityRow, EntityTypeRow, EntityWrite, EntryKind, Error, Page,
    RunRow, TriggerRow,
};

pub fn trigger(entity_type: &str) -> TriggerRow {
    TriggerRow {
        id: Uuid::now_v7(),
        entity_type: entity_type.to_owned(),
        template: TemplateId(Uuid::now_v7()),
        enabled: true,
        trigger: serde_json::from_value(json!({"name": "t", "on": "updated"})).unwrap(),
        revision: 1,
        created_by: UserId(Uuid::nil()),
        created_at: 1,
        updated_by: UserId(Uuid::nil()),
        updated_at: 1,
    }
}

pub fn row(id: &str) -> EntityRow {
    EntityRow {
        entity_type: "Contract".to_owned(),
        id: id.to_owned(),
        row_id: Uuid::now_v7(),
        data: Data::from_iter([("sn".to_owned(), json!(1))]),
        labels: BTreeMap::from([("sn".to_owned(), "编号".to_owned())]),
        title: "seven".to_owned(),
        deleted: false,
        revision: 1,
        created_by: UserId(Uuid::nil()),
        created_at: 1,
        updated_at: 1,
    }
}

pub fn run(id: &str, of: &TriggerRow) -> RunRow {
    let change = FieldChange { field: "sn".to_owned(), old: json!(1), new: json!(2) };
    RunRow {
        instance: InstanceId(Uuid::now_v7()),
        entity_type: "Contract".to_owned(),
        entity_id: id.to_owned(),
        trigger: of.id,
        template: of.template,
        run: Run {
            on: Timing::Updated,
            apply: Default::default(),
            changes: vec![change],
            state: RunState::Running,
            conflict: None,
        },
        submitter: UserId(Uuid::now_v7()),
        submitted_at: 1,
        settled_at: None,
    }
}

fn entry(entity: &EntityRow, run: Option<&RunRow>) -> EntityEntry {
    EntityEntry {
        revision: entity.revision,
        at: 1,
        actor: UserId(Uuid::nil()),
        kind: if run.is_some() { EntryKind::Asked } else { EntryKind::Changed },
        instance: run.map(|run| run.instance),
        changes: run.map(|run| run.run.changes.clone()).unwrap_or_default(),
    }
}

/// The first write of an object.
pub fn first(entity: EntityRow, run: Option<RunRow>) -> EntityWrite {
    let entries = vec![entry(&entity, run.as_ref())];
    EntityWrite { before: None, entity, run, entries }
}

fn next(entity: &EntityRow, run: Option<RunRow>) -> EntityWrite {
    let entity = EntityRow { revision: entity.revision + 1, ..entity.clone() };
    EntityWrite { before: Some(entity.revision - 1), ..first(entity, run) }
}

/// The change of an object that goes with the change of an instance at this version: the first one makes it.
pub fn step(version: u64) -> EntityWrite {
    let revision = i64::try_from(version).unwrap();
    let entity = EntityRow { revision, ..row("7") };
    EntityWrite { before: (version > 1).then_some(revision - 1), ..first(entity, None) }
}

#[tokio::test]
async fn an_object_changes_only_from_the_revision_before() {
    on_both(|store| async move {
        let (tenant, other) = (workspace(&store, "a").await, workspace(&store, "b").await);
        let begun = first(row("7"), None);
        store.write_entity(tenant, &begun, &[]).await.unwrap();
        assert_eq!(store.write_entity(tenant, &begun, &[]).await, Err(Error::Conflict));
        let second = next(&begun.entity, None);
        store.write_entity(tenant, &second, &[]).await.unwrap();
        assert_eq!(store.write_entity(tenant, &second, &[]).await, Err(Error::Conflict));
        assert_eq!(store.load_entity(tenant, "Contract", "7").await.unwrap(), Some(second.entity.clone()));
        assert_eq!(store.load_entity(other, "Contract", "7").await.unwrap(), None);
        let page = Page::first(1);
        let history = store.list_entity_history(tenant, "Contract", "7", &page).await.unwrap();
        assert_eq!(history.rows, second.entries);
        assert_eq!(history.next.map(|cursor| cursor.at), Some(2));
        let rest = Page { limit: 5, after: Some(Cursor::new(2, Uuid::nil())) };
        let history = store.list_entity_history(tenant, "Contract", "7", &rest).await.unwrap();
        assert_eq!(history.rows, begun.entries);
        let listed = store.list_entities(tenant, "Contract", &Page::first(9)).await.unwrap();
        assert_eq!(listed.rows, [second.entity]);
    })
    .await;
}

#[tokio::test]
async fn a_trigger_has_one_open_approval_for_each_object() {
    on_both(|store| async move {
        let tenant = workspace(&store, "a").await;
        let (one, other) = (trigger("Contract"), trigger("Contract"));
        store.put_entity_trigger(tenant, &one).await.unwrap();
        let running = run("7", &one);
        let begun = first(row("7"), Some(running.clone()));
        store.write_entity(tenant, &begun, &[]).await.unwrap();
        let again = next(&begun.entity, Some(run("7", &one)));
        assert_eq!(store.write_entity(tenant, &again, &[]).await, Err(Error::Conflict));
        assert_eq!(store.load_entity(tenant, "Contract", "7").await.unwrap(), Some(begun.entity.clone()));
        let beside = next(&begun.entity, Some(run("7", &other)));
        store.write_entity(tenant, &beside, &[]).await.unwrap();
        let open = store.list_open_runs(tenant, "Contract", "7").await.unwrap();
        assert_eq!(open, [running.clone(), beside.run.clone().unwrap()]);
        let mut ended = running.clone();
        ended.run.state = RunState::Dropped;
        ended.settled_at = Some(5);
        let end = next(&beside.entity, Some(ended.clone()));
        store.write_entity(tenant, &end, &[]).await.unwrap();
        let open = store.list_open_runs(tenant, "Contract", "7").await.unwrap();
        assert_eq!(open, [beside.run.unwrap()]);
        assert_eq!(store.load_entity_run(tenant, running.instance).await.unwrap(), Some(ended));
        let anew = next(&end.entity, Some(run("7", &one)));
        store.write_entity(tenant, &anew, &[]).await.unwrap();
        assert_eq!(store.count_entity_runs(tenant, "Contract", "7", one.id).await.unwrap(), 2);
        let runs = store.list_entity_runs(tenant, "Contract", "7", &Page::first(2)).await.unwrap();
        assert_eq!(runs.rows[0], anew.run.unwrap());
        assert!(runs.next.is_some());
    })
    .await;
}

#[tokio::test]
async fn conflicts_are_listed_until_they_are_settled() {
    on_both(|store| async move {
        let tenant = workspace(&store, "a").await;
        let mut stuck = run("7", &trigger("Contract"));
        stuck.run.state = RunState::Conflict;
        let begun = first(row("7"), Some(stuck.clone()));
        store.write_entity(tenant, &begun, &[]).await.unwrap();
        let conflicts = store.list_entity_conflicts(tenant, &Page::first(9)).await.unwrap();
        assert_eq!(conflicts.rows, [stuck.clone()]);
        stuck.run.state = RunState::Applied;
        store.write_entity(tenant, &next(&begun.entity, Some(stuck)), &[]).await.unwrap();
        assert_eq!(store.list_entity_conflicts(tenant, &Page::first(9)).await.unwrap().rows, []);
    })
    .await;
}

#[tokio::test]
async fn sorts_and_triggers_change_only_from_the_revision_before() {
    on_both(|store| async move {
        let tenant = workspace(&store, "a").await;
        let sort: EntityType = serde_json::from_value(json!({"key": "Vehicle", "name": "车辆"})).unwrap();
        let row = EntityTypeRow { sort, revision: 1, updated_by: UserId(Uuid::nil()), updated_at: 1 };
        store.put_entity_type(tenant, &row).await.unwrap();
        assert_eq!(store.put_entity_type(tenant, &row).await, Err(Error::Conflict));
        let second = EntityTypeRow { revision: 2, ..row };
        store.put_entity_type(tenant, &second).await.unwrap();
        assert_eq!(store.put_entity_type(tenant, &second).await, Err(Error::Conflict));
        assert_eq!(store.list_entity_types(tenant).await.unwrap(), [second]);
        let one = trigger("Vehicle");
        store.put_entity_trigger(tenant, &one).await.unwrap();
        assert_eq!(store.put_entity_trigger(tenant, &one).await, Err(Error::Conflict));
        let off = TriggerRow { enabled: false, revision: 2, ..one };
        store.put_entity_trigger(tenant, &off).await.unwrap();
        assert_eq!(store.list_entity_triggers(tenant).await.unwrap(), std::slice::from_ref(&off));
        assert_eq!(store.list_enabled_triggers(tenant, "Vehicle").await.unwrap(), []);
        assert_eq!(store.load_entity_trigger(tenant, off.id).await.unwrap(), Some(off));
    })
    .await;
}

#[tokio::test]
async fn an_instance_and_its_object_change_together_or_not_at_all() {
    on_both(|store| async move {
        let tenant = workspace(&store, "a").await;
        let begun = first(row("7"), None);
        store.write_entity(tenant, &begun, &[]).await.unwrap();
        let asked = request(somebody(), &[somebody()], 1);
        let beginning = |entity: EntityWrite| {
            let mut change = Change::first(tenant, &asked, act(asked.initiator, 1, "submit"), None).unwrap();
            change.entity = Some(entity);
            store.commit(change)
        };
        let running = RunRow { instance: asked.id, ..run("7", &trigger("Contract")) };
        let mut late = next(&begun.entity, Some(running.clone()));
        late.before = Some(7);
        assert_eq!(beginning(late).await, Ok(Committed::Conflict));
        assert_eq!(store.load_instance(tenant, asked.id).await.unwrap(), None);
        assert_eq!(store.load_entity_run(tenant, asked.id).await.unwrap(), None);
        let fresh = next(&begun.entity, Some(running.clone()));
        assert_eq!(beginning(fresh.clone()).await, Ok(Committed::Done));
        assert_eq!(beginning(next(&fresh.entity, None)).await, Ok(Committed::Conflict), "it has begun");
        let stored = load(&store, tenant, asked.id).await;
        let mut over = running;
        over.run.state = RunState::Applied;
        let mut change = commenting(tenant, &stored, somebody(), 2);
        change.entity = Some(next(&fresh.entity, Some(over.clone())));
        assert_eq!(store.commit(change).await, Ok(Committed::Done));
        assert_eq!(load(&store, tenant, asked.id).await.instance.version, 2);
        assert_eq!(store.load_entity_run(tenant, asked.id).await.unwrap(), Some(over.clone()));
        let latest = store.list_latest_runs(tenant, "Contract", "7", 20).await.unwrap();
        assert_eq!(latest, [(over, load(&store, tenant, asked.id).await)]);
        assert_eq!(store.list_latest_runs(tenant, "Contract", "8", 20).await.unwrap(), []);
        assert_eq!(store.load_entity(tenant, "Contract", "7").await.unwrap().unwrap().revision, 3);
    })
    .await;
}
